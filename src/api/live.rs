//! A training that another program runs now: what it sent, and what it is to do next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::analysis::recorded::Recorded;
use crate::recording::Growing;
use crate::schedule::Clock;

use super::asked::{Asked, Asks};
use super::change::{Change, Future};
use super::made::{Made, keep};
use super::plan::{Course, Plan};
use super::refused::Refused;
use super::register::Registration;
use super::stamp;

/// Changes that are remembered, plans of earlier revisions that can still be asked for, and latencies.
const CHANGES: usize = 1000;
const PLANS: usize = 16;
pub(super) const LATENCIES: usize = 1000;
/// Updates whose rates are held against the bounds one by one.
const CHECKED: u64 = 1 << 20;
/// Rates that come with a control event; more are asked for.
const SENT: u64 = 4096;
/// How long a change takes to arrive, in seconds, before one was seen to.
const DELIVERY: f64 = 0.004;
/// One that has no connection and says nothing for so long is gone.
const SILENT: Duration = Duration::from_secs(3);

/// What it does, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    Training,
    Paused,
    Stopped,
    Finished,
    Disconnected,
}

impl LiveState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Disconnected => "disconnected",
        }
    }

    /// Whether it will not train on.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Finished)
    }
}

/// A number of the optimizer that can be bent.
#[derive(Clone, Debug, PartialEq)]
pub struct Bendable {
    pub name: String,
    /// What it is now, as far as that is known.
    pub value: Option<f64>,
    pub is_bent: bool,
}

/// A live run.
#[derive(Debug)]
pub struct Live {
    pub id: String,
    pub about: Registration,
    pub recording: Growing,
    pub findings: Arc<[Recorded]>,
    /// Updates made, as far as it said.
    pub update: u64,
    /// Rows since the beginning of the session, and those of them that never came.
    pub have: u64,
    pub missing: u64,
    /// Rows that the client says it dropped.
    pub(super) dropped: u64,
    pub revision: u64,
    pub changes: VecDeque<Made>,
    pub pause: bool,
    pub stop: bool,
    /// Changes with everything that is shown.
    pub version: u64,
    /// Its streams of control.
    pub connections: usize,
    pub(super) said: LiveState,
    /// The state that was told last, when a row was, and what was looked at by the detectors.
    pub(super) told: LiveState,
    pub(super) row_told: Option<Instant>,
    pub(super) diagnosed: u64,
    pub(super) heard: Instant,
    /// Seconds an update takes.
    pub(super) pace: Option<f64>,
    /// Of each change that took effect: seconds, and updates where their pace is known.
    pub(super) latencies: VecDeque<(f64, Option<f64>)>,
    pub(super) asks: Asks,
    /// Whether the future of its own scheduler is known.
    pub(super) is_planned: bool,
    pub(super) plan: Plan,
    pub(super) plans: VecDeque<(u64, Plan)>,
    /// The first update of the newest revision.
    pub(super) from: u64,
    sent_at: f64,
    /// How long a change takes to get there, in seconds; more after one that came late.
    pub(super) delivery: f64,
}

impl Live {
    pub fn new(id: String, about: Registration, now: Instant) -> Self {
        let rate = about.groups.first().map(|group| format!("{}{}", crate::recording::RATE_OF, group.name));
        let plan = about.plan();
        Self {
            id,
            recording: Growing::new(rate.as_deref()),
            findings: Arc::default(),
            update: about.update,
            have: 0,
            missing: 0,
            dropped: 0,
            revision: about.revision,
            changes: about.changes.iter().cloned().collect(),
            pause: false,
            stop: false,
            version: 1,
            connections: 0,
            said: LiveState::Training,
            told: LiveState::Training,
            row_told: None,
            diagnosed: 0,
            heard: now,
            pace: None,
            latencies: VecDeque::new(),
            asks: Asks::after(about.asked),
            is_planned: about.is_planned(),
            plans: VecDeque::from([(about.revision, plan.clone())]),
            plan,
            from: about.update,
            sent_at: stamp::now(),
            delivery: DELIVERY,
            about,
        }
    }

    /// The same session again: its process was cut off, or this one began again.
    pub fn reconnect(&mut self, about: Registration, now: Instant) {
        self.heard = now;
        self.said = LiveState::Training;
        // Fewer than before where a script goes on from an earlier checkpoint.
        self.update = about.update;
        if about.revision > self.revision {
            self.revision = about.revision;
        }
        self.version += 1;
    }

