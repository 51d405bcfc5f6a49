//! The losses of a range test over its rates.

use eframe::egui::{Color32, Rect, Ui, pos2, vec2};
use egui_plot::{FilledArea, LineStyle, MarkerShape, PlotPoint, Points, VLine};

use crate::analysis::range_test::{RangeTest, SeedCurve, Spread};
use crate::analysis::suggest::Rule;
use crate::ui::format;
use crate::ui::theme::{self, Tokens, metrics};

use super::Scale;
use super::chart::{Across, Chart, Drawn};
use super::panel::plain;

/// How far above the first loss the plot reaches, as a share of the way from the least loss up to it.
const ROOM: f64 = 0.35;
/// Rows for the names of lines that are not looked at.
const NAME_ROWS: usize = 3;
/// What the stability limit is.
pub const LIMIT_HELP: &str =
    "The first rate at which the loss is back where it began: above it training breaks.";

/// Draws every seed's raw loss, the smoothed ones as a band with their middle, where seeds stopped, and a line with
/// its name for each suggestion. The rule whose line was clicked.
pub fn sweep(ui: &mut Ui, test: &RangeTest, chosen: Option<Rule>, color: Color32) -> Option<Rule> {
    let tokens = theme::tokens(ui);
    let x = (test.options.start.log10(), test.options.end.log10());
    let y = heights(test);
    let chart = Chart {
        name: "Loss over rate",
        scale: Scale::Linear,
        x,
        y,
        across: Across::Rates,
        x_labels: true,
        titled: true,
    };
    let title = |ui: &mut Ui| {
        ui.label(theme::caption(ui, "Loss"));
    };
    let legend = |ui: &mut Ui| {
        ui.label(theme::caption(ui, "thin: each batch, thick: smoothed"));
    };
    let lines = suggestions(test);
    let drawn = chart.show(ui, title, legend, |plot| {
        for curve in &test.curves {
            let raw = points(&curve.rates, &curve.losses, y);
            plot.line(plain(raw, color.gamma_multiply(0.35), metrics::CURVE_FAINT));
        }
        let (rates, low, middle, high) = band(&test.curves);
        let clip = |values: &[f64]| values.iter().map(|value| value.clamp(y.0, y.1)).collect::<Vec<_>>();
        if rates.len() > 1 && test.curves.len() > 1 {
            let xs: Vec<f64> = rates.iter().map(|rate| rate.log10()).collect();
            let fill = color.gamma_multiply(0.18);
            plot.add(FilledArea::new("", &xs, &clip(&low), &clip(&high)).fill_color(fill).allow_hover(false));
        }
        plot.line(plain(points(&rates, &middle, y), color, metrics::CURVE));
        let stops: Vec<[f64; 2]> = test.curves.iter().filter_map(|curve| stop(curve, y)).collect();
        let stops = Points::new("", stops).shape(MarkerShape::Cross).radius(metrics::MARKER * 1.4);
        plot.points(stops.color(tokens.danger).allow_hover(false));
        for line in &lines {
            let is_chosen = line.rule.is_some() && line.rule == chosen;
            let style =
                if is_chosen { LineStyle::Solid } else { LineStyle::Dashed { length: metrics::DASH } };
            let width = if is_chosen { metrics::CURVE } else { metrics::HAIRLINE };
            let color = line_color(tokens, line, is_chosen);
            plot.vline(
                VLine::new("", line.rate.log10()).style(style).width(width).color(color).allow_hover(false),
            );
        }
    });
    names(ui, &drawn, &lines, chosen)
}

/// A line at a rate.
struct Named {
    /// None for the stability limit.
    rule: Option<Rule>,
    name: &'static str,
    rate: f64,
}

/// From the lowest rate to the highest.
fn suggestions(test: &RangeTest) -> Vec<Named> {
    let rule = |(rule, spread): &(Rule, Spread)| {
        Some(Named { rule: Some(*rule), name: rule.name(), rate: spread.median? })
    };
    let mut lines: Vec<Named> = test.suggestions.iter().filter_map(rule).collect();
    lines.extend(test.limit.median.map(|rate| Named { rule: None, name: "limit", rate }));
    lines.retain(|line| line.rate > 0.0);
    lines.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    lines
}

fn line_color(tokens: &Tokens, line: &Named, chosen: bool) -> Color32 {
    match line.rule {
        None => tokens.danger,
        Some(_) if chosen => tokens.text,
        Some(_) => tokens.muted,
    }
}

