//! The decision field: what a model says over the plane of its two inputs, under the samples it learned from.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use eframe::egui::{Align2, Color32, Painter, Pos2, Rect, Sense, Stroke, TextureId, Ui, pos2, vec2};

use crate::data::{CATALOGUE, Prepared, Shape, Targets};
use crate::engine::protocol::{Field, FieldRequest};
use crate::experiment::Source;
use crate::landscape::heights::INVALID;
use crate::landscape::{Colormap, Decision, Heights, Ink, Scene, View as Straight};
use crate::train::ids::LaneId;
use crate::ui::format;
use crate::ui::panel::{Panel, Question, Request};
use crate::ui::scenery::{Scenery, Subject};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::run_chip;

use super::suited;

/// Samples of the field along each side.
const SIDE: usize = 96;
/// How strong the colours of classes are.
const PALE: f32 = 0.62;
/// How strong the line between two classes is.
const BORDER: f32 = 0.6;
/// Contour lines divide a predicted number's range into so many steps.
const CONTOURS: u32 = 10;
/// The most points drawn over it.
const POINTS: usize = 800;
/// What is asked of the engine for the panel as it is now.
fn wanted(studio: &Studio) -> Option<FieldRequest> {
    let Prepared::Samples { .. } = studio.frame.prepared.as_deref()? else { return None };
    let bounds = bounds(studio.frame.prepared.as_deref()?)?;
    Some(FieldRequest { lane: LaneId { run: studio.view.selected, replica: 0 }, bounds, side: SIDE })
}

fn is_waiting(studio: &Studio) -> bool {
    let wanted = wanted(studio);
    let here = studio.frame.field.as_ref().map(|field| &field.request);
    wanted.is_some() && here != wanted.as_ref()
}

pub const PANEL: Panel = Panel {
    request: |studio| Request { watch: wanted(studio), ..Request::default() },
    is_waiting,
    ..Panel::new(
        "decision-field",
        "Decision field",
        Question::LookInside,
        "What the model answers at every point of a plane, update by update.",
        show,
    )
};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let flat = studio.frame.prepared.as_ref().filter(|prepared| prepared.shape() == Shape::Flat(2)).cloned();
    match flat {
        Some(prepared) => field(ui, studio, &prepared),
        None => explain(ui, studio),
    }
}

/// Why there is nothing to see, and what to do about it.
fn explain(ui: &mut Ui, studio: &mut Studio) {
    let inputs = match studio.frame.prepared.as_deref().map(Prepared::shape) {
        Some(Shape::Image { height, width }) => format!("{} pixels", height * width),
        Some(Shape::Sequence) => "a text".to_owned(),
        Some(Shape::Flat(1)) => "one number".to_owned(),
        Some(Shape::Flat(inputs)) => format!("{inputs} numbers"),
        None => {
            ui.label("The data is being read.");
            return;
        }
    };
    ui.label(format!(
        "A decision field shows what a model answers at every point of a plane. A sample here is {inputs}; a plane takes two."
    ));
    ui.add_space(metrics::S);
    ui.label(theme::caption(ui, "Train on one of these instead:"));
    ui.horizontal_wrapped(|ui| {
        for info in CATALOGUE.iter().filter(|info| info.shape == Shape::Flat(2)) {
            if ui.button(info.title).clicked() {
                let source = Source::Shipped(info.name.to_owned());
                let mut said = String::new();
                studio.document.edit(|experiment| said = suited::choose(experiment, source));
                studio.toasts.done(said);
            }
        }
    });
}

