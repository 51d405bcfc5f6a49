//! An experiment with a sweep, and ways to run it.

use std::path::Path;
use std::sync::Arc;

use anneal_studio::experiment::Experiment;
use anneal_studio::sweep::{Journal, Kept, Outcome, SweepError, Sweeper, Trial, Watch};
use anneal_studio::train::TrainError;

/// `sweep` is what follows the head of the [sweep] section.
pub fn text(sweep: &str) -> String {
    format!(
        r#"anneal = 1
name = "moons"
data = {{ name = "moons", batch_size = 32, validation = 0.25 }}
model = {{ kind = "mlp", hidden = [8] }}
train = {{ updates = "60" }}
[[run]]
name = "one"
optimizer = {{ kind = "sgd", momentum = 0.9 }}
lr = {{ kind = "cosine", peak = 0.1, warmup = {{ over = "10%" }} }}
[[run]]
name = "two"
optimizer = {{ kind = "adamw" }}
lr = {{ kind = "constant", peak = 0.01 }}
[sweep]
run = "one"
{sweep}"#
    )
}

pub fn experiment(sweep: &str) -> Experiment {
    Experiment::parse(&text(sweep), "moons.toml").unwrap_or_else(|error| panic!("{error}"))
}

pub fn sweeper(experiment: &Experiment, threads: usize) -> Sweeper {
    let pool = Arc::new(anneal_studio::train::pool(Some(threads)).unwrap());
    let sweep = experiment.sweep.as_ref().unwrap();
    Sweeper::new(experiment, sweep, Path::new("moons.toml"), pool).unwrap_or_else(|error| panic!("{error}"))
}

/// Watches, and stops after so many trials.
pub struct Until(pub usize);

impl Watch for Until {
    fn trial(&mut self, _: &Trial, _: Option<&str>) -> Result<(), TrainError> {
        self.0 = self.0.checked_sub(1).ok_or(TrainError::Cancelled)?;
        Ok(())
    }

    fn progress(&mut self, _: f64) -> Result<(), TrainError> {
        Ok(())
    }
}

pub fn run(sweep: &str, threads: usize, lanes: usize) -> Outcome {
    let experiment = experiment(sweep);
    let mut sweeper = sweeper(&experiment, threads).with_lanes(lanes);
    sweeper.run(None, Kept::default(), &mut Until(usize::MAX)).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a sweep in a folder and stops it after so many trials.
pub fn run_until(sweep: &str, folder: &Path, trials: usize) -> Result<Outcome, SweepError> {
    let experiment = experiment(sweep);
    let mut sweeper = sweeper(&experiment, 2);
    let (mut journal, kept) = Journal::resume(folder, sweeper.experiment(), sweeper.sweep())?;
    let outcome = sweeper.run(Some(&mut journal), kept, &mut Until(trials))?;
    journal.finish(&outcome.trials)?;
    Ok(outcome)
}
