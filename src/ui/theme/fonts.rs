//! The bundled typefaces: Inter for text, JetBrains Mono for numbers and code, and signs that neither has.

use std::sync::Arc;

use eframe::egui::{FontData, FontDefinitions, FontFamily};

/// The family of emphasised text.
pub const MEDIUM: &str = "medium";
/// The family of titles.
pub const SEMIBOLD: &str = "semibold";

const FILES: [(&str, &[u8]); 5] = [
    ("Inter", include_bytes!("../../../assets/fonts/Inter-Regular.otf")),
    ("Inter Medium", include_bytes!("../../../assets/fonts/Inter-Medium.otf")),
    ("Inter SemiBold", include_bytes!("../../../assets/fonts/Inter-SemiBold.otf")),
    ("JetBrains Mono", include_bytes!("../../../assets/fonts/JetBrainsMono-Regular.ttf")),
    ("Anneal Symbols", include_bytes!("../../../assets/fonts/AnnealSymbols.ttf")),
];

/// Every family with its typefaces, first choice first.
pub fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in FILES {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    for (family, names) in [
        (FontFamily::Proportional, ["Inter", "JetBrains Mono", "Anneal Symbols"]),
        (FontFamily::Monospace, ["JetBrains Mono", "Inter", "Anneal Symbols"]),
        (FontFamily::Name(MEDIUM.into()), ["Inter Medium", "JetBrains Mono", "Anneal Symbols"]),
        (FontFamily::Name(SEMIBOLD.into()), ["Inter SemiBold", "JetBrains Mono", "Anneal Symbols"]),
    ] {
        fonts.families.insert(family, names.map(str::to_owned).to_vec());
    }
    fonts
}
