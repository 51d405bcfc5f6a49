//! The change log of an experiment file: read, verified, and added to.

use std::fmt::{self, Display};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entry::NOTHING;
use super::{Entry, beside, sha256};
use crate::files;

/// Bytes of the longest line: an experiment file of 4 MiB whose every character is escaped.
const LONGEST: usize = 32 << 20;
/// Bytes of the longest log that is read.
const LARGEST: u64 = 512 << 20;
/// How often a log that another process writes is tried again, ten milliseconds apart.
const TRIES: usize = 300;

/// Where a log ends: its last entry's number and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub number: u64,
    pub hash: String,
}

impl Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.trim().split_once(':');
        let head = parts.and_then(|(number, hash)| Some((number.parse().ok()?, hash)));
        match head {
            Some((number, hash)) if super::unhex::<32>(hash).is_some() => {
                Ok(Self { number, hash: hash.to_ascii_lowercase() })
            }
            _ => Err(format!("{text:?} is no NUMBER:HASH, as `anneal history FILE --verify` prints it")),
        }
    }
}

/// What is wrong with a log. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("line {line}: {why}")]
    Line { line: u64, why: String },
    #[error(
        "line {line}: entry {expected} is missing here, entry {found} follows: lines were removed or reordered"
    )]
    Number { line: u64, expected: u64, found: u64 },
    #[error("line {line}: it does not follow the line before: a line was replaced, removed or reordered")]
    Link { line: u64 },
    #[error("line {line}: it is cut short")]
    Cut { line: u64 },
    #[error("the log ends at entry {last}, and {anchor} knows entry {head}: lines at its end were removed")]
    Truncated { last: u64, head: u64, anchor: &'static str },
    #[error("entry {number} is another one than {anchor} knows: the log was written anew")]
    Rewritten { number: u64, anchor: &'static str },
    #[error("{anchor} stops at entry {head}, and the log goes on to {last}: put the newer one back")]
    Behind { head: u64, last: u64, anchor: &'static str },
    #[error("{0} is missing: what was cut off at the end of the log could not be seen")]
    NoHead(String),
    #[error("{0} cannot be understood")]
    BadHead(String),
}

/// Why a log cannot be read or added to.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("cannot read {}: {cause}", file.display())]
    Read { file: PathBuf, cause: io::Error },
    #[error("cannot write {}: {cause}", file.display())]
    Write { file: PathBuf, cause: io::Error },
    #[error("{} is damaged ({fault}): put a good copy back, or move it and its head away to begin a new one", file.display())]
    Damaged { file: PathBuf, fault: Fault },
}

/// The log of one experiment file.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// As far as they can be read, oldest first.
    pub entries: Vec<Entry>,
    /// The hashes of the entries.
    hashes: Vec<String>,
    /// What is wrong with it, in the order of the lines.
    pub faults: Vec<Fault>,
    /// A last line whose writer died; it says nothing, and the next writer removes it.
    torn: Option<u64>,
    exists: bool,
}

/// What a file's log is called in sentences about its head.
const HEAD_FILE: &str = "the head beside it";

impl History {
    pub fn log(file: &Path) -> PathBuf {
        beside(file, "history.jsonl")
    }

    fn head_file(file: &Path) -> PathBuf {
        beside(file, "history.head")
    }

