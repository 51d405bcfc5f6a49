//! Icons, painted as shapes: they take the colour of the text and no font has to have them.

use std::f32::consts::TAU;

use eframe::egui::{
    Color32, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};

use crate::ui::theme::{self, metrics};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Play,
    Pause,
    Step,
    Restart,
    Diamond,
    Plus,
    More,
    Eye,
    EyeShut,
    Sun,
    Moon,
    Left,
    Right,
    Down,
    Close,
    Fit,
    Follow,
    Warning,
    Hint,
    Pencil,
}

/// A square button that shows an icon and is called `label`.
pub fn icon_button(ui: &mut Ui, icon: Icon, label: &str) -> Response {
    button(ui, icon, label, false)
}

/// An icon button that can be on.
pub fn icon_toggle(ui: &mut Ui, icon: Icon, label: &str, on: bool) -> Response {
    let response = button(ui, icon, label, on);
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, on, label));
    response
}

fn button(ui: &mut Ui, icon: Icon, label: &str, on: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(metrics::ICON_BUTTON), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, label));
    if ui.is_rect_visible(rect) {
        let tokens = theme::tokens(ui);
        let fill = if response.is_pointer_button_down_on() {
            tokens.press
        } else if response.hovered() || on {
            tokens.hover
        } else {
            Color32::TRANSPARENT
        };
        ui.painter().rect_filled(rect, metrics::RADIUS, fill);
        if response.has_focus() {
            let stroke = Stroke::new(metrics::HAIRLINE, tokens.text);
            ui.painter().rect_stroke(rect, metrics::RADIUS, stroke, StrokeKind::Inside);
        }
        let lit = response.hovered() || on;
        let color = match (enabled, lit) {
            (false, _) => tokens.faint,
            (true, true) => tokens.text,
            (true, false) => tokens.muted,
        };
        paint(ui.painter(), icon, rect.center(), color);
    }
    response.on_hover_text(label)
}

