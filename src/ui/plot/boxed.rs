//! Zooming into a box that is drawn with Shift held down.

use eframe::egui::{CursorIcon, Pos2, Rect, StrokeKind, Ui, pos2};

use crate::ui::layout::Pane;
use crate::ui::theme::{self, metrics};
use crate::ui::view::{View, Window};

use super::chart::Drawn;
use super::heights::Boxed;

/// Draws the box that is being dragged, and zooms into it when it is let go; whether there is one.
pub(super) fn drag(ui: &Ui, drawn: &Drawn, pane: Pane, view: &mut View, updates: u64) -> bool {
    let response = &drawn.response;
    let (shift, origin) = ui.input(|input| (input.modifiers.shift, input.pointer.press_origin()));
    if response.drag_started()
        && shift
        && let Some(from) = origin
    {
        view.boxed = Some(Boxed { pane, from });
    }
    let Some(Boxed { from, .. }) = view.boxed.filter(|boxed| boxed.pane == pane) else { return false };
    let pointer = ui.input(|input| input.pointer.latest_pos()).unwrap_or(from);
    let inside = |place: Pos2| {
        pos2(
            place.x.clamp(drawn.rect.left(), drawn.rect.right()),
            place.y.clamp(drawn.rect.top(), drawn.rect.bottom()),
        )
    };
    let area = Rect::from_two_pos(inside(from), inside(pointer));
    // A flat box is a stretch of updates, at all heights.
    let flat = area.height() < metrics::M;
    if response.drag_stopped() || !ui.input(|input| input.pointer.any_down()) {
        view.boxed = None;
        if area.width() >= metrics::M {
            let least = drawn.value(area.left_bottom());
            let most = drawn.value(area.right_top());
            view.window = Window::between(least.x, most.x, updates);
            view.heights.set(pane, (!flat).then_some((least.y, most.y)));
        }
        return true;
    }
    let shown = if flat { Rect::from_x_y_ranges(area.x_range(), drawn.rect.y_range()) } else { area };
    let tokens = theme::tokens(ui);
    let edge = (metrics::HAIRLINE, tokens.text);
    ui.painter().rect(shown, 0.0, tokens.text.gamma_multiply(0.08), edge, StrokeKind::Inside);
    ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    true
}
