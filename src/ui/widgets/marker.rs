//! The shape that goes with a run's colour, so that colour is never the only cue.

use std::f32::consts::TAU;

use eframe::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, Vec2, vec2};

/// Paints the marker of palette place `slot`.
pub fn paint(painter: &Painter, center: Pos2, radius: f32, slot: usize, color: Color32) {
    let polygon = |corners: usize, turn: f32| {
        let points = (0..corners)
            .map(|corner| {
                let angle = TAU * (turn + corner as f32 / corners as f32);
                center + radius * 1.2 * vec2(angle.cos(), angle.sin())
            })
            .collect();
        painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
    };
    match slot % 8 {
        0 => {
            painter.circle_filled(center, radius, color);
        }
        1 => {
            painter.rect_filled(Rect::from_center_size(center, Vec2::splat(radius * 1.75)), 0.0, color);
        }
        2 => polygon(3, -0.25),
        3 => polygon(4, 0.0),
        4 => polygon(3, 0.25),
        5 => polygon(5, -0.25),
        6 => {
            let stroke = Stroke::new(radius * 0.75, color);
            painter.line_segment([center - vec2(radius, 0.0), center + vec2(radius, 0.0)], stroke);
            painter.line_segment([center - vec2(0.0, radius), center + vec2(0.0, radius)], stroke);
        }
        _ => {
            painter.circle_stroke(center, radius * 0.8, Stroke::new(radius * 0.6, color));
        }
    }
}
