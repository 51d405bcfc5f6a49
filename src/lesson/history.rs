//! Trainings that were made for a lesson, and what is asked of them.

use std::ops::Range;
use std::sync::Arc;

use super::quantity::{Measure, Quantity, When};
use crate::analysis::ensemble::{Decay, Workbench};
use crate::analysis::sharpness::{self, Objective, Sharpness};
use crate::analysis::{side_training, statistics};
use crate::experiment::Experiment;
use crate::telemetry::{GroupColumn, Row, Validation};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::lane::Lane;
use crate::train::task::{self, Task};

/// A finished cohort and everything that was measured of it.
pub(super) struct Histories {
    cohort: Cohort,
    experiment: Experiment,
    rows: Vec<Vec<Row>>,
    validations: Vec<Vec<Validation>>,
    /// Updates that were looked at while they were made, and [`Quantity::CriticalOverLimit`] of each.
    critical: Vec<Vec<(u64, f64)>>,
}

impl Histories {
    /// Trains an experiment to its end. `looks` are the lanes, and the stretches of them, whose updates are looked at one
    /// by one.
    pub(super) fn train(
        experiment: Experiment,
        looks: &[(usize, &Measure)],
        pool: &Arc<rayon::ThreadPool>,
        report: &dyn Fn(u64, u64) -> Result<(), TrainError>,
    ) -> Result<Self, TrainError> {
        let prepared = task::prepare(&experiment)?;
        let cohort = side_training::cohort(experiment.clone(), &prepared, pool)?;
        let lanes = cohort.lanes().len();
        let (rows, validations) = (vec![Vec::new(); lanes], vec![Vec::new(); lanes]);
        let mut history = Self { cohort, experiment, rows, validations, critical: vec![Vec::new(); lanes] };
        history.look(looks)?;
        let Self { cohort, rows, validations, .. } = &mut history;
        side_training::train(cohort, report, |cohort| {
            for (at, lane) in cohort.lanes().iter().enumerate() {
                rows[at].extend_from_slice(&lane.log.rows);
                validations[at].extend(lane.log.validations());
            }
        })?;
        Ok(history)
    }

    /// Makes the updates up to the last one that is looked at, one at a time. What they measured stays in the lanes' logs.
    fn look(&mut self, looks: &[(usize, &Measure)]) -> Result<(), TrainError> {
        let clock = self.cohort.task().clock;
        let end = looks.iter().map(|(_, measure)| measure.window(clock).end).max().unwrap_or(0);
        // The training that follows takes the logs, so something is left for it.
        for update in 0..end.min(clock.updates.saturating_sub(1)) {
            let wants = |(lane, measure): &(usize, &Measure)| {
                measure.window(clock).contains(&update).then_some(*lane)
            };
            let mut lanes: Vec<usize> = looks.iter().filter_map(wants).collect();
            lanes.sort_unstable();
            lanes.dedup();
            let before = lanes.iter().map(|at| self.weights(*at)).collect::<Result<Vec<_>, _>>()?;
            self.cohort.advance(update + 1, u64::MAX)?;
            for (at, before) in lanes.into_iter().zip(before) {
                let after = self.weights(at)?;
                let rate = self.lane(at).log.rows.last().map_or(f64::NAN, |row| row.lr);
                let found = self.overshoot(&before, &after, rate);
                self.critical[at].extend(found.map(|found| (update, found)));
            }
        }
        Ok(())
    }

    /// The rate of an update, as a share of the step along it at which the loss of all samples begins to rise.
    fn overshoot(&self, before: &[f32], after: &[f32], rate: f64) -> Option<f64> {
        let direction: Vec<f32> =
            before.iter().zip(after).map(|(before, after)| (before - after) / rate as f32).collect();
        let mut objective = Objective::new(self.cohort.task(), None);
        let critical = sharpness::critical_sharpness(&mut objective, before, &direction, rate)?;
        Some(critical * rate / 2.0)
    }

    fn weights(&self, at: usize) -> Result<Vec<f32>, TrainError> {
        Ok(self.cohort.weights(self.lane(at).id)?.unwrap_or_default())
    }

