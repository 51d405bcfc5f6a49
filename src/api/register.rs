//! What another program says of its training when it joins.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::plain;

use super::made::Made;
use super::plan::{Course, Plan};
use super::refused::Refused;
use super::whole::Whole;

/// The most parameter groups, and values of a plan.
const GROUPS: usize = 64;
const VALUES: usize = 20_001;
/// The most changes that it brings along.
const CHANGES: usize = 100;

/// A training that joins.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Made by the client, the same when it comes again.
    pub session: String,
    pub name: String,
    /// Updates of the whole run, where it knows.
    pub total: Option<u64>,
    /// Updates made so far.
    pub update: u64,
    /// The newest revision that it holds.
    pub revision: u64,
    /// At least one.
    pub groups: Vec<Group>,
    /// What the script allows a rate to be.
    pub bounds: Option<(f64, f64)>,
    /// `pause` and `stop`, as far as it obeys them.
    pub can: Vec<String>,
    /// Numbers that can be bent beside the rate; empty where it does not say.
    pub numbers: Vec<String>,
    /// What those are while nobody bends them, as far as it says.
    pub values: BTreeMap<String, f64>,
    /// Whether it begins a change as soon as it hears of it, and says where.
    pub soon: bool,
    /// The newest request that it knows, and the changes that it made under another studio, the oldest first.
    pub asked: u64,
    pub changes: Vec<Made>,
    /// What trains, such as `torch 2.15`.
    pub framework: String,
    /// Why its future is not known, where it is not.
    pub planned_why: Option<String>,
    planned: BTreeMap<String, Course>,
    /// What it follows in its scheduler's place, from an update on.
    bent: BTreeMap<String, (u64, Course)>,
    bent_numbers: BTreeMap<String, (u64, f64)>,
}

/// A parameter group.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub lr: f64,
    pub parameters: Option<u64>,
}

#[derive(Deserialize)]
struct Written {
    session: String,
    name: Option<String>,
    total: Option<Whole>,
    #[serde(default)]
    update: Whole,
    #[serde(default)]
    revision: Whole,
    groups: Vec<WrittenGroup>,
    bounds: Option<(f64, f64)>,
    #[serde(default)]
    planned: BTreeMap<String, Vec<f64>>,
    planned_from: Option<Whole>,
    planned_every: Option<Whole>,
    planned_why: Option<String>,
    can: Option<Vec<String>>,
    #[serde(default)]
    numbers: Vec<String>,
    #[serde(default)]
    number_values: BTreeMap<String, f64>,
    #[serde(default)]
    soon: bool,
    #[serde(default)]
    asked: Whole,
    #[serde(default)]
    bent: BTreeMap<String, WrittenBend>,
    #[serde(default)]
    bent_numbers: BTreeMap<String, WrittenNumber>,
    #[serde(default)]
    changes: Vec<WrittenChange>,
    client: Option<Client>,
}

#[derive(Deserialize)]
struct WrittenBend {
    from: Whole,
    rates: Vec<f64>,
}

#[derive(Deserialize)]
struct WrittenNumber {
    from: Whole,
    value: f64,
}

#[derive(Deserialize)]
struct WrittenChange {
    revision: Whole,
    from: Whole,
    applied: Whole,
    #[serde(default)]
    late: bool,
    #[serde(default)]
    by: String,
    #[serde(default)]
    why: String,
    at: Option<f64>,
}

impl From<WrittenChange> for Made {
    fn from(written: WrittenChange) -> Self {
        let WrittenChange { revision, from, applied, late, by, why, at } = written;
        let made = Self::new(revision.0, from.0, &plain::name(&by), &plain::message(&why));
        let at = at.filter(|at| at.is_finite()).unwrap_or(made.at);
        Self { applied: Some(applied.0), late, at, ..made }
    }
}

#[derive(Deserialize)]
struct WrittenGroup {
    name: String,
    lr: Option<f64>,
    parameters: Option<Whole>,
}

#[derive(Deserialize)]
struct Client {
    framework: Option<String>,
}

