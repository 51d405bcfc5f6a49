//! What the library panel keeps: which library, which of its runs, and what the index answered.

use std::path::PathBuf;

use eframe::egui::Context;

use crate::jobs::Job;
use crate::library::{Criteria, Filter, Index, LaneRecord, LibraryError, Marks, Measures, Row, differing};
use crate::ui::latest::Latest;
use crate::ui::studio::Studio;

/// Runs whose curves are compared at most: there are so many colours.
pub const MOST_CHOSEN: usize = 8;

/// What of the library is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    #[default]
    Runs,
    Executive,
    OnCall,
    Debug,
}

/// One run under one seed, by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub folder: String,
    pub run: String,
    pub replica: u32,
}

impl Lane {
    pub fn of(row: &Row) -> Self {
        Self { folder: row.folder.clone(), run: row.run.clone(), replica: row.replica }
    }
}

/// What an answer was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Key {
    library: PathBuf,
    filter: Filter,
    /// Whether the measures are wanted, which takes every run's record.
    measured: bool,
    chosen: Vec<Lane>,
    /// How often the files were to be looked at.
    look: u64,
}

/// What the index says.
pub struct Answer {
    pub rows: Vec<Row>,
    pub criteria: Criteria,
    /// What converged means for these runs.
    pub converged: Vec<String>,
    pub measures: Option<Measures>,
    /// The chosen runs that are still there.
    pub chosen: Vec<(Lane, LaneRecord)>,
    /// In what the chosen runs differ.
    pub differs: Vec<String>,
    /// What could not be read, in sentences.
    pub problems: Vec<String>,
}

pub struct State {
    pub folder: String,
    pub filter: Filter,
    pub tab: Tab,
    pub chosen: Vec<Lane>,
    /// A tag that is being typed.
    pub tag: String,
    look: u64,
    looked: Option<(PathBuf, u64)>,
    pub answers: Latest<Key, Result<Answer, String>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            folder: std::env::var("ANNEAL_LIBRARY").unwrap_or_default(),
            filter: Filter::default(),
            tab: Tab::default(),
            chosen: Vec::new(),
            tag: String::new(),
            look: 0,
            looked: None,
            answers: Latest::default(),
        }
    }
}

impl State {
    fn key(&self) -> Key {
        Key {
            library: PathBuf::from(self.folder.trim()),
            filter: self.filter.clone(),
            measured: matches!(self.tab, Tab::Executive),
            chosen: self.chosen.clone(),
            look: self.look,
        }
    }

    /// Looks at the files once more.
    pub fn look_again(&mut self) {
        self.look += 1;
    }

    /// Chooses a run, or lets go of it.
    pub fn toggle(&mut self, lane: Lane) {
        match self.chosen.iter().position(|one| *one == lane) {
            Some(at) => drop(self.chosen.remove(at)),
            None => self.chosen.push(lane),
        }
        if self.chosen.len() > MOST_CHOSEN {
            self.chosen.remove(0);
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
        let scanned = Some((key.library.clone(), key.look));
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
        Index::open(self.folder.trim().as_ref())?.mark(folder.as_ref(), change)?;
        self.look_again();
        Ok(())
    }
}

fn answer(key: &Key, scans: bool) -> Result<Answer, LibraryError> {
    if !key.library.is_dir() {
        let why = "there is no folder of this name".to_owned();
        return Err(LibraryError::BadFile { path: key.library.clone(), why });
    }
    let mut index = Index::open(&key.library)?;
    let mut problems = Vec::new();
    if scans {
        problems = index.refresh(|_, _| {})?.refused;
    }
    problems.extend(index.problems()?.into_iter().map(|(folder, problem)| format!("{folder}: {problem}")));
    let criteria = index.criteria()?;
    let rows = index.rows(&key.filter)?;
    let mut converged = Vec::new();
    let mut measures = None;
    if key.measured {
        let records = index.records(&key.filter)?;
        converged = records.iter().map(|entry| criteria.words(&entry.lane)).collect();
        converged.sort();
        converged.dedup();
        measures = Some(Measures::of(&records, &criteria));
    }
    let mut chosen = Vec::new();
    for lane in &key.chosen {
        if let Some(record) = index.record(&lane.folder, &lane.run, lane.replica)? {
            chosen.push((lane.clone(), record));
        }
    }
    let differs = differing(chosen.iter().map(|(_, record)| record));
    Ok(Answer { rows, criteria, converged, measures, chosen, differs, problems })
}

pub fn poll(studio: &mut Studio, on_screen: bool) -> bool {
    let state = studio.panels.of::<State>();
    state.answers.poll(|| Err("the index stopped without an answer".to_owned()));
    on_screen && state.answers.is_pending()
}

/// Keeps the answer fresh while the panel is on screen.
pub fn keep_fresh(studio: &mut Studio, ctx: &Context) {
    let ctx = ctx.clone();
    studio.panels.of::<State>().renew(move || ctx.request_repaint());
}

pub fn is_waiting(studio: &Studio) -> bool {
    studio.panels.peek::<State>().is_some_and(|state| {
        let key = state.key();
        !key.library.as_os_str().is_empty() && state.answers.of(&key).is_none()
    })
}
