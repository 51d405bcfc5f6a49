//! A survey: the loss over a plane of weights, on a thread of its own.

use std::sync::Arc;

use super::ground::{Ground, Moment, SurveyError};
use super::protocol::SurveyRequest;
use super::shared_view::Snapshot;
use crate::data::Prepared;
use crate::experiment::{Experiment, Model, SurfaceFunction};
use crate::jobs::Answers;
use crate::landscape::survey::{SAMPLES, SIDE};
use crate::landscape::{Axes, Frame, Grid, Objective, PlaneError, Site, site};
use crate::model::surface::Surface;
use crate::random::{Stream, rng};
use crate::train::TrainError;
use crate::train::task::Task;

/// The most multiplications and additions of a survey: some seconds of a core.
const WORK: f64 = 2e12;
/// A surface's start lies this much of the frame's sides within it.
const START_MARGIN: f64 = 0.08;

/// A ground, ever finer, or why there is none.
pub(super) type Surveyed = Result<Ground, SurveyError>;

/// All that a survey needs, away from the cohort.
pub(super) struct Survey {
    pub request: SurveyRequest,
    pub experiment: Experiment,
    pub prepared: Arc<Prepared>,
    pub runs: Vec<Vec<Vec<f32>>>,
    pub ends: Option<[Snapshot; 2]>,
    pub moment: Moment,
}

impl Survey {
    /// Gives the ground round by round, ever finer; the last one is complete, unless nobody waits any more.
    pub fn make(self, answers: &Answers<Surveyed>) -> Surveyed {
        let task = Task::new(&self.experiment, Arc::clone(&self.prepared))?;
        let Site { plane, frame, explained } = self.site(&task)?;
        let (side, samples) = extent(task.model.flops(1) / 3.0, task.samples);
        let rows: Vec<u32> = (0..samples as u32).collect();
        let objective = Objective::new(&*task.model, task.training(&rows));
        let shown = Arc::new(plane.clone());
        let ground = |grid: &Grid, complete| Ground {
            request: self.request,
            plane: Arc::clone(&shown),
            grid: grid.clone(),
            explained,
            complete,
            samples,
            moment: self.moment,
        };
        // Training and the interface keep half of the machine.
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|at| format!("landscape-{at}"))
            .build()
            .map_err(TrainError::from)?;
        let cancelled = answers.progress().cancelled();
        let rough = |rough: &Grid| answers.give(Ok(ground(rough, false)));
        let grid = pool.install(|| objective.grid(&plane, frame, (side, side), cancelled, rough));
        grid.map(|grid| ground(&grid, true)).ok_or(SurveyError::Train(TrainError::Cancelled))
    }

    fn site(&self, task: &Task) -> Result<Site, PlaneError> {
        let parameters = task.model.parameters();
        let mut directions = rng(self.experiment.train.seed, Stream::Directions);
        let axes = match (self.request, &self.ends) {
            (SurveyRequest::Weights, _) => Axes::Weights,
            (_, Some([from, to])) => {
                Axes::Between { from: from.weights(), to: to.weights(), rng: &mut directions }
            }
            (SurveyRequest::Random(_), _) => Axes::Random(&mut directions),
            (SurveyRequest::Trajectory | SurveyRequest::Between(..), _) => Axes::Trajectory,
        };
        let mut site = site(parameters, &self.runs, axes)?;
        if let Model::Surface { function, start, .. } = &self.experiment.model {
            site.frame = surface_frame(*function, *start);
        }
        Ok(site)
    }
}

/// The part of a surface to look at: what is typical of it, and the start.
pub fn surface_frame(function: SurfaceFunction, start: [f64; 2]) -> Frame {
    let [x, y] = Surface::new(function, start).extent();
    Frame { x, y }.holding((start[0], start[1]), START_MARGIN)
}

/// The loss of a surface at a place.
pub fn surface_loss(function: SurfaceFunction, place: [f64; 2]) -> f64 {
    Surface::new(function, place).at(place).0
}

/// Points along a side, and samples a point is scored on, for a model that takes so many multiplications
/// and additions a sample: fewer where the survey would take minutes.
fn extent(work: f64, samples: usize) -> (usize, usize) {
    let (mut side, mut samples) = (SIDE, samples.min(SAMPLES));
    let total = |side: usize, samples: usize| work * samples as f64 * (side * side) as f64;
    while total(side, samples) > WORK && samples > SAMPLES / 8 {
        samples /= 2;
    }
    while total(side, samples) > WORK && side > SIDE / 2 {
        side = side.div_ceil(2);
    }
    (side, samples.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_models_are_surveyed_more_coarsely() {
        assert_eq!(extent(17e3 * 2.0, 1400), (101, 1000));
        assert_eq!(extent(32.0, 1), (101, 1));
        let (side, samples) = extent(5e8, 60_000);
        assert!(side < 101 && samples < 1000 && side >= 25 && samples >= 100, "{side} {samples}");
    }

    #[test]
    fn a_start_far_off_is_in_the_frame() {
        let frame = surface_frame(SurfaceFunction::Rosenbrock, [-1.5, 2.0]);
        assert_eq!(frame, Frame { x: [-2.0, 2.0], y: [-1.0, 3.0] });
        let frame = surface_frame(SurfaceFunction::Beale, [9.0, -7.0]);
        assert!(frame.x[1] > 9.5 && frame.y[0] < -7.5 && frame.x[0] == -4.5, "{frame:?}");
    }
}
