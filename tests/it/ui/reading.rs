//! What the plots and panels tell: values at the cursor, events, decision fields.

use std::sync::Arc;

use anneal_studio::data::{Dataset, Split};
use anneal_studio::engine::protocol::{Command, Field};
use anneal_studio::telemetry::EventKind;
use eframe::egui::{Key, Modifiers, vec2};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, first};

fn hover(studio: &mut Studio, plot: &str, at: (f32, f32)) {
    let rect = studio.harness.get_by_label(plot).rect();
    studio.harness.hover_at(rect.lerp_inside(vec2(at.0, at.1)));
    studio.harness.run_steps(4);
}

#[test]
fn the_cursor_reads_every_run_in_every_plot() {
    for plot in ["Learning rate plot", "Loss plot", "Momentum plot"] {
        let mut studio = first(400);
        assert!(studio.harness.state().studio().view.cursor.is_none());
        hover(&mut studio, plot, (0.3, 0.9));
        let cursor = studio.harness.state().studio().view.cursor.expect("a cursor");
        assert!((200.0..400.0).contains(&cursor), "{plot}: {cursor}");
        let lane = studio.harness.state().studio().frame.lanes[0].at_cursor;
        assert!(lane.loss.is_some() && lane.val_loss.is_some());
        assert!(studio.says("Momentum") && studio.says("Epoch"));
    }
}

#[test]
fn past_the_playhead_the_plan_is_read() {
    let mut studio = first(400);
    hover(&mut studio, "Loss plot", (0.8, 0.9));
    let state = studio.harness.state().studio();
    assert!(state.view.cursor.unwrap() > 400.0);
    assert_eq!(state.frame.lanes[0].at_cursor.loss, None);
    assert!(state.rate(state.view.selected, 800).is_some());
}

#[test]
fn nothing_is_read_under_a_sheet() {
    let mut studio = first(400);
    studio.press(Modifiers::COMMAND, Key::O);
    hover(&mut studio, "Loss plot", (0.5, 0.9));
    assert!(studio.harness.state().studio().view.cursor.is_none());
}

#[test]
fn events_explain_themselves() {
    let mut studio = first(400);
    let track = studio.harness.get_by_label("Timeline").rect();
    // The stand-in's events are at updates 0, 10, 20, ... of 1,000, one of each kind.
    let at = EventKind::ALL.iter().position(|kind| *kind == EventKind::Diverged).unwrap();
    let x = track.left() + track.width() * 0.01 * at as f32;
    studio.harness.hover_at(eframe::egui::pos2(x, track.top() + 8.0));
    studio.harness.run_steps(40);
    assert!(studio.says("something of kind diverged"));
}

#[test]
fn a_field_is_asked_for_and_shown_for_data_of_two_inputs() {
    let mut studio = first(400);
    studio.panel("Decision field");
    assert!(!studio.log.said(|command| matches!(command, Command::Watch(Some(_)))));
    let split = Split { seed: 0, validation: 0.2, label_noise: 0.0, limit: None };
    let prepared = Dataset::load("moons").unwrap().prepare(&split).unwrap();
    studio.log.shared.borrow_mut().prepared = Some(Arc::new(prepared));
    studio.harness.run_steps(3);
    let request = match studio.log.commands.borrow().last() {
        Some(Command::Watch(Some(request))) => request.clone(),
        other => panic!("the last command is {other:?}"),
    };
    let cells = request.side * request.side;
    let values = (0..cells).flat_map(|cell| [cell as f32 / cells as f32, 1.0 - cell as f32 / cells as f32]);
    let field = Field { request, update: 400, outputs: 2, values: values.collect() };
    studio.log.shared.borrow_mut().field = Some(Arc::new(field));
    studio.harness.run_steps(3);
    assert!(studio.says("class"));
    assert!(!studio.says("a plane takes two"));
    studio.click("Fold side panel");
    assert!(matches!(studio.log.commands.borrow().last(), Some(Command::Watch(None))));
}

#[test]
fn where_there_is_no_field_the_panel_says_why_and_offers_data_that_has_one() {
    let mut studio = first(400);
    let split = Split { seed: 0, validation: 0.2, label_noise: 0.0, limit: None };
    let prepared = Dataset::load("digits").unwrap().prepare(&split).unwrap();
    studio.log.shared.borrow_mut().prepared = Some(Arc::new(prepared));
    studio.panel("Decision field");
    assert!(studio.says("64 pixels"));
    studio.click("Two spirals");
    assert_eq!(
        studio.document().experiment().data.source,
        anneal_studio::experiment::Source::Shipped("spirals".into())
    );
}

#[test]
fn the_results_rank_the_runs() {
    let studio = first(400);
    assert!(studio.says("Loss per sample"));
    assert!(studio.says("Accuracy on held-out samples"));
    assert!(studio.says("90.0%"));
}

#[test]
fn a_term_under_the_pointer_says_what_it_means() {
    let mut studio = first(400);
    let meaning = anneal_studio::analysis::glossary::find("replica").unwrap().meaning;
    assert!(!studio.says(meaning));
    let place = studio.place("replicas");
    studio.harness.hover_at(place);
    studio.harness.run_steps(40);
    assert!(studio.says(meaning));
}