fn field(ui: &mut Ui, studio: &mut Studio, prepared: &Arc<Prepared>) {
    let rows: Vec<_> = studio.document.runs().map(|(row, run)| (row, run.name.clone())).collect();
    let name = studio.document.run(studio.view.selected).map(|run| run.name.clone()).unwrap_or_default();
    let slot = rows.iter().find(|(row, _)| row.id == studio.view.selected).map_or(0, |(row, _)| row.slot);
    ui.horizontal(|ui| {
        run_chip(ui, slot, metrics::CONTROL, false);
        ui.add(eframe::egui::Label::new(name).truncate());
    });
    let side = ui.available_width().min(ui.available_height() - metrics::CONTROL).max(metrics::CARD_WIDTH);
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
    let tokens = theme::tokens(ui);
    ui.painter().rect_filled(rect, metrics::RADIUS, tokens.ground);
    let wanted = wanted(studio);
    let shown = studio.frame.field.clone().filter(|field| Some(&field.request) == wanted.as_ref());
    if let Some(field) = &shown {
        let pixels = (side * ui.pixels_per_point()).round().max(1.0) as u32;
        let picture = picture(ui, &mut studio.scenery, field, [pixels, pixels], tokens);
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(picture, rect, uv, theme::UNTINTED);
    }
    let outputs = prepared.outputs();
    if let Some(bounds) = bounds(prepared) {
        points(ui.painter(), rect, prepared, bounds, tokens);
        if let (Some(pointer), Some(field)) = (response.hover_pos(), &shown) {
            let text = words(field, rect, pointer, bounds, prepared);
            response.on_hover_text_at_pointer(text);
        }
    }
    if shown.is_none() {
        ui.painter().text(
            rect.center(),
            Align2::CENTER_CENTER,
            "Waiting for the model",
            theme::body(),
            tokens.muted,
        );
    }
    legend(ui, prepared, outputs);
}

/// The plane the samples lie in, with a margin, as a square.
fn bounds(prepared: &Prepared) -> Option<[f32; 4]> {
    let Prepared::Samples { train, scaling, .. } = prepared else { return None };
    if train.shape != Shape::Flat(2) {
        return None;
    }
    let [x, y] = scaling.features.as_slice() else { return None };
    let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for sample in train.features.chunks_exact(2) {
        for (axis, (value, line)) in sample.iter().zip([x, y]).enumerate() {
            let value = line.to_published(f64::from(*value)) as f32;
            low[axis] = low[axis].min(value);
            high[axis] = high[axis].max(value);
        }
    }
    let half = (high[0] - low[0]).max(high[1] - low[1]) * 0.56;
    let center = [f32::midpoint(low[0], high[0]), f32::midpoint(low[1], high[1])];
    let bounds = [center[0] - half, center[0] + half, center[1] - half, center[1] + half];
    bounds.iter().all(|bound| bound.is_finite()).then_some(bounds)
}

/// The answers as a picture of these pixels, drawn anew when the field changes.
fn picture(ui: &Ui, scenery: &mut Scenery, field: &Field, size: [u32; 2], tokens: &Tokens) -> TextureId {
    let mut hasher = DefaultHasher::new();
    field.values.iter().for_each(|value| value.to_bits().hash(&mut hasher));
    tokens.ground.hash(&mut hasher);
    let stamp = hasher.finish();
    if let Some(picture) = scenery.drawn(stamp, size, false) {
        return picture;
    }
    let side = field.request.side;
    let plain = |color: Color32| [color.r(), color.g(), color.b()];
    if field.outputs > 1 {
        // Paler than the samples of the class, which lie on it.
        let pale = |class| tokens.ground.lerp_to_gamma(tokens.class(class), PALE);
        let classes = (0..field.outputs).map(|class| plain(pale(class))).collect();
        let border = tokens.text.gamma_multiply(BORDER).to_srgba_unmultiplied();
        let decision = Decision::new((side, side), &field.values, classes, plain(tokens.ground), border);
        return scenery.draw(ui.ctx(), Subject::Decision(&decision), stamp, size, false);
    }
    // A predicted number, from -1 to 1 as the answers are scaled.
    let values = field.values.iter().map(|value| if value.is_finite() { 0.5 + 0.5 * value } else { INVALID });
    let values = values.map(|height| if height == INVALID { height } else { height.clamp(0.0, 1.0) });
    let heights = Heights { columns: side, rows: side, values: values.collect() };
    let [low, middle, high] = tokens.diverging.map(plain);
    let ground = tokens.ground.to_array();
    let scene = Scene {
        heights: &heights,
        colormap: &Colormap::diverging(low, middle, high),
        ink: Ink { ground, contour: ground, invalid: tokens.faint.to_array(), halo: ground },
        contours: CONTOURS,
        trails: &[],
        view: Straight::Map,
    };
    scenery.draw(ui.ctx(), Subject::Landscape(&scene), stamp, size, false)
}

