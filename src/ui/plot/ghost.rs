//! What a forecast says of the selected run: a line and a band under the losses.

use eframe::egui::{Color32, Mesh, Painter, Pos2, Shape};

use crate::forecast::Forecast;
use crate::train::ids::RunId;

use super::Scale;

/// The forecast losses of a run, while a law holds for it.
#[derive(Default)]
pub struct Ghost {
    pub of: Option<(RunId, Forecast)>,
}

/// A forecast in a plot: its line, and the two edges of its band, as x and height.
pub(super) struct Outline {
    pub(super) line: Vec<(f64, f64)>,
    low: Vec<(f64, f64)>,
    high: Vec<(f64, f64)>,
}

impl Outline {
    /// Where the axis has a place for it.
    /// `at` says where an update of the run stands.
    pub fn new(forecast: &Forecast, scale: Scale, at: impl Fn(f64) -> f64) -> Self {
        let mut drawn = Self { line: Vec::new(), low: Vec::new(), high: Vec::new() };
        let losses = forecast.losses.iter().zip(&forecast.bands);
        for (&updates, (&loss, &band)) in forecast.updates.iter().zip(losses) {
            // A loss after so many updates stands at the last of them, as validations do.
            let x = at(updates.saturating_sub(1) as f64);
            let height = |loss: f64| scale.height(loss);
            if let (Some(line), Some(high)) = (height(loss), height(loss + band)) {
                // On a log axis a band may reach below every height.
                let low = height(loss - band).unwrap_or(line);
                drawn.line.push((x, line));
                drawn.low.push((x, low));
                drawn.high.push((x, high));
            }
        }
        drawn
    }

    /// The heights that are to be in view.
    pub fn heights(&self) -> impl Iterator<Item = f64> {
        self.line.iter().map(|(_, height)| *height)
    }

    /// Fills the band.
    pub fn fill(&self, painter: &Painter, color: Color32, place: impl Fn((f64, f64)) -> Pos2) {
        let mut mesh = Mesh::default();
        for (low, high) in self.low.iter().zip(&self.high) {
            let at = mesh.vertices.len() as u32;
            mesh.colored_vertex(place(*low), color);
            mesh.colored_vertex(place(*high), color);
            if at > 0 {
                mesh.add_triangle(at - 2, at - 1, at);
                mesh.add_triangle(at - 1, at, at + 1);
            }
        }
        painter.add(Shape::mesh(mesh));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_that_reaches_below_nothing_ends_at_its_line_on_a_log_axis() {
        let forecast = Forecast { updates: vec![10, 20], losses: vec![0.2, 0.1], bands: vec![0.05, 0.3] };
        let drawn = Outline::new(&forecast, Scale::Log, |update| update);
        assert_eq!(drawn.line[0].0, 9.0);
        assert!(drawn.low[0].1 < drawn.line[0].1 && drawn.high[0].1 > drawn.line[0].1);
        assert_eq!(drawn.low[1], drawn.line[1]);
        assert_eq!(drawn.heights().count(), 2);
    }
}
