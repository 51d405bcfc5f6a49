//! The whole run as a strip: where it stands, where it can go back to, what happened, and what the plots show of it.

mod marks;
mod moments;

use eframe::egui::{Align2, CursorIcon, Id, Rect, Response, Sense, StrokeKind, Ui, pos2, vec2};

use crate::telemetry::EventKind;
use crate::ui::format;
use crate::ui::plot::{event_color, event_words};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::view::Window;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let full = ui.available_rect_before_wrap();
    let clock = studio.clock();
    let status = &studio.frame.status;
    let tokens = theme::tokens(ui);
    let text = full.left();
    let update = format!("{} / {}", format::count(status.update), format::count(clock.updates));
    let epoch = status.update as f64 / clock.updates_per_epoch.max(1) as f64;
    let top = full.top() + metrics::S;
    let painter = ui.painter();
    let number = painter.text(pos2(text, top), Align2::LEFT_TOP, update, theme::number(), tokens.text);
    let updates = painter.text(
        pos2(number.right() + metrics::XS, number.bottom()),
        Align2::LEFT_BOTTOM,
        "updates",
        theme::small(),
        tokens.muted,
    );
    let epochs = format!("epoch {epoch:.2}");
    let epochs = painter.text(
        pos2(text, number.bottom() + metrics::XS),
        Align2::LEFT_TOP,
        epochs,
        theme::small_number(),
        tokens.muted,
    );

    // In line with the plots: what is above is the same update. Presented, they have no column beside them for the words.
    let across = studio.layout.across;
    let words = updates.right().max(epochs.right());
    let room = across.span() * (Window::ROOM / (1.0 + 2.0 * Window::ROOM)) as f32;
    let track = Rect::from_min_max(
        pos2((across.min + room).max(words + metrics::L), full.top() + metrics::S),
        pos2(across.max - room, full.bottom() - metrics::S),
    );
    let response = strip(ui, studio, track);
    moments::show(ui, studio, track);
    events(ui, studio, track);
    marks::show(ui, studio, &response, track);
}

/// The track, the part in view, the playhead.
fn strip(ui: &mut Ui, studio: &mut Studio, track: Rect) -> Response {
    let clock = studio.clock();
    let playhead = studio.frame.status.update;
    let response = ui.interact(track, Id::unique("timeline"), Sense::click_and_drag());
    let per_point = clock.updates as f64 / f64::from(track.width().max(1.0));
    let bounds = studio.view.window.bounds(playhead, clock.updates);
    if response.dragged() {
        let shift = f64::from(response.drag_delta().x) * per_point;
        if studio.view.window != Window::Whole {
            studio.view.window = studio.view.window.moved(playhead, clock.updates, shift, 1.0, bounds.0);
        }
    }
    if response.double_clicked() {
        studio.view.window = Window::Whole;
    }
    let tokens = theme::tokens(ui);
    let painter = ui.painter();
    let x = |update: f64| track.left() + (update / clock.updates.max(1) as f64) as f32 * track.width();
    let y = painter.round_to_pixel_center(track.center().y + metrics::XS);
    let line = Rect::from_min_max(pos2(track.left(), y - 1.5), pos2(track.right(), y + 1.5));
    painter.rect_filled(line, metrics::RADIUS, tokens.press);
    let done = Rect::from_min_max(line.min, pos2(x(playhead as f64), line.bottom()));
    painter.rect_filled(done, metrics::RADIUS, tokens.muted);
    if studio.view.window != Window::Whole {
        if response.hovered() {
            ui.ctx().set_cursor_icon(CursorIcon::Grab);
        }
        let view = Rect::from_min_max(pos2(x(bounds.0), track.top()), pos2(x(bounds.1), track.bottom()));
        painter.rect(
            view,
            metrics::RADIUS,
            tokens.text.gamma_multiply(0.06),
            (metrics::HAIRLINE, tokens.outline),
            StrokeKind::Inside,
        );
    }
    epochs(ui, studio, track, y);
    if let Some(cursor) = studio.view.cursor {
        painter.vline(x(cursor), track.y_range(), (metrics::HAIRLINE, tokens.text.gamma_multiply(0.5)));
    }
    response
}

/// Ticks at epochs, as many as there is room for.
fn epochs(ui: &Ui, studio: &Studio, track: Rect, y: f32) {
    let clock = studio.clock();
    let tokens = theme::tokens(ui);
    let count = clock.updates as f64 / clock.updates_per_epoch.max(1) as f64;
    let room = f64::from(track.width() / metrics::GRID_STEP);
    let step = [1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 250.0, 500.0]
        .into_iter()
        .find(|step| count / step <= room)
        .unwrap_or_else(|| (count / room.max(1.0)).ceil());
    let mut epoch = 0.0;
    while epoch <= count + 1e-9 {
        let x = ui.painter().round_to_pixel_center(track.left() + (epoch / count) as f32 * track.width());
        ui.painter().vline(x, (y + metrics::XS)..=(y + metrics::S), (metrics::HAIRLINE, tokens.faint));
        let (align, text) = if epoch == 0.0 {
            (Align2::LEFT_TOP, "epoch 0".to_owned())
        } else {
            (
                if epoch + step > count { Align2::RIGHT_TOP } else { Align2::CENTER_TOP },
                format::count(epoch as u64),
            )
        };
        ui.painter().text(pos2(x, y + metrics::S), align, text, theme::small(), tokens.muted);
        epoch += step;
    }
}

/// Edits as ticks, everything else as dots; all explain themselves.
fn events(ui: &mut Ui, studio: &Studio, track: Rect) {
    let tokens = theme::tokens(ui);
    let updates = studio.clock().updates.max(1) as f64;
    let y = track.top() + metrics::S;
    let mut last = f32::NEG_INFINITY;
    for (index, (lane, event)) in studio.frame.events.iter().enumerate() {
        let x = track.left() + (event.update as f64 / updates) as f32 * track.width();
        if x - last < 2.0 && event.kind != EventKind::Diverged {
            continue;
        }
        last = x;
        let slot = lane
            .and_then(|lane| studio.document.runs().find(|(row, _)| row.id == lane.run))
            .map(|(row, _)| row.slot);
        let color = match event.kind {
            EventKind::Edit | EventKind::Fork => slot.map_or(tokens.muted, |slot| tokens.run(slot)),
            kind => event_color(kind, tokens),
        };
        let place = pos2(x, y);
        match event.kind {
            EventKind::Edit => {
                ui.painter().vline(x, (y - metrics::XS)..=(y + metrics::XS), (metrics::CURVE, color));
            }
            _ => {
                ui.painter().circle_filled(place, metrics::MARKER - 1.0, color);
            }
        }
        let area = Rect::from_center_size(place, vec2(metrics::S, metrics::L));
        let words = event_words(event, *lane, |lane| studio.lane_name(lane));
        ui.interact(area, Id::unique(("timeline event", index)), Sense::hover()).on_hover_text(words);
    }
}
