//! The panels that ask the engine for long work, over a stand-in that does it when the test says so.

use std::fs;

use anneal_studio::analysis::suggest::Rule;
use anneal_studio::engine::protocol::Command;
use anneal_studio::experiment::BatchSize;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::pool;
use anneal_studio::ui::panels::{batch_size, glossary, range_test};
use anneal_studio::ui::sheet::Sheet;

use super::stand_in::{Studio, UPDATES, first, open};

fn range_state(studio: &Studio) -> Option<&range_test::State> {
    studio.harness.state().studio().panels.peek()
}

impl Studio {
    /// Does the errand that was asked for last, at the beginning of the training.
    pub(super) fn run_errand(&mut self) {
        let commands = self.log.commands.borrow().clone();
        let errand = commands.into_iter().rev().find_map(|command| match command {
            Command::Errand(errand) => Some(errand),
            _ => None,
        });
        let pool = pool(Some(2)).unwrap().into();
        let cohort = Cohort::new(self.document().revision(), pool).unwrap();
        let work = errand.expect("an errand").begin(&cohort).expect("work");
        work()(&cohort);
        self.harness.run_steps(4);
    }

    fn errands(&self) -> usize {
        self.log.commands.borrow().iter().filter(|command| matches!(command, Command::Errand(_))).count()
    }

    /// The selected run's highest rate.
    fn peak(&self) -> f64 {
        let studio = self.harness.state().studio();
        studio.curve(studio.view.selected).unwrap().range().1
    }
}

#[test]
fn a_range_test_suggests_and_one_click_uses_it_and_undo_takes_it_back() {
    let mut studio = first(200);
    studio.panel("Range test");
    assert_eq!(studio.errands(), 0, "nothing trains before it is asked for");
    studio.click("Run range test");
    assert_eq!(studio.errands(), 1);
    assert!(studio.says("Sweeping while training rests"));
    studio.run_errand();
    let lab = |studio: &Studio| range_state(studio)?.test.answer().cloned();
    let test = lab(&studio).expect("an answer");
    for rule in Rule::ALL {
        assert!(studio.says(rule.name()), "{rule:?}");
    }
    let untouched = test.untouched.unwrap();
    assert_eq!(untouched.before, untouched.after);
    assert!(studio.says(&format!("Training untouched: {:016x}", untouched.before)));
    let (before, suggested) = (studio.peak(), test.recommended().unwrap());
    assert!((before / suggested - 1.0).abs() > 0.02, "the test would show nothing");
    studio.click(&format!("Use {} as peak", anneal_studio::ui::format::rate(suggested)));
    assert!((studio.peak() / suggested - 1.0).abs() < 0.01, "{} {suggested}", studio.peak());
    assert!(lab(&studio).is_some(), "the suggestion stays beside what was made of it");
    studio.press(eframe::egui::Modifiers::COMMAND, eframe::egui::Key::Z);
    assert_eq!(studio.peak(), before);
}

#[test]
fn another_rule_is_chosen_and_proved_beside_its_neighbours() {
    let mut studio = open(crate::support::digits(), None, 200, (1600.0, 1200.0));
    studio.harness.state_mut().studio_mut().document.edit(|experiment| {
        experiment.train.updates = anneal_studio::schedule::Span::Updates(120.0);
        experiment.train.replicas = 1;
    });
    studio.panel("Range test");
    studio.click("Run range test");
    studio.run_errand();
    studio.click("valley");
    let valley = {
        let lab = range_state(&studio).expect("the panel was shown");
        assert_eq!(lab.rule, Some(Rule::Valley));
        lab.test.answer().unwrap().suggestion(Rule::Valley).unwrap()
    };
    studio.click("Prove");
    studio.run_errand();
    let proofs = range_state(&studio).expect("the panel was shown").proof.answer().cloned().expect("proofs");
    let rates: Vec<f64> = proofs.iter().map(|proof| proof.rate).collect();
    assert_eq!(rates, [valley / 3.0, valley, valley * 3.0]);
    assert!(proofs.iter().all(|proof| proof.seeds.len() == 3));
    assert!(studio.says(&format!("peak {}", anneal_studio::ui::format::rate(valley))));
}

#[test]
fn an_edit_or_another_panel_cancels_a_range_test_on_its_way() {
    let cancelled = |studio: &Studio| {
        let commands = studio.log.commands.borrow();
        commands
            .iter()
            .any(|command| matches!(command, Command::Errand(errand) if errand.progress.is_cancelled()))
    };
    let mut studio = first(200);
    studio.panel("Range test");
    studio.click("Run range test");
    assert!(!cancelled(&studio));
    studio.panel("Results");
    assert!(cancelled(&studio));
    let mut studio = first(200);
    studio.panel("Range test");
    studio.click("Run range test");
    studio.harness.state_mut().studio_mut().document.edit(|experiment| experiment.train.seed = 7);
    studio.harness.run_steps(3);
    assert!(cancelled(&studio));
    assert!(studio.shows("Run range test"));
}

