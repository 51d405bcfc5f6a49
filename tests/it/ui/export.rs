//! Texts for other frameworks, schedules from them, and what lint says meanwhile.

use std::fs;

use anneal_studio::export::{Badge, Target, export};
use anneal_studio::schedule::kind::Kind;
use anneal_studio::schedule::{Ramp, Span, Warmup};
use anneal_studio::ui::picker::Ask;
use anneal_studio::ui::sheet::Sheet;
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, OutputCommand};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, UPDATES, clock, first, open};

/// The first experiment with its one-cycle run selected and the export panel open.
fn one_cycle() -> Studio {
    let mut studio = first(200);
    studio.click("Run one-cycle");
    studio.panel("Export");
    studio
}

fn selected(studio: &Studio) -> anneal_studio::experiment::Run {
    let view = &studio.harness.state().studio().view;
    studio.document().run(view.selected).unwrap().clone()
}

fn text(studio: &Studio, target: &str) -> String {
    let target = Target::from_id(target).unwrap();
    let experiment = studio.document().experiment();
    export(experiment, &selected(studio), clock(), target, &Default::default()).unwrap().text
}

fn choose(studio: &mut Studio, from: &str, to: &str) {
    studio.click(&format!("Target: {from}"));
    studio.click(to);
}

fn paste(studio: &mut Studio, text: &str) {
    studio.press(Modifiers::COMMAND, Key::I);
    let field = studio.harness.get_by_label("Code, configuration or log");
    field.focus();
    studio.harness.run_steps(2);
    studio.harness.event(eframe::egui::Event::Paste(text.to_owned()));
    studio.harness.run_steps(3);
}

#[test]
fn the_panel_shows_the_text_and_what_it_will_do() {
    let studio = one_cycle();
    let expected = text(&studio, "pytorch");
    assert!(expected.contains("OneCycleLR"), "{expected}");
    assert!(studio.shows(expected.trim_end()), "the panel shows another text");
    assert!(studio.shows("Native"));
    assert!(studio.shows("checked by running it"));
    assert!(studio.shows("none"), "a native export deviates");
    assert!(studio.shows("Drawn and predicted rate plot"));
}

#[test]
fn another_target_has_another_text_and_says_what_it_cannot() {
    let mut studio = one_cycle();
    choose(&mut studio, "PyTorch", "Hugging Face (YAML)");
    assert!(studio.shows(text(&studio, "hugging_face_yaml").trim_end()));
    let target = Target::from_id("hugging_face_yaml").unwrap();
    let experiment = studio.document().experiment();
    let exported = export(experiment, &selected(&studio), clock(), target, &Default::default()).unwrap();
    let (Badge::Approximated { why } | Badge::Table { why }) = &exported.badge else {
        panic!("transformers has a one-cycle now")
    };
    assert!(studio.says(why.get(1..).unwrap()), "{why}");
    assert!(exported.deviation.of_peak > 1e-9);
    assert!(studio.says("% of the peak"));
}

#[test]
fn an_edit_changes_the_text() {
    let mut studio = one_cycle();
    let before = text(&studio, "pytorch");
    studio.harness.get_by_role_and_label(Role::Slider, "Peak").set_value_accesskit(0.037);
    studio.harness.run_steps(3);
    assert!(!studio.shows(before.trim_end()));
    let after = text(&studio, "pytorch");
    assert!(after.contains("0.037") && studio.shows(after.trim_end()));
}

#[test]
fn copying_takes_the_whole_text() {
    let mut studio = one_cycle();
    let expected = text(&studio, "pytorch");
    studio.harness.get_by_role_and_label(Role::Button, "Copy").click();
    let mut copied = None;
    for _ in 0..3 {
        studio.harness.step();
        for command in &studio.harness.output().platform_output.commands {
            if let OutputCommand::CopyText(text) = command {
                copied = Some(text.clone());
            }
        }
    }
    assert_eq!(copied.as_ref(), Some(&expected));
    assert!(studio.says("Copied for PyTorch"));
}

