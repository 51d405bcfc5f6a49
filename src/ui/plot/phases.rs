//! The phases of the data under the plots, and their borders to drag.

use eframe::egui::{
    Align2, Color32, CursorIcon, EventFilter, Id, Key, Rect, Response, Sense, Ui, WidgetInfo, pos2, vec2,
};

use crate::experiment::phase::begins;
use crate::schedule::Clock;
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

use super::chart::Drawn;
use super::grips::KEY_SHARE;
use super::overlay;

/// Where each phase lies in a plot, with its name; empty where the data have none.
fn areas(drawn: &Drawn, studio: &Studio) -> Vec<(std::sync::Arc<str>, Rect)> {
    let phases = &studio.document.experiment().data.phases;
    let clock = studio.clock();
    let from = begins(phases, clock);
    let ends = from.iter().skip(1).copied().chain([clock.updates]);
    let x = |update: u64| drawn.x(update as f64);
    let area = |(from, to): (u64, u64)| Rect::from_x_y_ranges(x(from)..=x(to), drawn.rect.y_range());
    let spans = from.iter().copied().zip(ends).map(area);
    phases.iter().map(|phase| std::sync::Arc::clone(&phase.name)).zip(spans).collect()
}

/// The phases under a plot: every second one shaded, and a line where one begins.
pub fn bands(ui: &Ui, drawn: &Drawn, studio: &Studio) {
    let tokens = theme::tokens(ui);
    let painter = ui.painter().with_clip_rect(drawn.rect);
    for (at, (_, area)) in areas(drawn, studio).into_iter().enumerate().skip(1) {
        if at % 2 == 1 {
            painter.rect_filled(area, 0.0, tokens.text.gamma_multiply(0.05));
        }
        let line = painter.round_to_pixel_center(area.left());
        painter.vline(line, drawn.rect.y_range(), (metrics::HAIRLINE, tokens.outline));
    }
}

/// What the phases are called, below the marks of events, where there is room.
pub fn names(ui: &Ui, drawn: &Drawn, studio: &Studio) {
    let tokens = theme::tokens(ui);
    let painter = ui.painter().with_clip_rect(drawn.rect);
    for (name, area) in areas(drawn, studio) {
        let shown = area.intersect(drawn.rect);
        let text = painter.layout_no_wrap(name.to_string(), theme::small(), tokens.muted);
        if text.size().x + 2.0 * metrics::S < shown.width() {
            let corner = shown.left_top() + vec2(metrics::S, metrics::S);
            painter.galley(corner, text, tokens.muted);
        }
    }
}

/// The borders between the phases, to drag. An edit of the data begins every run anew, as in the panel.
pub fn borders(ui: &mut Ui, drawn: &Drawn, studio: &mut Studio) {
    let phases = &studio.document.experiment().data.phases;
    let clock = studio.clock();
    let begins = begins(phases, clock);
    let names: Vec<_> = phases.iter().map(|phase| std::sync::Arc::clone(&phase.name)).collect();
    for (at, border) in begins.iter().copied().enumerate().skip(1) {
        let place = drawn.x(border as f64);
        if !drawn.rect.x_range().contains(place) {
            continue;
        }
        // Below the curves' handles, which stand at the top as a rule.
        let center = pos2(place, drawn.rect.bottom() - metrics::M);
        let area = Rect::from_center_size(center, vec2(metrics::M, 2.0 * metrics::M));
        let response = ui.interact(area, Id::unique(("border of a phase", at)), Sense::drag());
        let name = format!("Begin of the phase {}", names.get(at).map_or("", |name| name));
        response.widget_info(|| WidgetInfo::slider(true, border as f64, &name));
        let grips = response.hovered() || response.dragged() || response.has_focus();
        let tokens = theme::tokens(ui);
        let ink: Color32 = if grips { tokens.text } else { tokens.muted };
        let grip = Rect::from_center_size(center, vec2(3.0, metrics::M));
        ui.painter().rect_filled(grip, 1.5, ink);
        let pointer = response.interact_pointer_pos().filter(|_| response.dragged());
        let by_hand = pointer.map(|pointer| drawn.value(pointer).x.round());
        if let Some(to) = by_hand.or_else(|| nudged(ui, &response, border, clock)) {
            let first = begins.get(at - 1).copied().unwrap_or(0);
            let most = clock.updates.saturating_sub(1).max(first + 1);
            let length = (to.max(0.0) as u64).clamp(first + 1, most) - first;
            studio.document.edit(|experiment| {
                if let Some(span) = experiment.data.phases.get_mut(at - 1).and_then(|it| it.length.as_mut()) {
                    *span = span.with_updates(length as f64, clock);
                }
            });
        }
        let said = format!("The phase begins at update {}. Drag it.", format::count(border));
        response.on_hover_cursor(CursorIcon::ResizeHorizontal).on_hover_text(said);
    }
}

/// Where the arrow keys put a border that has the focus.
fn nudged(ui: &Ui, response: &Response, border: u64, clock: Clock) -> Option<f64> {
    if !response.has_focus() {
        return None;
    }
    ui.memory_mut(|memory| {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        memory.set_focus_lock_filter(response.id, filter);
    });
    let pressed = |key| ui.input(|input| input.num_presses(key)) as f64;
    let right = pressed(Key::ArrowRight) - pressed(Key::ArrowLeft);
    let step = (clock.updates as f64 * KEY_SHARE).ceil().max(1.0);
    (right != 0.0).then_some(border as f64 + right * step)
}

/// The name of a curve at its right end.
pub fn label(ui: &Ui, drawn: &Drawn, name: &str, at: (f64, f64), color: Color32) {
    let place = overlay::position(drawn, at);
    let anchor = if place.x > drawn.rect.center().x { Align2::RIGHT_BOTTOM } else { Align2::LEFT_BOTTOM };
    ui.painter().with_clip_rect(drawn.rect).text(place - vec2(0.0, 2.0), anchor, name, theme::small(), color);
}
