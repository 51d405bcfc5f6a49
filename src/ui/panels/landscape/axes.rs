//! What is written along the edges of a landscape.

use eframe::egui::{Align2, Painter, Pos2, Rect, Vec2, pos2, vec2};

use crate::engine::Ground;
use crate::engine::protocol::SurveyRequest;
use crate::landscape::{Camera, Scene, View};
use crate::ui::format;
use crate::ui::theme::{self, Tokens, metrics};

/// The names of the two directions.
fn names(ground: &Ground) -> [String; 2] {
    match (&ground.request, ground.explained) {
        (SurveyRequest::Weights, _) => ["x".to_owned(), "y".to_owned()],
        (_, Some(shares)) => {
            let name = |at: usize| format!("component {}, {}", at + 1, format::percent(shares[at]));
            [name(0), name(1)]
        }
        _ => ["direction 1".to_owned(), "direction 2".to_owned()],
    }
}

/// The first and the last coordinate of both directions.
fn ends(ground: &Ground) -> [[String; 2]; 2] {
    let frame = &ground.grid.frame;
    [frame.x, frame.y].map(|ends| ends.map(|end| format::significant(end, 3)))
}

/// Names and ends below and beside a map.
pub fn around_map(painter: &Painter, tokens: &Tokens, map: Rect, ground: &Ground) {
    let [x_name, y_name] = names(ground);
    let [x_ends, y_ends] = ends(ground);
    let number = |at: Pos2, align: Align2, text: &str| {
        painter.text(at, align, text, theme::small_number(), tokens.muted);
    };
    let below = map.bottom() + metrics::XS;
    number(pos2(map.left(), below), Align2::LEFT_TOP, &x_ends[0]);
    number(pos2(map.right(), below), Align2::RIGHT_TOP, &x_ends[1]);
    painter.text(pos2(map.center().x, below), Align2::CENTER_TOP, x_name, theme::small(), tokens.muted);
    let beside = map.left() - metrics::XS;
    number(pos2(beside, map.bottom()), Align2::RIGHT_BOTTOM, &y_ends[0]);
    number(pos2(beside, map.top()), Align2::RIGHT_TOP, &y_ends[1]);
    // A long name is written upwards.
    let galley = painter.layout_no_wrap(y_name, theme::small(), tokens.muted);
    let at = pos2(beside - galley.size().y, map.center().y + galley.size().x / 2.0);
    let shape = eframe::egui::epaint::TextShape::new(at, galley, tokens.muted);
    painter.add(shape.with_angle(-std::f32::consts::FRAC_PI_2));
}

/// Places of an edge at which one looks how far the surface leans out over it.
const EDGE_SAMPLES: usize = 16;

/// Names and ends along the two lower edges of the block that face the eye.
pub fn around_block(painter: &Painter, tokens: &Tokens, rect: Rect, scene: &Scene<'_>, ground: &Ground) {
    let View::Surface(Camera { azimuth, .. }) = scene.view else { return };
    let painter = painter.with_clip_rect(rect);
    let size = [rect.width(), rect.height()];
    let on_screen = |[across, down]: [f32; 2]| rect.min + vec2(across, down) * rect.size();
    let foot = |x: f32, y: f32| scene.foot([x, y], size).map(on_screen);
    let Some(middle) = foot(0.5, 0.5) else { return };
    let (sin, cos) = azimuth.sin_cos();
    let (near_x, near_y) = (if cos > 0.0 { 1.0 } else { 0.0 }, if sin > 0.0 { 1.0 } else { 0.0 });
    let edges = [([0.0, near_y], [1.0, near_y]), ([near_x, 0.0], [near_x, 1.0])];
    for ((edge, name), ends) in edges.into_iter().zip(names(ground)).zip(ends(ground)) {
        let ([x0, y0], [x1, y1]) = edge;
        let (Some(from), Some(to)) = (foot(x0, y0), foot(x1, y1)) else { continue };
        let along = (to - from).normalized();
        let mut out = Vec2::new(-along.y, along.x);
        if out.dot(from + (to - from) / 2.0 - middle) < 0.0 {
            out = -out;
        }
        // Seen from steeply above, the surface leans out over its foot.
        let over = (0..=EDGE_SAMPLES).filter_map(|at| {
            let share = at as f32 / EDGE_SAMPLES as f32;
            let (x, y) = (x0 + share * (x1 - x0), y0 + share * (y1 - y0));
            let top = scene.seen([x, y], size).map(on_screen)?;
            Some((top - (from + share * (to - from))).dot(out))
        });
        let over = over.fold(0.0, f32::max);
        let align = |out: Vec2| match out.x {
            x if x > 0.35 => Align2::LEFT_CENTER,
            x if x < -0.35 => Align2::RIGHT_CENTER,
            _ => Align2::CENTER_TOP,
        };
        let put = |share: f32, far: f32, text: &str, font| {
            let galley = painter.layout_no_wrap(text.to_owned(), font, tokens.muted);
            let placed =
                align(out).anchor_size(from + share * (to - from) + (over + far) * out, galley.size());
            // What would be cut off at a side moves in.
            let left = placed.left().min(rect.right() - placed.width()).max(rect.left());
            painter.galley(pos2(left, placed.top()), galley, tokens.muted);
        };
        put(0.06, metrics::S, &ends[0], theme::small_number());
        put(0.94, metrics::S, &ends[1], theme::small_number());
        put(0.5, metrics::M, &name, theme::small());
    }
}
