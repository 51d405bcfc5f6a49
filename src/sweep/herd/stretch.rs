//! A stretch of a population's members, trained where the driver is not: from what it is told, and no more.

use std::path::PathBuf;
use std::sync::Arc;

use super::{cohort, grow, losses, restore, runs, seeded, whole_of};
use crate::data::Prepared;
use crate::experiment::Experiment;
use crate::sweep::SweepError;
use crate::sweep::words::{Breed, Grown, Said};
use crate::train::TrainError;
use crate::train::task::{Task, prepare};

/// An experiment that was told of before, and its data: prepared once for all stretches.
#[derive(Default)]
pub struct Known(Option<(String, PathBuf, Experiment, Arc<Prepared>)>);

impl Known {
    /// Trains members from where they are. `say` hears how far they came.
    ///
    /// # Errors
    /// When they cannot be trained, or nobody listens.
    pub fn breed(
        &mut self,
        told: Breed,
        pool: &Arc<rayon::ThreadPool>,
        say: &mut dyn FnMut(&Said) -> Result<(), TrainError>,
    ) -> Result<Said, SweepError> {
        let is_known =
            |(text, origin, ..): &(String, PathBuf, _, _)| *text == told.experiment && *origin == told.origin;
        let (_, _, experiment, prepared) = match self.0.take().filter(is_known) {
            Some(known) => self.0.insert(known),
            None => {
                let experiment = Experiment::parse(&told.experiment, &told.origin)
                    .map_err(|error| SweepError::Impossible(error.to_string()))?;
                let prepared = prepare(&experiment)?;
                self.0.insert((told.experiment.clone(), told.origin.clone(), experiment, prepared))
            }
        };
        let (experiment, prepared) = (&*experiment, &*prepared);
        let Some(run) = experiment.runs.first() else {
            return Err(SweepError::Impossible("members of no run".to_owned()));
        };
        let rates = told.members.iter().map(|young| young.rates.clone()).collect();
        let mut herd = if told.keep {
            cohort(experiment, run, rates, Task::new(experiment, Arc::clone(prepared))?, pool)?
        } else {
            seeded(experiment, runs(run, rates), (told.seed, told.seeds), (prepared, pool))?
        };
        let from = told.members.iter().filter_map(|young| young.state.as_ref()).map(|it| it.lane.update);
        let from = from.max().unwrap_or(0);
        for (at, state) in
            told.members.iter().enumerate().filter_map(|(at, young)| Some((at, young.state.as_ref()?)))
        {
            restore(&mut herd, at, state, run)?;
        }
        let whole = told.to.min(herd.task().clock.updates).saturating_sub(from).max(1) as f64;
        grow(&mut herd, told.to, &mut |done, _| {
            let share = done.saturating_sub(from) as f64 / whole;
            say(&Said::Progress { share, running: Vec::new() })
        })?;
        let finite = |loss: &f64| Some(*loss).filter(|loss| loss.is_finite());
        let all: Vec<Option<f64>> = losses(&herd)?.iter().map(finite).collect();
        let grown = |(at, losses): (usize, &[Option<f64>])| -> Result<Grown, SweepError> {
            let state = if told.keep { Some(whole_of(&herd, at)?) } else { None };
            Ok(Grown { losses: losses.to_vec(), state })
        };
        let members = all.chunks(told.seeds.max(1)).enumerate().map(grown).collect::<Result<_, _>>()?;
        Ok(Said::Bred { members })
    }
}
