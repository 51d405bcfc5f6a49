//! The runs of a document: which there are, in which order, what they are called, and whose colour is whose.

use std::sync::Arc;

use super::{Document, Row};
use crate::experiment::{Fork, Run};
use crate::schedule::Span;
use crate::train::ids::RunId;

impl Document {
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

    /// Moves a run with its forks to before another one that is no fork, or to the end; a fork stays below its origin.
    pub fn move_run(&mut self, id: RunId, before: Option<RunId>) {
        let Some(from) = self.position(id).filter(|_| self.depth(id) == 0) else { return };
        let is_fork = before.is_some_and(|before| self.depth(before) > 0);
        if before == Some(id) || is_fork {
            return;
        }
        let family = 1 + self.runs().skip(from + 1).take_while(|(row, _)| self.depth(row.id) > 0).count();
        let old = Arc::clone(&self.state);
        let state = Arc::make_mut(&mut self.state);
        let rows: Vec<Row> = state.rows.drain(from..from + family).collect();
        let runs: Vec<Run> = state.experiment.runs.drain(from..from + family).collect();
        let place = before.and_then(|before| state.rows.iter().position(|row| row.id == before));
        let place = place.unwrap_or(state.rows.len());
        state.rows.splice(place..place, rows);
        state.experiment.runs.splice(place..place, runs);
        self.record(old);
    }

    /// The run before or after a run among those that are no forks.
    pub fn neighbour(&self, id: RunId, after: bool) -> Option<RunId> {
        let roots: Vec<RunId> =
            self.runs().map(|(row, _)| row.id).filter(|id| self.depth(*id) == 0).collect();
        let at = roots.iter().position(|root| *root == id)?;
        roots.get(if after { at + 1 } else { at.checked_sub(1)? }).copied()
    }

    /// Gives a run another colour and marker. A run that has them takes over what it had.
    pub fn recolor(&mut self, id: RunId, slot: usize) {
        let Some(at) = self.position(id) else { return };
        let old = Arc::clone(&self.state);
        let state = Arc::make_mut(&mut self.state);
        let had = state.rows[at].slot;
        state.rows.iter_mut().filter(|row| row.slot == slot).for_each(|row| row.slot = had);
        state.rows[at].slot = slot;
        self.record(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Experiment;
    use crate::schedule::kind::Constant;
    use crate::schedule::{Clock, Kind, Schedule};
    use crate::ui::document::{first, presets};

    fn document() -> Document {
        let mut experiment = first().expect("the first experiment parses");
        let lr = Schedule::from(Kind::Constant(Constant { peak: 0.1 }));
        let plain = Run { lr, ..experiment.runs[0].clone() };
        experiment.runs = ["a", "b", "c"].map(|name| Run { name: name.to_owned(), ..plain.clone() }).to_vec();
        Document::new(experiment, None)
    }

    fn names(document: &Document) -> Vec<&str> {
        document.runs().map(|(_, run)| run.name.as_str()).collect()
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
    fn a_run_moves_with_its_forks_and_a_fork_stays_below_its_origin() {
        let mut document = document();
        let ids: Vec<RunId> = document.runs().map(|(row, _)| row.id).collect();
        let fork = document.fork(ids[0], 400).expect("a fork");
        document.settle();
        assert_eq!(
            (document.neighbour(ids[0], true), document.neighbour(ids[0], false)),
            (Some(ids[1]), None)
        );
        document.move_run(ids[0], Some(ids[2]));
        assert_eq!(names(&document), ["b", "a", "a, fork at 400", "c"]);
        document.settle();
        document.move_run(fork, None);
        document.move_run(ids[2], Some(fork));
        assert_eq!(names(&document), ["b", "a", "a, fork at 400", "c"], "neither is possible");
        document.move_run(ids[1], None);
        assert_eq!(names(&document), ["a", "a, fork at 400", "c", "b"]);
        document.undo();
        document.undo();
        assert_eq!(names(&document), ["a", "a, fork at 400", "b", "c"]);
    }

    #[test]
    fn a_colour_is_chosen_and_changed_for_that_of_the_run_that_had_it() {
        let mut document = document();
        let ids: Vec<RunId> = document.runs().map(|(row, _)| row.id).collect();
        let slots = |document: &Document| document.runs().map(|(row, _)| row.slot).collect::<Vec<_>>();
        document.recolor(ids[0], 2);
        assert_eq!(slots(&document), [2, 1, 0]);
        document.recolor(ids[1], 6);
        assert_eq!(slots(&document), [2, 6, 0]);
        let added = document.duplicate(ids[0]).expect("a copy");
        assert_eq!(document.runs().find(|(row, _)| row.id == added).map(|(row, _)| row.slot), Some(1));
    }

    #[test]
    fn a_name_follows_the_schedule_until_somebody_renames_the_run() {
        let clock = Clock { updates: 100, updates_per_epoch: 10 };
        let preset = |name: &str| presets().iter().find(|preset| preset.name == name).expect("a preset");
        let mut document = document();
        let ids: Vec<RunId> = document.runs().map(|(row, _)| row.id).collect();
        document.rename(ids[0], "constant");
        document.rename(ids[1], "constant 2");
        document.settle();
        for id in &ids {
            document.edit_run(*id, |run| preset("Warmup + cosine").apply(run, clock));
        }
        assert_eq!(names(&document), ["warmup + cosine", "warmup + cosine 2", "c"]);
        document.settle();
        document.edit_run(ids[0], |run| preset("Drawn by hand").apply(run, clock));
        assert_eq!(names(&document)[0], "drawn by hand");
        document.undo();
        assert_eq!(names(&document)[0], "warmup + cosine", "the name is of the same step");
    }
}
