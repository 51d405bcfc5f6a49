//! From rows of weights to a landscape: the plane, the frame, the grid, and the runs' ways over it.

use std::sync::atomic::AtomicBool;

use rand_chacha::ChaCha8Rng;

use super::grid::{Frame, Grid};
use super::objective::Objective;
use super::plane::{Place, Plane, PlaneError};
use crate::model::Parameter;

/// Which plane of parameter space is looked at.
#[derive(Debug)]
pub enum Axes<'a> {
    /// The two directions in which the rows of all runs differ most.
    Trajectory,
    /// Two filter-normalised random directions around the last row of the first run.
    Random(&'a mut ChaCha8Rng),
    /// The weights themselves, of a model that has two: the first to the right, the second up.
    Weights,
    /// From one row to another, and a random direction across.
    Between { from: &'a [f32], to: &'a [f32], rng: &'a mut ChaCha8Rng },
}

/// Where a survey is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub plane: Plane,
    pub frame: Frame,
    /// For [`Axes::Trajectory`]: what share of the rows' variance lies along each axis.
    pub explained: Option<[f64; 2]>,
}

/// A landscape, and the places of each run's rows in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    pub plane: Plane,
    pub grid: Grid,
    /// A list a run, a place a row.
    pub runs: Vec<Vec<Place>>,
    /// As [`Site::explained`].
    pub explained: Option<[f64; 2]>,
}

/// Points along each side of a full grid.
pub const SIDE: usize = 101;
/// The most samples a point is scored on.
pub const SAMPLES: usize = 1000;

/// Room around what the frame has to hold, as a share of its sides.
const MARGIN: f64 = 0.25;

/// The plane that `axes` ask for around the rows of runs (`runs[run][moment]` is a row of weights), and
/// the frame to look at: it holds every row, or both ends of a line, or each filter's norm each way
/// around a row.
///
/// # Errors
/// When the rows make no such plane.
pub fn site<R: AsRef<[f32]>>(
    parameters: &[Parameter],
    runs: &[Vec<R>],
    axes: Axes<'_>,
) -> Result<Site, PlaneError> {
    let rows: Vec<&[f32]> = runs.iter().flatten().map(AsRef::as_ref).collect();
    let fixed = |plane, x, y| Site { plane, frame: Frame { x, y }, explained: None };
    let (plane, explained) = match axes {
        Axes::Random(rng) => {
            let last = runs.iter().find_map(|rows| rows.last()).ok_or(PlaneError::TooFew { found: 0 })?;
            let plane = Plane::random(last.as_ref(), parameters, rng)?;
            return Ok(fixed(plane, [-1.0, 1.0], [-1.0, 1.0]));
        }
        Axes::Between { from, to, rng } => {
            let plane = Plane::through_two(from, to, parameters, rng)?;
            return Ok(fixed(plane, [-0.5, 1.5], [-1.0, 1.0]));
        }
        Axes::Trajectory => {
            let (plane, shares) = Plane::of_trajectory(&rows)?;
            (plane, Some(shares))
        }
        Axes::Weights => {
            let axes = [vec![1.0, 0.0], vec![0.0, 1.0]];
            (Plane::new(vec![0.0; parameters.last().map_or(0, |last| last.range().end)], axes)?, None)
        }
    };
    let places = rows.into_iter().map(|row| plane.place(row)).collect::<Result<Vec<_>, _>>()?;
    let frame = Frame::around(places.iter().map(|place| (place.x, place.y)), MARGIN);
    Ok(Site { plane, frame, explained })
}

/// Surveys the [`site`] around the rows of runs. `rough` is given the grid while it is still coarse;
/// `None` when `cancel` was set before the end.
///
/// # Errors
/// When the rows make no such plane.
pub fn survey(
    objective: &Objective<'_>,
    parameters: &[Parameter],
    runs: &[Vec<Vec<f32>>],
    axes: Axes<'_>,
    size: (usize, usize),
    cancel: &AtomicBool,
    rough: impl FnMut(&Grid),
) -> Result<Option<Survey>, PlaneError> {
    let Site { plane, frame, explained } = site(parameters, runs, axes)?;
    let places = runs.iter().map(|rows| rows.iter().map(|row| plane.place(row)).collect());
    let runs: Vec<Vec<Place>> = places.collect::<Result<_, _>>()?;
    let grid = objective.grid(&plane, frame, size, cancel, rough);
    Ok(grid.map(|grid| Survey { plane, grid, runs, explained }))
}

impl Survey {
    /// Places of a run in shares of the frame, as [`super::Trail`] takes them.
    pub fn trail(&self, run: usize) -> Vec<[f32; 2]> {
        let places = self.runs.get(run).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|place| self.grid.frame.share(place.x, place.y)).collect()
    }
}
