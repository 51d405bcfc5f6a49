//! What the library's panels keep: which of its runs are wanted, and what the index answered.

use std::path::PathBuf;

use eframe::egui::Context;

use super::answer::{Answer, Key, answer};
use super::chosen::{Lane, MOST_FAMILIES, MOST_LANES, Shown};
use crate::jobs::Job;
use crate::library::{Filter, Index, LibraryError, Marks};
use crate::ui::landing::Follower;
use crate::ui::latest::Latest;
use crate::ui::studio::Studio;

pub struct State {
    /// The library's folder, as [`crate::ui::view::View::library`] has it.
    folder: String,
    /// A folder that is being typed: half of its name may be another folder's, which nobody wants to be read.
    pub typed: Option<String>,
    pub filter: Filter,
    /// Whether runs that differ in their seed only are one line.
    pub grouped: bool,
    pub chosen: Vec<Lane>,
    /// A tag and a note that are being typed, and the training that the note is of.
    pub tag: String,
    pub note: Option<(String, String)>,
    shown: Shown,
    look: u64,
    /// How often the index was changed since.
    changed: u64,
    looked: Option<(PathBuf, u64)>,
    pub answers: Latest<Key, Result<Answer, String>>,
    /// Work that puts something into the library.
    pub landing: Option<Job<Result<String, String>>>,
    /// Whether live runs are kept, too.
    pub keeps_live: bool,
    pub follower: Follower,
}

impl Default for State {
    fn default() -> Self {
        Self {
            folder: String::new(),
            typed: None,
            filter: Filter::default(),
            grouped: true,
            chosen: Vec::new(),
            tag: String::new(),
            note: None,
            shown: Shown::default(),
            look: 0,
            changed: 0,
            looked: None,
            answers: Latest::default(),
            landing: None,
            keeps_live: false,
            follower: Follower::default(),
        }
    }
}

impl State {
    fn key(&self) -> Key {
        Key {
            library: self.library(),
            filter: self.filter.clone(),
            shown: self.shown,
            grouped: self.grouped,
            chosen: self.chosen.clone(),
            look: (self.look, self.changed),
        }
    }

    /// The library's folder; empty where none is named.
    pub fn library(&self) -> PathBuf {
        PathBuf::from(self.folder.trim())
    }

    /// Looks at the files once more.
    pub fn look_again(&mut self) {
        self.look += 1;
    }

    /// Asks the index once more, which was brought up to date already.
    pub fn ask_again(&mut self) {
        self.changed += 1;
    }

    /// Chooses these lanes of one run, or lets go of them.
    pub fn toggle(&mut self, lanes: Vec<Lane>) {
        if lanes.iter().all(|lane| self.chosen.contains(lane)) {
            self.chosen.retain(|lane| !lanes.contains(lane));
            return;
        }
        for lane in lanes {
            if !self.chosen.contains(&lane) && self.chosen.len() < MOST_LANES {
                self.chosen.push(lane);
            }
        }
        let mut families: Vec<&str> = Vec::new();
        for lane in self.chosen.iter().rev() {
            if !families.contains(&lane.family.as_str()) {
                families.push(&lane.family);
            }
        }
        if let Some(oldest) = families.get(MOST_FAMILIES).map(|family| (*family).to_owned()) {
            self.chosen.retain(|lane| lane.family != oldest);
        }
    }

    /// Asks the index where what is shown is not what is wanted.
    fn renew(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        let key = self.key();
        if key.library.as_os_str().is_empty() || self.answers.of(&key).is_some() {
            return;
        }
        self.answers.cancel_unless(|pending| *pending == key);
        if self.answers.is_pending() {
            return;
        }
        // Only a new library, or one that is to be looked at again, is read from its files.
        let scanned = Some((key.library.clone(), self.look));
        let scans = self.looked != scanned;
        self.looked = scanned;
        let asked = key.clone();
        match Job::spawn("library", wake, move |_| answer(&asked, scans).map_err(|error| error.to_string())) {
            Ok(job) => self.answers.renew(key, job),
            Err(error) => self.answers.set(key, Err(format!("no thread for the library: {error}"))),
        }
    }

    /// Changes what people added to a training.
    pub fn mark(&mut self, folder: &str, change: impl FnOnce(&mut Marks)) -> Result<(), LibraryError> {
        Index::open(&self.library())?.mark(folder.as_ref(), change)?;
        self.ask_again();
        Ok(())
    }
}

/// Keeps the answer fresh while one of the panels is on screen.
pub fn keep_fresh(studio: &mut Studio, ctx: &Context, shown: Shown) {
    let ctx = ctx.clone();
    let folder = studio.view.library.clone();
    let state = studio.panels.of::<State>();
    state.shown = shown;
    state.folder = folder;
    state.renew(move || ctx.request_repaint());
}

pub fn is_waiting(studio: &Studio) -> bool {
    studio.panels.peek::<State>().is_some_and(|state| {
        let key = state.key();
        !key.library.as_os_str().is_empty() && state.answers.of(&key).is_none()
    })
}
