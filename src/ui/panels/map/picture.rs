//! The map as a picture: cells in colour, what diverged apart, contours, the best cell and where the run is.

use eframe::egui::{
    Align2, Color32, Mesh, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2,
    vec2,
};

use crate::experiment::sweep::{Range, Unit};
use crate::landscape::Colormap;
use crate::sweep::map::Cell;
use crate::ui::format;
use crate::ui::plot::Scale;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::keyed;

use super::axes::Candidate;
use super::contours;
use super::state::Shown;

/// How much of a cell's colour is left while a newer map is on its way.
const OLD: f32 = 0.45;
/// Lines of equal objective, by their shares of the colours.
const CONTOURS: [f32; 4] = [0.08, 0.2, 0.4, 0.65];
/// How strong they are.
const LINE: f32 = 0.55;
/// The share of the worst cells that have the last colour.
const CLIPPED: f64 = 0.1;

/// The colours of a map's objective: from its best value to what is as bad as the worst tenth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colors {
    pub best: f64,
    pub worst: f64,
    is_maximised: bool,
}

impl Colors {
    /// `None` where no cell has a value.
    pub fn of(cells: &[Option<Shown>], is_maximised: bool) -> Option<Self> {
        let known = cells.iter().flatten().filter_map(|shown| shown.cell.objective);
        let mut known: Vec<f64> = known.map(|value| if is_maximised { -value } else { value }).collect();
        known.sort_by(f64::total_cmp);
        let best = *known.first()?;
        let worst = known[((known.len() as f64 * (1.0 - CLIPPED)) as usize).min(known.len() - 1)];
        let sign = if is_maximised { -1.0 } else { 1.0 };
        Some(Self { best: sign * best, worst: sign * worst, is_maximised })
    }

    /// The share of the way from the best, 0, to the worst, 1; small differences near the best count most.
    pub fn share(&self, value: f64) -> f32 {
        let (from, to) = ((value - self.best).abs(), (self.worst - self.best).abs());
        let is_better = if self.is_maximised { value > self.best } else { value < self.best };
        if to <= 0.0 || is_better { 0.0 } else { ((from / to).sqrt() as f32).clamp(0.0, 1.0) }
    }
}

/// The square on the screen, and how many cells it has along each side.
#[derive(Clone, Copy)]
struct Square {
    rect: Rect,
    side: usize,
}

impl Square {
    /// The share of the way between the ends, which are the middles of the outer cells.
    fn middle(self, share: f64) -> f64 {
        ((share * self.side as f64 - 0.5) / (self.side - 1) as f64).clamp(0.0, 1.0)
    }

    /// Where a share of the way is drawn, in shares of the picture.
    fn placed(self, share: f64) -> f32 {
        ((share * (self.side - 1) as f64 + 0.5) / self.side as f64) as f32
    }

    /// The middle of a cell.
    fn spot(self, column: f32, row: f32) -> Pos2 {
        let (x, y) = ((column + 0.5) / self.side as f32, (row + 0.5) / self.side as f32);
        pos2(self.rect.left() + x * self.rect.width(), self.rect.bottom() - y * self.rect.height())
    }
}

/// What of the map is under the pointer, at the arrow keys or pressed.
pub struct Hit {
    pub response: Response,
    /// Where the pointer is or the keys are, in shares of both ways.
    pub at: Option<[f64; 2]>,
    pub cell: Option<Cell>,
}

