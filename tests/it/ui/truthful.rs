//! What the studio says of a run that was edited, of its siblings, and of remedies and ratios is true.

use std::sync::Arc;

use anneal_studio::analysis::detect::{Evidence, Finding, Kind, Remedy};
use anneal_studio::analysis::microscope::{BINS, LayerReading, Reading, SOUND_RATIO};
use anneal_studio::engine::protocol::Command;
use anneal_studio::engine::{Examined, LaneView};
use anneal_studio::schedule::kind::Value;
use anneal_studio::schedule::{Ramp, Span, Warmup};
use anneal_studio::telemetry::{Row, Store};
use anneal_studio::train::ids::{LaneId, Mode, RunId};
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::stand_in::{Studio, UPDATES, first, lane};

fn runs(studio: &Studio) -> Vec<RunId> {
    studio.document().runs().map(|(row, _)| row.id).collect()
}

/// Another peak for one run, whatever trains.
fn edit_peak(studio: &mut Studio, run: RunId, peak: f64) {
    let document = &mut studio.harness.state_mut().studio_mut().document;
    document.edit_run(run, |run| {
        run.lr.kind.set("peak", Value::Number(peak));
    });
    studio.harness.run_steps(3);
}

fn begun(studio: &Studio) -> Vec<RunId> {
    let begun = |command: &Command| match command {
        Command::Begin(run) => Some(*run),
        _ => None,
    };
    studio.log.commands.borrow().iter().filter_map(begun).collect()
}

#[test]
fn numbers_of_a_run_that_was_edited_are_marked_and_instant_trains_every_such_run_again() {
    let mut studio = first(400);
    let runs = runs(&studio);
    assert!(!studio.says("*"));
    edit_peak(&mut studio, runs[0], 0.01);
    edit_peak(&mut studio, runs[2], 0.02);
    assert!(studio.says("“constant” was edited while it trained: its numbers are of both forms"));
    assert!(!studio.says("“warmup + cosine” was edited"));
    // Two notes, and the numbers of both runs.
    let marked = studio.harness.query_all_by_label_contains("*").count();
    assert!(marked >= 2 + 2 * 3, "only {marked} are marked");
    assert_eq!(begun(&studio), []);
    studio.press(Modifiers::NONE, Key::I);
    assert_eq!(studio.harness.state().studio().view.mode, Mode::Instant);
    assert_eq!(begun(&studio), [runs[0], runs[2]], "those whose form differs, and no other");
    assert!(!studio.says("was edited while it trained"));
    // Undone before Instant, a run is of one form again.
    studio.press(Modifiers::NONE, Key::I);
    edit_peak(&mut studio, runs[1], 0.5);
    studio.press(Modifiers::COMMAND, Key::Z);
    studio.press(Modifiers::NONE, Key::I);
    assert_eq!(begun(&studio), [runs[0], runs[2]]);
}

#[test]
fn the_export_of_a_run_edited_while_it_trained_is_what_was_trained_or_what_is_planned() {
    let mut studio = first(200);
    let run = runs(&studio)[0];
    studio.panel("Export");
    assert!(!studio.shows("As trained"), "a run of one form has one export");
    edit_peak(&mut studio, run, 0.01);
    assert!(studio.shows("As planned") && studio.shows("As trained"));
    assert!(studio.says("it used 0.1, the plan says 0.01"));
    studio.click("Target: PyTorch");
    studio.click("CSV table");
    let rates = |studio: &Studio| -> Vec<f64> {
        let texts = studio.harness.query_all_by_label_contains("update,lr");
        let text =
            texts.filter_map(|node| node.accesskit_node().value().or_else(|| node.accesskit_node().label()));
        let text = text.max_by_key(String::len).expect("a text");
        text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect()
    };
    let planned = rates(&studio);
    assert!(planned.iter().all(|rate| *rate == 0.01), "{planned:?}");
    studio.click("As trained");
    let trained = rates(&studio);
    assert!(trained.len() > 300, "{}", trained.len());
    for (update, rate) in trained.iter().enumerate() {
        assert_eq!(*rate, if update < 200 { 0.1 } else { 0.01 }, "{update}");
    }
}

fn finding(kind: Kind, remedies: Vec<Remedy>) -> Finding {
    let evidence = Evidence {
        update: 200,
        what: "smoothed loss".into(),
        value: 2.29,
        against: 2.25,
        against_what: "chance".into(),
    };
    Finding { kind, first: 200, last: 300, count: 1, evidence: vec![evidence], remedies }
}

fn find_in_first(studio: &mut Studio, found: Finding) {
    let lane = LaneId { run: runs(studio)[0], replica: 0 };
    if let Some(view) = studio.log.shared.borrow_mut().lanes.get_mut(&lane) {
        view.findings = Arc::new([found]);
    }
    studio.harness.run_steps(3);
}

