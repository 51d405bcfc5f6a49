//! Editing by hand: the pencil, the order and the colours of runs, names that follow, other data, and how long it takes.

use anneal_studio::engine::protocol::State;
use anneal_studio::schedule::Kind;
use eframe::egui::{Key, Modifiers, vec2};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, clock, first};

fn names(studio: &Studio) -> Vec<String> {
    studio.document().runs().map(|(_, run)| run.name.clone()).collect()
}

#[test]
fn a_curve_drawn_with_the_pencil_becomes_few_control_points_and_one_step() {
    let mut studio = first(400);
    let before = studio.document().experiment().clone();
    studio.press(Modifiers::NONE, Key::P);
    assert!(studio.harness.state().studio().view.pencil);
    let rect = studio.harness.get_by_label("Learning rate plot").rect();
    let window = studio.harness.state().studio().view.window;
    studio.drag(rect.lerp_inside(vec2(0.1, 0.2)), rect.lerp_inside(vec2(0.95, 0.8)), 20, |_| ());
    assert_eq!(studio.harness.state().studio().view.window, window, "drawing does not pan");
    let view = &studio.harness.state().studio().view;
    let run = studio.document().run(view.selected).unwrap().clone();
    let Kind::Points(points) = &run.lr.kind else { panic!("{:?}", run.lr) };
    assert!((2..=12).contains(&points.points.len()), "{:?}", points.points);
    let curve = run.lr.resolve(clock()).unwrap();
    assert!(curve.at(150) > curve.at(500) && curve.at(500) > curve.at(900), "it falls as it was drawn");
    assert_eq!(run.name, "drawn by hand", "the name follows");
    studio.press(Modifiers::NONE, Key::P);
    assert!(!studio.harness.state().studio().view.pencil);
    assert!(studio.harness.query_by_label("Point 1 handle").is_some());
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.document().experiment(), &before);
}

#[test]
fn converting_to_control_points_keeps_the_shape() {
    let mut studio = first(400);
    studio.click("Run warmup + cosine");
    let selected = studio.harness.state().studio().view.selected;
    let curve = |studio: &Studio| studio.document().run(selected).unwrap().lr.resolve(clock()).unwrap();
    let before = curve(&studio);
    studio.click("Schedule: Warmup + cosine");
    studio.click("Drawn by hand");
    let after = curve(&studio);
    assert!(matches!(studio.document().run(selected).unwrap().lr.kind, Kind::Points(_)));
    for update in 0..1000 {
        let apart = (before.at(update) - after.at(update)).abs();
        assert!(apart < 0.02 * before.range().1, "{update}: {} {}", before.at(update), after.at(update));
    }
}

#[test]
fn runs_are_put_in_another_order_by_dragging_and_by_keys() {
    let mut studio = first(400);
    assert_eq!(names(&studio), ["constant", "warmup + cosine", "one-cycle"]);
    let from = studio.place("Run constant") - vec2(40.0, 0.0);
    let to = studio.harness.get_by_label("Run one-cycle").rect().center_bottom() + vec2(-40.0, 4.0);
    studio.drag(from, to, 8, |_| ());
    assert_eq!(names(&studio), ["warmup + cosine", "one-cycle", "constant"]);
    studio.click("Run one-cycle");
    studio.press(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(names(&studio), ["one-cycle", "warmup + cosine", "constant"]);
    studio.press(Modifiers::ALT, Key::ArrowUp);
    studio.press(Modifiers::ALT, Key::ArrowDown);
    studio.press(Modifiers::ALT, Key::ArrowDown);
    assert_eq!(names(&studio), ["warmup + cosine", "constant", "one-cycle"]);
}

#[test]
fn a_run_takes_another_colour_and_no_two_runs_share_one() {
    let mut studio = first(400);
    let slots = |studio: &Studio| studio.document().runs().map(|(row, _)| row.slot).collect::<Vec<_>>();
    assert_eq!(slots(&studio), [0, 1, 2]);
    studio.click("More for constant");
    studio.click("Colour 3");
    assert_eq!(slots(&studio), [2, 1, 0]);
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(slots(&studio), [0, 1, 2]);
}

#[test]
fn other_data_says_what_it_brings() {
    let mut studio = first(100);
    studio.click("Experiment");
    studio.harness.get_by_role_and_label(eframe::egui::accesskit::Role::ComboBox, "Data").click();
    studio.harness.run_steps(3);
    studio.click("Shakespeare, 200,000 characters");
    assert!(studio.says("a transformer of 2 layers") && studio.says("600 updates") && studio.says("AdamW"));
    let text = studio.document().experiment().to_toml();
    assert!(text.contains("adamw") && !studio.document().experiment().name.contains("digits"));
    studio.press(Modifiers::COMMAND, Key::Z);
    assert!(studio.document().experiment().name.contains("digits"), "one step");
}

#[test]
fn what_takes_longer_than_five_seconds_says_how_long() {
    let mut studio = first(400);
    studio.harness.state_mut().studio_mut().view.still = false;
    let pace = |studio: &Studio, per_second: f64| {
        let mut shared = studio.log.shared.borrow_mut();
        shared.status.state = State::Playing;
        shared.status.lane_updates_per_second = per_second;
    };
    pace(&studio, 20.0);
    studio.harness.run_steps(3);
    // Three runs of which 600 updates each are missing.
    assert!(studio.says("1 min 30 s left"));
    pace(&studio, 1000.0);
    studio.harness.run_steps(3);
    assert!(!studio.says(" left"));
}

#[test]
fn control_points_are_added_and_removed_by_keys() {
    let mut studio = first(400);
    studio.click("Run warmup + cosine");
    studio.click("Schedule: Warmup + cosine");
    studio.click("Drawn by hand");
    let selected = studio.harness.state().studio().view.selected;
    let points = |studio: &Studio| match &studio.document().run(selected).unwrap().lr.kind {
        Kind::Points(kind) => kind.points.len(),
        other => panic!("{other:?}"),
    };
    let before = points(&studio);
    studio.harness.get_by_label("Learning rate plot").focus();
    studio.harness.run_steps(3);
    studio.press(Modifiers::SHIFT, Key::ArrowLeft);
    studio.press(Modifiers::NONE, Key::Enter);
    assert_eq!(points(&studio), before + 1);
    let runs = studio.document().runs().count();
    studio.harness.get_by_label("Point 2 handle").focus();
    studio.harness.run_steps(3);
    studio.press(Modifiers::NONE, Key::Delete);
    assert_eq!(points(&studio), before);
    assert_eq!(studio.document().runs().count(), runs, "the point goes, not the run");
}
