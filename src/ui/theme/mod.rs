//! The look: every colour, size and font of the interface is a token declared here.

mod fonts;
pub mod metrics;
mod style;
mod tokens;

pub use fonts::{MEDIUM, SEMIBOLD, definitions};
pub use style::install;
pub use tokens::{DARK, LIGHT, Tokens, contrast};

use eframe::egui::{Color32, FontFamily, FontId, RichText, Ui, Visuals};

/// The tint that leaves a picture as it is.
pub const UNTINTED: Color32 = Color32::WHITE;

/// The tokens of the theme in use.
pub fn tokens(ui: &Ui) -> &'static Tokens {
    of(ui.visuals())
}

/// The tokens that `visuals` were made of.
pub fn of(visuals: &Visuals) -> &'static Tokens {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// A colour of a colour map, each channel from 0 to 1.
pub fn of_channels(channels: [f32; 3]) -> Color32 {
    let [r, g, b] = channels.map(|channel| (255.0 * channel).round() as u8);
    Color32::from_rgb(r, g, b)
}

/// The text colour of either theme that stands out more on a colour.
pub fn legible_on(ground: Color32) -> Color32 {
    if contrast(DARK.text, ground) > contrast(LIGHT.text, ground) { DARK.text } else { LIGHT.text }
}

/// Interface text.
pub fn body() -> FontId {
    FontId::new(metrics::TEXT, FontFamily::Proportional)
}

/// Captions and axis labels.
pub fn small() -> FontId {
    FontId::new(metrics::TEXT_SMALL, FontFamily::Proportional)
}

/// Live values: every digit has the same width, so nothing jitters.
pub fn number() -> FontId {
    FontId::new(metrics::TEXT_NUMBER, FontFamily::Monospace)
}

/// A number that a whole panel is about.
pub fn large_number() -> FontId {
    FontId::new(metrics::TEXT_LARGE, FontFamily::Monospace)
}

/// Numbers on an axis.
pub fn small_number() -> FontId {
    FontId::new(metrics::TEXT_SMALL, FontFamily::Monospace)
}

/// Interface text with emphasis.
pub fn medium() -> FontId {
    FontId::new(metrics::TEXT, FontFamily::Name(MEDIUM.into()))
}

/// A quiet caption.
pub fn caption(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).font(small()).color(tokens(ui).muted)
}

/// The title of a section.
pub fn title(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text)
        .font(FontId::new(metrics::TEXT, FontFamily::Name(SEMIBOLD.into())))
        .color(tokens(ui).text)
}

/// A live value.
pub fn value(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).font(number()).color(tokens(ui).text)
}
