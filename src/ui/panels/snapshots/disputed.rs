//! The held-out samples on which the ticked snapshots differ most: what they look like, and who says what.

use eframe::egui::{Painter, Rect, Role, Sense, Shape as Drawing, Stroke, Ui, WidgetInfo, vec2};

use crate::analysis::ensemble::{Comparison, Disputed};
use crate::data::{Prepared, Samples, Shape, Targets};
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, Tokens, metrics};

/// A sample's picture, and the least room for what is said of it.
const PICTURE: f32 = 56.0;
const CARD: f32 = 72.0;

pub fn show(ui: &mut Ui, studio: &Studio, comparison: &Comparison) {
    let Some(prepared) = studio.frame.prepared.as_deref() else { return };
    let Prepared::Samples { validation, .. } = prepared else { return };
    let Targets::Classes { names, .. } = &validation.targets else { return };
    super::section(
        ui,
        "Where they differ",
        "The held-out samples they disagree about most: the right answer, then what they say together.",
    );
    let columns = ((ui.available_width() + metrics::S) / (CARD + metrics::S)).floor().max(1.0) as usize;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(metrics::S, metrics::S);
        // Whole rows only.
        let count = comparison.disputed.len() / columns * columns;
        let count = if count == 0 { comparison.disputed.len() } else { count };
        for disputed in comparison.disputed.iter().take(count) {
            card(ui, validation, names, disputed);
        }
    });
}

fn card(ui: &mut Ui, samples: &Samples, names: &[String], disputed: &Disputed) {
    let tokens = theme::tokens(ui);
    let height = PICTURE + 2.0 * metrics::L;
    let (rect, response) = ui.allocate_exact_size(vec2(CARD, height), Sense::hover());
    let name = |class: Option<u32>| {
        class.and_then(|class| names.get(class as usize).cloned()).unwrap_or_else(|| "–".to_owned())
    };
    let (truth, together) = (name(disputed.truth), name(disputed.together));
    response.widget_info(|| {
        WidgetInfo::labeled(
            Role::Image,
            true,
            format!("Sample {}: {truth}, said {together}", disputed.sample),
        )
    });
    let picture = Rect::from_min_size(rect.min, vec2(PICTURE, PICTURE));
    if let Some(values) = samples.sample(disputed.sample) {
        paint(ui.painter(), picture, samples.shape, values, tokens);
    }
    // Who says what: a dot a member in its answer's colour, beside the picture.
    let step = metrics::S.min(PICTURE / disputed.answers.len().max(1) as f32);
    for (at, answer) in disputed.answers.iter().enumerate() {
        let center = picture.right_top() + vec2(metrics::S, (at as f32 + 0.5) * step);
        ui.painter().circle_filled(center, 0.4 * step, tokens.class(*answer as usize));
    }
    let right = disputed.truth == disputed.together;
    let clip = ui.painter().with_clip_rect(rect);
    let line = |row: f32, text: String, color| {
        let at = picture.left_bottom() + vec2(0.0, metrics::XS / 2.0 + row * (metrics::L - 2.0));
        clip.text(at, eframe::egui::Align2::LEFT_TOP, text, theme::small(), color);
    };
    line(0.0, truth.clone(), tokens.text);
    line(1.0, together.clone(), if right { tokens.muted } else { tokens.danger });
    let votes: Vec<String> = disputed.answers.iter().map(|answer| name(Some(*answer))).collect();
    response.on_hover_text(format!(
        "Right: {truth}\nTogether: {together}\nOne by one: {}\nDisagreement: {} nats",
        votes.join(", "),
        format::significant(disputed.disagreement, 3)
    ));
}

/// An image as pixels, anything else as a signal.
fn paint(painter: &Painter, rect: Rect, shape: Shape, values: &[f32], tokens: &Tokens) {
    painter.rect_filled(rect, 0.0, tokens.ground);
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let share = |value: f32| if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
    if let Shape::Image { height, width } = shape {
        let cell = vec2(rect.width() / width as f32, rect.height() / height as f32);
        for (at, value) in values.iter().enumerate() {
            let place = rect.min + vec2((at % width) as f32 * cell.x, (at / width) as f32 * cell.y);
            let color = tokens.ground.lerp_to_gamma(tokens.text, share(*value));
            painter.rect_filled(Rect::from_min_size(place, cell), 0.0, color);
        }
        return;
    }
    let across = rect.width() / (values.len().max(2) - 1) as f32;
    let inner = rect.shrink2(vec2(0.0, metrics::XS));
    let points = values
        .iter()
        .enumerate()
        .map(|(at, value)| inner.left_bottom() + vec2(at as f32 * across, -share(*value) * inner.height()));
    painter.add(Drawing::line(points.collect(), Stroke::new(metrics::HAIRLINE, tokens.text)));
}
