//! Weights of an earlier training, put in place of random ones.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::TrainError;
use super::checkpoint::{Checkpoint, newest_good};
use crate::experiment::start::{Head, Start};
use crate::model::Parameter;

/// What lanes begin with.
#[derive(Debug)]
pub struct Weights {
    /// The weights of the run's replicas, in their order; there is at least one.
    rows: Vec<Vec<f32>>,
    /// What is taken of them, and where it goes.
    taken: Vec<(Range<usize>, Range<usize>)>,
    /// What begins anew.
    fresh: Vec<String>,
}

impl Weights {
    /// The weights that an experiment begins with, for a model with these parameters.
    ///
    /// # Errors
    /// When there is no such training, it has no such run, or a layer below the head has another shape.
    pub fn load(start: &Start, parameters: &[Parameter]) -> Result<Self, TrainError> {
        let wrong = |found: String, allowed: &str| TrainError::Start(start.error(found, allowed.to_owned()));
        let name = crate::plain::name(&start.path.to_string_lossy());
        let checkpoint = open(&start.path).map_err(|why| {
            wrong(
                format!("\"{name}\" ({why})"),
                "the folder of a training that `anneal train --out` saved, or a checkpoint of one",
            )
        })?;
        let run = match &start.run {
            Some(run) => run.clone(),
            None => checkpoint.experiment.runs.first().map(|run| run.name.clone()).unwrap_or_default(),
        };
        let mut lanes: Vec<_> = checkpoint.lanes.iter().filter(|lane| lane.run == run).collect();
        lanes.sort_by_key(|lane| lane.id.replica);
        if lanes.is_empty() {
            let known: Vec<String> = checkpoint
                .experiment
                .runs
                .iter()
                .map(|run| format!("\"{}\"", crate::plain::name(&run.name)))
                .collect();
            let found = format!("the run \"{}\" of \"{name}\"", crate::plain::name(&run));
            return Err(wrong(found, &format!("one of its runs: {}", known.join(", "))));
        }
        let width = checkpoint.parameters.iter().map(|parameter| parameter.range().end).max().unwrap_or(0);
        let row = |lane: &&super::checkpoint::SavedLane| lane.row.get(..width).map(<[f32]>::to_vec);
        let rows: Option<Vec<Vec<f32>>> = lanes.iter().map(row).collect();
        let rows =
            rows.ok_or_else(|| wrong(format!("\"{name}\""), "a checkpoint whose rows hold its weights"))?;
        let head = parameters.iter().map(|parameter| parameter.layer).max().unwrap_or(0);
        let (mut taken, mut fresh) = (Vec::new(), Vec::new());
        for parameter in parameters {
            let there = checkpoint.parameters.iter().find(|other| other.name == parameter.name);
            let is_head = parameter.layer == head;
            match there {
                Some(other) if other.shape == parameter.shape && !(is_head && start.head == Head::New) => {
                    taken.push((other.range(), parameter.range()));
                }
                _ if is_head => fresh.push(parameter.name.clone()),
                Some(other) => {
                    let found = format!("\"{name}\", whose {} is {:?}", parameter.name, other.shape);
                    let shape = &parameter.shape;
                    return Err(wrong(found, &format!("weights of this model, where it is {shape:?}")));
                }
                None => {
                    let found = format!("\"{name}\", which has no {}", parameter.name);
                    return Err(wrong(found, "weights of a model with the same layers below the head"));
                }
            }
        }
        Ok(Self { rows, taken, fresh })
    }

    /// Replaces the weights of a replica that were taken over. Replicas beyond those that there were begin with the
    /// weights of the first ones again.
    pub fn put(&self, replica: u32, weights: &mut [f32]) {
        let Some(row) = self.rows.get(replica as usize % self.rows.len().max(1)) else { return };
        for (from, to) in &self.taken {
            if let (Some(from), Some(to)) = (row.get(from.clone()), weights.get_mut(to.clone())) {
                to.copy_from_slice(from);
            }
        }
    }

    /// The parameters that begin anew.
    pub fn fresh(&self) -> &[String] {
        &self.fresh
    }
}

/// The checkpoint at a path, or the newest good one of a training's folder.
fn open(path: &Path) -> Result<Checkpoint, String> {
    if path.is_file() {
        return Checkpoint::open(path).map_err(|refusal| refusal.to_string());
    }
    if !path.is_dir() {
        return Err("there is no such folder or file".to_owned());
    }
    let within: PathBuf = path.join("checkpoints");
    let folder = if within.is_dir() { &within } else { path };
    let found = newest_good(folder).map_err(|error| error.to_string())?;
    match (found.newest, found.refused.first()) {
        (Some((_, checkpoint)), _) => Ok(checkpoint),
        (None, Some(refusal)) => Err(refusal.to_string()),
        (None, None) => Err("there are no checkpoints in it".to_owned()),
    }
}
