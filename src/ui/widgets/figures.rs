//! A small table: a name and some numbers a row.

use eframe::egui::{Align, Color32, FontId, Label, Layout, Ui, vec2};

use super::right_cell::right_cell;
use super::run_chip::run_chip;
use super::term::explained;
use crate::ui::theme::{self, metrics};

/// A row: what it is of, the slot of its run where it is of one, a text a column, and what they come to.
#[derive(Default)]
pub struct Figures {
    pub name: String,
    pub slot: Option<usize>,
    pub cells: Vec<String>,
    /// A sentence below the row.
    pub note: Option<String>,
}

/// The rows under these columns: a title, and what it means (or nothing, for a term of the glossary).
pub fn figures(ui: &mut Ui, columns: &[(&str, &str)], rows: &[Figures]) {
    let widths: Vec<f32> = (0..columns.len()).map(|at| width(ui, columns[at].0, rows, at)).collect();
    let names = ui.available_width() - widths.iter().sum::<f32>() - metrics::S * columns.len() as f32;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(metrics::S, metrics::XS / 2.0);
        ui.horizontal(|ui| {
            ui.allocate_space(vec2(names, metrics::L));
            for ((title, help), width) in columns.iter().zip(&widths) {
                right_cell(ui, *width, |ui| {
                    let label = Label::new(theme::caption(ui, *title));
                    if help.is_empty() {
                        explained(ui, label, title)
                    } else {
                        ui.add(label).on_hover_text(*help)
                    };
                });
            }
        });
        for row in rows {
            ui.horizontal(|ui| {
                ui.allocate_ui_with_layout(
                    vec2(names, metrics::L),
                    Layout::left_to_right(Align::Center),
                    |ui| {
                        ui.set_min_width(names);
                        name(ui, row);
                    },
                );
                for (cell, width) in row.cells.iter().zip(&widths) {
                    right_cell(ui, *width, |ui| {
                        ui.label(theme::value(ui, cell));
                    });
                }
            });
            if let Some(note) = &row.note {
                ui.add(Label::new(theme::caption(ui, note)).wrap());
            }
        }
    });
}

/// As wide as the widest text of a column, and not much narrower than others.
fn width(ui: &Ui, title: &str, rows: &[Figures], at: usize) -> f32 {
    let measure = |text: &str, font: FontId| {
        ui.painter().layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER).size().x
    };
    let cells = rows.iter().filter_map(|row| row.cells.get(at));
    let widest = cells.map(|cell| measure(cell, theme::number())).fold(0.0, f32::max);
    widest.max(measure(title, theme::small())).max(metrics::COLUMN * 0.7).ceil()
}

fn name(ui: &mut Ui, row: &Figures) {
    if let Some(slot) = row.slot {
        run_chip(ui, slot, metrics::L, true);
    }
    ui.add(Label::new(&row.name).truncate());
}
