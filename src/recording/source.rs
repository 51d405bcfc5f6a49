//! One file, or the event files of one folder, read and read on.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::RecordingError;
use super::build::Builder;
use super::dialect::{Claim, Way, names};
use super::events::EventReader;
use super::head::{Head, SNIFFED};
use super::lines::{LineReader, MAX_LINE};
use super::progress::{Counted, Progress};
use crate::files;

/// The bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// What is read, and as far as it was.
pub(super) struct Source {
    /// What the recordings of this source are called beside others; empty where it stands alone.
    pub name: String,
    pub claim: Claim,
    /// Whether new files beside these belong to it.
    is_folder: bool,
    files: Vec<Reading>,
    pub builder: Builder,
}

struct Reading {
    path: PathBuf,
    reader: Reader,
    /// Bytes read, or the length of a document.
    offset: u64,
    /// What was read and not yet taken in: the beginning of a line or a record.
    tail: Vec<u8>,
    /// The last line had no end and was taken in all the same.
    took_tail: bool,
    /// Within a line that is too long.
    skipping: bool,
}

enum Reader {
    Lines(Box<dyn LineReader>),
    Whole(fn(&mut dyn BufRead, &mut Builder) -> Result<(), String>),
    Events(EventReader),
}

impl Source {
    /// What these files of one dialect hold; several only of event files.
    ///
    /// # Errors
    /// When a file cannot be read, or is malformed.
    pub fn open(
        name: &str,
        paths: &[PathBuf],
        claim: &Claim,
        is_folder: bool,
        progress: &Progress,
    ) -> Result<Self, RecordingError> {
        let mut source = Self {
            name: name.to_owned(),
            claim: claim.clone(),
            is_folder,
            files: Vec::new(),
            builder: Builder::new(claim.dialect.name),
        };
        for path in paths {
            source.files.push(Reading::new(path, reader(path, &head(path)?, claim)?));
        }
        for file in &mut source.files {
            file.read(&mut source.builder, claim, progress)?;
        }
        Ok(source)
    }

    /// Reads what was added since; whether anything was.
    pub fn poll(&mut self) -> Result<bool, RecordingError> {
        let mut added = self.take_new_files()?;
        let mut again = false;
        for file in &mut self.files {
            let length = fs::metadata(&file.path).map_err(|cause| unreadable(&file.path, cause))?.len();
            if length == file.offset {
                continue;
            }
            added = true;
            // Written anew, or a last line that was taken in went on.
            again |= length < file.offset || file.took_tail || matches!(file.reader, Reader::Whole(_));
        }
        if again {
            let paths: Vec<PathBuf> = self.files.iter().map(|file| file.path.clone()).collect();
            let claim = self.claim.clone();
            *self = Self::open(&self.name, &paths, &claim, self.is_folder, &Progress::default())?;
        } else if added {
            for file in &mut self.files {
                file.read(&mut self.builder, &self.claim, &Progress::default())?;
            }
        }
        Ok(added)
    }
}

impl Source {
    /// A training that is resumed writes another event file beside its first.
    fn take_new_files(&mut self) -> Result<bool, RecordingError> {
        let folder = match (self.claim.dialect.way, self.files.last()) {
            (Way::Events, Some(last)) if self.is_folder => last.path.parent().map(Path::to_owned),
            _ => None,
        };
        let Some(folder) = folder else { return Ok(false) };
        let entries = fs::read_dir(&folder).map_err(|cause| unreadable(&folder, cause))?;
        let mut new: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().contains("tfevents"))
            .filter(|path| !self.files.iter().any(|file| file.path == *path))
            .collect();
        new.sort();
        for path in &new {
            let mut file = Reading::new(path, Reader::Events(EventReader::default()));
            file.read(&mut self.builder, &self.claim, &Progress::default())?;
            self.files.push(file);
        }
        Ok(!new.is_empty())
    }
}

fn reader(path: &Path, head: &Head, claim: &Claim) -> Result<Reader, RecordingError> {
    let no_table = || RecordingError::Unrecognised { file: path.to_owned(), known: names() };
    Ok(match claim.dialect.way {
        Way::Lines(reader) => Reader::Lines(reader(head)),
        Way::Table(reader) => Reader::Lines(reader(head).ok_or_else(no_table)?),
        Way::Whole(read) => Reader::Whole(read),
        Way::Events => Reader::Events(EventReader::default()),
    })
}

pub(super) fn unreadable(path: &Path, cause: io::Error) -> RecordingError {
    RecordingError::Read { file: path.to_owned(), cause }
}

