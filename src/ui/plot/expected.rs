//! The curve that a student expects: drawn over the middle plot before training, and left beside what comes.

use eframe::egui::{Align2, CursorIcon, Key, Modifiers, Stroke, Ui};

use crate::lesson::{Draw, Drawable, Miss};
use crate::telemetry::Column;
use crate::train::ids::RunId;
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::frame::LaneFrame;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::view::Window;

use super::Scale;
use super::band::Band;
use super::chart::{Drawn, note};
use super::keys::LARGE;
use super::overlay::position;
use super::pencil::Drawing;

/// Points that a drawn curve keeps.
const KEPT: usize = 100;
/// Steps of a key from the lowest to the highest height.
const STEPS: f64 = 50.0;
/// Digits of a drawn value, and of the share of the run it stands at.
const DIGITS: usize = 4;

/// What a lesson asks to be drawn, and what was.
#[derive(Debug, Default)]
pub struct Expected {
    /// The name of the lesson's experiment: another one that is opened in its place waits for nothing.
    experiment: String,
    pub asked: Option<Draw>,
    /// Whether the prediction is still to be made; until then the pointer draws what is asked.
    pub is_open: bool,
    /// Whether the plot is still to be turned to what was asked.
    pub is_new: bool,
    /// Shares of the run and values, from left to right.
    pub points: Vec<(f64, f64)>,
    /// What the hand has drawn so far, in updates and values.
    stroke: Vec<(f64, f64)>,
    /// How far the curve was off when the whole run was last in view.
    pub miss: Option<Miss>,
}

impl Expected {
    /// What a lesson asks for, with what was drawn before; `is_open` while the prediction is to be made.
    pub fn new(experiment: &str, asked: Option<Draw>, is_open: bool, points: Vec<(f64, f64)>) -> Self {
        Self { experiment: experiment.to_owned(), asked, is_open, is_new: true, points, ..Self::default() }
    }

    /// What is asked of the runs there are, where the middle plot shows it.
    fn here(studio: &Studio, quantity: Column) -> Option<(&Self, &Draw, Row)> {
        let expected = studio.panels.peek::<Self>()?;
        let asked = expected.asked.as_ref().filter(|asked| asked.of.column() == quantity)?;
        let (row, _) = studio.document.runs().find(|(_, run)| run.name == asked.run)?;
        Some((expected, asked, row))
    }

    /// The curve in updates.
    fn curve(&self, updates: u64) -> Vec<(f64, f64)> {
        self.points.iter().map(|(share, value)| (share * updates as f64, *value)).collect()
    }

