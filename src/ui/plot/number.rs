//! The lowest plot: momentum, or another number of the update that can be a schedule; or, in `lowest`, what updates count.

use eframe::egui::{Align2, Ui};
use egui_plot::{Line, LineStyle};

use crate::telemetry::Column;
use crate::ui::layout::Pane;
use crate::ui::theme::{self, metrics};

use super::Scale;
use super::band::parted;
use super::bounds::Bounds;
use super::chart::{Chart, note};
use super::lines::Strokes;
use super::menu::Menu;
use super::panel::Plots;
use super::switch::{lowest_switch, scale_switch};
use super::thin::Grain;

impl Plots<'_> {
    pub fn number(&mut self, ui: &mut Ui) {
        if self.studio.view.counts {
            return self.counts(ui);
        }
        let tokens = theme::tokens(ui);
        let studio = &*self.studio;
        let scale = studio.view.number_scale;
        let number = studio.view.number;
        let (x, window) = (self.across(), self.window());
        let clock = studio.clock();
        let last = clock.updates.saturating_sub(1);
        let (from, to) = (window.0.max(0.0) as u64, (window.1.max(0.0) as u64).min(last));
        let mut bounds = Bounds::EMPTY;
        let (mut drawn, mut areas) = (Vec::new(), Vec::new());
        for row in studio.shown() {
            let color = studio.color(row, tokens);
            let selected = studio.view.selected == row.id;
            let stroke = if selected { metrics::CURVE } else { metrics::CURVE * 0.75 };
            let lane = studio.frame.lane(row.id);
            let done = lane.map_or(0, |lane| lane.update);
            let mut add = |strokes: Strokes, color, style| {
                for line in strokes.into_lines() {
                    line.iter().for_each(|point| bounds.add(Some(point.y)));
                    drawn.push((row.id, line, color, stroke, style));
                }
            };
            if let Some(lane) = lane.filter(|_| studio.shelf.guest(row.id).is_some()) {
                let past = Strokes::raw(&lane.curves.number, scale).stretched(lane.stretch);
                add(past, color, LineStyle::Solid);
            }
            if let (Some(curve), Some(_)) = (studio.curve(row.id), studio.number(row.id, number, 0)) {
                let value = |update| studio.number(row.id, number, update).unwrap_or_default();
                let start = from.max(done.saturating_sub(1));
                let looks = (ui.available_width() as usize / 2, &studio.along);
                let ahead = Strokes::curve(curve, value, (start, to), looks, scale);
                add(ahead, tokens.ahead(color), LineStyle::Dashed { length: metrics::DASH });
                if let Some(band) = parted(studio, row.id, |curves| &curves.number) {
                    let at = |update| studio.along.of_run(row.id, update);
                    areas.extend(band.areas(scale, tokens.band(color), at));
                    let lines = band.lines(scale).collect();
                    add(Strokes { lines, ..Strokes::default() }, color, LineStyle::Solid);
                } else if let Some(lane) = lane {
                    add(Strokes::raw(&lane.curves.number, scale), color, LineStyle::Solid);
                }
            }
        }
        let empty = bounds.is_empty();
        // Momentum and decay differ by hundredths, batches by samples.
        let least = if number == Column::Batch { 1.0 } else { 0.1 };
        let least = if number == Column::WeightDecay { 1e-4 } else { least };
        let least = if scale == Scale::Log { 0.2 } else { least };
        let y = bounds.padded(0.18, 0.18, least, (0.0, 1.0));
        let y = studio.view.heights.of(Pane::Number).unwrap_or(y);
        self.grain = Grain::new(x, y, ui.available_size());
        let lines: Vec<Line<'static>> = drawn
            .into_iter()
            .map(|(run, line, color, width, style)| self.line(run, line, color, width).style(style))
            .collect();
        let (mut chosen, mut is_counts, mut new_scale) = (number, false, scale);
        let chart =
            Chart { name: number.label(), scale, across: self.updates(), x, y, x_labels: true, titled: true };
        let mut menu = Menu::new(studio, Pane::Number, false);
        let drawn = chart.show(
            ui,
            |ui| lowest_switch(ui, &mut chosen, &mut is_counts),
            |ui| {
                menu.button(ui);
                scale_switch(ui, &mut new_scale, "Number axis");
            },
            |plot| {
                areas.into_iter().for_each(|area| plot.add(area));
                lines.into_iter().for_each(|line| plot.line(line));
            },
        );
        if empty {
            let text = match number {
                Column::Batch => "The batches of the shown runs are not counted in samples here.",
                Column::WeightDecay => {
                    "No shown run decays its weights. The optimizer of a run is beside its schedule."
                }
                _ => "No shown run has momentum. The optimizer of a run is beside its schedule.",
            };
            note(ui, drawn.rect, Align2::CENTER_CENTER, text, theme::body());
        }
        menu.under(&drawn);
        menu.apply(self.studio);
        if scale != new_scale {
            self.studio.view.heights.set(Pane::Number, None);
        }
        self.studio.view.number_scale = new_scale;
        self.choose_lowest(chosen, is_counts);
        if self.point(ui, &drawn, Pane::Number) {
            self.studio.view.fit();
        }
        self.over_curves(ui, &drawn, |studio, row, cursor| {
            let lane = studio.frame.lane(row.id);
            let known = lane.filter(|lane| cursor < lane.update).and_then(|lane| lane.at_cursor.number);
            scale.height(known.or_else(|| studio.number(row.id, number, cursor))?)
        });
    }
}
