//! What outlives the studio: unsaved work, histories, preferences and recent files, written beside the interface.

mod histories;
mod preferences;
mod recent;
mod saver;
mod sessions;

use std::path::{Path, PathBuf};

pub use preferences::Preferences;
pub use saver::Saver;
pub use sessions::{Leftover, leftovers};

use super::document::{Document, Kept};
use super::misses::Misses;
use super::progress::Progress;
use crate::experiment::Experiment;
use crate::files::Places;
use recent::Recent;
use sessions::Session;

/// Keeps what is handed to it, on a thread of its own.
pub struct Keeper {
    places: Places,
    saver: Saver,
    /// The folder of this start's work, made with the first edit.
    session: Option<Session>,
    /// What was noted last, so that nothing is written twice.
    noted: Option<(u64, u64)>,
    preferences: Preferences,
    answers: Progress,
    misses: Misses,
    recent: Recent,
    /// Unsaved work of starts that did not end well, newest first.
    leftovers: Vec<Leftover>,
    /// Work that was taken up again, and what has to be on the disk before its old place is cleared.
    taken_up: Vec<(Leftover, u64)>,
    /// The number of the newest work that was handed in.
    newest: u64,
    problems: Vec<String>,
}

impl Keeper {
    /// Reads what was kept. `wake` is called when something could not be written.
    ///
    /// # Errors
    /// When the system gives no thread to write on.
    pub fn start(places: &Places, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let mut problems = Vec::new();
        let preferences = Preferences::open(&places.config).unwrap_or_else(|error| {
            problems.push(error);
            Preferences::default()
        });
        let answers = Progress::open(&places.state).unwrap_or_else(|error| {
            problems.push(error);
            Progress::default()
        });
        let misses = Misses::open(&places.state).unwrap_or_else(|error| {
            problems.push(error);
            Misses::default()
        });
        Ok(Self {
            answers,
            misses,
            places: places.clone(),
            saver: Saver::start(wake)?,
            session: None,
            noted: None,
            preferences,
            recent: Recent::open(&places.state),
            leftovers: leftovers(&places.state),
            taken_up: Vec::new(),
            newest: 0,
            problems,
        })
    }

    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// Notes the preferences there are now.
    pub fn prefer(&mut self, now: Preferences) {
        if self.preferences != now {
            let text = now.clone();
            self.saver.put(Preferences::path(&self.places.config), move || Ok(text.to_toml()));
            self.preferences = now;
        }
    }

    /// What was answered to lessons.
    pub fn answers(&self) -> &Progress {
        &self.answers
    }

    /// Notes the answers there are now.
    pub fn note_answers(&mut self, now: &Progress) {
        if self.answers != *now {
            let text = now.clone();
            self.saver.put(Progress::path(&self.places.state), move || Ok(text.to_toml()));
            self.answers.clone_from(now);
        }
    }

    /// How far forecasts missed the runs that came.
    pub fn misses(&self) -> &Misses {
        &self.misses
    }

    /// Notes the misses there are now.
    pub fn note_misses(&mut self, now: &Misses) {
        if self.misses != *now {
            let text = now.clone();
            self.saver.put(Misses::path(&self.places.state), move || Ok(text.to_toml()));
            self.misses.clone_from(now);
        }
    }

    /// The files that were opened or saved last, newest first.
    pub fn recent(&self) -> &[PathBuf] {
        self.recent.paths()
    }

    /// Notes that a file was opened or saved.
    pub fn opened(&mut self, path: &Path) {
        // Another studio may have opened something meanwhile.
        self.recent = Recent::open(&self.places.state);
        if self.recent.add(path) {
            let recent = self.recent.clone();
            self.saver.put(Recent::path(&self.places.state), move || recent.to_json());
        }
    }

    /// Notes what the document is now; what is the same as before costs nothing.
    pub fn note(&mut self, document: &Document) {
        let stamp = document.stamp();
        let before = self.noted.replace(stamp);
        // What nobody edited is in its file.
        if before == Some(stamp) || before.is_none() && !document.is_dirty() {
            return;
        }
        if self.session.is_none() {
            match Session::begin(&self.places.state) {
                Ok(session) => self.session = Some(session),
                Err(error) => {
                    let text = format!("Edits that are not saved cannot be kept for after a crash: {error}");
                    self.problems.push(text);
                    return;
                }
            }
        }
        if let Some(session) = &self.session {
            let kept = document.kept();
            let sequence = self.saver.put(session.work(), move || Ok(kept.to_json()?));
            self.newest = sequence;
            for (_, wanted) in self.taken_up.iter_mut().filter(|(_, wanted)| *wanted == u64::MAX) {
                *wanted = sequence;
            }
        }
        self.clear();
    }

    /// The number of the newest work that was noted, and the number up to which all is on the disk.
    pub fn progress(&self) -> (u64, u64) {
        (self.newest, self.saver.written())
    }

    /// Unsaved work of an earlier start, if any waits to be taken up.
    pub fn offer(&self) -> Option<&Leftover> {
        self.leftovers.first()
    }

    /// Takes up the work on offer. It is cleared once it is kept as this start's.
    pub fn take_up(&mut self) -> Option<Kept> {
        if !matches!(self.leftovers.first(), Some(leftover) if leftover.work.is_ok()) {
            return None;
        }
        let leftover = self.leftovers.remove(0);
        let kept = leftover.work.as_ref().ok().cloned();
        self.taken_up.push((leftover, u64::MAX));
        // Its identity is this start's from now on.
        self.noted = Some((0, 0));
        kept
    }

    /// Gives the work on offer up.
    pub fn give_up(&mut self) {
        if !self.leftovers.is_empty() {
            self.leftovers.remove(0).remove();
        }
    }

    /// The history of a file that still says what it said when the studio left it.
    pub fn history_of(&self, path: &Path, experiment: &Experiment) -> Option<Kept> {
        let kept = histories::read(&self.places.state, path)?;
        kept.has_saved(experiment).then(|| kept.as_saved())
    }

    /// Keeps the history of a document that another takes the place of, or that is closed.
    pub fn leave(&mut self, document: &Document) {
        if document.path().is_some() && (document.can_undo() || document.can_redo()) {
            let kept = document.kept().as_saved();
            if let Some(path) = kept.path() {
                let place = histories::place(&self.places.state, path);
                self.saver.put(place, move || Ok(kept.to_json()?));
            }
        }
    }

    /// Writes what is still to be written and ends. `work` says whether unsaved work is to be there after another
    /// start: where it was discarded, it is not.
    pub fn finish(&mut self, work: bool) {
        self.saver.finish();
        self.clear();
        histories::thin(&self.places.state);
        if !work && let Some(session) = self.session.take() {
            session.remove();
        }
    }

    /// What could not be read or written, once each.
    pub fn problems(&mut self) -> Vec<String> {
        let mut problems = std::mem::take(&mut self.problems);
        problems.extend(self.saver.problems());
        problems
    }

    /// Removes work that was taken up and is on the disk in its new place.
    fn clear(&mut self) {
        let written = self.saver.written();
        let (done, waits) =
            std::mem::take(&mut self.taken_up).into_iter().partition(|(_, wanted)| *wanted <= written);
        self.taken_up = waits;
        let done: Vec<(Leftover, u64)> = done;
        done.into_iter().for_each(|(leftover, _)| leftover.remove());
    }
}