    /// Moves the curve up at a share of the run by so much of the height, between the lowest and the highest. One that is
    /// yet to be drawn begins level, half way up.
    fn bend(&mut self, share: f64, by: f64, (low, high): (f64, f64), scale: Scale) {
        if self.points.len() < 2 {
            let middle = scale.value(f64::midpoint(low, high));
            self.points = vec![(0.0, middle), (1.0, middle)];
        }
        // As it is kept: a point there already gives way.
        let share = format::round_to(share.clamp(0.0, 1.0), DIGITS);
        let after = self.points.partition_point(|point| point.0 < share).clamp(1, self.points.len() - 1);
        let (left, right) = (self.points[after - 1], self.points[after]);
        // Two points may stand at one share.
        let along = ((share - left.0) / (right.0 - left.0).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let [from, to] = [left, right].map(|point| scale.height(point.1).unwrap_or(low));
        let height = (from + along * (to - from) + by).min(high).max(low);
        self.points = merged(&self.points, vec![(share, scale.value(height))]);
    }

    /// Looks again at how far the curve is off, while the whole run is in view.
    pub fn compare(studio: &mut Studio) {
        if studio.view.window != Window::Whole {
            return;
        }
        let Some((expected, asked, row)) = Self::here(studio, studio.view.quantity) else { return };
        let measured = measured_points(studio, row.id, asked.of);
        let miss = Miss::of(&expected.curve(studio.clock().updates), &measured);
        studio.panels.of::<Self>().miss = miss;
    }
}

/// Whether a lesson waits for a prediction before anything trains.
pub(super) fn is_awaited(studio: &Studio) -> bool {
    let name = &studio.document.experiment().name;
    studio.panels.peek::<Expected>().is_some_and(|it| it.is_open && it.experiment == *name)
}

/// Whether the pointer draws in the middle plot.
pub(super) fn is_drawing(studio: &Studio) -> bool {
    Expected::here(studio, studio.view.quantity).is_some_and(|(expected, ..)| expected.is_open)
}

/// The heights that are to be in view, while the curve is drawn and afterwards.
pub(super) fn heights(studio: &Studio, scale: Scale) -> Vec<f64> {
    let Some((expected, asked, _)) = Expected::here(studio, studio.view.quantity) else { return Vec::new() };
    let values: Vec<f64> = if expected.is_open {
        vec![asked.from, asked.to]
    } else {
        let updates = studio.clock().updates;
        let (from, to) = studio.view.window.bounds(studio.frame.status.update, updates);
        let in_view = |(at, _): &(f64, f64)| (from..=to).contains(at);
        expected.curve(updates).into_iter().filter(in_view).map(|(_, value)| value).collect()
    };
    values.into_iter().filter_map(|value| scale.height(value)).collect()
}

/// What was measured of a run in view: updates and the mean over its replicas.
fn measured_points(studio: &Studio, run: RunId, of: Drawable) -> Vec<(f64, f64)> {
    let replicas: Vec<&LaneFrame> = studio.frame.replicas(run).collect();
    let band = Band::of(&replicas, |curves| match of {
        Drawable::ValLoss => &curves.validation,
        _ if curves.smooth.is_empty() => &curves.raw,
        _ => &curves.smooth,
    });
    band.means().collect()
}

/// The curve in updates, and the run it is of.
pub(super) fn curve(studio: &Studio) -> Option<(Vec<(f64, f64)>, RunId)> {
    let (expected, _, row) = Expected::here(studio, studio.view.quantity)?;
    (expected.points.len() > 1).then(|| (expected.curve(studio.clock().updates), row.id))
}

/// Takes down what the pointer draws.
pub(super) fn draw(ui: &Ui, drawn: &Drawn, studio: &mut Studio, scale: Scale) {
    let Some((_, asked, _)) = Expected::here(studio, studio.view.quantity) else { return };
    let has_focus = drawn.response.has_focus();
    let text = if has_focus {
        "Left and right go along the curve, up and down bend it".to_owned()
    } else {
        format!("Draw the {} that you expect of “{}”", asked.of.words(), asked.run)
    };
    note(ui, drawn.rect, Align2::CENTER_BOTTOM, &text, theme::small());
    let (least, most) = (asked.from, asked.to);
    let updates = studio.clock().updates.max(1) as f64;
    let cursor = studio.view.keyed.or(studio.view.cursor).unwrap_or(0.0);
    let expected = studio.panels.of::<Expected>();
    let response = &drawn.response;
    if has_focus && let Some(high) = scale.height(most) {
        let low = scale.height(least).unwrap_or(drawn.transform.bounds().min()[1]);
        let pressed = |with, key| ui.input_mut(|input| input.count_and_consume_key(with, key)) as f64;
        let up = |with| pressed(with, Key::ArrowUp) - pressed(with, Key::ArrowDown);
        let steps = LARGE * up(Modifiers::SHIFT) + up(Modifiers::NONE);
        if steps != 0.0 {
            // The last update is the end of the curve.
            let share = if cursor + 1.0 >= updates { 1.0 } else { cursor / updates };
            expected.bend(share, steps * (high - low) / STEPS, (low, high), scale);
            studio.view.keyed = Some(cursor);
            ui.ctx().request_repaint();
            return;
        }
    }
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        // It begins where the hand came down, not where it was known to draw.
        let origin = ui.input(|input| input.pointer.press_origin()).filter(|_| expected.stroke.is_empty());
        for place in origin.into_iter().chain([pointer]) {
            let point = drawn.value(place);
            let value = scale.value(point.y).clamp(least, most);
            expected.stroke.push((point.x.clamp(0.0, updates), value));
        }
    }
    let place = |(at, value): &(f64, f64)| Some(position(drawn, (*at, scale.height(*value)?)));
    let line: Vec<_> = expected.stroke.iter().filter_map(place).collect();
    if line.len() > 1 {
        let stroke = Stroke::new(metrics::CURVE * 1.5, theme::tokens(ui).text);
        ui.painter().with_clip_rect(drawn.rect).line(line, stroke);
    }
    if response.drag_stopped() && expected.stroke.len() > 1 {
        let stroke = Drawing::new(std::mem::take(&mut expected.stroke), scale);
        let shares = stroke.points.iter().map(|(at, value)| (at / updates, *value)).collect();
        expected.points = merged(&expected.points, shares);
    }
}

