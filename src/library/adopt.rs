//! Taking in what other programs trained: a log that lies somewhere, or a training that was followed live.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::kind::RECORDING;
use super::recording::{About, LOG, VERSION};
use super::{LibraryError, new_place};
use crate::files;
use crate::recording::{Recorder, Recording, is_claimed};

/// How deep a folder of logs is looked into, and the most that is copied.
const DEEPEST: usize = 4;
const MOST_FILES: usize = 4096;
const MOST_BYTES: u64 = 4 << 30;

/// A training that was followed while another program made it.
pub struct Followed<'a> {
    pub name: &'a str,
    /// What trained, such as `torch 2.15`.
    pub program: &'a str,
    pub settings: BTreeMap<String, String>,
    pub recording: &'a Recording,
    /// Whether it said that it had ended.
    pub finished: bool,
    /// Updates from the one that each change was for to the one it took effect at.
    pub latencies: Vec<u64>,
    /// How long it was followed.
    pub seconds: Option<f64>,
}

/// Copies a log, or the logs of a folder, into the library. Returns the folder they lie in.
///
/// # Errors
/// When it is no log that is known, is too large, or the library cannot be written to.
pub fn adopt(library: &Path, log: &Path) -> Result<PathBuf, LibraryError> {
    let bad = |why: String| LibraryError::BadFile { path: log.to_owned(), why };
    let recorder = Recorder::open(log).map_err(|error| bad(error.to_string()))?;
    let name = recorder.name().to_owned();
    let source = log.canonicalize().unwrap_or_else(|_| log.to_owned());
    let mut copied = Vec::new();
    if log.is_dir() {
        claimed(log, Path::new(""), 0, &mut copied);
    } else {
        copied.push(log.file_name().map(PathBuf::from).unwrap_or_default());
    }
    let from = |file: &Path| if log.is_dir() { log.join(file) } else { log.to_owned() };
    let bytes: u64 = copied.iter().filter_map(|file| fs::metadata(from(file)).ok()).map(|it| it.len()).sum();
    if copied.len() >= MOST_FILES || bytes > MOST_BYTES {
        return Err(bad(format!("at most {MOST_FILES} files and 4 GiB of logs are taken in")));
    }
    let place = new_place(library, &name)?;
    for file in &copied {
        let to = place.join(LOG).join(file);
        let copy = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(from(file), &to));
        copy.map_err(|cause| LibraryError::Write { path: to.clone(), cause })?;
    }
    let about = About {
        anneal_recording: VERSION,
        log: match copied.first() {
            Some(file) if !log.is_dir() => format!("{LOG}/{}", file.display()),
            _ => LOG.to_owned(),
        },
        name,
        source: source.display().to_string(),
        settings: BTreeMap::new(),
        finished: true,
        latencies: Vec::new(),
        seconds: None,
    };
    say_what(&place, &about)?;
    Ok(place)
}

/// The files below a folder that start like a log.
fn claimed(root: &Path, below: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(root.join(below)) else { return };
    let mut names: Vec<_> = entries.flatten().collect();
    names.sort_by_key(fs::DirEntry::file_name);
    for entry in names {
        let path = below.join(entry.file_name());
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth < DEEPEST {
            claimed(root, &path, depth + 1, found);
        } else if kind.is_file() && found.len() < MOST_FILES && is_claimed(&entry.path()) {
            found.push(path);
        }
    }
}

/// Writes down a training that was followed live, in place of what an earlier call wrote there.
///
/// # Errors
/// When the folder cannot be written to.
pub fn keep_at(place: &Path, followed: &Followed<'_>) -> Result<(), LibraryError> {
    let folder = place.join(LOG);
    let path = folder.join("live.csv");
    let written = fs::create_dir_all(&folder)
        .and_then(|()| files::replace(&path, |file| table(io::BufWriter::new(file), followed.recording)));
    written.map_err(|cause| LibraryError::Write { path, cause })?;
    let about = About {
        anneal_recording: VERSION,
        name: followed.name.to_owned(),
        log: format!("{LOG}/live.csv"),
        source: format!("live: {}", followed.program),
        settings: followed.settings.clone(),
        finished: followed.finished,
        latencies: followed.latencies.clone(),
        seconds: followed.seconds,
    };
    say_what(place, &about)
}

/// The last file of a folder: from now on it is a recording's.
fn say_what(place: &Path, about: &About) -> Result<(), LibraryError> {
    let path = place.join(RECORDING);
    let failed = |cause| LibraryError::Write { path: path.clone(), cause };
    let text = serde_json::to_string_pretty(about).map_err(|error| failed(error.into()))?;
    files::replace(&path, |file| writeln!(file, "{text}")).map_err(failed)
}

/// Every series as a column, a line for each update at which something was measured.
fn table(mut to: impl Write, recording: &Recording) -> io::Result<()> {
    let mut cells: BTreeMap<u64, BTreeMap<usize, f64>> = BTreeMap::new();
    for (at, named) in recording.series.iter().enumerate() {
        for bucket in named.points.finest() {
            cells.entry(bucket.last_update).or_default().insert(at, bucket.last);
        }
    }
    let mut names: Vec<String> = vec!["step".to_owned()];
    let mut known: BTreeSet<String> = BTreeSet::new();
    for named in &recording.series {
        // Names that the reader of tables takes for names.
        let is_name = |c: char| c.is_alphanumeric() || "_-/.:@ ()%".contains(c);
        let mut name = named.name.replace(|c| !is_name(c), "_");
        while !known.insert(name.clone()) || name == "step" {
            name.push('_');
        }
        names.push(name);
    }
    let mut writer = csv::Writer::from_writer(&mut to);
    writer.write_record(&names)?;
    for (update, line) in &cells {
        let value = |at: usize| line.get(&at).map(ToString::to_string).unwrap_or_default();
        let line = std::iter::once(update.to_string()).chain((0..recording.series.len()).map(value));
        writer.write_record(line)?;
    }
    writer.flush()?;
    drop(writer);
    to.flush()
}
