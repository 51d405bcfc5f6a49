//! What is shown of the loss around the weights: the ground, and the ways of the lanes on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::protocol::SurveyRequest;
use crate::jobs::Lost;
use crate::landscape::{Grid, Plane, PlaneError};
use crate::train::TrainError;
use crate::train::ids::LaneId;

/// The loss over a plane of parameter space, as far as it is surveyed.
#[derive(Clone, Debug)]
pub struct Ground {
    pub request: SurveyRequest,
    pub plane: Arc<Plane>,
    pub grid: Grid,
    /// For [`SurveyRequest::Trajectory`]: what share of the variance of the weights lies along each axis.
    pub explained: Option<[f64; 2]>,
    /// Whether the grid is as fine as it gets.
    pub complete: bool,
    /// Training samples each point is scored on.
    pub samples: usize,
    /// What the weights were that it was made around.
    pub moment: Moment,
}

/// Why there is no landscape.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("one of the two snapshots is no longer kept: choose another")]
    Gone,
    #[error(transparent)]
    Plane(#[from] PlaneError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("no thread for the survey: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the survey failed: {0}")]
    Lost(Lost),
}

/// When weights were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub generation: u64,
    /// Updates of all lanes together.
    pub updates: u64,
}

/// Where a lane went, in the plane's coordinates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Way {
    /// In order, each with the updates done there; the last is where the lane stands.
    pub places: Vec<(u64, [f64; 2])>,
    /// The snapshots that the experiment or a hand asked for.
    pub marks: Vec<(u64, [f64; 2])>,
}

/// What the engine shows of a landscape.
#[derive(Clone, Debug)]
pub struct Landscape {
    pub request: SurveyRequest,
    /// The ground, or why there is none.
    pub ground: Result<Arc<Ground>, Arc<SurveyError>>,
    /// The ways of the first replicas.
    pub ways: Arc<BTreeMap<LaneId, Way>>,
}
