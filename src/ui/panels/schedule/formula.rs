//! A schedule that is a formula: its text, and a slider for each of its constants.

use eframe::egui::{Key, TextEdit, Ui};

use crate::schedule::formula::{Definition, FormulaError};
use crate::schedule::kind::Value;
use crate::schedule::{Clock, Schedule};
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount};

/// What a constant's slider reaches.
const FAR: f64 = 1e6;

/// A text that is being written, until it is a formula that gives rates.
#[derive(Clone, Default)]
struct Draft {
    /// The formula that it was made of.
    of: String,
    text: String,
}

/// The formula and its constants, changed where somebody changed them.
pub(super) fn formula(
    ui: &mut Ui,
    definition: &Definition,
    help: &str,
    (schedule, clock): (&Schedule, Clock),
    sentence: fn(&str) -> String,
) -> Option<Value> {
    let mut next = text(ui, definition, help, (schedule, clock));
    for (name, value) in definition.constants() {
        let mut changed = value;
        let label = sentence(name);
        let help = format!("The formula's constant {name}.");
        if amount(ui, &spec(name, &label, &help, value), &mut changed) {
            next.get_or_insert_with(|| definition.clone()).set(name, changed);
        }
    }
    next.map(Value::Formula)
}

/// The formula's text; a new definition once what is written can be trained with, and the field is left.
fn text(
    ui: &mut Ui,
    definition: &Definition,
    help: &str,
    (schedule, clock): (&Schedule, Clock),
) -> Option<Definition> {
    let id = ui.make_persistent_id("formula");
    let mut draft: Draft = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let held = definition.formula().text();
    if draft.of != held {
        draft = Draft { of: held.to_owned(), text: held.to_owned() };
    }
    let label = ui.label(theme::caption(ui, "Rate at tick t of total")).on_hover_text(help);
    let field = TextEdit::multiline(&mut draft.text)
        .font(theme::number())
        .desired_rows(2)
        .desired_width(ui.available_width());
    let response = ui.add(field).labelled_by(label.id);
    if response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter) && !input.modifiers.shift) {
        response.surrender_focus();
    }
    let written = draft.text.trim().to_owned();
    let read = (written != held).then(|| usable(definition, &written, schedule, clock));
    let changed = match read {
        Some(Err(why)) => {
            ui.colored_label(theme::tokens(ui).danger, why);
            None
        }
        Some(Ok(new)) if !response.has_focus() => Some(new),
        _ => None,
    };
    if let Some(new) = &changed {
        new.formula().text().clone_into(&mut draft.of);
        draft.text.clone_from(&draft.of);
    }
    ui.data_mut(|data| data.insert_temp(id, draft));
    changed
}

/// What is written as the schedule's formula, or why it cannot be.
fn usable(held: &Definition, text: &str, schedule: &Schedule, clock: Clock) -> Result<Definition, String> {
    let new = held.rewritten(text).map_err(|error: FormulaError| error.to_string())?;
    let mut tried = schedule.clone();
    tried.kind.set("value", Value::Formula(new.clone()));
    tried.resolve(clock).map_err(|error| error.to_string())?;
    Ok(new)
}

/// A slider for a constant: a rate's where it is called like one.
fn spec<'a>(name: &str, label: &'a str, help: &'a str, value: f64) -> Amount<'a> {
    let is_rate = ["peak", "floor", "lr", "rate"].iter().any(|word| name.contains(word));
    if is_rate && value >= 0.0 {
        return Amount::rate(label, help);
    }
    let range = if value < 0.0 { -FAR..=FAR } else { 0.0..=FAR };
    Amount::number(label, help, range).logarithmic().limits(-1e30..=1e30)
}