#[test]
fn a_remedy_that_is_in_place_is_not_offered_again() {
    let mut studio = first(400);
    studio.panel("Diagnosis");
    let twenty: Span = "20%".parse().unwrap();
    let remedies = vec![Remedy::Warmup(twenty), Remedy::Clip(1.0), Remedy::ScaleRate(0.3)];
    find_in_first(&mut studio, finding(Kind::StuckAtChance, remedies));
    assert!(studio.shows("Warm up over 20%") && studio.shows("Clip gradients at 1"));
    let run = runs(&studio)[0];
    let document = &mut studio.harness.state_mut().studio_mut().document;
    // A longer one, in another unit, is one all the same.
    let longer = Warmup::new(Span::Updates(UPDATES as f64 / 4.0), 0.0, Ramp::Linear);
    document.edit_run(run, |run| run.lr.warmup = Some(longer));
    document.edit(|experiment| experiment.train.clip_norm = Some(0.5));
    studio.harness.run_steps(3);
    assert!(!studio.shows("Warm up over 20%") && !studio.shows("Clip gradients at 1"));
    assert!(studio.shows("Lower the rate to 0.3×"));
    let shorter = Warmup::new(Span::Percent(5.0), 0.0, Ramp::Linear);
    let document = &mut studio.harness.state_mut().studio_mut().document;
    document.edit_run(run, |run| run.lr.warmup = Some(shorter));
    studio.harness.run_steps(3);
    assert!(studio.shows("Warm up over 20%"), "a shorter warmup is not what was meant");
}

/// A lane whose loss stays where it is.
fn stall(studio: &mut Studio, run: RunId, loss: f32) {
    let mut view = lane();
    for update in 0..800 {
        let row = Row { update, lr: 0.1, momentum: 0.9, train_loss: loss, ..Row::default() };
        view.store.append(&[row]);
    }
    view.update = 800;
    studio.log.shared.borrow_mut().lanes.insert(LaneId { run, replica: 0 }, view);
    studio.harness.run_steps(3);
}

#[test]
fn a_run_that_stalls_is_found_against_its_siblings() {
    let mut studio = first(800);
    studio.panel("Diagnosis");
    assert!(studio.says("Nothing found so far"));
    let run = runs(&studio)[1];
    // Not at chance, and with nothing wrong in itself.
    stall(&mut studio, run, 1.9);
    assert!(studio.says("Behind its siblings") && !studio.says("Nothing found so far"));
    assert!(studio.shows("Diagnosis of warmup + cosine"), "the list of runs says so, too");
    studio.click("Open range test");
    assert!(studio.shows("Side panel: Range test"));
    assert_eq!(studio.harness.state().studio().view.selected, run);
}

#[test]
fn a_range_test_ends_in_one_sentence_with_its_spread_and_one_button() {
    let mut studio = first(200);
    studio.panel("Range test");
    studio.click("Run range test");
    studio.run_errand();
    let sentences = studio.harness.query_all_by_label_contains("A peak of ").count();
    assert_eq!(sentences, 1);
    assert!(studio.says("3 seeds within ×") && studio.says("training breaks at"));
    assert_eq!(studio.harness.query_all_by_label_contains("as peak").count(), 1);
}

/// What the microscope sees of the first run: one layer, whose updates move it by this share of its weights.
fn examine(studio: &mut Studio, ratio: f64) {
    let lane = LaneId { run: runs(studio)[0], replica: 0 };
    let layer = LayerReading { ratio, grad_norm: 1.0, histogram: [0; BINS], adaptive_variance: None };
    let reading = |update| Reading {
        update,
        grad_norm: 1.0,
        clipped: false,
        rectification: None,
        layers: vec![layer.clone()],
    };
    let examined = Examined {
        lane,
        layers: vec!["hidden.weight".into()],
        readings: (0..20).map(reading).collect(),
        most: 120,
        beta2: None,
        clip_norm: None,
        adaptive: false,
        curvature: Vec::new(),
        complete: true,
    };
    studio.log.shared.borrow_mut().examined = vec![Arc::new(examined)];
    studio.harness.run_steps(3);
}

#[test]
fn the_microscope_calls_a_ratio_too_large_only_where_training_suffers() {
    let mut studio = first(400);
    studio.panel("Microscope");
    examine(&mut studio, SOUND_RATIO);
    assert!(!studio.says("times the rule of thumb"));
    examine(&mut studio, 30.0 * SOUND_RATIO);
    assert!(studio.says("30 times the rule of thumb, and training does not suffer from it"));
    assert!(!studio.says("training suffers"));
    find_in_first(&mut studio, finding(Kind::Oscillation, Vec::new()));
    assert!(studio.says("and training suffers"));
    // A loss that the first updates throw up says so before any detector does.
    let mut studio = first(0);
    studio.panel("Microscope");
    let run = runs(&studio)[0];
    let mut view = LaneView { store: Store::new(1 << 20), ..lane() };
    let loss = |update| if update == 0 { 2.3 } else { 4.8 };
    let rows: Vec<Row> =
        (0..40).map(|update| Row { update, train_loss: loss(update), ..Row::default() }).collect();
    view.store.append(&rows);
    view.update = 40;
    studio.log.shared.borrow_mut().lanes.insert(LaneId { run, replica: 0 }, view);
    studio.log.shared.borrow_mut().status.update = 40;
    examine(&mut studio, 30.0 * SOUND_RATIO);
    assert!(studio.says("30 times the rule of thumb, and the loss rose to 2"));
}

#[test]
fn hidden_runs_are_hidden_in_results_too() {
    let mut studio = first(400);
    let shown = |studio: &Studio| studio.harness.query_all_by_label("one-cycle").count();
    let before = shown(&studio);
    studio.click("Hide one-cycle");
    assert!(shown(&studio) < before, "the tables still show it");
    let run = runs(&studio)[2];
    if let Some(view) = studio.log.shared.borrow_mut().lanes.get_mut(&LaneId { run, replica: 0 }) {
        view.diverged_at = Some(70);
    }
    studio.harness.run_steps(3);
    assert!(!studio.says("one-cycle diverged"));
    studio.click("Show one-cycle");
    assert!(studio.says("one-cycle diverged"));
}
