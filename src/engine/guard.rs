//! Watching over the lanes: what goes wrong is told, and acted on as the policy says.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::protocol::Guard;
use crate::analysis::detect::{self, Context, Finding, Policy, Reaction, Remedy, Watch};
use crate::train::TrainError;
use crate::train::checkpoint::SavedLane;
use crate::train::cohort::{Change, Cohort};
use crate::train::ids::{LaneId, Revision, RunId};
use crate::train::lane::Lane;

/// Parts of a run that are worth a mark each.
const PARTS: u64 = 50;
/// A lane whose smoothed loss is this many times its best is in no good state to go back to.
const SOUND: f64 = 1.2;
/// How often a run's rate is halved before training pauses instead.
const HALVINGS: u32 = 8;

/// The watches over all lanes.
#[derive(Default)]
pub(super) struct Guards {
    guard: Guard,
    lanes: BTreeMap<LaneId, Watched>,
    halved: BTreeMap<RunId, u32>,
    /// The norm of the cohort's initial weights.
    norm: f64,
    /// Seconds spent training.
    seconds: f64,
}

/// An edit that the engine made by itself, for the document to follow.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnEdit {
    pub run: RunId,
    pub remedy: Remedy,
    /// What was done and why, in a sentence.
    pub why: String,
}

/// One lane's watch.
struct Watched {
    watch: Watch,
    /// The watch as it was along the way, to go back with its lane.
    marks: Vec<(u64, Watch)>,
    /// The updates it has read.
    read: u64,
    /// What was found in futures that were left.
    left: Vec<Finding>,
    /// Findings of the watch that are told already, and how often the last one was counted.
    told: usize,
    counted: u64,
    /// The newest state, good until its future shows otherwise, and the one before, which is.
    newest: Option<SavedLane>,
    good: Option<SavedLane>,
}

impl Watched {
    fn new(context: Context) -> Self {
        let watch = Watch::new(context);
        Self {
            marks: vec![(0, watch.clone())],
            watch,
            read: 0,
            left: Vec::new(),
            told: 0,
            counted: 0,
            newest: None,
            good: None,
        }
    }

    /// Reads what the lane measured since the last time, and says what is found for the first time.
    fn read(&mut self, lane: &Lane, stride: u64, seconds: f64) -> Vec<Finding> {
        if lane.update < self.read {
            self.go_back(lane.update);
        }
        let known = self.watch.findings().len();
        self.watch.read(&lane.log, self.read);
        self.watch.elapsed(seconds);
        self.read = lane.update;
        if self.marks.last().is_none_or(|(at, _)| at + stride <= self.read) {
            self.marks.push((self.read, self.watch.clone()));
        }
        self.watch.findings().get(known..).unwrap_or_default().to_vec()
    }

    /// The run was edited: from here on, and wherever the lane may go back to, it is another.
    fn edited(&mut self, context: &Context) {
        for watch in self.marks.iter_mut().map(|(_, mark)| mark).chain([&mut self.watch]) {
            watch.edited(context.clone());
        }
    }

    /// The lane went back to after `update` updates: so does its watch, and what it found since is of a
    /// future that was left.
    fn go_back(&mut self, update: u64) {
        self.marks.retain(|(at, _)| *at <= update);
        if let Some((at, mark)) = self.marks.last() {
            let watch = std::mem::replace(&mut self.watch, mark.clone());
            self.left.extend(watch.findings().iter().filter(|finding| finding.last >= *at).cloned());
            self.told = self.told.min(self.watch.findings().len());
        }
        self.read = update;
    }

    /// All findings, those of one kind as one; nothing when they are the same as at the last call.
    fn news(&mut self) -> Option<Arc<[Finding]>> {
        let now = self.watch.findings();
        let counted = now.iter().chain(&self.left).map(|finding| finding.count).sum();
        if std::mem::replace(&mut self.counted, counted) == counted {
            return None;
        }
        let mut all: Vec<Finding> = self.left.clone();
        all.extend_from_slice(now);
        let mut grouped: Vec<Finding> = Vec::new();
        for finding in all {
            match grouped.iter_mut().find(|known| known.kind == finding.kind) {
                Some(known) => {
                    known.first = known.first.min(finding.first);
                    known.last = known.last.max(finding.last);
                    known.count += finding.count;
                    known.evidence.extend(finding.evidence.last().cloned());
                }
                None => grouped.push(finding),
            }
        }
        Some(grouped.into())
    }
}

impl Guards {
    /// Updates between two marks.
    fn stride(updates: u64) -> u64 {
        (updates / PARTS).max(1)
    }

    /// How far training may go in one stretch, so that there is something good to go back to.
    pub fn stretch(&self, chunk: u64, updates: u64) -> u64 {
        if self.guard.policy == Policy::RollBack { chunk.min(Self::stride(updates)) } else { chunk }
    }

    /// Follows an edit of the experiment.
    pub fn follow(&mut self, cohort: &Cohort, change: &Change) {
        if change.rebuilt {
            self.clear();
            self.norm = detect::initial_norm(cohort.task());
        }
        for id in &change.dropped {
            self.lanes.remove(id);
        }
        for (ids, anew) in [(&change.reset, true), (&change.replanned, false)] {
            for id in ids {
                let Some(context) = self.context(cohort, id.run) else { continue };
                match self.lanes.get_mut(id) {
                    Some(watched) if !anew => watched.edited(&context),
                    _ => drop(self.lanes.insert(*id, Watched::new(context))),
                }
            }
        }
    }

