//! A schedule as a small picture.

use eframe::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, pos2};

use crate::schedule::Curve;
use crate::ui::theme::metrics;

/// A curve's values at points of a rectangle, on a linear scale from zero.
pub fn curve_points(curve: &Curve, updates: u64, rect: Rect) -> Vec<Pos2> {
    let columns = rect.width().max(2.0) as u64;
    let peak = curve.range().1;
    (0..=columns)
        .map(|column| {
            let share = column as f32 / columns as f32;
            let update = (column * updates.saturating_sub(1)) / columns;
            let height = if peak > 0.0 { (curve.at(update) / peak) as f32 } else { 0.0 };
            pos2(rect.left() + share * rect.width(), rect.bottom() - height * rect.height())
        })
        .collect()
}

/// A schedule's picture: what is done solid, what is ahead dimmed.
pub struct Sparkline<'a> {
    pub curve: &'a Curve,
    pub updates: u64,
    /// The share of the run that is done.
    pub done: f32,
    pub color: Color32,
    pub ahead: Color32,
}

impl Sparkline<'_> {
    pub fn paint(&self, painter: &Painter, rect: Rect) {
        let points = curve_points(self.curve, self.updates, rect);
        let split = ((points.len() as f32 * self.done) as usize).min(points.len());
        let width = metrics::CURVE * 0.75;
        if let Some(ahead) = points.get(split.saturating_sub(1)..)
            && ahead.len() > 1
        {
            painter.add(Shape::line(ahead.to_vec(), Stroke::new(width, self.ahead)));
        }
        if let Some(done) = points.get(..split)
            && done.len() > 1
        {
            painter.add(Shape::line(done.to_vec(), Stroke::new(width, self.color)));
        }
    }
}
