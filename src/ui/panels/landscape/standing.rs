//! Where each run stands, in numbers.

use std::collections::BTreeMap;

use eframe::egui::{Grid, Label, Sense, Ui, vec2};

use crate::engine::{Ground, Way, surface_loss};
use crate::experiment::Model;
use crate::train::ids::LaneId;
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{right_cell, run_chip};

/// Of a surface, each run's weights and their loss; of any landscape, who has left the frame.
pub fn show(ui: &mut Ui, studio: &mut Studio, ground: &Ground, ways: &BTreeMap<LaneId, Way>) {
    let stands = |run| ways.get(&LaneId { run, replica: 0 })?.places.last().map(|(_, place)| *place);
    let rows: Vec<_> = studio.document.runs().map(|(row, run)| (row, run.name.clone())).collect();
    if let Model::Surface { function, .. } = studio.document.experiment().model {
        ui.add_space(metrics::S);
        let column = metrics::COLUMN;
        let name_width = ui.available_width() - 3.0 * (column + metrics::S);
        Grid::new("standing").num_columns(4).spacing(vec2(metrics::S, metrics::XS)).show(ui, |ui| {
            ui.label(theme::caption(ui, "Run"));
            for title in ["x", "y", "f(x, y)"] {
                right_cell(ui, column, |ui| ui.label(theme::caption(ui, title)));
            }
            ui.end_row();
            for (row, name) in &rows {
                let clicked = ui
                    .horizontal(|ui| {
                        ui.set_width(name_width);
                        run_chip(ui, row.slot, metrics::L, true);
                        ui.add(Label::new(name).truncate().sense(Sense::click())).clicked()
                    })
                    .inner;
                if clicked {
                    studio.view.selected = row.id;
                }
                let place = stands(row.id);
                let loss = place.map(|place| surface_loss(function, place));
                for number in [place.map(|[x, _]| x), place.map(|[_, y]| y), loss] {
                    let text = number.map_or_else(|| "–".to_owned(), format::rate);
                    right_cell(ui, column, |ui| ui.label(theme::value(ui, text)));
                }
                ui.end_row();
            }
        });
    }
    for (row, name) in &rows {
        let Some([x, y]) = stands(row.id) else { continue };
        let inside = ground.grid.frame.share(x, y).iter().all(|share| (0.0..=1.0).contains(share));
        if !inside {
            ui.add(Label::new(theme::caption(ui, format!("“{name}” is outside the picture."))).wrap());
        }
    }
}
