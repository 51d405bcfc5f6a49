//! Weights and gradients in 16 bits: how they are rounded, which rates are too small for them, and how the loss is scaled.

use anneal_studio::experiment::{Experiment, WeightFormat};
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;
use anneal_studio::train::optimizer::{Dice, Store};
use serde_json::Value;

use crate::support::{Fixture, cohort, pool, revision};

/// What exact arithmetic makes of the same numbers, by `tests/golden/half_precision.py`.
const GOLDEN: &str = include_str!("../../golden/half_precision.json");

const SMALL: &str = r#"
anneal = 1
name = "short"
data = { name = "digits", batch_size = 16, limit = 640 }
model = { kind = "mlp", hidden = [12] }
train = { updates = "200", seed = 3, weights = "bf16", rounding = "stochastic" }
[[run]]
name = "sgd"
optimizer = { kind = "sgd", momentum = 0.5 }
lr = { kind = "cosine", peak = 0.02 }
"#;

fn trained(text: &str) -> Cohort {
    let mut cohort = cohort(text, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

fn bits(cohort: &Cohort) -> Vec<u32> {
    cohort.rows().flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

#[test]
fn weights_are_rounded_by_chance_as_exact_arithmetic_says() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let weights = numbers(&golden["weights"]);
    let cases = golden["rounding"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let format = if case["format"] == "bf16" { WeightFormat::Bf16 } else { WeightFormat::F16 };
        let dice = Dice::of(case["seed"].as_u64().unwrap(), case["update"].as_u64().unwrap());
        let store = Store { format, dice: Some(dice) };
        let stored: Vec<f32> = weights.iter().enumerate().map(|(at, x)| store.round(at, *x)).collect();
        assert_eq!(stored, numbers(&case["stored"]), "{format:?}");
    }
}

#[test]
fn stochastic_rounding_learns_where_rounding_to_the_nearest_stands_still() {
    let end = |text: &str| trained(text).lanes()[0].log.rows.last().unwrap().val_accuracy.unwrap();
    let slow = SMALL.with("peak = 0.02", "peak = 2e-3").with("\"200\"", "\"800\"");
    let exact = end(&slow.with(", weights = \"bf16\", rounding = \"stochastic\"", ""));
    let stochastic = end(&slow);
    let nearest = end(&slow.with(", rounding = \"stochastic\"", ""));
    assert!(stochastic > exact - 0.05 && nearest < exact - 0.1, "{exact} {stochastic} {nearest}");
}

#[test]
fn the_random_bits_are_the_same_in_any_chunks_on_any_threads_and_after_a_resume() {
    for optimizer in ["kind = \"sgd\", momentum = 0.5", "kind = \"muon\""] {
        let text = SMALL.with("kind = \"sgd\", momentum = 0.5", optimizer);
        let text = text.with("seed = 3", "seed = 3, replicas = 3");
        let whole = bits(&trained(&text));
        let mut chunks = cohort(&text, 2);
        while chunks.update() < 200 {
            chunks.advance(200, 7).unwrap();
        }
        assert_eq!(bits(&chunks), whole);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.safetensors");
        let mut first = cohort(&text, 1);
        first.advance(111, u64::MAX).unwrap();
        first.checkpoint().unwrap().save(&file).unwrap();
        let mut second = cohort(&text, 1);
        second.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
        second.advance(u64::MAX, u64::MAX).unwrap();
        assert_eq!(bits(&second), whole);
    }
}

#[test]
fn candles_operations_round_the_same_way() {
    for format in ["bf16", "f16"] {
        let text = SMALL.with("\"bf16\"", &format!("\"{format}\""));
        let mut fused = cohort(&text, 1);
        let mut reference = Cohort::at(revision(&text, 0), TrainDevice::reference(pool(1))).unwrap();
        fused.advance(40, u64::MAX).unwrap();
        while reference.update() < 40 {
            reference.advance(40, 9).unwrap();
        }
        let weights = |cohort: &Cohort| cohort.weights(cohort.lanes()[0].id).unwrap().unwrap();
        let (ours, theirs) = (weights(&fused), weights(&reference));
        // A sum in another order may fall on the other side of a draw, now and then.
        let same = ours.iter().zip(&theirs).filter(|(a, b)| a == b).count();
        assert!(same * 10 > ours.len() * 9, "{format}: {same} of {}", ours.len());
        assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 0.03), "{format}");
        let rates = |cohort: &Cohort| -> Vec<f64> {
            cohort.lanes()[0].log.rows.iter().filter_map(|row| row.smallest_rate).collect()
        };
        assert!(rates(&fused).len() >= 2);
        for (ours, theirs) in rates(&fused).into_iter().zip(rates(&reference)) {
            assert!((ours / theirs - 1.0).abs() < 0.05, "{ours} {theirs}");
        }
    }
}

