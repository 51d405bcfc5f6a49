//! What the microscope shows.

use super::curvature::Curvature;
use crate::analysis::microscope::Reading;
use crate::train::ids::LaneId;

/// What is seen of one lane.
#[derive(Clone, Debug)]
pub struct Examined {
    pub lane: LaneId,
    /// The name of each layer's first parameter, from the input on.
    pub layers: Vec<String>,
    /// The first updates, in order.
    pub readings: Vec<Reading>,
    /// How many of them are looked at in all.
    pub most: u64,
    /// The beta2 of a rule that has one.
    pub beta2: Option<f64>,
    pub clip_norm: Option<f64>,
    /// Whether the rule divides by the gradient's own size: then `2/rate` limits no plain sharpness.
    pub adaptive: bool,
    /// In order of the updates.
    pub curvature: Vec<Curvature>,
    /// Whether there is nothing left to look at until the lane has trained on.
    pub complete: bool,
}
