//! The edited experiment: its runs' identities, its history, and what is saved of it.

mod history;
mod kept;
mod presets;
mod state;

use std::path::PathBuf;
use std::sync::Arc;

pub use kept::{Kept, KeptError};
pub use presets::{Preset, first, presets};
pub use state::Row;

use crate::experiment::{Experiment, Fork, Run};
use crate::schedule::{Schedule, Span};
use crate::train::ids::{Revision, RunId};
use history::History;
use state::State;

/// The experiment being edited.
#[derive(Debug)]
pub struct Document {
    /// States are shared with the history and with what is being written to disk.
    state: Arc<State>,
    saved: Arc<State>,
    history: History<Arc<State>>,
    generation: u64,
    saves: u64,
    next_id: u32,
    path: Option<PathBuf>,
}

impl Document {
    /// A document that has nothing unsaved, read from `path` if there is one.
    pub fn new(experiment: Experiment, path: Option<PathBuf>) -> Self {
        let mut next_id = 0;
        let rows = (0..experiment.runs.len())
            .map(|slot| {
                next_id += 1;
                Row { id: RunId(next_id), slot }
            })
            .collect();
        let state = Arc::new(State { experiment, rows });
        let (saved, history) = (Arc::clone(&state), History::default());
        Self { saved, state, history, generation: 1, saves: 0, next_id, path }
    }

    /// What of the document goes to disk, to be worked on again after another start.
    pub fn kept(&self) -> Kept {
        let (past, future) = self.history.states();
        Kept {
            path: self.path.clone(),
            next_id: self.next_id,
            present: Arc::clone(&self.state),
            saved: Arc::clone(&self.saved),
            past: past.to_vec(),
            future: future.to_vec(),
        }
    }

    /// The document that was kept, with its history.
    pub fn from_kept(kept: Kept) -> Self {
        let Kept { path, next_id, present, saved, past, future } = kept;
        let history = History::of(past, future);
        Self { state: present, saved, history, generation: 1, saves: 0, next_id, path }
    }

    /// Differs from what it was before whenever what is to be kept does.
    pub fn stamp(&self) -> (u64, u64) {
        (self.generation, self.saves)
    }

    pub fn experiment(&self) -> &Experiment {
        &self.state.experiment
    }

