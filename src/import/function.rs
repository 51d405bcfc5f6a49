//! Rates that a function gives: the table of its values, or the named schedule that they are.

use super::fit::{self, Sample};
use super::python::eval::Stop;
use super::shape::{in_epochs, table};
use super::{ImportError, Imported};
use crate::schedule::formula::{Definition, Variables};
use crate::schedule::kind::{Formula, Kind, Value};
use crate::schedule::{Clock, Schedule, Span, Tick};

/// The most values that are listed one by one, and looked at.
pub(super) const MAX_VALUES: u64 = 20_000;
/// How long a run is taken to be where nothing says.
pub(super) const ASSUMED: u64 = 1000;

/// A function of the tick, as a schedule.
pub(super) struct Sampled<'s> {
    /// What it is called, for people.
    pub what: &'s str,
    /// The ticks of the run, where they are known.
    pub ticks: Option<u64>,
    pub tick: Tick,
    /// The function itself, where it could be translated.
    pub formula: Option<Definition>,
}

/// The schedule whose values these are: a named one where it is exact, or else the function's own formula where it
/// could be translated, or else the values themselves, or for runs of more than [`MAX_VALUES`] ticks the nearest that
/// there is.
///
/// # Errors
/// When the function cannot be evaluated, or gives what is no rate.
pub(super) fn schedule(
    of: &Sampled<'_>,
    imported: &mut Imported,
    mut rate: impl FnMut(u64) -> Result<f64, Stop>,
) -> Result<Schedule, ImportError> {
    let unit = if of.tick == Tick::Epoch { "epochs" } else { "updates" };
    let total = match of.ticks {
        Some(ticks) => ticks.clamp(1, 1_000_000_000),
        None => {
            imported.assume(format!(
                "the text does not say how long the run is: {} was evaluated for {ASSUMED} {unit} (--length says more)",
                of.what
            ));
            if imported.updates.is_none() {
                let ticks = ASSUMED as f64;
                let length = if of.tick == Tick::Epoch { Span::Epochs(ticks) } else { Span::Updates(ticks) };
                imported.updates = Some(length);
            }
            ASSUMED
        }
    };
    let every = total.div_ceil(MAX_VALUES).max(1);
    let mut samples = Vec::new();
    for update in (0..total).step_by(every as usize) {
        let value = rate(update).map_err(|stop| {
            let at = if update == 0 { String::new() } else { format!("at tick {update} ") };
            ImportError::unsupported(of.what, format!("{at}{}; a log of its rates can be imported", stop.why))
        })?;
        if !(0.0..=1e30).contains(&value) {
            let why = format!("at tick {update} it gives {value}, which is no learning rate");
            return Err(ImportError::unsupported(of.what, why));
        }
        samples.push(Sample { update, rate: value });
    }
    let found = fit::nearest(&samples, total)?;
    let formula = of.formula.as_ref().and_then(|formula| exact(formula, &samples, total));
    // The values listed one by one say less than the formula they are of.
    let is_named = !matches!(found.schedule.kind, Kind::Listed(_) | Kind::Points(_)) || formula.is_none();
    let schedule = if found.fit.is_exact() && is_named {
        imported.note(format!("{} was evaluated: it is {} exactly", of.what, found.fit.kind));
        found.schedule
    } else if let Some(formula) = formula {
        imported.note(format!("{} was translated: the schedule is its own formula; {}", of.what, found.fit));
        formula
    } else if every == 1 {
        imported.note(format!("{} was evaluated: its {total} values were taken; {}", of.what, found.fit));
        table(samples.into_iter().map(|sample| sample.rate).collect())
    } else {
        imported
            .note(format!("{} was evaluated at every {every}th of {total} {unit}: {}", of.what, found.fit));
        found.schedule
    };
    imported.fit = Some(found.fit);
    // A run of another length must not stretch what was found over the evaluated ticks.
    let schedule = if of.ticks.is_none() { ended(schedule, total) } else { schedule };
    Ok(if of.tick == Tick::Epoch { in_epochs(&schedule) } else { schedule })
}

/// The formula as a schedule, where it gives what the function gave.
fn exact(formula: &Definition, samples: &[Sample], total: u64) -> Option<Schedule> {
    let agrees = samples.iter().all(|sample| {
        let at = Variables { t: sample.update as f64, total: total as f64 };
        (formula.at(at) - sample.rate).abs() <= 1e-12 * sample.rate.abs()
    });
    let schedule = Schedule::from(Kind::Formula(Formula { value: formula.clone() }));
    let clock = Clock { updates: total, updates_per_epoch: 1 };
    (agrees && schedule.resolve(clock).is_ok()).then_some(schedule)
}

/// The schedule with the length that it has by default written out.
fn ended(mut schedule: Schedule, ticks: u64) -> Schedule {
    if schedule.kind.get("over") == Some(Value::Span(None)) {
        schedule.kind.set("over", Value::Span(Some(Span::Updates(ticks as f64))));
    }
    schedule
}
