//! Rounds and averages in double precision, step for step, against the same program in numpy: the samples, draws and
//! averages of training, and candle's gradients.

use anneal_studio::data::{Prepared, client_order, deal_out, epoch_order};
use anneal_studio::experiment::Team;
use anneal_studio::experiment::team::{Federated, Parallel};
use anneal_studio::model::resident::Resident;
use anneal_studio::random::{Stream, rng, shuffle};
use anneal_studio::schedule::Curve;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::task::Task;
use anneal_studio::train::team::average::mean;
use anneal_studio::train::team::server;
use candle_core::{DType, Device, Tensor, Var};
use serde_json::Value;

use super::teams::{GOLDEN, of};
use crate::support::cohort;

const CLOSE: f64 = 1e-9;

/// Runs of `of`: plain SGD with momentum under its schedule.
struct Double<'a> {
    task: &'a Task,
    data: Resident,
    lr: Curve,
    losses: Vec<f64>,
}

struct Member {
    weights: Vec<f64>,
    velocity: Vec<f64>,
}

impl Member {
    fn new(weights: &[f64]) -> Self {
        Self { weights: weights.to_vec(), velocity: vec![0.0; weights.len()] }
    }
}

impl<'a> Double<'a> {
    fn new(cohort: &'a Cohort) -> Self {
        let task = cohort.task();
        let data = Resident::new(task.training(&[]), task.model.outputs(), &Device::Cpu, DType::F64).unwrap();
        let lr = cohort.revision().experiment.runs[0].lr.resolve(task.clock).unwrap();
        Self { task, data, lr, losses: Vec::new() }
    }

    fn initial(&self) -> Vec<f64> {
        let mut row = vec![0.0; self.task.model.width()];
        self.task.initialise(self.task.seed, 0, &mut row);
        row.into_iter().map(f64::from).collect()
    }

    /// The mean loss of some samples and its gradient, by candle.
    fn gradient(&self, weights: &[f64], rows: &[u32]) -> (f64, Vec<f64>) {
        let row = Tensor::new(weights, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let row = Var::from_tensor(&row).unwrap();
        let batch = self.task.training(rows);
        let loss =
            self.task.model.loss_tensor(row.as_tensor(), &self.data, &[batch]).unwrap().sum_all().unwrap();
        let gradient = loss.backward().unwrap().remove(row.as_tensor()).unwrap();
        (loss.to_scalar().unwrap(), gradient.flatten_all().unwrap().to_vec1().unwrap())
    }

    fn step(&self, member: &mut Member, slope: &[f64], update: u64) {
        let lr = self.lr.at(update);
        for ((weight, velocity), slope) in member.weights.iter_mut().zip(&mut member.velocity).zip(slope) {
            *velocity = 0.5 * *velocity + slope;
            *weight -= lr * *velocity;
        }
    }

    fn federated(&mut self, rule: &Federated) -> Vec<f64> {
        let Prepared::Samples { train, .. } = &*self.task.prepared else { panic!("samples") };
        let (seed, updates) = (self.task.seed, self.task.clock.updates);
        let dealt = deal_out(train, rule.clients, rule.skew, seed);
        let local = rule.local.whole_updates(self.task.clock);
        let server_lr = rule.server.lr.resolve(self.task.clock).unwrap();
        let mut weights = self.initial();
        let mut moments = server::moments(&rule.server, weights.len());
        let mut made = vec![0; rule.clients];
        self.losses = vec![0.0; updates as usize];
        for begin in (0..updates).step_by(local as usize) {
            let end = (begin + local).min(updates);
            let mut chosen: Vec<usize> = (0..rule.clients).collect();
            shuffle(&mut rng(seed, Stream::Clients { round: begin / local }), &mut chosen);
            chosen.truncate((rule.share * rule.clients as f64).round() as usize);
            chosen.sort_unstable();
            let mut members = Vec::new();
            for client in &chosen {
                let (rows, mut own) = (&dealt[*client], Member::new(&weights));
                let batch = self.task.batch.min(rows.len());
                for update in begin..end {
                    let per_epoch = (rows.len() / batch) as u64;
                    let (epoch, place) = (made[*client] / per_epoch, made[*client] % per_epoch);
                    let mut order = Vec::new();
                    client_order(seed, *client, epoch, rows, &mut order);
                    let from = place as usize * batch;
                    let (loss, mut slope) = self.gradient(&own.weights, &order[from..from + batch]);
                    self.losses[update as usize] += loss / chosen.len() as f64;
                    for ((slope, own), begun) in slope.iter_mut().zip(&own.weights).zip(&weights) {
                        *slope += rule.prox * (own - begun);
                    }
                    self.step(&mut own, &slope, update);
                    made[*client] += 1;
                }
                members.push(own);
            }
            let samples: Vec<f64> = chosen.iter().map(|client| dealt[*client].len() as f64).collect();
            let all: f64 = samples.iter().sum();
            let shares: Vec<f64> = samples.iter().map(|own| own / all).collect();
            let sent: Vec<&[f64]> = members.iter().map(|member| &*member.weights).collect();
            let mean = mean(&sent, &shares, 1);
            server::step(&rule.server, server_lr.at(end - 1), &mean, &mut moments, &mut weights);
        }
        weights
    }

    fn parallel(&mut self, rule: &Parallel) -> Vec<f64> {
        let (task, workers) = (self.task, rule.workers as u64);
        let per_epoch = (task.samples / task.batch) as u64;
        let mut members: Vec<Member> = (0..workers).map(|_| Member::new(&self.initial())).collect();
        let shares = vec![1.0 / workers as f64; rule.workers];
        for update in 0..task.clock.updates {
            let mut slopes = Vec::new();
            let mut loss = 0.0;
            for (worker, member) in members.iter().enumerate() {
                let dealt = update * workers + worker as u64;
                let mut order = Vec::new();
                epoch_order(task.seed, dealt / per_epoch, task.samples, &mut order);
                let from = (dealt % per_epoch) as usize * task.batch;
                let (own, slope) = self.gradient(&member.weights, &order[from..from + task.batch]);
                loss += own / workers as f64;
                slopes.push(slope);
            }
            self.losses.push(loss);
            let together = |all: &[&[f64]]| mean(all, &shares, 1);
            if rule.every == 1 {
                let mean = together(&slopes.iter().map(|slope| &**slope).collect::<Vec<_>>());
                slopes.fill(mean);
            }
            for (member, slope) in members.iter_mut().zip(&slopes) {
                self.step(member, slope, update);
            }
            if rule.every > 1 && (update + 1) % rule.every == 0 {
                let mean = together(&members.iter().map(|member| &*member.weights).collect::<Vec<_>>());
                members.iter_mut().for_each(|member| member.weights.clone_from(&mean));
            }
        }
        members.swap_remove(0).weights
    }
}

#[test]
fn rounds_of_clients_and_workers_in_double_precision_are_numpys_to_nine_digits() {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    for case in cases {
        let section = case["section"].as_str().unwrap();
        let cohort = cohort(&of(section), 1);
        let mut double = Double::new(&cohort);
        let weights = match cohort.revision().experiment.team.as_ref().unwrap() {
            Team::Federated(rule) => double.federated(rule),
            Team::Parallel(rule) => double.parallel(rule),
        };
        let weights: Vec<f64> = weights.into_iter().step_by(17).collect();
        for (what, found, expected) in
            [("losses", &double.losses, &case["losses"]), ("weights", &weights, &case["weights"])]
        {
            let expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                let far = (found - expected).abs();
                assert!(far < CLOSE * (1.0 + expected.abs()), "{what} of {section}: {found} {expected}");
            }
        }
    }
}