/// The colour of a number from -1 to 1.
fn tint(value: f32, tokens: &Tokens) -> Color32 {
    let value = value.clamp(-1.0, 1.0);
    let [low, middle, high] = tokens.diverging;
    if value < 0.0 { middle.lerp_to_gamma(low, -value) } else { middle.lerp_to_gamma(high, value) }
}

fn points(painter: &Painter, rect: Rect, prepared: &Prepared, bounds: [f32; 4], tokens: &Tokens) {
    let Prepared::Samples { train, scaling, .. } = prepared else { return };
    let [x, y] = scaling.features.as_slice() else { return };
    let painter = painter.with_clip_rect(rect);
    let radius = (rect.width() / metrics::CARD_WIDTH).clamp(1.5, metrics::MARKER);
    for (index, sample) in train.features.chunks_exact(2).take(POINTS).enumerate() {
        let [a, b] = [sample[0], sample[1]];
        let place = to_screen(
            rect,
            bounds,
            [x.to_published(f64::from(a)) as f32, y.to_published(f64::from(b)) as f32],
        );
        let color = match &train.targets {
            Targets::Classes { labels, .. } => {
                tokens.class(labels.get(index).map_or(0, |label| *label as usize))
            }
            Targets::Values { values, .. } => tint(values.get(index).copied().unwrap_or_default(), tokens),
        };
        painter.circle(place, radius, color, Stroke::new(metrics::HAIRLINE * 0.75, tokens.ground));
    }
}

fn to_screen(rect: Rect, [left, right, bottom, top]: [f32; 4], [x, y]: [f32; 2]) -> Pos2 {
    pos2(
        rect.left() + (x - left) / (right - left) * rect.width(),
        rect.bottom() - (y - bottom) / (top - bottom) * rect.height(),
    )
}

/// What the model says under the pointer.
fn words(field: &Field, rect: Rect, pointer: Pos2, bounds: [f32; 4], prepared: &Prepared) -> String {
    let share = ((pointer - rect.min) / rect.size()).clamp(vec2(0.0, 0.0), vec2(1.0, 1.0));
    let [left, right, bottom, top] = bounds;
    let (x, y) = (left + share.x * (right - left), top - share.y * (top - bottom));
    let side = field.request.side;
    let last = side.saturating_sub(1);
    let nearest = |share: f32| ((share * last as f32).round() as usize).min(last);
    let start = ((last - nearest(share.y)) * side + nearest(share.x)) * field.outputs;
    let answers = field.values.get(start..start + field.outputs).unwrap_or_default();
    let place =
        format!("x {}, y {}", format::significant(f64::from(x), 3), format::significant(f64::from(y), 3));
    let said = match (prepared, answers) {
        (_, [value]) => format::metric(f64::from(*value)),
        (Prepared::Samples { train, .. }, answers) => {
            let names = match &train.targets {
                Targets::Classes { names, .. } => names.to_vec(),
                Targets::Values { .. } => Vec::new(),
            };
            let line = |(class, share): (usize, &f32)| {
                let name = names.get(class).cloned().unwrap_or_else(|| class.to_string());
                format!("class {name}: {}", format::percent(f64::from(*share)))
            };
            answers.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    };
    format!("{place}\n{said}")
}

/// Which colour is which class.
fn legend(ui: &mut Ui, prepared: &Prepared, outputs: usize) {
    let tokens = theme::tokens(ui);
    let names = match prepared {
        Prepared::Samples { train, .. } => match &train.targets {
            Targets::Classes { names, .. } => names.to_vec(),
            Targets::Values { .. } => return,
        },
        Prepared::Text { .. } => return,
    };
    ui.add_space(metrics::XS);
    ui.horizontal_wrapped(|ui| {
        for (class, name) in names.iter().enumerate().take(outputs) {
            let (chip, _) = ui.allocate_exact_size(vec2(metrics::CHIP, metrics::M), Sense::hover());
            ui.painter().circle_filled(chip.center(), metrics::MARKER, tokens.class(class));
            ui.label(theme::caption(ui, format!("class {name}")));
        }
    });
}
