//! What the pointer does in every plot: pan, zoom, and zoom into a box.

use eframe::egui::{CursorIcon, Ui};

use crate::ui::layout::Pane;
use crate::ui::view::View;

use super::boxed;
use super::chart::Drawn;

/// Panning, zooming and the shared cursor.
pub fn navigate(ui: &Ui, drawn: &Drawn, pane: Pane, view: &mut View, playhead: u64, updates: u64) {
    let Drawn { response, rect, along, .. } = drawn;
    if boxed::drag(ui, drawn, pane, view, updates) {
        return;
    }
    let (from, _) = view.window.bounds(playhead, updates);
    if response.dragged() {
        if let Some((low, high)) = view.heights.of(pane) {
            let up = f64::from(response.drag_delta().y) * (high - low) / f64::from(rect.height().max(1.0));
            view.heights.set(pane, Some((low + up, high + up)));
        }
        let shift = -f64::from(response.drag_delta().x) * drawn.per_point();
        if shift != 0.0 {
            view.window = along.moved(view.window, (playhead, updates), shift, 1.0, from);
        }
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    }
    let Some(pointer) = ui.input(|input| input.pointer.hover_pos()).filter(|at| rect.contains(*at)) else {
        return;
    };
    if !response.contains_pointer() {
        return;
    }
    let at = drawn.value(pointer).x;
    let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta, input.zoom_delta()));
    let zoom = f64::from(pinch) * (f64::from(scroll.y) * 0.004).exp();
    if zoom != 1.0 || scroll.x != 0.0 {
        let shift = -f64::from(scroll.x) * drawn.per_point();
        view.window = along.moved(view.window, (playhead, updates), shift, zoom, at);
    }
}
