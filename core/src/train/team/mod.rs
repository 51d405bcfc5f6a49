//! What trains a lane together: federated clients, or data-parallel workers.
//!
//! An update of the lane is one of every member that takes part. Members have weights, buffers and samples of their own;
//! the lane's row is the server's weights, those of the last average, or, where gradients are averaged, those of worker 0. Sums over members are made in their order, so that how
//! many cores help changes no bit.

mod federated;
mod member;
mod parallel;
mod server;
mod shared;

use std::sync::Arc;

use rayon::prelude::*;

use super::optimizer::{Numbers, Rule};
use super::task::Task;
use crate::experiment::Team as Spec;
use member::Member;
pub use shared::{Shared, TeamState};

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

/// What an update of the lane is made with.
pub struct Step<'a> {
    pub task: &'a Task,
    pub rule: &'a dyn Rule,
    pub numbers: Numbers,
    /// The update, and those of the run.
    pub update: u64,
    pub updates: u64,
    pub seed: u64,
    /// Buffers that the rule keeps.
    pub buffers: usize,
    /// Cores of the calling pool that may help.
    pub cores: usize,
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
        self.moments = server::moments(&self.shared.spec, weights.len());
        if let Spec::Parallel(rule) = &self.shared.spec {
            self.members = parallel::workers(rule, task, seed, weights, buffers);
        }
    }

    /// Empties the buffers of everybody: the optimizer is another now.
    pub fn empty_buffers(&mut self, buffers: usize) {
        for member in &mut self.members {
            member.empty_buffers(buffers);
        }
    }

    /// Makes one update of everybody who takes part; `weights` are the lane's.
    pub fn update(&mut self, step: &Step<'_>, weights: &mut [f32]) -> Done {
        let shared = Arc::clone(&self.shared);
        match &shared.spec {
            Spec::Federated(rule) => self.federated(step, rule, weights),
            Spec::Parallel(rule) => self.parallel(step, rule, weights),
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
    /// The means over members that have made an update.
    fn of(members: &[Member]) -> Self {
        let count = members.len().max(1) as f64;
        let mean = |of: &dyn Fn(&Member) -> f64| members.iter().map(of).sum::<f64>() / count;
        let loss = mean(&|member| f64::from(member.loss));
        let variance = mean(&|member| (f64::from(member.loss) - loss).powi(2));
        Self {
            loss: loss as f32,
            spread: variance.sqrt() as f32,
            gradient_norm: mean(&|member| member.gradient_norm) as f32,
            update_norm: mean(&|member| member.update_norm) as f32,
            drift: None,
            cosine: None,
            samples: members.iter().map(|member| member.samples as u64).sum(),
        }
    }
}

/// How far members are from a mean, and the mean cosine between their ways from where all began and that of the mean.
fn apart<'a>(members: impl Iterator<Item = &'a Member> + Clone, mean: &[f64], begun: &[f32]) -> (f32, f32) {
    let (mut far, mut cosine, mut count) = (0.0, 0.0, 0.0);
    let step: f64 = mean.iter().zip(begun).map(|(mean, from)| (mean - f64::from(*from)).powi(2)).sum();
    for member in members {
        let (mut square, mut own, mut along) = (0.0, 0.0, 0.0);
        for ((weight, mean), from) in member.weights.iter().zip(mean).zip(begun) {
            let (weight, from) = (f64::from(*weight), f64::from(*from));
            square += (weight - mean).powi(2);
            own += (weight - from).powi(2);
            along += (weight - from) * (mean - from);
        }
        far += square.sqrt();
        let lengths = (own * step).sqrt();
        cosine += if lengths > 0.0 { along / lengths } else { 1.0 };
        count += 1.0;
    }
    ((far / f64::max(count, 1.0)) as f32, (cosine / f64::max(count, 1.0)) as f32)
}

/// The mean weights of members, each with its share of the whole.
fn mean<'a>(members: impl Iterator<Item = (&'a Member, f64)>, width: usize) -> Vec<f64> {
    let mut mean = vec![0.0; width];
    for (member, share) in members {
        mean.iter_mut().zip(&member.weights).for_each(|(mean, weight)| *mean += share * f64::from(*weight));
    }
    mean
}
