//! Drawing the selected run's rate by hand.

use eframe::egui::{Color32, CursorIcon, Stroke, Ui};

use crate::schedule::Schedule;
use crate::ui::handles::{Fitness, fitted};
use crate::ui::studio::Studio;
use crate::ui::theme::metrics;

use super::Scale;
use super::chart::Drawn;
use super::overlay::position;

/// Takes down what the pointer draws; the schedule it comes to once the hand lets go.
pub(super) fn draw(ui: &Ui, drawn: &Drawn, studio: &mut Studio, color: Color32) -> Option<Schedule> {
    let response = &drawn.response;
    let scale = studio.view.rate_scale;
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let value = drawn.value(pointer);
        let last = studio.clock().updates.saturating_sub(1) as f64;
        let bottom = scale == Scale::Log && pointer.y >= drawn.rect.bottom();
        let rate = if bottom { 0.0 } else { scale.value(value.y).max(0.0) };
        studio.view.stroke.push((value.x.round().clamp(0.0, last), rate));
    }
    let line = studio.view.stroke.iter().map(|(update, rate)| {
        let floor = drawn.transform.bounds().min()[1];
        position(drawn, (*update, scale.height(*rate).unwrap_or(floor)))
    });
    let line: Vec<_> = line.collect();
    if line.len() > 1 {
        ui.painter().with_clip_rect(drawn.rect).line(line, Stroke::new(metrics::CURVE * 1.5, color));
    }
    if studio.view.stroke.is_empty() || !response.drag_stopped() {
        return None;
    }
    let stroke = Drawing::new(std::mem::take(&mut studio.view.stroke), scale);
    let id = studio.view.selected;
    fitted(
        |update| stroke.at(update, || studio.rate(id, update).unwrap_or(0.0)),
        studio.clock(),
        Fitness::DRAWN,
    )
}

/// What was drawn: where the pointer went back, the later line holds.
pub(super) struct Drawing {
    pub(super) points: Vec<(f64, f64)>,
    scale: Scale,
}

impl Drawing {
    pub(super) fn new(drawn: Vec<(f64, f64)>, scale: Scale) -> Self {
        let mut points: Vec<(f64, f64)> = Vec::new();
        let rightwards = drawn.last().map(|last| last.0) >= drawn.first().map(|first| first.0);
        for point in drawn {
            let passed =
                |other: &(f64, f64)| if rightwards { other.0 >= point.0 } else { other.0 <= point.0 };
            while points.last().is_some_and(passed) {
                points.pop();
            }
            points.push(point);
        }
        if !rightwards {
            points.reverse();
        }
        Self { points, scale }
    }

    /// The rate that was drawn at an update, or what was there where nobody drew.
    fn at(&self, update: u64, otherwise: impl Fn() -> f64) -> f64 {
        let x = update as f64;
        let after = self.points.partition_point(|(at, _)| *at < x);
        let right = self.points.get(after);
        let left = after.checked_sub(1).and_then(|before| self.points.get(before));
        match (left, right) {
            (_, Some((at, rate))) if *at == x => *rate,
            (Some((from, low)), Some((to, high))) => {
                let along = (x - from) / (to - from);
                // Straight on the screen.
                match self.scale.height(*low).zip(self.scale.height(*high)) {
                    Some((low, high)) => self.scale.value(low + along * (high - low)),
                    None => low + along * (high - low),
                }
            }
            _ => otherwise(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_holds_where_it_was_drawn_and_what_was_there_elsewhere() {
        let drawing = Drawing::new(vec![(10.0, 0.1), (20.0, 0.2), (30.0, 0.1)], Scale::Linear);
        assert_eq!(drawing.at(10, || 9.0), 0.1);
        assert!((drawing.at(15, || 9.0) - 0.15).abs() < 1e-12);
        assert_eq!((drawing.at(9, || 9.0), drawing.at(31, || 9.0)), (9.0, 9.0));
    }

    #[test]
    fn a_hand_that_goes_back_or_left_draws_one_curve() {
        let back = Drawing::new(vec![(10.0, 0.1), (30.0, 0.9), (20.0, 0.5), (40.0, 0.5)], Scale::Linear);
        assert_eq!(back.points, [(10.0, 0.1), (20.0, 0.5), (40.0, 0.5)]);
        let left = Drawing::new(vec![(40.0, 0.4), (10.0, 0.1)], Scale::Linear);
        assert_eq!(left.points, [(10.0, 0.1), (40.0, 0.4)]);
    }
}
