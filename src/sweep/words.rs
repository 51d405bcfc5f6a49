//! What a driver and a block of trials elsewhere say to each other, a line of JSON each.
//!
//! What a block does depends on what it was told and on nothing else, so a block whose worker is lost is done again
//! by telling another one the same.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SweepError;
use super::journal::Line;
use super::space::Chosen;
use super::trial::values;
use crate::experiment::Experiment;
use crate::train::lane::LaneState;

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
    /// Trains members of a population, whatever was told before.
    Breed(Breed),
}

/// Members of a population, and how far they are to be trained.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Breed {
    pub version: String,
    /// The experiment with its one run, and the file it is from.
    pub experiment: String,
    pub origin: PathBuf,
    /// The first seed and how many, where they begin at update 0 and are not to go on later.
    pub seed: u64,
    pub seeds: usize,
    pub members: Vec<Young>,
    pub to: u64,
    /// Whether they go on from where they are, and are to go on later.
    pub keep: bool,
}

/// A member: the rate of each update, and where it is; at update 0 without.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Young {
    pub rates: Vec<f64>,
    pub state: Option<Whole>,
}

/// All that a member's next update depends on: its row, and what is beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whole {
    /// The bits of its numbers, eight hexadecimal digits each: a text is handed on faster than a list.
    row: String,
    pub lane: LaneState,
}

impl Whole {
    pub fn new(row: &[f32], lane: LaneState) -> Self {
        let mut digits = String::with_capacity(DIGITS * row.len());
        for number in row {
            // A text takes whatever is written to it.
            let _ = write!(digits, "{:0DIGITS$x}", number.to_bits());
        }
        Self { row: digits, lane }
    }

    /// Bytes that it takes, more or less.
    pub fn bytes(&self) -> usize {
        self.row.len()
    }

    /// The row.
    ///
    /// # Errors
    /// When it is none.
    pub fn row(&self) -> Result<Vec<f32>, SweepError> {
        let number = |digits: &[u8]| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == DIGITS)?;
            u32::from_str_radix(digits, 16).ok().map(f32::from_bits)
        };
        let row: Option<Vec<f32>> = self.row.as_bytes().chunks(DIGITS).map(number).collect();
        row.ok_or_else(|| SweepError::Impossible("a member whose weights are no numbers".to_owned()))
    }
}

/// Digits of a number of a row.
const DIGITS: usize = 8;

/// What came of a member: a loss a seed, nothing where it diverged; and where it is, if that was asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Grown {
    pub losses: Vec<Option<f64>>,
    pub state: Option<Whole>,
}

/// How a trial looked after each step so far; nothing where infinitely bad.
pub(super) type Looks = Vec<(u64, Option<f64>)>;

/// What a block says. Each thing it is told is answered at last by [`Said::Done`], [`Said::Bred`] or [`Said::Failed`].
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
    /// The members that it was told of, in their order.
    Bred {
        members: Vec<Grown>,
    },
    Failed {
        why: String,
    },
}

/// Something was said that belongs to nothing that was told.
pub(super) fn nobody() -> RemoteError {
    RemoteError::Words("something of no block".to_owned())
}

/// # Errors
/// When the driver is another version than this worker.
pub(super) fn same_version(version: &str) -> Result<(), SweepError> {
    if version == VERSION {
        return Ok(());
    }
    Err(SweepError::Impossible(format!(
        "this worker has anneal {VERSION} and the driver {version}: only the same version gives the same bits"
    )))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_to_the_bit_and_what_is_none_is_said() {
        let row = [0.1, -0.0, f32::NAN, f32::MIN_POSITIVE, f32::INFINITY];
        let whole = Whole::new(&row, LaneState::default());
        let bits = |row: &[f32]| row.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&whole.row().unwrap()), bits(&row));
        for wrong in ["123", "0000000g", "3dcccccd1", "\u{e9}\u{e9}\u{e9}\u{e9}"] {
            let whole = Whole { row: wrong.to_owned(), lane: LaneState::default() };
            assert!(whole.row().is_err(), "{wrong}");
        }
    }
}
