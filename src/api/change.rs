//! What a request to change the future says.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::experiment::schedule_of;
use crate::plain;
use crate::schedule::Schedule;

use super::refused::Refused;
use super::whole::Whole;

/// The most points or rates of one request.
const MOST: usize = 200_000;
/// The longest reason, in bytes, and the longest name of who asks.
const MAX_WHY: usize = 500;

/// A future in place of the one that is planned.
#[derive(Clone, Debug)]
pub struct Change {
    /// The first update that it holds for; as soon as possible without one.
    pub from: Option<u64>,
    /// One parameter group; all of them without one.
    pub group: Option<String>,
    pub by: String,
    pub why: String,
    pub future: Option<Future>,
    /// Numbers of the optimizer, such as `weight_decay`.
    pub numbers: BTreeMap<String, f64>,
}

/// What the rates are to be.
#[derive(Clone, Debug)]
pub enum Future {
    /// What is planned, times this.
    Factor(f64),
    /// A schedule; `absolute` where its tick is the run's update, and not 0 where it begins.
    Schedule { schedule: Box<Schedule>, absolute: bool },
    /// Straight lines from point to point.
    Points(Vec<(u64, f64)>),
    /// A rate an update; the last is held.
    Rates(Vec<f64>),
    /// What was planned before anything was changed.
    Release,
}

/// The request as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    from: Option<Whole>,
    group: Option<String>,
    by: Option<String>,
    why: Option<String>,
    factor: Option<f64>,
    schedule: Option<Value>,
    #[serde(default)]
    absolute: bool,
    points: Option<Vec<(u64, f64)>>,
    rates: Option<Vec<f64>>,
    #[serde(default)]
    numbers: BTreeMap<String, f64>,
    #[serde(default)]
    release: bool,
}

/// Who asks for something else than a future, and why.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub by: Option<String>,
    pub why: Option<String>,
}

impl Reason {
    /// Reads a request, whose body may be empty.
    ///
    /// # Errors
    /// When it is neither empty nor an object with `by` and `why`.
    pub fn read(body: &[u8]) -> Result<(String, String), Refused> {
        let read = if body.is_empty() { Ok(Self::default()) } else { serde_json::from_slice(body) };
        let reason: Self = read.map_err(|error| unreadable(&error))?;
        Ok((who(reason.by), said(reason.why)))
    }
}

/// A name to record where somebody does not give one.
fn who(by: Option<String>) -> String {
    by.filter(|by| !by.is_empty()).map_or_else(|| "a client".to_owned(), |by| plain::name(&by))
}

fn said(why: Option<String>) -> String {
    let mut why = plain::message(&why.unwrap_or_default());
    why.truncate(why.floor_char_boundary(MAX_WHY));
    why
}

/// What is wrong with a body.
pub fn unreadable(error: &serde_json::Error) -> Refused {
    Refused::Unreadable(format!("the body cannot be read: {}", plain::message(&error.to_string())))
}

impl Change {
    /// A change by this program's own window.
    pub fn by_hand(group: Option<String>, why: &str, future: Future) -> Self {
        let by = "studio".to_owned();
        Self { from: None, group, by, why: why.to_owned(), future: Some(future), numbers: BTreeMap::new() }
    }

    /// A number of the optimizer, changed by this program's own window.
    pub fn number_by_hand(name: &str, value: f64) -> Self {
        let numbers = BTreeMap::from([(name.to_owned(), value)]);
        let (by, why) = ("studio".to_owned(), format!("{name} set by hand"));
        Self { from: None, group: None, by, why, future: None, numbers }
    }

