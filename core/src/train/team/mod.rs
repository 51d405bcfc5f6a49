//! What trains a lane together: federated clients, or data-parallel workers.
//!
//! An update of the lane is one of every member that takes part; between two averages each makes all of its updates in one
//! go, so that its weights stay in the cache. Members have weights, buffers and samples of their own;
//! the lane's row is the server's weights, those of the last average, or, where gradients are averaged, those of worker 0. Sums over members are made in their order, so that how
//! many cores help changes no bit.

pub mod average;
mod federated;
mod member;
mod parallel;
pub mod server;
mod shared;

use std::sync::Arc;

use rayon::prelude::*;

use super::optimizer::{Numbers, Rule};
use super::task::Task;
use crate::experiment::Team as Spec;
use crate::telemetry::{MOST_MEMBERS, OfMember};
use average::apart;
use member::{Measured, Member};
pub(super) use shared::member_names;
pub use shared::{Shared, TeamState};

/// The most updates of a stretch: what each measured is kept until it ends.
const LONGEST: u64 = 256;

/// The members that train one lane.
pub struct Team {
    shared: Arc<Shared>,
    /// Those of the round.
    members: Vec<Member>,
    /// Updates that each client has made.
    dealt: Vec<u64>,
    /// The server's first and second moment.
    moments: [Vec<f32>; 2],
    /// The mean gradient of the update before, where a worker follows late.
    late: Vec<f32>,
}

/// Updates of a lane that members make each on its own, one after the other: between two averages nobody hears of
/// anybody, and the lane's weights stay as they are.
pub struct Stretch<'a> {
    pub task: &'a Task,
    pub rule: &'a dyn Rule,
    /// The optimizer's numbers for each of the updates.
    pub numbers: &'a [Numbers],
    /// The first update, and those of the run.
    pub update: u64,
    pub updates: u64,
    pub seed: u64,
    /// Buffers that the rule keeps.
    pub buffers: usize,
    /// Cores of the calling pool that may help.
    pub cores: usize,
}

impl Stretch<'_> {
    /// Its last update.
    fn last(&self) -> u64 {
        self.update + (self.numbers.len() as u64).saturating_sub(1)
    }

    /// Whether a round of so many updates, or the run, ends with it.
    fn ends(&self, round: u64) -> bool {
        let done = self.last() + 1;
        done.is_multiple_of(round.max(1)) || done == self.updates
    }
}

/// What an update of the members came to: means over them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub loss: f32,
    /// The standard deviation of the members' losses.
    pub spread: f32,
    pub gradient_norm: f32,
    pub update_norm: f32,
    /// How far members are from their mean, and the mean cosine between their steps and the mean step.
    pub drift: Option<f32>,
    pub cosine: Option<f32>,
    pub samples: u64,
    /// What was measured of the first members.
    pub first: [OfMember; MOST_MEMBERS],
}

impl Team {
    pub fn new(shared: &Arc<Shared>) -> Self {
        let dealt = vec![0; shared.clients.len()];
        Self {
            shared: Arc::clone(shared),
            members: Vec::new(),
            dealt,
            moments: Default::default(),
            late: Vec::new(),
        }
    }

    /// Puts everybody at update 0 of a lane with these weights.
    pub fn begin(&mut self, task: &Task, seed: u64, weights: &[f32], buffers: usize) {
        self.dealt.fill(0);
        self.members.clear();
        self.late.clear();
        match &self.shared.spec {
            Spec::Federated(rule) => self.moments = server::moments(&rule.server, weights.len()),
            Spec::Parallel(rule) => {
                self.members = parallel::workers(rule, task, seed, weights, buffers);
            }
        }
    }

    /// Empties the buffers of everybody: the optimizer is another now.
    pub fn empty_buffers(&mut self, buffers: usize) {
        for member in &mut self.members {
            member.empty_buffers(buffers);
        }
    }

    /// How many updates from this one on everybody can make before somebody has to be heard.
    pub fn stretch(&self, update: u64) -> u64 {
        let round = match &self.shared.spec {
            Spec::Federated(_) => self.shared.round.max(1),
            Spec::Parallel(rule) => rule.every.max(1),
        };
        (round - update % round).min(LONGEST)
    }

    /// Makes a stretch of updates of everybody who takes part, and says what each came to; `weights` are the lane's.
    pub fn train(&mut self, it: &Stretch<'_>, weights: &[f32]) -> Vec<Done> {
        let shared = Arc::clone(&self.shared);
        match &shared.spec {
            Spec::Federated(rule) => self.train_clients(it, rule, weights),
            Spec::Parallel(rule) => self.train_workers(it, rule),
        }
        (0..it.numbers.len()).map(|at| Done::of(&self.members, at)).collect()
    }

