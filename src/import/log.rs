//! A recording's learning rate as a schedule: the nearest kind, or the rates themselves.

use std::io::BufRead;
use std::path::Path;

use super::dialect::Dialect;
use super::fit::{self, Sample};
use super::{ImportError, Imported};
use crate::experiment::OptimizerKind;
use crate::recording::{Head, Named, Recorder, Recording, Role, Tick, claim, read_from};
use crate::schedule::kind::{Kind, Value};
use crate::schedule::{Schedule, Span, Tick as Counts};

/// Rates that a training wrote down.
pub(super) static DIALECT: Dialect = Dialect {
    id: "log",
    name: "logged rates",
    example: "step,lr\n0,0.1\n1,0.09\n2,0.08\n",
    signs: &[],
    read: |text, _| read(text.raw.as_bytes()),
};

/// The most rates that are looked at while somebody waits.
const MAX_SEARCHED: usize = 2048;
/// The most rates that are looked at.
const MAX_KEPT: usize = 1 << 14;
/// A log that begins within so many of its own distances is one from the beginning.
const NEAR_START: f64 = 1.5;
/// Names that are shown of what was left out.
const SHOWN: usize = 12;

/// The evidence from which a text is a log whatever else it looks like.
const CERTAIN: u8 = 50;

/// Whether the text starts like a log; lines that other texts may have too are not enough.
pub(super) fn is_log(start: &str) -> bool {
    is_log_file(Path::new("text"), start.as_bytes())
}

/// Whether a file starts like a log; its name may say what its values are.
pub(super) fn is_log_file(path: &Path, start: &[u8]) -> bool {
    claim(&Head::new(path, start)).is_some_and(|claim| claim.evidence.score >= CERTAIN)
}

/// Whether a file may be a log, where nothing else has it.
pub(super) fn may_be_log(path: &Path, start: &[u8]) -> bool {
    claim(&Head::new(path, start)).is_some()
}

/// Reads the whole log and finds the nearest schedule.
pub(super) fn read(reader: impl BufRead) -> Result<Imported, ImportError> {
    let log = read_from("text", reader).map_err(|error| ImportError::Log(error.to_string()))?;
    let named: Vec<(String, &Recording)> =
        log.recordings.iter().map(|recording| (recording.name.clone(), recording)).collect();
    imported(&named, log.left_out.sentences())
}

/// Reads a log from its file, or from a folder of logs.
pub(super) fn read_file(path: &Path) -> Result<Imported, ImportError> {
    let recorder = Recorder::open(path).map_err(|error| ImportError::Log(error.to_string()))?;
    let recordings: Vec<(String, &Recording)> = recorder.recordings().collect();
    imported(&recordings, recorder.left_out().sentences())
}

/// How a recorded rate becomes a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateAs {
    /// The nearest kind.
    Fit,
    /// Control points along it.
    Points,
}

/// A recording's rate as a run, its lengths as shares of the run, so that it can be trained at any length.
///
/// # Errors
/// When the recording has no rate.
pub fn rate_of(name: &str, recording: &Recording, way: RateAs) -> Result<Imported, ImportError> {
    let none = || ImportError::Log(format!("no series of {name} is named after a learning rate"));
    let rate = rate(recording).ok_or_else(none)?;
    let rates = Rates::of(recording, rate, MAX_SEARCHED)?;
    let total = rates.total;
    let fitted = match way {
        RateAs::Fit => Some(fit::nearest(&rates.samples, total)?),
        RateAs::Points => None,
    };
    // What counts its own ticks (a factor an update) is not the same at another length.
    let scaled = fitted.and_then(|found| Some((in_shares(found.schedule, total)?, found.fit, found.name)));
    let (schedule, fit, kind) = match scaled {
        Some(scaled) => scaled,
        None => {
            let found = fit::traced(&rates.samples, total);
            let schedule = in_shares(found.schedule, total).ok_or_else(none)?;
            (schedule, found.fit, found.name)
        }
    };
    let mut imported = Imported::new(&DIALECT, format!("{kind}: {name}"), schedule);
    imported.fit = Some(fit);
    Ok(imported)
}

