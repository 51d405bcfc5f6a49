//! What we export comes back: as it was drawn from the text's end, and from the text itself as the export says
//! the framework will do it.

use std::path::Path;

use anneal_studio::experiment::Run;
use anneal_studio::export::{self, Badge, Target, export};
use anneal_studio::import::dialect_of;

use super::*;
use crate::support::Fixture;

const CLOCK: Clock = Clock { updates: 1000, updates_per_epoch: 100 };

/// Schedules of a run of 10 epochs.
const SCHEDULES: [&str; 16] = [
    "{ kind = \"constant\", peak = 0.1 }",
    "{ kind = \"step\", peak = 0.1, every = \"3ep\" }",
    "{ kind = \"multistep\", peak = 0.1, milestones = [\"5ep\", \"8ep\"], gamma = 0.2 }",
    "{ kind = \"exponential\", peak = 0.1, gamma = 0.995 }",
    "{ kind = \"polynomial\", peak = 0.1, power = 2.0 }",
    "{ kind = \"linear\", peak = 0.1, from = 0.1, over = \"2ep\" }",
    "{ kind = \"cosine\", peak = 0.1, floor = 1e-3 }",
    "{ kind = \"cosine\", peak = 3e-4, warmup = { over = \"1ep\" } }",
    "{ kind = \"cosine\", peak = 3e-4, floor = 3e-5, warmup = { over = \"1ep\", from = 0.1 } }",
    "{ kind = \"polynomial\", peak = 3e-4, warmup = { over = \"5%\" } }",
    "{ kind = \"cosine_restarts\", peak = 0.1, first = \"2ep\", mult = 2.0 }",
    "{ kind = \"one_cycle\", peak = 0.1 }",
    "{ kind = \"cyclic\", floor = 0.01, peak = 0.1, up = \"1ep\", mode = \"triangular2\" }",
    "{ kind = \"wsd\", peak = 3e-4, decay = \"2ep\", shape = \"1-sqrt\", warmup = { over = \"1ep\" } }",
    "{ kind = \"inverse_sqrt\", peak = 1e-3, timescale = \"1ep\", warmup = { over = \"1ep\" } }",
    "{ kind = \"rex\", peak = 0.1 }",
];

fn experiment(lr: &str) -> Experiment {
    let text = format!(
        "anneal = 1\nname = \"x\"\n[data]\nname = \"digits\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n[train]\n\
         updates = \"10ep\"\n[[run]]\nname = \"r\"\noptimizer = {{ kind = \"adamw\", beta2 = 0.95 }}\nlr = {lr}\n"
    );
    Experiment::parse(&text, "x.toml").unwrap()
}

/// The largest deviation of the import from the export's prediction, as a share of the peak; `None` where
/// the text was refused.
fn round_trip(lr: &str, target: &'static Target) -> Option<(f64, export::Export, Imported)> {
    let experiment = experiment(lr);
    let exported =
        export(&experiment, &experiment.runs[0], CLOCK, target, &export::Options::default()).unwrap();
    // With a dialect the text itself is read, not the experiment at its end.
    let dialect = Some(dialect_of(&exported.text).unwrap());
    let imported = match import(&exported.text, &Options { dialect, ..Options::default() }) {
        Ok(imported) => imported,
        Err(error) => {
            // Only a function of the update cannot be read back.
            assert!(
                matches!(exported.badge, Badge::Table { .. }),
                "{}: {error}\n{}",
                target.id,
                exported.text
            );
            return None;
        }
    };
    let curve = imported.lr.resolve(CLOCK).unwrap();
    let peak = exported.predicted.iter().copied().fold(0.0, f64::max);
    let off = (0..).zip(&exported.predicted).map(|(update, rate)| (curve.at(update) - rate).abs() / peak);
    Some((off.fold(0.0, f64::max), exported, imported))
}

fn targets(ids: &[&str]) -> impl Iterator<Item = &'static Target> {
    ids.iter().map(|id| Target::from_id(id).unwrap())
}

