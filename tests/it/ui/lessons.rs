//! Lessons in the studio: progress is kept, answers are handed in, and a lesson prints as a page.

use anneal_studio::files::Places;
use anneal_studio::ui::sheet::Sheet;
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, open_kept};
use crate::support::digits;

fn content(studio: &Studio) -> (String, String) {
    match studio.harness.state().studio().sheet.clone() {
        Some(Sheet::Export { path, content, .. }) => (path, String::from_utf8(content.to_vec()).unwrap()),
        other => panic!("no file is asked for: {other:?}"),
    }
}

/// Lets the studio end well, so that all is written.
fn end(mut studio: Studio) {
    eframe::App::on_exit(studio.harness.state_mut());
}

#[test]
fn a_prediction_is_kept_between_starts_noted_in_a_handout_and_handed_in() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let mut studio = open_kept(digits(), None, &places);
    studio.panel("Lesson");
    assert!(!studio.says("answered"));
    studio.click("4  The noise floor");
    assert!(studio.says("Training waits for your prediction"));
    studio.click("About 0.06 in accuracy.");
    assert!(!studio.says("Training waits for your prediction"));
    studio.harness.get_by_label("What you saw").focus();
    studio.harness.run_steps(2);
    studio.harness.get_by_label("What you saw").type_text("a <flat> end");
    studio.harness.run_steps(3);
    // It may be below the window's edge.
    studio.harness.get_by_label("Save handout…").click_accesskit();
    studio.harness.run_steps(3);
    let (path, page) = content(&studio);
    assert!(path.ends_with(".html"), "{path}");
    for said in
        ["<h1>The noise floor</h1>", "my prediction", "a &lt;flat&gt; end", "<svg", "Bergsma", "constant"]
    {
        assert!(page.contains(said), "{said} is not on the page");
    }
    assert!(!page.contains("<script") && !page.contains("http-equiv") && !page.contains("src="));
    studio.press(eframe::egui::Modifiers::NONE, eframe::egui::Key::Escape);
    end(studio);

    let mut studio = open_kept(digits(), None, &places);
    studio.panel("Lesson");
    assert!(studio.says("1 of 17 answered") && studio.says("✓ as predicted"));
    studio.click("Save answers…");
    let (path, text) = content(&studio);
    assert!(path.ends_with(".toml"));
    let answers: toml::Table = text.parse().unwrap();
    let answer = answers["answer"].as_array().unwrap()[0].as_table().unwrap();
    assert_eq!(answer["lesson"].as_str(), Some("the-noise-floor"));
    assert_eq!((answer["correct"].as_bool(), answer["note"].as_str()), (Some(true), Some("a <flat> end")));
}
