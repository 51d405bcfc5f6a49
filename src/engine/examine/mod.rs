//! A lane under the microscope: its first updates, and its curvature against the rate.
//!
//! What is trained is never touched. A lane is a pure function of its seed and plans, so the first updates
//! are made once more, aside, one at a time, with copies of the weights before and after each. The
//! curvature is taken of copies of the trained weights. While training plays, both take no more than a
//! fixed share of its time; while it rests, they fill in what they have missed.

mod curvature;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Worker, lock};
use crate::analysis::microscope::{Look, Microscope, Update};
use crate::analysis::pace::Pace;
use crate::experiment::OptimizerKind;
use crate::train::cohort::Cohort;
use crate::train::command::{LaneId, Speed, State};
use crate::train::lane::Lane;
use crate::train::plan::Plan;
use crate::train::rule;
use crate::train::task::Task;
pub use curvature::Curvature;
use curvature::Prober;

/// The most that looking may take of the time that training takes.
const SHARE: f64 = 0.1;
/// How long looking goes on before commands are looked for.
const SLICE: Duration = Duration::from_millis(6);
/// Between two times that something new is shown.
const SHOW: Duration = Duration::from_millis(100);
/// Looks at first updates between two at the curvature of what is trained.
const TURN: u64 = 8;
/// First updates that are looked at: so many, or more when the warmup is longer,
const FIRST: u64 = 120;
/// so many times as long as the warmup,
const WARMUPS: u64 = 2;
/// but no more than this.
const MOST: u64 = 400;

/// What is seen of one lane.
#[derive(Clone, Debug)]
pub struct Examined {
    pub lane: LaneId,
    /// The name of each layer's first parameter, from the input on.
    pub layers: Vec<String>,
    /// The first updates, in order.
    pub looks: Vec<Look>,
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

/// A plan, and the update from which it holds.
type Since = (u64, Arc<Plan>);

/// The lanes under the microscope.
pub(super) struct Examination {
    wanted: Vec<LaneId>,
    probes: Vec<Probe>,
    /// Every lane's plans and the updates from which they hold, to make its first updates once more.
    plans: BTreeMap<LaneId, Vec<Since>>,
    pace: Pace,
    shown: Instant,
    turn: usize,
}

impl Examination {
    pub fn new() -> Self {
        Self {
            wanted: Vec::new(),
            probes: Vec::new(),
            plans: BTreeMap::new(),
            pace: Pace::new(SHARE),
            shown: Instant::now(),
            turn: 0,
        }
    }

    /// So many seconds were spent training.
    pub fn trained(&mut self, seconds: f64) {
        if !self.probes.is_empty() {
            self.pace.trained(seconds);
        }
    }

    /// Takes note of the plans in effect; a lane that went back, or took another way, is looked at anew.
    pub fn follow(&mut self, cohort: &Cohort) {
        self.plans.retain(|id, _| cohort.lanes().iter().any(|lane| lane.id == *id));
        for lane in cohort.lanes() {
            let plans = self.plans.entry(lane.id).or_default();
            plans.retain(|(from, _)| *from < lane.update);
            if plans.last().is_none_or(|(_, plan)| !Arc::ptr_eq(plan, &lane.plan)) {
                plans.push((lane.update, Arc::clone(&lane.plan)));
            }
        }
        let (plans, wanted) = (&self.plans, &self.wanted);
        self.probes.retain(|probe| wanted.contains(&probe.lane) && plans.contains_key(&probe.lane));
        for (id, plans) in wanted.iter().filter_map(|id| Some((*id, plans.get(id)?))) {
            match self.probes.iter_mut().find(|probe| probe.lane == id) {
                Some(probe) => probe.follow(cohort, plans),
                None => self.probes.extend(Probe::new(cohort, id, plans)),
            }
        }
    }

    /// Whether something could be looked at now.
    fn has_work(&self, cohort: &Cohort, resting: bool) -> bool {
        self.probes.iter().any(|probe| probe.next(cohort, resting).is_some())
    }
}

impl Worker {
    /// Puts other lanes under the microscope.
    pub(super) fn examine(&mut self, lanes: Vec<LaneId>) {
        self.examination.wanted = lanes;
        if let Some(cohort) = &self.cohort {
            self.examination.follow(cohort);
            self.show_examined();
        }
    }

    /// Whether there is something to look at while training rests.
    pub(super) fn looks(&self) -> bool {
        let resting = self.state != State::Playing;
        self.cohort.as_ref().is_some_and(|cohort| self.examination.has_work(cohort, resting))
    }

