//! Data-parallel workers: gradients averaged at every update, or weights once in a while; and what one of them does wrong.

use super::average::mean;
use super::member::Member;
use super::{Done, Stretch, Team, each, sent};
use crate::data::epoch_order;
use crate::experiment::team::{Fault, FaultKind, Parallel};
use crate::train::optimizer::{self, Numbers};
use crate::train::task::Task;

/// The workers of a lane at update 0.
pub(super) fn workers(
    rule: &Parallel,
    task: &Task,
    seed: u64,
    weights: &[f32],
    buffers: usize,
) -> Vec<Member> {
    let worker = |id: usize| {
        let mut own = weights.to_vec();
        if faulty(rule, id) == Some(FaultKind::OtherSeed) {
            task.initialise(seed.wrapping_add(1), 0, &mut own);
        }
        let mut worker = Member::new(task, id, own, buffers);
        if rule.every > 1 && faulty(rule, id) == Some(FaultKind::Stale) {
            worker.late.clone_from(&worker.weights);
        }
        worker
    };
    (0..rule.workers).map(worker).collect()
}

/// What a worker does wrong, if it is the one.
fn faulty(rule: &Parallel, worker: usize) -> Option<FaultKind> {
    rule.fault.filter(|Fault { worker: faulty, .. }| *faulty == worker).map(|fault| fault.kind)
}

/// Whether the others hear of a worker.
fn is_heard(rule: &Parallel, worker: &Member) -> bool {
    faulty(rule, worker.id) != Some(FaultKind::Dropped)
}

/// What a worker's rate is multiplied by.
fn factor(rule: &Parallel, worker: &Member) -> f64 {
    if let Some(FaultKind::LrFactor(factor)) = faulty(rule, worker.id) { factor } else { 1.0 }
}

impl Team {
    /// Lets every worker make the stretch's updates: one where gradients are averaged.
    pub(super) fn train_workers(&mut self, it: &Stretch<'_>, rule: &Parallel) {
        let (task, count) = (it.task, rule.workers as u64);
        let per_epoch = (task.samples / task.batch).max(1) as u64;
        let learn = |worker: &mut Member, update: u64| {
            let dealt = update * count + worker.id as u64;
            let epoch = dealt / per_epoch;
            if worker.order_of != Some((0, epoch)) {
                epoch_order(it.seed, epoch, task.samples, &mut worker.order);
                worker.order_of = Some((0, epoch));
            }
            let start = (dealt % per_epoch) as usize * task.batch;
            worker.learn(task, start..start + task.batch);
        };
        let step = |worker: &mut Member, numbers: &Numbers| {
            worker.clip(task);
            worker.step(it, numbers, factor(rule, worker));
        };
        let shares = rule.every == 1;
        each(&mut self.members, it.cores, |worker| {
            worker.measured.clear();
            if !worker.has_started(it) {
                worker.empty_buffers(it.buffers);
                worker.start(it);
            }
            for (numbers, update) in it.numbers.iter().zip(it.update..) {
                learn(worker, update);
                if !shares {
                    step(worker, numbers);
                }
            }
        });
        if let (true, Some(numbers)) = (shares, it.numbers.first()) {
            self.share_gradients(rule);
            each(&mut self.members, it.cores, |worker| step(worker, numbers));
        }
    }

    /// Where workers are compared, says how far apart they are, and averages weights where those are what is averaged.
    pub(super) fn close_parallel(
        &mut self,
        it: &Stretch<'_>,
        rule: &Parallel,
        weights: &mut [f32],
        done: &mut Done,
    ) {
        if !it.ends(rule.every) {
            return;
        }
        let shares = vec![1.0 / self.members.len().max(1) as f64; self.members.len()];
        let all = mean(&sent(&self.members), &shares, it.cores);
        done.compare(&self.members, &all, weights, it.cores);
        // Workers that follow one gradient go one way; of single updates the angle says nothing more.
        done.cosine = done.cosine.filter(|_| rule.every > 1);
        if rule.every > 1 {
            self.average(rule, weights);
        } else if let Some(first) = self.members.first() {
            weights.copy_from_slice(&first.weights);
        }
    }

    /// Gives every worker the mean of the gradients that are heard.
    fn share_gradients(&mut self, rule: &Parallel) {
        let arch = pulp::Arch::new();
        let mut heard = self.members.iter().filter(|worker| is_heard(rule, worker));
        let Some(first) = heard.next() else { return };
        let (mut mean, mut count) = (first.gradient.clone(), 1.0);
        for worker in heard {
            optimizer::add(arch, &mut mean, &worker.gradient);
            count += 1.0;
        }
        optimizer::scale(arch, &mut mean, 1.0 / count);
        let is_late = rule.fault.is_some_and(|fault| fault.kind == FaultKind::Stale);
        let before = if is_late { std::mem::replace(&mut self.late, mean.clone()) } else { Vec::new() };
        for worker in self.members.iter_mut().filter(|worker| is_heard(rule, worker)) {
            let stale = faulty(rule, worker.id) == Some(FaultKind::Stale) && !before.is_empty();
            worker.gradient.copy_from_slice(if stale { &before } else { &mean });
        }
    }

    /// Gives every worker, and the lane, the mean of the weights that are heard.
    fn average(&mut self, rule: &Parallel, weights: &mut [f32]) {
        let heard = self.members.iter().filter(|worker| is_heard(rule, worker)).count().max(1);
        let share = 1.0 / heard as f64;
        let mut all = vec![0.0; weights.len()];
        for worker in self.members.iter_mut().filter(|worker| is_heard(rule, worker)) {
            all.iter_mut().zip(worker.sent()).for_each(|(sum, weight)| *sum += share * f64::from(*weight));
            if worker.is_late() {
                worker.late.clone_from(&worker.weights);
            }
        }
        weights.iter_mut().zip(&all).for_each(|(weight, mean)| *weight = *mean as f32);
        for worker in self.members.iter_mut().filter(|worker| is_heard(rule, worker)) {
            worker.weights.copy_from_slice(weights);
        }
    }
}
