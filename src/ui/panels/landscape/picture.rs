//! The landscape itself, to turn and to read.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use eframe::egui::emath::GuiRounding as _;
use eframe::egui::{CursorIcon, Key, Pos2, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::state::{self, Relief};
use super::{axes, colors, unit};
use crate::engine::protocol::{State, SurveyRequest};
use crate::engine::{Ground, Way};
use crate::landscape::{Camera, Ink, Scene, Trail, View};
use crate::train::ids::LaneId;
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::scenery::Subject;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::paint_marker;

/// Contour lines divide the heights into so many steps.
const CONTOURS: u32 = 20;
/// Radians a point of dragging, and a press of an arrow key.
const TURN: f32 = 0.008;
const STEP: f32 = 0.1;
/// How much nearer a point of scrolling comes, as an exponent.
const ZOOM: f32 = 0.0025;

pub fn show(ui: &mut Ui, studio: &mut Studio, ground: &Arc<Ground>, ways: &BTreeMap<LaneId, Way>) {
    let tokens = theme::tokens(ui);
    let width = ui.available_width();
    let height = width.min(ui.available_height() - metrics::BELOW_PICTURE).max(metrics::COMPARISON);
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Landscape of the loss"));
    let state = studio.panels.of::<state::State>();
    let relief = state.relief(ground);
    let (flat, colormap) = (state.flat, Arc::clone(&state.colormap));
    let turns = !flat && turn(ui, &response, rect, &mut state.camera, relief.facing);
    let camera = state.camera.unwrap_or(relief.facing);
    let trains = !flat && studio.frame.status.state == State::Playing;
    let quick = studio.scenery.is_quick(ui.ctx(), turns || trains);
    let rows = rows(studio, ground);
    let trails = trails(studio, ground, ways, &rows, tokens);
    let place = if flat { map_rect(rect) } else { rect };
    let place = place.round_to_pixels(ui.pixels_per_point());
    let scene = Scene {
        heights: relief.heights(quick),
        colormap: &colormap,
        ink: ink(tokens),
        contours: CONTOURS,
        trails: &trails,
        view: if flat { View::Map } else { View::Surface(camera) },
    };
    let size =
        [place.width(), place.height()].map(|side| (side * ui.pixels_per_point()).round().max(1.0) as u32);
    let stamp = stamp(&scene, relief.serial);
    let picture = studio.scenery.drawn(stamp, size, quick);
    let picture = picture
        .unwrap_or_else(|| studio.scenery.draw(ui.ctx(), Subject::Landscape(&scene), stamp, size, quick));
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    ui.painter().image(picture, place, uv, theme::UNTINTED);
    if flat {
        axes::around_map(ui.painter(), tokens, place, ground);
    } else {
        axes::around_block(ui.painter(), tokens, place, &scene, ground);
    }
    let ends = markers(ui, &scene, place, &rows, &trails, tokens);
    let words = words(ui, studio, ground, &relief, place, &ends);
    if let Some(words) = words {
        response.on_hover_text_at_pointer(words);
    }
    ui.add_space(metrics::XS);
    colors::bar(ui, &relief.scale, &colormap, unit(studio));
}

/// The square of a map, with room for what is written around it.
fn map_rect(rect: Rect) -> Rect {
    let side = (rect.width() - metrics::AXIS_WIDTH).min(rect.height() - metrics::L - metrics::XS);
    let left = rect.left() + metrics::AXIS_WIDTH + (rect.width() - metrics::AXIS_WIDTH - side) / 2.0;
    Rect::from_min_size(pos2(left, rect.top()), vec2(side, side))
}

/// Turns with the hand and the arrow keys, comes nearer with the wheel and a pinch, and faces the front again
/// after a double click. Whether it moved.
fn turn(ui: &Ui, response: &Response, rect: Rect, camera: &mut Option<Camera>, facing: Camera) -> bool {
    let (mut azimuth, mut elevation, mut nearer) = (0.0, 0.0, 1.0_f32);
    if response.dragged() {
        let drag = response.drag_delta();
        azimuth -= drag.x * TURN;
        elevation += drag.y * TURN;
        ui.set_cursor_icon(CursorIcon::Grabbing);
    } else if response.hovered() {
        ui.set_cursor_icon(CursorIcon::Grab);
    }
    if response.contains_pointer()
        && ui.input(|input| input.pointer.hover_pos()).is_some_and(|at| rect.contains(at))
    {
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta, input.zoom_delta()));
        nearer *= pinch * (scroll.y * ZOOM).exp();
    }
    if response.clicked() {
        response.request_focus();
    }
    if response.has_focus() {
        ui.input(|input| {
            let pressed = |key| if input.key_pressed(key) { STEP } else { 0.0 };
            azimuth += pressed(Key::ArrowLeft) - pressed(Key::ArrowRight);
            elevation += pressed(Key::ArrowUp) - pressed(Key::ArrowDown);
            nearer *= (pressed(Key::Plus) + pressed(Key::Equals) - pressed(Key::Minus)).exp();
        });
    }
    let moved = azimuth != 0.0 || elevation != 0.0 || nearer != 1.0;
    if response.double_clicked() {
        *camera = None;
    } else if moved {
        *camera = Some(camera.unwrap_or(facing).moved(azimuth, elevation, nearer));
    }
    moved
}

