//! The selected run's optimizer and its numbers.

use eframe::egui::Ui;

use crate::experiment::optimizer::NumberInfo;
use crate::experiment::{Number, Optimizer, OptimizerKind};
use crate::schedule::kind::{Linear, Value};
use crate::schedule::{Clock, Kind, Schedule};
use crate::ui::studio::Studio;
use crate::ui::widgets::{Amount, amount, check, choice};

use super::schedule::Quantity;
use super::{courses, rule};

/// How an optimizer number follows the run.
#[derive(Clone, Copy, PartialEq)]
enum Course {
    Fixed,
    Mirror,
    Scheduled,
}

const COURSES: [(&str, Course); 3] =
    [("Fixed", Course::Fixed), ("On a schedule", Course::Scheduled), ("Mirrors the rate", Course::Mirror)];

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let id = studio.view.selected;
    let clock = studio.clock();
    let Some(run) = studio.document.run(id).cloned() else { return };
    let mut next = run.clone();
    let kinds = [
        ("SGD", OptimizerKind::Sgd),
        ("Adam", OptimizerKind::Adam),
        ("AdamW", OptimizerKind::AdamW),
        ("RMSprop", OptimizerKind::RmsProp),
        ("Adagrad", OptimizerKind::Adagrad),
        ("Lion", OptimizerKind::Lion),
        ("Schedule-free SGD", OptimizerKind::ScheduleFreeSgd),
        ("Schedule-free AdamW", OptimizerKind::ScheduleFreeAdamW),
    ];
    let mut kind = next.optimizer.kind;
    if choice(ui, "Rule", "How a gradient becomes a step.", &mut kind, &kinds) {
        next.optimizer = next.optimizer.converted(kind);
    }
    for info in kind.numbers() {
        number(ui, &mut next.optimizer, info, clock);
    }
    if kind == OptimizerKind::Sgd {
        check(ui, "Nesterov", "Look ahead along the momentum.", &mut next.optimizer.nesterov);
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
    rule(ui);
    courses::show(ui, studio.document.experiment(), &mut next, clock);
    if next != run {
        studio.document.edit_run(id, |run| *run = next);
    }
}

fn title(name: &str) -> &str {
    match name {
        "momentum" => "Momentum",
        "weight_decay" => "Decay λ",
        "beta1" => "β1",
        "beta2" => "β2",
        "eps" => "ε",
        "alpha" => "α",
        other => other,
    }
}

fn help(name: &str) -> &'static str {
    match name {
        "momentum" => "The share of the last step that an update keeps.",
        "weight_decay" => "Weight decay: how strongly weights are pulled towards zero.",
        "beta1" => "How slowly the mean gradient forgets.",
        "beta2" | "alpha" => "How slowly the mean squared gradient forgets.",
        "eps" => "Keeps a division from exploding.",
        _ => "",
    }
}

fn number(ui: &mut Ui, optimizer: &mut Optimizer, info: &NumberInfo, clock: Clock) {
    let Some(mut value) = optimizer.get(info.name).cloned() else { return };
    let (label, help) = (title(info.name), help(info.name));
    let most = if info.open { info.max - 1e-6 } else { info.max };
    let share = |label, help| Amount::number(label, help, 0.0..=0.999).limits(0.0..=most);
    let can_mirror = optimizer.kind.momentum_name() == Some(info.name);
    let can_follow = info.name != "eps";
    if can_follow {
        let mut course = course_of(&value);
        let courses = if can_mirror { &COURSES[..] } else { &COURSES[..2] };
        if choice(ui, label, help, &mut course, courses) {
            value = in_course(&value, course);
        }
    }
    match &mut value {
        Number::Fixed(number) => {
            let spec = match info.name {
                "weight_decay" => {
                    Amount { range: 0.0..=1.0, ..Amount::rate("Value", help) }.limits(0.0..=most)
                }
                "eps" => Amount { range: 1e-10..=1e-2, ..Amount::rate(label, help) }.limits(0.0..=most),
                _ => share(if can_follow { "Value" } else { label }, help),
            };
            amount(ui, &spec, number);
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
            let quantity = if info.name == "weight_decay" { Quantity::Rate } else { Quantity::Share };
            ui.push_id(info.name, |ui| courses::scheduled(ui, schedule, quantity, clock));
        }
    }
    if optimizer.get(info.name) != Some(&value) {
        optimizer.set(info.name, value);
    }
}

fn course_of(number: &Number) -> Course {
    match number {
        Number::Fixed(_) => Course::Fixed,
        Number::Mirror { .. } => Course::Mirror,
        Number::Schedule(_) => Course::Scheduled,
    }
}

fn in_course(number: &Number, course: Course) -> Number {
    let value = match number {
        Number::Fixed(value) => *value,
        Number::Mirror { high, .. } => *high,
        Number::Schedule(schedule) => match schedule.kind.get("peak") {
            Some(Value::Number(peak)) => peak,
            _ => 0.9,
        },
    };
    match course {
        Course::Fixed => Number::Fixed(value),
        Course::Mirror => Number::Mirror { low: (value - 0.1).max(0.0), high: value },
        Course::Scheduled => {
            let line = Linear { peak: value, from: 1.0, to: 0.9, over: None };
            Number::Schedule(Box::new(Schedule::from(Kind::Linear(line))))
        }
    }
}
