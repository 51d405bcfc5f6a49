//! How alike the ticked snapshots are, pair by pair, as heat maps.

use eframe::egui::{Align2, Rect, Sense, Ui, vec2};

use crate::analysis::ensemble::Comparison;
use crate::engine::Snapshot;
use crate::landscape::Colormap;
use crate::ui::format;
use crate::ui::theme::{self, metrics};

/// The widest a cell gets.
const CELL: f32 = metrics::ICON_BUTTON;
/// From here on numbers fit into a cell.
const WRITTEN: f32 = 26.0;

pub fn show(ui: &mut Ui, snapshots: &[Snapshot], comparison: &Comparison) {
    let updates: Vec<u64> =
        comparison.chosen.iter().filter_map(|at| snapshots.get(*at).map(Snapshot::update)).collect();
    let report = &comparison.report;
    let classes = report.lines.iter().any(|line| line.measures.accuracy.is_some());
    let width = (ui.available_width() - metrics::L) / 2.0;
    ui.horizontal_top(|ui| {
        let (title, text): (_, fn(f64) -> String) = if classes {
            ("Answers that differ", format::percent)
        } else {
            ("Difference (RMS)", format::metric)
        };
        matrix(ui, width, title, &report.disagreement, &updates, text);
        ui.add_space(metrics::L - metrics::S);
        let title = if classes { "Correlation of probabilities" } else { "Correlation of values" };
        matrix(ui, width, title, &report.correlation, &updates, |value| format::significant(value, 3));
    });
}

/// A square a pair, from the least to the greatest value off the diagonal.
fn matrix(
    ui: &mut Ui,
    width: f32,
    title: &str,
    values: &[Vec<f64>],
    updates: &[u64],
    text: fn(f64) -> String,
) {
    let tokens = theme::tokens(ui);
    let count = values.len().max(1);
    let cell = (width / count as f32).min(2.0 * CELL);
    let off = || {
        let pairs = values.iter().enumerate().flat_map(|(a, row)| {
            row.iter().enumerate().filter(move |(b, _)| a != *b).map(|(_, value)| *value)
        });
        pairs.filter(|value| value.is_finite())
    };
    let (low, high) = (off().fold(f64::INFINITY, f64::min), off().fold(f64::NEG_INFINITY, f64::max));
    ui.vertical(|ui| {
        ui.set_width(width);
        ui.label(theme::caption(ui, title));
        let side = cell * count as f32;
        let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
        let map = Colormap::cividis();
        for (a, row) in values.iter().enumerate() {
            for (b, value) in row.iter().enumerate() {
                let at = rect.min + vec2(b as f32, a as f32) * cell;
                let square = Rect::from_min_size(at, vec2(cell, cell)).shrink(metrics::HAIRLINE / 2.0);
                if a == b || !value.is_finite() {
                    ui.painter().rect_filled(square, 0.0, tokens.raised);
                    continue;
                }
                let share = if high > low { (value - low) / (high - low) } else { 0.5 };
                let color = theme::of_channels(map.at(share as f32));
                ui.painter().rect_filled(square, 0.0, color);
                if cell >= WRITTEN {
                    let ink = theme::legible_on(color);
                    let said = if cell >= 1.5 * WRITTEN { text(*value) } else { short(*value) };
                    let center = square.center();
                    ui.painter().text(center, Align2::CENTER_CENTER, said, theme::small_number(), ink);
                }
            }
        }
        if off().next().is_some() {
            ui.label(theme::caption(ui, format!("{} to {}", text(low), text(high))));
        }
        let Some(pointer) = response.hover_pos() else { return };
        let place = (pointer - rect.min) / cell;
        let (b, a) = (place.x as usize, place.y as usize);
        if let (Some(value), Some(from), Some(to)) =
            (values.get(a).and_then(|row| row.get(b)), updates.get(a), updates.get(b))
        {
            let pair = format!("updates {} and {}", format::count(*from), format::count(*to));
            response.on_hover_text_at_pointer(format!("{pair}: {}", text(*value)));
        }
    });
}

/// Two digits, without what all have in common.
fn short(value: f64) -> String {
    format!("{value:.2}").trim_start_matches('0').to_owned()
}
