//! The loss around the weights: surveyed on a thread of its own, and where the lanes stand on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::ground::{Ground, Landscape, Moment, Way};
use super::protocol::SurveyRequest;
use super::shared_view::Snapshot;
use super::{Worker, lock};
use crate::data::Prepared;
use crate::experiment::{Experiment, Model, SurfaceFunction};
use crate::landscape::{Axes, Frame, Grid, Objective, Site, site};
use crate::model::surface::Surface;
use crate::random::{Stream, rng};
use crate::train::cohort::Cohort;
use crate::train::ids::LaneId;
use crate::train::task::Task;

/// Between two looks at where the lanes stand.
const PLACED: Duration = Duration::from_millis(30);
/// While training goes on, a survey is renewed after so many times the time it took.
const PATIENCE: u32 = 3;
/// Points along each side of the finest grid.
const SIDE: usize = 101;
/// The most samples a point is scored on.
const SAMPLES: usize = 1000;
/// The most multiplications and additions of a survey: some seconds of a core.
const WORK: f64 = 2e12;
/// A surface's start lies this much of the frame's sides within it.
const START_MARGIN: f64 = 0.08;

/// What is surveyed, and what was.
#[derive(Default)]
pub(super) struct Surveyor {
    wanted: Option<SurveyRequest>,
    job: Option<Job>,
    ground: Option<Result<Arc<Ground>, Arc<str>>>,
    /// Of the newest survey: when it ended, how long it took, and what it was made around.
    ended: Option<(Instant, Duration, Moment)>,
    /// When the ways were last looked at, and what was seen.
    placed: Option<(Instant, Moment)>,
}

/// A survey on its way.
struct Job {
    cancel: Arc<AtomicBool>,
    news: Receiver<Result<Ground, String>>,
    began: Instant,
    moment: Moment,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

impl Surveyor {
    /// Asks for another landscape, or for none.
    pub(super) fn want(&mut self, wanted: Option<SurveyRequest>) {
        if wanted.is_none() || wanted != self.wanted {
            *self = Self { wanted, ..Self::default() };
        }
    }

    /// Forgets what was surveyed: it was another model, or other data.
    pub(super) fn forget(&mut self) {
        *self = Self { wanted: self.wanted.take(), ..Self::default() };
    }

    /// Whether there is nothing to do while the weights stay as they were at this moment.
    fn is_settled(&self, moment: Moment) -> bool {
        let seen = self.placed.is_some_and(|(_, seen)| seen == moment);
        match (self.wanted, &self.job, self.ended) {
            (None, ..) => true,
            (Some(request), None, Some((.., made_of))) => {
                seen && (request == SurveyRequest::Weights || made_of == moment)
            }
            _ => false,
        }
    }

    /// Takes what the survey on its way has found; `true` when there is something new to see.
    fn listen(&mut self) -> bool {
        let mut new = false;
        loop {
            let Some(job) = &self.job else { return new };
            let (found, over) = match job.news.try_recv() {
                Ok(Ok(ground)) => {
                    let complete = ground.complete;
                    (Ok(Arc::new(ground)), complete)
                }
                Ok(Err(why)) => (Err(why.into()), true),
                Err(TryRecvError::Empty) => return new,
                Err(TryRecvError::Disconnected) => (Err("the survey stopped without a word".into()), true),
            };
            if over {
                self.ended = Some((Instant::now(), job.began.elapsed(), job.moment));
                self.job = None;
            }
            // What is whole stays on show until there is something whole to take its place.
            if over || self.ground.as_ref().is_none_or(|ground| !ground.as_ref().is_ok_and(|g| g.complete)) {
                self.ground = Some(found);
                new = true;
            }
        }
    }
}

impl Worker {
    /// Whether no landscape is wanted, or the wanted one is as it will be until training goes on.
    pub(super) fn has_surveyed(&self) -> bool {
        self.surveyor.is_settled(self.moment())
    }

    fn moment(&self) -> Moment {
        let lanes = self.cohort.as_ref().map(Cohort::lanes).unwrap_or_default();
        let updates = lanes.iter().map(|lane| lane.update).sum();
        Moment { generation: self.revision.generation, updates }
    }

    /// Keeps the wanted landscape, and the lanes' places on it, fresh.
    pub(super) fn survey(&mut self) {
        let Some(request) = self.surveyor.wanted else { return };
        if self.cohort.is_none() {
            return;
        }
        let moment = self.moment();
        let new = self.surveyor.listen();
        if self.is_survey_due(&request, moment) {
            match self.begin_survey(&request, moment) {
                Ok(job) => self.surveyor.job = Some(job),
                Err(why) => {
                    self.surveyor.ground = Some(Err(why.into()));
                    self.surveyor.ended = Some((Instant::now(), Duration::ZERO, moment));
                }
            }
        }
        let Some(ground) = self.surveyor.ground.clone() else { return };
        let stands = |(when, seen): (Instant, Moment)| seen == moment || when.elapsed() < PLACED;
        if !new && self.surveyor.placed.is_some_and(stands) {
            return;
        }
        self.surveyor.placed = Some((Instant::now(), moment));
        let ways = ground.as_ref().map(|ground| self.ways(ground)).unwrap_or_default();
        lock(&self.shared).landscape = Some(Landscape { request, ground, ways: Arc::new(ways) });
    }

    fn is_survey_due(&self, request: &SurveyRequest, moment: Moment) -> bool {
        match (&self.surveyor.job, self.surveyor.ended) {
            (Some(_), _) => false,
            (None, None) => true,
            // Weights lie where they lie, whatever the runs do.
            (None, Some(_)) if *request == SurveyRequest::Weights => false,
            (None, Some((_, _, made_of))) if made_of == moment => false,
            (None, Some((when, took, _))) => when.elapsed() >= took * PATIENCE,
        }
    }

