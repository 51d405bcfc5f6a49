//! Members of a population on a pool's workers: who copies whom is decided here, and weights travel with the words.
//!
//! A worker is told everything at each stretch and keeps nothing, so one that is lost costs a stretch of its own members.

use std::path::PathBuf;

use super::{Herd, Report};
use crate::experiment::Experiment;
use crate::sweep::remote::Pool;
use crate::sweep::words::{Breed, Grown, RemoteError, Said, Told, VERSION, Whole, Young};
use crate::sweep::{SweepError, words};

/// A herd on a pool.
pub struct There<'p> {
    pool: &'p mut Pool,
    /// The experiment with the run alone.
    experiment: String,
    origin: PathBuf,
    seed: u64,
    /// Of each member, once it has trained.
    states: Vec<Whole>,
    /// Updates done, and of the whole run.
    done: u64,
    updates: u64,
}

impl<'p> There<'p> {
    /// Members of the experiment's one run, which has so many updates.
    pub fn new(pool: &'p mut Pool, experiment: &Experiment, updates: u64) -> Self {
        let origin = pool.origin().to_owned();
        let (text, seed) = (experiment.to_toml(), experiment.train.seed);
        Self { pool, experiment: text, origin, seed, states: Vec::new(), done: 0, updates }
    }

    /// Deals members out to the workers and puts together what came of them.
    fn round(&mut self, round: &Round<'_>, report: &mut Report<'_>) -> Result<Vec<Grown>, SweepError> {
        let (count, total) = (round.rates.len(), self.updates);
        let blocks = self.pool.workers().min(count).max(1);
        let of_block = |block: usize| (block..count).step_by(blocks);
        let told: Vec<(usize, Told)> = (0..blocks)
            .map(|block| {
                let young = |at: usize| Young {
                    rates: round.rates[at].clone(),
                    state: round.keep.then(|| self.states.get(at).cloned()).flatten(),
                };
                let breed = Breed {
                    version: VERSION.to_owned(),
                    experiment: self.experiment.clone(),
                    origin: self.origin.clone(),
                    seed: round.seed,
                    seeds: round.seeds,
                    members: of_block(block).map(young).collect(),
                    to: round.to,
                    keep: round.keep,
                };
                (block, Told::Breed(breed))
            })
            .collect();
        let mut grown: Vec<Option<Grown>> = (0..count).map(|_| None).collect();
        let mut shares = vec![0.0; blocks];
        self.pool.round(&told, &mut |block, said| {
            let share = shares.get_mut(block).ok_or_else(words::nobody)?;
            match said {
                Said::Progress { share: now, .. } => {
                    *share = now;
                    let mean = shares.iter().sum::<f64>() / blocks as f64;
                    let done =
                        round.from as f64 + mean * round.to.min(total).saturating_sub(round.from) as f64;
                    report(done as u64, total)?;
                }
                Said::Bred { members } => {
                    for (at, one) in of_block(block).zip(members) {
                        grown[at] = Some(one);
                    }
                }
                Said::Done { .. } | Said::Failed { .. } => return Err(words::nobody().into()),
            }
            Ok(())
        })?;
        let grown: Option<Vec<Grown>> = grown.into_iter().collect();
        Ok(grown.ok_or_else(|| RemoteError::Words("fewer members than it was told of".to_owned()))?)
    }
}

/// What all workers are told at once.
struct Round<'r> {
    rates: &'r [Vec<f64>],
    from: u64,
    to: u64,
    seed: u64,
    seeds: usize,
    /// Whether they go on from where they are, and are to go on later.
    keep: bool,
}

fn number(loss: Option<f64>) -> f64 {
    loss.unwrap_or(f64::NAN)
}

impl Herd for There<'_> {
    fn advance(
        &mut self,
        rates: &[Vec<f64>],
        to: u64,
        report: &mut Report<'_>,
    ) -> Result<Vec<f64>, SweepError> {
        let (from, seed) = (self.done, self.seed);
        let grown = self.round(&Round { rates, from, to, seed, seeds: 1, keep: true }, report)?;
        self.done = to;
        let losses = grown.iter().map(|one| number(one.losses.first().copied().flatten())).collect();
        let states: Option<Vec<Whole>> = grown.into_iter().map(|one| one.state).collect();
        self.states = states.ok_or_else(|| RemoteError::Words("a member without its weights".to_owned()))?;
        Ok(losses)
    }

    fn copy(&mut self, _: &[Vec<f64>], heirs: &[(usize, usize)]) -> Result<(), SweepError> {
        let parents: Vec<(usize, Option<Whole>)> =
            heirs.iter().map(|&(heir, parent)| (heir, self.states.get(parent).cloned())).collect();
        for (heir, parent) in parents {
            if let (Some(state), Some(parent)) = (self.states.get_mut(heir), parent) {
                *state = parent;
            }
        }
        Ok(())
    }

    fn states(&self) -> Result<Vec<Whole>, SweepError> {
        Ok(self.states.clone())
    }

    fn put(&mut self, _: &[Vec<f64>], states: Vec<Whole>, done: u64) -> Result<(), SweepError> {
        (self.states, self.done) = (states, done);
        Ok(())
    }

    fn ends(
        &mut self,
        rates: &[Vec<f64>],
        seed: u64,
        seeds: usize,
        report: &mut Report<'_>,
    ) -> Result<Vec<Vec<f64>>, SweepError> {
        let round = Round { rates, from: 0, to: self.updates, seed, seeds, keep: false };
        let grown = self.round(&round, report)?;
        Ok(grown.into_iter().map(|one| one.losses.into_iter().map(number).collect()).collect())
    }
}
