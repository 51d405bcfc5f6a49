//! Parallel coordinates: an upright ruler for each number and for the objective, a line through them for each trial.

use eframe::egui::{Align2, Painter, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::experiment::sweep::Objective;
use crate::sweep::Trial;
use crate::ui::panels::sweep::found::{Found, place};
use crate::ui::panels::sweep::view::{Options, View, shares};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::Touch;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::keyed;

pub const VIEW: View = View {
    title: "Parallel coordinates",
    sentence: "A line for each trial in the colour of its rank, through what matters most first; the last ruler is the objective. Drag along a ruler to see only what is within.",
    show,
};

/// A line is pointed at from this far.
const NEAR: f32 = 6.0;

/// Where a trial is on a ruler.
type At<'f> = Box<dyn Fn(&Trial) -> Option<f64> + 'f>;

/// A ruler, its name, and where trials are on it.
struct Upright<'f> {
    ruler: Ruler,
    /// What files call it.
    key: String,
    name: &'f str,
    at: At<'f>,
}

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    shares(ui, options);
    let names: Vec<String> = found.sweep.objectives.iter().map(|it| it.name().replace('_', " ")).collect();
    let uprights = uprights(found, &names);
    let size = vec2(ui.available_width(), metrics::SWEEP + 2.0 * metrics::XL);
    let (full, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, "Parallel coordinates plot"));
    let side = metrics::COLUMN / 2.0;
    let rect = Rect::from_min_max(
        full.min + vec2(side, metrics::XL + metrics::S),
        full.max - vec2(side, metrics::S),
    );
    let x = |at: usize| rect.left() + rect.width() * at as f32 / (uprights.len() - 1).max(1) as f32;
    let tokens = theme::tokens(ui);
    let ranked = found.worst_first(options.best);
    let line = |trial: &Trial| -> Vec<Option<Pos2>> {
        let point = |(at, upright): (usize, &Upright)| {
            let share = upright.ruler.share((upright.at)(trial)?).clamp(0.0, 1.0);
            Some(pos2(x(at), rect.bottom() - share * rect.height()))
        };
        uprights.iter().enumerate().map(point).collect()
    };
    // What is faded lies below the rest, and cannot be pointed at.
    let (held, faded): (Vec<_>, Vec<_>) =
        ranked.into_iter().partition(|(trial, _)| options.brushes.hold(found, trial));
    for (trial, _) in faded {
        let color = tokens.band(tokens.faint);
        stroke(ui.painter(), &line(trial), Stroke::new(metrics::HAIRLINE, color));
    }
    let lines: Vec<(usize, Vec<Option<Pos2>>)> =
        held.iter().map(|(trial, _)| (trial.trial, line(trial))).collect();
    for ((_, rank), (_, points)) in held.iter().zip(&lines) {
        let color = found.color(ui, *rank);
        let color = if rank.is_some() { color } else { tokens.ghost(tokens.danger) };
        stroke(ui.painter(), points, Stroke::new(metrics::HAIRLINE, tokens.ahead(color)));
    }
    for (at, upright) in uprights.iter().enumerate() {
        ruler(ui.painter(), rect, x(at), upright, (at, uprights.len()), tokens);
        options.brushes.upright(ui, &upright.key, &upright.ruler, (rect, x(at)));
    }
    let over = response.hover_pos().and_then(|pointer| nearest(&lines, pointer));
    // The keys go from the best on.
    let best = |trial: usize| lines.iter().rev().position(|(other, _)| *other == trial);
    let start = options.marked.and_then(best).unwrap_or_default();
    let keys = keyed(ui, &response, full, [lines.len(), 1], [start, 0]);
    let over = over.or_else(|| lines.iter().rev().nth(keys?[0]).map(|(trial, _)| *trial));
    if let Some((_, points)) = lines.iter().find(|(trial, _)| Some(*trial) == over.or(options.marked)) {
        stroke(ui.painter(), points, Stroke::new(metrics::CURVE + metrics::CURVE, tokens.ground));
        stroke(ui.painter(), points, Stroke::new(metrics::CURVE, tokens.text));
        for point in points.iter().flatten() {
            ui.painter().circle_filled(*point, metrics::MARKER, tokens.text);
        }
    }
    Touch { over, pressed: response.clicked() && over.is_some() }
}

