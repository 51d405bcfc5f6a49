//! What goes wrong in a training without a window: into the events as it comes, in words at the end.

use crate::analysis::detect::{Context, Finding, Watch, initial_norm};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::lane::Lane;

use crate::telemetry::metrics::Measured;

/// A watch over each lane of a cohort, in the order of the lanes.
pub struct Diagnosis {
    watches: Vec<Watch>,
}

impl Diagnosis {
    pub fn new(cohort: &Cohort) -> Result<Self, TrainError> {
        let experiment = &cohort.revision().experiment;
        let norm = initial_norm(cohort.task());
        let watch = |lane: &Lane| {
            Ok(Watch::new(Context::of(cohort.task(), experiment, lane.id.run.0 as usize, norm)?))
        };
        Ok(Self { watches: cohort.lanes().iter().map(watch).collect::<Result<_, TrainError>>()? })
    }

    /// Takes in what an earlier part of the training measured.
    pub fn take_again(&mut self, lane: usize, measured: &Measured) {
        if let Some(watch) = self.watches.get_mut(lane) {
            watch.update(&measured.row);
        }
    }

    /// Takes in what a lane measured, and says what is found for the first time.
    pub fn read(&mut self, at: usize, lane: &Lane) -> &[Finding] {
        let Some(watch) = self.watches.get_mut(at) else { return &[] };
        let known = watch.findings().len();
        watch.read(&lane.log, 0);
        watch.findings().get(known..).unwrap_or_default()
    }

    /// What was found in each run, a line a kind of finding, the replicas of a run together.
    pub fn lines(&self, cohort: &Cohort) -> Vec<String> {
        let experiment = &cohort.revision().experiment;
        let replicas = experiment.train.replicas;
        let mut lines = Vec::new();
        for (run, watches) in experiment.runs.iter().zip(self.watches.chunks(replicas.max(1))) {
            let mut found: Vec<(&Finding, usize)> = Vec::new();
            for finding in watches.iter().flat_map(Watch::findings) {
                match found.iter_mut().find(|(known, _)| known.kind == finding.kind) {
                    Some((_, count)) => *count += 1,
                    None => found.push((finding, 1)),
                }
            }
            for (finding, count) in found {
                let how_many = match replicas {
                    1 => String::new(),
                    _ => format!(" ({count} of {replicas} replicas)"),
                };
                let remedy = finding.remedies.first().map_or_else(String::new, |remedy| {
                    format!(" What may help: {}.", remedy.label().to_lowercase())
                });
                lines.push(format!(
                    "\"{}\"{how_many}: {}. {}{remedy}",
                    run.name,
                    finding.message(),
                    finding.kind.cause()
                ));
            }
        }
        lines
    }
}
