//! The list of runs. Only the rows in view are laid out, however many there are.

use eframe::egui::{Label, Rect, ScrollArea, Sense, Shape, Stroke, Ui, UiBuilder, pos2, vec2};

use super::Wish;
use super::state::{Answer, Lane};
use crate::library::{Filter, Row};
use crate::ui::format;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::right_cell;

/// A column of numbers: its title, what it is sorted by, and its text.
struct Column {
    title: &'static str,
    help: &'static str,
    sort: &'static str,
    text: fn(&Row) -> String,
}

const COLUMNS: [Column; 4] = [
    Column { title: "Updates", help: "Updates made.", sort: "updates", text: |row| row.updates.to_string() },
    Column {
        title: "Best",
        help: "The least loss on held-out samples.",
        sort: "best_val_loss",
        text: |row| row.best_val_loss.map_or_else(|| "–".to_owned(), format::metric),
    },
    Column {
        title: "Last",
        help: "The loss on held-out samples at the end.",
        sort: "final_val_loss",
        text: |row| row.final_val_loss.map_or_else(|| "–".to_owned(), format::metric),
    },
    Column {
        title: "Accuracy",
        help: "The share of held-out samples told right at the end.",
        sort: "final_val_accuracy",
        text: |row| row.final_val_accuracy.map_or_else(|| "–".to_owned(), format::percent),
    },
];

/// The list, leaving `below` points for what follows it.
pub fn show(ui: &mut Ui, answer: &Answer, chosen: &[Lane], filter: &mut Filter, below: f32) -> Option<Wish> {
    let count = answer.rows.len();
    let runs = if count == 1 { "run" } else { "runs" };
    // Room for the bar on the right, which floats.
    ui.set_max_width(ui.available_width() - metrics::S);
    ui.spacing_mut().item_spacing.x = metrics::S;
    ui.horizontal(|ui| {
        let columns = (metrics::COLUMN + metrics::S) * COLUMNS.len() as f32;
        let names = ui.available_width() - columns - metrics::XS;
        ui.allocate_ui(vec2(names, metrics::L), |ui| {
            ui.set_min_width(names);
            header(ui, filter, &format!("{count} {runs}"), "run", "Sort by the run's name.");
        });
        for column in &COLUMNS {
            right_cell(ui, metrics::COLUMN, |ui| header(ui, filter, column.title, column.sort, column.help));
        }
    });
    let mut wish = None;
    let height = metrics::CONTROL;
    let room = (ui.available_height() - below).max(4.0 * height);
    let scroll = ScrollArea::vertical().id_salt("library runs").auto_shrink([false, true]).max_height(room);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        scroll.show_rows(ui, height, count, |ui, shown| {
            for row in answer.rows.get(shown).unwrap_or_default() {
                if let Some(wanted) = line(ui, row, chosen.contains(&Lane::of(row))) {
                    wish = Some(wanted);
                }
            }
        });
    });
    if count == 0 {
        ui.label(theme::caption(ui, "No run is like that."));
    }
    wish
}

/// A title that sorts by its column, and the other way round at the next click.
fn header(ui: &mut Ui, filter: &mut Filter, title: &str, sort: &str, help: &str) {
    let on = filter.sort.as_deref() == Some(sort);
    let mark = match (on, filter.descending) {
        (true, true) => " ↓",
        (true, false) => " ↑",
        _ => "",
    };
    let label = Label::new(theme::caption(ui, format!("{title}{mark}"))).sense(Sense::click());
    if ui.add(label).on_hover_text(help).clicked() {
        filter.descending = on && !filter.descending;
        filter.sort = Some(sort.to_owned());
    }
}

fn line(ui: &mut Ui, row: &Row, is_chosen: bool) -> Option<Wish> {
    let tokens = theme::tokens(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), metrics::CONTROL), Sense::click());
    let fill = if is_chosen { Some(tokens.raised) } else { response.hovered().then_some(tokens.hover) };
    if let Some(fill) = fill {
        ui.painter().rect_filled(rect, metrics::RADIUS, fill);
    }
    let mut wish = None;
    let mut inside = ui.new_child(UiBuilder::new().max_rect(rect.shrink2(vec2(metrics::XS, 0.0))));
    inside.horizontal_centered(|ui| {
        let star = Label::new(theme::value(ui, if row.star { "★" } else { "☆" })).sense(Sense::click());
        if ui.add(star).on_hover_text("Star the training.").clicked() {
            wish = Some(Wish::Star(row.folder.clone(), !row.star));
        }
        let columns = (metrics::COLUMN + metrics::S) * COLUMNS.len() as f32;
        let names = ui.available_width() - columns - metrics::S;
        ui.allocate_ui(vec2(names, metrics::CONTROL), |ui| {
            ui.set_min_width(names);
            let state = match (&row.failed, row.diverged_at) {
                (Some(_), _) => " · broke off",
                (None, Some(_)) => " · diverged",
                (None, None) if !row.finished => " · not finished",
                (None, None) => "",
            };
            let name = format!("{} · seed {}{state}", row.run, row.seed);
            let failed = row.failed.is_some() || row.diverged_at.is_some();
            let mut text = eframe::egui::RichText::new(name);
            if failed {
                text = text.color(tokens.danger);
            }
            ui.add(Label::new(text).truncate().selectable(false));
        });
        for column in &COLUMNS {
            right_cell(ui, metrics::COLUMN, |ui| {
                ui.add(Label::new(theme::value(ui, (column.text)(row))).selectable(false));
            });
        }
    });
    let tags: Vec<&str> = row.tags.iter().map(String::as_str).collect();
    let about = format!("{}\n{}\n{}", row.experiment, row.schedule, row.folder);
    let about = if tags.is_empty() { about } else { format!("{about}\n{}", tags.join(", ")) };
    let response = response.on_hover_text(about);
    if wish.is_none() && response.clicked() {
        wish = Some(Wish::Toggle(Lane::of(row)));
    }
    wish
}

/// A rate as a small picture, on a linear scale from zero.
pub fn picture(ui: &mut Ui, rates: &[f64], size: eframe::egui::Vec2, color: eframe::egui::Color32) {
    let (rect, _): (Rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let peak = rates.iter().copied().fold(0.0, f64::max);
    let last = rates.len().saturating_sub(1).max(1) as f32;
    let at = |(at, rate): (usize, &f64)| {
        let height = if peak > 0.0 { (rate / peak) as f32 } else { 0.0 };
        pos2(rect.left() + at as f32 / last * rect.width(), rect.bottom() - height * rect.height())
    };
    let points = rates.iter().enumerate().map(at).collect();
    ui.painter().add(Shape::line(points, Stroke::new(metrics::CURVE * 0.75, color)));
}
