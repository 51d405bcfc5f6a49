//! A plot as a drawing that stands alone: one SVG with its colours in it.

use std::fmt::Write as _;

use eframe::egui::Color32;

use crate::analysis::chart::escaped;
use crate::ui::theme::Tokens;

use super::Scale;
use super::along::Along;
use super::bounds::Bounds;
use super::drawn_curves::{DrawnCurves, NamedCurve};
use super::scale::Tick;
use super::ticks::ticks;

/// Width and height of a drawing that stands alone, without its legend, in its own units.
pub const WHOLE: (f64, f64) = (960.0, 480.0);
/// Those of one of two beside each other on a page: its numbers are as large on paper, its marks fewer.
pub const HALF: (f64, f64) = (460.0, 280.0);
/// What a name in the legend takes.
const NAME: f64 = 300.0;
/// The room around the curves.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 40.0;
/// A line of the legend.
const LINE: f64 = 18.0;

/// Where numbers are on the drawing.
struct Frame<'a> {
    along: &'a Along,
    x: (f64, f64),
    y: (f64, f64),
    scale: Scale,
    bottom: f64,
    size: (f64, f64),
}

impl Frame<'_> {
    fn x(&self, place: f64) -> f64 {
        LEFT + (place - self.x.0) / (self.x.1 - self.x.0).max(f64::MIN_POSITIVE)
            * (self.size.0 - LEFT - RIGHT)
    }

    fn y_of_height(&self, height: f64) -> f64 {
        self.bottom - (height - self.y.0) / (self.y.1 - self.y.0).max(f64::MIN_POSITIVE) * (self.bottom - TOP)
    }

    fn y(&self, value: f64) -> Option<f64> {
        Some(self.y_of_height(self.scale.height(value)?))
    }
}

/// The drawing, in a theme's colours, of this width and height.
pub fn svg(drawn: &DrawnCurves, tokens: &Tokens, size: (f64, f64)) -> String {
    let mut bounds = Bounds::EMPTY;
    for curve in &drawn.curves {
        curve.points.iter().for_each(|(_, value)| bounds.add(drawn.scale.height(*value)));
    }
    let y = drawn.heights.unwrap_or_else(|| bounds.padded(0.05, 0.05, 0.0, (0.0, 1.0)));
    let legend = names(drawn);
    let bottom = size.1 - BOTTOM;
    let frame = Frame { along: &drawn.along, x: drawn.x, y, scale: drawn.scale, bottom, size };
    let a_line = ((size.0 / NAME) as usize).max(1);
    let height = size.1 + LINE * legend.len().div_ceil(a_line) as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"Inter, sans-serif\" \
         font-size=\"12\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
        size.0,
        escaped(&drawn.title),
        hex(tokens.ground)
    );
    let ink = (hex(tokens.text), hex(tokens.muted), hex(tokens.grid));
    let _ = writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"22\" font-size=\"14\" fill=\"{}\">{}</text>",
        ink.0,
        escaped(&drawn.title)
    );
    axes(&mut text, drawn, &frame, &ink);
    let _ = writeln!(
        text,
        "<clipPath id=\"plot\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>\n<g clip-path=\"url(#plot)\">",
        size.0 - LEFT - RIGHT,
        bottom - TOP
    );
    for curve in &drawn.curves {
        band(&mut text, curve, &frame);
        path(&mut text, curve, &frame);
    }
    text += "</g>\n";
    for (at, (name, color)) in legend.iter().enumerate() {
        let (x, y) = (LEFT + NAME * (at % a_line) as f64, size.1 + LINE * (at / a_line) as f64 + 4.0);
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{}\" width=\"14\" height=\"3\" fill=\"{color}\"/><text x=\"{}\" y=\"{y}\" fill=\"{}\">{}</text>",
            y - 5.0,
            x + 20.0,
            ink.0,
            escaped(name)
        );
    }
    text + "</svg>\n"
}

/// Each run once, with its colour.
fn names(drawn: &DrawnCurves) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    for curve in &drawn.curves {
        if !names.iter().any(|(name, _)| *name == curve.run) {
            names.push((curve.run.clone(), hex(curve.color)));
        }
    }
    names
}

