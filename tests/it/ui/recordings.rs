//! Recordings beside our runs: rows of the same list, the same plots and cursor, and their rate as a schedule.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anneal_studio::schedule::Kind;
use anneal_studio::telemetry::Column;
use anneal_studio::train::ids::RunId;
use anneal_studio::ui::picker::Ask;
use anneal_studio::ui::shelf::{Align, Guest};
use eframe::egui::accesskit::Role;
use eframe::egui::{DroppedFile, Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{PER_EPOCH, Studio, UPDATES, first};

/// A file as the system drops it on the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn trainer() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/trainer/trainer_state.json")
}

/// Runs frames until what was asked for holds.
fn until(studio: &mut Studio, holds: impl Fn(&Studio) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds(studio) {
        assert!(Instant::now() < deadline, "it never came about");
        std::thread::sleep(Duration::from_millis(5));
        studio.harness.run_steps(1);
    }
    studio.harness.run_steps(2);
}

fn guests(studio: &Studio) -> &[Guest] {
    studio.harness.state().studio().shelf.guests()
}

fn with(path: &Path) -> Studio {
    let mut studio = first(200);
    let ctx = studio.harness.ctx.clone();
    studio.harness.state_mut().open_recording(&ctx, path);
    until(&mut studio, |studio| !guests(studio).is_empty());
    studio
}

fn guest(studio: &Studio) -> (RunId, u64, f64) {
    let guest = &guests(studio)[0];
    let clock = studio.harness.state().studio().clock();
    (guest.row.id, guest.length, guest.stretch(clock))
}

#[test]
fn a_recording_is_a_row_beside_ours_with_its_curves_and_its_values() {
    let studio = with(&trainer());
    assert!(studio.shows("Recording trainer_state"));
    let (id, length, stretch) = guest(&studio);
    assert_eq!(length, 61);
    let inner = studio.harness.state().studio();
    let lane = inner.frame.lane(id).expect("a lane of the frame");
    assert!(lane.curves.lr.len() == 12 && lane.curves.validation.len() == 3, "{:?}", lane.curves.lr.len());
    assert!(lane.now.loss.is_some() && lane.now.lr.is_some());
    // Much shorter than our thousand updates, it is laid under them as a whole.
    assert_eq!(guests(&studio)[0].align, Align::Share);
    assert!((stretch - UPDATES as f64 / 61.0).abs() < 1e-9);
    assert_eq!(inner.extent(), UPDATES);
    assert!(inner.shown().iter().any(|row| row.id == id));
}

#[test]
fn it_is_laid_under_ours_by_update_epoch_or_share() {
    let mut studio = with(&trainer());
    let (id, ..) = guest(&studio);
    for (align, right) in [
        (Align::Update, 1.0),
        (Align::Epoch, 7.5 * PER_EPOCH as f64 / 61.0),
        (Align::Share, UPDATES as f64 / 61.0),
    ] {
        studio.harness.state_mut().studio_mut().shelf.guest_mut(id).unwrap().align = align;
        assert!((guest(&studio).2 - right).abs() < 1e-9, "{align:?}");
    }
    studio.click("More for trainer_state");
    studio.click("Epoch");
    assert_eq!(guests(&studio)[0].align, Align::Epoch);
}

#[test]
fn its_rate_becomes_a_run_of_ours_and_it_can_be_closed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/tensorboardx");
    let mut studio = with(&path);
    let before = studio.document().runs().count();
    studio.click("More for tensorboardx");
    studio.click("Take its rate as a schedule");
    assert_eq!(studio.document().runs().count(), before + 1);
    let inner = studio.harness.state().studio();
    let run = inner.document.run(inner.view.selected).unwrap();
    assert!(matches!(run.lr.kind, Kind::Cosine(_)), "{:?}", run.lr);
    assert!(run.name.contains("tensorboardx"), "{}", run.name);
    studio.click("More for tensorboardx");
    studio.click("Take its rate as points");
    let inner = studio.harness.state().studio();
    let run = inner.document.run(inner.view.selected).unwrap();
    assert!(matches!(run.lr.kind, Kind::Points(_)), "{:?}", run.lr);
    let rate = |update: u64| inner.rate(inner.view.selected, update).unwrap();
    // The rate logged at step 50 of 100, at the same share of our run.
    assert!((rate(UPDATES / 2) - 0.05).abs() < 1e-3, "{}", rate(UPDATES / 2));
    studio.click("More for tensorboardx");
    assert!(studio.says("cannot be forked or trained again") && !studio.shows("Fork run"));
    studio.click("Close");
    assert!(guests(&studio).is_empty() && !studio.shows("Recording tensorboardx"));
}

#[test]
fn a_long_recording_stretches_the_plots_and_one_that_grows_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    let rows: String =
        (0..200).map(|row| format!("{},{},0.1\n", 10 * row, 2.0 / f64::from(row + 1))).collect();
    std::fs::write(&path, format!("step,loss,lr\n{rows}")).unwrap();
    let mut studio = with(&path);
    assert_eq!(guests(&studio)[0].align, Align::Update);
    assert_eq!(studio.harness.state().studio().extent(), 1991);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"2500,0.01,0.1\n").unwrap();
    until(&mut studio, |studio| guests(studio)[0].length == 2501);
    let id = guests(&studio)[0].row.id;
    studio.harness.state_mut().studio_mut().view.hidden.insert(id);
    assert_eq!(studio.harness.state().studio().extent(), UPDATES);
    std::fs::remove_file(&path).unwrap();
    until(&mut studio, |studio| guests(studio)[0].lost.is_some());
    assert_eq!(guests(&studio)[0].length, 2501, "what was read stays");
}