/// A curve with a part of it drawn anew, in few points.
fn merged(before: &[(f64, f64)], part: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (part.first().copied(), part.last().copied()) else {
        return before.to_vec();
    };
    let left = before.iter().copied().filter(|point| point.0 < first.0);
    let right = before.iter().copied().filter(|point| point.0 > last.0);
    let all: Vec<(f64, f64)> = left.chain(part).chain(right).collect();
    let every = all.len().div_ceil(KEPT).max(1);
    let end = all.len() - 1;
    let kept = all.into_iter().enumerate().filter(|(at, _)| at % every == 0 || *at == end);
    kept.map(|(_, (share, value))| (format::round_to(share, DIGITS), format::round_to(value, DIGITS)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_bend_a_curve_where_the_cursor_is() {
        let mut expected = Expected::default();
        expected.bend(0.5, 0.2, (0.0, 1.0), Scale::Linear);
        assert_eq!(expected.points, [(0.0, 0.5), (0.5, 0.7), (1.0, 0.5)]);
        expected.bend(0.25, -0.1, (0.0, 1.0), Scale::Linear);
        assert_eq!(expected.points, [(0.0, 0.5), (0.25, 0.5), (0.5, 0.7), (1.0, 0.5)]);
        expected.bend(0.500_01, 5.0, (0.0, 1.0), Scale::Linear);
        assert_eq!(expected.points[2], (0.5, 1.0), "the same point, and no higher than it may be");
        expected.bend(1.5, 0.1, (0.0, 1.0), Scale::Linear);
        assert_eq!(expected.points[3], (1.0, 0.6));
        let twice = vec![(0.2, 0.1), (0.2, 0.3), (0.9, 0.3)];
        let mut expected = Expected { points: twice, ..Expected::default() };
        expected.bend(0.2, 0.1, (0.0, 1.0), Scale::Linear);
        assert_eq!(expected.points, [(0.2, 0.2), (0.9, 0.3)], "two points at one place become one");
        let mut log = Expected::default();
        log.bend(0.0, 1.0, (-2.0, 0.0), Scale::Log);
        assert_eq!(log.points, [(0.0, 1.0), (1.0, 0.1)]);
        log.points[1].1 = 0.0;
        log.bend(1.0, 1.0, (-2.0, 0.0), Scale::Log);
        assert_eq!(log.points, [(0.0, 1.0), (1.0, 0.1)], "from the bottom, where zero is drawn");
    }

    #[test]
    fn a_part_that_is_drawn_again_replaces_what_was_there() {
        let before = [(0.0, 1.0), (0.3, 0.8), (0.6, 0.5), (0.9, 0.2)];
        let after = merged(&before, vec![(0.25, 0.7), (0.65, 0.1)]);
        assert_eq!(after, [(0.0, 1.0), (0.25, 0.7), (0.65, 0.1), (0.9, 0.2)]);
        assert_eq!(merged(&before, Vec::new()), before);
        let long = merged(&[], (0..1000).map(|at| (f64::from(at) / 1000.0, 1.0)).collect());
        assert!(long.len() <= KEPT + 1 && long.last() == Some(&(0.999, 1.0)), "{}", long.len());
    }
}
