//! Snapshots on the timeline, forks, and going on with what was saved.

use std::sync::Arc;

use anneal_studio::engine::protocol::Command;
use anneal_studio::engine::{Snapshot, SnapshotReason};
use anneal_studio::train::checkpoint::Forget;
use anneal_studio::train::ids::SnapshotId;
use anneal_studio::ui::format;
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, first};
use crate::training::{MOONS, cohort};

/// Snapshots of the first run, those after the playhead at 400 on the way that was left.
fn with_snapshots() -> Studio {
    let mut studio = first(400);
    let trained = cohort(MOONS, 1);
    let mut saved = trained.save_lane(trained.lanes()[0].id).unwrap().unwrap();
    saved.id.run = studio.document().first().unwrap();
    let snapshots = [0, 100, 200, 300, 400, 500].into_iter().enumerate().map(|(at, update)| {
        saved.state.update = update;
        let why = if update == 200 { SnapshotReason::ByHand } else { SnapshotReason::OnTheWay };
        let mut snapshot = Snapshot::new(SnapshotId(at as u64), why, Arc::new(saved.clone()), 3);
        snapshot.left = update > 400;
        snapshot
    });
    studio.log.shared.borrow_mut().snapshots = snapshots.collect();
    studio.harness.run_steps(3);
    studio
}

fn travelled(studio: &Studio) -> Vec<(u64, Forget)> {
    let commands = studio.log.commands.borrow();
    let travel = |command: &Command| match command {
        Command::Travel(to, forget) => Some((to.0, *forget)),
        _ => None,
    };
    commands.iter().filter_map(travel).collect()
}

#[test]
fn a_click_on_a_diamond_takes_all_runs_there() {
    let mut studio = with_snapshots();
    studio.click("Snapshot, update 200");
    studio.click(&format!("Snapshot ahead, update {}", format::count(500)));
    assert_eq!(travelled(&studio), [(2, Forget::default()), (5, Forget::default())]);
}

#[test]
fn keys_go_to_the_next_snapshot_and_say_where_there_is_none() {
    let mut studio = with_snapshots();
    studio.press(Modifiers::NONE, Key::OpenBracket);
    studio.press(Modifiers::NONE, Key::CloseBracket);
    assert_eq!(travelled(&studio), [(3, Forget::default()), (5, Forget::default())]);
    studio.log.shared.borrow_mut().status.update = 0;
    studio.harness.run_steps(2);
    studio.press(Modifiers::NONE, Key::OpenBracket);
    assert!(studio.says("This is the first snapshot."));
}

#[test]
fn the_playhead_is_dragged_to_a_snapshot() {
    let mut studio = with_snapshots();
    let head = studio.place("Playhead, update 400");
    let there = studio.place("Snapshot, update 100");
    studio.drag(head, there, 4, |_| {});
    assert_eq!(travelled(&studio).last(), Some(&(1, Forget::default())));
}

#[test]
fn a_diamond_explains_itself_and_offers_a_fork_and_what_to_forget() {
    let mut studio = with_snapshots();
    let there = studio.place("Snapshot, update 200");
    studio.harness.hover_at(there);
    studio.harness.run_steps(90);
    assert!(studio.says("Taken by hand."));
    studio.harness.get_by_label("Snapshot, update 200").click_secondary();
    studio.harness.run_steps(3);
    studio.click("Go here, forget the scheduler");
    assert_eq!(travelled(&studio), [(2, Forget { schedule: true, momentum: false })]);
    studio.harness.get_by_label("Snapshot, update 200").click_secondary();
    studio.harness.run_steps(3);
    studio.click("Fork “constant” here");
    let forks: Vec<String> = studio.document().runs().map(|(_, run)| run.name.clone()).collect();
    assert_eq!(forks[1], "constant, fork at 200");
}

#[test]
fn a_run_is_forked_where_it_is_and_cannot_be_deleted_before_its_fork() {
    let mut studio = with_snapshots();
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::D);
    assert!(studio.log.said(|command| matches!(command, Command::Capture)));
    assert_eq!(
        studio.document().runs().nth(1).map(|(_, run)| run.name.as_str()),
        Some("constant, fork at 400")
    );
    assert!(studio.shows("Run constant, fork at 400"));
    studio.harness.get_by_role_and_label(Role::ListItem, "Run constant").click();
    studio.harness.run_steps(3);
    studio.press(Modifiers::NONE, Key::Delete);
    assert!(studio.says("shares its past. Delete the fork first."));
    assert!(studio.shows("Run constant"));
    studio.log.shared.borrow_mut().lanes.values_mut().for_each(|lane| lane.update = 0);
    studio.harness.run_steps(2);
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::D);
    assert!(studio.says("There is no past to share yet"));
}

#[test]
fn a_snapshot_is_taken_by_button_and_by_key() {
    let mut studio = first(400);
    studio.click("Take snapshot");
    studio.press(Modifiers::NONE, Key::S);
    let taken = studio.log.commands.borrow().iter().filter(|it| matches!(it, Command::Capture)).count();
    assert_eq!(taken, 2);
}

/// Enters a path into the sheet that continues a training, and waits until it was looked at.
fn read_saved(studio: &mut Studio, path: &str) {
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    studio.harness.get_by_label("Folder of the training").focus();
    studio.harness.run_steps(2);
    studio.harness.get_by_role_and_label(Role::TextInput, "Folder of the training").type_text(path);
    studio.harness.run_steps(2);
    studio.click("Look");
    for _ in 0..500 {
        if studio.says("there are no checkpoints") || studio.shows("Continue") {
            // The sheet is in the middle again.
            return studio.harness.run_steps(4);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        studio.harness.run_steps(1);
    }
}

#[test]
fn a_saved_training_is_looked_at_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    std::fs::create_dir(&checkpoints).unwrap();
    let mut trained = cohort(MOONS, 1);
    trained.advance(80, u64::MAX).unwrap();
    let checkpoint = trained.checkpoint().unwrap();
    checkpoint.save(&checkpoints.join(anneal_studio::train::checkpoint::file_name(80))).unwrap();
    let mut studio = first(400);
    read_saved(&mut studio, &folder.path().display().to_string());
    assert!(studio.says("“moons”, 2 runs, after update 80."));
    studio.click("Forget the momentum");
    studio.click("Continue");
    let commands = studio.log.commands.borrow();
    let lost = Forget { schedule: false, momentum: true };
    let told = commands.iter().filter_map(|command| match command {
        Command::Revise(revision, _) => Some(revision.experiment == checkpoint.experiment),
        Command::Continue(saved, forget) => Some(saved.checkpoint == checkpoint && *forget == lost),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [true, true], "{commands:?}");
    assert!(matches!(commands.last(), Some(Command::Continue(..))), "first the experiment, then its state");
}

#[test]
fn a_folder_without_checkpoints_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = first(400);
    read_saved(&mut studio, &folder.path().display().to_string());
    assert!(studio.says("there are no checkpoints in"));
    assert!(!studio.shows("Continue"));
}