#[test]
fn below_the_smallest_useful_rate_most_updates_are_rounded_away_and_above_it_they_are_not() {
    let mut sides = [0; 2];
    for optimizer in
        ["kind = \"sgd\", momentum = 0.9", "kind = \"adamw\", weight_decay = 0.1", "kind = \"muon\""]
    {
        for (format, peak) in [("bf16", "0.02"), ("bf16", "0.2"), ("f16", "3e-4"), ("f16", "0.02")] {
            let text =
                SMALL.with(", rounding = \"stochastic\"", "").with("\"bf16\"", &format!("\"{format}\""));
            let text = text
                .with("kind = \"sgd\", momentum = 0.5", optimizer)
                .with("peak = 0.02", &format!("peak = {peak}"));
            let cohort = trained(&text);
            let rows = &cohort.lanes()[0].log.rows;
            assert!(rows.iter().all(|row| row.smallest_rate.is_none() || row.val_loss.is_some()));
            for row in rows {
                let (Some(smallest), Some(lost)) = (row.smallest_rate, row.rounded_away) else { continue };
                // Ties apart.
                if (smallest / row.lr - 1.0).abs() < 0.02 {
                    continue;
                }
                assert_eq!(lost > 0.5, row.lr < smallest, "{optimizer}, {format}: {row:?}");
                sides[usize::from(lost > 0.5)] += 1;
            }
        }
    }
    assert!(sides.iter().all(|count| *count > 20), "{sides:?}");
}

#[test]
fn half_precision_is_written_as_it_is_read_and_refused_by_line() {
    let scales =
        [", loss_scale = 8", ", loss_scale = \"dynamic\"", ", loss_scale = { init = 9, interval = 7 }"];
    let scales = scales.map(|scale| scaled("kind = \"adam\"", "0.1", scale));
    for text in scales.into_iter().chain([SMALL.to_owned()]) {
        let experiment = Experiment::parse(&text, "a.toml").unwrap();
        assert_eq!(Experiment::parse(&experiment.to_toml(), "again.toml").unwrap(), experiment);
    }
    for (text, told) in [
        (SMALL.with("weights = \"bf16\", ", ""), "train.rounding"),
        (SMALL.with("stochastic", "stochastc"), "did you mean `stochastic`"),
        (SMALL.with("rounding", "loss_scale = 8, rounding"), "gradients in f32 do not underflow"),
        (
            SMALL.with("rounding", "gradients = \"f16\", loss_scale = 0, rounding"),
            "train.loss_scale: found 0",
        ),
        (
            SMALL.with("rounding", "gradients = \"f16\", loss_scale = { backoff = 1 }, rounding"),
            "train.loss_scale.backoff: found 1",
        ),
    ] {
        let error = Experiment::parse(&text, "a.toml").unwrap_err().to_string();
        assert!(error.starts_with("a.toml:6:") && error.contains(told), "{error}");
    }
}

/// As SMALL, with gradients in f16 under a loss scale.
fn scaled(optimizer: &str, peak: &str, train: &str) -> String {
    let text =
        SMALL.with("weights = \"bf16\", rounding = \"stochastic\"", &format!("gradients = \"f16\"{train}"));
    let text = text.with("kind = \"sgd\", momentum = 0.5", optimizer).with("\"200\"", "\"40\"");
    text.with(
        "kind = \"cosine\", peak = 0.02",
        &format!("kind = \"linear\", peak = {peak}, from = 1.0, to = 0.2"),
    )
}

