//! A small plot of points over two rulers, each a thing that can be pointed at.

use std::collections::BTreeSet;

use eframe::egui::{
    Align2, Color32, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo,
    pos2, vec2,
};

use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::keyed;

use super::Ruler;

/// What stands above and below a plot.
pub const ROOM: f32 = metrics::L + 2.0 * metrics::M + metrics::XS;
/// A point is pointed at from this far.
const NEAR: f32 = 12.0;

/// What the pointer or the keys are at, and whether it was pressed there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    pub over: Option<usize>,
    pub pressed: bool,
}

impl Touch {
    /// This, or the other where nothing is touched.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.over.is_some() { self } else { other }
    }
}

/// A point; one without a height has no value and is a cross at the edge where the worst are.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// What it stands for.
    pub id: usize,
    pub x: f64,
    pub y: Option<f64>,
    pub color: Color32,
}

/// A line through points.
#[derive(Clone, Debug)]
pub struct Stroked {
    pub points: Vec<(f64, f64)>,
    /// Half the height of a band around each point.
    pub band: Vec<f64>,
    pub color: Color32,
    pub width: f32,
    /// What is pointed at where the line is.
    pub id: Option<usize>,
}

/// A plot of points and lines.
pub struct Cloud<'a> {
    pub name: &'a str,
    pub across: &'a Ruler,
    pub up: &'a Ruler,
    /// What is written under the plot and over it.
    pub labels: [&'a str; 2],
    pub height: f32,
    /// Whether points without a height stand at the top.
    pub worst_is_high: bool,
    pub spots: Vec<Spot>,
    pub lines: Vec<Stroked>,
    /// The one that has a ring.
    pub marked: Option<usize>,
}

impl Cloud<'_> {
    /// Draws it as wide as there is room; what is pointed at.
    pub fn show(self, ui: &mut Ui) -> Touch {
        let tokens = theme::tokens(ui);
        let size = vec2(ui.available_width(), self.height + ROOM);
        let (full, response) = ui.allocate_exact_size(size, Sense::click());
        let name = self.name.to_owned();
        response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, format!("{name} plot")));
        let rect = Rect::from_min_max(
            full.min + vec2(metrics::AXIS_WIDTH, metrics::L),
            full.max - vec2(metrics::XS, 2.0 * metrics::M + metrics::XS),
        );
        frame(ui.painter(), rect, (self.across, self.up), self.labels, tokens);
        let painter = ui.painter().with_clip_rect(rect.expand(metrics::MARKER + metrics::HAIRLINE));
        let place = |x: f64, y: f64| {
            let (x, y) = (self.across.share(x).clamp(0.0, 1.0), self.up.share(y).clamp(0.0, 1.0));
            pos2(rect.left() + x * rect.width(), rect.bottom() - y * rect.height())
        };
        for line in &self.lines {
            self.line(&painter, line, tokens, place);
        }
        let edge = if self.worst_is_high { rect.top() } else { rect.bottom() };
        let placed: Vec<(Pos2, &Spot)> = self
            .spots
            .iter()
            .map(|spot| {
                let at = place(spot.x, spot.y.unwrap_or_default());
                (spot.y.map_or_else(|| pos2(at.x, edge), |_| at), spot)
            })
            .collect();
        for (at, spot) in &placed {
            let beyond = spot.y.is_some_and(|y| !(0.0..=1.0).contains(&self.up.share(y)));
            match spot.y {
                None => cross(&painter, *at, tokens.danger),
                Some(_) if beyond => {
                    painter.circle_stroke(*at, metrics::MARKER, (metrics::HAIRLINE, spot.color));
                }
                Some(_) => {
                    painter.circle(*at, metrics::MARKER, spot.color, (metrics::HAIRLINE, tokens.ground));
                }
            }
        }
        let ends = self.lines.iter().filter_map(|line| Some((line, line.id?)));
        let corners = ends.flat_map(|(line, id)| line.points.iter().map(move |&(x, y)| (id, x, y)));
        let corners = corners.map(|(id, x, y)| (place(x, y), id));
        let all = placed.iter().map(|(at, spot)| (*at, spot.id)).chain(corners);
        let pointer = response.hover_pos().filter(|pointer| rect.expand(NEAR).contains(*pointer));
        let mut things: Vec<(Pos2, usize)> = all.collect();
        let over = pointer.and_then(|pointer| nearest(things.iter().copied(), pointer));
        // The keys go from left to right.
        things.sort_by(|a, b| a.0.x.total_cmp(&b.0.x).then(b.0.y.total_cmp(&a.0.y)));
        let mut seen = BTreeSet::new();
        things.retain(|(_, id)| seen.insert(*id));
        let over = over.or_else(|| at_key(ui, &response, rect, &things, self.marked));
        if let Some((at, _)) = placed.iter().find(|(_, spot)| Some(spot.id) == over.or(self.marked)) {
            ring(&painter, *at, tokens);
        }
        Touch { over, pressed: response.clicked() && over.is_some() }
    }

    fn line(&self, painter: &Painter, line: &Stroked, tokens: &Tokens, place: impl Fn(f64, f64) -> Pos2) {
        let band = |(&(x, y), by): (&(f64, f64), &f64)| [place(x, y + by), place(x, y - by)];
        let edges: Vec<[Pos2; 2]> = line.points.iter().zip(&line.band).map(band).collect();
        for pair in edges.windows(2) {
            let corners = vec![pair[0][0], pair[1][0], pair[1][1], pair[0][1]];
            painter.add(Shape::convex_polygon(corners, tokens.band(line.color), Stroke::NONE));
        }
        let points: Vec<Pos2> = line.points.iter().map(|&(x, y)| place(x, y)).collect();
        let is_marked = line.id.is_some() && line.id == self.marked;
        let (width, color) = if is_marked { (metrics::CURVE, tokens.text) } else { (line.width, line.color) };
        painter.add(Shape::line(points, Stroke::new(width, color)));
    }
}

