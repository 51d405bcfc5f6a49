//! Snapshots as diamonds on the strip, and the playhead, which goes back to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use eframe::egui::{
    Button, Color32, CursorIcon, Id, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use crate::engine::SnapshotReason;
use crate::train::checkpoint::Forget;
use crate::train::ids::RunId;
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::travel::{Place, places};

pub fn show(ui: &mut Ui, studio: &mut Studio, track: Rect) {
    let updates = studio.clock().updates.max(1) as f64;
    let y = ui.painter().round_to_pixel_center(track.center().y + metrics::XS);
    let at = |update: u64| pos2(track.left() + (update as f64 / updates) as f32 * track.width(), y);
    let list = Arc::clone(&studio.frame.snapshots);
    let update = studio.frame.status.update;
    for place in places(&list) {
        // Where training has been twice, the way that was left is above the one that was taken.
        let above = if place.left && place.update <= update { metrics::M } else { 0.0 };
        diamond(ui, studio, &place, at(place.update) - vec2(0.0, above));
    }
    let now = at(update);
    head(ui, studio, track, now, &list);
}

/// One place: hollow where it is on the way that was left.
fn diamond(ui: &mut Ui, studio: &mut Studio, place: &Place<'_>, at: Pos2) {
    let area = Rect::from_center_size(at, vec2(metrics::M, metrics::L));
    let id = Id::unique(("moment", place.update, place.left));
    // The strip is the one stop of Tab, and its arrow keys come here.
    let response = ui.interact(area, id, Sense::CLICK);
    let what = if place.left { "Snapshot ahead" } else { "Snapshot" };
    let name = format!("{what}, update {}", format::count(place.update));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let hot = response.hovered();
    paint(ui, at, appearance(ui, studio, place), place.left, hot);
    if response.clicked()
        && let Some(id) = place.id()
    {
        studio.travel(id, Forget::default());
    }
    response.context_menu(|ui| menu(ui, studio, place));
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(words(studio, place));
}

/// The strongest reason there is for a place; in the colour of the run that asks for it, when it is one alone.
fn appearance(ui: &Ui, studio: &Studio, place: &Place<'_>) -> (Color32, f32) {
    let tokens = theme::tokens(ui);
    let strongest = place.snapshots.iter().map(|snapshot| snapshot.why).max();
    if strongest.is_none_or(|why| why == SnapshotReason::OnTheWay) {
        return (tokens.muted, metrics::XS);
    }
    let asked = place.snapshots.iter().filter(|snapshot| snapshot.why == SnapshotReason::Asked);
    let runs: BTreeSet<RunId> = asked.map(|snapshot| snapshot.lane().run).collect();
    let alone = runs.first().filter(|_| strongest == Some(SnapshotReason::Asked) && runs.len() == 1);
    let row = studio.document.runs().map(|(row, _)| row).find(|row| Some(&row.id) == alone);
    (row.map_or(tokens.text, |row| tokens.run(row.slot)), metrics::XS + 1.0)
}

fn paint(ui: &Ui, at: Pos2, (color, radius): (Color32, f32), hollow: bool, hot: bool) {
    let tokens = theme::tokens(ui);
    let r = if hot { radius + 1.5 } else { radius };
    let points = vec![at - vec2(0.0, r), at + vec2(r, 0.0), at + vec2(0.0, r), at - vec2(r, 0.0)];
    let (fill, line) = if hollow { (tokens.ground, color) } else { (color, tokens.panel) };
    ui.painter().add(Shape::convex_polygon(points, fill, Stroke::new(metrics::HAIRLINE, line)));
}

