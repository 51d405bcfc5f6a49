//! The truth table, badges, and what an export says of itself.

use anneal_studio::experiment::Experiment;
use anneal_studio::export::{Badge, Export, ExportError, MAX_UPDATES, Options, Target, export, truth_table};
use anneal_studio::schedule::Clock;
use proptest::prelude::*;

const CLOCK: Clock = Clock { updates: 100, updates_per_epoch: 10 };

/// An experiment with one run, from its lines.
pub fn experiment(train: &str, run: &str) -> Experiment {
    let text = format!(
        "anneal = 1\nname = \"test\"\n[data]\nname = \"digits\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n[train]\nupdates = \
         \"100\"\n{train}\n[[run]]\nname = \"a\"\n{run}\n"
    );
    Experiment::parse(&text, "test.toml").unwrap()
}

pub fn made(experiment: &Experiment, target: &str) -> Export {
    let target = Target::from_id(target).unwrap();
    export(experiment, &experiment.runs[0], CLOCK, target, &Options::default()).unwrap()
}

const SGD: &str = "optimizer = { kind = \"sgd\", momentum = 0.9 }\n";

#[test]
fn the_table_shows_where_frameworks_part() {
    let lr = "lr = { kind = \"cosine\", peak = 1.0, warmup = { over = \"10\" } }";
    let experiment = experiment("", &format!("{SGD}{lr}"));
    let table = truth_table(&experiment, &experiment.runs[0], CLOCK, &Options::default()).unwrap();
    assert_eq!(table.len(), Target::ALL.len());
    let row = |id: &str| &table.iter().find(|(target, _)| target.id == id).unwrap().1;
    // Hugging Face starts at 0 as drawn and peaks at the warmup's end.
    assert_eq!((row("hugging_face").first, row("hugging_face").peak), (0.0, (1.0, 10)));
    assert_eq!(row("hugging_face").badge, Badge::Native);
    // torchtitan never uses a rate of 0, and DeepSpeed uses it twice.
    assert!(row("torchtitan").first > 0.0);
    assert!(matches!(row("torchtitan").badge, Badge::Approximated { .. }));
    assert!(matches!(row("deepspeed").badge, Badge::Approximated { .. }));
    let deepspeed = made(&experiment, "deepspeed");
    assert_eq!(deepspeed.predicted[..2], [0.0, 0.0]);
    assert_eq!(deepspeed.deviation, row("deepspeed").deviation);
    assert!(matches!(&row("pytorch").badge, Badge::Table { why } if why.contains("starts at 0")));
}

#[test]
fn timm_cuts_the_peak_only_without_its_prefix() {
    let lr = "lr = { kind = \"cosine\", peak = 1.0, floor = 0.01, warmup = { over = \"20\", from = 0.1 } }";
    let export = made(&experiment("", &format!("{SGD}{lr}")), "timm");
    assert_eq!(export.badge, Badge::Native);
    assert!(export.text.contains("--warmup-prefix") && export.text.contains("--epochs 8"));
}

#[test]
fn keras_under_accumulation_counts_micro_batches() {
    let lr = "lr = { kind = \"polynomial\", peak = 1.0 }";
    let export = made(&experiment("accumulate = 4", &format!("{SGD}{lr}")), "keras");
    assert!(matches!(&export.badge, Badge::Table { why } if why.contains("micro-batches")));
    assert!(export.deviation.of_peak < 1e-6);
    assert!(export.text.contains("ACCUMULATE = 4") && export.text.contains("gradient_accumulation_steps=4"));
}

#[test]
fn one_cycle_that_pytorch_divides_by_zero_is_a_function() {
    // pct_start·total_steps is 1, at which OneCycleLR's constructor raises.
    let export = made(
        &experiment("", &format!("{SGD}lr = {{ kind = \"one_cycle\", peak = 1.0, pct_start = 0.01 }}")),
        "pytorch",
    );
    assert!(!export.text.contains("OneCycleLR"));
    assert!(export.predicted.iter().all(|rate| rate.is_finite()));
}

