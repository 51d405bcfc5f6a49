//! The map: an objective over two numbers of the selected run, filled from coarse to fine while one watches.

mod axes;
mod contours;
mod pick;
mod picture;
mod state;

use eframe::egui::{ScrollArea, Ui};

use crate::experiment::sweep::{Objective, Range, Unit};
use crate::experiment::vary::Base;
use crate::landscape::Colormap;
use crate::sweep::map::Cell;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Amount, amount, choice, combo, prose, row, whole};

use axes::Candidate;
pub use pick::{mapped, take};
use picture::Colors;
use state::SIDES;
pub use state::{Shown, State};

pub const PANEL: Panel = Panel {
    wide: true,
    poll: state::poll,
    is_waiting: state::is_waiting,
    ..Panel::new(
        "map",
        "Map",
        Question::Find,
        "How a run ends over two of its numbers, such as peak and warmup; every cell is a training.",
        show,
    )
};

/// What can be mapped, by its name for people.
const OBJECTIVES: [(&str, Objective); 7] = [
    ("Final validation loss", Objective::FinalValLoss),
    ("Best validation loss", Objective::BestValLoss),
    ("Final accuracy", Objective::FinalValAccuracy),
    (UPDATES_TO_ACCURACY, Objective::UpdatesToAccuracy(0.9)),
    (UPDATES_TO_LOSS, Objective::UpdatesToLoss(0.5)),
    ("Final training loss", Objective::FinalTrainLoss),
    ("Cost, GFLOP", Objective::Cost),
];
const UPDATES_TO_ACCURACY: &str = "Updates to an accuracy";
const UPDATES_TO_LOSS: &str = "Updates to a validation loss";

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    state::refresh(studio, &ui.ctx().clone());
    ScrollArea::vertical().id_salt("map").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        choosers(ui, studio);
        ui.add_space(metrics::S);
        map(ui, studio);
        ui.add_space(metrics::S);
        ends(ui, studio);
    });
}

/// The two numbers, the objective and the seeds.
fn choosers(ui: &mut Ui, studio: &mut Studio) {
    let Some(run) = studio.document.run(studio.view.selected).cloned() else { return };
    let all = axes::candidates(studio.document.experiment(), &run);
    let state = studio.panels.of::<State>();
    for (at, name) in ["Across", "Upwards"].into_iter().enumerate() {
        let now = state.axes.as_ref().map(|axes| axes[at].path.clone()).unwrap_or_default();
        let other = state.axes.as_ref().map(|axes| axes[1 - at].path.clone()).unwrap_or_default();
        let label = all.iter().find(|one| one.path == now).map_or("", |one| &one.label);
        row(ui, name, "A number of the selected run.", |ui, id| {
            let combo = combo(("map axis", at)).selected_text(label).width(ui.available_width());
            let shown = combo.show_ui(ui, |ui| {
                for one in all.iter().filter(|one| one.path != other) {
                    if ui.selectable_label(one.path == now, &one.label).clicked() && one.path != now {
                        state.chosen[at] = Some(one.path.clone());
                        state.changed();
                    }
                }
            });
            shown.response.labelled_by(id);
        });
    }
    if objective(ui, &mut state.objective) {
        state.changed();
    }
    let help = "Trainings along each side; thousands are what a graphics adapter is for.";
    if choice(ui, "Cells", help, &mut state.asked, &SIDES) {
        state.changed();
    }
    if whole(
        ui,
        &Amount::whole("Seeds", "Trainings of each cell, whose mean counts.", 1.0..=5.0),
        &mut state.seeds,
    ) {
        state.changed();
    }
}

/// What the colour stands for, and how far it is to come; whether it is another.
fn objective(ui: &mut Ui, chosen: &mut Objective) -> bool {
    let now = *chosen;
    let options = OBJECTIVES.map(|(name, one)| if is_alike(one, now) { (name, now) } else { (name, one) });
    choice(ui, "Objective", "What the colour stands for.", chosen, &options);
    match chosen {
        Objective::UpdatesToAccuracy(aim) => {
            amount(
                ui,
                &Amount::number("Accuracy", "The accuracy to reach on held-out samples.", 0.01..=1.0),
                aim,
            );
        }
        Objective::UpdatesToLoss(aim) => {
            let help = "The loss to come down to on held-out samples.";
            amount(ui, &Amount::number("Loss", help, 1e-3..=10.0).logarithmic().limits(1e-9..=1e9), aim);
        }
        _ => {}
    }
    *chosen != now
}

/// Whether two objectives differ in how far they are to come at most.
fn is_alike(a: Objective, b: Objective) -> bool {
    std::mem::discriminant(&a) == std::mem::discriminant(&b)
}

/// An objective for people.
fn named(objective: Objective) -> String {
    match objective {
        Objective::UpdatesToAccuracy(aim) => format!("Updates to {} accuracy", format::percent(aim)),
        Objective::UpdatesToLoss(aim) => format!("Updates to a loss of {}", format::significant(aim, 3)),
        other => OBJECTIVES.iter().find(|(_, one)| *one == other).map_or("", |(name, _)| name).to_owned(),
    }
}

