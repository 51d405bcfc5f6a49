//! The loss on the way from each ticked snapshot to the next.

use eframe::egui::{Label, Sense, Ui, UiBuilder, vec2};
use egui_plot::{MarkerShape, PlotPoint, Points};

use crate::analysis::ensemble::Comparison;
use crate::ui::format;
use crate::ui::plot::{Figure, plain};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

pub fn show(ui: &mut Ui, studio: &Studio, comparison: &Comparison) {
    let tokens = theme::tokens(ui);
    let selected = studio.view.selected;
    let slot = studio.document.runs().find(|(row, _)| row.id == selected).map_or(0, |(row, _)| row.slot);
    let color = tokens.run(slot);
    let mut line = Vec::new();
    let mut ends = Vec::new();
    for (leg, barrier) in comparison.report.barriers.iter().enumerate() {
        let places = barrier.shares.iter().zip(&barrier.losses).filter(|(_, loss)| loss.is_finite());
        line.extend(places.map(|(share, loss)| PlotPoint::new(leg as f64 + share, *loss)));
        let both = [(0.0, barrier.losses.first()), (1.0, barrier.losses.last())];
        let finite = both.into_iter().filter_map(|(share, loss)| Some((share, *loss?)));
        ends.extend(
            finite.filter(|(_, loss)| loss.is_finite()).map(|(share, loss)| [leg as f64 + share, loss]),
        );
    }
    let legs = comparison.report.barriers.len() as f64;
    let figure = Figure {
        name: "Validation loss between snapshots",
        x: (-0.03 * legs, 1.03 * legs),
        heights: line.iter().map(|point| point.y).collect(),
    };
    let size = vec2(ui.available_width(), metrics::COMPARISON);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    figure.show(
        &mut ui.new_child(UiBuilder::new().max_rect(rect)),
        |_| {},
        |plot| {
            plot.line(plain(line, color, metrics::CURVE));
            let dots = Points::new("", ends).shape(MarkerShape::Circle).radius(metrics::MARKER).color(color);
            plot.points(dots.allow_hover(false));
        },
    );
    let highest = comparison.report.barriers.iter().map(|barrier| barrier.height).fold(0.0, f64::max);
    let text = format!(
        "The highest barrier rises {} above the straight line between its ends.",
        format::metric(highest)
    );
    ui.add(Label::new(theme::caption(ui, text)).wrap());
}
