//! The text and the rates of a run in another framework, as the interface shows them.

use std::ops::Range;

use crate::analysis::noise_scale::Scaling;
use crate::analysis::real_run::{RealRun, Rescaled, rescaled};
use crate::experiment::{Experiment, Run};
use crate::export::{Export, ExportError, Options, Summary, Target, export, truth_table};
use crate::schedule::Clock;

use super::highlight::{Ink, spans};

/// Points of a curve in the small plot.
const COLUMNS: usize = 400;
/// The most lines of a text that are shown. Copying and saving take all of them.
const LINES: usize = 400;

/// An export as the panel shows it.
#[derive(Debug)]
pub struct Exported {
    pub export: Export,
    /// The drawn rates and the predicted ones, thinned out: update and rate.
    pub drawn: Vec<(u64, f64)>,
    pub predicted: Vec<(u64, f64)>,
    /// The drawn rates of the first and the last update.
    pub ends: (f64, f64),
    /// The shown part of the text, its lines, and its spans by colour.
    pub shown: Range<usize>,
    pub lines: usize,
    /// Updates of the exported run.
    pub updates: u64,
    pub spans: Vec<(Ink, Range<usize>)>,
}

/// A row for each target.
pub type Truth = Vec<(&'static Target, Summary)>;

/// What a run is exported for: as it is trained here, or for a run of one's own under a rule for its batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Purpose {
    pub clock: Clock,
    pub options: Options,
    /// Samples of an update here.
    pub samples: u64,
    pub real: RealRun,
    pub scaling: Scaling,
}

impl Purpose {
    /// Updates of the exported run.
    pub fn updates(&self) -> u64 {
        self.real.length.unwrap_or(self.clock.updates)
    }

    /// The experiment for that, and what was done to it.
    ///
    /// # Errors
    /// When the run's schedule cannot be resolved.
    pub fn of(&self, experiment: &Experiment, run: &Run) -> Result<(Rescaled, Options), ExportError> {
        let rescaled = rescaled(experiment, run, self.clock, self.samples, &self.real, self.scaling)?;
        let batch_size = self.real.batch.map_or(self.options.batch_size, |batch| batch as usize);
        Ok((rescaled, Options { batch_size, ..self.options }))
    }
}

/// The run as every target has it.
///
/// # Errors
/// As [`exported`].
pub fn truth(experiment: &Experiment, run: &Run, purpose: &Purpose) -> Result<Truth, ExportError> {
    let (Rescaled { experiment, run, clock, .. }, options) = purpose.of(experiment, run)?;
    truth_table(&experiment, &run, clock, &options)
}

/// The run as the target's text, with the rates beside the drawn ones.
pub fn exported(
    experiment: &Experiment,
    run: &Run,
    purpose: &Purpose,
    target: &'static Target,
) -> Result<Exported, ExportError> {
    let (Rescaled { experiment, run, clock, notes, .. }, options) = purpose.of(experiment, run)?;
    let mut export = export(&experiment, &run, clock, target, &options)?;
    export.notes.splice(0..0, notes);
    let curve = run.lr.resolve(clock)?;
    let drawn: Vec<f64> = (0..clock.updates).map(|update| curve.at(update)).collect();
    let ends = (curve.at(0), curve.at(clock.updates.saturating_sub(1)));
    let end = export.text.match_indices('\n').nth(LINES).map_or(export.text.len(), |(at, _)| at);
    let end = export.text[..end].trim_end().len();
    let shown = 0..end;
    Ok(Exported {
        drawn: thinned(&drawn),
        predicted: thinned(&export.predicted),
        ends,
        lines: export.text.lines().count(),
        spans: spans(&export.text[shown.clone()], target.extension),
        shown,
        updates: clock.updates,
        export,
    })
}

impl Exported {
    /// Lines of the text that are not shown.
    pub fn hidden_lines(&self) -> usize {
        self.lines.saturating_sub(LINES)
    }
}

/// First, least, greatest and last rate of each of so many columns: no jump between two points is lost.
fn thinned(rates: &[f64]) -> Vec<(u64, f64)> {
    let every = rates.len().div_ceil(COLUMNS).max(1);
    let mut points = Vec::new();
    for (column, rates) in rates.chunks(every).enumerate() {
        let start = column * every;
        let by_rate = |a: &usize, b: &usize| rates[*a].total_cmp(&rates[*b]);
        let mut kept = vec![0, rates.len() - 1];
        kept.extend((0..rates.len()).min_by(by_rate));
        kept.extend((0..rates.len()).max_by(by_rate));
        kept.sort_unstable();
        kept.dedup();
        points.extend(kept.into_iter().map(|at| ((start + at) as u64, rates[at])));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let mut rates: Vec<f64> = (0..10_000).map(f64::from).collect();
        rates[5003] = -1.0;
        rates[7007] = 1e6;
        let points = thinned(&rates);
        assert!(points.len() <= 4 * COLUMNS);
        for at in [0, 5003, 7007, 9999] {
            assert!(points.contains(&(at as u64, rates[at])), "{at}");
        }
        assert_eq!(thinned(&[0.1]), [(0, 0.1)]);
        assert!(thinned(&[]).is_empty());
    }
}
