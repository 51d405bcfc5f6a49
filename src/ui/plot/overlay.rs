//! What is drawn over the curves: the playhead, the cursor, and what happened.

use eframe::egui::{Color32, Id, Pos2, Rect, Sense, Shape, Stroke, Ui, pos2, vec2};

use crate::telemetry::{Event, EventKind};
use crate::train::ids::LaneId;
use crate::ui::format;
use crate::ui::frame::Frame;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::view::View;

use super::chart::Drawn;

/// The colour of an event.
pub fn color(kind: EventKind, tokens: &Tokens) -> Color32 {
    match kind {
        EventKind::Diverged | EventKind::Failed => tokens.danger,
        EventKind::RateChange | EventKind::Finding | EventKind::RollBack | EventKind::LossScale => {
            tokens.warning
        }
        EventKind::Edit | EventKind::Restart | EventKind::Resume | EventKind::Fork | EventKind::Stopped => {
            tokens.muted
        }
    }
}

/// Whether an event is worth a line through the plots: forks and loss scales show in curves of their own.
fn is_marked(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Fork | EventKind::LossScale)
}

/// An event in words, with where it happened.
pub fn words(event: &Event, lane: Option<LaneId>, name_of: impl Fn(LaneId) -> Option<String>) -> String {
    let place = format!("Update {}", format::count(event.update));
    match lane.and_then(name_of) {
        Some(name) => format!("{place} · {name}\n{}", event.message),
        None => format!("{place}\n{}", event.message),
    }
}

/// The playhead, the cursor and the events in one plot.
pub fn lines(ui: &Ui, drawn: &Drawn, frame: &Frame, view: &View, cursor_is_here: bool) {
    let tokens = theme::tokens(ui);
    let painter = ui.painter().with_clip_rect(drawn.rect);
    let x = |update: f64| painter.round_to_pixel_center(drawn.x(update));
    let mut last = f32::NEG_INFINITY;
    for (lane, event) in &frame.events {
        if !is_marked(event.kind) || lane.is_some_and(|lane| view.hidden.contains(&lane.run)) {
            continue;
        }
        let at = x(event.update as f64);
        if at - last < 2.0 || !drawn.rect.x_range().contains(at) {
            continue;
        }
        last = at;
        let stroke = Stroke::new(metrics::HAIRLINE, color(event.kind, tokens).gamma_multiply(0.6));
        let ends = [pos2(at, drawn.rect.top()), pos2(at, drawn.rect.bottom())];
        painter.extend(Shape::dotted_line(&ends, stroke.color, metrics::XS, metrics::HAIRLINE * 0.6));
    }
    let status = &frame.status;
    if status.update > 0 && status.update < status.updates {
        painter.vline(
            x(status.update as f64),
            drawn.rect.y_range(),
            (metrics::HAIRLINE, tokens.muted.gamma_multiply(0.7)),
        );
    }
    if let Some(mark) = view.mark {
        let at = x(mark.round());
        let ends = [pos2(at, drawn.rect.top()), pos2(at, drawn.rect.bottom())];
        let stroke = Stroke::new(metrics::HAIRLINE, tokens.text.gamma_multiply(0.8));
        painter.extend(Shape::dashed_line(&ends, stroke, metrics::DASH, metrics::DASH_GAP));
    }
    if let Some(cursor) = view.cursor {
        let strength = if cursor_is_here { 0.9 } else { 0.55 };
        let stroke = Stroke::new(metrics::HAIRLINE, tokens.text.gamma_multiply(strength));
        painter.vline(x(cursor.round()), drawn.rect.y_range(), stroke);
    }
}

/// Small marks along the top of a plot that explain an event on hover.
pub fn event_marks(
    ui: &mut Ui,
    drawn: &Drawn,
    frame: &Frame,
    view: &View,
    name_of: &dyn Fn(LaneId) -> Option<String>,
) {
    let tokens = theme::tokens(ui);
    let mut last = f32::NEG_INFINITY;
    for (index, (lane, event)) in frame.events.iter().enumerate() {
        if !is_marked(event.kind) || lane.is_some_and(|lane| view.hidden.contains(&lane.run)) {
            continue;
        }
        let at = drawn.x(event.update as f64);
        if at - last < metrics::XS || !drawn.rect.x_range().contains(at) {
            continue;
        }
        last = at;
        let top = pos2(at, drawn.rect.top());
        let fill = color(event.kind, tokens);
        ui.painter().add(Shape::convex_polygon(
            vec![
                top - vec2(metrics::XS, 0.0),
                top + vec2(metrics::XS, 0.0),
                top + vec2(0.0, 1.5 * metrics::XS),
            ],
            fill,
            Stroke::NONE,
        ));
        let area = Rect::from_center_size(top + vec2(0.0, metrics::XS), vec2(metrics::M, metrics::M));
        let id = Id::unique(("event mark", index));
        ui.interact(area, id, Sense::hover()).on_hover_text(words(event, *lane, name_of));
    }
}

/// A dot where a curve meets the cursor.
pub fn dot(ui: &Ui, drawn: &Drawn, at: (f64, f64), color: Color32) {
    let tokens = theme::tokens(ui);
    let place = position(drawn, at);
    if drawn.rect.contains(place) {
        ui.painter().circle(place, metrics::MARKER, color, Stroke::new(metrics::HAIRLINE, tokens.ground));
    }
}

/// A ring where a fork parts from its origin.
pub fn branch(ui: &Ui, drawn: &Drawn, at: (f64, f64), color: Color32) {
    let place = position(drawn, at);
    if drawn.rect.contains(place) {
        let stroke = Stroke::new(metrics::CURVE, color);
        ui.painter().circle(place, metrics::MARKER, theme::tokens(ui).ground, stroke);
    }
}

/// A small triangle at the top edge: here a value has left the plot, or is no number.
pub fn lost(ui: &Ui, drawn: &Drawn, update: f64, color: Color32) {
    let x = drawn.x(update);
    if drawn.rect.x_range().contains(x) {
        let top = pos2(x, drawn.rect.top() + 1.0);
        let points = vec![
            top,
            top + vec2(metrics::XS, 1.5 * metrics::XS),
            top + vec2(-metrics::XS, 1.5 * metrics::XS),
        ];
        ui.painter().add(Shape::convex_polygon(points, color, Stroke::NONE));
    }
}

/// Where a point of the plot is on the screen.
pub fn position(drawn: &Drawn, (update, height): (f64, f64)) -> Pos2 {
    pos2(drawn.x(update), drawn.transform.position_from_point_y(height))
}