/// What a place is, why it is kept, and what can be done with it.
pub(super) fn words(studio: &Studio, place: &Place<'_>) -> String {
    let clock = studio.clock();
    let epoch = place.update as f64 / clock.updates_per_epoch.max(1) as f64;
    let mut text = format!("Snapshot after update {}, epoch {epoch:.2}", format::count(place.update));
    let strongest = place.snapshots.iter().map(|snapshot| snapshot.why).max();
    let asked = place.snapshots.iter().filter(|snapshot| snapshot.why == SnapshotReason::Asked);
    let names: Vec<String> =
        asked.filter(|it| it.lane().replica == 0).filter_map(|it| studio.lane_name(it.lane())).collect();
    match strongest {
        Some(SnapshotReason::ByHand) => text += "\nTaken by hand.",
        Some(SnapshotReason::Asked) => text += &format!("\nAs the experiment asks: {}.", names.join(", ")),
        Some(SnapshotReason::Saved) => text += "\nA checkpoint of the training that you continued.",
        Some(SnapshotReason::Departure) => text += "\nTraining stood here when you went back.",
        _ => text += "\nTaken on the way; these thin out as the run gets longer.",
    }
    text += if place.left {
        "\nClick to go forward to it again."
    } else {
        "\nClick to take all runs back to it."
    };
    text + " Right-click for more."
}

fn menu(ui: &mut Ui, studio: &mut Studio, place: &Place<'_>) {
    ui.set_width(metrics::MENU);
    let entry = |ui: &mut Ui, text: String, help: &str, enabled: bool| {
        let button = Button::new(text).min_size(vec2(ui.available_width(), metrics::CONTROL));
        ui.add_enabled(enabled, button).on_hover_text(help).clicked()
    };
    let go = [
        ("Go here", "All runs as they were, bit for bit.", Forget::default()),
        (
            "Go here, forget the scheduler",
            "What a lost scheduler state does: the schedule starts over.",
            Forget { schedule: true, momentum: false },
        ),
        (
            "Go here, forget the momentum",
            "What a lost optimizer state does: its buffers are empty.",
            Forget { schedule: false, momentum: true },
        ),
    ];
    for (text, help, forget) in go {
        if entry(ui, text.to_owned(), help, true)
            && let Some(id) = place.id()
        {
            studio.travel(id, forget);
            ui.close();
        }
    }
    let selected = studio.view.selected;
    let name = studio.document.run(selected).map(|run| run.name.clone()).unwrap_or_default();
    let inside = place.update > 0 && place.update < studio.clock().updates && !place.left;
    let help = "A run that shares the past up to here and has a future of its own.";
    if entry(ui, format!("Fork “{name}” here"), help, inside) {
        studio.fork(selected, place.update);
        ui.close();
    }
}

/// The playhead; dragged, it takes the runs to the nearest snapshot, back or ahead.
fn head(ui: &mut Ui, studio: &mut Studio, track: Rect, at: Pos2, list: &[crate::engine::Snapshot]) {
    let tokens = theme::tokens(ui);
    let area = Rect::from_center_size(at, vec2(metrics::M, metrics::L));
    let response = ui.interact(area, Id::unique("playhead"), Sense::DRAG);
    let update = studio.frame.status.update;
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, format!("Playhead, update {update}")));
    let lit = response.hovered() || response.dragged();
    let radius = if lit { metrics::XS + 1.0 } else { metrics::XS };
    let painter = ui.painter();
    painter.vline(at.x, (at.y - metrics::S)..=(at.y + metrics::S), (metrics::HAIRLINE * 1.5, tokens.text));
    painter.circle(at, radius, tokens.text, Stroke::new(metrics::CURVE, tokens.panel));
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let share = f64::from((pointer.x - track.left()) / track.width().max(1.0));
        let wanted = share * studio.clock().updates as f64;
        let far = |update: u64| (update as f64 - wanted).abs();
        let nearest = places(list).min_by(|a, b| far(a.update).total_cmp(&far(b.update)));
        if let Some(place) = nearest.filter(|place| far(place.update) < far(update))
            && let Some(id) = place.id()
        {
            studio.travel(id, Forget::default());
        }
    }
    let help = "Where training is. Drag it to a snapshot to take all runs there.";
    response.on_hover_cursor(CursorIcon::ResizeHorizontal).on_hover_text(help);
}
