//! The phases of the data under the plots, and their borders to drag.

use eframe::egui::{Align2, Color32, CursorIcon, Id, Rect, Sense, Ui, pos2, vec2};

use crate::experiment::phase::begins;
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

use super::chart::Drawn;
use super::overlay;

/// Where each phase lies in a plot, with its name; empty where the data have none.
fn areas(drawn: &Drawn, studio: &Studio) -> Vec<(std::sync::Arc<str>, Rect)> {
    let phases = &studio.document.experiment().data.phases;
    let clock = studio.clock();
    let from = begins(phases, clock);
    let ends = from.iter().skip(1).copied().chain([clock.updates]);
    let x = |update: u64| drawn.transform.position_from_point_x(update as f64);
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
    for (at, border) in begins.iter().copied().enumerate().skip(1) {
        let place = drawn.transform.position_from_point_x(border as f64);
        if !drawn.rect.x_range().contains(place) {
            continue;
        }
        // Below the curves' handles, which stand at the top as a rule.
        let center = pos2(place, drawn.rect.bottom() - metrics::M);
        let area = Rect::from_center_size(center, vec2(metrics::M, 2.0 * metrics::M));
        let response = ui.interact(area, Id::unique(("border of a phase", at)), Sense::drag());
        let grips = response.hovered() || response.dragged();
        let tokens = theme::tokens(ui);
        let ink: Color32 = if grips { tokens.text } else { tokens.muted };
        let grip = Rect::from_center_size(center, vec2(3.0, metrics::M));
        ui.painter().rect_filled(grip, 1.5, ink);
        if response.dragged()
            && let Some(pointer) = response.interact_pointer_pos()
        {
            let first = begins.get(at - 1).copied().unwrap_or(0);
            let to = drawn.transform.value_from_position(pointer).x.round();
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

/// The name of a curve at its right end.
pub fn label(ui: &Ui, drawn: &Drawn, name: &str, at: (f64, f64), color: Color32) {
    let place = overlay::position(drawn, at);
    let anchor = if place.x > drawn.rect.center().x { Align2::RIGHT_BOTTOM } else { Align2::LEFT_BOTTOM };
    ui.painter().with_clip_rect(drawn.rect).text(place - vec2(0.0, 2.0), anchor, name, theme::small(), color);
}