/// The start of a file.
///
/// # Errors
/// When it is no regular file, cannot be read, or is empty.
pub(super) fn head(path: &Path) -> Result<Head, RecordingError> {
    let meta = fs::metadata(path).map_err(|cause| unreadable(path, cause))?;
    // A pipe or a device may have no end.
    if !meta.is_file() {
        return Err(RecordingError::NotRegular { file: path.to_owned() });
    }
    let mut start = Vec::new();
    let file = files::open(path).map_err(|cause| unreadable(path, cause))?;
    file.take(SNIFFED as u64).read_to_end(&mut start).map_err(|cause| unreadable(path, cause))?;
    if start.trim_ascii().is_empty() {
        return Err(RecordingError::Empty { file: path.to_owned() });
    }
    Ok(Head::new(path, &start))
}

impl Reading {
    fn new(path: &Path, reader: Reader) -> Self {
        let (offset, tail) = (0, Vec::new());
        Self { path: path.to_owned(), reader, offset, tail, took_tail: false, skipping: false }
    }

    fn read(&mut self, to: &mut Builder, claim: &Claim, progress: &Progress) -> Result<(), RecordingError> {
        let failed = |path: &Path, cause| unreadable(path, cause);
        let mut file = files::open(&self.path).map_err(|cause| failed(&self.path, cause))?;
        if let Reader::Whole(read) = &self.reader {
            let length = file.metadata().map_err(|cause| failed(&self.path, cause))?.len();
            let counted = Counted { from: file.take(length), progress };
            let mut from = BufReader::with_capacity(CHUNK, counted);
            read(&mut from, to).map_err(|why| RecordingError::Malformed {
                file: self.path.clone(),
                dialect: claim.dialect.name,
                why,
            })?;
            self.offset = length;
            return Ok(());
        }
        file.seek(SeekFrom::Start(self.offset)).map_err(|cause| failed(&self.path, cause))?;
        self.feed(&mut Counted { from: file, progress }, to)
    }

    /// Takes in all that the source still has.
    fn feed(&mut self, from: &mut dyn Read, to: &mut Builder) -> Result<(), RecordingError> {
        loop {
            let before = self.tail.len();
            let read = from.take(CHUNK as u64).read_to_end(&mut self.tail);
            read.map_err(|cause| unreadable(&self.path, cause))?;
            let read = self.tail.len() - before;
            if read == 0 {
                break;
            }
            if self.offset == 0 && self.tail.starts_with(b"\xef\xbb\xbf") {
                self.tail.drain(..3);
            }
            self.offset += read as u64;
            self.take_in(to);
        }
        if let Reader::Lines(reader) = &mut self.reader {
            if !self.tail.trim_ascii().is_empty() && !self.skipping {
                reader.lines(&self.tail, to);
                self.took_tail = true;
            }
            self.tail.clear();
            reader.finish(to);
        }
        Ok(())
    }

    /// Hands over the whole lines, or records, of what was read.
    fn take_in(&mut self, to: &mut Builder) {
        let taken = match &mut self.reader {
            Reader::Events(reader) => reader.bytes(&self.tail, to),
            Reader::Lines(reader) => {
                let from = if self.skipping {
                    let Some(end) = self.tail.iter().position(|byte| *byte == b'\n') else {
                        self.tail.clear();
                        return;
                    };
                    self.skipping = false;
                    end + 1
                } else {
                    0
                };
                match self.tail.iter().rposition(|byte| *byte == b'\n') {
                    Some(end) => {
                        reader.lines(&self.tail[from..=end], to);
                        end + 1
                    }
                    // Progress bars write one line for ever: its parts are lines too.
                    None => match self.tail.iter().rposition(|byte| *byte == b'\r') {
                        Some(end) => {
                            reader.lines(&self.tail[from..=end], to);
                            end + 1
                        }
                        None if self.tail.len() > MAX_LINE => {
                            to.left_out().count("lines of more than a megabyte");
                            self.skipping = true;
                            self.tail.len()
                        }
                        None => 0,
                    },
                }
            }
            Reader::Whole(_) => 0,
        };
        self.tail.drain(..taken);
    }
}

/// Reads what stands in no file, a stream that begins with this head.
pub(super) fn stream(
    path: &Path,
    head: &Head,
    from: &mut dyn BufRead,
    claim: &Claim,
) -> Result<Builder, RecordingError> {
    let mut builder = Builder::new(claim.dialect.name);
    if let Way::Whole(read) = claim.dialect.way {
        let (file, dialect) = (path.to_owned(), claim.dialect.name);
        read(from, &mut builder).map_err(|why| RecordingError::Malformed { file, dialect, why })?;
        return Ok(builder);
    }
    Reading::new(path, reader(path, head, claim)?).feed(from, &mut builder)?;
    Ok(builder)
}