/// The rate of a recording as a run; what else there was is noted.
pub(super) fn imported(
    recordings: &[(String, &Recording)],
    left_out: Vec<String>,
) -> Result<Imported, ImportError> {
    let found = recordings.iter().find_map(|(name, recording)| Some((name, *recording, rate(recording)?)));
    let Some((name, recording, rate)) = found else {
        let all = recordings.iter().flat_map(|(_, recording)| &recording.series);
        let names: Vec<&str> = all.take(SHOWN).map(|named| named.name.as_str()).collect();
        return Err(ImportError::Log(format!(
            "no series of it is named after a learning rate; it has {}",
            names.join(", ")
        )));
    };
    let mut imported = schedule(recording, rate)?;
    for note in left_out {
        imported.note(note);
    }
    if rate.role == Role::Other {
        imported.note(format!("nothing says what `{}` is; it was taken for the learning rate", rate.name));
    }
    let others: Vec<&str> = recording
        .series
        .iter()
        .filter(|named| named.name != rate.name && named.role != Role::Epoch && !named.points.is_empty())
        .map(|named| named.name.as_str())
        .collect();
    if !others.is_empty() {
        let more = others.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let shown = others.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        imported.note(format!("of its series the rate `{}` was read; left out: {shown}{more}", rate.name));
    }
    let other_runs: Vec<&str> =
        recordings.iter().map(|(other, _)| other.as_str()).filter(|other| other != name).collect();
    if !other_runs.is_empty() {
        let more = other_runs.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let shown = other_runs.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        imported.note(format!("the log has several runs; {name} was read, and left out: {shown}{more}"));
    }
    Ok(imported)
}

/// The learning rate, or what is the only thing that it can be.
fn rate(recording: &Recording) -> Option<&Named> {
    recording.rate().or_else(|| match recording.series.as_slice() {
        [only] if only.name == "Value" => Some(only),
        _ => None,
    })
}

/// A recorded rate, thinned.
struct Rates {
    samples: Vec<Sample>,
    /// Ticks from the first to past the last.
    total: u64,
    /// Where tick 0 was in the recording, and the first rate.
    start: u64,
    first: u64,
    /// Values, and those among them that are no rates.
    seen: usize,
    unusable: usize,
}

impl Rates {
    /// # Errors
    /// When there are less than two.
    fn of(recording: &Recording, rate: &Named, most: usize) -> Result<Self, ImportError> {
        let usable = |value: f64| (0.0..=1e30).contains(&value);
        let buckets = rate.points.finest().filter(|bucket| usable(bucket.first));
        let mut points: Vec<(u64, f64)> = buckets.map(|bucket| (bucket.first_update, bucket.first)).collect();
        let unusable = rate.points.finest().filter(|bucket| !usable(bucket.first)).count();
        let seen = rate.points.len();
        if let Some(last) = rate.points.last().filter(|last| usable(last.value))
            && points.last().is_some_and(|(update, _)| *update < last.update)
        {
            points.push((last.update, last.value));
        }
        let (Some(&first), Some(&last)) = (points.first(), points.last()) else {
            return Err(ImportError::Log(format!(
                "no row of it has a rate that is a number of at least 0: `{}` has {seen} values",
                rate.name
            )));
        };
        if points.len() < 2 {
            let name = &rate.name;
            return Err(ImportError::Log(format!("`{name}` has one value only, and a schedule needs two")));
        }
        let gaps = seen.saturating_sub(1 + unusable).max(1);
        let spacing = ((last.0 - first.0) as f64 / gaps as f64).max(1.0);
        // One that begins later is a part of a training.
        let begins = recording.tick != Tick::Update || first.0 as f64 <= NEAR_START * spacing;
        let start = if begins { 0 } else { first.0 };
        // Logged at the beginnings of stretches, the last one goes on; at their ends, it is over.
        let after = if first.0 == start { spacing.round() as u64 } else { 1 };
        let step = points.len().div_ceil(most).max(1);
        let kept = points.iter().step_by(step).chain(points.last());
        let mut samples: Vec<Sample> =
            kept.map(|(update, rate)| Sample { update: update - start, rate: *rate }).collect();
        samples.dedup_by_key(|sample| sample.update);
        let total = (last.0 - start).saturating_add(after);
        Ok(Self { samples, total, start, first: first.0, seen, unusable })
    }
}