/// Paints an icon around a centre.
pub fn paint(painter: &Painter, icon: Icon, center: Pos2, color: Color32) {
    let unit = metrics::ICON / 14.0;
    let at = |x: f32, y: f32| center + vec2(x, y) * unit;
    let stroke = Stroke::new(1.5 * unit, color);
    let line = |points: &[(f32, f32)]| {
        painter.add(Shape::line(points.iter().map(|&(x, y)| at(x, y)).collect(), stroke));
    };
    let solid = |points: &[(f32, f32)]| {
        let points = points.iter().map(|&(x, y)| at(x, y)).collect();
        painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
    };
    let block = |left: f32, top: f32, right: f32, bottom: f32| {
        painter.rect_filled(Rect::from_two_pos(at(left, top), at(right, bottom)), unit, color);
    };
    let arc = |radius: f32, from: f32, to: f32| {
        let points = (0..=24)
            .map(|step| {
                let angle = TAU * (from + (to - from) * step as f32 / 24.0);
                at(radius * angle.cos(), radius * angle.sin())
            })
            .collect();
        painter.add(Shape::line(points, stroke));
    };
    match icon {
        Icon::Play => solid(&[(-4.0, -5.5), (5.5, 0.0), (-4.0, 5.5)]),
        Icon::Pause => {
            block(-4.5, -5.0, -1.5, 5.0);
            block(1.5, -5.0, 4.5, 5.0);
        }
        Icon::Step => {
            solid(&[(-5.0, -5.0), (2.0, 0.0), (-5.0, 5.0)]);
            block(3.0, -5.0, 5.0, 5.0);
        }
        Icon::Diamond => line(&[(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0), (0.0, -5.0)]),
        Icon::Restart => {
            arc(5.0, -0.14, 0.72);
            solid(&[(1.6, -6.6), (6.8, -3.2), (1.4, -0.6)]);
        }
        Icon::Plus => {
            line(&[(-5.0, 0.0), (5.0, 0.0)]);
            line(&[(0.0, -5.0), (0.0, 5.0)]);
        }
        Icon::More => {
            for x in [-5.0, 0.0, 5.0] {
                painter.circle_filled(at(x, 0.0), 1.4 * unit, color);
            }
        }
        Icon::Eye | Icon::EyeShut => {
            let lid = |side: f32| {
                let points = (0..=16)
                    .map(|step| {
                        let x = -6.5 + 13.0 * step as f32 / 16.0;
                        at(x, side * 4.2 * (1.0 - (x / 6.5).powi(2)))
                    })
                    .collect();
                painter.add(Shape::line(points, stroke));
            };
            lid(1.0);
            if icon == Icon::Eye {
                lid(-1.0);
                painter.circle_filled(center, 2.0 * unit, color);
            } else {
                line(&[(-3.0, 3.6), (-4.0, 5.6)]);
                line(&[(0.0, 4.2), (0.0, 6.4)]);
                line(&[(3.0, 3.6), (4.0, 5.6)]);
            }
        }
        Icon::Sun => {
            painter.circle_stroke(center, 2.8 * unit, stroke);
            for ray in 0..8 {
                let angle = TAU * ray as f32 / 8.0;
                let (x, y) = (angle.cos(), angle.sin());
                line(&[(4.8 * x, 4.8 * y), (6.6 * x, 6.6 * y)]);
            }
        }
        Icon::Moon => {
            // The outer edge of one circle and the inner edge of another through the same two points.
            let (tip, radius) = (0.16, 5.6);
            arc(radius, tip - 0.02, tip + 0.71);
            let start = TAU * (tip - 0.02);
            let end = TAU * (tip + 0.71);
            let from = (radius * start.cos(), radius * start.sin());
            let to = (radius * end.cos(), radius * end.sin());
            let bend = (0.4, -0.4);
            let points = (0..=16)
                .map(|step| {
                    let t = step as f32 / 16.0;
                    let u = 1.0 - t;
                    let blend = |a: f32, b: f32, c: f32| u * u * a + 2.0 * u * t * b + t * t * c;
                    at(blend(from.0, bend.0 - 3.0, to.0), blend(from.1, bend.1 + 3.0, to.1))
                })
                .collect();
            painter.add(Shape::line(points, stroke));
        }
        Icon::Left => line(&[(2.0, -4.5), (-2.5, 0.0), (2.0, 4.5)]),
        Icon::Right => line(&[(-2.0, -4.5), (2.5, 0.0), (-2.0, 4.5)]),
        Icon::Down => line(&[(-4.0, -2.0), (0.0, 2.0), (4.0, -2.0)]),
        Icon::Close => {
            line(&[(-4.0, -4.0), (4.0, 4.0)]);
            line(&[(-4.0, 4.0), (4.0, -4.0)]);
        }
        Icon::Fit => {
            line(&[(-6.0, -4.0), (-6.0, 4.0)]);
            line(&[(6.0, -4.0), (6.0, 4.0)]);
            line(&[(-4.0, 0.0), (4.0, 0.0)]);
            line(&[(-1.8, -2.4), (-4.2, 0.0), (-1.8, 2.4)]);
            line(&[(1.8, -2.4), (4.2, 0.0), (1.8, 2.4)]);
        }
        Icon::Follow => {
            line(&[(5.5, -5.0), (5.5, 5.0)]);
            line(&[(-5.5, 0.0), (2.5, 0.0)]);
            line(&[(-0.2, -2.8), (2.6, 0.0), (-0.2, 2.8)]);
        }
        Icon::Warning => {
            line(&[(0.0, -5.5), (6.0, 5.0), (-6.0, 5.0), (0.0, -5.5), (6.0, 5.0)]);
            line(&[(0.0, -1.6), (0.0, 1.6)]);
            painter.circle_filled(at(0.0, 3.4), 0.8 * unit, color);
        }
        Icon::Pencil => {
            line(&[(-5.5, 5.5), (-4.5, 1.5), (2.5, -5.5), (5.5, -2.5), (-1.5, 4.5), (-5.5, 5.5)]);
            line(&[(0.5, -3.5), (3.5, -0.5)]);
        }
        Icon::Hint => {
            painter.circle_stroke(center, 5.5 * unit, stroke);
            painter.circle_filled(at(0.0, -2.6), 0.9 * unit, color);
            line(&[(0.0, -0.6), (0.0, 3.2)]);
        }
    }
}

/// The studio's mark: a warmup, a decay, and the handle between them.
pub fn mark(painter: &Painter, rect: Rect, ink: Color32, accent: Color32) {
    let at = |x: f32, y: f32| pos2(rect.left() + x * rect.width(), rect.top() + y * rect.height());
    let peak = at(0.32, 0.2);
    let mut points = vec![at(0.04, 0.88), peak];
    for step in 1..=20 {
        let t = step as f32 / 20.0;
        let height = f32::midpoint(1.0, (t * std::f32::consts::PI).cos());
        points.push(at(0.32 + 0.64 * t, 0.88 - 0.68 * height));
    }
    let width = rect.width() / 10.0;
    painter.add(Shape::line(points, Stroke::new(width, ink)));
    painter.circle_filled(peak, 1.7 * width, accent);
}
