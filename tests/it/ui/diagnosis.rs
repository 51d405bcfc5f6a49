//! The diagnosis and the microscope: what is told, what one click does, and what the engine is asked for.

use std::sync::Arc;

use anneal_studio::analysis::detect::Policy;
use anneal_studio::analysis::detect::{Evidence, Finding, Kind, Remedy};
use anneal_studio::engine::OwnEdit;
use anneal_studio::engine::protocol::Command;
use anneal_studio::schedule::kind::Value;
use anneal_studio::train::ids::{LaneId, RunId};
use eframe::egui::{Key, Modifiers};

use super::stand_in::{Studio, first};

fn stuck() -> Finding {
    Finding {
        kind: Kind::StuckAtChance,
        first: 200,
        last: 300,
        count: 3,
        evidence: vec![Evidence {
            update: 200,
            what: "smoothed loss".into(),
            value: 2.29,
            against: 2.25,
            against_what: "chance".into(),
        }],
        remedies: vec![Remedy::Warmup("20%".parse().unwrap()), Remedy::ScaleRate(0.5)],
    }
}

/// The first studio, with a finding in its first run.
fn failing() -> Studio {
    let mut studio = first(400);
    let lane = LaneId { run: studio.document().first().unwrap(), replica: 0 };
    if let Some(view) = studio.log.shared.borrow_mut().lanes.get_mut(&lane) {
        view.findings = Arc::new([stuck()]);
    }
    studio.harness.run_steps(3);
    studio
}

fn peak(studio: &Studio, run: RunId) -> f64 {
    match studio.document().run(run).unwrap().lr.kind.get("peak") {
        Some(Value::Number(peak)) => peak,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_badge_leads_to_the_evidence_and_a_remedy_is_one_step_back() {
    let mut studio = failing();
    let id = studio.document().first().unwrap();
    let name = studio.document().run(id).unwrap().name.clone();
    studio.click(&format!("Diagnosis of {name}"));
    assert!(studio.says("Stuck at chance") && studio.says("smoothed loss 2.29 against chance of 2.25"));
    assert!(studio.says("From update 200 to 300, counted 3 times"));
    let before = studio.document().experiment().clone();
    studio.click("Warm up over 20%");
    assert!(studio.document().run(id).unwrap().lr.warmup.is_some());
    // What is stuck stays stuck, so the run begins anew, once the engine has the edit.
    let commands = studio.log.commands.borrow().clone();
    let place = |wanted: fn(&Command) -> bool| commands.iter().position(wanted).expect("told");
    assert!(
        place(|command| matches!(command, Command::Revise(..)))
            < place(|command| matches!(command, Command::Begin(_)))
    );
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.document().experiment(), &before);
}

#[test]
fn nothing_found_is_said_with_what_was_looked_for() {
    let mut studio = first(400);
    studio.panel("Diagnosis");
    assert!(studio.says("Nothing found so far"));
    for kind in Kind::ALL {
        assert!(studio.says(kind.name()), "{}", kind.name());
    }
}

#[test]
fn the_policy_is_told_to_the_engine() {
    let mut studio = first(400);
    studio.panel("Diagnosis");
    studio.click("Roll back");
    assert!(studio.log.said(|c| matches!(c, Command::Guard(guard) if guard.policy == Policy::RollBack)));
    studio.click("Time limit");
    assert!(studio.log.said(|c| matches!(c, Command::Guard(guard) if guard.time_limit.is_some())));
}

#[test]
fn what_the_engine_edits_by_itself_is_a_step_of_the_document() {
    let mut studio = first(400);
    let run = studio.document().first().unwrap();
    let before = peak(&studio, run);
    let why = "divergence at update 300: back to update 200 at half the rate".to_owned();
    let edit = OwnEdit { run, remedy: Remedy::ScaleRate(0.5), why };
    studio.log.shared.borrow_mut().own_edits.push(edit);
    studio.harness.run_steps(5);
    assert_eq!(peak(&studio, run), before * 0.5, "once, however many frames");
    assert!(studio.says("back to update 200 at half the rate"));
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(peak(&studio, run), before);
}

#[test]
fn lanes_are_under_the_microscope_only_while_it_is_open() {
    let mut studio = first(400);
    let id = studio.document().first().unwrap();
    let newest = |studio: &Studio| {
        let commands = studio.log.commands.borrow().clone();
        commands.into_iter().rev().find_map(|command| match command {
            Command::Examine(lanes) => Some(lanes),
            _ => None,
        })
    };
    assert_eq!(newest(&studio), None);
    studio.panel("Microscope");
    assert_eq!(newest(&studio), Some(vec![LaneId { run: id, replica: 0 }]));
    // The same run with or without its warmup, beside it.
    let warm = studio.document().run(id).unwrap().lr.warmup.is_some();
    studio.click(if warm { "Compare without warmup" } else { "Compare with warmup" });
    let twin = studio.document().runs().last().unwrap().0.id;
    assert_eq!(studio.document().run(twin).unwrap().lr.warmup.is_some(), !warm);
    let both = [id, twin].map(|run| LaneId { run, replica: 0 });
    assert_eq!(newest(&studio), Some(both.to_vec()));
    studio.panel("Results");
    assert_eq!(newest(&studio), Some(Vec::new()));
}