    pub fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }

    /// Counts edits, undone and redone ones too.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The document that takes the place of `old`: newer, and without a run that could be taken for one of its.
    #[must_use]
    pub fn succeeding(mut self, old: &Self) -> Self {
        self.generation = old.generation + 1;
        for state in [&mut self.state, &mut self.saved].into_iter().chain(self.history.states_mut()) {
            for row in &mut Arc::make_mut(state).rows {
                row.id.0 += old.next_id;
            }
        }
        self.next_id += old.next_id;
        self
    }

    /// The runs in order, with their identities.
    pub fn runs(&self) -> impl Iterator<Item = (Row, &Run)> {
        self.state.rows.iter().copied().zip(&self.state.experiment.runs)
    }

    /// The run of this identity.
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.runs().find(|(row, _)| row.id == id).map(|(_, run)| run)
    }

    /// The first run's identity.
    pub fn first(&self) -> Option<RunId> {
        self.state.rows.first().map(|row| row.id)
    }

    /// What the engine is to train.
    pub fn revision(&self) -> Arc<Revision> {
        Arc::new(Revision {
            generation: self.generation,
            experiment: self.state.experiment.clone(),
            ids: self.state.rows.iter().map(|row| row.id).collect(),
        })
    }

    /// Whether anything would be lost by closing.
    pub fn is_dirty(&self) -> bool {
        self.state != self.saved
    }

    /// Notes that what is here now is what the file at `path` holds.
    pub fn mark_saved(&mut self, path: PathBuf) {
        self.path = Some(path);
        self.saved = Arc::clone(&self.state);
        self.saves += 1;
    }

    /// Changes the experiment. Changes until [`Self::settle`] are one step of the history.
    pub fn edit(&mut self, change: impl FnOnce(&mut Experiment)) {
        let before = Arc::clone(&self.state);
        let experiment = &mut Arc::make_mut(&mut self.state).experiment;
        change(experiment);
        experiment.follow_phases();
        self.record(before);
    }

    /// Changes one run; see [`Self::edit`].
    pub fn edit_run(&mut self, id: RunId, change: impl FnOnce(&mut Run)) {
        let Some(at) = self.position(id) else { return };
        self.edit(|experiment| {
            if let Some(run) = experiment.runs.get_mut(at) {
                change(run);
            }
        });
    }

    /// Ends a gesture: the next change is a step of its own.
    pub fn settle(&mut self) {
        self.history.settle();
    }

    pub fn can_undo(&self) -> bool {
        self.history.can_undo()
    }

    pub fn can_redo(&self) -> bool {
        self.history.can_redo()
    }

    pub fn undo(&mut self) {
        if self.history.undo(&mut self.state) {
            self.generation += 1;
        }
    }

    pub fn redo(&mut self) {
        if self.history.redo(&mut self.state) {
            self.generation += 1;
        }
    }

    /// The schedule that a run had before the last step, where that step changed it.
    pub fn previous_schedule(&self, id: RunId) -> Option<&Schedule> {
        let before = self.history.last()?;
        let at = before.rows.iter().position(|row| row.id == id)?;
        let schedule = &before.experiment.runs.get(at)?.lr;
        let now = &self.run(id)?.lr;
        (schedule != now).then_some(schedule)
    }

    /// Adds a copy of a run after it, and says which it is.
    pub fn duplicate(&mut self, id: RunId) -> Option<RunId> {
        let run = self.run(id)?.clone();
        Some(self.insert(run, self.position(id)? + 1))
    }

    /// Adds a fork of a run that parts from it after `at` updates, below it and its other forks.
    pub fn fork(&mut self, id: RunId, at: u64) -> Option<RunId> {
        let origin = self.run(id)?;
        let name = format!("{}, fork at {at}", origin.name);
        let taken = |name: &str| self.runs().any(|(_, run)| run.name == name);
        let again = (2..).map(|number: u32| format!("{name} ({number})")).find(|name| !taken(name));
        let name = if taken(&name) { again.unwrap_or_default() } else { name };
        let fork = Some(Fork { of: origin.name.clone(), at: Span::Updates(at as f64) });
        let run = Run { name, fork, ..origin.clone() };
        let depth = self.depth(id);
        let below = self.runs().skip(self.position(id)? + 1);
        let family = below.take_while(|(row, _)| self.depth(row.id) > depth).count();
        Some(self.insert(run, self.position(id)? + 1 + family))
    }

    /// The run that a fork shares its past with, and for how long.
    pub fn origin(&self, id: RunId) -> Option<(RunId, Span)> {
        let fork = self.run(id)?.fork.as_ref()?;
        let (origin, _) = self.runs().find(|(_, run)| run.name == fork.of)?;
        Some((origin.id, fork.at))
    }

    /// How many forks lie between a run and one that is none.
    pub fn depth(&self, id: RunId) -> usize {
        std::iter::successors(self.origin(id), |(origin, _)| self.origin(*origin))
            .take(self.state.rows.len())
            .count()
    }

    /// A fork of the run, if it has any.
    pub fn fork_of(&self, id: RunId) -> Option<&Run> {
        let name = &self.run(id)?.name;
        self.runs().map(|(_, run)| run).find(|run| run.fork.as_ref().is_some_and(|fork| fork.of == *name))
    }

    /// Adds a run at the end, and says which it is.
    pub fn add(&mut self, run: Run) -> RunId {
        self.insert(run, self.state.rows.len())
    }

    /// Removes a run and the sweep of it; the last one stays, and so does one whose past a fork shares.
    pub fn remove(&mut self, id: RunId) {
        if self.state.rows.len() < 2 || self.fork_of(id).is_some() {
            return;
        }
        if let Some(at) = self.position(id) {
            let before = Arc::clone(&self.state);
            let state = Arc::make_mut(&mut self.state);
            state.rows.remove(at);
            let removed = state.experiment.runs.remove(at).name;
            state.experiment.sweep.take_if(|sweep| sweep.run == removed);
            self.record(before);
        }
    }

    /// Renames a run, for its forks as well; names stay unique.
    pub fn rename(&mut self, id: RunId, name: &str) {
        let name = name.trim();
        if name.is_empty() || self.run(id).is_none_or(|run| run.name == name) {
            return;
        }
        let name = self.free_name(name);
        let Some(at) = self.position(id) else { return };
        self.edit(|experiment| {
            let Some(run) = experiment.runs.get_mut(at) else { return };
            let old = std::mem::replace(&mut run.name, name.clone());
            let forks = experiment.runs.iter_mut().filter_map(|run| run.fork.as_mut());
            forks.filter(|fork| fork.of == old).for_each(|fork| fork.of.clone_from(&name));
            if let Some(sweep) = experiment.sweep.as_mut().filter(|sweep| sweep.run == old) {
                sweep.run = name;
            }
        });
    }

    fn insert(&mut self, mut run: Run, at: usize) -> RunId {
        let before = Arc::clone(&self.state);
        run.name = self.free_name(&run.name);
        self.next_id += 1;
        let id = RunId(self.next_id);
        let taken: Vec<usize> = self.state.rows.iter().map(|row| row.slot).collect();
        let slot = (0..=taken.len()).find(|slot| !taken.contains(slot)).unwrap_or(taken.len());
        let state = Arc::make_mut(&mut self.state);
        state.rows.insert(at, Row { id, slot });
        state.experiment.runs.insert(at, run);
        self.record(before);
        id
    }

    fn position(&self, id: RunId) -> Option<usize> {
        self.state.rows.iter().position(|row| row.id == id)
    }

    /// `name`, or with the first number after it that makes it unique.
    fn free_name(&self, name: &str) -> String {
        let taken = |name: &str| self.state.experiment.runs.iter().any(|run| run.name == name);
        if !taken(name) {
            return name.to_owned();
        }
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
        let stem = if stem.is_empty() { name } else { stem };
        (2..).map(|number: u32| format!("{stem} {number}")).find(|name| !taken(name)).unwrap_or_default()
    }

    fn record(&mut self, before: Arc<State>) {
        if before != self.state {
            self.history.record(before);
            self.generation += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::kind::{Constant, Value};
    use crate::schedule::{Clock, Kind};

    fn document() -> Document {
        let mut experiment = first().expect("the first experiment parses");
        let lr = Schedule::from(Kind::Constant(Constant { peak: 0.1 }));
        let plain = Run { lr, ..experiment.runs[0].clone() };
        experiment.runs = ["a", "b", "c"].map(|name| Run { name: name.to_owned(), ..plain.clone() }).to_vec();
        Document::new(experiment, None)
    }

    fn set_peak(document: &mut Document, id: RunId, peak: f64) {
        document.edit_run(id, |run| {
            run.lr.kind.set("peak", Value::Number(peak));
        });
    }

    #[test]
    fn a_gesture_is_one_step() {
        let mut document = document();
        let start = document.experiment().clone();
        let id = document.first().expect("a run");
        for peak in [0.2, 0.3, 0.4] {
            set_peak(&mut document, id, peak);
        }
        document.settle();
        set_peak(&mut document, id, 0.5);
        document.settle();
        document.undo();
        assert_eq!(document.run(id).and_then(|run| run.lr.kind.get("peak")), Some(Value::Number(0.4)));
        document.undo();
        assert_eq!(document.experiment(), &start);
        assert!(!document.can_undo());
        document.redo();
        assert_eq!(document.run(id).and_then(|run| run.lr.kind.get("peak")), Some(Value::Number(0.4)));
    }

    #[test]
    fn an_edit_that_changes_nothing_is_no_edit() {
        let mut document = document();
        let id = document.first().expect("a run");
        set_peak(&mut document, id, 0.1);
        assert_eq!(document.generation(), 1);
        assert!(!document.can_undo() && !document.is_dirty());
    }

    #[test]
    fn dirty_until_saved_or_undone() {
        let mut document = document();
        let id = document.first().expect("a run");
        set_peak(&mut document, id, 0.2);
        assert!(document.is_dirty());
        document.undo();
        assert!(!document.is_dirty());
        document.redo();
        document.mark_saved(PathBuf::from("x.toml"));
        assert!(!document.is_dirty());
    }

    #[test]
    fn runs_keep_identity_colour_and_unique_names() {
        let mut document = document();
        let first = document.first().expect("a run");
        let copy = document.duplicate(first).expect("a copy");
        assert_eq!(document.run(copy).map(|run| run.name.as_str()), Some("a 2"));
        let slots: Vec<usize> = document.runs().map(|(row, _)| row.slot).collect();
        assert_eq!(slots, [0, 3, 1, 2]);
        document.remove(first);
        let added = document.duplicate(copy).expect("a copy");
        assert!(document.runs().any(|(row, _)| row == Row { id: added, slot: 0 }));
        document.rename(added, "b");
        assert_eq!(document.run(added).map(|run| run.name.as_str()), Some("b 2"));
    }

    #[test]
    fn a_sweep_follows_the_name_of_its_run_and_goes_with_it() {
        let mut document = document();
        let first = document.first().expect("a run");
        let over = "[sweep]\nrun = \"a\"\n[sweep.over]\n\"lr.peak\" = [0.1, 0.2]\n";
        let text = format!("{}{over}", document.experiment().to_toml());
        let read = Experiment::parse(&text, "sweep.toml").expect("a sweep");
        document.edit(|experiment| *experiment = read);
        document.rename(first, "x");
        document.settle();
        let run = |document: &Document| document.experiment().sweep.as_ref().map(|sweep| sweep.run.clone());
        assert_eq!(run(&document), Some("x".to_owned()));
        document.remove(first);
        assert_eq!(run(&document), None);
        document.undo();
        assert_eq!(run(&document), Some("x".to_owned()));
    }

    #[test]
    fn another_document_shares_no_run_with_the_one_before() {
        let old = document();
        let new = document().succeeding(&old);
        assert!(new.generation() > old.generation() && !new.is_dirty());
        assert!(new.runs().all(|(new, _)| old.runs().all(|(old, _)| old.id != new.id)));
    }

    #[test]
    fn forks_follow_their_origin_and_keep_it() {
        let mut document = document();
        let a = document.first().expect("a run");
        let fork = document.fork(a, 400).expect("a fork");
        let again = document.fork(fork, 700).expect("a fork of it");
        let second = document.fork(a, 500).expect("another");
        let order: Vec<RunId> = document.runs().map(|(row, _)| row.id).take(4).collect();
        assert_eq!(order, [a, fork, again, second], "below its origin and the forks there");
        assert_eq!([a, fork, again, second].map(|id| document.depth(id)), [0, 1, 2, 1]);
        document.rename(a, "x");
        assert_eq!(document.origin(fork), Some((a, Span::Updates(400.0))));
        assert_eq!(document.run(fork).map(|run| run.name.as_str()), Some("a, fork at 400"));
        document.remove(a);
        assert!(document.run(a).is_some(), "its forks share its past");
        document.remove(second);
        document.remove(again);
        document.remove(fork);
        document.remove(a);
        assert!(document.run(a).is_none());
        let text = document.experiment().to_toml();
        assert!(Experiment::parse(&text, "x.toml").is_ok());
    }

    #[test]
    fn the_last_run_stays() {
        let mut document = document();
        let ids: Vec<RunId> = document.runs().map(|(row, _)| row.id).collect();
        for id in ids {
            document.remove(id);
        }
        assert_eq!(document.runs().count(), 1);
    }

    #[test]
    fn every_preset_resolves_at_every_length() {
        for updates in [10, 1000, 1_000_000] {
            let clock = Clock { updates, updates_per_epoch: updates.div_ceil(10) };
            for preset in presets() {
                let schedule = preset.schedule(0.1, clock);
                assert_eq!(schedule.kind.name(), preset.kind, "{} lacks a field", preset.name);
                let curve = schedule.resolve(clock);
                assert!(curve.is_ok(), "{} over {updates}: {curve:?}", preset.name);
            }
        }
    }
}
