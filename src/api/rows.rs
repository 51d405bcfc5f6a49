//! What a live run measured, taken in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::plain;
use crate::recording::RATE_OF;

use super::live::{LATENCIES, Live, LiveState};
use super::made::keep;
use super::plan::Course;
use super::refused::Refused;
use super::whole::Whole;

/// The most rows and columns of one request.
const ROWS: usize = 200_000;
const COLUMNS: usize = 256;
/// Between two rows that are told as events, and the most values of one.
const ROW: Duration = Duration::from_millis(100);
const SHOWN: usize = 32;
/// The longest name of a column, in bytes.
const NAME: usize = 200;

/// A cell: a number, the word for one that is not finite, or nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Cell {
    Number(f64),
    Word(String),
}

impl Cell {
    fn value(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Word(word) => match word.to_lowercase().as_str() {
                "nan" => Some(f64::NAN),
                "inf" | "infinity" => Some(f64::INFINITY),
                "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            },
        }
    }
}

/// A finite number as itself, any other as a word: JSON has none for it.
pub fn number(value: f64) -> Value {
    match value {
        value if value.is_finite() => value.into(),
        value if value.is_nan() => "nan".into(),
        value if value > 0.0 => "inf".into(),
        _ => "-inf".into(),
    }
}

/// What a client says became of a change.
#[derive(Debug, Deserialize)]
struct Applied {
    revision: Option<Whole>,
    refused: Option<Whole>,
    update: Option<Whole>,
    #[serde(default)]
    late: bool,
    latency_s: Option<f64>,
    reason: Option<String>,
}

/// What a client says became of a request.
#[derive(Debug, Deserialize)]
struct Answered {
    id: Whole,
    update: Option<Whole>,
    error: Option<String>,
}

/// Rows, as they are written.
#[derive(Debug, Deserialize)]
pub struct Rows {
    #[serde(default)]
    first: Whole,
    #[serde(default)]
    rows: BTreeMap<String, Vec<Option<Cell>>>,
    #[serde(default)]
    dropped: Whole,
    #[serde(default)]
    applied: Vec<Applied>,
    #[serde(default)]
    answered: Vec<Answered>,
    state: Option<String>,
    /// Updates made when it was sent, and seconds an update takes.
    now: Option<Whole>,
    pace_s: Option<f64>,
}

/// What became of a change, to be told.
pub type Told = (&'static str, Value);

impl Rows {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is not such an object, its columns have different lengths, or there is too much.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let rows: Self = serde_json::from_slice(body).map_err(|error| super::change::unreadable(&error))?;
        let wrong = |text: String| Err(Refused::Unreadable(text));
        let length = rows.rows.values().next().map_or(0, Vec::len);
        if rows.rows.len() > COLUMNS || length > ROWS || rows.applied.len().max(rows.answered.len()) > ROWS {
            return wrong(format!("more than {COLUMNS} columns or {ROWS} rows at once"));
        }
        if let Some((name, column)) = rows.rows.iter().find(|(_, column)| column.len() != length) {
            return wrong(format!("column {name:?} has {} values, others {length}", column.len()));
        }
        if length > 0 && !rows.rows.contains_key("update") {
            return wrong("rows have no column \"update\"".into());
        }
        if let Some(name) = rows.rows.keys().find(|name| name.len() > NAME) {
            return wrong(format!("the column {:?} has a name of more than {NAME} bytes", plain::name(name)));
        }
        Ok(rows)
    }

    /// The number of rows.
    fn length(&self) -> usize {
        self.rows.values().next().map_or(0, Vec::len)
    }
}

