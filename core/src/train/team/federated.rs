//! Federated averaging: clients train for a round, and the server steps along the mean of what they changed.

use super::member::Member;
use super::{Done, Step, Team, apart, each, mean, server};
use crate::data::client_order;
use crate::experiment::team::Federated;
use crate::random::{Stream, rng, shuffle};

impl Team {
    pub(super) fn federated(&mut self, step: &Step<'_>, rule: &Federated, weights: &mut [f32]) -> Done {
        let round = self.shared.round.max(1);
        let within = step.update % round;
        if within == 0 || self.members.is_empty() {
            self.open(step, weights);
        }
        // A client's optimizer begins with the round.
        let mut numbers = step.numbers;
        numbers.update = within;
        let (shared, dealt) = (&*self.shared, &self.dealt);
        let (prox, begun) = (rule.prox as f32, &*weights);
        each(&mut self.members, step.cores, |member| {
            let rows = shared.samples(member.id);
            let batch = step.task.batch.min(rows.len()).max(1);
            let per_epoch = (rows.len() / batch).max(1) as u64;
            let dealt = dealt.get(member.id).copied().unwrap_or(0);
            let epoch = dealt / per_epoch;
            if member.order_of != Some((member.id, epoch)) {
                client_order(step.seed, member.id, epoch, rows, &mut member.order);
                member.order_of = Some((member.id, epoch));
            }
            let start = (dealt % per_epoch) as usize * batch;
            member.learn(step.task, start..start + batch);
            if prox > 0.0 {
                let pulled = member.gradient.iter_mut().zip(&member.weights).zip(begun);
                pulled.for_each(|((gradient, weight), begun)| *gradient += prox * (weight - begun));
            }
            member.clip(step.task);
            member.step(step, &numbers, 1.0);
        });
        for member in &self.members {
            if let Some(dealt) = self.dealt.get_mut(member.id) {
                *dealt += 1;
            }
        }
        let mut done = Done::of(&self.members);
        if within + 1 == round || step.update + 1 == step.updates {
            self.close(step, rule, weights, &mut done);
        }
        done
    }

    /// Draws the clients of a round and gives them the server's weights.
    fn open(&mut self, step: &Step<'_>, weights: &[f32]) {
        let index = step.update / self.shared.round.max(1);
        let mut chosen: Vec<usize> = (0..self.shared.clients.len()).collect();
        shuffle(&mut rng(step.seed, Stream::Clients { round: index }), &mut chosen);
        chosen.truncate(self.shared.at_once());
        // In the order of their numbers: sums over them do not depend on how they were drawn.
        chosen.sort_unstable();
        while self.members.len() < chosen.len() {
            self.members.push(Member::new(step.task, 0, weights.to_vec(), step.buffers));
        }
        self.members.truncate(chosen.len());
        for (member, id) in self.members.iter_mut().zip(chosen) {
            member.become_client(id, weights, step);
        }
    }

    /// Averages the clients by how many samples they have, and lets the server step.
    fn close(&mut self, step: &Step<'_>, rule: &Federated, weights: &mut [f32], done: &mut Done) {
        let shared = &*self.shared;
        let samples = |member: &Member| shared.samples(member.id).len() as f64;
        let all: f64 = self.members.iter().map(samples).sum();
        let shares = self.members.iter().map(|member| (member, samples(member) / all.max(1.0)));
        let mean = mean(shares, weights.len());
        let (drift, cosine) = apart(self.members.iter(), &mean, weights);
        (done.drift, done.cosine) = (Some(drift), Some(cosine));
        let lr = shared.lr.as_ref().map_or(1.0, |lr| lr.at(step.update));
        server::step(&rule.server, lr, &mean, &mut self.moments, weights);
    }
}
