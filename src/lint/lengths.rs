//! Lengths that do not fit into the run.

use super::{Remedy, Severity, Subject, Warning, all};
use crate::schedule::kind::{CosineRestarts, Kind, Value};
use crate::schedule::{Schedule, Span};

pub(super) fn lint(subject: &Subject) -> Vec<Warning> {
    let mut warnings = Vec::new();
    modifiers(subject, &mut warnings);
    for (path, schedule) in all(&subject.run.lr) {
        // A part has its own length; what is said here is about the whole run.
        let is_part = path.contains("parts[");
        if !is_part {
            warnings.extend(body(subject, &path, schedule));
        }
        if let Kind::Noam(_) = schedule.kind
            && schedule.warmup.is_some()
        {
            let message = "noam has its own warmup, and a second one goes before it";
            let warning = Warning::new(Severity::Warning, "noam-with-warmup", message);
            warnings.push(warning.with(Remedy::Remove { field: format!("lr.{path}warmup") }));
        }
    }
    patience(subject, &mut warnings);
    warnings
}

fn warn(code: &'static str, message: String) -> Warning {
    Warning::new(Severity::Warning, code, message)
}

fn modifiers(subject: &Subject, warnings: &mut Vec<Warning>) {
    let (time, lr) = (subject.time, &subject.run.lr);
    if let Some(warmup) = &lr.warmup
        && time.updates(warmup.over).is_some_and(|over| over >= time.total())
    {
        let message = format!(
            "the warmup lasts {}, and the run is over before it: the schedule itself is never used",
            warmup.over
        );
        let warning = Warning::new(Severity::Error, "warmup-longer-than-run", message);
        warnings.push(warning.set("lr.warmup.over", "\"5%\""));
    }
    if let Some(cooldown) = &lr.cooldown
        && time.updates(cooldown.over).is_some_and(|over| over >= time.total())
    {
        let message = format!("the cooldown lasts {}, which is the whole run", cooldown.over);
        warnings.push(warn("cooldown-longer-than-run", message).set("lr.cooldown.over", "\"20%\""));
    }
}

/// The updates that a body has: the run without its warmup.
fn room(subject: &Subject) -> f64 {
    let warmup = subject.run.lr.warmup.as_ref();
    let lead = warmup.and_then(|warmup| subject.time.updates(warmup.over)).unwrap_or(0.0);
    (subject.time.total() - lead).max(1.0)
}

fn body(subject: &Subject, path: &str, schedule: &Schedule) -> Vec<Warning> {
    let time = subject.time;
    let room = room(subject);
    let mut warnings = Vec::new();
    let name = schedule.kind.name();
    // Rounding a share of the run must not be called too long.
    let exceeds = |span: Span| time.updates(span).filter(|updates| *updates > room + 0.5);
    if let Some(Value::Span(Some(over))) = schedule.kind.get("over")
        && let Some(updates) = exceeds(over)
    {
        let reached = 100.0 * room / updates;
        let message = format!(
            "{name} takes {over}, and the run has room for {room} updates: it gets {reached:.0} % of the way"
        );
        let field = format!("lr.{path}over");
        warnings.push(warn("over-longer-than-run", message).with(Remedy::Remove { field }));
    }
    match &schedule.kind {
        Kind::Wsd(wsd) if exceeds(wsd.decay).is_some() => {
            let message =
                format!("the decay takes {}, longer than the run: it begins below its peak", wsd.decay);
            warnings.push(warn("decay-longer-than-run", message).set(format!("lr.{path}decay"), "\"20%\""));
        }
        Kind::CosineRestarts(kind) => warnings.extend(restarts(subject, path, kind)),
        Kind::Step(step) if time.updates(step.every).is_some_and(|every| every >= room) => {
            let message = format!("the first drop comes after {}: the run is over before it", step.every);
            warnings.push(warn("step-never-drops", message).set(format!("lr.{path}every"), "\"30%\""));
        }
        Kind::Multistep(kind) => {
            let late = |span: &&Span| time.updates(**span).is_some_and(|at| at >= room);
            let late: Vec<String> = kind.milestones.iter().filter(late).map(ToString::to_string).collect();
            if !late.is_empty() {
                let message = format!("milestones after the run's end: {}", late.join(", "));
                warnings.push(warn("milestone-after-run", message));
            }
        }
        Kind::Sequence(sequence) => {
            let lengths: Option<f64> =
                sequence.parts.iter().filter_map(|part| part.length).map(|length| time.updates(length)).sum();
            if lengths.is_some_and(|all| all >= room) {
                let message =
                    "the parts before the last fill the run: the last part is never used".to_owned();
                warnings.push(warn("part-never-starts", message));
            }
        }
        _ => {}
    }
    warnings
}

fn restarts(subject: &Subject, path: &str, kind: &CosineRestarts) -> Vec<Warning> {
    let Some(first) = subject.time.updates(kind.first) else { return Vec::new() };
    let mut warnings = Vec::new();
    if let Some(climb) = kind.cycle_warmup.and_then(|climb| subject.time.updates(climb))
        && climb >= first
    {
        let message = "the first cycle is all warmup".to_owned();
        warnings.push(warn("cycle-warmup-too-long", message).with(Remedy::Set {
            field: format!("lr.{path}cycle_warmup"),
            value: format!("\"{}\"", (first / 10.0).ceil()),
        }));
    }
    let room = room(subject);
    let field = format!("lr.{path}first");
    if first > room + 0.5 {
        let message = format!("the first cycle takes {}: the run is over before any restart", kind.first);
        warnings.push(warn("restarts-never-finish", message).set(field, "\"25%\""));
        return warnings;
    }
    // Whole cycles that fit, and how far the one after them gets.
    let (mut start, mut length, mut cycles) = (0.0, first.round().max(1.0), 0_u32);
    while start + length <= room + 0.5 && cycles < 10_000 {
        start += length;
        length *= kind.mult;
        cycles += 1;
    }
    let share = (room - start) / length;
    if share > 0.01 && share < 0.99 {
        let message = format!(
            "the run ends {:.0} % into cycle {}, with the rate still high: whole cycles end at the floor",
            100.0 * share,
            cycles + 1
        );
        // The length with which so many whole cycles fill the room.
        let units: f64 = (0..cycles).map(|cycle| kind.mult.powf(f64::from(cycle))).sum();
        let fitting = (room / units.max(1.0)).floor();
        warnings.push(warn("restarts-end-mid-cycle", message).set(field, format!("\"{fitting}\"")));
    }
    warnings
}

fn patience(subject: &Subject, warnings: &mut Vec<Warning>) {
    // Without a clock the epochs are known only where the run is measured in them.
    let epochs = match (subject.time.unknown, subject.experiment.train.updates) {
        (None, _) => subject.time.total() / subject.time.clock.updates_per_epoch.max(1) as f64,
        (Some(_), Span::Epochs(epochs)) => epochs,
        _ => return,
    };
    if let Some(controller) = &subject.run.controller
        && let Some(patience) = controller.patience()
    {
        let name = controller.name();
        // The first report is always an improvement.
        if patience as f64 + 1.0 >= epochs {
            let message = format!(
                "{name} waits for {patience} reports, one an epoch, and the run has {epochs:.0} epochs: it never cuts"
            );
            let value = format!("{:.0}", (epochs / 5.0).floor());
            warnings.push(warn("patience-longer-than-run", message).set(format!("{name}.patience"), value));
        }
    }
}
