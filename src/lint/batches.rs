//! A schedule of the batch: updates are whole micro-batches, and need data.

use super::{Remedy, Severity, Subject, Warning};
use crate::experiment::{BatchSize, MicroBatches};
use crate::schedule::{Curve, Schedule};

/// The updates at which the curve is looked at.
const LOOKS: u64 = 1000;
/// Rounding that changes a batch by a larger share is worth knowing.
const ROUNDED: f64 = 0.1;

pub(super) fn lint(subject: &Subject) -> Vec<Warning> {
    let (Some(batch), BatchSize::Samples(samples)) = (&subject.run.batch, subject.experiment.data.batch_size)
    else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    let accumulate = subject.experiment.train.accumulate;
    if accumulate > 1 {
        let message = format!(
            "train.accumulate of {accumulate} does not count for this run: its schedule says how many samples an \
             update has"
        );
        warnings.push(Warning::new(Severity::Hint, "batch-replaces-accumulate", message));
    }
    if let Ok(curve) = batch.resolve(subject.time.clock)
        && subject.time.knows(batch)
    {
        let micro = MicroBatches::new(samples, accumulate, subject.time.clock);
        if subject.time.unknown.is_none() {
            warnings.extend(beyond(&micro, &curve));
        }
        warnings.extend(below(&micro, batch, &curve).or_else(|| rounded(subject, &micro, &curve)));
    }
    warnings
}

/// More samples than there are.
fn beyond(micro: &MicroBatches, curve: &Curve) -> Option<Warning> {
    let (most, there_are) = (curve.range().1, micro.samples_per_epoch());
    (most >= there_are as f64 + micro.samples as f64 / 2.0).then(|| {
        let message = format!(
            "the batch grows to {most:.0} samples, and an epoch has {there_are}: it cannot be trained like this"
        );
        let warning = Warning::new(Severity::Error, "batch-above-data", message);
        warning.set("batch.clamp", format!("{{ min = {:?}, max = {there_are}.0 }}", curve.range().0))
    })
}

/// Less than a micro-batch.
fn below(micro: &MicroBatches, batch: &Schedule, curve: &Curve) -> Option<Warning> {
    let least = curve.range().0;
    // What is half of one or more is rounded, like any other.
    (least < micro.samples as f64 / 2.0).then(|| {
        let message = format!(
            "the {} of the batch goes down to {least:.0} samples, and an update has at least data.batch_size, {}",
            batch.kind.name(),
            micro.samples
        );
        let warning = Warning::new(Severity::Warning, "batch-below-micro-batch", message);
        warning.with(Remedy::Set {
            field: "data.batch_size".to_owned(),
            value: format!("{:.0}", least.max(1.0)),
        })
    })
}

/// Far from a whole number of micro-batches.
fn rounded(subject: &Subject, micro: &MicroBatches, curve: &Curve) -> Option<Warning> {
    let last = subject.time.clock.updates.saturating_sub(1);
    let off = |update: u64| {
        let wanted = curve.at(update);
        (micro.samples_of(wanted) as f64 / wanted - 1.0).abs()
    };
    let looks = (0..=LOOKS.min(last)).map(|look| look * last / LOOKS.min(last).max(1));
    let worst = looks.max_by(|a, b| off(*a).total_cmp(&off(*b)))?;
    let wanted = curve.at(worst);
    (off(worst) > ROUNDED && wanted <= micro.samples_per_epoch() as f64).then(|| {
        let message = format!(
            "updates are whole micro-batches of {}: the batch of {wanted:.0} samples at update {worst} has {}",
            micro.samples,
            micro.samples_of(wanted)
        );
        Warning::new(Severity::Hint, "batch-rounded", message)
    })
}
