//! Runs as the API describes them.

use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::recording::Named;
use crate::schedule::Clock;
use crate::telemetry::Series;

use super::asked::Asked;
use super::hub::{Hub, lock, no_such};
use super::live::{Live, LiveState};
use super::made::Made;
use super::own::{Own, name_of};
use super::refused::Refused;
use super::rows::number;

/// The most buckets of a series, and rates, in one answer.
pub const BUCKETS: usize = 20_000;
const RATES: u64 = 65_536;

/// Which part of which series is wanted.
pub struct Range {
    pub columns: Vec<String>,
    pub points: usize,
    pub from: u64,
    pub to: u64,
}

impl Hub {
    /// Every run: ours, then the live ones.
    pub fn runs(&self, now: Instant) -> Value {
        let own =
            self.with_own(|own| own.runs().map(|(id, run)| own_run(own, id, &run.name)).collect::<Vec<_>>());
        let mut all = own.unwrap_or_default();
        all.extend(self.live().iter().map(|live| live_run(&lock(live), now)));
        json!({ "runs": all })
    }

    /// One run, with its newest values.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn run(&self, id: &str, now: Instant) -> Result<Value, Refused> {
        if let Some(live) = self.find(id) {
            let live = lock(&live);
            let mut all = live_run(&live, now);
            let series = live.recording.recording().series.iter();
            all["latest"] = latest(series.map(|named| (named.name.as_str(), &named.points)));
            return Ok(all);
        }
        let own = self.with_own(|own| {
            let (run, about) = own.find(id)?;
            let mut all = own_run(own, run, &about.name);
            all["latest"] = own.look(run, |progress| {
                let named = progress.columns().filter_map(|name| Some((name, progress.series(name)?)));
                latest(named)
            });
            Some(all)
        });
        own.flatten().ok_or_else(|| no_such(id))
    }

    /// Series of a run, in buckets that keep the least and the greatest value.
    ///
    /// # Errors
    /// When there is no such run or column.
    pub fn series(&self, id: &str, wanted: &Range) -> Result<Value, Refused> {
        let missing = |name: &str, known: Vec<&str>| {
            let name = crate::plain::name(name);
            Refused::Unknown(format!("there is no column {name:?}, but {}", known.join(", ")))
        };
        if let Some(live) = self.find(id) {
            let live = lock(&live);
            let recording = live.recording.recording();
            let all: Vec<&str> = recording.series.iter().map(|named| named.name.as_str()).collect();
            let one = |name: &String| {
                let named = recording.series.iter().find(|named| named.name == *name);
                let named = named.or_else(|| recording.rate().filter(|_| name == "lr"));
                let named = named.ok_or_else(|| missing(name, all.clone()))?;
                Ok((name.clone(), buckets(&named.points, wanted)))
            };
            let columns: Map<String, Value> = if wanted.columns.is_empty() {
                let each = |named: &Named| (named.name.clone(), buckets(&named.points, wanted));
                recording.series.iter().map(each).collect()
            } else {
                wanted.columns.iter().map(one).collect::<Result<_, _>>()?
            };
            return Ok(json!({ "columns": columns }));
        }
        let own = self.with_own(|own| {
            let (run, _) = own.find(id)?;
            Some(own.look(run, |progress| {
                let all: Vec<&str> = progress.columns().collect();
                let names = if wanted.columns.is_empty() {
                    all.iter().map(|name| (*name).to_owned()).collect()
                } else {
                    wanted.columns.clone()
                };
                let one = |name: String| {
                    let series = progress.series(&name).ok_or_else(|| missing(&name, all.clone()))?;
                    let buckets = buckets(series, wanted);
                    Ok((name, buckets))
                };
                let columns: Map<String, Value> = names.into_iter().map(one).collect::<Result<_, _>>()?;
                Ok(json!({ "columns": columns }))
            }))
        });
        own.flatten().ok_or_else(|| no_such(id))?
    }

    /// A run's schedule and its changes.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn schedule(&self, id: &str) -> Result<Value, Refused> {
        if let Some(live) = self.find(id) {
            let live = lock(&live);
            let changes: Vec<Value> = live.changes.iter().map(Made::json).collect();
            return Ok(json!({"revision": live.revision, "text": null, "changes": changes}));
        }
        let own = self.with_own(|own| {
            let (run, about) = own.find(id)?;
            let changes: Vec<Value> = own.changes(run).map(Made::json).collect();
            Some(json!({"revision": own.revision_of(run), "text": about.lr.to_toml(), "changes": changes}))
        });
        own.flatten().ok_or_else(|| no_such(id))
    }

    /// The planned rates of updates `from` to `from + count`.
    ///
    /// # Errors
    /// When there is no such run, revision or group, or too many are wanted.
    pub fn rates(
        &self,
        id: &str,
        revision: Option<u64>,
        group: &str,
        from: u64,
        count: u64,
    ) -> Result<Value, Refused> {
        if count > RATES {
            return Err(Refused::Unreadable(format!("at most {RATES} rates are given at once")));
        }
        if from > 1 << 53 {
            return Err(Refused::Unreadable("from is no update that a run can have".to_owned()));
        }
        if let Some(live) = self.find(id) {
            let live = lock(&live);
            let rates = live.rates(revision, group, from, count)?;
            let revision = revision.unwrap_or(live.revision);
            let numbers = live.plan().numbers(from).into_iter();
            let numbers: Map<String, Value> = numbers
                .map(|(name, from, value)| (name.to_owned(), json!({"from": from, "values": [value]})))
                .collect();
            return Ok(
                json!({"revision": revision, "group": group, "from": from, "rates": rates, "numbers": numbers}),
            );
        }
        let own = self.with_own(|own| {
            let (run, about) = own.find(id)?;
            if group != "all" {
                return Some(Err(Refused::Unknown(format!(
                    "our runs have one group, all, and not {group:?}"
                ))));
            }
            let now = own.revision_of(run);
            if revision.is_some_and(|revision| revision != now) {
                return Some(Err(Refused::Unknown(format!("only the newest revision, {now}, is known"))));
            }
            let clock = own.look(run, |progress| Clock {
                updates: progress.total.max(1),
                updates_per_epoch: progress.updates_per_epoch.max(1),
            });
            let curve = about.lr.resolve(clock).map_err(|error| Refused::Conflict(error.to_string()));
            Some(curve.map(|curve| {
                let rates: Vec<f64> = (from..from + count).map(|update| curve.at(update)).collect();
                json!({"revision": now, "group": group, "from": from, "rates": rates, "numbers": {}})
            }))
        });
        own.flatten().ok_or_else(|| no_such(id))?
    }
}

