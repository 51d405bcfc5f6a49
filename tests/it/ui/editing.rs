//! Edits: by handle, by slider, by key; undone and redone; told to the engine once a frame.

use std::path::Path;
use std::time::Duration;

use anneal_studio::engine::protocol::Command;
use anneal_studio::experiment::{Controller, Experiment, Metric, Number};
use anneal_studio::schedule::kind::Value;
use anneal_studio::train::control::Standing;
use anneal_studio::train::ids::Mode;
use anneal_studio::ui::offscreen::drag_bench::drag;
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, vec2};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, UPDATES, first};

#[test]
fn dragging_the_peak_bends_the_schedule_with_one_revision_a_frame() {
    let mut studio = first(400);
    let before = studio.document().experiment().clone();
    let from = studio.place("Peak handle");
    let mut told = studio.log.revisions();
    studio.drag(from, from + vec2(0.0, 60.0), 6, |studio| {
        let now = studio.log.revisions();
        assert!(now <= told + 1, "{} revisions in one frame", now - told);
        told = now;
    });
    assert!(told >= 5, "only {told} revisions of 6 moves");
    let peak = studio.number("peak");
    assert!(peak < 0.1 && peak > 1e-4, "the peak is {peak}");
    match studio.log.commands.borrow().last() {
        Some(Command::Revise(revision, Mode::Live)) => {
            assert_eq!(revision.experiment.runs[0].lr.kind.get("peak"), Some(Value::Number(peak)));
            assert_eq!(revision.generation, studio.document().generation());
        }
        other => panic!("the last command is {other:?}"),
    }
    // The whole drag is one step.
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.document().experiment(), &before);
    assert!(!studio.document().can_undo());
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!(studio.number("peak"), peak);
}

#[test]
fn a_drag_in_instant_mode_brings_whole_curves() {
    let experiment = Experiment::parse(crate::training::MOONS, Path::new("moons")).unwrap();
    let drag = drag(experiment, Some(1), Duration::from_millis(500)).unwrap();
    assert!(drag.curves_per_second > 0.0);
    assert!(!drag.frames.is_empty() && drag.frames.is_sorted());
}

#[test]
fn a_drag_along_one_axis_leaves_the_other_alone() {
    let mut studio = first(400);
    studio.click("Run warmup + cosine");
    let warmup = |studio: &Studio| {
        let view = &studio.harness.state().studio().view;
        studio.document().run(view.selected).unwrap().lr.warmup.clone()
    };
    let before = warmup(&studio);
    let from = studio.place("Peak and warmup end handle");
    studio.drag(from, from + vec2(1.0, -20.0), 4, |_| {});
    assert!(studio.number("peak") > 0.1);
    assert_eq!(warmup(&studio), before);

    let peak = studio.number("peak");
    let from = studio.place("Peak and warmup end handle");
    studio.drag(from, from + vec2(80.0, 1.0), 4, |_| {});
    assert_eq!(studio.number("peak"), peak);
    assert_ne!(warmup(&studio), before);
}

#[test]
fn a_floor_dragged_below_the_plot_is_nothing() {
    let mut studio = first(400);
    studio.click("Run warmup + cosine");
    let from = studio.place("Floor handle");
    studio.drag(from, from + vec2(0.0, 400.0), 5, |_| {});
    assert_eq!(studio.number("floor"), 0.0);
}

#[test]
fn arrow_keys_move_a_handle_that_has_the_focus() {
    let mut studio = first(400);
    studio.harness.get_by_label("Peak handle").focus();
    studio.harness.run_steps(2);
    studio.press(Modifiers::NONE, Key::ArrowUp);
    assert!((studio.number("peak") - 0.105).abs() < 1e-9, "{}", studio.number("peak"));
    studio.press(Modifiers::NONE, Key::ArrowDown);
    assert!((studio.number("peak") - 0.1).abs() < 1e-9);
}

#[test]
fn a_slider_sets_and_a_field_takes_scientific_notation() {
    let mut studio = first(400);
    studio.harness.get_by_role_and_label(Role::Slider, "Peak").set_value_accesskit(0.025);
    studio.harness.run_steps(3);
    assert_eq!(studio.number("peak"), 0.025);
    studio.harness.get_by_role_and_label(Role::SpinButton, "Peak").click();
    studio.harness.run_steps(2);
    studio.harness.get_by_role_and_label(Role::SpinButton, "Peak").type_text("3e-4");
    studio.harness.run_steps(2);
    studio.press(Modifiers::NONE, Key::Enter);
    assert_eq!(studio.number("peak"), 3e-4);
}

#[test]
fn an_edit_in_instant_mode_says_so() {
    let mut studio = first(400);
    studio.click("Instant");
    studio.harness.get_by_role_and_label(Role::Slider, "Peak").set_value_accesskit(0.025);
    studio.harness.run_steps(3);
    assert!(matches!(studio.log.commands.borrow().last(), Some(Command::Revise(_, Mode::Instant))));
}

#[test]
fn a_full_queue_loses_no_edit() {
    let mut studio = first(400);
    studio.log.full.set(true);
    for peak in [0.02, 0.03, 0.04] {
        studio.harness.get_by_role_and_label(Role::Slider, "Peak").set_value_accesskit(peak);
        studio.harness.run_steps(3);
    }
    studio.click("Play");
    assert!(studio.log.commands.borrow().is_empty());
    studio.log.full.set(false);
    studio.harness.run_steps(3);
    assert_eq!(studio.log.revisions(), 1, "only the newest edit counts");
    assert!(studio.log.said(|command| matches!(command, Command::Play)));
}

