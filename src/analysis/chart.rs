//! Line charts as inline SVG, coloured by the page's style sheet.

use std::fmt::Write;

use crate::numbers::{round_steps, round_to};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 36.0;
/// Labels on an axis, about.
const TICKS: f64 = 5.0;

/// A line with an optional band around it; its colour and dashes are the style class `s{index}`.
pub struct Line {
    pub index: usize,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
    /// The least and the greatest at each point.
    pub band: Vec<(f64, f64, f64)>,
}

/// A chart, as text for a page.
///
/// Points that are not finite, or not above zero on a logarithmic axis, break a line.
pub fn chart(title: &str, x_label: &str, y_label: &str, log: bool, lines: &[Line]) -> String {
    let level = |y: f64| if log { y.log10() } else { y };
    let shown = |&(x, y): &(f64, f64)| x.is_finite() && level(y).is_finite();
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let bands = || lines.iter().flat_map(|l| l.band.iter().flat_map(|&(x, low, high)| [(x, low), (x, high)]));
    let (mut x_range, mut y_range) = ((f64::INFINITY, f64::NEG_INFINITY), (f64::INFINITY, f64::NEG_INFINITY));
    for (x, y) in points().chain(bands()).filter(shown) {
        x_range = (x_range.0.min(x), x_range.1.max(x));
        y_range = (y_range.0.min(level(y)), y_range.1.max(level(y)));
    }
    if x_range.0 > x_range.1 {
        return String::new();
    }
    let y_range = widened(y_range);
    let x_range = widened((x_range.0.min(0.0), x_range.1));
    let at_x = |x: f64| LEFT + (x - x_range.0) / (x_range.1 - x_range.0) * (WIDTH - LEFT - RIGHT);
    let at_y =
        |y: f64| HEIGHT - BOTTOM - (level(y) - y_range.0) / (y_range.1 - y_range.0) * (HEIGHT - TOP - BOTTOM);
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n", escaped(title));
    for tick in ticks(x_range) {
        let x = at_x(tick);
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM + 15.0,
            label(tick)
        );
    }
    let values = if log { decade_ticks(y_range) } else { ticks(y_range) };
    for value in values {
        let y = at_y(value);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            WIDTH - RIGHT
        );
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            label(value)
        );
    }
    for line in lines {
        let index = line.index % COLOURS;
        let band: Vec<_> =
            line.band.iter().filter(|(x, low, high)| shown(&(*x, *low)) && shown(&(*x, *high))).collect();
        if band.len() > 1 {
            let up = band.iter().map(|(x, _, high)| format!("{:.1},{:.1}", at_x(*x), at_y(*high)));
            let down = band.iter().rev().map(|(x, low, _)| format!("{:.1},{:.1}", at_x(*x), at_y(*low)));
            let corners: Vec<String> = up.chain(down).collect();
            let _ = writeln!(svg, "<polygon class=\"band s{index}\" points=\"{}\"/>", corners.join(" "));
        }
        let mut path = String::new();
        let mut pen_down = false;
        for point in &line.points {
            if shown(point) {
                let _ = write!(
                    path,
                    "{}{:.1} {:.1}",
                    if pen_down { "L" } else { "M" },
                    at_x(point.0),
                    at_y(point.1)
                );
            }
            pen_down = shown(point);
        }
        let _ = writeln!(svg, "<path class=\"line s{index}\" fill=\"none\" d=\"{path}\"/>");
    }
    let middle = f64::midpoint(TOP, HEIGHT - BOTTOM);
    let _ = writeln!(
        svg,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 4.0,
        escaped(x_label)
    );
    let _ = writeln!(
        svg,
        "<text class=\"axis\" transform=\"translate(12 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        escaped(y_label)
    );
    svg.push_str("</svg>\n");
    svg
}

/// Style classes `s0` to `s7`.
pub const COLOURS: usize = 8;

/// A range with room above and below, and never of nothing.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    let room = if high > low { (high - low) * 0.04 } else { high.abs().max(1e-12) * 0.5 };
    (if low == 0.0 { 0.0 } else { low - room }, high + room)
}

/// Round numbers within a range.
fn ticks(range: (f64, f64)) -> Vec<f64> {
    round_steps(range, TICKS, 20)
}

/// Round values on an axis whose range is in decades: 1, 2, 5, 10, ... or whole powers of ten.
fn decade_ticks((low, high): (f64, f64)) -> Vec<f64> {
    let within = |tick: &f64| (low..=high).contains(&tick.log10());
    let powers = low.floor() as i32..=high.ceil() as i32;
    if high - low < 2.5 {
        let steps = |power: i32| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power));
        let round: Vec<f64> = powers.flat_map(steps).filter(within).collect();
        return if round.len() > 1 { round } else { ticks((10_f64.powf(low), 10_f64.powf(high))) };
    }
    let every = ((high - low) / TICKS).ceil().max(1.0) as i32;
    powers.filter(|power| power % every == 0).map(|power| 10_f64.powi(power)).filter(within).collect()
}

/// A number in up to three digits.
pub fn label(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    format!("{}", round_to(value, 3))
}

/// Text that cannot be taken for HTML.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}