    /// Looks for as long as training allows.
    pub(super) fn look(&mut self) {
        let Some(cohort) = &self.cohort else { return };
        let examination = &mut self.examination;
        if examination.probes.is_empty() {
            return;
        }
        let playing = self.state == State::Playing;
        // At a limited speed most of the time is nobody's.
        let paced = playing && self.speed == Speed::Unlimited;
        let start = Instant::now();
        let mut looked = false;
        while start.elapsed() < SLICE && (!paced || examination.pace.due()) {
            let since = Instant::now();
            let count = examination.probes.len();
            let at = (0..count).map(|at| (examination.turn + at) % count);
            let done = at.into_iter().find(|at| examination.probes[*at].step(cohort, !playing));
            let Some(done) = done else { break };
            examination.turn = done + 1;
            examination.pace.probed(since.elapsed().as_secs_f64());
            looked = true;
        }
        let rests = !examination.has_work(cohort, !playing);
        if looked && (rests || examination.shown.elapsed() >= SHOW) {
            self.show_examined();
        }
    }

    fn show_examined(&mut self) {
        let Some(cohort) = &self.cohort else { return };
        let resting = self.state != State::Playing;
        let examined: Vec<Arc<Examined>> =
            self.examination.probes.iter().map(|probe| Arc::new(probe.examined(cohort, resting))).collect();
        lock(&self.shared).examined = examined;
        self.examination.shown = Instant::now();
    }
}

/// What looks at one lane.
struct Probe {
    lane: LaneId,
    /// The lane once more, from update 0, and its row.
    aside: Lane,
    row: Vec<f32>,
    before: Vec<f32>,
    plans: Vec<Since>,
    microscope: Microscope,
    most: u64,
    prober: Prober,
    /// First updates looked at since the curvature of what is trained was.
    since: u64,
}

impl Probe {
    /// Nothing when there is no such lane, or it began in the middle of another.
    fn new(cohort: &Cohort, id: LaneId, plans: &[Since]) -> Option<Self> {
        let task = cohort.task();
        let lane = cohort.lanes().iter().find(|lane| lane.id == id)?;
        let (0, first) = plans.first()? else { return None };
        let buffers = plans.iter().map(|(_, plan)| rule::buffers(plan.kind)).max().unwrap_or(0);
        let mut aside = Lane::new(id, Arc::new(Arc::clone(first).into()), task);
        let mut row = vec![0.0; task.model.width() * (1 + buffers)];
        aside.initialise(task, &mut row);
        let most = first_updates(cohort, &lane.plan);
        Some(Self {
            lane: id,
            before: vec![0.0; task.model.width()],
            plans: plans.to_vec(),
            microscope: Microscope::new(task.model.parameters(), most as usize),
            most,
            prober: Prober::new(task, id, &lane.plan),
            aside,
            row,
            since: 0,
        })
    }

    /// The lane's plans may be others now. What was seen of updates that are still its own stays.
    fn follow(&mut self, cohort: &Cohort, plans: &[Since]) {
        let same = |((a, old), (b, new)): &(&Since, &Since)| a == b && Arc::ptr_eq(old, new);
        let alike = self.plans.iter().zip(plans).take_while(same).count();
        let parted = [self.plans.get(alike), plans.get(alike)].into_iter().flatten().map(|(from, _)| *from);
        let Some(parted) = parted.min() else { return };
        if let Some(mut fresh) = Self::new(cohort, self.lane, plans) {
            fresh.prober.inherit(&self.prober, parted);
            *self = fresh;
        }
    }

    fn lane<'a>(&self, cohort: &'a Cohort) -> Option<(usize, &'a Lane)> {
        cohort.lanes().iter().enumerate().find(|(_, lane)| lane.id == self.lane)
    }

    /// What to do next, if there is anything: only what is trained now, or while it rests also what was missed.
    fn next(&self, cohort: &Cohort, resting: bool) -> Option<Piece> {
        let (_, lane) = self.lane(cohort)?;
        let here = self.aside.update;
        let looks = !self.microscope.is_full() && here < lane.update.min(self.most);
        if self.prober.is_busy() {
            Some(Piece::GoOn)
        } else if here <= lane.update && self.prober.wants(here) && (resting || looks) {
            Some(Piece::Here)
        } else if self.prober.wants_newest(lane) && (self.since >= TURN || !looks) {
            Some(Piece::Newest)
        } else if looks {
            Some(Piece::Look)
        } else {
            self.prober.missed(here, lane).filter(|_| resting).map(Piece::Walk)
        }
    }

