//! Lessons in the studio: progress is kept, answers are handed in, and a lesson prints as a page.

use anneal_studio::engine::protocol::{Command, State};
use anneal_studio::files::Places;
use anneal_studio::lesson::SHIPPED;
use anneal_studio::telemetry::Column;
use anneal_studio::ui::plot::{Scale, XAxis};
use anneal_studio::ui::sheet::Sheet;
use anneal_studio::ui::view::Window;
use anneal_studio::ui::wish::Wish;
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

/// A shipped lesson as the list has it.
fn listed(name: &str, mark: &str) -> String {
    let at = SHIPPED.iter().position(|shipped| shipped.name == name).expect("a shipped lesson");
    format!("{}  {}{mark}", at + 1, SHIPPED[at].read().unwrap().title)
}

#[test]
fn a_curve_that_was_drawn_before_training_stays_and_the_lesson_says_how_far_off_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let mut studio = open_kept(digits(), None, &places);
    studio.panel("Lesson");
    studio.click(&listed("the-noise-floor", ""));
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
    studio.click(&listed("the-noise-floor", "  ✓ as predicted"));
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
    studio.click(&listed("the-noise-floor", ""));
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
    studio.click(&listed("the-noise-floor", ""));
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
    assert!(studio.says(&format!("1 of {} answered", SHIPPED.len())) && studio.says("✓ as predicted"));
    studio.click("Save answers…");
    let (path, text) = content(&studio);
    assert!(path.ends_with(".toml"));
    let answers: toml::Table = text.parse().unwrap();
    let answer = answers["answer"].as_array().unwrap()[0].as_table().unwrap();
    assert_eq!(answer["lesson"].as_str(), Some("the-noise-floor"));
    assert_eq!((answer["correct"].as_bool(), answer["note"].as_str()), (Some(true), Some("a <flat> end")));
}

/// What of a lesson is set for a student to see.
fn looks(studio: &Studio) -> (Column, Scale, XAxis, String) {
    let studio = studio.harness.state().studio();
    let run = studio.document.run(studio.view.selected).unwrap().name.clone();
    (studio.view.quantity, studio.view.rate_scale, studio.view.x_axis, run)
}

#[test]
fn a_lesson_sets_what_there_is_to_see_when_it_begins_and_when_it_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let name = "plateau-on-a-noisy-metric";
    let mut studio = open_kept(digits(), None, &places);
    studio.panel("Lesson");
    studio.click(&listed(name, ""));
    let seen = (Column::TrainLoss, Scale::Log, XAxis::Epochs, "patience 1".to_owned());
    assert_eq!(looks(&studio), seen);
    studio.click("Cut again and again, to almost nothing.");
    assert_eq!(looks(&studio), seen);
    end(studio);

    let mut studio = open_kept(digits(), None, &places);
    assert_ne!(looks(&studio), seen);
    studio.panel("Lesson");
    studio.click(&listed(name, "  ✓ as predicted"));
    assert_eq!(looks(&studio), seen, "and once more");
    assert!(studio.log.said(|command| matches!(command, Command::Play)), "who has answered does not wait");
}

#[test]
fn a_lesson_shows_its_stretch_once_the_runs_are_through_unless_somebody_looks_elsewhere() {
    for panned in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut studio = open_kept(digits(), None, &Places::below(folder.path()));
        studio.panel("Lesson");
        studio.click(&listed("the-noise-floor", ""));
        studio.click("About 0.06 in accuracy.");
        let window = |studio: &Studio| studio.harness.state().studio().view.window;
        assert_eq!(window(&studio), Window::Whole);
        if panned {
            studio.harness.state_mut().studio_mut().view.window = Window::Fixed { from: 0.0, to: 100.0 };
        }
        let mut shared = shared(studio.document(), 1000);
        (shared.status.state, shared.status.generation) = (State::Finished, studio.document().generation());
        *studio.log.shared.borrow_mut() = shared;
        studio.harness.run_steps(4);
        let stretch = if panned { (0.0, 100.0) } else { (750.0, 1000.0) };
        assert_eq!(window(&studio), Window::Fixed { from: stretch.0, to: stretch.1 });
        studio.harness.state_mut().studio_mut().view.fit();
        studio.harness.run_steps(4);
        if !panned {
            assert_eq!(window(&studio), Window::Whole, "once is enough");
        }
    }
}

