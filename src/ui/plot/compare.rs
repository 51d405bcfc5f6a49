//! Two curves of rates, one over the other: what is drawn, and what another framework does with it.

use eframe::egui::{Color32, RichText, Ui};
use egui_plot::{LineStyle, MarkerShape, PlotPoint, Points};

use crate::ui::exports::Exported;
use crate::ui::theme::{self, metrics};

use super::Scale;
use super::along::Along;
use super::bounds::Bounds;
use super::chart::{Across, Chart};
use super::panel::plain;
use super::x_axis::Unit;

/// Draws both in all the room there is, on a linear axis, with a mark where they are farthest apart.
pub fn compare(ui: &mut Ui, exported: &Exported, color: Color32) {
    let updates = exported.updates;
    let tokens = theme::tokens(ui);
    let mut bounds = Bounds::EMPTY;
    bounds.add(Some(0.0));
    let mut line = |rates: &[(u64, f64)]| -> Vec<PlotPoint> {
        let finite = rates.iter().filter(|(_, rate)| rate.is_finite());
        finite
            .map(|&(update, rate)| {
                bounds.add(Some(rate));
                PlotPoint::new(update as f64, rate)
            })
            .collect()
    };
    let (drawn, predicted) = (line(&exported.drawn), line(&exported.predicted));
    let worst = exported.export.deviation;
    let room = updates as f64 * 0.02;
    let chart = Chart {
        name: "Drawn and predicted rate",
        scale: Scale::Linear,
        across: Across::Updates(Unit::UPDATE, Along::Evenly),
        x: (-room, updates as f64 + room),
        y: bounds.padded(0.06, 0.12, 0.0, (0.0, 1.0)),
        x_labels: true,
        titled: true,
    };
    let legend = |ui: &mut Ui| {
        ui.label(RichText::new("Drawn").font(theme::small()).color(color));
        let help = "Dashes: the rate each update really uses there.";
        let predicted = RichText::new("Predicted").font(theme::small()).color(tokens.text);
        ui.label(predicted).on_hover_text(help);
    };
    chart.show(
        ui,
        legend,
        |_| {},
        |plot| {
            plot.line(plain(drawn, color, metrics::CURVE * 1.5));
            let dashes = LineStyle::Dashed { length: metrics::DASH };
            plot.line(plain(predicted, tokens.text, metrics::CURVE_FAINT).style(dashes));
            if worst.max_absolute.is_finite() && worst.of_peak > VISIBLE {
                let at = worst.at_update as f64;
                let points = vec![[at, worst.drawn], [at, worst.predicted]];
                plot.points(
                    Points::new("", points)
                        .shape(MarkerShape::Circle)
                        .filled(false)
                        .radius(metrics::MARKER)
                        .color(tokens.text)
                        .allow_hover(false),
                );
            }
        },
    );
}

/// The smallest deviation, as a share of the peak, that is worth a mark.
const VISIBLE: f64 = 1e-4;