impl Registration {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is not such an object, has no group or too much of anything.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let written: Written =
            serde_json::from_slice(body).map_err(|error| super::change::unreadable(&error))?;
        let wrong = |text: &str| Err(Refused::Unreadable(text.to_owned()));
        if written.session.is_empty() || written.session.len() > 200 {
            return wrong("session is empty or longer than 200 bytes: a random uuid is meant");
        }
        if written.groups.is_empty() || written.groups.len() > GROUPS {
            return wrong("groups has no entry, or more than 64");
        }
        let mut groups: Vec<Group> = Vec::new();
        for group in written.groups {
            let name = plain::name(&group.name);
            if name.is_empty() || groups.iter().any(|known| known.name == name) {
                return wrong("each group needs a name of its own");
            }
            groups.push(Group {
                name,
                lr: group.lr.unwrap_or_default(),
                parameters: group.parameters.map(|count| count.0),
            });
        }
        if let Some((low, high)) = written.bounds
            && !(low.is_finite() && high.is_finite() && 0.0 <= low && low <= high)
        {
            return wrong("bounds is not [lowest, highest] of a rate");
        }
        let (from, every) = (written.planned_from, written.planned_every.map_or(1, |every| every.0));
        if every == 0 {
            return wrong("planned_every is 0: it counts updates between two values");
        }
        let from = from.unwrap_or(written.update).0;
        let mut planned = BTreeMap::new();
        for (name, values) in written.planned {
            if values.len() > VALUES || values.iter().any(|value| !value.is_finite()) {
                return wrong("planned holds more than 20,000 values of a group, or one that is no number");
            }
            if !values.is_empty() {
                planned.insert(name, Course::Values { from, every, values: values.into() });
            }
        }
        let mut bent = BTreeMap::new();
        for (name, WrittenBend { from, rates }) in written.bent {
            if rates.is_empty() || rates.len() > VALUES || rates.iter().any(|rate| !rate.is_finite()) {
                return wrong("bent holds no value of a group, more than 20,000, or one that is no number");
            }
            let from = from.0;
            bent.insert(name, (from, Course::Values { from, every: 1, values: rates.into() }));
        }
        let bent_numbers = written.bent_numbers.into_iter().filter(|(_, number)| number.value.is_finite());
        let bent_numbers =
            bent_numbers.map(|(name, number)| (plain::name(&name), (number.from.0, number.value)));
        if written.changes.len() > CHANGES {
            return wrong("changes has more than 100 entries: the newest are enough");
        }
        let values = written.number_values.into_iter().filter(|(_, value)| value.is_finite()).take(32);
        let can = written.can.unwrap_or_default().into_iter().take(8).map(|can| plain::name(&can));
        let framework = written.client.and_then(|client| client.framework).unwrap_or_default();
        let name = written.name.filter(|name| !name.trim().is_empty());
        Ok(Self {
            session: written.session,
            name: plain::name(&name.unwrap_or_else(|| "a training".to_owned())),
            total: written.total.map(|total| total.0).filter(|total| *total > 0),
            update: written.update.0,
            revision: written.revision.0,
            groups,
            bounds: written.bounds,
            can: can.collect(),
            numbers: written.numbers.into_iter().take(32).map(|name| plain::name(&name)).collect(),
            values: values.map(|(name, value)| (plain::name(&name), value)).collect(),
            soon: written.soon,
            asked: written.asked.0,
            changes: written.changes.into_iter().map(Made::from).collect(),
            framework: plain::name(&framework),
            planned_why: written.planned_why.map(|why| plain::message(&why)),
            planned,
            bent,
            bent_numbers: bent_numbers.take(32).collect(),
        })
    }

    /// Whether the future of every group is known.
    pub fn is_planned(&self) -> bool {
        self.groups.iter().all(|group| self.planned.contains_key(&group.name))
    }

    /// Each group's own scheduler, as far as it is known (otherwise its rate is held), and what it follows in its place.
    pub fn plan(&self) -> Plan {
        let course = |group: &Group| {
            let planned = self.planned.get(&group.name).cloned();
            (group.name.clone(), planned.unwrap_or_else(|| Course::constant(group.lr)))
        };
        let mut plan = Plan::new(self.groups.iter().map(course));
        self.bent.iter().for_each(|(group, (from, course))| plan.replace(group, *from, course.clone()));
        self.bent_numbers.iter().for_each(|(name, (from, value))| plan.set_number(name, *from, *value));
        plan
    }
}
