//! Each snapshot's figure over the run, and where the ensemble lies.

use eframe::egui::{RichText, Sense, Ui, UiBuilder, vec2};
use egui_plot::{HLine, LineStyle, MarkerShape, Points};

use crate::analysis::ensemble::{Comparison, Line, LineKind};
use crate::ui::plot::{Figure, plain};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

pub fn show(ui: &mut Ui, studio: &Studio, comparison: &Comparison) {
    let report = &comparison.report;
    let classes = report.lines.iter().any(|line| line.measures.accuracy.is_some());
    let height = vec2(ui.available_width(), metrics::COMPARISON);
    let (rect, _) = ui.allocate_exact_size(height, Sense::hover());
    let half = (rect.width() - metrics::S) / 2.0;
    let mut left = rect;
    if classes {
        left.set_width(half);
        let mut right = rect;
        right.min.x = rect.right() - half;
        let ui = &mut ui.new_child(UiBuilder::new().max_rect(right));
        figure(ui, studio, comparison, "Accuracy", |line| line.measures.accuracy);
    }
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(left));
    figure(ui, studio, comparison, "Validation loss", |line| Some(line.measures.loss));
}

/// A dot a snapshot, filled where it is ticked; the ensemble as a dashed line.
fn figure(
    ui: &mut Ui,
    studio: &Studio,
    comparison: &Comparison,
    name: &str,
    value: fn(&Line) -> Option<f64>,
) {
    let tokens = theme::tokens(ui);
    let selected = studio.view.selected;
    let slot = studio.document.runs().find(|(row, _)| row.id == selected).map_or(0, |(row, _)| row.slot);
    let color = tokens.run(slot);
    let report = &comparison.report;
    let at = |line: &Line| Some([line.update? as f64, value(line).filter(|value| value.is_finite())?]);
    let snapshots = || report.lines.iter().filter(|line| line.kind == LineKind::Snapshot).enumerate();
    let all: Vec<[f64; 2]> = snapshots().filter_map(|(_, line)| at(line)).collect();
    let ticked = snapshots().filter(|(place, _)| comparison.chosen.contains(place));
    let ticked: Vec<[f64; 2]> = ticked.filter_map(|(_, line)| at(line)).collect();
    let together = report.line(LineKind::Ensemble).and_then(value).filter(|value| value.is_finite());
    let updates = studio.clock().updates as f64;
    let figure = Figure {
        name,
        x: (-0.03 * updates, 1.03 * updates),
        heights: all.iter().map(|[_, y]| *y).chain(together).collect(),
    };
    let legend = |ui: &mut Ui| {
        if together.is_some() {
            let text = RichText::new("Ensemble").font(theme::small()).color(tokens.text);
            ui.label(text).on_hover_text("Dashes: the ticked snapshots together.");
        }
    };
    figure.show(ui, legend, |plot| {
        plot.line(plain(points(&all), tokens.ahead(color), metrics::CURVE_FAINT));
        let dots = |points: &[[f64; 2]], filled| {
            Points::new("", points.to_vec())
                .shape(MarkerShape::Circle)
                .filled(filled)
                .radius(metrics::MARKER)
                .color(color)
                .allow_hover(false)
        };
        plot.points(dots(&all, false));
        plot.points(dots(&ticked, true));
        if let Some(height) = together {
            let line = HLine::new("", height).color(tokens.text).width(metrics::CURVE_FAINT);
            plot.hline(line.style(LineStyle::Dashed { length: metrics::DASH }).allow_hover(false));
        }
    });
}

fn points(places: &[[f64; 2]]) -> Vec<egui_plot::PlotPoint> {
    places.iter().map(|[x, y]| egui_plot::PlotPoint::new(*x, *y)).collect()
}
