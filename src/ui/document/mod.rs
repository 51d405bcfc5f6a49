//! The edited experiment: its runs' identities, its history, and what is saved of it.

mod history;
mod kept;
mod presets;
mod runs;
mod state;

use std::path::PathBuf;
use std::sync::Arc;

pub use kept::{Kept, KeptError};
pub use presets::{Preset, first, name_of, presets};
pub use state::Row;

use crate::experiment::{Experiment, Run};
use crate::schedule::Schedule;
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

    /// Whether replicas of a run may be given other rates: a controller moves each by what it sees of itself.
    pub fn parts(&self, id: RunId) -> bool {
        self.run(id).is_some_and(|run| run.controller.is_some())
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

    /// Changes one run; see [`Self::edit`]. A name that says what the schedule is follows it.
    pub fn edit_run(&mut self, id: RunId, change: impl FnOnce(&mut Run)) {
        let Some(at) = self.position(id) else { return };
        let follows = self.run(id).map(|run| (name_of(run), &run.name));
        let follows = follows.filter(|(schedule, name)| is_named_after(name, schedule));
        let before = follows.map(|(schedule, _)| schedule);
        self.edit(|experiment| {
            if let Some(run) = experiment.runs.get_mut(at) {
                change(run);
            }
        });
        if let Some(before) = before
            && let Some(now) = self.run(id).map(name_of).filter(|now| *now != before)
        {
            self.rename(id, &now.to_lowercase());
        }
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

    fn position(&self, id: RunId) -> Option<usize> {
        self.state.rows.iter().position(|row| row.id == id)
    }

    /// Notes that the state changed.
    fn record(&mut self, before: Arc<State>) {
        if before != self.state {
            self.history.record(before);
            self.generation += 1;
        }
    }
}

/// Whether a run's name is what its schedule is called, perhaps with a number after it.
fn is_named_after(name: &str, schedule: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], " ");
    let name = plain(name);
    let rest = name.strip_prefix(&plain(schedule));
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == ' '))
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
    fn another_document_shares_no_run_with_the_one_before() {
        let old = document();
        let new = document().succeeding(&old);
        assert!(new.generation() > old.generation() && !new.is_dirty());
        assert!(new.runs().all(|(new, _)| old.runs().all(|(old, _)| old.id != new.id)));
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