/// The runs that are drawn: those shown, and in a plane around one run that one only.
fn rows(studio: &Studio, ground: &Ground) -> Vec<Row> {
    let mut rows = studio.shown();
    if let SurveyRequest::Random(lane) = ground.request {
        rows.retain(|row| row.id == lane.run);
    }
    rows
}

fn trails(
    studio: &Studio,
    ground: &Ground,
    ways: &BTreeMap<LaneId, Way>,
    rows: &[Row],
    tokens: &Tokens,
) -> Vec<Trail> {
    let share = |place: &[f64; 2]| ground.grid.frame.share(place[0], place[1]);
    rows.iter()
        .map(|row| {
            let way = ways.get(&LaneId { run: row.id, replica: 0 });
            let places = way.map(|way| way.places.iter().map(|(_, place)| share(place)).collect());
            let marks = way.map(|way| way.marks.iter().map(|(_, place)| share(place)).collect());
            Trail {
                color: studio.color(*row, tokens).to_srgba_unmultiplied(),
                places: places.unwrap_or_default(),
                marks: marks.unwrap_or_default(),
                width: metrics::CURVE,
            }
        })
        .collect()
}

fn ink(tokens: &Tokens) -> Ink {
    Ink {
        ground: tokens.panel.to_array(),
        contour: tokens.ground.to_array(),
        invalid: tokens.faint.to_array(),
        halo: tokens.ground.to_array(),
    }
}

/// What stands for all that is to be seen of a scene; `serial` for its heights.
fn stamp(scene: &Scene<'_>, serial: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    serial.hash(&mut hasher);
    scene.ink.ground.hash(&mut hasher);
    if let View::Surface(Camera { azimuth, elevation, distance }) = scene.view {
        [azimuth, elevation, distance].map(f32::to_bits).hash(&mut hasher);
    }
    for trail in scene.trails {
        trail.color.hash(&mut hasher);
        for place in trail.places.iter().chain(&trail.marks) {
            place.map(f32::to_bits).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Draws where the runs began and where they stand; returns the latter.
fn markers(
    ui: &Ui,
    scene: &Scene<'_>,
    rect: Rect,
    rows: &[Row],
    trails: &[Trail],
    tokens: &Tokens,
) -> Vec<(Row, Pos2)> {
    let painter = ui.painter().with_clip_rect(rect);
    let seen = |place: [f32; 2]| {
        let [across, down] = scene.seen(place, [rect.width(), rect.height()])?;
        Some(rect.min + vec2(across, down) * rect.size())
    };
    for trail in trails {
        let [first, _, ..] = trail.places.as_slice() else { continue };
        if let Some(at) = seen(*first) {
            painter.circle_stroke(at, metrics::MARKER, Stroke::new(metrics::CURVE, tokens.text));
        }
    }
    let stands = |(row, trail): (&Row, &Trail)| Some((*row, seen(*trail.places.last()?)?));
    let ends: Vec<(Row, Pos2)> = rows.iter().zip(trails).filter_map(stands).collect();
    for (row, at) in &ends {
        painter.circle_filled(*at, metrics::HANDLE_HOT + metrics::CURVE, tokens.ground);
        paint_marker(&painter, *at, metrics::HANDLE, row.slot, tokens.run(row.slot));
    }
    ends
}

/// What is under the pointer: a run, or on a map the loss.
fn words(
    ui: &Ui,
    studio: &Studio,
    ground: &Ground,
    relief: &Relief,
    rect: Rect,
    ends: &[(Row, Pos2)],
) -> Option<String> {
    let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|at| rect.contains(*at))?;
    let near = ends.iter().rev().find(|(_, at)| at.distance(pointer) < metrics::HANDLE_GRAB);
    if let Some((row, _)) = near {
        let name = &studio.document.run(row.id)?.name;
        let lane = studio.frame.lane(row.id)?;
        let loss = lane.now.loss.map_or_else(String::new, |loss| format!(", loss {}", format::metric(loss)));
        return Some(format!("{name}: update {}{loss}", format::count(lane.update)));
    }
    if !studio.panels.peek::<state::State>().is_some_and(|state| state.flat) {
        return None;
    }
    let share = (pointer - rect.min) / rect.size();
    let at = [share.x, 1.0 - share.y];
    let height = relief.heights(false).at(at[0], at[1]).map(|sample| sample.height);
    let loss = height.map_or_else(
        || "not a number".to_owned(),
        |height| {
            let above = if height >= 1.0 { "at least " } else { "" };
            format!("{above}{}", format::metric(f64::from(relief.scale.loss(height))))
        },
    );
    let along =
        |[low, high]: [f64; 2], share: f32| format::significant(low + f64::from(share) * (high - low), 3);
    let frame = &ground.grid.frame;
    Some(format!("({}, {}): loss {loss}", along(frame.x, at[0]), along(frame.y, at[1])))
}
