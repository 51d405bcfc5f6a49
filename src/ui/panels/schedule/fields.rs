//! The fields of a schedule's kind, whatever its values are.

use eframe::egui::Ui;

use crate::schedule::kind::{Field, Kind, Role, Value};
use crate::schedule::{Clock, Schedule};
use crate::ui::format;
use crate::ui::panels::map::mapped;
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount, check, choice};

use super::formula::formula;
use super::lists::{control_points, milestones};
use super::spans::{Units, span_row};

/// What the values of a schedule are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Rate,
    /// Samples of an update.
    Samples,
    /// A share, as momentum and weight decay are.
    Share,
}

impl Quantity {
    fn amount<'a>(self, label: &'a str, help: &'a str) -> Amount<'a> {
        match self {
            Self::Rate => Amount::rate(label, help),
            Self::Samples => {
                Amount::number(label, help, 1.0..=4096.0).logarithmic().limits(0.0..=1e9).unit("samples")
            }
            Self::Share => Amount::number(label, help, 0.0..=1.0),
        }
    }
}

/// The kind's own fields.
pub fn fields(ui: &mut Ui, schedule: &mut Schedule, quantity: Quantity, clock: Clock) {
    each(schedule, |field, value, schedule| edit(ui, field, value, schedule, (quantity, clock)));
}

/// The same of a run's rate, whose numbers a map can be over.
pub fn of_run(ui: &mut Ui, schedule: &mut Schedule, clock: Clock) {
    each(schedule, |field, value, schedule| {
        let is_mapped = matches!(field.role, Role::Rate | Role::Number { .. } | Role::Span);
        let edited = |ui: &mut Ui| edit(ui, field, value, schedule, (Quantity::Rate, clock));
        if is_mapped { mapped(ui, &format!("lr.{}", field.name), edited) } else { edited(ui) }
    });
}

/// Every field of the kind; `edit` gives the new value of one that was changed.
fn each(schedule: &mut Schedule, mut edit: impl FnMut(&Field, Value, &Schedule) -> Option<Value>) {
    for field in Kind::fields(schedule.kind.name()).unwrap_or_default() {
        let Some(value) = schedule.kind.get(field.name) else { continue };
        if let Some(value) = edit(&field, value, schedule) {
            schedule.kind.set(field.name, value);
        }
    }
}

/// A field's name for people.
fn label(field: &Field) -> String {
    let known = match field.name {
        "gamma" => "Factor γ",
        "pct_start" => "Climb share",
        "div_factor" => "Start divisor",
        "final_div_factor" => "End divisor",
        "d_model" => "Width",
        "peak_decay" => "Peak decay",
        "three_phase" => "Three phases",
        "mult" => "Growth",
        "first" => "First cycle",
        "over" => "Length",
        name => return sentence(name),
    };
    known.to_owned()
}

/// A name from the experiment file as people write it.
pub fn sentence(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// One field; its new value if it was changed.
fn edit(
    ui: &mut Ui,
    field: &Field,
    value: Value,
    schedule: &Schedule,
    (quantity, clock): (Quantity, Clock),
) -> Option<Value> {
    let label = &label(field);
    match (field.role, value) {
        (Role::Rate, Value::Number(mut number)) => {
            amount(ui, &quantity.amount(label, field.help), &mut number).then_some(Value::Number(number))
        }
        (Role::Number { min, max }, Value::Number(mut number)) => {
            let spec = number_spec(label, field, quantity, (min, max));
            amount(ui, &spec, &mut number).then_some(Value::Number(number))
        }
        (Role::Span, Value::Span(mut span)) => {
            let open = field.default.as_ref().is_some_and(|default| *default == Value::Span(None));
            let units = if open { Units::OrOpen } else { Units::All };
            span_row(ui, label, field.help, &mut span, units, clock).then_some(Value::Span(span))
        }
        (Role::Flag, Value::Flag(mut on)) => check(ui, label, field.help, &mut on).then_some(Value::Flag(on)),
        (Role::Choice(names), Value::Choice(mut chosen)) => {
            let options: Vec<(&str, &'static str)> = names.iter().map(|name| (*name, *name)).collect();
            choice(ui, label, field.help, &mut chosen, &options).then_some(Value::Choice(chosen))
        }
        (Role::Formula, Value::Formula(definition)) => {
            formula(ui, &definition, field.help, (schedule, clock), sentence)
        }
        (Role::Milestones, Value::Milestones(spans)) => milestones(ui, spans, clock).map(Value::Milestones),
        (Role::Points, Value::Points(points)) => {
            control_points(ui, points, schedule, clock).map(Value::Points)
        }
        (_, Value::Values(table)) => {
            let count = format::count(table.values.len() as u64);
            ui.label(format!("{count} rates, one a tick. The list is edited in the experiment file."));
            None
        }
        (_, Value::Parts(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                let length = part.length.map_or_else(|| "to the end".to_owned(), |length| length.to_string());
                ui.label(format!("{}. {} · {length}", index + 1, sentence(part.schedule.kind.name())));
            }
            ui.label(theme::caption(
                ui,
                "Drag the handles to move where parts end. Parts are added in the experiment file.",
            ));
            None
        }
        (_, Value::Factors(factors)) => {
            for factor in &factors {
                ui.label(format!("× {}", sentence(factor.kind.name())));
            }
            ui.label(theme::caption(ui, "Factors are edited in the experiment file."));
            None
        }
        _ => None,
    }
}

/// A slider that reaches what is usual, for a number that may be anything allowed.
fn number_spec<'a>(label: &'a str, field: &Field, quantity: Quantity, (min, max): (f64, f64)) -> Amount<'a> {
    let help = field.help;
    let (low, high, logarithmic) = match field.name {
        // Rates fall, and batches grow.
        "gamma" if quantity == Quantity::Samples => (0.5, 4.0, false),
        "gamma" => (0.0, 1.0, false),
        "power" => (0.0, 5.0, false),
        "mult" => (1.0, 4.0, false),
        "div_factor" => (1.0, 1e3, true),
        "final_div_factor" => (1.0, 1e6, true),
        "d_model" => (16.0, 4096.0, true),
        "from" | "to" => (0.0, 2.0, false),
        _ => (min, max.min(1.0), false),
    };
    let spec = Amount::number(label, help, low..=high).limits(min..=max);
    if logarithmic { spec.logarithmic() } else { spec }
}
