//! The list of runs. Only the rows in view are laid out, however many there are.

use eframe::egui::{
    Label, Rect, Role, ScrollArea, Sense, Shape, Stroke, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::Wish;
use super::answer::{Answer, Line};
use super::chosen::Lane;
use crate::library::{Filter, Row};
use crate::ui::format;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::right_cell;

/// A column of numbers: its title, what it is sorted by, and its text.
struct Column {
    title: &'static str,
    help: &'static str,
    sort: &'static str,
    text: fn(&Cells) -> String,
}

/// What a line shows.
struct Cells {
    name: String,
    failed: bool,
    updates: u64,
    best: Option<f64>,
    last: Option<f64>,
    accuracy: Option<f64>,
}

const COLUMNS: &[Column] = &[
    Column {
        title: "Updates",
        help: "Updates made.",
        sort: "updates",
        text: |line| format::count(line.updates),
    },
    Column {
        title: "Best",
        help: "The least loss on held-out samples.",
        sort: "best_val_loss",
        text: |line| line.best.map_or_else(|| "–".to_owned(), format::metric),
    },
    Column {
        title: "Last",
        help: "The loss on held-out samples at the end.",
        sort: "final_val_loss",
        text: |line| line.last.map_or_else(|| "–".to_owned(), format::metric),
    },
    Column {
        title: "Accuracy",
        help: "The share of held-out samples told right at the end.",
        sort: "final_val_accuracy",
        text: |line| line.accuracy.map_or_else(|| "–".to_owned(), format::percent),
    },
];

/// The list, leaving `below` points for what follows it.
pub fn show(ui: &mut Ui, answer: &Answer, chosen: &[Lane], filter: &mut Filter, below: f32) -> Option<Wish> {
    let (runs, count) = (answer.rows.len(), answer.lines.len());
    let counted = match (runs, count) {
        (1, _) => "1 run".to_owned(),
        (runs, count) if runs == count => format!("{} runs", format::count(runs as u64)),
        (runs, count) => {
            format!("{} groups of {} runs", format::count(count as u64), format::count(runs as u64))
        }
    };
    let mut wish = None;
    ui.scope(|ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        ui.spacing_mut().item_spacing.x = metrics::S;
        let shown = columns(ui);
        ui.horizontal(|ui| {
            let columns = (metrics::COLUMN + metrics::S) * shown.len() as f32;
            let names = ui.available_width() - columns - metrics::XS;
            ui.allocate_ui(vec2(names, metrics::L), |ui| {
                ui.set_min_width(names);
                header(ui, filter, &counted, "run", "Sort by the run's name.");
            });
            for column in shown {
                right_cell(ui, metrics::COLUMN, |ui| {
                    header(ui, filter, column.title, column.sort, column.help);
                });
            }
        });
        let height = metrics::CONTROL;
        let room = (ui.available_height() - below).max(4.0 * height);
        let scroll =
            ScrollArea::vertical().id_salt("library runs").auto_shrink([false, true]).max_height(room);
        ui.spacing_mut().item_spacing.y = 0.0;
        scroll.show_rows(ui, height, count, |ui, shown| {
            for line in answer.lines.get(shown).unwrap_or_default() {
                if let Some(wanted) = one(ui, answer, line, chosen) {
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

/// The columns that there is room for beside the names.
fn columns(ui: &Ui) -> &'static [Column] {
    match ui.available_width() < 1.25 * metrics::RIGHT {
        true => COLUMNS.get(1..3).unwrap_or_default(),
        false => COLUMNS,
    }
}

/// A line of the list.
fn one(ui: &mut Ui, answer: &Answer, line: &Line, chosen: &[Lane]) -> Option<Wish> {
    match line {
        Line::Run(at) => {
            let row = answer.rows.get(*at)?;
            let cells = Cells {
                name: format!("{} · seed {}{}", row.run, row.seed, state_of(row)),
                failed: row.is_failed(),
                updates: row.updates,
                best: row.best_val_loss,
                last: row.final_val_loss,
                accuracy: row.final_val_accuracy,
            };
            drawn(ui, row, &cells, vec![Lane::of(row)], chosen)
        }
        Line::Group { rows, updates, best, last, accuracy } => {
            let rows: Vec<&Row> = rows.iter().filter_map(|at| answer.rows.get(*at)).collect();
            let first = rows.first()?;
            let failed = rows.iter().filter(|row| row.is_failed()).count();
            let seeds = if rows.len() == 1 { "1 seed".to_owned() } else { format!("{} seeds", rows.len()) };
            let wrong = if failed > 0 { format!(" · {failed} failed") } else { String::new() };
            let cells = Cells {
                name: format!("{} · {seeds}{wrong}", first.run),
                failed: failed > 0,
                updates: *updates,
                best: *best,
                last: *last,
                accuracy: *accuracy,
            };
            drawn(ui, first, &cells, rows.iter().map(|row| Lane::of(row)).collect(), chosen)
        }
    }
}

/// What is to be said of how a run ended.
fn state_of(row: &Row) -> &'static str {
    match (&row.failed, row.diverged_at) {
        (Some(_), _) => " · broke off",
        (None, Some(_)) => " · diverged",
        (None, None) if row.pruned => " · pruned",
        (None, None) if !row.finished => " · not finished",
        (None, None) => "",
    }
}

/// A title that sorts by its column, and at the next click the other way round.
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

fn drawn(ui: &mut Ui, row: &Row, cells: &Cells, lanes: Vec<Lane>, chosen: &[Lane]) -> Option<Wish> {
    let shown = columns(ui);
    let tokens = theme::tokens(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), metrics::CONTROL), Sense::click());
    let is_chosen = lanes.iter().all(|lane| chosen.contains(lane));
    response.widget_info(|| {
        WidgetInfo::selected(Role::Button, true, is_chosen, format!("Compare {}", cells.name))
    });
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
        let columns = (metrics::COLUMN + metrics::S) * shown.len() as f32;
        let names = ui.available_width() - columns - metrics::S;
        ui.allocate_ui(vec2(names, metrics::CONTROL), |ui| {
            ui.set_min_width(names);
            let mut text = eframe::egui::RichText::new(&cells.name);
            if cells.failed {
                text = text.color(tokens.danger);
            }
            ui.add(Label::new(text).truncate().selectable(false));
        });
        for column in shown {
            right_cell(ui, metrics::COLUMN, |ui| {
                ui.add(Label::new(theme::value(ui, (column.text)(cells))).selectable(false));
            });
        }
    });
    let tags: Vec<&str> = row.tags.iter().map(String::as_str).collect();
    let about = format!("{} ({})\n{}\n{}", row.experiment, row.kind.name(), row.schedule, row.folder);
    let about = if tags.is_empty() { about } else { format!("{about}\n{}", tags.join(", ")) };
    let response = response.on_hover_text(about);
    if wish.is_none() && response.clicked() {
        wish = Some(Wish::Toggle(lanes));
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
