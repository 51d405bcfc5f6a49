//! The loss on the way from each ticked snapshot to the next.

use eframe::egui::{Label, Sense, Ui, UiBuilder, vec2};
use egui_plot::{MarkerShape, PlotPoint, Points};

use crate::analysis::ensemble::{Comparison, Line, LineKind};
use crate::ui::format;
use crate::ui::plot::{Figure, plain};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

pub fn show(ui: &mut Ui, studio: &Studio, comparison: &Comparison) {
    let tokens = theme::tokens(ui);
    let selected = studio.view.selected;
    let slot = studio.document.runs().find(|(row, _)| row.id == selected).map_or(0, |(row, _)| row.slot);
    let color = tokens.run(slot);
    let report = &comparison.report;
    let snapshots: Vec<&Line> = report.lines.iter().filter(|line| line.kind == LineKind::Snapshot).collect();
    let ticked = comparison.chosen.iter().filter_map(|at| Some(snapshots.get(*at)?.update? as f64));
    let ticked: Vec<f64> = ticked.collect();
    let mut line = Vec::new();
    let mut ends = Vec::new();
    for (barrier, leg) in report.barriers.iter().zip(ticked.windows(2)) {
        let &[from, to] = leg else { continue };
        // Between two snapshots the axis counts how far along the straight line the weights are.
        let places = barrier.shares.iter().zip(&barrier.losses).filter(|(_, loss)| loss.is_finite());
        let places: Vec<[f64; 2]> = places.map(|(share, loss)| [from + share * (to - from), *loss]).collect();
        ends.extend(places.first().into_iter().chain(places.last()).copied());
        line.extend(places.into_iter().map(PlotPoint::from));
    }
    let updates = studio.clock().updates as f64;
    let figure = Figure {
        name: "Validation loss between snapshots",
        x: (-0.03 * updates, 1.03 * updates),
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
    let highest = report.barriers.iter().map(|barrier| barrier.height).fold(0.0, f64::max);
    let text = format!(
        "The highest barrier rises {} above the straight line between its ends.",
        format::metric(highest)
    );
    ui.add(Label::new(theme::caption(ui, text)).wrap());
}