#[test]
fn saving_writes_the_file_that_was_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cycle.py");
    let mut studio = one_cycle();
    *studio.log.answer.borrow_mut() = Some(path.clone());
    studio.click("Save…");
    studio.click("Browse…");
    studio.harness.run_steps(3);
    assert_eq!(*studio.log.asked.borrow(), [Ask::Export("one-cycle.py".to_owned())]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text(&studio, "pytorch"));
    assert!(studio.harness.state().studio().sheet.is_none());
    assert!(!studio.document().is_dirty() && studio.document().path().is_none());
}

#[test]
fn a_place_that_cannot_be_written_to_is_said_and_the_sheet_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = one_cycle();
    *studio.log.answer.borrow_mut() = Some(folder.path().join("no such folder").join("cycle.py"));
    studio.click("Save…");
    studio.click("Browse…");
    studio.harness.run_steps(3);
    assert!(studio.says("Not saved"));
    assert!(matches!(studio.harness.state().studio().sheet, Some(Sheet::Export { .. })));
}

#[test]
fn the_truth_table_has_a_row_for_each_target_and_leads_to_its_text() {
    let mut studio = one_cycle();
    studio.click("All targets");
    for target in Target::ALL {
        assert!(studio.shows(target.title), "{} is missing", target.title);
    }
    studio.click("timm (command line)");
    assert!(studio.shows(text(&studio, "timm").trim_end()));
}

#[test]
fn resuming_shows_each_way_with_its_seam_and_the_code_that_is_right() {
    let mut studio = one_cycle();
    studio.click("Resuming");
    assert!(studio.says("optimizer.load_state_dict and scheduler.load_state_dict"));
    assert!(studio.says("As wished"));
    assert!(studio.says("The code that does it right"));
    choose(&mut studio, "PyTorch", "burn");
    assert!(studio.says("is not known here"));
}

#[test]
fn a_run_too_long_to_predict_says_so() {
    let mut studio = one_cycle();
    studio.log.shared.borrow_mut().status.updates = 10_000_001;
    for _ in 0..2000 {
        if studio.says("There is no export of this run") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        studio.harness.step();
    }
    studio.harness.run_steps(3);
    assert!(studio.says("shorten the run"));
    assert!(!studio.shows("Copy"));
}

#[test]
fn a_pasted_scheduler_becomes_a_run() {
    let mut studio = first(200);
    let runs = studio.document().runs().count();
    paste(
        &mut studio,
        "scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.25, total_steps=800, pct_start=0.4)",
    );
    assert_eq!(studio.document().runs().count(), runs, "nothing is added before it is wanted");
    studio.harness.get_by_role_and_label(Role::Button, "Import").click();
    studio.harness.run_steps(3);
    assert_eq!(studio.document().runs().count(), runs + 1);
    let run = selected(&studio);
    let Kind::OneCycle(cycle) = &run.lr.kind else { panic!("{:?}", run.lr.kind) };
    assert_eq!((cycle.peak, cycle.pct_start), (0.25, 0.4));
    // Adding it is one step.
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.document().runs().count(), runs);
}

#[test]
fn a_chosen_file_becomes_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ds_config.json");
    let json = r#"{"scheduler": {"type": "WarmupLR", "params":
        {"warmup_min_lr": 0, "warmup_max_lr": 0.004, "warmup_num_steps": 100, "warmup_type": "linear"}}}"#;
    fs::write(&path, json).unwrap();
    let mut studio = first(200);
    *studio.log.answer.borrow_mut() = Some(path);
    studio.press(Modifiers::COMMAND, Key::I);
    studio.click("Choose file…");
    assert_eq!(*studio.log.asked.borrow(), [Ask::Import]);
    // It is read on a thread of its own.
    for _ in 0..10_000 {
        let sheet = studio.harness.state().studio().sheet.clone();
        if matches!(&sheet, Some(Sheet::Import(pasted)) if pasted.imported().is_some()) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
        studio.harness.step();
    }
    // The sheet grows with what was found, and comes to rest.
    studio.harness.run_steps(30);
    studio.harness.get_by_role_and_label(Role::Button, "Import").click();
    studio.harness.run_steps(3);
    let curve = selected(&studio).lr.resolve(clock()).unwrap();
    assert_eq!((curve.at(50) > 0.0, curve.at(500)), (true, 0.004));
}

/// Steps until the sheet has read what it was given.
fn read_through(studio: &mut Studio) {
    for _ in 0..60_000 {
        let sheet = studio.harness.state().studio().sheet.clone();
        if matches!(&sheet, Some(Sheet::Import(pasted)) if !pasted.is_reading()) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
        studio.harness.step();
    }
    studio.harness.run_steps(30);
}