    /// Reads and verifies the log beside an experiment file; an empty one where there is none.
    ///
    /// The chain finds what was edited, removed or reordered between the first line and the last. Lines removed at
    /// its end are found by what is written elsewhere: the head beside the log, the heads that signatures name, and
    /// any that is given to [`History::anchored`].
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(file: &Path) -> Result<Self, HistoryError> {
        let path = Self::log(file);
        let failed = |cause| HistoryError::Read { file: path.clone(), cause };
        let log = match files::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened.map_err(failed)?),
        };
        let mut history = Self { exists: log.is_some(), ..Self::default() };
        if let Some(log) = log {
            if log.metadata().map_err(failed)?.len() > LARGEST {
                return Err(failed(io::ErrorKind::FileTooLarge.into()));
            }
            let mut lines = files::Lines::new(log, LONGEST);
            let mut number = 0;
            let mut end = 0;
            while let Some(line) = lines.next_line().map_err(failed)? {
                number += 1;
                match line.strip_suffix(b"\n") {
                    Some(whole) => history.take(number, &String::from_utf8_lossy(whole)),
                    None => history.torn = Some(end),
                }
                end += line.len() as u64;
            }
        }
        history.compare_head(file)?;
        Ok(history)
    }

    fn take(&mut self, line: u64, text: &str) {
        let (entry, hash) = match Entry::read(text) {
            Ok(read) => read,
            Err(why) => return self.faults.push(Fault::Line { line, why }),
        };
        let expected = self.entries.last().map_or(1, |last| last.number + 1);
        let follows = self.hashes.last().map_or(NOTHING, String::as_str);
        if entry.number != expected {
            self.faults.push(Fault::Number { line, expected, found: entry.number });
        } else if entry.previous != follows {
            self.faults.push(Fault::Link { line });
        }
        self.entries.push(entry);
        self.hashes.push(hash);
    }

    /// Holds the log against the head beside it.
    fn compare_head(&mut self, file: &Path) -> Result<(), HistoryError> {
        let path = Self::head_file(file);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let head = match files::read(&path, 4096) {
            Ok(bytes) => str::from_utf8(&bytes).ok().and_then(|text| text.parse::<Head>().ok()),
            Err(files::ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                // The first entry's writer may have died before it wrote the head.
                if self.entries.len() > 1 {
                    self.faults.push(Fault::NoHead(name));
                }
                return Ok(());
            }
            Err(error) => return Err(HistoryError::Read { file: path, cause: error.into() }),
        };
        let Some(head) = head else {
            self.faults.push(Fault::BadHead(name));
            return Ok(());
        };
        // A writer that died in the middle of a line had not yet written the head; here the line was whole once.
        if self.torn.is_some() && self.last() < head.number {
            self.faults.push(Fault::Cut { line: self.entries.len() as u64 + 1 });
        }
        self.faults.extend(self.anchored(&head, HEAD_FILE));
        // A writer that died between the line and the head leaves the head one behind.
        if head.number + 1 < self.last() {
            self.faults.push(Fault::Behind { head: head.number, last: self.last(), anchor: HEAD_FILE });
        }
        Ok(())
    }

    fn last(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.number)
    }

    /// What is wrong with the log where `head` was its end at some time. `anchor` says who knows that.
    pub fn anchored(&self, head: &Head, anchor: &'static str) -> Option<Fault> {
        let at = self.entries.iter().position(|entry| entry.number == head.number);
        match at.and_then(|at| self.hashes.get(at)) {
            Some(hash) if *hash == head.hash => None,
            Some(_) => Some(Fault::Rewritten { number: head.number, anchor }),
            None => Some(Fault::Truncated { last: self.last(), head: head.number, anchor }),
        }
    }

    /// Whether there is a log.
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// Whether a writer died in the middle of the last line, which says nothing.
    pub fn is_torn(&self) -> bool {
        self.torn.is_some()
    }

    /// Where it ends.
    pub fn head(&self) -> Option<Head> {
        let (entry, hash) = (self.entries.last()?, self.hashes.last()?);
        Some(Head { number: entry.number, hash: hash.clone() })
    }

    /// Whether the newest entry is of these bytes.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        self.entries.last().is_some_and(|entry| entry.sha256 == sha256(bytes))
    }

    /// Adds entries to the log of an experiment file. `make` is given the log as it is and says what follows, with
    /// numbers and links left open.
    ///
    /// # Errors
    /// When the log is damaged, is written by somebody else for seconds, or cannot be written.
    pub(super) fn append(
        file: &Path,
        make: impl FnOnce(&Self) -> io::Result<Vec<Entry>>,
    ) -> Result<Self, HistoryError> {
        let path = Self::log(file);
        let failed = |cause| HistoryError::Write { file: path.clone(), cause };
        // Its own lock, since the folder's belongs to trainings for as long as they take.
        let mut log = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed)?;
        let mut tries = 0;
        while let Err(error) = log.try_lock() {
            tries += 1;
            if tries > TRIES {
                return Err(failed(io::Error::other(error)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut history = Self::read(file)?;
        if let Some(fault) = history.faults.first() {
            return Err(HistoryError::Damaged { file: path.clone(), fault: fault.clone() });
        }
        if let Some(end) = history.torn.take() {
            log.set_len(end).map_err(failed)?;
        }
        let entries = make(&history).map_err(failed)?;
        for mut entry in entries {
            entry.number = history.last() + 1;
            entry.previous = history.hashes.last().map_or(NOTHING, String::as_str).to_owned();
            let (line, hash) = entry.line().map_err(|error| failed(error.into()))?;
            log.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
            history.entries.push(entry);
            history.hashes.push(hash);
            log.sync_data().map_err(failed)?;
            // After every line, so that the head is never more than one behind.
            if let Some(head) = history.head() {
                let there = Self::head_file(file);
                files::replace(&there, |to| writeln!(to, "{head}"))
                    .map_err(|cause| HistoryError::Write { file: there, cause })?;
            }
        }
        history.exists = true;
        Ok(history)
    }
}