#[test]
fn the_panel_that_a_lesson_opens_leads_back_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = open_kept(digits(), None, &Places::below(folder.path()));
    studio.panel("Results");
    assert!(!studio.shows("Back to the lesson"));
    studio.panel("Lesson");
    studio.click(&listed("the-noise-floor", ""));
    studio.click("About 0.06 in accuracy.");
    studio.click("Open results");
    assert!(!studio.shows("2  Drag"));
    studio.click("Back to the lesson");
    assert!(studio.shows("2  Drag") && !studio.shows("Back to the lesson"));
    studio.panel("Results");
    studio.harness.state_mut().studio_mut().replace(anneal_studio::ui::Document::new(digits(), None));
    studio.harness.run_steps(3);
    assert!(!studio.shows("Back to the lesson"), "another experiment is not the lesson's");
}

#[test]
fn a_lesson_in_a_file_opens_as_any_file_does_and_its_answer_is_kept_by_its_title() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(&folder.path().join("places"));
    let file = folder.path().join("mine.toml");
    let noise = SHIPPED.iter().find(|shipped| shipped.name == "the-noise-floor").unwrap();
    let text = noise.text.replacen("title = \"The noise floor\"", "title = \"My own floor\"", 1);
    std::fs::write(&file, &text).unwrap();
    let mut studio = open_kept(digits(), None, &places);
    studio.harness.state_mut().studio_mut().wish(Wish::Open(file.clone()));
    studio.harness.run_steps(4);
    assert!(studio.says("A lesson of your own") && studio.shows("My own floor"));
    assert_eq!(studio.document().experiment().name, "The noise floor");
    studio.click("About 0.06 in accuracy.");
    end(studio);

    let mut studio = open_kept(digits(), None, &places);
    assert_eq!(
        studio.harness.state().studio().progress.answer("My own floor").map(|it| it.predicted),
        Some(1)
    );
    assert!(studio.harness.state().studio().progress.answer("the-noise-floor").is_none());
    // Dropped on the window, over work that is not saved.
    studio.harness.state_mut().studio_mut().document.edit(|experiment| experiment.name = "Mine".into());
    studio.harness.state_mut().studio_mut().wish(Wish::Open(file.clone()));
    studio.harness.run_steps(4);
    assert!(studio.says("Save the changes") && !studio.shows("My own floor"));
    studio.click("Discard changes");
    assert!(studio.shows("My own floor") && studio.shows("2  Drag"), "answered already");

    std::fs::write(&file, text.replacen("run = \"cosine\"\nsay", "run = \"cos\"\nsay", 1)).unwrap();
    studio.harness.state_mut().studio_mut().wish(Wish::Open(file));
    studio.harness.run_steps(4);
    assert!(
        studio.says("`drag.run` is \"cos\"; the runs are: constant, cosine"),
        "the sheet says what is wrong"
    );
}

#[test]
fn what_a_lesson_sets_is_for_the_lesson_alone() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let mut studio = open_kept(digits(), None, &places);
    let view = |studio: &Studio| {
        let view = &studio.harness.state().studio().view;
        (view.rate_scale, view.loss_scale, view.smoothing, view.half_life, view.x_axis)
    };
    let mine = (Scale::Log, Scale::Linear, true, 0.03, XAxis::Epochs);
    let own = &mut studio.harness.state_mut().studio_mut().view;
    (own.rate_scale, own.loss_scale, own.smoothing, own.half_life, own.x_axis) = mine;
    let lesson = SHIPPED.iter().position(|shipped| shipped.name == "the-noise-floor").expect("a lesson");
    let begin = |studio: &mut Studio| {
        studio.harness.state_mut().studio_mut().wish(Wish::Lesson(lesson));
        studio.harness.run_steps(3);
    };
    begin(&mut studio);
    assert_ne!(view(&studio), mine, "the lesson shows what it is about");
    studio.press(Modifiers::COMMAND, Key::N);
    assert_eq!(view(&studio), mine);
    begin(&mut studio);
    end(studio);
    let studio = open_kept(digits(), None, &places);
    assert_eq!(view(&studio), mine, "nor are they kept for the next start");
}
