//! Trainings that other programs wrote down: their logs are opened here, with what is in them and what goes wrong
//! in them, and their rate becomes a schedule of ours.

use std::sync::Arc;

use eframe::egui::{Align as Side, Button, Grid, Label, Layout, RichText, ScrollArea, Sense, Ui, vec2};

use super::{diagnosis, recordings};
use crate::analysis::recorded::Recorded;
use crate::import::RateAs;
use crate::recording::Role;
use crate::telemetry::Column;
use crate::train::ids::RunId;
use crate::ui::action::Action;
use crate::ui::adopted::adopt;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::shelf::{Align, Guest};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, icon_button, prose, run_chip, segmented};
use crate::ui::wish::Wish;

pub const PANEL: Panel = Panel::new(
    "recordings",
    "Recordings",
    Question::LookInside,
    "Logs of trainings in other programs beside our runs, and their learning rate as a schedule.",
    show,
);

/// Series that are listed of one recording.
const LISTED: usize = 40;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    ui.horizontal(|ui| {
        if ui.button("Open a log").on_hover_text("A file; drop a folder of logs on the window.").clicked() {
            studio.wish(Wish::Do(Action::Open));
        }
    });
    recordings::opening(ui, studio);
    ui.add_space(metrics::S);
    let recorded = studio.shelf.guests().iter().filter(|guest| guest.live.is_none());
    let ids: Vec<RunId> = recorded.map(|guest| guest.row.id).collect();
    ScrollArea::vertical().id_salt("recordings").auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - metrics::S);
        if ids.is_empty() && !studio.shelf.is_opening() {
            nothing(ui);
        }
        for id in ids {
            one(ui, studio, id);
            ui.add_space(metrics::M);
        }
    });
}

fn nothing(ui: &mut Ui) {
    prose(
        ui,
        "Event files of TensorBoard, trainer_state.json, metrics.csv, results.csv, JSON lines, tables and printed logs are \
         drawn beside our runs, with the same cursor and the same smoothing.",
    );
    ui.add_space(metrics::XS);
    prose(ui, "A file that another program still writes to is followed.");
}

fn one(ui: &mut Ui, studio: &mut Studio, id: RunId) {
    let Some(guest) = studio.shelf.guest(id) else { return };
    let (name, slot) = (guest.name.clone(), guest.row.slot);
    ui.horizontal(|ui| {
        run_chip(ui, slot, metrics::CONTROL, false);
        ui.with_layout(Layout::right_to_left(Side::Center), |ui| {
            if icon_button(ui, Icon::Close, &format!("Close {name}")).clicked() {
                studio.shelf.close(id);
                studio.view.hidden.remove(&id);
            }
            let text = RichText::new(&name).font(theme::medium());
            let label = Label::new(text).truncate().selectable(false);
            ui.with_layout(Layout::left_to_right(Side::Center), |ui| ui.add(label));
        });
    });
    let Some(guest) = studio.shelf.guest_mut(id) else { return };
    about(ui, guest);
    alignment(ui, guest);
    let has_rate = guest.with(|recording| recording.column(Column::Lr).is_some()).unwrap_or_default();
    let (findings, notes) = (Arc::clone(&guest.findings), guest.notes.clone());
    ui.horizontal(|ui| {
        let take = ui.add_enabled(has_rate, Button::new("Take its rate"));
        let take = take.on_disabled_hover_text("It has no series that is named after a rate.");
        if take.on_hover_text("A run of ours with the schedule nearest to its rate.").clicked() {
            adopt(studio, id, RateAs::Fit);
        }
        let points = ui.add_enabled(has_rate, Button::new("As points"));
        if points.on_hover_text("A run of ours with its rate as control points.").clicked() {
            adopt(studio, id, RateAs::Points);
        }
    });
    for found in findings.iter() {
        finding(ui, found);
    }
    if let Some(guest) = studio.shelf.guest(id) {
        series(ui, guest);
    }
    for note in notes {
        ui.add(Label::new(theme::caption(ui, format::sentence(&note))).wrap());
    }
}

