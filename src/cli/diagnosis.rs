//! What goes wrong in a training without a window: into the events as it comes, in words at the end.

use crate::analysis::detect::{Context, Finding, Kind, Watch, initial_norm};
use crate::analysis::siblings::behind;
use crate::analysis::statistics::mean;
use crate::train::TrainError;
use crate::train::checkpoint::Checkpoint;
use crate::train::cohort::Cohort;
use crate::train::lane::Lane;

use crate::telemetry::metrics::Measured;

/// A watch over each lane of a cohort, in the order of the lanes.
pub struct Diagnosis {
    watches: Vec<Watch>,
    /// Whether each remembers already what an earlier part of the training measured.
    restored: Vec<bool>,
}

impl Diagnosis {
    pub fn new(cohort: &Cohort) -> Result<Self, TrainError> {
        let experiment = &cohort.revision().experiment;
        let norm = initial_norm(cohort.task());
        let watch = |lane: &Lane| {
            Ok(Watch::new(Context::of(cohort.task(), experiment, lane.id.run.0 as usize, norm)?))
        };
        let watches = cohort.lanes().iter().map(watch).collect::<Result<Vec<_>, TrainError>>()?;
        Ok(Self { restored: vec![false; watches.len()], watches })
    }

    /// Goes on from what the watches of a checkpoint remembered.
    pub fn restore(&mut self, cohort: &Cohort, checkpoint: &Checkpoint) {
        let names = &cohort.revision().experiment.runs;
        for (at, lane) in cohort.lanes().iter().enumerate() {
            let run = names.get(lane.id.run.0 as usize).map(|run| run.name.as_str());
            let saved = checkpoint
                .lanes
                .iter()
                .find(|saved| Some(saved.run.as_str()) == run && saved.id.replica == lane.id.replica);
            let Some(state) = saved.and_then(|saved| saved.watch.as_ref()) else { continue };
            if let (Some(watch), Some(restored)) = (self.watches.get_mut(at), self.restored.get_mut(at)) {
                // Another version's: what was measured is taken in again.
                *restored = watch.restore(state).is_ok();
            }
        }
    }

    /// Takes in what an earlier part of the training measured, where it is not remembered.
    pub fn take_again(&mut self, lane: usize, measured: &Measured) {
        if let (Some(watch), Some(false)) = (self.watches.get_mut(lane), self.restored.get(lane)) {
            watch.update(&measured.row);
        }
    }

    /// Gives a checkpoint of the same cohort what the watches remember.
    pub fn keep(&self, checkpoint: &mut Checkpoint) {
        for (saved, watch) in checkpoint.lanes.iter_mut().zip(&self.watches) {
            saved.watch = watch.state().ok();
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
        let of_runs = self.watches.chunks(replicas.max(1));
        let losses: Vec<Option<f64>> = of_runs
            .map(|watches| mean(&watches.iter().map(Watch::loss).collect::<Option<Vec<f64>>>()?))
            .collect();
        let chance = self.watches.first().and_then(Watch::chance);
        // Of a run that diverged, the divergence is what there is to say.
        let diverged: Vec<bool> = self
            .watches
            .chunks(replicas.max(1))
            .map(|watches| {
                watches.iter().flat_map(Watch::findings).any(|found| found.kind == Kind::Divergence)
            })
            .collect();
        let behind = chance.map_or_else(Vec::new, |chance| behind(&losses, chance));
        for behind in behind.into_iter().filter(|behind| diverged.get(behind.run) == Some(&false)) {
            let name = |at: usize| experiment.runs.get(at).map_or("", |run| run.name.as_str());
            lines.push(format!(
                "\"{}\": behind its siblings: loss {:.3} against {:.3} of \"{}\" on the same model and data. Its rate or \
                 its optimizer's numbers are what differs: anneal find-lr finds a peak it bears.",
                name(behind.run),
                behind.loss,
                behind.least,
                name(behind.best)
            ));
        }
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