    /// Whether its values are the same wherever it begins, so that whoever follows it may choose the update.
    pub fn begins_anywhere(&self) -> bool {
        match &self.future {
            None | Some(Future::Factor(_) | Future::Points(_) | Future::Release) => true,
            Some(Future::Schedule { absolute, .. }) => *absolute,
            Some(Future::Rates(_)) => false,
        }
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is not such an object, says more than one future or nothing at all, or holds a number that no
    /// rate can be.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let written: Written = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        let wrong = |text: String| Err(Refused::Unreadable(text));
        let said_futures = [
            written.factor.is_some(),
            written.schedule.is_some(),
            written.points.is_some(),
            written.rates.is_some(),
            written.release,
        ];
        match said_futures.into_iter().filter(|said| *said).count() {
            0 if written.numbers.is_empty() => {
                return wrong("one of factor, schedule, points, rates, numbers and release is needed".into());
            }
            0 | 1 => {}
            _ => return wrong("only one of factor, schedule, points, rates and release can hold".into()),
        }
        let too_many =
            written.points.as_ref().map_or(0, Vec::len).max(written.rates.as_ref().map_or(0, Vec::len));
        if too_many > MOST {
            return wrong(format!("{too_many} values, and at most {MOST} are taken: thin them out"));
        }
        if let Some(points) = &written.points {
            if points.is_empty() {
                return wrong("points is empty".into());
            }
            if points.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
                return wrong("the updates of points must grow".into());
            }
        }
        if written.rates.as_ref().is_some_and(Vec::is_empty) {
            return wrong("rates is empty".into());
        }
        let rates = written.rates.iter().flatten().chain(written.factor.iter());
        let rates = rates.chain(written.points.iter().flatten().map(|(_, rate)| rate));
        let mut all = rates.chain(written.numbers.values());
        if let Some(value) = all.find(|value| !value.is_finite() || **value < 0.0) {
            return wrong(format!("{value} is no rate: it must be finite and not negative"));
        }
        let mut futures = [
            written.factor.map(Future::Factor),
            match written.schedule {
                Some(table) => Some(Future::Schedule {
                    schedule: Box::new(schedule(&table)?),
                    absolute: written.absolute,
                }),
                None => None,
            },
            written.points.map(Future::Points),
            written.rates.map(Future::Rates),
            written.release.then_some(Future::Release),
        ]
        .into_iter()
        .flatten();
        Ok(Self {
            from: written.from.map(|from| from.0),
            group: written.group.filter(|group| group != "all"),
            by: who(written.by),
            why: said(written.why),
            future: futures.next(),
            numbers: written.numbers,
        })
    }
}

/// A schedule as the experiment file writes it, in JSON.
fn schedule(table: &Value) -> Result<Schedule, Refused> {
    let wrong = |error: String| Refused::Unreadable(format!("schedule: {}", plain::message(&error)));
    if names_file(table) {
        return Err(wrong("a table's rates are listed in `values`: no file is read for a request".into()));
    }
    let text = toml::to_string(table).map_err(|error| wrong(error.to_string()))?;
    schedule_of(&text).map_err(|error| wrong(error.to_string()))
}

/// Whether it asks for a file to be read.
fn names_file(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.contains_key("file") || fields.values().any(names_file),
        Value::Array(values) => values.iter().any(names_file),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        Change::read(body.as_bytes()).expect_err(body).to_string()
    }

    #[test]
    fn a_change_says_one_future_and_who_wants_it() {
        let body = r#"{"from": 300, "factor": 0.5, "by": "me", "why": "it spikes", "group": "all"}"#;
        let change = Change::read(body.as_bytes()).expect("a change");
        assert_eq!((change.from, change.group, change.by.as_str()), (Some(300), None, "me"));
        assert!(matches!(change.future, Some(Future::Factor(0.5))));
        let body = r#"{"schedule": {"kind": "cosine", "peak": 0.1, "warmup": {"over": "5%"}}}"#;
        let change = Change::read(body.as_bytes()).expect("a change");
        assert!(matches!(change.future, Some(Future::Schedule { absolute: false, .. })));
        assert_eq!(change.by, "a client");
    }

    #[test]
    fn what_no_rate_can_be_is_refused_with_the_reason() {
        assert!(refusal("{}").contains("is needed"));
        assert!(
            refusal(r#"{"factor": null, "points": null}"#).contains("is needed"),
            "as the description says"
        );
        assert!(refusal(r#"{"factor": -1}"#).contains("-1 is no rate"));
        assert!(refusal(r#"{"factor": 1, "rates": [1]}"#).contains("only one"));
        assert!(refusal(r#"{"points": [[5, 1], [5, 2]]}"#).contains("must grow"));
        assert!(refusal(r#"{"rates": [1e999]}"#).contains("cannot be read"));
        assert!(refusal(r#"{"factr": 1}"#).contains("unknown field"));
        assert!(refusal(r#"{"schedule": {"kind": "cosin", "peak": 1}}"#).contains("cosine"));
        let file = r#"{"schedule": {"kind": "product", "of": [{"kind": "table", "file": "/etc/passwd"}]}}"#;
        assert!(refusal(file).contains("no file is read"));
        assert!(refusal(r#"{"schedule": 3}"#).contains("schedule"));
    }
}