#[test]
fn folders_are_opened_by_the_dialog_and_files_dropped_on_the_window() {
    let mut studio = first(200);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/tensorboard");
    *studio.log.answer.borrow_mut() = Some(folder);
    studio.press(Modifiers::COMMAND, Key::O);
    studio.harness.get_by_role_and_label(Role::Button, "Browse…").click();
    until(&mut studio, |studio| guests(studio).len() == 2);
    assert_eq!(*studio.log.asked.borrow(), [Ask::Open]);
    assert!(studio.shows("Recording plain") && studio.shows("Recording resumed"));
    // Its second file began its schedule anew, which is found.
    let resumed = &guests(&studio)[1];
    assert!(resumed.findings[0].sentence.contains("The log goes back"), "{:?}", resumed.findings);
    studio.harness.input_mut().dropped_files.push(Arc::new(Dropped(trainer())));
    until(&mut studio, |studio| guests(studio).len() == 3);
    studio.harness.input_mut().dropped_files.push(Arc::new(Dropped("no such file.csv".into())));
    studio.harness.run_steps(4);
    assert!(studio.says("no such file.csv"), "what cannot be opened is said");
}

#[test]
fn a_percentage_is_drawn_as_a_share() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.csv");
    let rows: String = (0..20).map(|row| format!("{row},1,1,{},0.1\n", 50 + row)).collect();
    std::fs::write(&path, format!("epoch,train_loss,eval_loss,eval_top1,lr\n{rows}")).unwrap();
    let mut studio = with(&path);
    studio.harness.state_mut().studio_mut().view.quantity = Column::ValAccuracy;
    studio.harness.run_steps(3);
    let inner = studio.harness.state().studio();
    let lane = inner.frame.lane(guests(&studio)[0].row.id).unwrap();
    assert!((lane.curves.raw.last().unwrap().last - 0.69).abs() < 1e-9);
    assert!((lane.best_accuracy.unwrap() - 0.69).abs() < 1e-9);
}

#[test]
fn the_panel_lists_what_is_in_a_recording_and_takes_its_rate() {
    let mut studio = with(&trainer());
    studio.panel("Recordings");
    studio.harness.run_steps(3);
    for shown in ["Take its rate", "As points", "Open a log"] {
        assert!(studio.shows(shown), "no {shown}");
    }
    for said in ["Hugging Face trainer_state.json, 61 updates", "eval_loss", "grad_norm"] {
        assert!(studio.says(said), "no {said}");
    }
    let before = studio.document().runs().count();
    studio.click("Take its rate");
    assert_eq!(studio.document().runs().count(), before + 1);
    studio.click("Close trainer_state");
    studio.harness.run_steps(2);
    assert!(guests(&studio).is_empty() && studio.says("is followed"));
}

#[test]
fn a_recording_that_is_being_read_can_be_stopped() {
    let mut studio = first(200);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    let rows: String = (0..200_000).map(|row| format!("{row},1.0,0.1\n")).collect();
    std::fs::write(&path, format!("step,loss,lr\n{rows}")).unwrap();
    let shelf = &mut studio.harness.state_mut().studio_mut().shelf;
    shelf.open(&path, || {}).unwrap();
    let opening: Vec<(PathBuf, f32)> =
        shelf.opening().map(|(path, share)| (path.to_owned(), share)).collect();
    assert!(
        matches!(opening.as_slice(), [(of, share)] if *of == path && (0.0..=1.0).contains(share)),
        "{opening:?}"
    );
    shelf.stop(&path);
    assert!(!shelf.is_opening());
    studio.harness.run_steps(3);
    assert!(guests(&studio).is_empty());
}

/// What a frame costs beside half a million rows: `cargo test --release -- --ignored half_a_million --nocapture`.
#[test]
#[ignore = "prints figures"]
fn half_a_million_rows_cost_this_much_a_frame() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    let rows: String = (0..500_000u32)
        .map(|row| {
            let share = f64::from(row) / 5e5;
            format!(
                "{row},{},{},{}\n",
                3.0 - 2.0 * share.sqrt() + (f64::from(row) * 0.7).sin() * 0.2,
                0.1 * (1.0 - share),
                1.0 + share
            )
        })
        .collect();
    std::fs::write(&path, format!("step,loss,lr,grad_norm\n{rows}")).unwrap();
    let mut studio = first(200);
    let alone = frames(&mut studio);
    let start = Instant::now();
    let ctx = studio.harness.ctx.clone();
    studio.harness.state_mut().open_recording(&ctx, &path);
    until(&mut studio, |studio| !guests(studio).is_empty());
    let opened = start.elapsed();
    let beside = frames(&mut studio);
    eprintln!(
        "opened in {opened:?}; a frame without it {alone:?}, with it {beside:?} (median, 99th of a hundred)"
    );
    assert_eq!(guests(&studio)[0].length, 500_000);
}

/// The median and the 99th of a hundred frames while the pointer moves over the plots.
fn frames(studio: &mut Studio) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..200)
        .map(|at| {
            let x = 300.0 + (at % 100) as f32 * 4.0;
            studio.harness.hover_at(eframe::egui::pos2(x, 300.0));
            let start = Instant::now();
            studio.harness.run_steps(1);
            start.elapsed()
        })
        .skip(100)
        .collect();
    times.sort();
    (times[50], times[99])
}
