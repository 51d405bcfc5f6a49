//! The decision field: what a model says over the plane of its two inputs, under the samples it learned from.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, ColorImage, Context, Painter, Pos2, Rect, Sense, Stroke, TextureHandle, TextureOptions,
    Ui, pos2, vec2,
};

use crate::data::{Prepared, Shape, Targets};
use crate::experiment::Source;
use crate::train::command::{Field, FieldRequest, LaneId};
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::paint_marker;

use super::data;

/// Samples of the field along each side.
const SIDE: usize = 96;
/// The most points drawn over it.
const POINTS: usize = 800;
/// The data sets whose samples have two inputs.
const FLAT: [(&str, &str); 5] =
    [("spirals", "Spirals"), ("moons", "Moons"), ("circles", "Circles"), ("xor", "XOR"), ("blobs", "Blobs")];

/// What is asked of the engine for the panel as it is now.
pub fn request(studio: &Studio) -> Option<FieldRequest> {
    let Prepared::Samples { .. } = studio.frame.prepared.as_deref()? else { return None };
    let bounds = bounds(studio.frame.prepared.as_deref()?)?;
    Some(FieldRequest { lane: LaneId { run: studio.view.selected, replica: 0 }, bounds, side: SIDE })
}

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
        "A decision field shows what a model answers at every point of a plane. This data is {inputs} a sample; a plane takes two."
    ));
    ui.add_space(metrics::S);
    ui.label(theme::caption(ui, "Train on one of these instead:"));
    ui.horizontal_wrapped(|ui| {
        for (name, title) in FLAT {
            if ui.button(title).clicked() {
                studio.document.edit(|experiment| data::choose(experiment, Source::Shipped(name.to_owned())));
            }
        }
    });
}

fn field(ui: &mut Ui, studio: &mut Studio, prepared: &Arc<Prepared>) {
    let rows: Vec<_> = studio.document.runs().map(|(row, run)| (row, run.name.clone())).collect();
    let name = studio.document.run(studio.view.selected).map(|run| run.name.clone()).unwrap_or_default();
    let slot = rows.iter().find(|(row, _)| row.id == studio.view.selected).map_or(0, |(row, _)| row.slot);
    ui.horizontal(|ui| {
        let tokens = theme::tokens(ui);
        let (chip, _) = ui.allocate_exact_size(vec2(metrics::CHIP, metrics::CONTROL), Sense::hover());
        paint_marker(ui.painter(), chip.center(), metrics::CHIP / 2.0, slot, tokens.run(slot));
        ui.add(eframe::egui::Label::new(name).truncate());
    });
    let side = ui.available_width().min(ui.available_height() - metrics::CONTROL).max(metrics::CARD_WIDTH);
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
    let tokens = theme::tokens(ui);
    ui.painter().rect_filled(rect, metrics::RADIUS, tokens.ground);
    let wanted = request(studio);
    let shown = studio.frame.field.clone().filter(|field| Some(&field.request) == wanted.as_ref());
    if let Some(field) = &shown {
        let texture = texture(ui.ctx(), field, tokens);
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture.id(), rect, uv, theme::UNTINTED);
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

/// The answers as an image: a tint of the likeliest class, the surer the stronger.
fn image(field: &Field, tokens: &Tokens) -> ColorImage {
    let side = field.request.side;
    let mut pixels = Vec::with_capacity(side * side);
    for y in (0..side).rev() {
        for x in 0..side {
            let start = (y * side + x) * field.outputs;
            let answers = field.values.get(start..start + field.outputs).unwrap_or_default();
            pixels.push(tint(answers, tokens));
        }
    }
    ColorImage::new([side, side], pixels)
}

fn tint(answers: &[f32], tokens: &Tokens) -> Color32 {
    if answers.len() < 2 {
        let value = answers.first().copied().unwrap_or_default().clamp(-1.0, 1.0);
        let [low, middle, high] = tokens.diverging;
        return if value < 0.0 {
            middle.lerp_to_gamma(low, -value)
        } else {
            middle.lerp_to_gamma(high, value)
        };
    }
    let likeliest = answers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    let Some((class, share)) = likeliest else { return tokens.ground };
    let chance = 1.0 / answers.len() as f32;
    let sure = ((share - chance) / (1.0 - chance)).clamp(0.0, 1.0);
    if !sure.is_finite() {
        return tokens.ground;
    }
    // Steps, so that equal certainty shows as contour lines.
    let steps = (sure * 8.0).floor() / 8.0;
    tokens.ground.lerp_to_gamma(tokens.class(class), 0.1 + 0.4 * steps)
}

/// A texture, and what it was made of.
type Kept = ((usize, usize, u64), TextureHandle);

/// The field's texture, made anew when the field changes.
fn texture(ctx: &Context, field: &Arc<Field>, tokens: &'static Tokens) -> TextureHandle {
    let id = eframe::egui::Id::unique("decision field");
    let stamp = (Arc::as_ptr(field) as usize, std::ptr::from_ref(tokens) as usize, field.update);
    if let Some((made, texture)) = ctx.data(|data| data.get_temp::<Kept>(id)) {
        if made == stamp {
            return texture;
        }
        let mut texture = texture;
        texture.set(image(field, tokens), TextureOptions::LINEAR);
        ctx.data_mut(|data| data.insert_temp(id, (stamp, texture.clone())));
        return texture;
    }
    let texture = ctx.load_texture("decision field", image(field, tokens), TextureOptions::LINEAR);
    ctx.data_mut(|data| data.insert_temp(id, (stamp, texture.clone())));
    texture
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
            Targets::Values { values, .. } => tint(values.get(index..=index).unwrap_or_default(), tokens),
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
    let cell = |share: f32| ((share * side as f32) as usize).min(side.saturating_sub(1));
    let start = ((side - 1 - cell(share.y)) * side + cell(share.x)) * field.outputs;
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