/// Where it comes from, and whether it is followed.
fn about(ui: &mut Ui, guest: &Guest) {
    let length = format!("{}, {} {}", guest.dialect, format::count(guest.length), guest.tick.plural());
    ui.add(Label::new(theme::caption(ui, length)).truncate()).on_hover_text(guest.path.display().to_string());
    if let Some(lost) = &guest.lost {
        let danger = theme::tokens(ui).danger;
        ui.add(Label::new(theme::caption(ui, format::sentence(lost)).color(danger)).wrap());
    }
}

/// What of it lies under what of our runs.
fn alignment(ui: &mut Ui, guest: &mut Guest) {
    let has_epochs = guest.has_epochs();
    ui.label(theme::caption(ui, "Laid under our runs by"));
    let options: Vec<(Align, &str, &str)> = Align::ALL
        .into_iter()
        .filter(|(align, _)| has_epochs || *align != Align::Epoch)
        .map(|(align, name)| {
            let help = match align {
                Align::Update => "One of its updates under one of ours.",
                Align::Epoch => "One of its epochs under one of ours.",
                Align::Share => "Its whole length under ours.",
            };
            (align, name, help)
        })
        .collect();
    segmented(ui, &mut guest.align, &options);
    ui.add_space(metrics::XS);
}

fn finding(ui: &mut Ui, found: &Recorded) {
    ui.horizontal_top(|ui| {
        let (dot, _) = ui.allocate_exact_size(vec2(metrics::CHIP, metrics::CONTROL), Sense::hover());
        let color = diagnosis::color(found.kind.severity(), theme::tokens(ui));
        ui.painter().circle_filled(dot.center(), metrics::MARKER, color);
        ui.add(Label::new(&found.sentence).wrap());
    });
}

/// Every series: what it is drawn as, how many values it has, the first and the last.
fn series(ui: &mut Ui, guest: &Guest) {
    let lines = guest.with(|recording| {
        let all = recording.series.iter().filter(|named| !named.points.is_empty());
        all.map(|named| {
            let drawn = match named.role {
                Role::Main(column)
                    if recording.column(column).is_some_and(|main| main.name == named.name) =>
                {
                    column.label()
                }
                _ => "",
            };
            let first = named.points.finest().next().map(|bucket| bucket.first);
            let last = named.points.last().map(|sample| sample.value);
            (named.name.clone(), drawn, named.points.len(), first, last)
        })
        .collect::<Vec<_>>()
    });
    let Some(lines) = lines else { return };
    let number =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format::significant(value, 3));
    ui.add_space(metrics::XS);
    // What the three columns of numbers leave.
    let width = ui.available_width() - 3.0 * (metrics::AXIS_WIDTH + metrics::S);
    Grid::new(("series", guest.row.id)).num_columns(4).spacing(vec2(metrics::S, metrics::XS)).show(
        ui,
        |ui| {
            for head in ["Series", "Values", "First", "Last"] {
                ui.label(theme::caption(ui, head));
            }
            ui.end_row();
            for (name, drawn, count, first, last) in lines.iter().take(LISTED) {
                let text = RichText::new(name);
                let text = if drawn.is_empty() { text.color(theme::tokens(ui).muted) } else { text };
                ui.allocate_ui_with_layout(
                    vec2(width, metrics::CONTROL),
                    Layout::left_to_right(Side::Center),
                    |ui| {
                        ui.set_max_width(width);
                        let label = ui.add(Label::new(text).truncate());
                        if !drawn.is_empty() {
                            label.on_hover_text(format!("Drawn as {}", drawn.to_lowercase()));
                        }
                    },
                );
                let count = format::count(*count as u64);
                for cell in [count, number(*first), number(*last)] {
                    ui.label(theme::value(ui, cell));
                }
                ui.end_row();
            }
        },
    );
    if lines.len() > LISTED {
        ui.label(theme::caption(ui, format!("and {} more", lines.len() - LISTED)));
    }
}
