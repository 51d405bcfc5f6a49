//! The phases of the data: what they are, and what each run knows of them.

use eframe::egui::{Button, ScrollArea, TextEdit, Ui};

use crate::data::{Poison, SampleOrder, Shape, Shift};
use crate::experiment::phase::MOST;
use crate::experiment::{BatchSize, Data, Experiment, Phase, Source};
use crate::schedule::{Clock, Span};
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::phase_frame::PhaseFrame;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Amount, Figures, amount, check, choice, figures, prose, row, whole};

use super::rule;
use super::schedule::{Units, span_row};

pub const PANEL: Panel = Panel::new(
    "phases",
    "Phases",
    Question::LookInside,
    "Data that change during training: drift, forgetting, poison and curricula, phase by phase.",
    show,
);

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let experiment = studio.document.experiment();
    if experiment.data.source == Source::None || experiment.model.reads_text() {
        prose(ui, "Phases are of samples: choose data of images, points or a table.");
        return;
    }
    if experiment.team.is_some() {
        prose(
            ui,
            "Clients and workers train on data that stay the same: choose each run alone first, under Experiment.",
        );
        return;
    }
    if experiment.data.batch_size == BatchSize::All {
        prose(ui, "With a full batch every update sees all of the data: choose a batch size first.");
        return;
    }
    ScrollArea::vertical().id_salt("phases").auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - metrics::S);
        if studio.document.experiment().data.phases.is_empty() {
            prose(ui, "All of the training sees the same data. Two phases show what a rate forgets.");
        } else {
            known(ui, studio);
            rule(ui);
        }
        edit(ui, studio);
    });
}

/// The accuracy, or the loss, of every run on every phase, and what was lost of the best.
fn known(ui: &mut Ui, studio: &Studio) {
    let has_accuracy =
        studio.frame.lanes.iter().flat_map(|lane| &lane.phases).any(|phase| phase.accuracy.is_some());
    let what = if has_accuracy { "accuracy" } else { "loss" };
    ui.label(theme::caption(ui, format!("On each phase's held-out samples: {what} now, and at its best.")));
    let names: Vec<String> =
        studio.document.experiment().data.phases.iter().map(|phase| phase.name.to_string()).collect();
    for (at, name) in names.iter().enumerate() {
        ui.add_space(metrics::S);
        ui.label(theme::title(ui, name));
        let rows: Vec<Figures> = studio
            .document
            .runs()
            .map(|(row, run)| {
                let of = |value: fn(&PhaseFrame) -> Option<f64>| {
                    studio
                        .frame
                        .spread(row.id, |lane| lane.phases.get(at).and_then(value))
                        .map(|spread| spread.mean)
                };
                let now = if has_accuracy { of(|phase| phase.accuracy) } else { of(|phase| phase.loss) };
                let best = of(|phase| phase.best);
                let lost = now.zip(best).map(|(now, best)| best - now);
                let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), format::metric);
                let cells = vec![text(now), text(best), text(lost)];
                Figures { name: run.name.clone(), slot: Some(row.slot), cells, note: None }
            })
            .collect();
        figures(
            ui,
            &[
                ("now", "At the last validation."),
                ("best", "At its best validation."),
                ("lost", "What was forgotten."),
            ],
            &rows,
        );
    }
}

fn edit(ui: &mut Ui, studio: &mut Studio) {
    let mut next = studio.document.experiment().data.phases.clone();
    let before = next.clone();
    let clock = studio.clock();
    let experiment = studio.document.experiment();
    let shape = experiment.data.source.shipped().map(|info| info.shape);
    let turns = matches!(shape, Some(Shape::Image { .. } | Shape::Flat(2)));
    let classes =
        studio.frame.prepared.as_deref().filter(|it| !it.is_regression()).map(|it| it.outputs() as u32);
    let mut gone = None;
    let last = next.len().saturating_sub(1);
    for (at, phase) in next.iter_mut().enumerate() {
        ui.push_id(("phase", at), |ui| {
            if one(ui, phase, (at == last, turns), classes, clock, &experiment.data) {
                gone = Some(at);
            }
        });
        rule(ui);
    }
    for at in 1..next.len() {
        let (earlier, rest) = next.split_at_mut(at);
        let taken = |phase: &Phase| earlier.iter().any(|other| other.name == phase.name);
        if let (Some(phase), Some(was)) = (rest.first_mut().filter(|phase| taken(phase)), before.get(at)) {
            phase.name = was.name.clone();
        }
    }
    if let Some(at) = gone {
        next.remove(at);
    }
    if next.len() < MOST && ui.add(Button::new("Add a phase")).clicked() {
        added(&mut next, clock);
    }
    if let Some(last) = next.last_mut() {
        last.length = None;
    }
    if next != before {
        studio.document.edit(|experiment: &mut Experiment| experiment.data.phases = next);
    }
}