    /// One small piece of looking; `false` when there is none.
    fn step(&mut self, cohort: &Cohort, resting: bool) -> bool {
        let task = cohort.task();
        match self.next(cohort, resting) {
            None => return false,
            Some(Piece::GoOn) => self.prober.go_on(task),
            Some(Piece::Here) => {
                self.plan(task);
                self.prober.begin(task, &self.aside, &self.row, false);
            }
            Some(Piece::Newest) => {
                self.since = 0;
                let row = self.lane(cohort).and_then(|(at, lane)| {
                    Some((lane, cohort.rows().get(at).and_then(|row| row.to_vec1()).ok()?))
                });
                let Some((lane, row)) = row else { return false };
                self.prober.begin(task, lane, &row, true);
            }
            Some(Piece::Look) => self.look(task),
            Some(Piece::Walk(to)) => self.walk(task, to),
        }
        true
    }

    /// Makes one update aside and looks at it.
    fn look(&mut self, task: &Task) {
        let width = task.model.width();
        self.since += 1;
        self.before.copy_from_slice(&self.row[..width]);
        let update = self.aside.update;
        self.walk(task, update + 1);
        let Some(made) = self.aside.log.rows.last() else { return };
        let second = second_moment(self.aside.plan.kind).and_then(|place| {
            let moment = self.row.get(place * width..(place + 1) * width)?;
            Some((moment, self.aside.plan.numbers(update, None).second))
        });
        self.microscope.look(&Update {
            update,
            before: &self.before,
            after: &self.row[..width],
            gradient: self.aside.gradient(),
            grad_norm: f64::from(made.grad_norm),
            clip_norm: task.clip_norm,
            second,
        });
    }

    /// Goes on aside to after `to` updates, or a little on the way there, under the plans of then.
    fn walk(&mut self, task: &Task, to: u64) {
        let start = Instant::now();
        while self.aside.update < to && start.elapsed() < SLICE {
            self.plan(task);
            self.aside.log.clear();
            let next = self.aside.update + 1;
            self.aside.advance(task, &mut self.row, next);
        }
    }

    /// Puts the plan in effect that the lane had at this update.
    fn plan(&mut self, task: &Task) {
        let update = self.aside.update;
        let plan = self.plans.iter().rev().find(|(from, _)| *from <= update).map(|(_, plan)| plan);
        if let Some(plan) = plan.filter(|plan| !Arc::ptr_eq(plan, &self.aside.plan))
            && self.aside.follow(Arc::new(Arc::clone(plan).into()))
        {
            let (weights, buffers) = self.row.split_at_mut(task.model.width());
            self.aside.begin(weights, buffers);
        }
    }

    fn examined(&self, cohort: &Cohort, resting: bool) -> Examined {
        let plan = &self.aside.plan;
        let done = self.lane(cohort).map_or(0, |(_, lane)| lane.update);
        let looks = self.microscope.looks().iter().take_while(|look| look.update < done);
        Examined {
            lane: self.lane,
            layers: self.microscope.layers().to_vec(),
            looks: looks.cloned().collect(),
            most: self.most,
            beta2: second_moment(plan.kind).map(|_| plan.numbers(0, None).second),
            clip_norm: cohort.task().clip_norm,
            adaptive: self.prober.is_adaptive(),
            curvature: self.prober.trail(done),
            complete: resting && self.next(cohort, true).is_none(),
        }
    }
}

/// A piece of looking.
enum Piece {
    /// More of the curvature that is under way.
    GoOn,
    /// The curvature of the lane made once more,
    Here,
    /// or of what is trained.
    Newest,
    /// One of the first updates.
    Look,
    /// To the next place where the curvature was missed.
    Walk(u64),
}

/// How many of a lane's first updates are worth looking at.
fn first_updates(cohort: &Cohort, plan: &Plan) -> u64 {
    let updates = cohort.task().clock.updates;
    let peak = (0..updates.min(MOST)).find(|at| plan.lr.at(*at) >= 0.999 * plan.lr.range().1).unwrap_or(0);
    (WARMUPS * peak).clamp(FIRST, MOST).min(updates)
}

/// Which buffer of a row, counted from its parameters, is a running mean of squared gradients.
fn second_moment(kind: OptimizerKind) -> Option<usize> {
    match kind {
        OptimizerKind::Adam | OptimizerKind::AdamW => Some(2),
        OptimizerKind::RmsProp => Some(1),
        _ => None,
    }
}
