//! What a driver and a block of trials elsewhere say to each other, a line of JSON each.
//!
//! What a block does depends on what it was told and on nothing else, so a block whose worker is lost is done again
//! by telling another one the same.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::journal::Line;
use super::space::Chosen;
use super::trial::values;
use crate::experiment::Experiment;

/// Why workers elsewhere do not train.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("cannot start {program}: {cause}")]
    Start { program: String, cause: std::io::Error },
    /// In the pool's own words.
    #[error("{0}")]
    Pool(String),
    #[error("the pool of workers ended before the sweep did")]
    Gone,
    #[error("the pool of workers said what nobody understands: {0}")]
    Words(String),
}

/// Who trains a block must be this very version: only then are the bits the same.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a block is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// Puts these trials at update 0, whatever the block did before.
    Begin {
        version: String,
        /// The experiment with its sweep, and the file it is from.
        experiment: String,
        origin: PathBuf,
        trials: Vec<(usize, Map<String, Value>)>,
    },
    /// Trains up to a step of the run.
    Advance {
        step: u64,
    },
    Prune {
        trials: Vec<usize>,
    },
}

/// How a trial looked after each step so far; nothing where infinitely bad.
pub(super) type Looks = Vec<(u64, Option<f64>)>;

/// What a block says. Each thing it is told is answered at last by [`Said::Done`] or [`Said::Failed`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// The share of the block that is done.
    Progress {
        share: f64,
        running: Vec<(usize, Vec<(u64, f32)>)>,
    },
    Done {
        /// Trials that have ended, and why they could not be trained.
        ended: Vec<(Line, Option<String>)>,
        /// How those that are still trained look.
        curves: Vec<(usize, Looks)>,
    },
    Failed {
        why: String,
    },
}

impl Told {
    /// What begins a block.
    pub fn begin(experiment: &Experiment, origin: PathBuf, trials: &[(usize, Chosen)]) -> Self {
        let object = |chosen: &Chosen| match values(chosen) {
            Value::Object(values) => values,
            _ => Map::new(),
        };
        Self::Begin {
            version: VERSION.to_owned(),
            experiment: experiment.to_toml(),
            origin,
            trials: trials.iter().map(|(trial, chosen)| (*trial, object(chosen))).collect(),
        }
    }
}
