//! The lowest plot where somebody chose to see how much updates count.

use eframe::egui::{Align2, Ui};
use egui_plot::PlotPoint;

use crate::telemetry::Column;
use crate::ui::layout::Pane;
use crate::ui::theme::{self, metrics};

use super::Scale;
use super::bounds::Bounds;
use super::chart::{Chart, note};
use super::counts::{Counts, TITLE, lowest, renew};
use super::menu::Menu;
use super::panel::Plots;
use super::switch::lowest_switch;
use super::thin::Grain;

impl Plots<'_> {
    /// The lowest plot, where it shows what updates count.
    pub fn counts(&mut self, ui: &mut Ui) {
        renew(self.studio);
        let tokens = theme::tokens(ui);
        let studio = &*self.studio;
        let (x, window) = (self.across(), self.window());
        let mut bounds = Bounds::EMPTY;
        let mut drawn = Vec::new();
        let counts = studio.panels.peek::<Counts>();
        for row in studio.shown() {
            let Some(found) = counts.and_then(|counts| counts.of_run(row.id)) else { continue };
            let seen = found.points().filter(|(update, _)| (window.0..=window.1).contains(update));
            seen.for_each(|(_, count)| bounds.add(Some(count)));
            let selected = studio.view.selected == row.id;
            let width = if selected { metrics::CURVE } else { metrics::CURVE * 0.75 };
            let points: Vec<PlotPoint> = found.points().map(|(x, y)| PlotPoint::new(x, y)).collect();
            drawn.push((row.id, points, studio.color(row, tokens), width));
        }
        let empty = bounds.is_empty();
        bounds.add(Some(0.0).filter(|_| !empty));
        let y = bounds.padded(0.05, 0.18, 0.1, (0.0, 1.0));
        let y = studio.view.heights.of(Pane::Number).unwrap_or(y);
        self.grain = Grain::new(x, y, ui.available_size());
        let lines: Vec<_> = drawn
            .into_iter()
            .map(|(run, points, color, width)| self.line(run, points, color, width))
            .collect();
        let (name, scale, across) = (TITLE, Scale::Linear, self.updates());
        let chart = Chart { name, scale, across, x, y, x_labels: true, titled: true };
        let (mut number, mut is_counts) = (studio.view.number, true);
        let mut menu = Menu::new(studio, Pane::Number, false);
        let drawn = chart.show(
            ui,
            |ui| lowest_switch(ui, &mut number, &mut is_counts),
            |ui| menu.button(ui),
            |plot| lines.into_iter().for_each(|line| plot.line(line)),
        );
        if empty {
            let text = "No shown run has a schedule that can be read ahead.";
            note(ui, drawn.rect, Align2::CENTER_CENTER, text, theme::body());
        }
        menu.under(&drawn);
        menu.apply(self.studio);
        self.choose_lowest(number, is_counts);
        if self.point(ui, &drawn, Pane::Number) {
            self.studio.view.fit();
        }
        self.over_curves(ui, &drawn, |studio, row, cursor| lowest(studio, row.id, cursor));
    }

    /// Shows something else in the lowest plot.
    pub fn choose_lowest(&mut self, number: Column, is_counts: bool) {
        let view = &mut self.studio.view;
        if (view.number, view.counts) != (number, is_counts) {
            view.heights.set(Pane::Number, None);
        }
        (view.number, view.counts) = (number, is_counts);
    }
}