    /// A lane took over what another had done after so many updates, and what was found in that with it.
    pub fn share(&mut self, cohort: &Cohort, from: LaneId, to: LaneId, update: u64) {
        let Some(context) = self.context(cohort, to.run) else { return };
        let marks = self.lanes.get(&from).map_or(&[][..], |watched| &watched.marks);
        let past: Vec<(u64, Watch)> = marks.iter().filter(|(at, _)| *at <= update).cloned().collect();
        let mut watched = Watched::new(context.clone());
        if let Some((_, newest)) = past.last() {
            watched.watch = newest.clone();
            watched.marks = past;
            watched.edited(&context);
        }
        watched.read = update;
        // Its origin has told them.
        watched.told = watched.watch.findings().len();
        self.lanes.insert(to, watched);
    }

    /// Watches over all lanes from their beginning.
    pub fn begin(&mut self, cohort: &Cohort) {
        self.clear();
        let reset = cohort.lanes().iter().map(|lane| lane.id).collect();
        self.follow(cohort, &Change { reset, ..Change::default() });
    }

    fn clear(&mut self) {
        self.lanes.clear();
        self.halved.clear();
        self.seconds = 0.0;
    }

    fn context(&self, cohort: &Cohort, run: RunId) -> Option<Context> {
        let Revision { experiment, ids, .. } = &**cohort.revision();
        let at = ids.iter().position(|id| *id == run)?;
        let context = Context::of(cohort.task(), experiment, at, self.norm).ok()?;
        Some(Context { runtime_cap: self.guard.time_limit, ..context })
    }

    /// What was found in a lane, when it is more than at the last call, and the findings not told yet.
    pub fn news(&mut self, id: LaneId) -> Option<(Arc<[Finding]>, Vec<Finding>)> {
        let watched = self.lanes.get_mut(&id)?;
        let all = watched.news()?;
        let told = std::mem::replace(&mut watched.told, watched.watch.findings().len());
        Some((all, watched.watch.findings().get(told..).unwrap_or_default().to_vec()))
    }

    /// Keeps the states of a lane that it may go back to.
    fn keep(&mut self, cohort: &Cohort, id: LaneId, stride: u64) -> Result<(), TrainError> {
        let Some(watched) = self.lanes.get_mut(&id) else { return Ok(()) };
        let newest = watched.newest.as_ref().or(watched.good.as_ref()).map_or(0, |saved| saved.state.update);
        let sound = watched.watch.above_best().is_some_and(|above| above < SOUND);
        if watched.read < newest + stride || !sound {
            return Ok(());
        }
        if let Some(saved) = cohort.save_lane(id)?.filter(|saved| saved.state.diverged_at.is_none()) {
            // Just put back, there is no newer state: what was good then still is.
            let older = watched.newest.replace(saved);
            watched.good = older.or(watched.good.take());
        }
        Ok(())
    }

    /// Another way to watch over training.
    pub fn set(&mut self, guard: Guard) {
        self.guard = guard;
        for watched in self.lanes.values_mut() {
            watched.watch.limit_runtime(guard.time_limit);
        }
    }

    /// After training for so many seconds: shows the watches what was measured; the first finding that the policy
    /// does something about, and what.
    pub fn watch(
        &mut self,
        cohort: &Cohort,
        seconds: f64,
    ) -> Result<Option<(RunId, Finding, Reaction)>, TrainError> {
        self.seconds += seconds;
        let stride = Self::stride(cohort.task().clock.updates);
        let mut worst = None;
        for lane in cohort.lanes() {
            let Some(watched) = self.lanes.get_mut(&lane.id) else { continue };
            for finding in watched.read(lane, stride, self.seconds) {
                match self.guard.policy.reaction(&finding) {
                    Reaction::Tell => {}
                    reaction => worst = worst.or(Some((lane.id.run, finding, reaction))),
                }
            }
        }
        if worst.is_none() && self.guard.policy == Policy::RollBack {
            for lane in cohort.lanes() {
                self.keep(cohort, lane.id, stride)?;
            }
        }
        Ok(worst)
    }

    /// Whether the run's rate may be halved once more.
    pub fn halve(&mut self, run: RunId) -> bool {
        let halved = self.halved.entry(run).or_default();
        *halved += 1;
        *halved <= HALVINGS
    }

    /// The last good state of every lane of a run, if all of them have one.
    pub fn good(&self, run: RunId) -> Option<Vec<&SavedLane>> {
        let lanes = self.lanes.iter().filter(|(id, _)| id.run == run);
        let good: Option<Vec<&SavedLane>> = lanes.map(|(_, watched)| watched.good.as_ref()).collect();
        good.filter(|good| !good.is_empty())
    }

    /// A lane was put back to where it was after `update` updates.
    pub fn went_back(&mut self, lane: LaneId, update: u64) {
        if let Some(watched) = self.lanes.get_mut(&lane) {
            watched.go_back(update);
            watched.newest = None;
        }
    }

    /// A run trains from scratch: what was found in it and what was good of it are of the past.
    pub fn forget(&mut self, run: RunId) {
        for (_, watched) in self.lanes.iter_mut().filter(|(id, _)| id.run == run) {
            (watched.newest, watched.good) = (None, None);
            watched.left.clear();
            watched.counted = u64::MAX;
        }
    }
}