    /// Ends a stretch whose updates were made: where a round ends, everybody is heard and the lane's weights are others.
    pub fn close(&mut self, it: &Stretch<'_>, weights: &mut [f32], done: &mut Done) {
        let shared = Arc::clone(&self.shared);
        match &shared.spec {
            Spec::Federated(rule) => self.close_round(it, rule, weights, done),
            Spec::Parallel(rule) => self.close_parallel(it, rule, weights, done),
        }
    }

    pub fn state(&self) -> TeamState {
        TeamState {
            members: self.members.iter().map(|member| member.id as u32).collect(),
            dealt: self.dealt.clone(),
            scalars: self.members.iter().map(Member::scalars).collect(),
            buffers: self.members.first().map_or(0, Member::buffers),
        }
    }

    /// All numbers of a checkpoint: each member's, then the server's moments and the late gradient.
    pub fn numbers(&self) -> Vec<f32> {
        let members = self.members.iter().flat_map(Member::numbers);
        members.chain(self.moments.iter().flatten().copied()).chain(self.late.iter().copied()).collect()
    }

    /// Goes on from a checkpoint of a lane with so many weights. Numbers that are another team's are not taken, and the
    /// lane then goes on as if a round began.
    pub fn restore(&mut self, task: &Task, state: &TeamState, numbers: &[f32]) {
        let width = task.model.width();
        let mut rest = numbers;
        let mut members = Vec::new();
        for (at, id) in state.members.iter().enumerate() {
            let has_late = self.members.get(at).is_some_and(Member::is_late);
            let scalars = state.scalars.get(at).map(Vec::as_slice).unwrap_or_default();
            let own = Member::take(task, *id as usize, (width, state.buffers, has_late), scalars, &mut rest);
            let Some(own) = own else { return };
            members.push(own);
        }
        let mut moments: [Vec<f32>; 2] = Default::default();
        for (moment, known) in moments.iter_mut().zip(&self.moments) {
            let Some((own, others)) = rest.split_at_checked(known.len()) else { return };
            (*moment, rest) = (own.to_vec(), others);
        }
        if state.dealt.len() == self.dealt.len() {
            self.dealt.clone_from(&state.dealt);
            (self.members, self.moments, self.late) = (members, moments, rest.to_vec());
        }
    }
}

/// Lets every member do something, on several cores where there are more than one.
fn each(members: &mut [Member], cores: usize, f: impl Fn(&mut Member) + Sync + Send) {
    if cores > 1 {
        members.par_iter_mut().for_each(f);
    } else {
        members.iter_mut().for_each(f);
    }
}

impl Done {
    /// The means over members that have made an update, the one at this place of the stretch.
    fn of(members: &[Member], at: usize) -> Self {
        let count = members.len().max(1) as f64;
        let measured = || members.iter().filter_map(|member| member.measured.get(at));
        let mean = |of: &dyn Fn(&Measured) -> f64| measured().map(of).sum::<f64>() / count;
        let loss = mean(&|member| f64::from(member.loss));
        let variance = mean(&|member| (f64::from(member.loss) - loss).powi(2));
        let mut first = [OfMember::default(); MOST_MEMBERS];
        for member in members {
            if let (Some(of), Some(measured)) = (first.get_mut(member.id), member.measured.get(at)) {
                of.loss = Some(measured.loss);
            }
        }
        Self {
            loss: loss as f32,
            spread: variance.sqrt() as f32,
            gradient_norm: mean(&|member| member.gradient_norm) as f32,
            update_norm: mean(&|member| member.update_norm) as f32,
            drift: None,
            cosine: None,
            samples: measured().map(|member| member.samples as u64).sum(),
            first,
        }
    }

    /// Takes note of how far members are from a mean, and of the mean cosine between their ways from where all began and
    /// that of the mean.
    fn compare(&mut self, members: &[Member], mean: &[f64], begun: &[f32], cores: usize) {
        let step: f64 = mean.iter().zip(begun).map(|(mean, from)| (mean - f64::from(*from)).powi(2)).sum();
        let (mut far, mut cosine) = (0.0, 0.0);
        for (member, it) in members.iter().zip(apart(&sent(members), mean, begun, cores)) {
            far += it.square.sqrt();
            let lengths = (it.own * step).sqrt();
            cosine += if lengths > 0.0 { it.along / lengths } else { 1.0 };
            if let Some(of) = self.first.get_mut(member.id) {
                of.way = Some(it.own.sqrt() as f32);
            }
        }
        let count = members.len().max(1) as f64;
        (self.drift, self.cosine) = (Some((far / count) as f32), Some((cosine / count) as f32));
    }
}

/// What an average hears of members.
fn sent(members: &[Member]) -> Vec<&[f32]> {
    members.iter().map(Member::sent).collect()
}