fn own_run(own: &Own, id: crate::train::ids::RunId, name: &str) -> Value {
    own.look(id, |progress| {
        json!({
            "id": name_of(id), "name": name, "kind": "own", "state": progress.state,
            "update": progress.update, "total": progress.total, "groups": ["all"],
            "revision": own.revision_of(id), "can": own.can(),
            "columns": progress.columns().collect::<Vec<_>>(),
        })
    })
}

fn live_run(live: &Live, now: Instant) -> Value {
    let mut can: Vec<&str> = live.about.can.iter().map(String::as_str).collect();
    if can.contains(&"pause") {
        can.push("resume");
    }
    can.push("schedule");
    if live.state(now).is_over() {
        can.clear();
    }
    let latency = live.latency();
    let columns: Vec<&str> =
        live.recording.recording().series.iter().map(|named| named.name.as_str()).collect();
    json!({
        "id": live.id, "name": live.about.name, "kind": "live", "state": live.state(now).name(),
        "update": live.update, "total": live.about.total,
        "groups": live.plan().groups().collect::<Vec<_>>(), "revision": live.revision, "can": can,
        "columns": columns, "framework": live.about.framework, "bounds": live.about.bounds,
        "silent_s": if live.state(now) == LiveState::Training { live.silent(now) } else { 0.0 },
        "latency_s": latency.map(|latency| latency.seconds),
        "latency_updates": latency.and_then(|latency| latency.updates), "late": live.late(),
        "asked": live.asked().map(Asked::json).collect::<Vec<_>>(), "missing": live.missing, "notes": live.notes(),
    })
}

impl Live {
    /// What was left out or assumed, in sentences.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.recording.left_out().sentences();
        if self.missing > 0 {
            notes.push(format!(
                "{} rows never came: its queue or this program was away for too long",
                self.missing
            ));
        }
        if !self.is_planned {
            let why = self.about.planned_why.as_deref().unwrap_or("its scheduler cannot be asked ahead");
            notes.push(format!("the planned rate is not known ({why}), so the newest one is drawn on"));
        }
        notes
    }
}

fn latest<'a>(series: impl Iterator<Item = (&'a str, &'a Series)>) -> Value {
    let value = |(name, series): (&str, &Series)| Some((name.to_owned(), number(series.last()?.value)));
    Value::Object(series.filter_map(value).collect())
}

fn buckets(series: &Series, wanted: &Range) -> Value {
    let mut all = Vec::new();
    let most = wanted.points.clamp(1, BUCKETS);
    series.view(wanted.from..=wanted.to, most, &mut all);
    // A view has a neighbour on either side, to which lines are drawn.
    all.retain(|bucket| bucket.last_update >= wanted.from && bucket.first_update <= wanted.to);
    let column = |of: &dyn Fn(&crate::telemetry::Bucket) -> Value| all.iter().map(of).collect::<Vec<_>>();
    json!({
        "update": column(&|bucket| bucket.first_update.into()),
        "min": column(&|bucket| number(bucket.min)),
        "max": column(&|bucket| number(bucket.max)),
        "last": column(&|bucket| number(bucket.last)),
    })
}
