//! Weights kept along the way: snapshots, their running mean (SWA), and the moving average (EMA).

use std::collections::VecDeque;
use std::sync::Arc;

use super::run_plan::RunPlan;
use crate::experiment::{Average, SnapshotWhen, Snapshots};
use crate::schedule::Clock;

/// The share of the past in the moving average, an update.
pub const EMA_DECAY: f32 = 0.999;

/// A span's snapshots are checkpoints, too, where a run has no more of them.
const MOST_FILES: u64 = 100;

/// A lane's weights as they once were.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Updates done.
    pub update: u64,
    /// Shared by all who keep it: the lane, checkpoints, and what is shown.
    pub weights: Arc<[f32]>,
}

/// What is kept of one lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The newest ones, oldest first, at most as many as `keep` says.
    pub snapshots: VecDeque<Snapshot>,
    /// Snapshots taken so far, those no longer kept included.
    pub taken: u64,
    /// The mean of all snapshots taken (Izmailov et al. 2018, arXiv 1803.05407).
    pub swa: Option<Vec<f32>>,
    /// `ema = decay·ema + (1 - decay)·weights` with [`EMA_DECAY`] after every update, from the first
    /// update's weights on, as PyTorch's `get_ema_multi_avg_fn`.
    pub ema: Option<Vec<f32>>,
}

/// What `[snapshots]` asks for, as one lane follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Keeper {
    when: When,
    keep: usize,
    swa: bool,
    ema: bool,
    kept: Kept,
}

#[derive(Clone, Debug, PartialEq)]
enum When {
    /// After so many updates done, in order.
    At(Vec<u64>),
    Every(u64),
}

impl Keeper {
    pub fn new(asked: &Snapshots, run_plan: &RunPlan, clock: Clock) -> Self {
        let when = match asked.when {
            SnapshotWhen::CycleEnd => {
                When::At(run_plan.cycle_ends(clock.updates).into_iter().map(|last| last + 1).collect())
            }
            SnapshotWhen::Every(span) => When::Every(span.whole_updates(clock)),
        };
        Self {
            when,
            keep: asked.keep,
            swa: asked.average.contains(&Average::Swa),
            ema: asked.average.contains(&Average::Ema),
            kept: Kept::default(),
        }
    }

    /// The same with what another keeper, or a checkpoint, has kept already.
    #[must_use]
    pub fn with(mut self, mut kept: Kept) -> Self {
        while kept.snapshots.len() > self.keep {
            kept.snapshots.pop_front();
        }
        self.kept = kept;
        self
    }

    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    pub fn into_kept(self) -> Kept {
        self.kept
    }

    /// Back to update 0.
    pub fn clear(&mut self) {
        self.kept = Kept::default();
    }

    /// Whether the weights after `done` updates are looked at.
    pub fn needs_weights(&self, done: u64) -> bool {
        self.ema || self.is_due(done)
    }

    /// Whether a snapshot is asked for after `done` updates.
    pub fn is_due(&self, done: u64) -> bool {
        match &self.when {
            When::At(updates) => updates.binary_search(&done).is_ok(),
            When::Every(span) => done > 0 && done.is_multiple_of(*span),
        }
    }

    /// The first count of updates after `done` at which one is.
    pub fn next_after(&self, done: u64) -> Option<u64> {
        match &self.when {
            When::At(updates) => updates.get(updates.partition_point(|at| *at <= done)).copied(),
            When::Every(span) => Some((done / span + 1) * span),
        }
    }

    /// All the counts of updates at which one is asked for in a run of so many; none where they are too many for
    /// each to be worth a file.
    pub fn all(&self, updates: u64) -> Vec<u64> {
        match &self.when {
            When::At(all) => all.clone(),
            When::Every(span) if updates / span <= MOST_FILES => {
                (1..=updates / span).map(|at| at * span).collect()
            }
            When::Every(_) => Vec::new(),
        }
    }

    /// Takes note of the weights after `done` updates.
    pub fn record(&mut self, done: u64, weights: &[f32]) {
        if self.ema {
            toward(&mut self.kept.ema, weights, 1.0 - EMA_DECAY);
        }
        if self.is_due(done) {
            self.take(done, weights);
        }
    }

    /// Takes a snapshot now; the oldest one goes when there are too many.
    pub fn take(&mut self, done: u64, weights: &[f32]) {
        let kept = &mut self.kept;
        kept.taken += 1;
        if self.swa {
            toward(&mut kept.swa, weights, 1.0 / kept.taken as f32);
        }
        if kept.snapshots.len() >= self.keep {
            kept.snapshots.pop_front();
        }
        if self.keep > 0 {
            kept.snapshots.push_back(Snapshot { update: done, weights: weights.into() });
        }
    }
}

/// Moves an average by a share of the way to the weights; the first weights are the first average.
fn toward(average: &mut Option<Vec<f32>>, weights: &[f32], share: f32) {
    match average {
        Some(average) => {
            for (mean, weight) in average.iter_mut().zip(weights) {
                *mean += share * (weight - *mean);
            }
        }
        None => *average = Some(weights.to_vec()),
    }
}