#[test]
fn control_points_are_added_by_double_click_and_removed_by_right_click() {
    let mut studio = first(0);
    studio.click("Schedule: Constant");
    studio.click("Drawn by hand");
    let plot = studio.harness.get_by_label("Learning rate plot").rect();
    let at = plot.lerp_inside(vec2(0.3, 0.4));
    studio.harness.hover_at(at);
    // Long enough that the click in the gallery is none of these two.
    studio.harness.run_steps(60);
    for _ in 0..2 {
        studio.harness.drag_at(at);
        studio.harness.drop_at(at);
    }
    studio.harness.run_steps(3);
    assert!(studio.shows("Point 5 handle"));
    studio.harness.get_by_label("Point 3 handle").click_secondary();
    studio.harness.run_steps(3);
    assert!(!studio.shows("Point 5 handle"));
}

#[test]
fn the_wheel_zooms_and_a_double_click_shows_the_whole_run() {
    let mut studio = first(400);
    let middle = studio.harness.get_by_label("Loss plot").rect().center();
    studio.harness.hover_at(middle);
    studio.harness.step();
    studio.harness.event(eframe::egui::Event::MouseWheel {
        unit: eframe::egui::MouseWheelUnit::Point,
        delta: vec2(0.0, 200.0),
        phase: eframe::egui::TouchPhase::Move,
        source: eframe::egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    studio.harness.run_steps(10);
    let (from, to) = studio.harness.state().studio().view.window.bounds(400, UPDATES);
    assert!(to - from < UPDATES as f64 * 0.9, "{from} to {to}");
    for _ in 0..2 {
        studio.harness.drag_at(middle);
        studio.harness.drop_at(middle);
    }
    studio.harness.run_steps(3);
    assert_eq!(studio.harness.state().studio().view.window.bounds(400, UPDATES), (0.0, UPDATES as f64));
}

#[test]
fn looking_at_a_run_changes_nothing() {
    let mut studio = first(UPDATES);
    for run in ["Run constant", "Run warmup + cosine", "Run one-cycle"] {
        studio.click(run);
        for tab in ["Optimizer", "Experiment", "Schedule"] {
            studio.click(tab);
        }
    }
    assert!(!studio.document().is_dirty());
    assert_eq!(studio.document().generation(), 1);
    assert_eq!(studio.log.revisions(), 0);
}

#[test]
fn a_controller_is_chosen_edited_and_shown_at_work() {
    let mut studio = first(400);
    let selected = |studio: &Studio| {
        let state = studio.harness.state().studio();
        studio.document().run(state.view.selected).cloned().unwrap()
    };
    let choose = |studio: &mut Studio, name: &str| {
        studio.click("Controller");
        studio.click(name);
    };
    choose(&mut studio, "Plateau");
    studio.harness.get_by_role_and_label(Role::Slider, "Smoothing").set_value_accesskit(0.5);
    studio.harness.run_steps(3);
    let Some(Controller::Plateau(plateau)) = selected(&studio).controller else { panic!("no plateau") };
    assert_eq!(plateau.rule.smoothing, 0.5);
    choose(&mut studio, "Greedy");
    assert!(matches!(selected(&studio).controller, Some(Controller::Greedy(_))));
    choose(&mut studio, "Hypergradient");
    assert!(matches!(selected(&studio).controller, Some(Controller::Hypergradient(_))));
    choose(&mut studio, "Plateau");
    let id = studio.harness.state().studio().view.selected;
    let standing = Standing {
        metric: Some(Metric::ValLoss),
        multiplier: 0.01,
        best: Some(0.125),
        smoothed: None,
        bad: 1,
        patience: 3,
        resting: 0,
    };
    for (lane, view) in &mut studio.log.shared.borrow_mut().lanes {
        view.control = (lane.run == id).then_some(standing);
    }
    studio.harness.run_steps(3);
    for value in ["0.125", "3 epochs", "× 0.01"] {
        assert!(studio.shows(value), "{value}");
    }
    choose(&mut studio, "None");
    assert!(selected(&studio).controller.is_none());
}

#[test]
fn the_batch_and_the_weight_decay_follow_schedules_of_their_own() {
    let mut studio = first(400);
    studio.click("Optimizer");
    studio.click("Batch on a schedule");
    let id = studio.harness.state().studio().view.selected;
    let batch = |studio: &Studio| studio.document().run(id).unwrap().batch.clone();
    assert_eq!(batch(&studio).unwrap().kind.get("gamma"), Some(Value::Number(2.0)));
    studio.click("Course");
    studio.click("Cosine");
    let cosine = batch(&studio).unwrap().kind;
    assert_eq!((cosine.name(), cosine.get("peak")), ("cosine", Some(Value::Number(32.0))));
    studio.click("Batch on a schedule");
    assert!(batch(&studio).is_none());
    studio.click("Decay λ");
    studio.click("On a schedule");
    let run = studio.document().run(id).unwrap();
    assert!(matches!(run.optimizer.get("weight_decay"), Some(Number::Schedule(_))));
    // The lowest plot shows either.
    for name in ["Weight decay", "Batch"] {
        studio.click("Number");
        studio.click(name);
        assert!(studio.shows(&format!("{name} plot")), "{name}");
    }
}