/// The numbers, what matters most first, and the objectives.
fn uprights<'f>(found: &'f Found, names: &'f [String]) -> Vec<Upright<'f>> {
    let order =
        found.importance.iter().filter_map(|one| found.sweep.over.iter().find(|axis| axis.path == one.path));
    let mut axes: Vec<_> = order.collect();
    if axes.is_empty() {
        axes = found.sweep.over.iter().collect();
    }
    let mut uprights: Vec<Upright> = axes
        .into_iter()
        .map(|axis| Upright {
            ruler: Ruler::of_axis(axis),
            key: axis.path.clone(),
            name: &axis.path,
            at: Box::new(move |trial| place(axis, trial)),
        })
        .collect();
    for (at, (objective, name)) in found.sweep.objectives.iter().zip(names).enumerate() {
        let value = move |trial: &Trial| trial.objectives.get(at).copied().flatten();
        let ruler =
            Ruler::of_values(found.trials.iter().filter_map(value), Objective::is_maximised(*objective));
        uprights.push(Upright { ruler, key: objective.name(), name, at: Box::new(value) });
    }
    uprights
}

/// A line through the points that there are; it leaps over those that a trial does not have.
fn stroke(painter: &Painter, points: &[Option<Pos2>], stroke: Stroke) {
    let points: Vec<Pos2> = points.iter().flatten().copied().collect();
    if points.len() > 1 {
        painter.add(Shape::line(points, stroke));
    }
}

fn ruler(
    painter: &Painter,
    rect: Rect,
    x: f32,
    upright: &Upright,
    (at, count): (usize, usize),
    tokens: &Tokens,
) {
    painter.vline(x, rect.y_range(), Stroke::new(metrics::HAIRLINE, tokens.faint));
    let is_last = at + 1 == count;
    for (share, label) in upright.ruler.ticks((rect.height() / metrics::XL / 2.0) as usize) {
        let y = rect.bottom() - share * rect.height();
        let text = painter.layout_no_wrap(label, theme::small_number(), tokens.text);
        let left = if is_last { x - metrics::XS - text.size().x } else { x + metrics::XS };
        let ground = Rect::from_min_size(pos2(left, y - text.size().y / 2.0), text.size());
        painter.rect_filled(
            ground.expand(metrics::HAIRLINE),
            metrics::RADIUS,
            tokens.panel.gamma_multiply(0.8),
        );
        painter.galley(ground.min, text, tokens.text);
    }
    let last = upright.name.rsplit('.').take(2).collect::<Vec<_>>();
    let short: String = last.into_iter().rev().collect::<Vec<_>>().join(".");
    let align = match at {
        0 => Align2::LEFT_BOTTOM,
        _ if is_last => Align2::RIGHT_BOTTOM,
        _ => Align2::CENTER_BOTTOM,
    };
    let left = match at {
        0 => x - metrics::COLUMN / 2.0,
        _ if is_last => x + metrics::COLUMN / 2.0,
        _ => x,
    };
    // Names of neighbours stand on two lines, so that they do not meet.
    let lift = if at % 2 == 1 { metrics::M } else { 0.0 };
    painter.text(pos2(left, rect.top() - metrics::S - lift), align, short, theme::small(), tokens.muted);
}

/// The line that passes nearest to the pointer.
fn nearest(lines: &[(usize, Vec<Option<Pos2>>)], pointer: Pos2) -> Option<usize> {
    let mut best = (NEAR, None);
    for (trial, points) in lines {
        let points: Vec<Pos2> = points.iter().flatten().copied().collect();
        for pair in points.windows(2).filter(|pair| (pair[0].x..=pair[1].x).contains(&pointer.x)) {
            let share = (pointer.x - pair[0].x) / (pair[1].x - pair[0].x).max(f32::EPSILON);
            let on = pair[0] + share * (pair[1] - pair[0]);
            let along = (pair[1] - pair[0]).normalized();
            let distance = ((pointer - on).x * along.y - (pointer - on).y * along.x).abs();
            // Of lines that lie over each other the last one, which is the better.
            if distance <= best.0 {
                best = (distance, Some(*trial));
            }
        }
    }
    best.1
}