/// The rates as a schedule.
fn schedule(recording: &Recording, rate: &Named) -> Result<Imported, ImportError> {
    let Rates { samples, total, start, first, seen, unusable } = Rates::of(recording, rate, MAX_KEPT)?;
    let mut found = fit::nearest(&samples, total)?;
    let mut nearest = None;
    // What a run was exported as is the run, and what comes near it is not.
    if is_export(recording) && unusable == 0 && samples.len() as u64 == total && !found.fit.is_exact() {
        nearest = Some(found.fit.to_string());
        found = fit::listed(&samples, total);
    }
    let epochs = recording.tick == Tick::Epoch;
    let schedule = if epochs { counted_in_epochs(found.schedule) } else { found.schedule };
    let mut imported = Imported::new(&DIALECT, found.name, schedule);
    let length = total as f64;
    imported.updates = Some(if epochs { Span::Epochs(length) } else { Span::Updates(length) });
    if let Some(nearest) = nearest {
        imported.note(format!("{nearest}; so the rates themselves were taken"));
    }
    let unit = recording.tick.singular();
    if start > 0 {
        imported.note(format!("the log starts at {unit} {start}, which is {unit} 0 here"));
    } else if first > 0 {
        imported.note(format!("the first rate is that of {unit} {first}; before it the same was assumed"));
    }
    if unusable > 0 {
        imported.note(format!("{unusable} rates that are no numbers of at least 0 were left out"));
    }
    if seen > samples.len() + unusable {
        let every = seen.div_ceil(samples.len());
        imported.note(format!("of {seen} rates every {every}th was looked at"));
    }
    imported.fit = Some(found.fit);
    Ok(imported)
}

/// Whether the recording is an export of ours as a table: the rate of each update, and the optimizer's numbers.
fn is_export(recording: &Recording) -> bool {
    let known = |name: &str| {
        let has = |kind: OptimizerKind| kind.numbers().iter().any(|info| info.name == name);
        matches!(name, "lr" | "batch") || OptimizerKind::ALL.into_iter().any(|(_, kind)| has(kind))
    };
    recording.tick == Tick::Update && recording.series.iter().all(|named| known(&named.name))
}

/// The same schedule, with its lengths in epochs.
fn counted_in_epochs(mut schedule: Schedule) -> Schedule {
    schedule.tick = Counts::Epoch;
    lengths(&mut schedule, Span::Epochs);
    schedule
}

/// The same schedule, with its lengths as shares of a run of this length; nothing for a kind that counts its own
/// ticks, which is another schedule at another length.
fn in_shares(mut schedule: Schedule, total: u64) -> Option<Schedule> {
    let counts = matches!(
        schedule.kind,
        Kind::Exponential(_) | Kind::Noam(_) | Kind::Cyclic(_) | Kind::Listed(_) | Kind::InverseSqrt(_)
    );
    if counts {
        return None;
    }
    lengths(&mut schedule, |updates| Span::Percent(100.0 * updates / total.max(1) as f64));
    Some(schedule)
}

/// Gives every length in updates another unit.
fn lengths(schedule: &mut Schedule, unit: impl Fn(f64) -> Span) {
    let other = |span: Span| match span {
        Span::Updates(amount) => unit(amount),
        other => other,
    };
    if let Some(warmup) = &mut schedule.warmup {
        warmup.over = other(warmup.over);
    }
    for field in Kind::fields(schedule.kind.name()).unwrap_or_default() {
        let value = match schedule.kind.get(field.name) {
            Some(Value::Span(span)) => Value::Span(span.map(other)),
            Some(Value::Milestones(spans)) => Value::Milestones(spans.into_iter().map(other).collect()),
            Some(Value::Points(points)) => {
                Value::Points(points.into_iter().map(|(at, rate)| (other(at), rate)).collect())
            }
            _ => continue,
        };
        schedule.kind.set(field.name, value);
    }
}