#[test]
fn a_baseline_goes_on_under_another_panel_and_other_schedules_but_not_with_another_model() {
    let cancelled = |studio: &Studio| {
        let commands = studio.log.commands.borrow();
        commands
            .iter()
            .any(|command| matches!(command, Command::Errand(errand) if errand.progress.is_cancelled()))
    };
    let mut studio = first(200);
    studio.panel("Report");
    studio.click("Tune baseline");
    studio.panel("Results");
    studio.harness.state_mut().studio_mut().document.edit(|experiment| experiment.runs[1].lr.warmup = None);
    studio.harness.run_steps(3);
    assert!(!cancelled(&studio));
    studio.panel("Report");
    assert!(studio.says("Training constant rates"));
    studio.harness.state_mut().studio_mut().document.edit(|experiment| experiment.train.seed = 7);
    studio.harness.run_steps(3);
    assert!(cancelled(&studio));
    assert!(studio.shows("Tune baseline"));
}

#[test]
fn another_batch_is_thought_through_and_applied_in_one_step() {
    let mut studio = first(200);
    studio.panel("Batch helper");
    assert!(studio.says("Samples an update"));
    let before = studio.document().experiment().clone();
    let BatchSize::Samples(batch) = before.data.batch_size else { panic!("a number of samples") };
    let peak = studio.peak();
    let to =
        anneal_studio::analysis::noise_scale::Batching { batch: 2 * batch as u64, accumulate: 1, world: 2 };
    studio.harness.state_mut().studio_mut().panels.of::<batch_size::State>().to = Some(to);
    studio.harness.run_steps(3);
    assert!(studio.says("One machine trains it here"));
    studio.click("Apply");
    let after = studio.document().experiment().clone();
    assert_eq!(after.data.batch_size, BatchSize::Samples(4 * batch));
    assert!((studio.peak() / peak / 4.0 - 1.0).abs() < 1e-9, "SGD's rate follows the batch");
    studio.press(eframe::egui::Modifiers::COMMAND, eframe::egui::Key::Z);
    assert_eq!(studio.document().experiment(), &before);
    studio.click("Estimate");
    studio.run_errand();
    assert!(studio.says("at update 0, from"), "the estimate says where it was made");
}

#[test]
fn the_report_compares_with_a_tuned_baseline_and_is_saved_as_a_page() {
    let mut studio = first(UPDATES);
    studio.harness.state_mut().studio_mut().document.edit(|experiment| {
        experiment.train.updates = anneal_studio::schedule::Span::Updates(60.0);
    });
    studio.panel("Report");
    assert!(studio.says("Best on average"));
    assert!(studio.says("Stability"));
    studio.click("Tune baseline");
    studio.run_errand();
    assert!(studio.says("constant, tuned"), "the baseline is the first line");
    studio.click("Save report…");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    assert!(matches!(
        studio.harness.state().studio().sheet,
        Some(Sheet::Export { title: "Save report", .. })
    ));
    if let Some(Sheet::Export { path: field, .. }) = &mut studio.harness.state_mut().studio_mut().sheet {
        *field = path.display().to_string();
    }
    studio.click("Save");
    let page = fs::read_to_string(path).unwrap();
    for id in ["results", "differences", "stability", "rates", "baseline"] {
        assert!(page.contains(&format!("<table id=\"{id}\">")), "{id}");
    }
}

#[test]
fn the_glossary_is_searched_and_terms_lead_to_it() {
    let mut studio = first(200);
    studio.panel("Glossary");
    assert!(studio.shows("Burn-in"));
    studio.harness.state_mut().studio_mut().panels.of::<glossary::Sought>().0 = "noise scale".into();
    studio.harness.run_steps(3);
    assert!(studio.shows("Gradient noise scale") && !studio.shows("Burn-in"));
    studio.harness.state_mut().studio_mut().panels.of::<glossary::Sought>().0 = "zzz".into();
    studio.harness.run_steps(3);
    assert!(studio.shows("No term like that."));
    studio.panel("Range test");
    studio.click("learning rate");
    assert_eq!(studio.harness.state_mut().studio_mut().panels.of::<glossary::Sought>().0, "Learning rate");
    assert!(studio.says("The factor between the gradient"));
}
