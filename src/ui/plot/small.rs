//! A small plot in a side panel: a few curves over updates.

use eframe::egui::{Color32, Sense, Ui, UiBuilder, vec2};
use egui_plot::{FilledArea, LineStyle, PlotPoint};

use crate::ui::theme::metrics;

use super::Scale;
use super::along::Along;
use super::bounds::Bounds;
use super::chart::{Across, Chart, Drawn};
use super::panel::plain;
use super::x_axis::Unit;

/// How much of its colour a band has.
const BAND: f32 = 0.18;

/// A curve of values by update; where it has no height, it is broken.
pub struct Curve {
    pub points: Vec<(f64, f64)>,
    pub color: Color32,
    pub width: f32,
    pub dashed: bool,
}

/// What lies between two curves of the same updates; where either has no height there is a gap.
pub struct Area {
    pub low: Vec<(f64, f64)>,
    pub high: Vec<(f64, f64)>,
    pub color: Color32,
}

impl Area {
    /// The stretches between the gaps: updates, and the heights below and above.
    fn stretches(&self, scale: Scale) -> Vec<[Vec<f64>; 3]> {
        let mut stretches = vec![<[Vec<f64>; 3]>::default()];
        for ((update, low), (_, high)) in self.low.iter().zip(&self.high) {
            match (scale.height(*low), scale.height(*high), stretches.last_mut()) {
                (Some(low), Some(high), Some([updates, below, above])) => {
                    updates.push(*update);
                    below.push(low);
                    above.push(high);
                }
                _ => stretches.push(<[Vec<f64>; 3]>::default()),
            }
        }
        stretches.retain(|[updates, ..]| updates.len() > 1);
        stretches
    }
}

/// A small plot.
pub struct Small<'a> {
    pub name: &'a str,
    pub scale: Scale,
    /// The last update on the axis.
    pub updates: f64,
    pub curves: Vec<Curve>,
    /// Bands below the curves.
    pub areas: Vec<Area>,
    /// A value that is to be in view.
    pub include: Option<f64>,
    /// Whether there is a line above for a title.
    pub titled: bool,
}

impl Small<'_> {
    /// Draws it as wide as there is room, under a line with `title` on its left and `header` on its right.
    pub fn show(self, ui: &mut Ui, title: impl FnOnce(&mut Ui), header: impl FnOnce(&mut Ui)) -> Drawn {
        let title_height = if self.titled { metrics::PLOT_HEADER } else { 0.0 };
        let size = vec2(ui.available_width(), metrics::COMPARISON - metrics::PLOT_HEADER + title_height);
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let mut bounds = Bounds::EMPTY;
        bounds.add(self.include.and_then(|value| self.scale.height(value)));
        let mut bands = Vec::new();
        for area in &self.areas {
            let fill = area.color.gamma_multiply(BAND);
            for stretch in area.stretches(self.scale) {
                let [_, below, above] = &stretch;
                below.iter().chain(above).for_each(|height| bounds.add(Some(*height)));
                bands.push((stretch, fill));
            }
        }
        let mut lines = Vec::new();
        for curve in self.curves {
            let heights = curve.points.into_iter().map(|(update, value)| (update, self.scale.height(value)));
            let mut stretch: Vec<PlotPoint> = Vec::new();
            for (update, height) in heights {
                bounds.add(height);
                match height {
                    Some(height) => stretch.push(PlotPoint::new(update, height)),
                    None => {
                        lines.push((std::mem::take(&mut stretch), curve.color, curve.width, curve.dashed));
                    }
                }
            }
            lines.push((stretch, curve.color, curve.width, curve.dashed));
        }
        let room = self.updates * 0.02;
        let chart = Chart {
            name: self.name,
            scale: self.scale,
            across: Across::Updates(Unit::UPDATE, Along::Evenly),
            x: (-room, self.updates + room),
            y: bounds.padded(0.08, 0.1, if self.scale == Scale::Log { 0.2 } else { 0.0 }, (-1.0, 1.0)),
            x_labels: true,
            titled: self.titled,
        };
        chart.show(&mut ui.new_child(UiBuilder::new().max_rect(rect)), title, header, |plot| {
            for ([updates, below, above], fill) in &bands {
                plot.add(FilledArea::new("", updates, below, above).fill_color(*fill).allow_hover(false));
            }
            for (points, color, width, dashed) in lines.into_iter().filter(|(points, ..)| points.len() > 1) {
                let line = plain(points, color, width);
                let dashes = LineStyle::Dashed { length: metrics::DASH };
                plot.line(if dashed { line.style(dashes) } else { line });
            }
        })
    }
}