fn axes(
    text: &mut String,
    drawn: &DrawnCurves,
    frame: &Frame<'_>,
    (_, muted, grid): &(String, String, String),
) {
    for Tick { at, label } in frame.scale.ticks(frame.y, (frame.size.1 / 60.0) as usize) {
        let Some(label) = label else { continue };
        let y = frame.y_of_height(at);
        let _ = writeln!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{grid}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\" fill=\"{muted}\">{}</text>",
            frame.size.0 - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            escaped(&label)
        );
    }
    for Tick { at, label } in ticks(drawn.unit, frame.along, drawn.x, (frame.size.0 - LEFT - RIGHT) as f32) {
        let x = frame.x(at);
        let label = label.unwrap_or_default();
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\" stroke=\"{grid}\"/><text x=\"{x:.1}\" y=\"{}\" \
             text-anchor=\"middle\" fill=\"{muted}\">{}</text>",
            frame.bottom,
            frame.bottom + 16.0,
            escaped(&label)
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{muted}\">{}</text>",
        frame.size.0 - RIGHT,
        frame.bottom + 32.0,
        drawn.unit.name
    );
}

fn path(text: &mut String, curve: &NamedCurve, frame: &Frame<'_>) {
    let mut d = String::new();
    let mut pen = "M";
    for (update, value) in &curve.points {
        match frame.y(*value) {
            Some(y) => {
                let _ = write!(d, "{pen}{:.1} {y:.1}", frame.x(frame.along.of_run(curve.id, *update)));
                pen = "L";
            }
            // A line breaks where it has no height.
            None => pen = "M",
        }
    }
    let dashes = if curve.dashed { " stroke-dasharray=\"5 4\" opacity=\"0.62\"" } else { "" };
    let _ = writeln!(
        text,
        "<path d=\"{d}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{dashes}/>",
        hex(curve.color),
        curve.width
    );
}

fn band(text: &mut String, curve: &NamedCurve, frame: &Frame<'_>) {
    let edge = |of: fn(&(f64, f64, f64)) -> f64| {
        curve.band.iter().filter_map(move |slice| {
            let x = frame.x(frame.along.of_run(curve.id, slice.0));
            Some(format!("{x:.1},{:.1}", frame.y(of(slice))?))
        })
    };
    let corners: Vec<String> =
        edge(|slice| slice.2).chain(edge(|slice| slice.1).collect::<Vec<_>>().into_iter().rev()).collect();
    if corners.len() > 3 {
        let _ = writeln!(
            text,
            "<polygon points=\"{}\" fill=\"{}\" opacity=\"0.2\"/>",
            corners.join(" "),
            hex(curve.color)
        );
    }
}

fn hex(color: Color32) -> String {
    format!("#{:02x}{:02x}{:02x}", color.r(), color.g(), color.b())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plot::x_axis::Unit;
    use crate::ui::theme::DARK;

    #[test]
    fn a_drawing_stands_alone_breaks_at_nan_and_escapes_names() {
        let curve = NamedCurve {
            id: crate::train::ids::RunId(0),
            run: "<b> & \"c\"".into(),
            what: "loss".into(),
            color: DARK.run(0),
            width: 2.0,
            dashed: false,
            points: vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 0.5), (3.0, 0.25)],
            band: vec![(0.0, 0.5, 1.5), (2.0, 0.4, 0.6)],
        };
        let drawn = DrawnCurves {
            title: "Loss".into(),
            scale: Scale::Log,
            unit: Unit::UPDATE,
            along: Along::Evenly,
            x: (0.0, 4.0),
            heights: None,
            curves: vec![curve],
        };
        let text = svg(&drawn, &DARK, WHOLE);
        assert!(text.starts_with("<svg") && text.ends_with("</svg>\n") && !text.contains("NaN"));
        let path = text.split("<path d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert!(text.contains("&lt;b&gt; &amp; &quot;c&quot;") && !text.contains("<b>"));
        assert!(text.contains("<polygon"));
    }
}
