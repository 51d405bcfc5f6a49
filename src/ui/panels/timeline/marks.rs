//! The timeline by keyboard: one stop of Tab, whose arrow keys go from mark to mark.

use std::sync::Arc;

use eframe::egui::{
    EventFilter, Id, Key, LayerId, Order, Rect, Response, Role, Stroke, StrokeKind, Tooltip, Ui, WidgetInfo,
    pos2, vec2,
};

use crate::train::checkpoint::Forget;
use crate::train::ids::SnapshotId;
use crate::ui::plot::event_words;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::travel::places;

use super::moments;

/// Which mark the keys are at.
#[derive(Default)]
struct At(Option<usize>);

/// Something on the strip.
struct Mark {
    update: u64,
    words: String,
    /// Where it leads, when it is a snapshot.
    to: Option<SnapshotId>,
}

/// What the keys do with the strip that has the focus, and what a screen reader hears of it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, response: &Response, track: Rect) {
    let (playhead, updates) = (studio.frame.status.update, studio.clock().updates);
    let mut said = format!("update {playhead} of {updates}");
    if response.has_focus() {
        let edge = (metrics::HAIRLINE, theme::tokens(ui).text);
        ui.painter().rect_stroke(track.expand(metrics::XS / 2.0), metrics::RADIUS, edge, StrokeKind::Inside);
        if let Some(mark) = pointed(ui, studio, response) {
            said = mark.words.clone();
            tell(ui, response, track, &mark, updates);
            let entered = ui.input(|input| input.key_pressed(Key::Enter) || input.key_pressed(Key::Space));
            if let Some(id) = mark.to.filter(|_| entered) {
                studio.travel(id, Forget::default());
            }
        }
    } else {
        studio.panels.of::<At>().0 = None;
    }
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(said.clone()),
        ..WidgetInfo::labeled(Role::ScrollBar, true, "Timeline")
    });
}

/// The mark that the keys have come to.
fn pointed(ui: &Ui, studio: &mut Studio, response: &Response) -> Option<Mark> {
    ui.memory_mut(|memory| {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        memory.set_focus_lock_filter(response.id, filter);
    });
    let mut marks = all(studio);
    let last = marks.len().checked_sub(1)?;
    let pressed = |key| ui.input(|input| input.num_presses(key)) as i64;
    let (left, right) = (pressed(Key::ArrowLeft), pressed(Key::ArrowRight));
    let before = studio.panels.of::<At>().0.map(|at| at.min(last));
    let mut at = before;
    if left > 0 || right > 0 {
        // The first key begins where training stands.
        let playhead = studio.frame.status.update;
        let start = before.map(|at| at as i64).unwrap_or_else(|| {
            let after = marks.partition_point(|mark| mark.update <= playhead) as i64;
            if right > 0 { after - 1 } else { after }
        });
        at = Some((start + right - left).clamp(0, last as i64) as usize);
    }
    if pressed(Key::Home) > 0 {
        at = Some(0);
    }
    if pressed(Key::End) > 0 {
        at = Some(last);
    }
    studio.panels.of::<At>().0 = at;
    if at != before {
        ui.ctx().request_repaint();
    }
    Some(marks.swap_remove(at?))
}

/// All marks, in the order of the run.
fn all(studio: &Studio) -> Vec<Mark> {
    let list = Arc::clone(&studio.frame.snapshots);
    let mut marks: Vec<Mark> = places(&list)
        .map(|place| Mark { update: place.update, words: moments::words(studio, &place), to: place.id() })
        .collect();
    marks.extend(studio.frame.events.iter().map(|(lane, event)| {
        let words = event_words(event, *lane, |lane| studio.lane_name(lane));
        Mark { update: event.update, words, to: None }
    }));
    marks.sort_by_key(|mark| mark.update);
    marks
}

/// A ring around a mark, and what it is.
fn tell(ui: &Ui, response: &Response, track: Rect, mark: &Mark, updates: u64) {
    let x = track.left() + (mark.update as f64 / updates.max(1) as f64) as f32 * track.width();
    let y = if mark.to.is_some() { track.center().y + metrics::XS } else { track.top() + metrics::S };
    let center = pos2(x, y);
    let stroke = Stroke::new(metrics::CURVE, theme::tokens(ui).text);
    ui.painter().circle_stroke(center, metrics::HANDLE_HOT, stroke);
    let words = match mark.to {
        Some(_) => mark.words.replace("Click to", "Enter to").replace(" Right-click for more.", ""),
        None => mark.words.clone(),
    };
    let around = Rect::from_center_size(center, vec2(2.0 * metrics::M, track.height()));
    let layer = LayerId::new(Order::Tooltip, Id::unique("timeline mark"));
    Tooltip::always_open(ui.ctx().clone(), layer, response.id, around).show(|ui| {
        ui.label(words);
    });
}