/// Draws the map with its axes into a square.
pub fn show(
    ui: &mut Ui,
    cells: &[Option<Shown>],
    axes: &[Candidate; 2],
    colors: Option<Colors>,
    map: &Colormap,
) -> Hit {
    let width = ui.available_width();
    let side = (width - metrics::AXIS_WIDTH).max(metrics::CARD_WIDTH);
    let below = metrics::L + metrics::L;
    let (full, response) = ui.allocate_exact_size(vec2(width, side * 0.82 + below), Sense::click_and_drag());
    let label = format!("Map of {} over {}", axes[1].label, axes[0].label);
    response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, label.clone()));
    let rect = Rect::from_min_max(
        full.min + vec2(metrics::AXIS_WIDTH, 0.0),
        pos2(full.right(), full.bottom() - below),
    );
    let square = Square { rect, side: cells.len().isqrt().max(2) };
    let tokens = theme::tokens(ui);
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect_filled(rect, 0.0, tokens.ground);
    if let Some(colors) = colors {
        self::cells(&painter, square, cells, colors, map, tokens);
        lines(&painter, square, cells, colors, tokens);
        best(&painter, square, cells, colors, tokens);
    }
    here(&painter, square, axes, tokens);
    ui.painter().rect_stroke(
        rect,
        0.0,
        (metrics::HAIRLINE, tokens.hairline),
        eframe::egui::StrokeKind::Outside,
    );
    across(ui.painter(), square, &axes[0], tokens);
    upwards(ui.painter(), square, &axes[1], tokens);

    let last = square.side - 1;
    let start = axes.each_ref().map(|axis| {
        let share = axis.here.map_or(0.5, |here| axis.range.share(here).clamp(0.0, 1.0));
        (share * last as f64).round() as usize
    });
    let keys = keyed(ui, &response, rect, [square.side; 2], [start[0], last - start[1]]);
    let keys = keys.map(|[column, down]| [column, last - down]);
    if let Some([column, row]) = keys {
        let size = rect.size() / square.side as f32;
        let around = Rect::from_center_size(square.spot(column as f32, row as f32), size);
        painter.rect_stroke(around, 0.0, (metrics::CURVE, tokens.text), eframe::egui::StrokeKind::Inside);
    }

    let pointer = response.interact_pointer_pos().or(response.hover_pos());
    let at = pointer.map(|pointer| {
        let x = f64::from((pointer.x - rect.left()) / rect.width());
        let y = f64::from((rect.bottom() - pointer.y) / rect.height());
        [x, y].map(|share| square.middle(share.clamp(0.0, 1.0)))
    });
    let at = at.or(keys.map(|place| place.map(|cell| cell as f64 / last as f64)));
    let pointed = response.hover_pos().filter(|pointer| rect.contains(*pointer)).and_then(|pointer| {
        let side = square.side;
        let column = ((pointer.x - rect.left()) / rect.width() * side as f32) as usize;
        let row = ((rect.bottom() - pointer.y) / rect.height() * side as f32) as usize;
        cells.get(row.min(side - 1) * side + column.min(side - 1))?.as_ref().map(|shown| shown.cell.clone())
    });
    let of_keys = keys.and_then(|[column, row]| cells.get(row * square.side + column)?.as_ref());
    let cell = pointed.or_else(|| of_keys.map(|shown| shown.cell.clone()));
    Hit { response, at, cell }
}

fn cells(
    painter: &Painter,
    Square { rect, side }: Square,
    cells: &[Option<Shown>],
    colors: Colors,
    map: &Colormap,
    tokens: &Tokens,
) {
    let mut mesh = Mesh::default();
    let size = rect.size() / side as f32;
    for (at, shown) in cells.iter().enumerate() {
        let Some(shown) = shown else { continue };
        let (column, row) = (at % side, at / side);
        let left = rect.left() + column as f32 * size.x;
        let bottom = rect.bottom() - row as f32 * size.y;
        let cell = Rect::from_min_max(pos2(left, bottom - size.y), pos2(left + size.x, bottom));
        let color = match shown.cell.objective {
            Some(value) => theme::of_channels(map.at(1.0 - colors.share(value))),
            None => tokens.ground.lerp_to_gamma(tokens.danger, 0.35),
        };
        let color = if shown.is_new { color } else { tokens.ground.lerp_to_gamma(color, OLD) };
        mesh.add_colored_rect(cell, color);
    }
    painter.add(Shape::mesh(mesh));
    // What diverged is told not by colour alone.
    for (at, shown) in cells.iter().enumerate() {
        if shown.as_ref().is_none_or(|shown| shown.cell.objective.is_some()) {
            continue;
        }
        let low =
            pos2(rect.left() + (at % side) as f32 * size.x, rect.bottom() - (at / side) as f32 * size.y);
        let stroke = Stroke::new(metrics::HAIRLINE, tokens.danger.gamma_multiply(LINE));
        painter.add(Shape::line_segment([low, low + vec2(size.x, -size.y)], stroke));
    }
}

