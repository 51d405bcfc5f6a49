//! The gallery: its pictures are of real runs, what goes wrong does, and it is searched and opened.

use std::path::Path;

use anneal_studio::analysis::detect::{Context, Watch, initial_norm};
use anneal_studio::telemetry::Row;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::ui::examples::{EXAMPLES, Example};
use anneal_studio::ui::thumbnails::{Drawn, POINTS, Thumbnails};
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::first;
use crate::support::{pool, revision_of};

/// An example's training, to the end.
fn trained(example: &Example) -> Cohort {
    let revision = revision_of(example.experiment().unwrap(), 0);
    let mut cohort = Cohort::new(revision, pool(2)).unwrap();
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

/// The runs of a training as the gallery draws them: the mean over replicas of what was used and of the loss.
fn drawn(cohort: &Cohort) -> Vec<Drawn> {
    let runs = cohort.revision().experiment.runs.len();
    let of = |run: usize, value: &dyn Fn(&[Row]) -> f64| -> Vec<Option<f64>> {
        let lanes = || cohort.lanes().iter().filter(move |lane| lane.id.run.0 as usize == run);
        let updates = lanes().map(|lane| lane.log.rows.len()).max().unwrap_or(0);
        let part = |at: usize| {
            let (from, to) =
                (at * updates / POINTS, ((at + 1) * updates / POINTS).max(at * updates / POINTS + 1));
            let values =
                lanes().map(|lane| value(lane.log.rows.get(from..to.min(updates)).unwrap_or_default()));
            let values: Vec<f64> = values.collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            mean.is_finite().then(|| anneal_studio::ui::format::round_to(mean, 3))
        };
        (0..POINTS).map(part).collect()
    };
    let mean = |rows: &[Row], value: fn(&Row) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
    (0..runs)
        .map(|run| Drawn {
            rates: of(run, &|rows| mean(rows, |row| row.lr)),
            losses: of(run, &|rows| mean(rows, |row| f64::from(row.train_loss))),
        })
        .collect()
}

#[test]
fn the_pictures_are_of_real_runs() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/gallery.json"));
    if std::env::var_os("ANNEAL_RENEW").is_some() {
        let all: Thumbnails =
            EXAMPLES.iter().map(|example| (example.name.to_owned(), drawn(&trained(example)))).collect();
        std::fs::write(path, serde_json::to_string(&all).unwrap() + "\n").unwrap();
    }
    let shipped: Thumbnails = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let names: Vec<&str> = shipped.keys().map(String::as_str).collect();
    let mut wanted: Vec<&str> = EXAMPLES.iter().map(|example| example.name).collect();
    wanted.sort_unstable();
    assert_eq!(
        names, wanted,
        "ANNEAL_RENEW=1 cargo test --release the_pictures_are_of_real_runs writes them"
    );
    // Those that train at once are trained again: rates to the digit, losses about as they were on any processor.
    for example in
        EXAMPLES.iter().filter(|example| ["digits", "too-low", "nothing-to-learn"].contains(&example.name))
    {
        for (then, now) in shipped[example.name].iter().zip(drawn(&trained(example))) {
            assert_eq!(then.rates, now.rates, "{}", example.name);
            let apart = then.losses.iter().zip(&now.losses).map(|(a, b)| (a.unwrap() - b.unwrap()).abs());
            assert!(apart.fold(0.0, f64::max) < 0.3, "{}", example.name);
        }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "trains whole examples: run it with --release")]
fn every_example_that_goes_wrong_goes_wrong_as_it_says() {
    for example in EXAMPLES.iter().filter(|example| example.goes_wrong) {
        let cohort = trained(example);
        let experiment = &cohort.revision().experiment;
        let norm = initial_norm(cohort.task());
        let mut kinds = Vec::new();
        for lane in cohort.lanes() {
            let context = Context::of(cohort.task(), experiment, lane.id.run.0 as usize, norm).unwrap();
            let mut watch = Watch::new(context);
            watch.read(&lane.log, 0);
            kinds.extend(watch.findings().iter().map(|finding| finding.kind));
        }
        match example.finding {
            Some(kind) => assert!(kinds.contains(&kind), "{}: {kinds:?}", example.name),
            None => {
                // What no detector sees is seen beside the run that does it right.
                let last = |at: usize| f64::from(cohort.lanes()[at].log.validations().last().unwrap().loss);
                assert!(last(0) > 1.05 * last(1), "{}: {} {}", example.name, last(0), last(1));
            }
        }
    }
}

#[test]
fn the_gallery_is_searched_and_a_click_opens_the_example() {
    let mut studio = first(100);
    studio.press(Modifiers::COMMAND, Key::G);
    assert!(studio.shows("Gallery"));
    let cards =
        |studio: &super::stand_in::Studio| studio.harness.query_all_by_label_contains("(goes wrong)").count();
    assert!(cards(&studio) >= 3);
    studio.harness.get_by_role_and_label(Role::TextInput, "Search the gallery").type_text("plateau patience");
    studio.harness.run_steps(3);
    assert_eq!(cards(&studio), 1);
    studio.click("a plateau rule without patience (goes wrong)");
    assert_eq!(studio.document().experiment().name, "a plateau rule without patience");
    assert!(!studio.shows("Gallery"));
    studio.press(Modifiers::COMMAND, Key::G);
    studio.click("To learn from");
    assert_eq!(cards(&studio), 0);
    studio.press(Modifiers::NONE, Key::Escape);
    assert!(!studio.shows("Gallery"));
}
