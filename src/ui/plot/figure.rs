//! A small plot inside a panel, on linear axes.

use eframe::egui::Ui;
use egui_plot::PlotUi;

use super::Scale;
use super::along::Along;
use super::bounds::Bounds;
use super::chart::{Across, Chart};
use super::x_axis::Unit;
use crate::ui::theme;

/// The width of an axis around one height, as a share of it.
const ALIKE: f64 = 0.5;

/// What a small plot shows along its axes.
pub struct Figure<'a> {
    pub name: &'a str,
    pub x: (f64, f64),
    /// All heights that are to be seen.
    pub heights: Vec<f64>,
}

impl Figure<'_> {
    /// Draws the plot into all the room there is, under its name and a legend.
    pub fn show(self, ui: &mut Ui, legend: impl FnOnce(&mut Ui), draw: impl FnOnce(&mut PlotUi<'_>)) {
        let mut bounds = Bounds::EMPTY;
        for height in &self.heights {
            bounds.add(Some(*height));
        }
        // Where nothing differs, the axis is not to look for differences.
        let alike = self.heights.windows(2).all(|pair| pair[0] == pair[1]);
        let least = self.heights.first().filter(|_| alike).map_or(0.0, |height| ALIKE * height.abs());
        let chart = Chart {
            name: self.name,
            scale: Scale::Linear,
            across: Across::Updates(Unit::UPDATE, Along::Evenly),
            x: self.x,
            y: bounds.padded(0.1, 0.14, least, (0.0, 1.0)),
            x_labels: true,
            titled: true,
        };
        chart.show(
            ui,
            |ui| {
                ui.label(theme::caption(ui, self.name));
            },
            legend,
            draw,
        );
    }
}
