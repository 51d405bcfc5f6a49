//! A lane under the microscope: its first updates, and its curvature against the rate.
//!
//! What is trained is never touched. A lane is a pure function of its seed and its past, so the first updates
//! are made once more, aside, one at a time, with copies of the weights before and after each. The
//! curvature is taken of copies of the trained weights. While training plays, both take no more than a
//! fixed share of its time; while it rests, they fill in what they have missed.

mod curvature;
mod examined;
mod past;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::publisher::Publisher;
use crate::analysis::microscope::{Microscope, Update};
use crate::analysis::pace::Pace;
use crate::train::checkpoint::Forget;
use crate::train::cohort::Cohort;
use crate::train::ids::LaneId;
use crate::train::lane::Lane;
use crate::train::optimizer::rule;
use crate::train::task::Task;
pub use curvature::Curvature;
use curvature::Prober;
pub use examined::Examined;
pub(super) use past::Past;

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

/// The lanes under the microscope.
pub(super) struct Examination {
    wanted: Vec<LaneId>,
    probes: Vec<Probe>,
    /// What every lane followed so far, to make its first updates once more.
    pasts: BTreeMap<LaneId, Past>,
    pace: Pace,
    shown: Instant,
    turn: usize,
}

impl Examination {
    pub fn new() -> Self {
        Self {
            wanted: Vec::new(),
            probes: Vec::new(),
            pasts: BTreeMap::new(),
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

    /// Takes note of what the lanes follow from here on; one that went back to where it once was went back in
    /// its past.
    pub fn follow(&mut self, cohort: &Cohort) {
        self.pasts.retain(|id, _| cohort.lanes().iter().any(|lane| lane.id == *id));
        for lane in cohort.lanes() {
            self.pasts.entry(lane.id).or_default().turn(lane.update, &lane.run_plan);
        }
        self.aim(cohort);
    }

    /// A lane was put where it, or the one it was forked from, had this past.
    pub fn went(&mut self, cohort: &Cohort, id: LaneId, mut past: Past, forgot: Forget) {
        let Some(lane) = cohort.lanes().iter().find(|lane| lane.id == id) else { return };
        past.go_on(lane.update, &lane.run_plan, forgot);
        self.pasts.insert(id, past);
        self.aim(cohort);
    }

    /// All lanes were put where a saved training was, which had followed their run plans.
    pub fn resumed(&mut self, cohort: &Cohort, forgot: Forget) {
        for lane in cohort.lanes() {
            let mut past = Past::along(&lane.run_plan);
            past.go_on(lane.update, &lane.run_plan, forgot);
            self.pasts.insert(lane.id, past);
        }
        self.aim(cohort);
    }

    /// What a lane followed so far.
    pub fn past(&self, id: LaneId) -> Past {
        self.pasts.get(&id).cloned().unwrap_or_default()
    }

    /// Lets the wanted lanes be looked at, as far as what was seen of them is not of another past.
    fn aim(&mut self, cohort: &Cohort) {
        let (pasts, wanted) = (&self.pasts, &self.wanted);
        self.probes.retain(|probe| wanted.contains(&probe.lane) && pasts.contains_key(&probe.lane));
        for (id, past) in wanted.iter().filter_map(|id| Some((*id, pasts.get(id)?))) {
            match self.probes.iter_mut().find(|probe| probe.lane == id) {
                Some(probe) => probe.follow(cohort, past),
                None => self.probes.extend(Probe::new(cohort, id, past)),
            }
        }
    }

    /// Puts other lanes under the microscope.
    pub fn want(&mut self, lanes: Vec<LaneId>, cohort: Option<&Cohort>, shared: &Publisher, playing: bool) {
        self.wanted = lanes;
        if let Some(cohort) = cohort {
            self.aim(cohort);
            self.show(cohort, shared, playing);
        }
    }

    /// Probes for as long as training allows; `paced` while all of the time is training's.
    pub fn probe(&mut self, cohort: &Cohort, shared: &Publisher, playing: bool, paced: bool) {
        if self.probes.is_empty() {
            return;
        }
        let start = Instant::now();
        let mut probed = false;
        while start.elapsed() < SLICE && (!paced || self.pace.due()) {
            let since = Instant::now();
            let count = self.probes.len();
            let mut order = (0..count).map(|at| (self.turn + at) % count);
            let Some(done) = order.find(|at| self.probes[*at].step(cohort, !playing)) else { break };
            self.turn = done + 1;
            self.pace.probed(since.elapsed().as_secs_f64());
            probed = true;
        }
        let rests = !self.has_work(cohort, !playing);
        if probed && (rests || self.shown.elapsed() >= SHOW) {
            self.show(cohort, shared, playing);
        }
    }

    fn show(&mut self, cohort: &Cohort, shared: &Publisher, playing: bool) {
        let examined = self.probes.iter().map(|probe| Arc::new(probe.examined(cohort, !playing))).collect();
        shared.lock().examined = examined;
        self.shown = Instant::now();
    }

    /// Whether something could be probed now.
    pub fn has_work(&self, cohort: &Cohort, resting: bool) -> bool {
        self.probes.iter().any(|probe| probe.next(cohort, resting).is_some())
    }
}

/// What reads the first updates of one lane.
struct Probe {
    lane: LaneId,
    /// The lane once more, from update 0, and its row.
    aside: Lane,
    row: Vec<f32>,
    before: Vec<f32>,
    past: Past,
    microscope: Microscope,
    most: u64,
    prober: Prober,
    /// First updates looked at since the curvature of what is trained was.
    since: u64,
}

impl Probe {
    /// Nothing when there is no such lane, or nobody knows how it began.
    fn new(cohort: &Cohort, id: LaneId, past: &Past) -> Option<Self> {
        let task = cohort.task();
        let lane = cohort.lanes().iter().find(|lane| lane.id == id)?;
        let mut aside = Lane::new(id, Arc::clone(&past.beginning()?.run_plan), task);
        let mut row = vec![0.0; width(task, past)];
        aside.initialise(task, &mut row);
        let most = first_updates(cohort, lane);
        Some(Self {
            lane: id,
            before: vec![0.0; task.model.width()],
            past: past.clone(),
            microscope: Microscope::new(task.model.parameters(), most as usize),
            most,
            prober: Prober::new(task, id, &lane.plan),
            aside,
            row,
            since: 0,
        })
    }

    /// The lane's past may be another now. What was seen of updates that are still its own stays.
    fn follow(&mut self, cohort: &Cohort, past: &Past) {
        let Some(parted) = self.past.parts_from(past) else { return };
        let most = self.lane(cohort).map(|(_, lane)| first_updates(cohort, lane));
        if parted > 0 && self.aside.update <= parted && most == Some(self.most) {
            self.past = past.clone();
            self.row.resize(width(cohort.task(), past), 0.0);
            self.prober.forget_from(parted);
        } else if let Some(mut fresh) = Self::new(cohort, self.lane, past) {
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
        let reads = !self.microscope.is_full() && here < lane.update.min(self.most);
        if self.prober.is_busy() {
            Some(Piece::GoOn)
        } else if here <= lane.update && self.prober.wants(here) && (resting || reads) {
            Some(Piece::Here)
        } else if self.prober.wants_newest(lane) && (self.since >= TURN || !reads) {
            Some(Piece::Newest)
        } else if reads {
            Some(Piece::Read)
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
                self.turn(task);
                self.prober.begin(task, &self.aside, &self.row, false);
            }
            Some(Piece::Newest) => {
                self.since = 0;
                let row = self.lane(cohort).and_then(|(at, lane)| {
                    let mut row = Vec::new();
                    cohort.copy_row(at, &mut row).ok()?;
                    Some((lane, row))
                });
                let Some((lane, row)) = row else { return false };
                self.prober.begin(task, lane, &row, true);
            }
            Some(Piece::Read) => self.read(task),
            Some(Piece::Walk(to)) => self.walk(task, to),
        }
        true
    }

    /// Makes one update aside and reads it.
    fn read(&mut self, task: &Task) {
        let width = task.model.width();
        self.since += 1;
        self.before.copy_from_slice(&self.row[..width]);
        let update = self.aside.update;
        self.walk(task, update + 1);
        let Some(made) = self.aside.log.rows.last() else { return };
        let second = rule(self.aside.plan.kind).second_moment().and_then(|buffer| {
            let moment = self.row.get((buffer + 1) * width..(buffer + 2) * width)?;
            Some((moment, self.aside.plan.numbers(update, None).second()))
        });
        self.microscope.read(&Update {
            update,
            before: &self.before,
            after: &self.row[..width],
            gradient: self.aside.gradient(),
            grad_norm: f64::from(made.grad_norm),
            clip_norm: task.clip_norm,
            second,
        });
    }

    /// Goes on aside to after `to` updates, or a little on the way there, as the lane did.
    fn walk(&mut self, task: &Task, to: u64) {
        let start = Instant::now();
        while self.aside.update < to && start.elapsed() < SLICE {
            self.turn(task);
            self.aside.log.clear();
            let next = self.aside.update + 1;
            self.aside.advance(task, &mut self.row, next);
        }
    }

    /// Puts the plan in effect that the lane had at this update, without what it forgot here.
    fn turn(&mut self, task: &Task) {
        let update = self.aside.update;
        let Some(leg) = self.past.leg(update) else { return };
        let same = Arc::ptr_eq(&leg.run_plan, &self.aside.run_plan);
        let other = if same { self.aside.turn() } else { self.aside.follow(Arc::clone(&leg.run_plan)) };
        let forgot = if leg.from == update { leg.forgot } else { Forget::default() };
        if other || forgot.momentum {
            let (weights, buffers) = self.row.split_at_mut(task.model.width());
            self.aside.begin(weights, buffers);
        }
        if forgot.schedule {
            self.aside.forget_schedule();
        }
    }

    fn examined(&self, cohort: &Cohort, resting: bool) -> Examined {
        let plan = &self.aside.plan;
        let lane = self.lane(cohort).map(|(_, lane)| lane);
        let done = lane.map_or(0, |lane| lane.update);
        let readings = self.microscope.readings().iter().take_while(|reading| reading.update < done);
        Examined {
            lane: self.lane,
            layers: self.microscope.layers().to_vec(),
            readings: readings.cloned().collect(),
            most: self.most,
            beta2: rule(plan.kind).second_moment().map(|_| plan.numbers(0, None).second()),
            clip_norm: cohort.task().clip_norm,
            adaptive: lane.is_some_and(|lane| !lane.plan.kind.is_plain()),
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
    Read,
    /// To the next place where the curvature was missed.
    Walk(u64),
}

/// The numbers in the row of a lane with such a past.
fn width(task: &Task, past: &Past) -> usize {
    let plans = past.legs().iter().flat_map(|leg| leg.run_plan.plans());
    task.model.width() * (1 + plans.map(|plan| plan.buffers).max().unwrap_or(0))
}

/// How many of a lane's first updates are worth looking at.
fn first_updates(cohort: &Cohort, lane: &Lane) -> u64 {
    let (updates, plan) = (cohort.task().clock.updates, lane.run_plan.plan(0));
    let peak = (0..updates.min(MOST)).find(|at| plan.lr.at(*at) >= 0.999 * plan.lr.range().1).unwrap_or(0);
    (WARMUPS * peak).clamp(FIRST, MOST).min(updates)
}
