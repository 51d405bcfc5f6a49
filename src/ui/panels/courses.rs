//! Numbers of the update that follow a schedule of their own: the batch, and those of the optimizer.

use eframe::egui::Ui;

use crate::experiment::{BatchSize, Experiment, Run, Source};
use crate::schedule::kind::{Role, Step, Value};
use crate::schedule::{Clock, Kind, Schedule, Span};
use crate::ui::format;
use crate::ui::theme;
use crate::ui::widgets::{check, choice};

use super::schedule::{Quantity, fields, sentence};

/// Kinds that are edited in a few numbers.
const KINDS: [&str; 9] =
    ["constant", "step", "exponential", "linear", "polynomial", "cosine", "cosine_restarts", "cyclic", "wsd"];

/// The samples of an update, as the experiment says or on a schedule.
pub fn show(ui: &mut Ui, experiment: &Experiment, run: &mut Run, clock: Clock) {
    let (BatchSize::Samples(samples), true) =
        (experiment.data.batch_size, experiment.data.source != Source::None)
    else {
        return;
    };
    let usual = (samples * experiment.train.accumulate) as f64;
    let mut on = run.batch.is_some();
    if check(ui, "Batch on a schedule", "Updates of more and more samples, for one.", &mut on) {
        let doubling = Step { peak: usual, every: Span::Percent(34.0), gamma: 2.0 };
        run.batch = on.then(|| Kind::Step(doubling).into());
    }
    if let Some(batch) = &mut run.batch {
        let text = format!("Samples an update: the nearest number of micro-batches of {samples}.");
        ui.label(theme::caption(ui, text));
        ui.push_id("batch", |ui| scheduled(ui, batch, Quantity::Samples, clock));
    }
}

/// The kind of a schedule that is not the rate, and its numbers.
pub fn scheduled(ui: &mut Ui, schedule: &mut Schedule, quantity: Quantity, clock: Clock) {
    let before = schedule.kind.name();
    let mut kind = before;
    let mut kinds: Vec<(String, &'static str)> = KINDS.iter().map(|name| (sentence(name), *name)).collect();
    if !KINDS.contains(&before) {
        kinds.push((sentence(before), before));
    }
    let options: Vec<(&str, &'static str)> =
        kinds.iter().map(|(label, name)| (label.as_str(), *name)).collect();
    if choice(ui, "Course", "How the number changes along the run.", &mut kind, &options)
        && let Some(kind) = converted(&schedule.kind, kind)
    {
        schedule.kind = kind;
    }
    ui.label(theme::caption(ui, format::about_kind(schedule.kind.name())));
    fields(ui, schedule, quantity, clock);
}

/// Another kind with the same height, and lengths that fit any run.
fn converted(from: &Kind, to: &str) -> Option<Kind> {
    let known = Kind::fields(to)?;
    Kind::build(to, |name| {
        let field = known.iter().find(|field| field.name == name)?;
        match (name, field.role) {
            ("peak", _) => from.get("peak"),
            ("floor", _) => Some(Value::Number(0.0)),
            ("gamma", _) => from.get("gamma").or(field.default.clone()).or(Some(Value::Number(1.0))),
            (_, Role::Span) if field.default.is_none() => Some(Value::Span(Some(Span::Percent(25.0)))),
            _ => field.default.clone(),
        }
    })
    .filter(|kind| kind.check().is_ok())
}
