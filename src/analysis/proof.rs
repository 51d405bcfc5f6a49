//! How a suggested rate does: trainings of the experiment's full length, with it as the peak.

use std::sync::Arc;

use super::peak::with_peak;
use super::side_training;
use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::jobs::Progress;
use crate::schedule::kind::{Anneal, OneCycle};
use crate::schedule::{Clock, Kind, Schedule};
use crate::train::TrainError;
use crate::train::errand::{Errand, Promise};
use crate::train::ids::RunId;
use crate::train::task::{Task, prepare};

/// What the peak is proved under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Under {
    /// One cycle (arXiv 1708.07120) with PyTorch's defaults, which the suggestions are made for.
    #[default]
    OneCycle,
    /// The run's own schedule.
    Own,
}

impl Under {
    /// The schedule whose highest rate is `peak`.
    ///
    /// # Errors
    /// When the run's own schedule cannot have that peak.
    fn schedule(self, run: &Run, clock: Clock, peak: f64) -> Result<Schedule, TrainError> {
        match self {
            Self::OneCycle => Ok(one_cycle(peak)),
            Self::Own => with_peak(&run.lr, clock, peak)
                .ok_or_else(|| TrainError::Peak { run: run.name.clone(), peak }),
        }
    }
}

/// One cycle with this peak and PyTorch's defaults.
pub fn one_cycle(peak: f64) -> Schedule {
    Kind::OneCycle(OneCycle {
        peak,
        over: None,
        pct_start: 0.3,
        div_factor: 25.0,
        final_div_factor: 1e4,
        anneal: Anneal::Cosine,
        three_phase: false,
    })
    .into()
}

/// How a rate does as the peak.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    pub rate: f64,
    pub seeds: Vec<ProofOfSeed>,
}

/// One seed of a [`Proof`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProofOfSeed {
    pub seed: u64,
    /// After the last update; without held-out samples there is none.
    pub val_loss: Option<f64>,
    pub val_accuracy: Option<f64>,
    /// The last update's loss.
    pub train_loss: Option<f64>,
    pub diverged_at: Option<u64>,
}

/// The suggestion between a third and three times of it: whether it is the best shows beside these.
pub fn neighbours(rate: f64) -> [f64; 3] {
    [rate / 3.0, rate, rate * 3.0]
}

/// Trains the run with each of these peaks, all under the same seeds.
///
/// # Errors
/// When there is no run of this name, a rate is not above zero, the experiment cannot be trained, or nobody
/// waits any more.
pub fn prove(
    experiment: &Experiment,
    run: &str,
    rates: &[f64],
    seeds: usize,
    under: Under,
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Vec<Proof>, TrainError> {
    let ask = Ask { run: side_training::find(experiment, run)?.clone(), rates: rates.to_vec(), seeds, under };
    ask.answer(experiment, &prepare(experiment)?, pool, &Progress::default())
}

/// The same beside a training, for the experiment it trains.
pub fn errand(run: RunId, rates: Vec<f64>, seeds: usize, under: Under) -> (Errand, Promise<Vec<Proof>>) {
    Errand::new(
        "proof",
        move |cohort| {
            let revision = cohort.revision();
            let found = revision.ids.iter().zip(&revision.experiment.runs).find(|(id, _)| **id == run);
            let Some((_, run)) = found else {
                return Err(TrainError::RunGone { work: "proof" });
            };
            let ask = Ask { run: run.clone(), rates, seeds, under };
            let prepared = Arc::clone(&cohort.task().prepared);
            Ok((ask, revision.experiment.clone(), prepared, Arc::clone(cohort.pool())))
        },
        |(ask, experiment, prepared, pool), progress| ask.answer(&experiment, &prepared, &pool, progress),
    )
}

struct Ask {
    run: Run,
    rates: Vec<f64>,
    seeds: usize,
    under: Under,
}

impl Ask {
    fn answer(
        &self,
        experiment: &Experiment,
        prepared: &Arc<Prepared>,
        pool: &Arc<rayon::ThreadPool>,
        progress: &Progress,
    ) -> Result<Vec<Proof>, TrainError> {
        let clock = Task::new(experiment, Arc::clone(prepared))?.clock;
        let run = |rate: &f64| {
            let lr = self.under.schedule(&self.run, clock, *rate)?;
            Ok(Run { name: format!("peak {rate:e}"), ..side_training::scheduled(&self.run, lr) })
        };
        let runs = self.rates.iter().map(run).collect::<Result<Vec<_>, TrainError>>()?;
        let mut proof = Experiment { runs, snapshots: None, ..experiment.clone() };
        proof.train.replicas = self.seeds.max(1);
        let mut cohort = side_training::cohort(proof, prepared, pool)?;
        let mut ends: Vec<ProofOfSeed> = cohort
            .lanes()
            .iter()
            .map(|lane| ProofOfSeed {
                seed: cohort.task().seed.wrapping_add(u64::from(lane.id.replica)),
                val_loss: None,
                val_accuracy: None,
                train_loss: None,
                diverged_at: None,
            })
            .collect();
        side_training::train(
            &mut cohort,
            |done, total| Ok(progress.report(done, total)?),
            |cohort| {
                for (lane, end) in cohort.lanes().iter().zip(&mut ends) {
                    if let Some(row) = lane.log.rows.last() {
                        end.train_loss = Some(row.train_loss.into());
                    }
                    if let Some(validation) = lane.log.validations().next_back() {
                        end.val_loss = Some(validation.loss.into());
                        end.val_accuracy = validation.accuracy.map(Into::into);
                    }
                    end.diverged_at = lane.diverged_at;
                }
            },
        )?;
        let seeds = ends.chunks(self.seeds.max(1));
        Ok(self.rates.iter().zip(seeds).map(|(&rate, seeds)| Proof { rate, seeds: seeds.to_vec() }).collect())
    }
}