fn lines(painter: &Painter, square: Square, cells: &[Option<Shown>], colors: Colors, tokens: &Tokens) {
    let height = |column: usize, row: usize| {
        let shown = cells.get(row * square.side + column)?.as_ref()?;
        shown.cell.objective.map(|value| colors.share(value))
    };
    let stroke = Stroke::new(metrics::HAIRLINE, tokens.ground.gamma_multiply(LINE));
    for level in CONTOURS {
        for [from, to] in contours::pieces(square.side, level, height) {
            let ends = [from, to].map(|[column, row]| square.spot(column, row));
            painter.add(Shape::line_segment(ends, stroke));
        }
    }
}

/// A ring around the best cell.
fn best(painter: &Painter, square: Square, cells: &[Option<Shown>], colors: Colors, tokens: &Tokens) {
    let found = cells.iter().flatten().find(|shown| shown.cell.objective == Some(colors.best));
    let Some(found) = found else { return };
    let [column, row] = found.cell.at;
    let place = square.spot(column as f32, row as f32);
    let radius = 0.42 * square.rect.size().min_elem() / square.side as f32;
    painter.circle_stroke(
        place,
        radius + metrics::HAIRLINE,
        (metrics::CURVE + metrics::HAIRLINE, tokens.text),
    );
    painter.circle_stroke(place, radius + metrics::HAIRLINE, (metrics::HAIRLINE, tokens.ground));
}

/// A cross where the run is.
fn here(painter: &Painter, square: Square, axes: &[Candidate; 2], tokens: &Tokens) {
    let share = |axis: &Candidate| axis.here.map(|here| axis.range.share(here));
    let (Some(x), Some(y)) = (share(&axes[0]), share(&axes[1])) else { return };
    let (rect, x, y) = (square.rect, square.placed(x), square.placed(y));
    let place = pos2(rect.left() + x * rect.width(), rect.bottom() - y * rect.height());
    let arm = metrics::HANDLE + metrics::HAIRLINE;
    for (width, color) in
        [(metrics::CURVE + 2.0 * metrics::HAIRLINE, tokens.ground), (metrics::CURVE, tokens.text)]
    {
        for turn in [vec2(arm, arm), vec2(arm, -arm)] {
            painter.add(Shape::line_segment([place - turn, place + turn], Stroke::new(width, color)));
        }
    }
}

/// Numbers at both ends and between, and the name, below the map.
fn across(painter: &Painter, square: Square, axis: &Candidate, tokens: &Tokens) {
    let rect = square.rect;
    let mut free = f32::NEG_INFINITY;
    for (share, label) in ticks(&axis.range, 4) {
        let x = rect.left() + square.placed(share) * rect.width();
        let text = painter.layout_no_wrap(label, theme::small_number(), tokens.muted);
        let left = (x - text.size().x / 2.0).clamp(rect.left(), rect.right() - text.size().x);
        if left >= free {
            free = left + text.size().x + metrics::S;
            painter.galley(pos2(left, rect.bottom() + metrics::HAIRLINE), text, tokens.muted);
        }
    }
    let place = pos2(rect.center().x, rect.bottom() + metrics::L);
    painter.text(place, Align2::CENTER_TOP, &axis.label, theme::small(), tokens.muted);
}