    /// Starts a survey around the weights as they are now.
    fn begin_survey(&self, request: &SurveyRequest, moment: Moment) -> Result<Job, String> {
        let cohort = self.cohort.as_ref().ok_or("nothing trains")?;
        let cancel = Arc::new(AtomicBool::new(false));
        // Three rough grids and the fine one.
        let (send, news) = sync_channel(4);
        let survey = Survey {
            request: *request,
            experiment: self.revision.experiment.clone(),
            prepared: Arc::clone(&cohort.task().prepared),
            runs: self.rows_around(request),
            ends: self.ends(request)?,
            moment,
            cancel: Arc::clone(&cancel),
        };
        let work = move || {
            if let Err(why) = survey.make(&send) {
                // Nobody waits for it any more when another landscape is wanted.
                let _ = send.send(Err(why));
            }
        };
        Builder::new().name("landscape".into()).spawn(work).map_err(|error| error.to_string())?;
        Ok(Job { cancel, news, began: Instant::now(), moment })
    }

    /// The rows of weights a survey is made around, run by run.
    fn rows_around(&self, request: &SurveyRequest) -> Vec<Vec<Vec<f32>>> {
        let Some(cohort) = &self.cohort else { return Vec::new() };
        let wanted = |id: LaneId| match request {
            SurveyRequest::Weights => false,
            SurveyRequest::Trajectory => id.replica == 0,
            SurveyRequest::Random(lane) => id == *lane,
            SurveyRequest::Between(..) => false,
        };
        let snapshots = Arc::clone(&lock(&self.shared).snapshots);
        let lanes = cohort.lanes().iter().map(|lane| lane.id).filter(|id| wanted(*id));
        lanes
            .map(|id| {
                let kept = snapshots.iter().filter(|snapshot| snapshot.lane() == id);
                kept.map(|snapshot| snapshot.weights().to_vec()).chain(self.weights(id)).collect()
            })
            .collect()
    }

    /// The two snapshots a survey is made through.
    fn ends(&self, request: &SurveyRequest) -> Result<Option<[Snapshot; 2]>, String> {
        let SurveyRequest::Between(from, to) = request else { return Ok(None) };
        let snapshots = Arc::clone(&lock(&self.shared).snapshots);
        let find = |id| snapshots.iter().find(|snapshot| snapshot.id == id).cloned();
        let gone = "one of the two snapshots is no longer kept: choose another";
        Ok(Some([find(*from).ok_or(gone)?, find(*to).ok_or(gone)?]))
    }

    /// A lane's weights as they are now.
    fn weights(&self, id: LaneId) -> Option<Vec<f32>> {
        self.cohort.as_ref()?.weights(id).ok().flatten()
    }

    /// Where the first replicas went.
    fn ways(&self, ground: &Ground) -> BTreeMap<LaneId, Way> {
        let Some(cohort) = &self.cohort else { return BTreeMap::new() };
        let shared = lock(&self.shared);
        let snapshots = Arc::clone(&shared.snapshots);
        let mut tracks: BTreeMap<LaneId, Vec<(u64, [f64; 2])>> = BTreeMap::new();
        for (id, view) in shared.lanes.iter().filter(|(id, _)| id.replica == 0) {
            let places = view.track.places().iter();
            tracks.insert(*id, places.map(|(updates, at)| (*updates, at.map(f64::from))).collect());
        }
        drop(shared);
        let place = |row: &[f32]| ground.plane.place(row).ok().map(|place| [place.x, place.y]);
        let mut ways = BTreeMap::new();
        for lane in cohort.lanes().iter().filter(|lane| lane.id.replica == 0) {
            let mut way = Way { places: tracks.remove(&lane.id).unwrap_or_default(), marks: Vec::new() };
            let is_tracked = !way.places.is_empty();
            // A snapshot ahead is one of a future that the lane went back from.
            let behind =
                |snapshot: &&Snapshot| snapshot.lane() == lane.id && snapshot.update() <= lane.update;
            for snapshot in snapshots.iter().filter(behind) {
                let Some(at) = place(snapshot.weights()) else { continue };
                if snapshot.why.is_wanted() {
                    way.marks.push((snapshot.update(), at));
                }
                if !is_tracked {
                    way.places.push((snapshot.update(), at));
                }
            }
            let here = self.weights(lane.id).and_then(|row| place(&row));
            way.places.extend(here.map(|at| (lane.update, at)));
            ways.insert(lane.id, way);
        }
        ways
    }
}

/// All that a survey needs, away from the cohort.
struct Survey {
    request: SurveyRequest,
    experiment: Experiment,
    prepared: Arc<Prepared>,
    runs: Vec<Vec<Vec<f32>>>,
    ends: Option<[Snapshot; 2]>,
    moment: Moment,
    cancel: Arc<AtomicBool>,
}

impl Survey {
    /// Sends the ground round by round, ever finer.
    fn make(self, send: &SyncSender<Result<Ground, String>>) -> Result<(), String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let task = Task::new(&self.experiment, Arc::clone(&self.prepared)).map_err(|error| words(&error))?;
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
            .map_err(|error| words(&error))?;
        let grid = pool.install(|| {
            objective.grid(&plane, frame, (side, side), &self.cancel, |rough| {
                // As below, where nobody listens the survey is cancelled as well.
                let _ = send.send(Ok(ground(rough, false)));
            })
        });
        if let Some(grid) = grid {
            let _ = send.send(Ok(ground(&grid, true)));
        }
        Ok(())
    }

    fn site(&self, task: &Task) -> Result<Site, String> {
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
        let mut site = site(parameters, &self.runs, axes).map_err(|error| error.to_string())?;
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
