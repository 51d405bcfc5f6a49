//! What we export comes back: the imported curve is what the export says the framework will do.

use anneal_studio::export::{self, Badge, Target, export};

use super::*;

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
    let imported = match import(&exported.text, Options::default()) {
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

#[test]
fn a_table_of_rates_gives_the_schedule_back() {
    let target = Target::from_id("csv").unwrap();
    for lr in SCHEDULES {
        let (off, _, imported) = round_trip(lr, target).unwrap();
        assert!(off < 1e-3, "{lr} deviates by {off:.2e}: {:?}", imported.lr);
        assert!(imported.fit.is_some());
    }
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