    /// What it does now.
    pub fn state(&self, now: Instant) -> LiveState {
        if self.said.is_over() {
            return self.said;
        }
        let silent = now.saturating_duration_since(self.heard);
        if self.connections == 0 && silent > SILENT { LiveState::Disconnected } else { self.said }
    }

    /// The state, where it is another than the one told last.
    pub(super) fn new_state(&mut self, now: Instant) -> Option<Value> {
        let state = self.state(now);
        let is_new = std::mem::replace(&mut self.told, state) != state;
        self.version += u64::from(is_new);
        is_new.then(|| json!({"state": state.name(), "update": self.update}))
    }

    /// Seconds since it last said something.
    pub fn silent(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.heard).as_secs_f64()
    }

    /// The plan that is in effect or will be.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The numbers of its optimizer that can be bent.
    pub fn bendable(&self) -> Vec<Bendable> {
        let bent = self.plan.numbers(self.update);
        let one = |name: &String| {
            let bent = bent.iter().find(|(bent, ..)| bent == name).map(|(.., value)| *value);
            let value = bent.or_else(|| self.about.values.get(name).copied());
            Bendable { name: name.clone(), value, is_bent: bent.is_some() }
        };
        self.about.numbers.iter().map(one).collect()
    }

    /// What it was asked to do once, the oldest first.
    pub fn asked(&self) -> impl DoubleEndedIterator<Item = &Asked> {
        self.asks.all()
    }

    /// Puts another future in place of the planned one; the first update it holds for, and whether that is only the
    /// earliest that the training may begin it at.
    ///
    /// # Errors
    /// When that update is made already, the group is unknown, or a rate leaves the bounds that the script
    /// declared.
    pub fn change(&mut self, change: &Change, now: Instant) -> Result<(u64, bool), Refused> {
        let state = self.state(now);
        if state.is_over() {
            return Err(Refused::Conflict(format!("the run has {}: it has no future", state.name())));
        }
        let (from, soon) = self.promise(change, now)?;
        let groups: Vec<String> = match &change.group {
            None => self.plan.groups().map(str::to_owned).collect(),
            Some(name) if self.plan.groups().any(|group| group == name) => vec![name.clone()],
            Some(name) => {
                let known: Vec<&str> = self.plan.groups().collect();
                let known = known.join(", ");
                return Err(Refused::Unreadable(format!("there is no group {name:?}, but {known}")));
            }
        };
        let mut plan = self.plan.clone();
        if let Some(future) = &change.future {
            self.put(&mut plan, future, &groups, change.group.as_deref(), from)?;
        }
        for (name, value) in &change.numbers {
            if !self.about.numbers.is_empty() && !self.about.numbers.contains(name) {
                let known = self.about.numbers.join(", ");
                return Err(Refused::Unreadable(format!("its optimizer has no {name:?}, but {known}")));
            }
            plan.set_number(name, from, *value);
        }
        self.check(&plan, &groups, from)?;
        self.plan = plan.clone();
        self.revision += 1;
        self.from = from;
        self.sent_at = stamp::now();
        keep(&mut self.plans, (self.revision, plan), PLANS);
        let made = Made { soon, ..Made::new(self.revision, from, &change.by, &change.why) };
        keep(&mut self.changes, made, CHANGES);
        self.version += 1;
        Ok((from, soon))
    }

    fn put(
        &self,
        plan: &mut Plan,
        future: &Future,
        groups: &[String],
        group: Option<&str>,
        from: u64,
    ) -> Result<(), Refused> {
        let course = match future {
            Future::Release => {
                plan.release(group, from);
                return Ok(());
            }
            Future::Factor(factor) => {
                groups.iter().for_each(|group| plan.scale(group, from, *factor));
                return Ok(());
            }
            Future::Points(points) => Course::Points(points.as_slice().into()),
            Future::Rates(rates) => Course::Values { from, every: 1, values: rates.as_slice().into() },
            Future::Schedule { schedule, absolute } => {
                let total = self.about.total.ok_or_else(|| {
                    let why = "the run does not say how long it is: give points or rates";
                    Refused::Unreadable(why.to_owned())
                })?;
                let origin = if *absolute { 0 } else { from };
                let clock = Clock { updates: total.saturating_sub(origin).max(1), updates_per_epoch: 1 };
                let curve = schedule.resolve(clock);
                let curve = curve.map_err(|error| Refused::Unreadable(format!("schedule: {error}")))?;
                Course::Curve { origin, curve: Arc::new(curve) }
            }
        };
        groups.iter().for_each(|group| plan.replace(group, from, course.clone()));
        Ok(())
    }

    /// Holds the rates from `from` on against the bounds.
    fn check(&self, plan: &Plan, groups: &[String], from: u64) -> Result<(), Refused> {
        let end = self.about.total.unwrap_or(from + CHECKED).max(from + 1);
        let step = ((end - from) / CHECKED).max(1);
        let (low, high) = self.about.bounds.unwrap_or((0.0, f64::MAX));
        for group in groups {
            let bent = plan.bent(from).iter().any(|(name, _)| name == group);
            for update in (from..end).step_by(usize::try_from(step).unwrap_or(usize::MAX)).filter(|_| bent) {
                let rate = plan.rate(group, update).unwrap_or_default();
                if !(low..=high).contains(&rate) || !rate.is_finite() {
                    let at = format!("the rate of update {update} would be {rate}");
                    return Err(Refused::Unreadable(match self.about.bounds {
                        Some(_) => format!("{at}, outside of what the script allows: {low} to {high}"),
                        None => format!("{at}, which is no rate"),
                    }));
                }
            }
        }
        Ok(())
    }

    /// The exact rates of a revision's plan.
    ///
    /// # Errors
    /// When the group or the revision is unknown.
    pub fn rates(
        &self,
        revision: Option<u64>,
        group: &str,
        from: u64,
        count: u64,
    ) -> Result<Vec<f64>, Refused> {
        let revision = revision.unwrap_or(self.revision);
        let plan = self.plans.iter().find(|(of, _)| *of == revision).map(|(_, plan)| plan);
        let unknown = || format!("the plan of revision {revision} is not known here (any more)");
        let plan = plan.ok_or_else(|| Refused::Unknown(unknown()))?;
        let group = match group {
            "all" if plan.rate("all", 0).is_none() => plan.groups().next().unwrap_or("all").to_owned(),
            name => name.to_owned(),
        };
        (from..from.saturating_add(count))
            .map(|update| plan.rate(&group, update))
            .collect::<Option<_>>()
            .ok_or_else(|| Refused::Unknown(format!("there is no group {group:?}")))
    }

    /// What became of a change.
    pub fn made(&self, revision: u64) -> Option<&Made> {
        self.changes.iter().rev().find(|made| made.revision == revision)
    }

    /// What the other program must know at once.
    pub fn control(&self) -> Value {
        let group = |(name, from): (&str, u64)| {
            let rates = (from..from + SENT).filter_map(|update| self.plan.rate(name, update));
            let end = self.about.total.map_or(SENT, |total| total.saturating_sub(from).clamp(1, SENT));
            let rates: Vec<f64> = rates.take(end as usize).collect();
            (name.to_owned(), json!({"from": from, "rates": rates}))
        };
        // Before a release takes effect the bends of before hold.
        let bent: Vec<(&str, u64)> =
            self.plan.bent(self.update).into_iter().filter(|(name, _)| !self.is_released(name)).collect();
        // What holds of a number before the newest change begins, the other program has.
        let numbers = self.plan.numbers(self.update.max(self.from)).into_iter();
        let numbers =
            numbers.map(|(name, from, value)| (name.to_owned(), json!({"from": from, "values": [value]})));
        let numbers: serde_json::Map<String, Value> = numbers.collect();
        let newest = self.changes.back();
        let (by, why) = newest.map_or(("", ""), |made| (made.by.as_str(), made.why.as_str()));
        let release = newest.is_some() && bent.is_empty() && numbers.is_empty();
        // Also one that a newer change overtook before the other program heard of it.
        let open: Vec<u64> =
            self.changes.iter().filter(|made| made.is_open()).map(|made| made.revision).collect();
        let soon = newest.is_some_and(Made::is_open);
        let groups: serde_json::Map<String, Value> = bent.into_iter().map(group).collect();
        let asked: Vec<Value> = self.asks.waiting().map(Asked::json).collect();
        json!({
            "revision": self.revision, "from": self.from, "soon": soon, "open": open, "pause": self.pause, "stop": self.stop,
            "release": release, "groups": groups, "numbers": numbers, "sent_at": self.sent_at,
            "by": by, "why": why, "asked": asked,
        })
    }

    /// Whether a group follows its own scheduler from the newest change on, and is bent at most until then.
    fn is_released(&self, group: &str) -> bool {
        self.plan.bent(self.from).iter().all(|(name, _)| *name != group)
    }

    /// Whether its rate is changed now or later.
    pub fn is_bent(&self) -> bool {
        !self.plan.bent(self.update).is_empty() || !self.plan.numbers(self.update).is_empty()
    }
}