/// Names the lines where there is room for it: the chosen one and the limit in any case. Any line says under the
/// pointer what it is.
fn names(ui: &mut Ui, drawn: &Drawn, lines: &[Named], chosen: Option<Rule>) -> Option<Rule> {
    let tokens = theme::tokens(ui);
    let x = |line: &Named| drawn.transform.position_from_point(&PlotPoint::new(line.rate.log10(), 0.0)).x;
    let is_chosen = |line: &Named| line.rule.is_some() && line.rule == chosen;
    let mut order: Vec<&Named> = lines.iter().collect();
    order.sort_by_key(|line| !(is_chosen(line) || line.rule.is_none()));
    let mut taken: Vec<Rect> = Vec::new();
    for line in order {
        let needed = is_chosen(line) || line.rule.is_none();
        let color = line_color(tokens, line, is_chosen(line));
        let text = ui.painter().layout_no_wrap(line.name.to_owned(), theme::small(), color);
        let size = text.size();
        let place = |row: usize, left: f32| {
            let top = drawn.rect.top() + metrics::XS + row as f32 * (size.y + metrics::XS / 2.0);
            Rect::from_min_size(pos2(left, top), size)
        };
        let sides = [x(line) + metrics::XS, x(line) - metrics::XS - size.x];
        let free = |rect: &Rect| {
            let apart = |other: &Rect| !other.expand2(vec2(metrics::XS, 0.0)).intersects(*rect);
            let crosses = |other: &Named| rect.x_range().contains(x(other));
            drawn.rect.x_range().contains(rect.left())
                && drawn.rect.x_range().contains(rect.right())
                && taken.iter().all(apart)
                && (needed || !lines.iter().any(crosses))
        };
        let rows = if needed { lines.len() } else { NAME_ROWS };
        let places = (0..rows).flat_map(|row| sides.map(|left| place(row, left)));
        let Some(rect) = places.into_iter().find(free) else { continue };
        taken.push(rect);
        ui.painter().rect_filled(rect, 0.0, tokens.ground.gamma_multiply(0.8));
        ui.painter().galley(rect.min, text, color);
    }
    let pointer = drawn.response.hover_pos()?;
    let distance = |line: &&Named| (x(line) - pointer.x).abs();
    let near = lines.iter().filter(|line| distance(line) <= metrics::S);
    let near = near.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let help = near.rule.map_or(LIMIT_HELP, Rule::help);
    let response = drawn.response.clone();
    let text = format!("{}: {}\n{help}", near.name, format::rate(near.rate));
    response.on_hover_text_at_pointer(text).clicked().then_some(near.rule).flatten()
}

/// From below the least smoothed loss to above the first one: what explodes leaves the plot.
fn heights(test: &RangeTest) -> (f64, f64) {
    let finite =
        |values: &[f64]| values.iter().copied().filter(|value| value.is_finite()).collect::<Vec<_>>();
    let least = test.curves.iter().flat_map(|curve| finite(&curve.light)).fold(f64::INFINITY, f64::min);
    let first = test.curves.iter().filter_map(|curve| curve.light.first().copied());
    let first = first.filter(|value| value.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    if !(least.is_finite() && first.is_finite()) {
        return (0.0, 1.0);
    }
    let reach = (first - least).max(first.abs() * 0.1).max(1e-9);
    (least - 0.15 * reach, first + ROOM * reach)
}

/// A line, kept just above the plot where it leaves it.
fn points(rates: &[f64], losses: &[f64], (_, top): (f64, f64)) -> Vec<PlotPoint> {
    let place = |(rate, loss): (&f64, &f64)| {
        let height = if loss.is_finite() { loss.min(top * 2.0) } else { top * 2.0 };
        PlotPoint::new(rate.log10(), height)
    };
    rates.iter().zip(losses).map(place).collect()
}

/// The least, the mean and the greatest smoothed loss over the seeds that have come so far.
fn band(curves: &[SeedCurve]) -> (Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>) {
    let longest = curves.iter().max_by_key(|curve| curve.rates.len());
    let (mut low, mut middle, mut high) = (Vec::new(), Vec::new(), Vec::new());
    let rates = longest.map(|curve| curve.rates.clone()).unwrap_or_default();
    for at in 0..rates.len() {
        let values = || curves.iter().filter_map(|curve| curve.smooth.get(at).copied());
        low.push(values().fold(f64::INFINITY, f64::min));
        high.push(values().fold(f64::NEG_INFINITY, f64::max));
        middle.push(values().sum::<f64>() / values().count().max(1) as f64);
    }
    (rates, low, middle, high)
}

/// Where a seed was stopped early.
fn stop(curve: &SeedCurve, (low, top): (f64, f64)) -> Option<[f64; 2]> {
    let rate = curve.rates.last().filter(|_| curve.stopped)?;
    let height = curve.smooth.last().copied().filter(|smooth| smooth.is_finite()).unwrap_or(top);
    Some([rate.log10(), height.clamp(low, top - 0.03 * (top - low))])
}
