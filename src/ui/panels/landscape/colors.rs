//! Which colour is which loss.

use eframe::egui::{Align2, Mesh, Rect, Sense, Ui, pos2, vec2};

use crate::landscape::Colormap;
use crate::landscape::heights::Scale;
use crate::ui::format;
use crate::ui::plot::{Scale as Axis, Tick};
use crate::ui::theme::{self, metrics};

/// Steps of the bar's gradient.
const STEPS: usize = 64;
/// Points between two marks on it.
const CLEAR: f32 = 3.0;

/// A bar of all colours, the losses they stand for below it, and what those are measured in.
pub fn bar(ui: &mut Ui, scale: &Scale, colormap: &Colormap, unit: &str) {
    let tokens = theme::tokens(ui);
    let size = vec2(ui.available_width(), metrics::COLOR_BAR + metrics::L);
    let (full, _) = ui.allocate_exact_size(size, Sense::hover());
    let bar = Rect::from_min_size(full.min, vec2(full.width(), metrics::COLOR_BAR));
    let mut mesh = Mesh::default();
    for step in 0..=STEPS {
        let share = step as f32 / STEPS as f32;
        let x = bar.left() + share * bar.width();
        let color = theme::of_channels(colormap.at(share));
        mesh.colored_vertex(pos2(x, bar.top()), color);
        mesh.colored_vertex(pos2(x, bar.bottom()), color);
        if step > 0 {
            let at = 2 * step as u32;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    ui.painter().add(mesh);
    let text = ui.painter().layout_no_wrap(unit.to_owned(), theme::small(), tokens.muted);
    // The unit stands at the right end; numbers keep clear of it.
    let unit_left = full.right() - text.size().x;
    ui.painter().galley(pos2(unit_left, bar.bottom() + metrics::XS / 2.0), text, tokens.muted);
    let room = (full.width() / metrics::GRID_STEP) as usize;
    let (mut line, mut free) = (bar.left(), full.left());
    for tick in ticks(scale, room) {
        let x = bar.left() + scale.height(tick.at as f32).max(0.0) * bar.width();
        // Below the bend they crowd.
        if x - line >= CLEAR {
            line = x;
            let ends = bar.bottom() - metrics::XS..=bar.bottom();
            ui.painter().vline(x, ends, (metrics::HAIRLINE, tokens.panel));
        }
        let Some(label) = tick.label else { continue };
        let label = ui.painter().layout_no_wrap(label, theme::small_number(), tokens.muted);
        let left = (x - label.size().x / 2.0).max(full.left());
        if left >= free && left + label.size().x + metrics::S < unit_left {
            free = left + label.size().x + metrics::S;
            let place =
                Align2::LEFT_TOP.anchor_size(pos2(left, bar.bottom() + metrics::XS / 2.0), label.size());
            ui.painter().galley(place.min, label, tokens.muted);
        }
    }
}

/// Losses to mark, the lowest first: what is at the left end, and round numbers.
fn ticks(scale: &Scale, room: usize) -> Vec<Tick> {
    let (low, high) = (f64::from(scale.low), f64::from(scale.high));
    let axis = if scale.bend.is_some() && high > 0.0 { Axis::Log } else { Axis::Linear };
    let end = Tick { at: low, label: Some(format::significant(low, 2)) };
    // A logarithm has no 0 to begin at; the first hundredth of the bar is the end's.
    let from = if axis == Axis::Log { low.max(f64::from(scale.loss(0.01))) } else { low };
    let Some(ends) = axis.height(from).zip(axis.height(high)) else { return vec![end] };
    let round = axis.ticks(ends, room).into_iter().map(|tick| Tick { at: axis.value(tick.at), ..tick });
    std::iter::once(end).chain(round).collect()
}
