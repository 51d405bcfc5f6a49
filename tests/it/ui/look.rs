//! The look: contrast, glyphs, and room for everything.

use anneal_studio::ui::panels::PANELS;
use anneal_studio::ui::theme::{DARK, LIGHT, Tokens, contrast, definitions, install};
use eframe::egui::{Context, FontFamily, FontId};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{first, open};

fn themes() -> [(&'static str, &'static Tokens); 2] {
    [("dark", &DARK), ("light", &LIGHT)]
}

/// WCAG 2.1 AA: 4.5 for text, 3 for what has to be told apart.
#[test]
fn text_and_curves_stand_out_in_both_themes() {
    for (theme, tokens) in themes() {
        let grounds = [("ground", tokens.ground), ("panel", tokens.panel), ("raised", tokens.raised)];
        let texts = [
            ("text", tokens.text),
            ("muted", tokens.muted),
            ("danger", tokens.danger),
            ("warning", tokens.warning),
            ("a string", tokens.code_text),
            ("a number", tokens.code_number),
            ("a keyword", tokens.code_keyword),
        ];
        for (on, ground) in grounds {
            for (name, text) in texts {
                let ratio = contrast(text, ground);
                assert!(ratio >= 4.5, "{theme}: {name} on {on} is {ratio:.2}");
            }
            for (slot, run) in tokens.runs.into_iter().enumerate() {
                let ratio = contrast(run, ground);
                assert!(ratio >= 3.0, "{theme}: run {slot} on {on} is {ratio:.2}");
            }
            for (class, color) in tokens.classes.into_iter().enumerate() {
                let ratio = contrast(color, ground);
                assert!(ratio >= 3.0, "{theme}: class {class} on {on} is {ratio:.2}");
            }
        }
        for lit in [tokens.hover, tokens.press] {
            assert!(contrast(tokens.text, lit) >= 4.5, "{theme}: text on a lit control");
        }
        let ratio = contrast(tokens.on_solid, tokens.solid);
        assert!(ratio >= 4.5, "{theme}: text on the filled button is {ratio:.2}");
    }
}

#[test]
fn contrast_is_measured_as_wcag_does() {
    use eframe::egui::Color32;
    assert!((contrast(Color32::WHITE, Color32::BLACK) - 21.0).abs() < 1e-9);
    assert!((contrast(Color32::from_rgb(119, 119, 119), Color32::WHITE) - 4.478).abs() < 1e-3);
}

#[test]
fn colours_of_runs_differ_from_each_other() {
    for (theme, tokens) in themes() {
        for (a, first) in tokens.runs.iter().enumerate() {
            for second in &tokens.runs[a + 1..] {
                let distance: i32 = (0..3).map(|c| (i32::from(first[c]) - i32::from(second[c])).abs()).sum();
                assert!(distance > 60, "{theme}: {first:?} and {second:?}");
            }
        }
    }
}

/// The symbols of the interface are in the bundled fonts, in every family that may show them.
#[test]
fn every_symbol_has_a_glyph() {
    let ctx = Context::default();
    install(&ctx, false);
    let _ = ctx.run_ui(eframe::egui::RawInput::default(), |_| {});
    let symbols = "ηβ∇λ×γεαμσ·–…“”→≤≥±√⌊⌋₁₂";
    for family in definitions().families.into_keys() {
        if matches!(family, FontFamily::Name(_)) {
            continue;
        }
        let font = FontId::new(13.0, family.clone());
        for symbol in symbols.chars() {
            assert!(ctx.fonts_mut(|fonts| fonts.has_glyph(&font, symbol)), "{family:?} has no {symbol}");
        }
    }
}

/// Runs under the harness's own rules: a glyph that no font has, and an input without a name, fail it.
#[test]
fn every_panel_draws_at_every_size() {
    for size in [(960.0, 600.0), (1100.0, 700.0), (1600.0, 1000.0), (3840.0, 2160.0)] {
        let experiment = crate::support::digits();
        let mut studio = open(experiment, None, 400, size);
        for tab in ["Schedule", "Optimizer", "Experiment"] {
            studio.click(tab);
        }
        for panel in PANELS {
            studio.panel(panel.title);
        }
        for label in ["Light theme", "Instant", "Add run"] {
            let rect = studio.harness.get_by_label(label).rect();
            let inside = rect.left() >= 0.0 && rect.right() <= size.0 && rect.bottom() <= size.1;
            assert!(inside, "{label} is at {rect:?} in a window of {size:?}");
        }
    }
}

#[test]
fn the_theme_switches() {
    let mut studio = first(100);
    studio.click("Light theme");
    assert!(studio.shows("Dark theme"));
    studio.click("Dark theme");
    assert!(studio.shows("Light theme"));
}

#[test]
fn an_idle_studio_asks_for_no_frames() {
    let mut studio = first(400);
    // Fails if the studio goes on asking for frames at once.
    studio.harness.run();
}