#[test]
fn native_exports_give_their_prediction_back() {
    let mut compared = 0;
    for target in targets(&["pytorch", "hugging_face", "hugging_face_yaml", "timm", "toml", "llama_factory"])
    {
        for lr in SCHEDULES {
            let Some((off, exported, imported)) = round_trip(lr, target) else { continue };
            if matches!(exported.badge, Badge::Table { .. }) {
                continue;
            }
            let is_drawn = imported.notes.iter().any(|note| note.contains("drawn with control points"));
            let allowed = if is_drawn { 1e-3 } else { 1e-9 };
            assert!(
                off <= allowed,
                "{}: {lr} deviates by {off:.2e}: {:?}\n{:?}\n{}",
                target.id,
                imported.lr,
                imported.notes,
                exported.text
            );
            compared += 1;
        }
    }
    assert!(compared >= 40, "{compared}");
}

/// A table cannot hold a comment: a kind that has its rates comes back, or else the rates themselves.
#[test]
fn a_table_gives_every_rate_back() {
    let target = Target::from_id("csv").unwrap();
    let (mut of_kind, mut listed) = (0, 0);
    for (experiment, run) in runs() {
        let exported = export(&experiment, &run, CLOCK, target, &export::Options::default()).unwrap();
        let imported = read(&exported.text);
        assert_eq!(imported.updates, Some(Span::Updates(1000.0)));
        let curve = curve(&imported, 1000, 100);
        let peak = exported.predicted.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let is_listed = matches!(imported.lr.kind, Kind::Listed(_));
        for (update, rate) in (0..).zip(&exported.predicted) {
            let allowed = if is_listed { 0.0 } else { 1e-9 * peak };
            assert!((curve.at(update) - rate).abs() <= allowed, "{}: {:?}", run.name, imported.lr);
        }
        let says_why = imported.notes.iter().any(|note| note.ends_with("so the rates themselves were taken"));
        assert!(is_listed || !says_why, "{:?}", imported.notes);
        *(if is_listed { &mut listed } else { &mut of_kind }) += 1;
    }
    assert!(of_kind > 40 && listed > 4, "{of_kind} of a kind, {listed} listed");
}

#[test]
fn a_table_says_which_columns_were_left_out() {
    let target = Target::from_id("csv").unwrap();
    let experiment = experiment("{ kind = \"rex\", peak = 0.1 }\nbatch = { kind = \"constant\", peak = 64 }");
    let run = &experiment.runs[0];
    let text = export(&experiment, run, CLOCK, target, &export::Options::default()).unwrap().text;
    let notes = read(&text).notes;
    assert!(
        notes.iter().any(|note| note.contains("left out: beta1, weight_decay") && note.ends_with("batch")),
        "{notes:?}"
    );
}

#[test]
fn deepspeeds_lag_comes_back_too() {
    let target = Target::from_id("deepspeed").unwrap();
    for lr in SCHEDULES {
        let Some((off, exported, imported)) = round_trip(lr, target) else { continue };
        if matches!(exported.badge, Badge::Table { .. }) {
            continue;
        }
        // After a linear warmup its cosine is an update ahead, which a note says.
        let allowed = if imported.notes.iter().any(|note| note.contains("jumps over")) { 0.01 } else { 1e-9 };
        assert!(off <= allowed, "{lr} deviates by {off:.2e}: {:?}\n{}", imported.lr, exported.text);
    }
}

/// Every run that conformance exports, and one of each controller and of a growing batch.
fn runs() -> Vec<(Experiment, Run)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/experiments");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut experiments: Vec<Experiment> = files.map(|file| Experiment::open(file).unwrap()).collect();
    for line in [
        "greedy = { metric = \"train_loss\" }",
        "hypergradient = { beta = 1e-7 }",
        "batch = { kind = \"step\", peak = 64, every = \"3ep\", gamma = 2 }",
    ] {
        experiments.push(experiment(&format!("{{ kind = \"rex\", peak = 0.1 }}\n{line}")));
    }
    let each = |experiment: Experiment| {
        let runs = experiment.runs.clone();
        runs.into_iter().map(move |run| (experiment.clone(), run))
    };
    experiments.into_iter().flat_map(each).collect()
}