fn map(ui: &mut Ui, studio: &mut Studio) {
    let state = studio.panels.of::<State>();
    if let Some(error) = &state.error {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(error));
        return;
    }
    let Some(axes) = state.axes.clone() else { return };
    let cells = std::mem::take(&mut state.shown);
    let colors = Colors::of(&cells, state.objective.is_maximised());
    let colormap = Colormap::viridis();
    let hit = picture::show(ui, &cells, &axes, colors, &colormap);
    let (done, objective, side) = (state.done, state.objective, state.side);
    let devices = state.devices.iter().map(|device| format!(" Trained on the {device}.")).collect::<String>();
    state.shown = cells;
    if let Some(colors) = colors {
        ui.add_space(metrics::XS);
        picture::bar(ui, colors, &colormap, &named(objective));
    }
    let text =
        format!("{done} of {} cells. Ring: best. Cross: here. Crossed out: diverged.{devices}", side * side);
    ui.label(theme::caption(ui, text));

    let pressed = hit.response.clicked() || hit.response.dragged();
    if let Some(at) = hit.at.filter(|_| pressed) {
        let values: Vec<f64> = match hit.cell.as_ref().filter(|_| hit.response.clicked()) {
            Some(cell) => (0..2).map(|axis| cell.at[axis] as f64 / (side - 1) as f64).collect(),
            None => at.to_vec(),
        };
        load(studio, &axes, [values[0], values[1]]);
    }
    if hit.response.drag_stopped() || hit.response.clicked() {
        studio.document.settle();
    }
    match hit.cell {
        Some(cell) if hit.response.hovered() => {
            let text = words(&cell, &axes) + "\nClick: load. Drag: follow.";
            hit.response.on_hover_text_at_pointer(text);
        }
        Some(cell) => {
            ui.label(words(&cell, &axes) + "\nEnter: load.");
        }
        None => {}
    }
}

/// Gives the selected run the two numbers at these shares of their ways.
fn load(studio: &mut Studio, axes: &[Candidate; 2], shares: [f64; 2]) {
    let (id, clock) = (studio.view.selected, studio.clock());
    let Some(run) = studio.document.run(id).cloned() else { return };
    let origin = studio.document.path().cloned().unwrap_or_default();
    let Some(base) = Base::new(studio.document.experiment(), &run.name, &origin, clock) else { return };
    let value = |axis: usize| {
        let range = axes[axis].range;
        range.value(format::round_to(range.number(shares[axis]), 3))
    };
    let values = [value(0), value(1)];
    match base.with(&[(&axes[0].path, &values[0]), (&axes[1].path, &values[1])]) {
        Ok(variant) => studio.document.edit(|experiment| {
            experiment.data = variant.data;
            experiment.model = variant.model;
            experiment.train = variant.train;
            let own = experiment.runs.iter_mut().find(|other| other.name == run.name);
            if let (Some(own), Some(new)) = (own, variant.runs.into_iter().next()) {
                *own = new;
            }
        }),
        Err(error) => studio.toasts.failed(error.to_string()),
    }
}

/// A cell and its seeds.
fn words(cell: &Cell, axes: &[Candidate; 2]) -> String {
    let number =
        |value: &Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format::significant(value, 4));
    let place: Vec<String> = axes
        .iter()
        .zip(&cell.values)
        .map(|(axis, value)| {
            let plain = value.parse().ok().map(|number| format::significant(number, 3));
            format!("{} {}", axis.label, plain.unwrap_or_else(|| shortened(value)))
        })
        .collect();
    let ended = match cell.objective {
        Some(value) => format::significant(value, 4),
        None if cell.diverged => "diverged".to_owned(),
        None => "no value".to_owned(),
    };
    let seeds = match cell.seeds.as_slice() {
        [] | [_] => String::new(),
        several => format!(" ({})", several.iter().map(number).collect::<Vec<_>>().join(", ")),
    };
    format!("{}\n{ended}{seeds}", place.join(", "))
}

/// A percentage with fewer digits.
fn shortened(value: &str) -> String {
    match value.strip_suffix('%').and_then(|number| number.parse().ok()) {
        Some(number) => format!("{}%", format::significant(number, 3)),
        None => value.to_owned(),
    }
}

/// Where the two ways begin and end.
fn ends(ui: &mut Ui, studio: &mut Studio) {
    let state = studio.panels.of::<State>();
    let Some(axes) = state.axes.clone() else { return };
    prose(ui, "The ends of both ways:");
    for Candidate { path, label, mut range, .. } in axes {
        let unit = range.unit.suffix();
        let (lowest, highest) = limits(&range);
        let mut from = Amount::number(&label, "Where the way begins.", lowest..=range.to).unit(unit);
        let mut to = Amount::number("to", "Where the way ends.", range.from..=highest).unit(unit);
        if range.log {
            (from, to) = (from.logarithmic(), to.logarithmic());
        }
        let (mut low, mut high) = (range.from, range.to);
        let changed = amount(ui, &from, &mut low) | amount(ui, &to, &mut high);
        if changed && low < high {
            (range.from, range.to) = (low, high);
            state.ends.insert(path, range);
            state.changed();
        }
    }
}

/// How far the ends can be moved.
fn limits(range: &Range) -> (f64, f64) {
    match range.unit {
        Unit::Percent => (0.0, 100.0),
        Unit::Whole => (1.0, 4096.0),
        _ if range.log => (1e-8, 1e3),
        _ => (0.0, range.to.max(1.0)),
    }
}
