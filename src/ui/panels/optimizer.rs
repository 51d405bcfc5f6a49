//! The selected run's optimizer and its numbers.

use eframe::egui::Ui;

use crate::experiment::optimizer::{NumberInfo, Role, Slider};
use crate::experiment::{Number, Optimizer, OptimizerKind};
use crate::schedule::kind::{Linear, Value};
use crate::schedule::{Clock, Kind, Schedule};
use crate::ui::studio::Studio;
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount, check, choice};

use super::map::mapped;
use super::schedule::Quantity;
use super::{courses, groups, rule};

/// How an optimizer number follows the run.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Fixed,
    Mirror,
    Scheduled,
}

const FORMS: [(&str, Form); 3] =
    [("Fixed", Form::Fixed), ("On a schedule", Form::Scheduled), ("Mirrors the rate", Form::Mirror)];

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let id = studio.view.selected;
    let clock = studio.clock();
    let Some(run) = studio.document.run(id).cloned() else { return };
    let mut next = run.clone();
    let kinds = OptimizerKind::ALL.map(|(_, kind)| (kind.info().title, kind));
    let mut kind = next.optimizer.kind;
    if choice(ui, "Rule", "How a gradient becomes a step.", &mut kind, &kinds) {
        next.optimizer = next.optimizer.converted(kind);
    }
    ui.label(theme::caption(ui, kind.info().help));
    for info in kind.numbers() {
        number(ui, &mut next.optimizer, info, clock);
    }
    next.optimizer = next.optimizer.settled();
    for info in kind.options() {
        let mut on = next.optimizer.has(info.name);
        if check(ui, info.title, info.help, &mut on) {
            next.optimizer.switch(info.name, on);
            next.optimizer = next.optimizer.settled();
        }
    }
    rule(ui);
    let mut decays = next.layer_decay.is_some();
    if check(ui, "Rate by layer", "Earlier layers learn slower than later ones.", &mut decays) {
        next.layer_decay = decays.then_some(0.75);
    }
    if let Some(decay) = &mut next.layer_decay {
        amount(
            ui,
            &Amount::number(
                "Layer decay",
                "Each layer learns at this share of the next one's rate.",
                0.1..=1.0,
            )
            .limits(1e-6..=1.0),
            decay,
        );
    }
    groups::show(ui, studio.document.experiment(), &mut next, clock);
    courses::show(ui, studio.document.experiment(), &mut next, clock);
    if next != run {
        studio.document.edit_run(id, |run| *run = next);
    }
}

fn number(ui: &mut Ui, optimizer: &mut Optimizer, info: &NumberInfo, clock: Clock) {
    let Some(mut value) = optimizer.get(info.name).cloned() else { return };
    let NumberInfo { title, help, .. } = *info;
    let most = if info.open { info.max - 1e-6 } else { info.max };
    let spec = |label| {
        let spec = match info.slider {
            Slider::Even(low, high) => Amount::number(label, help, low..=high),
            Slider::Magnitudes(low, high) => Amount { range: low..=high, ..Amount::rate(label, help) },
            Slider::Whole(low, high) => Amount::whole(label, help, low..=high),
        };
        spec.limits(info.min..=most)
    };
    let share = |label, help| Amount { help, ..spec(label) };
    if info.can_follow() {
        let mut form = form_of(&value);
        let forms = if info.role == Role::Momentum { &FORMS[..] } else { &FORMS[..2] };
        if choice(ui, title, help, &mut form, forms) {
            value = in_form(&value, form);
        }
    }
    match &mut value {
        Number::Fixed(number) => {
            let label = if info.can_follow() { "Value" } else { title };
            mapped(ui, &format!("optimizer.{}", info.name), |ui| amount(ui, &spec(label), number));
        }
        Number::Mirror { low, high } => {
            if amount(ui, &share("At the peak", "Where the rate is highest."), low) {
                *high = high.max(*low);
            }
            if amount(ui, &share("At the floor", "Where the rate is lowest."), high) {
                *low = low.min(*high);
            }
        }
        Number::Schedule(schedule) => {
            let is_share = matches!(info.slider, Slider::Even(..));
            let quantity = if is_share { Quantity::Share } else { Quantity::Rate };
            ui.push_id(info.name, |ui| courses::scheduled(ui, schedule, quantity, clock));
        }
    }
    if optimizer.get(info.name) != Some(&value) {
        optimizer.set(info.name, value);
    }
}

fn form_of(number: &Number) -> Form {
    match number {
        Number::Fixed(_) => Form::Fixed,
        Number::Mirror { .. } => Form::Mirror,
        Number::Schedule(_) => Form::Scheduled,
    }
}

fn in_form(number: &Number, form: Form) -> Number {
    let value = match number {
        Number::Fixed(value) => *value,
        Number::Mirror { high, .. } => *high,
        Number::Schedule(schedule) => match schedule.kind.get("peak") {
            Some(Value::Number(peak)) => peak,
            _ => 0.9,
        },
    };
    match form {
        Form::Fixed => Number::Fixed(value),
        Form::Mirror => Number::Mirror { low: (value - 0.1).max(0.0), high: value },
        Form::Scheduled => {
            let line = Linear { peak: value, from: 1.0, to: 0.9, over: None };
            Number::Schedule(Box::new(Schedule::from(Kind::Linear(line))))
        }
    }
}
