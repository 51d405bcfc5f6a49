//! The handles of the selected run, as widgets on its rate curve.

use eframe::egui::{
    Color32, CursorIcon, EventFilter, Id, Key, LayerId, Order, Pos2, Rect, Response, Sense, Shape, Stroke,
    StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::schedule::{Clock, Schedule};
use crate::ui::format;
use crate::ui::handles::{Handle, HandleId, drag, handles, remove_point};
use crate::ui::theme::{self, metrics};
use crate::ui::view::{Drag, View};

use super::Scale;
use super::chart::Drawn;
use super::overlay::position;

/// A key moves a rate by this factor.
pub(super) const KEY_FACTOR: f64 = 1.05;
/// A key moves a position by this share of the run.
pub(super) const KEY_SHARE: f64 = 0.005;

/// Shows the handles; the edited schedule when one was moved. Also whether the pointer is busy with one.
pub fn show(
    ui: &mut Ui,
    drawn: &Drawn,
    schedule: &Schedule,
    clock: Clock,
    view: &mut View,
    color: Color32,
) -> (Option<Schedule>, bool) {
    let mut edited = None;
    let mut busy = false;
    let mut label: Option<(Pos2, Handle)> = None;
    let mut hint = None;
    for handle in handles(schedule, clock) {
        let Some(place) = place(drawn, &handle, view.rate_scale) else { continue };
        let id = Id::unique(("schedule handle", view.selected, handle.id));
        let area = Rect::from_center_size(place, Vec2::splat(2.0 * metrics::HANDLE_GRAB));
        let response = ui.interact(area, id, Sense::click_and_drag());
        let name = format!("{} handle", handle.name);
        response.widget_info(|| WidgetInfo {
            current_text_value: Some(handle.value.clone()),
            ..WidgetInfo::slider(true, handle.rate, &name)
        });
        let hot = response.hovered() || response.dragged() || response.has_focus();
        if let Some(next) = moved(ui, drawn, &response, &handle, schedule, clock, view) {
            edited = Some(next);
        }
        let deleted = response.has_focus() && ui.input(|input| input.key_pressed(Key::Delete));
        if (response.secondary_clicked() || deleted)
            && let HandleId::Point(index) = handle.id
        {
            edited = remove_point(schedule, index).or(edited);
        }
        busy |= response.hovered() || response.dragged();
        if hot {
            ui.ctx().set_cursor_icon(match (handle.moves_update, handle.moves_rate) {
                (true, true) => CursorIcon::Move,
                (true, false) => CursorIcon::ResizeHorizontal,
                _ => CursorIcon::ResizeVertical,
            });
            let active = view.drag.is_none_or(|drag| drag.id == handle.id);
            if active {
                label = Some((place, handle.clone()));
            }
        }
        if hint.is_none() && handle.moves_rate {
            hint = Some(place);
        }
        view.hint &= !response.dragged();
        let grown = ui.ctx().animate_bool_responsive(id, hot);
        grip(ui, place, &handle, grown, color);
    }
    if view.drag.is_some() && ui.input(|input| input.pointer.any_released() || !input.pointer.any_down()) {
        view.drag = None;
    }
    match (label, hint) {
        (Some((place, handle)), _) => say(ui, drawn, place, &handle),
        (None, Some(place)) if view.hint => ask_to_be_dragged(ui, drawn, place, color),
        _ => {}
    }
    (edited, busy)
}

/// Where a handle is drawn: one without a height sits at the bottom edge.
fn place(drawn: &Drawn, handle: &Handle, scale: Scale) -> Option<Pos2> {
    let bounds = drawn.transform.bounds();
    let height = scale.height(handle.rate).unwrap_or(bounds.min()[1]);
    let place = position(drawn, (handle.update, height));
    let visible = drawn.rect.x_range().expand(1.0).contains(place.x);
    let inside = drawn.rect.shrink(metrics::HANDLE);
    visible.then(|| pos2(place.x, place.y.clamp(inside.top(), inside.bottom())))
}

fn moved(
    ui: &Ui,
    drawn: &Drawn,
    response: &Response,
    handle: &Handle,
    schedule: &Schedule,
    clock: Clock,
    view: &mut View,
) -> Option<Schedule> {
    if response.drag_started() {
        let bounds = drawn.transform.bounds();
        view.drag = Some(Drag {
            id: handle.id,
            update: handle.update,
            rate: handle.rate,
            axis: (bounds.min()[1], bounds.max()[1]),
        });
    }
    if response.dragged() {
        let start = view.drag.filter(|drag| drag.id == handle.id)?;
        let travelled = response.total_drag_delta()?;
        let height = view.rate_scale.height(start.rate).unwrap_or(start.axis.0);
        let origin = position(drawn, (start.update, height));
        let target = origin + travelled;
        let value = drawn.value(target);
        let update =
            if travelled.x.abs() < metrics::HANDLE_DEAD_ZONE { start.update } else { value.x.round() };
        let rate = if travelled.y.abs() < metrics::HANDLE_DEAD_ZONE {
            start.rate
        } else if view.rate_scale == Scale::Log && target.y >= drawn.rect.bottom() {
            0.0
        } else {
            format::round_to(view.rate_scale.value(value.y), 3).max(0.0)
        };
        return Some(drag(schedule, clock, handle.id, update, rate));
    }
    if response.has_focus() {
        return nudged(ui, response, handle, schedule, clock);
    }
    None
}

/// The arrow keys move a handle that has the focus.
fn nudged(
    ui: &Ui,
    response: &Response,
    handle: &Handle,
    schedule: &Schedule,
    clock: Clock,
) -> Option<Schedule> {
    ui.memory_mut(|memory| {
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        memory.set_focus_lock_filter(response.id, filter);
    });
    let pressed = |key| ui.input(|input| input.num_presses(key)) as f64;
    let up = pressed(Key::ArrowUp) - pressed(Key::ArrowDown);
    let right = pressed(Key::ArrowRight) - pressed(Key::ArrowLeft);
    if up == 0.0 && right == 0.0 {
        return None;
    }
    let step = (clock.updates as f64 * KEY_SHARE).ceil().max(1.0);
    let update = if handle.moves_update { handle.update + right * step } else { handle.update };
    let rate = if handle.moves_rate { handle.rate * KEY_FACTOR.powf(up) } else { handle.rate };
    Some(drag(schedule, clock, handle.id, update, format::round_to(rate, 4)))
}

/// Until somebody has dragged one, a handle says what it is there for.
fn ask_to_be_dragged(ui: &Ui, drawn: &Drawn, place: Pos2, color: Color32) {
    let tokens = theme::tokens(ui);
    let text = ui.painter().layout_no_wrap("drag me".to_owned(), theme::medium(), theme::legible_on(color));
    let size = text.size() + 2.0 * vec2(metrics::S, metrics::XS / 2.0);
    // Below the handle where there is room: its curve goes on to the right.
    let below = place.y + metrics::L + size.y <= drawn.rect.bottom();
    let y = if below { place.y + metrics::M } else { place.y - metrics::M - size.y };
    let x =
        (place.x - metrics::S).clamp(drawn.rect.left(), (drawn.rect.right() - size.x).max(drawn.rect.left()));
    let rect = Rect::from_min_size(pos2(x, y), size);
    let painter = ui.painter();
    painter.circle_stroke(place, metrics::HANDLE_GRAB, Stroke::new(metrics::HAIRLINE, tokens.ahead(color)));
    painter.rect_filled(rect, metrics::RADIUS_LARGE, color);
    painter.galley(rect.min + vec2(metrics::S, metrics::XS / 2.0), text, tokens.text);
}

/// A ring that fills and grows under the pointer.
fn grip(ui: &Ui, place: Pos2, handle: &Handle, grown: f32, color: Color32) {
    let tokens = theme::tokens(ui);
    let radius = metrics::HANDLE + (metrics::HANDLE_HOT - metrics::HANDLE) * grown;
    let fill = if grown > 0.5 { color } else { tokens.ground };
    let stroke = Stroke::new(metrics::CURVE, color);
    let painter = ui.painter();
    match (handle.moves_update, handle.moves_rate) {
        (true, true) => {
            painter.circle(place, radius, fill, stroke);
        }
        (sideways, _) => {
            // A diamond: it moves along one axis only, the longer one.
            let (wide, high) = if sideways { (1.25, 1.0) } else { (1.0, 1.25) };
            let corner = |x: f32, y: f32| place + radius * vec2(x * wide, y * high);
            let points = vec![corner(0.0, -1.0), corner(1.0, 0.0), corner(0.0, 1.0), corner(-1.0, 0.0)];
            painter.add(Shape::convex_polygon(points, fill, stroke));
        }
    }
}

/// What a handle sets, beside it.
fn say(ui: &Ui, drawn: &Drawn, place: Pos2, handle: &Handle) {
    let tokens = theme::tokens(ui);
    let name = ui.painter().layout_no_wrap(handle.name.clone(), theme::small(), tokens.muted);
    let value = ui.painter().layout_no_wrap(handle.value.clone(), theme::number(), tokens.text);
    let size = vec2(name.size().x.max(value.size().x), name.size().y + value.size().y);
    let room = size + 2.0 * vec2(metrics::S, metrics::XS);
    let right = place.x + metrics::M + room.x <= drawn.rect.right();
    let x = if right { place.x + metrics::M } else { place.x - metrics::M - room.x };
    let y = (place.y - room.y - metrics::XS)
        .clamp(drawn.rect.top(), (drawn.rect.bottom() - room.y).max(drawn.rect.top()));
    let rect = Rect::from_min_size(pos2(x, y), room);
    let painter = ui.ctx().layer_painter(LayerId::new(Order::Tooltip, Id::unique("handle label")));
    let outline = Stroke::new(metrics::HAIRLINE, tokens.outline);
    painter.rect(rect, metrics::RADIUS, tokens.raised, outline, StrokeKind::Inside);
    let text = rect.min + vec2(metrics::S, metrics::XS);
    let below = text + vec2(0.0, name.size().y);
    painter.galley(text, name, tokens.muted);
    painter.galley(below, value, tokens.text);
}
