//! Federated averaging: clients train for a round, and the server steps along the mean of what they changed.

use super::average::mean;
use super::member::Member;
use super::{Done, Stretch, Team, each, sent, server};
use crate::data::client_order;
use crate::experiment::team::Federated;
use crate::random::{Stream, rng, shuffle};

impl Team {
    /// Lets every client of the round make the stretch's updates; `weights` are the server's.
    pub(super) fn train_clients(&mut self, it: &Stretch<'_>, rule: &Federated, weights: &[f32]) {
        let within = it.update % self.shared.round.max(1);
        if within == 0 || self.members.is_empty() {
            self.open(it, weights);
        }
        let (shared, dealt) = (&*self.shared, &self.dealt);
        let prox = rule.prox as f32;
        each(&mut self.members, it.cores, |member| {
            member.measured.clear();
            let rows = shared.samples(member.id);
            let batch = it.task.batch.min(rows.len()).max(1);
            let per_epoch = (rows.len() / batch).max(1) as u64;
            let before = dealt.get(member.id).copied().unwrap_or(0);
            for ((numbers, at), dealt) in it.numbers.iter().zip(within..).zip(before..) {
                let epoch = dealt / per_epoch;
                if member.order_of != Some((member.id, epoch)) {
                    client_order(it.seed, member.id, epoch, rows, &mut member.order);
                    member.order_of = Some((member.id, epoch));
                }
                let start = (dealt % per_epoch) as usize * batch;
                member.learn(it.task, start..start + batch);
                if prox > 0.0 {
                    let pulled = member.gradient.iter_mut().zip(&member.weights).zip(weights);
                    pulled.for_each(|((gradient, weight), begun)| *gradient += prox * (weight - begun));
                }
                member.clip(it.task);
                // A client's optimizer begins with the round.
                let mut numbers = *numbers;
                numbers.update = at;
                member.step(it, &numbers, 1.0);
            }
        });
        for member in &self.members {
            if let Some(dealt) = self.dealt.get_mut(member.id) {
                *dealt += it.numbers.len() as u64;
            }
        }
    }

    /// Draws the clients of a round and gives them the server's weights.
    fn open(&mut self, it: &Stretch<'_>, weights: &[f32]) {
        let index = it.update / self.shared.round.max(1);
        let mut chosen: Vec<usize> = (0..self.shared.clients.len()).collect();
        shuffle(&mut rng(it.seed, Stream::Clients { round: index }), &mut chosen);
        chosen.truncate(self.shared.at_once());
        // In the order of their numbers: sums over them do not depend on how they were drawn.
        chosen.sort_unstable();
        while self.members.len() < chosen.len() {
            self.members.push(Member::new(it.task, 0, weights.to_vec(), it.buffers));
        }
        self.members.truncate(chosen.len());
        for (member, id) in self.members.iter_mut().zip(chosen) {
            member.become_client(id, weights, it);
        }
    }

    /// Where a round ends, averages the clients by how many samples they have, and lets the server step.
    pub(super) fn close_round(
        &mut self,
        it: &Stretch<'_>,
        rule: &Federated,
        weights: &mut [f32],
        done: &mut Done,
    ) {
        let shared = &*self.shared;
        if !it.ends(shared.round) {
            return;
        }
        let samples = |member: &Member| shared.samples(member.id).len() as f64;
        let all: f64 = self.members.iter().map(samples).sum();
        let shares: Vec<f64> = self.members.iter().map(|member| samples(member) / all.max(1.0)).collect();
        let mean = mean(&sent(&self.members), &shares, it.cores);
        done.compare(&self.members, &mean, weights, it.cores);
        let lr = shared.lr.as_ref().map_or(1.0, |lr| lr.at(it.last()));
        server::step(&rule.server, lr, &mean, &mut self.moments, weights);
    }
}
