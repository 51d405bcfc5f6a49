//! Small pictures of the examples' own runs: rates above, losses below. The numbers are of real trainings, made by a
//! test (`ANNEAL_RENEW=1`) and shipped as `assets/gallery.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use eframe::egui::{Painter, Pos2, Rect, Shape, Stroke, pos2};
use serde::{Deserialize, Serialize};

use super::theme::{Tokens, metrics};

/// Points of a curve.
pub const POINTS: usize = 48;
/// The share of the picture's height that rates take.
const RATES: f32 = 0.36;

/// One run: its rates and its losses at equal distances, nothing where they were no numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    pub rates: Vec<Option<f64>>,
    pub losses: Vec<Option<f64>>,
}

/// The runs of every example, by the example's name.
pub type Thumbnails = BTreeMap<String, Vec<Drawn>>;

static SHIPPED: LazyLock<Thumbnails> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../assets/gallery.json")).unwrap_or_default());

/// The runs of an example; none where it is not in the file.
pub fn of(name: &str) -> &'static [Drawn] {
    SHIPPED.get(name).map_or(&[], Vec::as_slice)
}

/// Paints an example's runs.
pub fn paint(painter: &Painter, rect: Rect, runs: &[Drawn], tokens: &Tokens) {
    let split = rect.top() + RATES * rect.height();
    let above = Rect::from_min_max(rect.min, pos2(rect.right(), split - metrics::XS));
    let below = Rect::from_min_max(pos2(rect.left(), split + metrics::XS), rect.max);
    painter.hline(rect.x_range(), split, (metrics::HAIRLINE, tokens.hairline));
    let rates: Vec<&[Option<f64>]> = runs.iter().map(|run| run.rates.as_slice()).collect();
    let losses: Vec<&[Option<f64>]> = runs.iter().map(|run| run.losses.as_slice()).collect();
    // Each run's rates at their own height: peaks differ by factors of ten.
    for (slot, curve) in rates.iter().enumerate() {
        let most = curve.iter().flatten().copied().fold(0.0, f64::max);
        lines(painter, above, curve, (0.0, most), slot, tokens, |rate| rate);
    }
    let (low, high) = range(&losses);
    for (slot, curve) in losses.iter().enumerate() {
        lines(painter, below, curve, (low, high), slot, tokens, |loss| loss.max(f64::MIN_POSITIVE).ln());
    }
}

/// The heights of losses, as logarithms; what explodes leaves the picture.
fn range(curves: &[&[Option<f64>]]) -> (f64, f64) {
    let logs = || {
        curves
            .iter()
            .flat_map(|curve| curve.iter().flatten())
            .filter(|loss| **loss > 0.0)
            .map(|loss| loss.ln())
    };
    let first = curves.iter().filter_map(|curve| curve.first().copied().flatten()).fold(0.0, f64::max);
    let low = logs().fold(f64::INFINITY, f64::min);
    let high = logs().fold(f64::NEG_INFINITY, f64::max);
    (low, high.min(first.max(f64::MIN_POSITIVE).ln() + 1.0))
}

fn lines(
    painter: &Painter,
    rect: Rect,
    curve: &[Option<f64>],
    (low, high): (f64, f64),
    slot: usize,
    tokens: &Tokens,
    height: impl Fn(f64) -> f64,
) {
    let stroke = Stroke::new(metrics::CURVE * 0.75, tokens.run(slot));
    let last = curve.len().saturating_sub(1).max(1) as f32;
    let mut line: Vec<Pos2> = Vec::new();
    for (at, value) in curve.iter().enumerate() {
        match value.map(&height).filter(|height| height.is_finite()) {
            Some(height) => {
                let share = if high > low { (height - low) / (high - low) } else { 0.5 };
                let y = rect.bottom() - (share.clamp(0.0, 1.0) as f32) * rect.height();
                line.push(pos2(rect.left() + at as f32 / last * rect.width(), y));
            }
            None => {
                painter.add(Shape::line(std::mem::take(&mut line), stroke));
            }
        }
    }
    painter.add(Shape::line(line, stroke));
}