/// The fields of one phase; whether it is to go.
fn one(
    ui: &mut Ui,
    phase: &mut Phase,
    (is_last, turns): (bool, bool),
    classes: Option<u32>,
    clock: Clock,
    data: &Data,
) -> bool {
    row(ui, "Name", "What its curve and its part of a schedule are called.", |ui, label| {
        let mut name = phase.name.to_string();
        let width = ui.available_width();
        if ui.add(TextEdit::singleline(&mut name).desired_width(width)).labelled_by(label).changed()
            && !name.trim().is_empty()
        {
            phase.name = name.into();
        }
    });
    if !is_last {
        span_row(ui, "Length", "How long it lasts.", &mut phase.length, Units::All, clock);
    }
    if let Some(count) = classes {
        picked(ui, phase, count);
        let mut noise = phase.label_noise.unwrap_or(data.label_noise);
        let help = "The share of its training labels replaced by random ones.";
        if amount(ui, &Amount::number("Label noise", help, 0.0..=1.0), &mut noise) {
            phase.label_noise = Some(noise);
        }
        let mut poisoned = phase.poison.is_some();
        if check(ui, "Poison", "Some of its samples are all labelled as one class.", &mut poisoned) {
            phase.poison = poisoned.then_some(Poison { share: 0.3, to: 0 });
        }
        if let Some(poison) = &mut phase.poison {
            let spec = Amount::number("Share", "The share of its samples.", 0.0..=1.0).limits(0.01..=1.0);
            amount(ui, &spec, &mut poison.share);
            let mut to = u64::from(poison.to);
            let top = f64::from(count.saturating_sub(1));
            whole(ui, &Amount::whole("As class", "Counted from 0.", 0.0..=top).limits(0.0..=top), &mut to);
            poison.to = to as u32;
        }
        let orders = [
            ("Shuffled", SampleOrder::Shuffled),
            ("Easy first", SampleOrder::EasyFirst),
            ("Hard first", SampleOrder::HardFirst),
        ];
        choice(
            ui,
            "Order",
            "A curriculum grows from the easiest fifth to all samples.",
            &mut phase.order,
            &orders,
        );
    }
    let Shift { rotate, scale, noise } = &mut phase.shift;
    if turns {
        let spec = Amount::number("Turned by", "Degrees, counter-clockwise.", -180.0..=180.0);
        amount(ui, &spec.limits(-360.0..=360.0), rotate);
    }
    let spec = Amount::number("Scaled by", "What inputs are multiplied by.", 0.0..=2.0);
    amount(ui, &spec.limits(-1e3..=1e3), scale);
    let help = "The deviation of noise on inputs; 1 is that of an average input.";
    amount(ui, &Amount::number("Input noise", help, 0.0..=2.0).limits(0.0..=1e3), noise);
    ui.add(Button::new("Remove this phase")).clicked()
}

/// Which classes a phase has.
fn picked(ui: &mut Ui, phase: &mut Phase, count: u32) {
    row(ui, "Classes", "Only samples of these classes, counted from 0.", |ui, _| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            let all: Vec<u32> = (0..count.min(32)).collect();
            let mut chosen = phase.classes.clone().unwrap_or_else(|| all.clone());
            for class in &all {
                let on = chosen.contains(class);
                if ui.selectable_label(on, class.to_string()).clicked() {
                    if on {
                        chosen.retain(|other| other != class);
                    } else {
                        chosen.push(*class);
                        chosen.sort_unstable();
                    }
                }
            }
            if !chosen.is_empty() && count <= 32 {
                phase.classes = (chosen != all).then_some(chosen);
            }
        });
    });
}

/// Another phase at the end; the first time, two halves.
fn added(phases: &mut Vec<Phase>, clock: Clock) {
    let name = |phases: &[Phase]| {
        let is_free = |name: &String| phases.iter().all(|phase| *phase.name != **name);
        (phases.len() + 1..).map(|number| number.to_string()).find(is_free).unwrap_or_default()
    };
    if phases.is_empty() {
        phases.push(Phase::new("1", Some(Span::Percent(50.0))));
        phases.push(Phase::new("2", None));
        return;
    }
    let begins = crate::experiment::phase::begins(phases, clock);
    let left = clock.updates.saturating_sub(begins.last().copied().unwrap_or(0));
    if let Some(last) = phases.last_mut() {
        last.length = Some(Span::Percent(0.0).with_updates((left / 2).max(1) as f64, clock));
    }
    phases.push(Phase::new(&name(phases), None));
}
