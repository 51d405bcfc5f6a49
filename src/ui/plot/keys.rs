//! What the keyboard does in a plot that has the focus: read values, pan, zoom.

use eframe::egui::{Event, EventFilter, Key, Modifiers, StrokeKind, Ui};

use crate::ui::layout::Pane;
use crate::ui::theme::{self, metrics};
use crate::ui::view::{View, Window};

use super::chart::Drawn;

/// Steps that an arrow makes with Shift.
pub(super) const LARGE: f64 = 10.0;
/// By how much a key zooms.
const ZOOM: f64 = 1.25;
/// The share of the window that a page is.
const PAGE: f64 = 0.8;

/// Moves the cursor and the window as the keys say; shows that the plot has the focus. Up and down leave it, but where
/// they bend a curve.
pub(super) fn keys(ui: &Ui, drawn: &Drawn, pane: Pane, view: &mut View, run: (u64, u64), bends: bool) {
    let response = &drawn.response;
    let moves = |event: &Event| matches!(event, Event::PointerMoved(_));
    if ui.input(|input| input.events.iter().any(moves)) {
        // Whoever moves the pointer reads with it.
        view.keyed = None;
    }
    if !response.has_focus() {
        return;
    }
    view.plot_has_focus = true;
    let edge = (metrics::HAIRLINE, theme::tokens(ui).text);
    ui.painter().rect_stroke(drawn.rect, metrics::RADIUS, edge, StrokeKind::Inside);
    ui.memory_mut(|memory| {
        let filter = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: bends,
            escape: true,
            ..EventFilter::default()
        };
        memory.set_focus_lock_filter(response.id, filter);
    });
    let (playhead, updates) = run;
    let (from, to) = view.window.bounds(playhead, updates);
    let start = view.keyed.or(view.cursor).unwrap_or(playhead.saturating_sub(1) as f64).clamp(from, to);
    let step = |at: f64, points: f64| {
        // A point of the screen, or an update where that is more.
        let aimed = drawn.along.update(drawn.along.at(at) + points * drawn.per_point());
        (if points > 0.0 { aimed.max(at + points) } else { aimed.min(at + points) }).round()
    };
    let pressed = |modifiers, key| ui.input_mut(|input| input.count_and_consume_key(modifiers, key)) as f64;
    let arrows = |modifiers| pressed(modifiers, Key::ArrowRight) - pressed(modifiers, Key::ArrowLeft);
    let moves = LARGE * arrows(Modifiers::SHIFT) + arrows(Modifiers::NONE);
    let mut cursor = if moves == 0.0 { None } else { Some(step(start, moves)) };
    if pressed(Modifiers::NONE, Key::Home) > 0.0 {
        cursor = Some(from.ceil());
    }
    if pressed(Modifiers::NONE, Key::End) > 0.0 {
        cursor = Some(to.floor());
    }
    let pages = pressed(Modifiers::NONE, Key::PageDown) - pressed(Modifiers::NONE, Key::PageUp);
    let nearer = pressed(Modifiers::NONE, Key::Plus) + pressed(Modifiers::NONE, Key::Equals);
    let zooms = nearer - pressed(Modifiers::NONE, Key::Minus);
    if pages != 0.0 || zooms != 0.0 {
        let page = pages * PAGE * drawn.transform.bounds().width();
        view.window = drawn.along.moved(view.window, run, page, ZOOM.powf(zooms), start);
    }
    if let Some(cursor) = cursor {
        let cursor = cursor.clamp(0.0, updates.saturating_sub(1) as f64);
        view.keyed = Some(cursor);
        let beyond = drawn.along.at(cursor) - drawn.along.at(cursor.clamp(from, to));
        if beyond != 0.0 {
            view.window = drawn.along.moved(view.window, run, beyond, 1.0, from);
        }
    }
    if pressed(Modifiers::NONE, Key::Escape) > 0.0 {
        if view.window == Window::Whole && view.heights.of(pane).is_none() {
            view.keyed = None;
            response.surrender_focus();
        } else {
            view.fit();
        }
    }
    if moves != 0.0 || pages != 0.0 || zooms != 0.0 {
        ui.ctx().request_repaint();
    }
}