#[test]
fn a_loss_scale_follows_pytorchs_grad_scaler() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let cases = golden["scaled"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let number = |name: &str| case["scale"][name].as_f64().unwrap();
        let scale = format!(
            ", loss_scale = {{ init = {:?}, growth = {:?}, backoff = {:?}, interval = {} }}, accumulate = {}",
            number("init"),
            number("growth"),
            number("backoff"),
            number("interval"),
            case["accumulate"]
        );
        let text = scaled(case["optimizer"].as_str().unwrap(), &case["peak"].to_string(), &scale);
        let fused = trained(&text);
        let mut reference = Cohort::at(revision(&text, 0), TrainDevice::reference(pool(1))).unwrap();
        reference.advance(u64::MAX, u64::MAX).unwrap();
        for cohort in [&fused, &reference] {
            let lane = &cohort.lanes()[0];
            let rows = &lane.log.rows;
            let scales: Vec<f64> = rows.iter().filter_map(|row| row.loss_scale).collect();
            let expected: Vec<f64> = serde_json::from_value(case["scales"].clone()).unwrap();
            assert_eq!(scales, expected);
            let left_out: Vec<u64> =
                rows.iter().filter(|row| row.update_norm == 0.0).map(|row| row.update).collect();
            assert_eq!(left_out, serde_json::from_value::<Vec<u64>>(case["left_out"].clone()).unwrap());
            assert!(!left_out.is_empty() && scales.windows(2).any(|pair| pair[1] > pair[0]));
            let losses: Vec<f32> = rows.iter().map(|row| row.train_loss).collect();
            let weights = cohort.weights(lane.id).unwrap().unwrap();
            let every: Vec<f32> = weights.into_iter().step_by(17).collect();
            for (found, expected) in [(losses, &case["losses"]), (every, &case["weights"])] {
                let expected = numbers(expected);
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{found} {expected}");
                }
            }
        }
        // What happened is told, update by update.
        let told: Vec<u64> = fused.lanes()[0].log.scale_changes.iter().map(|(update, _)| *update).collect();
        assert!(told.len() > 2 && told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
    }
}

#[test]
fn a_loss_scale_resumes_to_the_same_bits_where_one_lane_overflows_and_the_other_does_not() {
    let text =
        scaled("kind = \"adamw\"", "0.01", ", replicas = 2, loss_scale = { init = 2e6, interval = 3 }");
    let whole = trained(&text);
    let folder = tempfile::tempdir().unwrap();
    for stop in [1, 9, 22] {
        let file = folder.path().join(format!("{stop}.safetensors"));
        let mut first = cohort(&text, 2);
        first.advance(stop, 4).unwrap();
        first.advance(stop, u64::MAX).unwrap();
        first.checkpoint().unwrap().save(&file).unwrap();
        let mut second = cohort(&text, 1);
        second.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
        second.advance(u64::MAX, u64::MAX).unwrap();
        assert_eq!(bits(&second), bits(&whole));
        for (ours, theirs) in second.lanes().iter().zip(whole.lanes()) {
            let scales = |rows: &[anneal_studio::telemetry::Row]| -> Vec<Option<f64>> {
                rows.iter().filter(|row| row.update >= stop).map(|row| row.loss_scale).collect()
            };
            assert_eq!(scales(&ours.log.rows), scales(&theirs.log.rows));
        }
    }
}

#[test]
fn gradients_underflow_in_f16_and_a_loss_scale_keeps_them() {
    let share = |train: &str| {
        let cohort = trained(&scaled("kind = \"sgd\", momentum = 0.5", "0.1", train));
        let rows = &cohort.lanes()[0].log.rows;
        rows.iter().filter_map(|row| row.grad_underflow).sum::<f32>() / rows.len() as f32
    };
    let (bare, small, kept) = (share(""), share(", loss_scale = 1e-6"), share(", loss_scale = \"dynamic\""));
    assert!(small > 0.5 && bare < 0.2 && kept <= bare, "{small} {bare} {kept}");
    let f32s = SMALL.with("weights = \"bf16\", rounding = \"stochastic\"", "seed = 4").with("seed = 3, ", "");
    let cohort = trained(&f32s);
    assert!(
        cohort.lanes()[0].log.rows.iter().all(|row| row.grad_underflow.is_none() && row.loss_scale.is_none())
    );
}

#[test]
fn where_every_gradient_overflows_nothing_is_trained_and_the_scale_collapses() {
    let cohort = trained(&scaled("kind = \"sgd\", momentum = 0.5", "3e7", ", loss_scale = \"dynamic\""));
    let rows = &cohort.lanes()[0].log.rows;
    let last = rows.last().unwrap();
    assert!(last.loss_scale.unwrap() < 1.0 && last.update_norm == 0.0, "{last:?}");
    let weights = cohort.weights(cohort.lanes()[0].id).unwrap().unwrap();
    assert!(weights.iter().all(|weight| weight.is_finite()));
}