/// The same on the left.
fn upwards(painter: &Painter, square: Square, axis: &Candidate, tokens: &Tokens) {
    let rect = square.rect;
    for (share, label) in ticks(&axis.range, 5) {
        let y = rect.bottom() - square.placed(share) * rect.height();
        let place =
            pos2(rect.left() - metrics::XS, y.clamp(rect.top() + metrics::S, rect.bottom() - metrics::S));
        painter.text(place, Align2::RIGHT_CENTER, label, theme::small_number(), tokens.muted);
    }
}

/// Shares of the way and what is written there.
fn ticks(range: &Range, room: usize) -> Vec<(f64, String)> {
    let scale = if range.log { Scale::Log } else { Scale::Linear };
    let (Some(low), Some(high)) = (scale.height(range.from), scale.height(range.to)) else {
        return Vec::new();
    };
    let found = scale.ticks((low, high), room).into_iter().filter_map(|tick| {
        let label = tick.label?;
        let share = ((tick.at - low) / (high - low)).clamp(0.0, 1.0);
        Some((share, if range.unit == Unit::Percent { format!("{label}%") } else { label }))
    });
    found.collect()
}

/// A bar of the colours from the best to the worst, with what they stand for.
pub fn bar(ui: &mut Ui, colors: Colors, map: &Colormap, name: &str) {
    let tokens = theme::tokens(ui);
    let size = vec2(ui.available_width(), metrics::COLOR_BAR + metrics::L);
    let (full, _) = ui.allocate_exact_size(size, Sense::hover());
    let bar = Rect::from_min_max(
        full.min + vec2(metrics::AXIS_WIDTH, 0.0),
        pos2(full.right(), full.top() + metrics::COLOR_BAR),
    );
    let steps = 48;
    let mut mesh = Mesh::default();
    for step in 0..steps {
        let x = |step: usize| bar.left() + bar.width() * step as f32 / steps as f32;
        let color: Color32 = theme::of_channels(map.at(1.0 - step as f32 / (steps - 1) as f32));
        mesh.add_colored_rect(
            Rect::from_min_max(pos2(x(step), bar.top()), pos2(x(step + 1), bar.bottom())),
            color,
        );
    }
    ui.painter().add(Shape::mesh(mesh));
    let write = |x: f32, align: Align2, text: String| {
        ui.painter().text(
            pos2(x, bar.bottom() + metrics::XS / 2.0),
            align,
            text,
            theme::small_number(),
            tokens.muted,
        );
    };
    write(bar.left(), Align2::LEFT_TOP, format::significant(colors.best, 3));
    write(bar.center().x, Align2::CENTER_TOP, name.to_owned());
    write(bar.right(), Align2::RIGHT_TOP, format::significant(colors.worst, 3));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_has_the_first_colour_whichever_way_is_better() {
        let shown = |value: f64| {
            let cell = Cell {
                at: [0, 0],
                covers: 1,
                values: [String::new(), String::new()],
                objective: Some(value),
                diverged: false,
                seeds: Vec::new(),
            };
            Some(Shown { cell, is_new: true })
        };
        let cells = [shown(0.9), shown(0.5), shown(0.1)];
        let loss = Colors::of(&cells, false).unwrap();
        assert_eq!((loss.share(0.1), loss.share(0.9), loss.best), (0.0, 1.0, 0.1));
        let accuracy = Colors::of(&cells, true).unwrap();
        assert_eq!((accuracy.share(0.9), accuracy.share(0.1), accuracy.best), (0.0, 1.0, 0.9));
        assert!(accuracy.share(0.89) > 0.0 && accuracy.share(0.89) < accuracy.share(0.5));
    }

    #[test]
    fn a_place_and_its_share_belong_together() {
        for side in [16, 64] {
            let square = Square { rect: Rect::ZERO, side };
            for at in 0..side {
                let share = at as f64 / (side - 1) as f64;
                assert!((square.middle(f64::from(square.placed(share))) - share).abs() < 1e-6);
            }
        }
    }
}
