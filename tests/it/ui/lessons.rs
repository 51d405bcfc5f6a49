//! Lessons in the studio: progress is kept, answers are handed in, and a lesson prints as a page.

use anneal_studio::files::Places;
use anneal_studio::ui::sheet::Sheet;
use eframe::egui::{Key, Modifiers, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::stand_in::{Studio, open_kept, shared};
use crate::support::digits;

fn content(studio: &Studio) -> (String, String) {
    match studio.harness.state().studio().sheet.clone() {
        Some(Sheet::Export { path, content, .. }) => (path, String::from_utf8(content.to_vec()).unwrap()),
        other => panic!("no file is asked for: {other:?}"),
    }
}

#[test]
fn a_curve_that_was_drawn_before_training_stays_and_the_lesson_says_how_far_off_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let mut studio = open_kept(digits(), None, &places);
    studio.panel("Lesson");
    studio.click("4  The noise floor");
    assert!(studio.says("Draw the validation accuracy that you expect of “cosine”"));
    let rect = studio.harness.get_by_label("Accuracy plot").rect();
    let window = studio.harness.state().studio().view.window;
    studio.drag(rect.lerp_inside(vec2(0.02, 0.9)), rect.lerp_inside(vec2(0.98, 0.3)), 20, |_| ());
    assert_eq!(studio.harness.state().studio().view.window, window, "drawing does not pan");
    studio.click("Draw again");
    assert!(!studio.shows("Draw again"));
    studio.drag(rect.lerp_inside(vec2(0.02, 0.9)), rect.lerp_inside(vec2(0.98, 0.3)), 20, |_| ());
    assert!(studio.shows("Draw again"));
    studio.click("About 0.06 in accuracy.");
    // Runs of the lesson, as an engine would show them.
    let shared = shared(studio.document(), 1000);
    *studio.log.shared.borrow_mut() = shared;
    studio.harness.run_steps(4);
    assert!(studio.says("Your curve was off by") && studio.says("at most, near update"));
    let words = studio.harness.get_by_label("Accuracy plot").accesskit_node().value().unwrap();
    assert!(words.contains("cosine, accuracy"), "{words}");
    studio.harness.get_by_label("Save handout…").click_accesskit();
    studio.harness.run_steps(3);
    let (_, page) = content(&studio);
    assert!(page.contains("Your curve was off by") && page.contains("cosine, as expected"));
    studio.press(Modifiers::NONE, Key::Escape);
    end(studio);

    let mut studio = open_kept(digits(), None, &places);
    studio.panel("Lesson");
    studio.click("Save answers…");
    let answers: toml::Table = content(&studio).1.parse().unwrap();
    let answer = answers["answer"].as_array().unwrap()[0].as_table().unwrap();
    assert!(answer["drawn"].as_array().unwrap().len() > 10);
    assert!(answer["drawn_off_by"].as_float().unwrap() > 0.0);
    studio.press(Modifiers::NONE, Key::Escape);
    studio.click("4  The noise floor  ✓ as predicted");
    let curves = anneal_studio::ui::plot::drawn_curves(
        studio.harness.state().studio(),
        anneal_studio::ui::layout::Pane::Metric,
        &anneal_studio::ui::theme::DARK,
    );
    assert!(curves.curves.iter().any(|curve| curve.run == "cosine, as expected"), "it is back");
}

#[test]
fn a_prediction_is_drawn_by_keys_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = open_kept(digits(), None, &Places::below(folder.path()));
    studio.panel("Lesson");
    studio.click("4  The noise floor");
    studio.harness.get_by_label("Accuracy plot").focus();
    studio.harness.run_steps(3);
    assert!(studio.says("by hand or with arrow keys"));
    studio.press(Modifiers::NONE, Key::End);
    for _ in 0..4 {
        studio.press(Modifiers::SHIFT, Key::ArrowUp);
    }
    let drawn = |studio: &Studio| {
        let (studio, pane) = (studio.harness.state().studio(), anneal_studio::ui::layout::Pane::Metric);
        let curves = anneal_studio::ui::plot::drawn_curves(studio, pane, &anneal_studio::ui::theme::DARK);
        let curve = curves.curves.into_iter().find(|curve| curve.run == "cosine, as expected");
        curve.expect("a drawn curve").points.iter().map(|point| point.1).collect::<Vec<_>>()
    };
    let risen = drawn(&studio);
    assert_eq!(risen, [0.45, 0.8], "level half way up, and no higher than the lesson asks");
    studio.press(Modifiers::NONE, Key::Home);
    studio.press(Modifiers::NONE, Key::ArrowDown);
    assert!(drawn(&studio)[0] < risen[0]);
    let words = studio.harness.get_by_label("Accuracy plot").accesskit_node().value().unwrap();
    assert!(words.contains("as expected"), "it is said where the cursor is: {words}");
    studio.click("About 0.06 in accuracy.");
    assert!(!studio.says("Training waits for your prediction"));
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
    studio.press(Modifiers::NONE, Key::Escape);
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