    /// A measure of the lane at a place.
    pub(super) fn value(&mut self, at: usize, measure: &Measure) -> Result<f64, TrainError> {
        let window = measure.window(self.cohort.task().clock);
        let of_rows = |number: fn(&Row) -> f64| {
            let values = self.rows[at].iter().filter(|row| window.contains(&row.update)).map(number);
            choose(values, measure.when, measure.of)
        };
        let of_validations = |number: fn(&Validation) -> f64| {
            let values = self.validations[at].iter().filter(|row| window.contains(&row.update)).map(number);
            choose(values, measure.when, measure.of)
        };
        let absent = f64::NAN;
        let phases = &self.experiment.data.phases;
        let phase = measure.phase.as_ref();
        let phase =
            phase.map(|name| phases.iter().position(|phase| *phase.name == **name).unwrap_or(phases.len()));
        let column = match measure.of {
            Quantity::ValAccuracy => Some(GroupColumn::ValAccuracy),
            Quantity::ValLoss => Some(GroupColumn::ValLoss),
            _ => None,
        };
        if let Some((phase, column)) = phase.zip(column) {
            let rows = self.rows[at].iter().filter(|row| window.contains(&row.update));
            let values = rows.filter_map(|row| row.groups.get(column, row.groups.len() + phase));
            return Ok(choose(values, measure.when, measure.of));
        }
        Ok(match measure.of {
            Quantity::TrainLoss => of_rows(|row| row.train_loss.into()),
            Quantity::GradNorm => of_rows(|row| row.grad_norm.into()),
            Quantity::ValLoss => of_validations(|validation| validation.loss.into()),
            Quantity::ValAccuracy => {
                of_validations(|validation| validation.accuracy.map_or(f64::NAN, Into::into))
            }
            Quantity::RateChanges => {
                self.rows[at].windows(2).filter(|pair| pair[0].lr != pair[1].lr).count() as f64
            }
            Quantity::SharpnessOverLimit => self.sharpness(at)?,
            Quantity::CriticalOverLimit => {
                let looked = self.critical[at].iter().filter(|(update, _)| window.contains(update));
                choose(looked.map(|(_, found)| *found), measure.when, measure.of)
            }
            Quantity::EnsembleAccuracy => self.ensemble(at).map_or(absent, |(_, accuracy)| accuracy),
            Quantity::EnsembleLoss => self.ensemble(at).map_or(absent, |(loss, _)| loss),
            Quantity::SwaAccuracy => self.average(at).map_or(absent, |(_, accuracy)| accuracy),
            Quantity::SwaLoss => self.average(at).map_or(absent, |(loss, _)| loss),
            Quantity::MergedAccuracy => self.merged(at, &window).map_or(absent, |(_, accuracy)| accuracy),
            Quantity::MergedLoss => self.merged(at, &window).map_or(absent, |(loss, _)| loss),
            // It takes trainings of its own.
            Quantity::ForecastMiss => absent,
        })
    }

    fn lane(&self, at: usize) -> &Lane {
        &self.cohort.lanes()[at]
    }

    fn sharpness(&self, at: usize) -> Result<f64, TrainError> {
        let weights = self.weights(at)?;
        let mut objective = Objective::new(self.cohort.task(), None);
        let found = Sharpness::new(weights.len(), 0).estimate(&mut objective, &weights, 1e-3, 200).sharpness;
        let last = self.rows[at].last();
        let (rate, momentum) = last.map_or((f64::NAN, 0.0), |row| (row.lr, row.momentum));
        Ok(found / sharpness::limit(rate, momentum))
    }

    /// The loss and accuracy of weights that were kept: the snapshots' ensemble.
    fn ensemble(&self, at: usize) -> Option<(f64, f64)> {
        let mut bench = self.bench()?;
        let kept = self.lane(at).keeper.as_ref()?.kept();
        let chosen = kept.snapshots.iter().map(|snapshot| bench.add("", None, &snapshot.weights));
        let chosen: Vec<usize> = chosen.collect::<Result<_, _>>().ok()?;
        let measures = bench.ensemble(&chosen).ok()?;
        Some((measures.nll.unwrap_or(measures.loss), measures.accuracy?))
    }

    /// The same of the plain mean of the snapshots taken within a stretch.
    fn merged(&self, at: usize, window: &Range<u64>) -> Option<(f64, f64)> {
        let mut bench = self.bench()?;
        let kept = self.lane(at).keeper.as_ref()?.kept();
        // The one at the end was taken after the last update.
        let within = |update: u64| window.start < update && update <= window.end;
        let chosen = kept.snapshots.iter().filter(|snapshot| within(snapshot.update));
        let chosen = chosen.map(|snapshot| bench.add("", Some(snapshot.update), &snapshot.weights));
        let chosen: Vec<usize> = chosen.collect::<Result<_, _>>().ok()?;
        let measures = bench.merged(&chosen, Decay::Linear).ok()?.measures;
        Some((measures.nll.unwrap_or(measures.loss), measures.accuracy.unwrap_or(f64::NAN)))
    }

    /// The same of the snapshots' average.
    fn average(&self, at: usize) -> Option<(f64, f64)> {
        let mut bench = self.bench()?;
        let weights = self.lane(at).keeper.as_ref()?.kept().swa.as_deref()?;
        let added = bench.add("", None, weights).ok()?;
        let measures = bench.members()[added].measures;
        Some((measures.nll.unwrap_or(measures.loss), measures.accuracy.unwrap_or(f64::NAN)))
    }

    fn bench(&self) -> Option<Workbench> {
        let task = Task::new(&self.experiment, Arc::clone(&self.cohort.task().prepared)).ok()?;
        Workbench::new(task).ok()
    }
}

/// The one of the values that is asked for; NaN where there is none.
fn choose(values: impl Iterator<Item = f64>, when: When, of: Quantity) -> f64 {
    let values: Vec<f64> = values.collect();
    let largest = |values: &[f64]| values.iter().copied().fold(f64::NAN, f64::max);
    match when {
        When::End => values.last().copied().unwrap_or(f64::NAN),
        When::Mean => statistics::mean(&values).unwrap_or(f64::NAN),
        When::Most => largest(&values),
        When::Best if of.climbs() => largest(&values),
        When::Best => values.iter().copied().fold(f64::NAN, f64::min),
    }
}
