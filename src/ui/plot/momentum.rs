//! The momentum plot.

use eframe::egui::{Align2, Ui};
use egui_plot::LineStyle;

use crate::ui::theme::{self, metrics};
use crate::ui::view::Window;

use super::Scale;
use super::bounds::Bounds;
use super::chart::{Chart, note};
use super::lines::Strokes;
use super::panel::{Plots, plain};

impl Plots<'_> {
    pub fn momentum(&mut self, ui: &mut Ui) {
        let tokens = theme::tokens(ui);
        let studio = &*self.studio;
        let scale = Scale::Linear;
        let x = self.window();
        let clock = studio.clock();
        let last = clock.updates.saturating_sub(1);
        let (from, to) = (x.0.max(0.0) as u64, (x.1.max(0.0) as u64).min(last));
        let mut bounds = Bounds::EMPTY;
        let mut lines = Vec::new();
        for row in studio.shown() {
            let color = studio.color(row, tokens);
            let selected = studio.view.selected == row.id;
            let stroke = if selected { metrics::CURVE } else { metrics::CURVE * 0.75 };
            let lane = studio.frame.lane(row.id);
            let done = lane.map_or(0, |lane| lane.update);
            let mut add = |strokes: Strokes, color, style| {
                for line in strokes.into_lines() {
                    line.iter().for_each(|point| bounds.add(Some(point.y)));
                    lines.push(plain(line, color, stroke).style(style));
                }
            };
            if let (Some(curve), Some(_)) = (studio.curve(row.id), studio.momentum(row.id, 0)) {
                let value = |update| studio.momentum(row.id, update).unwrap_or_default();
                let start = from.max(done.saturating_sub(1));
                let ahead =
                    Strokes::curve(curve, value, (start, to), ui.available_width() as usize / 2, scale);
                add(ahead, tokens.ahead(color), LineStyle::Dashed { length: metrics::DASH });
                if let Some(lane) = lane {
                    add(Strokes::raw(&lane.curves.momentum, scale), color, LineStyle::Solid);
                }
            }
        }
        let empty = bounds.is_empty();
        let y = bounds.padded(0.18, 0.18, 0.1, (0.0, 1.0));
        let name = |ui: &mut Ui| {
            let help = "The share of the last step that an update keeps: momentum, or β1 of the Adam family.";
            ui.label(theme::title(ui, "Momentum")).on_hover_text(help);
        };
        let chart = Chart { name: "Momentum", scale, x, y, x_labels: true };
        let drawn = chart.show(ui, name, |_| {}, |plot| lines.into_iter().for_each(|line| plot.line(line)));
        if empty {
            let text = "No shown run has momentum. The optimizer of a run is beside its schedule.";
            note(ui, drawn.rect, Align2::CENTER_CENTER, text, theme::body());
        }
        if self.point(ui, &drawn) {
            self.studio.view.window = Window::Whole;
        }
        self.over_curves(ui, &drawn, |studio, row, cursor| {
            let lane = studio.frame.lane(row.id);
            let known = lane.filter(|lane| cursor < lane.update).and_then(|lane| lane.at_cursor.momentum);
            known.or_else(|| studio.momentum(row.id, cursor))
        });
    }
}
