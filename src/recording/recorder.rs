//! Opens a recording and follows it while its file grows.

use std::fs;
use std::io::{BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

use super::build::Builder;
use super::dialect::{Claim, Dialect, claim, names};
use super::evidence::Evidence;
use super::head::SNIFFED;
use super::progress::Progress;
use super::source::{self, Source};
use super::{Head, LeftOut, Log, Recording, RecordingError, folder};

/// The recordings of a file or a folder, as far as it is written.
pub struct Recorder {
    path: PathBuf,
    name: String,
    sources: Vec<Source>,
    /// What was passed over in a folder.
    notes: Vec<String>,
}

impl Recorder {
    /// Reads all that is there. Memory is bounded whatever the length (see [`Builder`]).
    ///
    /// # Errors
    /// When it is no log that is known, cannot be read, or has no number in it.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        Self::open_as(path, None, &Progress::default())
    }

    /// As [`Recorder::open`], saying how far it is.
    ///
    /// # Errors
    /// As [`Recorder::open`].
    pub fn open_watched(path: &Path, progress: &Progress) -> Result<Self, RecordingError> {
        Self::open_as(path, None, progress)
    }

    /// As [`Recorder::open`], but as this dialect whatever the evidence is.
    ///
    /// # Errors
    /// As [`Recorder::open`].
    pub fn open_as(
        path: &Path,
        dialect: Option<&'static Dialect>,
        progress: &Progress,
    ) -> Result<Self, RecordingError> {
        let length = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
        let unreadable = |cause| source::unreadable(path, cause);
        let name = path.file_stem().or(path.file_name());
        let name =
            name.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        let forced =
            dialect.map(|dialect| Claim { dialect, evidence: Evidence::new(100, "it was asked for") });
        let mut recorder = Self { path: path.to_owned(), name, sources: Vec::new(), notes: Vec::new() };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            let (groups, notes) = folder::find(path)?;
            recorder.notes = notes;
            progress.expect(groups.iter().flat_map(|group| &group.files).map(|file| length(file)).sum());
            for group in groups {
                let source = Source::open(&group.name, &group.files, &group.claim, true, progress)?;
                // A file without numbers is no reason not to show the others.
                if source.builder.has_numbers() {
                    recorder.sources.push(source);
                } else {
                    recorder.notes.push(format!("`{}` has no numbers in it", group.name));
                }
            }
            if recorder.sources.is_empty() {
                return Err(RecordingError::NoLogInFolder { file: path.to_owned(), known: names() });
            }
            return Ok(recorder);
        }
        let head = source::head(path)?;
        let claim = forced.or_else(|| claim(&head));
        let claim =
            claim.ok_or_else(|| RecordingError::Unrecognised { file: path.to_owned(), known: names() })?;
        progress.expect(length(path));
        let source = Source::open("", &[path.to_owned()], &claim, false, progress)?;
        some_numbers(path, &source.builder)?;
        recorder.sources.push(source);
        Ok(recorder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's or folder's name, without its ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of log, and what speaks for it.
    pub fn claim(&self) -> Option<&Claim> {
        self.sources.first().map(|source| &source.claim)
    }

    /// The recordings that have a number, each with a name of its own.
    pub fn recordings(&self) -> impl Iterator<Item = (String, &Recording)> {
        let all = self.sources.iter().flat_map(|source| {
            source.builder.log().recordings.iter().map(move |recording| (source.name.as_str(), recording))
        });
        let all = all.filter(|(_, recording)| recording.series.iter().any(|named| !named.points.is_empty()));
        all.map(|(source, recording)| {
            let parts = [source, recording.name.as_str()].into_iter().filter(|part| !part.is_empty());
            let name = parts.collect::<Vec<_>>().join(": ");
            (if name.is_empty() { self.name.clone() } else { name }, recording)
        })
    }

    /// What was left out or assumed, with counts.
    pub fn left_out(&self) -> LeftOut {
        let mut all = LeftOut::default();
        for note in &self.notes {
            all.note(note.clone());
        }
        for source in &self.sources {
            all.merge(&source.builder.log().left_out);
        }
        all
    }

    /// Reads what was added since; whether anything was.
    ///
    /// # Errors
    /// When a file is gone or cannot be read any more; what was read stays.
    pub fn poll(&mut self) -> Result<bool, RecordingError> {
        let mut added = false;
        for source in &mut self.sources {
            added |= source.poll()?;
        }
        Ok(added)
    }
}

fn some_numbers(path: &Path, builder: &Builder) -> Result<(), RecordingError> {
    if builder.has_numbers() {
        return Ok(());
    }
    Err(RecordingError::NoNumbers {
        file: path.to_owned(),
        dialect: builder.log().dialect,
        left_out: builder.log().left_out.to_string(),
    })
}

/// Whether a file starts like a log that is known.
pub fn is_claimed(path: &Path) -> bool {
    source::head(path).is_ok_and(|head| claim(&head).is_some())
}

/// What a text that stands in no file records, under a name for messages.
///
/// # Errors
/// As [`Recorder::open`].
pub fn read_text(name: &str, text: &[u8]) -> Result<Log, RecordingError> {
    read_from(name, text)
}

/// What a stream records, within a fixed memory, under a name for messages.
///
/// # Errors
/// As [`Recorder::open`].
pub fn read_from(name: &str, mut from: impl BufRead) -> Result<Log, RecordingError> {
    let path = PathBuf::from(name);
    let mut start = Vec::new();
    let read = from.by_ref().take(SNIFFED as u64).read_to_end(&mut start);
    read.map_err(|cause| source::unreadable(&path, cause))?;
    let head = Head::new(&path, &start);
    let claim =
        claim(&head).ok_or_else(|| RecordingError::Unrecognised { file: path.clone(), known: names() })?;
    let builder = source::stream(&path, &head, &mut Cursor::new(start).chain(from), &claim)?;
    some_numbers(&path, &builder)?;
    Ok(builder.into_log())
}
