//! Keeps the loss around the weights surveyed, and says where the lanes stand on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ground::{Ground, Landscape, Moment, SurveyError, Way};
use super::protocol::SurveyRequest;
use super::publisher::Publisher;
use super::shared_view::Snapshot;
use super::survey::{Survey, Surveyed};
use crate::jobs::{Job, Lost};
use crate::train::cohort::Cohort;
use crate::train::ids::LaneId;

/// Between two looks at where the lanes stand.
const PLACED: Duration = Duration::from_millis(30);
/// While training goes on, a survey is renewed after so many times the time it took.
const PATIENCE: u32 = 3;
/// What is surveyed, and what was.
#[derive(Default)]
pub(super) struct Surveyor {
    wanted: Option<SurveyRequest>,
    job: Option<OnItsWay>,
    ground: Option<Result<Arc<Ground>, Arc<SurveyError>>>,
    /// Of the newest survey: when it ended, how long it took, and what it was made around.
    ended: Option<(Instant, Duration, Moment)>,
    /// When the ways were last looked at, and what was seen.
    placed: Option<(Instant, Moment)>,
}

/// A survey on its way.
struct OnItsWay {
    job: Job<Surveyed>,
    began: Instant,
    moment: Moment,
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
            let Some(OnItsWay { job, began, moment }) = &self.job else { return new };
            let (found, over) = match job.poll() {
                Some(Ok(Ok(ground))) => {
                    let complete = ground.complete;
                    (Ok(Arc::new(ground)), complete)
                }
                Some(Ok(Err(why))) => (Err(Arc::new(why)), true),
                Some(Err(Lost)) => (Err(Arc::new(SurveyError::Lost(Lost))), true),
                None => return new,
            };
            if over {
                self.ended = Some((Instant::now(), began.elapsed(), *moment));
                self.job = None;
            }
            // What is whole stays on show until there is something whole to take its place.
            if over || self.ground.as_ref().is_none_or(|ground| !ground.as_ref().is_ok_and(|g| g.complete)) {
                self.ground = Some(found);
                new = true;
            }
        }
    }

    /// Whether no landscape is wanted, or the wanted one is as it will be until training goes on.
    pub(super) fn is_done(&self, cohort: Option<&Cohort>) -> bool {
        let Some(cohort) = cohort else { return self.wanted.is_none() };
        self.is_settled(moment(cohort))
    }

    /// Keeps the wanted landscape, and the lanes' places on it, fresh.
    pub(super) fn survey(&mut self, cohort: &Cohort, shared: &Publisher) {
        let Some(request) = self.wanted else { return };
        let moment = moment(cohort);
        let new = self.listen();
        if self.is_due(&request, moment) {
            match begin(&request, moment, cohort, shared) {
                Ok(job) => self.job = Some(OnItsWay { job, began: Instant::now(), moment }),
                Err(why) => {
                    self.ground = Some(Err(Arc::new(why)));
                    self.ended = Some((Instant::now(), Duration::ZERO, moment));
                }
            }
        }
        let Some(ground) = self.ground.clone() else { return };
        let stands = |(when, seen): (Instant, Moment)| seen == moment || when.elapsed() < PLACED;
        if !new && self.placed.is_some_and(stands) {
            return;
        }
        self.placed = Some((Instant::now(), moment));
        let ways = ground.as_ref().map(|ground| ways(ground, cohort, shared)).unwrap_or_default();
        shared.lock().landscape = Some(Landscape { request, ground, ways: Arc::new(ways) });
    }

    fn is_due(&self, request: &SurveyRequest, moment: Moment) -> bool {
        match (&self.job, self.ended) {
            (Some(_), _) => false,
            (None, None) => true,
            // Weights lie where they lie, whatever the runs do.
            (None, Some(_)) if *request == SurveyRequest::Weights => false,
            (None, Some((_, _, made_of))) if made_of == moment => false,
            (None, Some((when, took, _))) => when.elapsed() >= took * PATIENCE,
        }
    }
}

/// When the lanes stand where they stand now.
fn moment(cohort: &Cohort) -> Moment {
    let updates = cohort.lanes().iter().map(|lane| lane.update).sum();
    Moment { generation: cohort.revision().generation, updates }
}

/// Starts a survey around the weights as they are now.
fn begin(
    request: &SurveyRequest,
    moment: Moment,
    cohort: &Cohort,
    shared: &Publisher,
) -> Result<Job<Surveyed>, SurveyError> {
    let survey = Survey {
        request: *request,
        experiment: cohort.revision().experiment.clone(),
        prepared: Arc::clone(&cohort.task().prepared),
        runs: rows_around(request, cohort, shared),
        ends: ends(request, shared)?,
        moment,
    };
    // The engine looks for answers by itself.
    Ok(Job::spawn("landscape", || (), move |answers| survey.make(answers))?)
}

/// The rows of weights a survey is made around, run by run.
fn rows_around(request: &SurveyRequest, cohort: &Cohort, shared: &Publisher) -> Vec<Vec<Vec<f32>>> {
    let wanted = |id: LaneId| match request {
        SurveyRequest::Weights => false,
        SurveyRequest::Trajectory => id.replica == 0,
        SurveyRequest::Random(lane) => id == *lane,
        SurveyRequest::Between(..) => false,
    };
    let snapshots = Arc::clone(&shared.lock().snapshots);
    let lanes = cohort.lanes().iter().map(|lane| lane.id).filter(|id| wanted(*id));
    lanes
        .map(|id| {
            let kept = snapshots.iter().filter(|snapshot| snapshot.lane() == id);
            kept.map(|snapshot| snapshot.weights().to_vec()).chain(weights(cohort, id)).collect()
        })
        .collect()
}

/// The two snapshots a survey is made through.
fn ends(request: &SurveyRequest, shared: &Publisher) -> Result<Option<[Snapshot; 2]>, SurveyError> {
    let SurveyRequest::Between(from, to) = request else { return Ok(None) };
    let snapshots = Arc::clone(&shared.lock().snapshots);
    let find = |id| snapshots.iter().find(|snapshot| snapshot.id == id).cloned();
    let end = |id| find(id).ok_or(SurveyError::Gone);
    Ok(Some([end(*from)?, end(*to)?]))
}

/// A lane's weights as they are now.
fn weights(cohort: &Cohort, id: LaneId) -> Option<Vec<f32>> {
    cohort.weights(id).ok().flatten()
}

/// Where the first replicas went.
fn ways(ground: &Ground, cohort: &Cohort, shared: &Publisher) -> BTreeMap<LaneId, Way> {
    let shared = shared.lock();
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
        let behind = |snapshot: &&Snapshot| snapshot.lane() == lane.id && snapshot.update() <= lane.update;
        for snapshot in snapshots.iter().filter(behind) {
            let Some(at) = place(snapshot.weights()) else { continue };
            if snapshot.why.is_wanted() {
                way.marks.push((snapshot.update(), at));
            }
            if !is_tracked {
                way.places.push((snapshot.update(), at));
            }
        }
        let here = weights(cohort, lane.id).and_then(|row| place(&row));
        way.places.extend(here.map(|at| (lane.update, at)));
        ways.insert(lane.id, way);
    }
    ways
}