#[test]
fn nothing_is_dropped_in_silence() {
    let run = "optimizer = { kind = \"adamw\", beta1 = { kind = \"mirror\", low = 0.85, high = 0.95 }, weight_decay = 0.1 }\n\
               lr = { kind = \"one_cycle\", peak = 0.01 }\n\
               plateau = { metric = \"val_loss\" }\nlayer_decay = 0.75";
    let experiment = experiment("accumulate = 2\nclip_norm = 1.0\nweights = \"bf16\"", run);
    for target in Target::ALL.iter().filter(|target| target.id != "toml") {
        let notes = made(&experiment, target.id).notes.join("\n");
        for topic in [
            "beta1",
            "weight decay 0.1",
            "norm of 1.0",
            "2 micro-batches",
            "layer-wise",
            "plateau",
            "16 bits",
        ] {
            assert!(notes.contains(topic), "{}: nothing of {topic}: {notes}", target.id);
        }
    }
}

#[test]
fn a_run_without_end_is_refused() {
    let experiment = experiment("", &format!("{SGD}lr = {{ kind = \"constant\", peak = 1.0 }}"));
    let clock = Clock { updates: MAX_UPDATES + 1, updates_per_epoch: 10 };
    let refused = export(&experiment, &experiment.runs[0], clock, &Target::ALL[0], &Options::default());
    assert_eq!(refused.unwrap_err(), ExportError::TooLong { updates: MAX_UPDATES + 1 });
}

#[test]
fn targets_have_names_of_their_own() {
    for target in Target::ALL {
        assert_eq!(Target::from_id(target.id), Some(target));
    }
    assert!(Target::from_id("tensorflow 1").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is drawn, code targets give the drawn rates, and no target predicts what is no number.
    #[test]
    fn any_drawing_is_exported(
        heights in prop::collection::vec(0.0..1.0_f64, 1..6),
        smooth in any::<bool>(),
        warmup in 0_u64..40,
        from in 0.0..1.0_f64,
    ) {
        let points: Vec<String> =
            heights.iter().enumerate().map(|(at, height)| format!("[\"{}\", {height:?}]", at * 19)).collect();
        let interpolation = if smooth { "monotone" } else { "linear" };
        let ramp = if warmup > 0 { format!(", warmup = {{ over = \"{warmup}\", from = {from:?} }}") } else { String::new() };
        let lr = format!("lr = {{ kind = \"points\", points = [{}], interpolation = \"{interpolation}\"{ramp} }}", points.join(", "));
        let experiment = experiment("", &format!("{SGD}{lr}"));
        for target in Target::ALL {
            let export = made(&experiment, target.id);
            prop_assert_eq!(export.predicted.len(), 100);
            prop_assert!(export.predicted.iter().all(|rate| rate.is_finite()), "{}", target.id);
            if matches!(target.extension, "py" | "rs" | "csv") {
                prop_assert!(export.deviation.of_peak <= 1e-6, "{}: {:?}", target.id, export.deviation);
            }
        }
    }
}

#[test]
fn noise_cycles_and_climbs_into_a_body_are_exported_or_their_loss_is_named() {
    let kinds = [
        "{ kind = \"noise\", peak = 0.1 }",
        // Keras' PolynomialDecay(cycle=True): it starts over, longer each time.
        "{ kind = \"formula\", value = \"peak * (1 - t / (over * max(1, ceil(t / over))))\", peak = 0.1, over = 30 }",
        "{ kind = \"cosine\", peak = 0.1, warmup = { over = \"20\", from = 0.1, joins = \"into\" } }",
    ];
    for lr in kinds {
        let experiment = experiment("", &format!("{SGD}lr = {lr}"));
        for target in Target::ALL {
            let made = export(&experiment, &experiment.runs[0], CLOCK, target, &Options::default());
            let functions =
                ["pytorch", "lightning", "hugging_face", "optax", "keras", "csv"].contains(&target.id);
            match made {
                Ok(export) if functions => {
                    assert!(export.deviation.of_peak < 1e-6, "{lr} in {}: {:?}", target.id, export.deviation);
                }
                Ok(export) => match &export.badge {
                    Badge::Native => assert!(export.deviation.of_peak < 1e-3, "{lr} in {}", target.id),
                    Badge::Approximated { why } | Badge::Table { why } => {
                        assert!(!why.is_empty(), "{lr} in {}", target.id);
                    }
                },
                Err(error) => {
                    assert!(!functions && !error.to_string().is_empty(), "{lr} in {}: {error}", target.id);
                }
            }
        }
    }
}
