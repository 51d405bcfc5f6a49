//! Labels that nothing predicts and losses that are nearly nothing are called what they are.

use std::fmt::Write;
use std::path::Path;

use anneal_studio::analysis::detect::{Context, Kind, Watch, initial_norm};
use anneal_studio::experiment::Experiment;

use super::cohort;

/// The kinds of what is found in any lane of a whole training.
fn found(experiment: Experiment) -> Vec<Kind> {
    let mut cohort = cohort(experiment);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let experiment = cohort.revision().experiment.clone();
    let norm = initial_norm(cohort.task());
    let kinds = cohort.lanes().iter().flat_map(|lane| {
        let at = lane.id.run.0 as usize;
        let mut watch = Watch::new(Context::of(cohort.task(), &experiment, at, norm).unwrap());
        watch.read(&lane.log, 0);
        eprintln!("{}: {:?}", experiment.runs[at].name, watch.findings());
        watch.findings().iter().map(|finding| finding.kind).collect::<Vec<_>>()
    });
    kinds.collect()
}

fn trained(data: &str, peaks: &[f64], updates: u64) -> Vec<Kind> {
    let mut text = format!(
        "anneal = 1\nname = \"labels\"\n[data]\n{data}\nbatch_size = 32\nvalidation = 0.2\n[model]\nkind = \"mlp\"\n\
         hidden = [32]\nactivation = \"relu\"\n[train]\nupdates = \"{updates}\"\nseed = 0\nreplicas = 3\n"
    );
    for peak in peaks {
        let _ = write!(
            text,
            "[[run]]\nname = \"{peak}\"\noptimizer = {{ kind = \"sgd\", momentum = 0.9 }}\n\
             lr = {{ kind = \"cosine\", peak = {peak} }}\n"
        );
    }
    found(Experiment::parse(&text, Path::new("labels.toml")).unwrap())
}

#[test]
fn labels_that_are_all_noise_are_no_signal_and_ask_for_no_warmup() {
    let kinds = trained("name = \"blobs\"\nlabel_noise = 1.0", &[0.03, 0.1], 600);
    assert!(kinds.contains(&Kind::NoSignal), "{kinds:?}");
    assert!(!kinds.contains(&Kind::StuckAtChance) && !kinds.contains(&Kind::SilentSlowdown), "{kinds:?}");
}

#[test]
fn a_table_of_unrelated_columns_is_no_signal_and_asks_for_no_warmup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("unrelated.csv");
    let mut state = 9_u64;
    let mut roll = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 1000
    };
    let mut table = "height,weight,answer\n".to_owned();
    for _ in 0..800 {
        let (height, weight) = (roll(), roll());
        let answer = ["yes", "no", "maybe"][(roll() % 3) as usize];
        let _ = writeln!(table, "{height},{weight},{answer}");
    }
    std::fs::write(&path, table).unwrap();
    let kinds =
        trained(&format!("path = {:?}\nlabel = \"answer\"", path.display().to_string()), &[0.03, 0.1], 600);
    assert!(kinds.contains(&Kind::NoSignal), "{kinds:?}");
    assert!(!kinds.contains(&Kind::StuckAtChance) && !kinds.contains(&Kind::SilentSlowdown), "{kinds:?}");
}

#[test]
fn a_loss_that_is_nearly_nothing_is_no_rate_that_is_too_low() {
    // Clean blobs are told apart at once: from then on the loss hardly falls, and weights hardly move.
    let kinds = trained("name = \"blobs\"", &[0.3, 1e-1], 2000);
    assert!(!kinds.contains(&Kind::SilentSlowdown), "{kinds:?}");
    // A surface that is begun in its minimum: 3.7e-9 is as low as it gets.
    let text = "anneal = 1\nname = \"at the bottom\"\n[model]\nkind = \"surface\"\nfunction = \"quadratic\"\n\
                start = [1e-5, 1e-5]\n[train]\nupdates = \"400\"\n[[run]]\nname = \"constant\"\n\
                optimizer = { kind = \"sgd\" }\nlr = { kind = \"constant\", peak = 1e-6 }\n";
    let kinds = found(Experiment::parse(text, Path::new("bottom.toml")).unwrap());
    assert!(kinds.is_empty(), "{kinds:?}");
    // The same rate from far away is too low.
    let far = text.replace("start = [1e-5, 1e-5]", "start = [1.0, 1.0]");
    let kinds = found(Experiment::parse(&far, Path::new("far.toml")).unwrap());
    assert!(kinds.contains(&Kind::SilentSlowdown), "{kinds:?}");
}
