//! What counts as converged and as failed, and what an hour costs: said once a library, task by task, and saved.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::LibraryError;
use super::lane::{LaneRecord, Validated};
use crate::files;

/// The version of the file that is read.
const VERSION: u32 = 1;
/// Its name in the library's folder.
pub(super) const NAME: &str = "library.toml";

/// `library.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    anneal_library: u32,
    /// What an hour of training costs.
    #[serde(default)]
    pub price_per_hour: f64,
    /// In what; only shown.
    #[serde(default = "currency")]
    pub currency: String,
    /// The share of runs that may fail.
    #[serde(default = "budget")]
    pub error_budget: f64,
    /// The first whose data is a lane's says what its convergence is.
    #[serde(default, rename = "task")]
    pub tasks: Vec<Target>,
}

fn currency() -> String {
    "$".to_owned()
}

const fn budget() -> f64 {
    0.02
}

/// When a run on some data has converged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The data set's name or file; `*` is any.
    pub data: String,
    /// The validation accuracy reaches this.
    pub accuracy_at_least: Option<f64>,
    /// The validation loss sinks to this.
    pub loss_at_most: Option<f64>,
}

impl Default for Criteria {
    fn default() -> Self {
        Self {
            anneal_library: VERSION,
            price_per_hour: 0.0,
            currency: currency(),
            error_budget: budget(),
            tasks: Vec::new(),
        }
    }
}

impl Criteria {
    /// # Errors
    /// When the library's file is there and cannot be read, or says what cannot be.
    pub fn read(library: &Path) -> Result<Self, LibraryError> {
        let path = library.join(NAME);
        let bytes = match files::read(&path, 1 << 20) {
            Ok(bytes) => bytes,
            Err(files::ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(LibraryError::Read { path, cause: error.into() }),
        };
        let bad = |why: String, path: PathBuf| LibraryError::BadFile { path, why };
        let text = String::from_utf8_lossy(&bytes);
        let read: Self = toml::from_str(&text).map_err(|error| bad(error.to_string(), path.clone()))?;
        let within = |share: f64| (0.0..=1.0).contains(&share);
        let why = if read.anneal_library != VERSION {
            format!("anneal_library is {}, and {VERSION} is read", read.anneal_library)
        } else if !(read.price_per_hour >= 0.0 && read.price_per_hour.is_finite()) {
            "price_per_hour: at least 0".to_owned()
        } else if !(within(read.error_budget) && read.error_budget > 0.0) {
            "error_budget: a share above 0 and at most 1".to_owned()
        } else if let Some(task) = read.tasks.iter().find(|task| task.says_nothing()) {
            format!("task \"{}\": accuracy_at_least or loss_at_most is needed", task.data)
        } else {
            return Ok(read);
        };
        Err(bad(why, path))
    }

    fn target(&self, lane: &LaneRecord) -> Option<&Target> {
        let data = lane.settings.get("data.name").or_else(|| lane.settings.get("data.path"));
        self.tasks.iter().find(|task| task.data == "*" || data.is_some_and(|data| *data == task.data))
    }

    /// The updates after which a lane had converged, if it did: a failed one has not.
    pub fn converged(&self, lane: &LaneRecord) -> Option<u64> {
        if lane.is_failed() {
            return None;
        }
        let first = lane.validations.first()?;
        let reached = |it: &&Validated| match self.target(lane) {
            Some(target) => target.is_reached(it),
            None => it.loss.is_some_and(|loss| first.loss.is_some_and(|first| loss <= first / 2.0)),
        };
        lane.validations.iter().find(reached).map(|it| it.updates)
    }

    /// Whether it can be told if a lane converged: what its criterion asks for was measured, and nobody gave it up.
    pub fn is_judged(&self, lane: &LaneRecord) -> bool {
        let measured = |target: &Target| {
            let looks = &lane.validations;
            (target.accuracy_at_least.is_none() || looks.iter().any(|it| it.accuracy.is_some()))
                && (target.loss_at_most.is_none() || looks.iter().any(|it| it.loss.is_some()))
        };
        let halves =
            || lane.validations.len() > 1 && lane.validations.first().is_some_and(|it| it.loss.is_some());
        lane.is_failed() || (!lane.pruned && self.target(lane).map_or_else(halves, measured))
    }

    /// What convergence is for a lane, in words.
    pub fn words(&self, lane: &LaneRecord) -> String {
        match self.target(lane) {
            Some(target) => target.words(),
            None => "the validation loss sinks to half of what it was at the first look".to_owned(),
        }
    }
}

impl Target {
    fn says_nothing(&self) -> bool {
        self.accuracy_at_least.is_none() && self.loss_at_most.is_none()
    }

    fn is_reached(&self, it: &Validated) -> bool {
        let accurate = |least: f64| it.accuracy.is_some_and(|accuracy| accuracy >= least);
        let low = |most: f64| it.loss.is_some_and(|loss| loss <= most);
        self.accuracy_at_least.is_none_or(accurate) && self.loss_at_most.is_none_or(low)
    }

    fn words(&self) -> String {
        let accuracy = self.accuracy_at_least.map(|least| format!("validation accuracy at least {least}"));
        let loss = self.loss_at_most.map(|most| format!("validation loss at most {most}"));
        accuracy.into_iter().chain(loss).collect::<Vec<_>>().join(" and ")
    }
}