impl Live {
    /// Takes in rows; what there is to tell of them.
    pub fn take(&mut self, rows: &Rows, now: Instant) -> Vec<Told> {
        let mut told = Vec::new();
        self.heard = now;
        let (first, length) = (rows.first.0, rows.length() as u64);
        if length > 0 && first > self.have {
            self.missing += first - self.have;
        }
        // What is sent again is known already.
        let skip = self.have.saturating_sub(first).min(length);
        let updates = rows.rows.get("update").map(Vec::as_slice).unwrap_or_default();
        let update = |at: usize| {
            let value = updates.get(at)?.as_ref()?.value()?;
            ((0.0..9e15).contains(&value) && value.fract() == 0.0).then_some(value as u64)
        };
        for at in skip as usize..length as usize {
            let Some(update) = update(at) else {
                self.recording.left_out_mut().count("rows whose update is no whole number");
                continue;
            };
            for (name, column) in rows.rows.iter().filter(|(name, _)| *name != "update") {
                let Some(Some(cell)) = column.get(at) else { continue };
                match cell.value() {
                    Some(value) => self.recording.push(&plain::name(name), update, value),
                    None => self.recording.left_out_mut().count("cells that are no number"),
                }
            }
            self.update = update.saturating_add(1);
        }
        self.have = self.have.max(first.saturating_add(length));
        // The client counts all that it dropped so far.
        let dropped = rows.dropped.0.saturating_sub(self.dropped);
        self.dropped += dropped;
        let left_out = self.recording.left_out_mut();
        left_out.add("rows that the training itself dropped, its queue being full", dropped);
        self.update = rows.now.map_or(self.update, |now| now.0);
        self.pace = rows.pace_s.filter(|pace| pace.is_finite() && *pace > 0.0).or(self.pace);
        self.said = match rows.state.as_deref() {
            Some("paused") => LiveState::Paused,
            Some("stopped") => LiveState::Stopped,
            Some("finished") => LiveState::Finished,
            Some(_) => LiveState::Training,
            None => self.said,
        };
        if !self.is_planned {
            self.hold_rates();
        }
        for applied in &rows.applied {
            told.push(self.hear(applied));
        }
        told.extend(rows.answered.iter().filter_map(|answered| self.answer(answered)));
        told.extend(self.new_state(now).map(|data| ("state", data)));
        told.extend(self.row(now).filter(|_| length > skip).map(|data| ("row", data)));
        self.version += 1;
        told
    }

    /// The newest row, unless one was told just now.
    fn row(&mut self, now: Instant) -> Option<Value> {
        if self.row_told.is_some_and(|at| now.saturating_duration_since(at) < ROW) {
            return None;
        }
        self.row_told = Some(now);
        let series = self.recording.recording().series.iter();
        let values =
            series.filter_map(|named| Some((named.name.clone(), number(named.points.last()?.value))));
        let values: serde_json::Map<String, Value> = values.take(SHOWN).collect();
        Some(json!({"update": self.update.saturating_sub(1), "values": values}))
    }

    /// Without a known future the newest rates are what is planned.
    fn hold_rates(&mut self) {
        for group in &self.about.groups {
            let name = format!("{RATE_OF}{}", group.name);
            let series = self.recording.recording().series.iter().find(|named| named.name == name);
            let bent = self.plan.bent(self.update).iter().any(|(bent, _)| *bent == group.name);
            if let Some(last) = series.and_then(|named| named.points.last()).filter(|_| !bent) {
                self.plan.rebase(&group.name, Course::constant(last.value));
            }
        }
    }

    fn hear(&mut self, applied: &Applied) -> Told {
        let update = applied.update.map(|update| update.0);
        if let Some(Whole(revision)) = applied.refused {
            let reason = plain::message(applied.reason.as_deref().unwrap_or("no reason was given"));
            self.settle(revision, None, false, Some(reason.clone()));
            return ("refused", json!({"revision": revision, "update": update, "reason": reason}));
        }
        let revision = applied.revision.unwrap_or_default().0;
        self.settle(revision, update, applied.late, None);
        if let Some(latency) = applied.latency_s.filter(|latency| (0.0..1e6).contains(latency)) {
            let updates = self.pace.map(|pace| latency / pace);
            keep(&mut self.latencies, (latency, updates), LATENCIES);
        }
        let latency = applied.latency_s;
        (
            "applied",
            json!({"revision": revision, "update": update, "late": applied.late, "latency_s": latency}),
        )
    }

    /// What became of a request; nothing where it is not known here (any more).
    fn answer(&mut self, answered: &Answered) -> Option<Told> {
        let error = answered.error.as_deref().map(plain::message);
        let asked = self.asks.answer(answered.id.0, answered.update.map(|update| update.0), error)?;
        Some(("answered", asked.json()))
    }
}