/// The thing that the arrow keys have come to; they begin at the marked one.
fn at_key(
    ui: &Ui,
    response: &Response,
    rect: Rect,
    things: &[(Pos2, usize)],
    marked: Option<usize>,
) -> Option<usize> {
    let start = things.iter().position(|(_, id)| Some(*id) == marked).unwrap_or_default();
    let [at, _] = keyed(ui, response, rect, [things.len(), 1], [start, 0])?;
    things.get(at).map(|(_, id)| *id)
}

/// What lies nearest to the pointer, if it is near.
pub fn nearest(places: impl Iterator<Item = (Pos2, usize)>, pointer: Pos2) -> Option<usize> {
    let distances = places.map(|(at, id)| (at.distance(pointer), id));
    let nearest = distances.min_by(|a, b| a.0.total_cmp(&b.0));
    nearest.filter(|(distance, _)| *distance <= NEAR).map(|(_, id)| id)
}

/// A ring around a point.
pub fn ring(painter: &Painter, at: Pos2, tokens: &Tokens) {
    let radius = metrics::MARKER + metrics::CURVE;
    painter.circle_stroke(at, radius, (metrics::CURVE + metrics::HAIRLINE, tokens.ground));
    painter.circle_stroke(at, radius, (metrics::CURVE, tokens.text));
}

/// A cross for what has no value.
pub fn cross(painter: &Painter, at: Pos2, color: Color32) {
    let arm = metrics::MARKER;
    for turn in [vec2(arm, arm), vec2(arm, -arm)] {
        painter.add(Shape::line_segment([at - turn, at + turn], Stroke::new(metrics::HAIRLINE, color)));
    }
}

/// The ground, the grid and what is written at it.
fn frame(
    painter: &Painter,
    rect: Rect,
    (across, up): (&Ruler, &Ruler),
    [below, above]: [&str; 2],
    tokens: &Tokens,
) {
    painter.rect_filled(rect, 0.0, tokens.ground);
    let line = Stroke::new(metrics::HAIRLINE, tokens.grid);
    for (share, label) in up.ticks((rect.height() / metrics::XL) as usize) {
        let y = rect.bottom() - share * rect.height();
        painter.hline(rect.x_range(), y, line);
        let text = painter.layout_no_wrap(label, theme::small_number(), tokens.muted);
        let at = pos2(rect.left() - metrics::XS - text.size().x, y - text.size().y / 2.0);
        painter.galley(at, text, tokens.muted);
    }
    let mut free = f32::NEG_INFINITY;
    // As many words as there are; those that would meet others are left out below.
    let room = if matches!(across, Ruler::Words(_)) {
        usize::MAX
    } else {
        (rect.width() / metrics::COLUMN) as usize
    };
    for (share, label) in across.ticks(room) {
        let x = rect.left() + share * rect.width();
        painter.vline(x, rect.y_range(), line);
        let text = painter.layout_no_wrap(label, theme::small_number(), tokens.muted);
        let left =
            (x - text.size().x / 2.0).clamp(rect.left(), (rect.right() - text.size().x).max(rect.left()));
        let right = left + text.size().x;
        if left >= free {
            free = right + metrics::S;
            painter.galley(pos2(left, rect.bottom() + metrics::XS / 2.0), text, tokens.muted);
        }
    }
    let place = pos2(rect.center().x, rect.bottom() + metrics::M + metrics::XS);
    painter.text(place, Align2::CENTER_TOP, below, theme::small(), tokens.muted);
    let place = pos2(rect.left(), rect.top() - metrics::XS);
    painter.text(place, Align2::LEFT_BOTTOM, above, theme::small(), tokens.muted);
    painter.rect_stroke(rect, 0.0, (metrics::HAIRLINE, tokens.hairline), StrokeKind::Outside);
}