#[test]
fn a_pasted_log_of_a_million_rows_is_read_beside_the_frames_and_a_second_paste_wins() {
    let log = |peak: f64| {
        let rows = (0..1_000_000).map(|i| format!("{i},{:.6}\n", peak * (1.0 - f64::from(i) / 1e6)));
        "step,lr\n".to_owned() + &rows.collect::<String>()
    };
    let mut studio = first(200);
    paste(&mut studio, &log(0.1));
    assert!(studio.says("The first lines of 1"), "the text is not on show");
    assert!(studio.shows("8,0.099999"), "not all of its first lines are");
    // Both are longer than the field takes, and the second is pasted while the first is read.
    studio.harness.event(eframe::egui::Event::Paste(log(0.5)));
    studio.harness.step();
    read_through(&mut studio);
    studio.harness.get_by_role_and_label(Role::Button, "Import").click();
    studio.harness.run_steps(3);
    let curve = selected(&studio).lr.resolve(clock()).unwrap();
    assert!((curve.at(0) - 0.5).abs() < 1e-3, "{}", curve.at(0));
}

#[test]
fn a_short_paste_takes_the_place_of_a_long_one() {
    let mut studio = first(200);
    let rows: String = (0..20_000).map(|i| format!("{i},0.25\n")).collect();
    paste(&mut studio, &format!("step,lr\n{rows}"));
    studio.harness.event(eframe::egui::Event::Paste("s = StepLR(SGD(p, lr=0.125), 30)".to_owned()));
    studio.harness.step();
    read_through(&mut studio);
    assert!(!studio.says("The first lines of"));
    studio.harness.get_by_role_and_label(Role::Button, "Import").click();
    studio.harness.run_steps(3);
    assert_eq!(selected(&studio).lr.resolve(clock()).unwrap().at(0), 0.125);
}

#[test]
fn lint_says_what_a_pasted_text_does_beside_what_it_is() {
    let mut studio = first(200);
    paste(&mut studio, "--sched cosine --lr 0.1 --epochs 100 --warmup-epochs 5");
    assert!(studio.says("--warmup-prefix the cosine starts at epoch 0"), "the sheet does not lint");
}

#[test]
fn what_cannot_be_read_is_explained_and_changes_nothing() {
    let mut studio = first(200);
    let before = studio.document().experiment().clone();
    paste(&mut studio, "OneCycleLR(optimizer, max_lr=__import__('os').getpid(), total_steps=100)");
    let sheet = studio.harness.state().studio().sheet.clone();
    assert!(matches!(&sheet, Some(Sheet::Import(pasted)) if pasted.imported().is_none()), "{sheet:?}");
    assert!(studio.says("max_lr"), "the error does not say what is wrong");
    studio.click("Cancel");
    assert_eq!(studio.document().experiment(), &before);
    assert!(!studio.document().is_dirty());
}

#[test]
fn lint_shows_a_warmup_longer_than_the_run_until_it_is_mended() {
    let mut experiment = crate::support::digits();
    experiment.runs[0].lr.warmup = Some(Warmup::new(Span::Updates(2.0 * UPDATES as f64), 0.0, Ramp::Linear));
    let mut studio = open(experiment, None, 0, (1600.0, 1000.0));
    let id = studio.document().first().unwrap();
    assert!(studio.says("warmup") && lint(&studio).contains(&"warmup-longer-than-run"));
    let warnings = anneal_studio::ui::panels::lint::warnings(studio.harness.state_mut().studio_mut());
    let warning = warnings.iter().find(|warning| warning.code == "warmup-longer-than-run").unwrap();
    let message = warning.message.get(1..).unwrap().to_owned();
    assert!(studio.says(&message), "not on the screen: {message}");
    studio.harness.state_mut().studio_mut().document.edit_run(id, |run| run.lr.warmup = None);
    studio.harness.run_steps(3);
    assert!(!studio.says(&message));
}

fn lint(studio: &Studio) -> Vec<&'static str> {
    let found = anneal_studio::lint::lint(studio.document().experiment(), Some(clock()));
    found.into_iter().map(|warning| warning.code).collect()
}