#[test]
fn every_export_that_can_hold_a_comment_gives_its_run_back() {
    let runs = runs();
    assert!(runs.len() > 50);
    for (experiment, run) in runs {
        for target in Target::ALL.iter().filter(|target| target.id != "csv") {
            let text = export(&experiment, &run, CLOCK, target, &export::Options::default()).unwrap().text;
            let imported = read(&text);
            assert_eq!(imported.run(&run.optimizer), run, "{}", target.id);
            assert_eq!(imported.updates, Some(experiment.train.updates));
            assert_eq!(imported.clip_norm, experiment.train.clip_norm);
            assert_eq!(imported.accumulate, Some(experiment.train.accumulate));
            // Neither another system's line ends nor a clipboard's changes are an edit.
            let pasted = format!("\u{feff}\n{}\n\n", text.replace('\n', "  \r\n"));
            assert_eq!(read(&pasted).lr, run.lr, "{}", target.id);
        }
    }
}

#[test]
fn a_changed_export_is_read_itself() {
    let rex = experiment("{ kind = \"rex\", peak = 0.1, warmup = { over = \"1ep\" } }");
    let cosine = experiment("{ kind = \"cosine\", peak = 0.1 }");
    let text = |experiment: &Experiment, id| {
        let target = Target::from_id(id).unwrap();
        export(experiment, &experiment.runs[0], CLOCK, target, &export::Options::default()).unwrap().text
    };
    for id in ["pytorch", "timm", "hugging_face_yaml"] {
        let written = text(&cosine, id);
        let (from, to) = if id == "hugging_face_yaml" { ("0.1\n", "0.2\n") } else { ("0.1", "0.2") };
        let edits = [
            written.replacen(from, to, 1),
            // An edit of the comment itself, and a line that follows it.
            written.with("peak = 0.1", "peak = 0.3"),
            format!("{written}\n# more\n"),
        ];
        for (edit, peak) in edits.iter().zip([0.2, 0.1, 0.1]) {
            let imported = read(edit);
            assert!(imported.notes.iter().any(|note| note.contains("was changed")), "{:?}", imported.notes);
            assert_eq!(curve(&imported, 1000, 100).at(0), peak, "{edit}");
        }
    }
    let written = text(&cosine, "deepspeed");
    for edit in [
        written.with("\"lr\": 0.1", "\"lr\": 0.2"),
        written.with("peak = 0.1", "peak = 0.3"),
        written.with("\n}\n", ",\n  \"steps_per_print\": 10\n}\n"),
    ] {
        assert_ne!(edit, written);
        let imported = read(&edit);
        assert_eq!(imported.dialect.id, "deepspeed");
        assert!(imported.notes.iter().any(|note| note.contains("was changed")), "{:?}", imported.notes);
    }
    let edited = text(&rex, "burn").replace("0.1", "0.2");
    let error = refused(&edited);
    assert!(error.contains("was changed after it was exported"), "{error}");
}

/// A name that imitates the comment, or would end it, misleads nobody.
#[test]
fn names_cannot_imitate_the_last_comment() {
    let mut hostile = experiment("{ kind = \"rex\", peak = 0.1 }");
    let text = |experiment: &Experiment, id| {
        let target = Target::from_id(id).unwrap();
        export(experiment, &experiment.runs[0], CLOCK, target, &export::Options::default()).unwrap().text
    };
    let whole = text(&hostile, "axolotl");
    let closing = whole.lines().last().unwrap();
    for name in ["a\u{2028}lr: 1\u{2029}\u{85}b", "---- checksum 00000000 ----", closing, whole.as_str()] {
        hostile.runs[0].name = name.to_owned();
        for target in Target::ALL.iter().filter(|target| target.id != "csv") {
            let text = text(&hostile, target.id);
            assert_eq!(read(&text).name, name, "{}: {text}", target.id);
            assert!(!text.contains(['\u{2028}', '\u{2029}', '\u{85}']) || target.id == "toml");
        }
    }
}
