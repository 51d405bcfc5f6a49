//! Training as a whole: reproducible bits, live edits, controllers, failures.

mod last_batch;

use std::sync::Arc;

use anneal_studio::experiment::Experiment;
use anneal_studio::schedule::Clock;
use anneal_studio::telemetry::{Column, Row};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;
use anneal_studio::train::ids::{Mode, Revision, RunId};

use crate::support::Fixture;
pub use crate::support::{cohort, revision};

fn rows(cohort: &Cohort) -> Vec<Vec<Row>> {
    cohort.lanes().iter().map(|lane| lane.log.rows.clone()).collect()
}

/// Every number of a row, as bits.
type Bits = (u64, [Option<u64>; Column::COUNT]);

fn bits(rows: &[Vec<Row>]) -> Vec<Vec<Bits>> {
    let of = |row: &Row| (row.update, Column::ALL.map(|column| row.get(column).map(f64::to_bits)));
    rows.iter().map(|rows| rows.iter().map(of).collect()).collect()
}

pub const MOONS: &str = r#"
anneal = 1
name = "moons"
[data]
name = "moons"
batch_size = 32
[model]
kind = "mlp"
hidden = [16, 8]
activation = "tanh"
[train]
updates = "200"
seed = 3
replicas = 2
[[run]]
name = "momentum"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1, warmup = { over = "10%" } }
[[run]]
name = "adamw"
optimizer = { kind = "adamw" }
lr = { kind = "one_cycle", peak = 0.01 }
"#;

#[test]
fn the_same_file_gives_the_same_bits_on_any_number_of_threads_and_in_any_chunks() {
    let mut first = cohort(MOONS, 1);
    first.advance(u64::MAX, u64::MAX).unwrap();
    let expected = bits(&rows(&first));
    assert_eq!(expected.len(), 4);
    assert!(expected.iter().all(|rows| rows.len() == 200));
    for (threads, chunk) in [(1, 1), (2, 7), (3, 64)] {
        let mut again = cohort(MOONS, threads);
        while again.update() < 200 {
            again.advance(u64::MAX, chunk).unwrap();
        }
        assert_eq!(bits(&rows(&again)), expected, "{threads} threads, chunks of {chunk}");
    }
}

#[test]
fn a_run_alone_and_among_many_gives_the_same_bits() {
    let alone = MOONS.with("replicas = 2", "replicas = 1");
    let alone = &alone[..alone.rfind("[[run]]").unwrap()];
    let mut alone = cohort(alone, 1);
    alone.advance(u64::MAX, u64::MAX).unwrap();
    let mut many = cohort(&MOONS.with("replicas = 2", "replicas = 32"), 2);
    many.advance(u64::MAX, 50).unwrap();
    let (alone, many) = (bits(&rows(&alone)), bits(&rows(&many)));
    assert_eq!(alone[0][..50], many[0][..50]);
    assert_ne!(many[0], many[1], "replicas differ in their seeds");
}

#[test]
fn one_large_run_gives_the_same_bits_on_any_number_of_cores() {
    let models = [
        r#"data = { name = "digits", batch_size = 128 }
model = { kind = "mlp", hidden = [300, 256], activation = "gelu" }"#,
        r#"data = { name = "digits", batch_size = 128 }
model = { kind = "cnn", channels = [16, 20] }"#,
        r#"data = { name = "shakespeare", batch_size = 12 }
model = { kind = "transformer", layers = 1, width = 32, heads = 2, context = 32 }"#,
        r#"data = { name = "shakespeare", batch_size = 128 }
model = { kind = "mlp", hidden = [120], context = 8 }"#,
    ];
    for model in models {
        let text = format!(
            r#"
anneal = 1
name = "large"
{model}
train = {{ updates = "6", clip_norm = 1.0 }}
[[run]]
name = "adamw"
optimizer = {{ kind = "adamw" }}
lr = {{ kind = "constant", peak = 0.01 }}
"#
        );
        let trained = |threads| {
            let mut cohort = cohort(&text, threads);
            cohort.advance(u64::MAX, 2).unwrap();
            cohort.advance(u64::MAX, u64::MAX).unwrap();
            bits(&rows(&cohort))
        };
        let alone = trained(1);
        assert_eq!(alone[0].len(), 6);
        for threads in [2, 3, 5] {
            assert_eq!(trained(threads), alone, "{model} on {threads} threads");
        }
    }
}

#[test]
fn training_learns() {
    let mut cohort = cohort(&MOONS.with(r#""200""#, r#""1500""#), 2);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    for lane in cohort.lanes() {
        let last = lane.log.validations().last().unwrap();
        assert!(last.accuracy.unwrap() > 0.95, "{:?}: {last:?}", lane.id);
        assert_eq!(last.update, 1499, "the last update is validated");
    }
}

#[test]
fn the_rate_used_is_the_curve_bit_for_bit() {
    let mut cohort = cohort(MOONS, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let clock = cohort.task().clock;
    let runs = cohort.revision().experiment.runs.clone();
    for lane in cohort.lanes() {
        let curve = runs[lane.id.run.0 as usize].lr.resolve(clock).unwrap();
        for row in &lane.log.rows {
            assert_eq!(row.lr.to_bits(), curve.at(row.update).to_bits());
        }
    }
}

fn with_peak(text: &str, peak: f64) -> String {
    text.with("peak = 0.1,", &format!("peak = {peak},"))
}

#[test]
fn a_live_edit_is_in_effect_at_the_next_update_and_leaves_the_past_and_the_others_alone() {
    let mut untouched = cohort(MOONS, 1);
    untouched.advance(u64::MAX, u64::MAX).unwrap();
    let mut edited = cohort(MOONS, 1);
    edited.advance(120, u64::MAX).unwrap();
    let change = edited.revise(revision(&with_peak(MOONS, 0.02), 1), Mode::Live).unwrap();
    assert_eq!(change.replanned.len(), 2, "both replicas of the edited run");
    assert!(change.reset.is_empty() && change.dropped.is_empty() && !change.rebuilt);
    edited.advance(u64::MAX, u64::MAX).unwrap();
    let (before, after) = (rows(&untouched), rows(&edited));
    assert_eq!(bits(&before)[0][..120], bits(&after)[0][..120], "the past");
    for update in 120..200 {
        let ratio = after[0][update].lr / before[0][update].lr;
        assert!((ratio - 0.2).abs() < 1e-12, "update {update}: {ratio}");
    }
    assert_ne!(before[0][130].train_loss, after[0][130].train_loss);
    assert_eq!(bits(&before)[2..], bits(&after)[2..], "the other run");
}

#[test]
fn an_instant_edit_is_the_whole_run_anew() {
    let mut edited = cohort(MOONS, 1);
    edited.advance(u64::MAX, u64::MAX).unwrap();
    let changed = with_peak(MOONS, 0.02);
    let change = edited.revise(revision(&changed, 1), Mode::Instant).unwrap();
    assert_eq!(change.reset.len(), 2);
    assert_eq!(edited.lanes()[2].update, 200, "the other run keeps what it learned");
    edited.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
    edited.advance(u64::MAX, u64::MAX).unwrap();
    let mut fresh = cohort(&changed, 1);
    fresh.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(bits(&rows(&edited))[0], bits(&rows(&fresh))[0]);
}

#[test]
fn runs_come_and_go_while_others_train_on() {
    let mut cohort = cohort(MOONS, 1);
    cohort.advance(50, u64::MAX).unwrap();
    let third = MOONS.to_owned()
        + "[[run]]\nname = \"rms\"\noptimizer = { kind = \"rmsprop\", momentum = 0.5 }\nlr = { kind = \"constant\", peak = 1e-3 }\n";
    let change = cohort.revise(revision(&third, 1), Mode::Live).unwrap();
    assert_eq!(change.reset.len(), 2);
    assert_eq!(cohort.lanes().iter().map(|lane| lane.update).collect::<Vec<_>>(), [50, 50, 50, 50, 0, 0]);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let two = revision(MOONS, 2);
    let only = Revision {
        generation: 3,
        experiment: Experiment { runs: vec![two.experiment.runs[1].clone()], ..two.experiment.clone() },
        ids: vec![RunId(1)],
    };
    let change = cohort.revise(Arc::new(only), Mode::Live).unwrap();
    assert_eq!(change.dropped.len(), 4);
    assert_eq!(cohort.lanes().len(), 2);
    assert!(cohort.lanes().iter().all(|lane| lane.update == 200 && lane.id.run == RunId(1)));
}

#[test]
fn an_edit_that_cannot_train_leaves_the_cohort_as_it_was() {
    let mut cohort = cohort(MOONS, 1);
    cohort.advance(50, u64::MAX).unwrap();
    let bad = revision(&MOONS.with("batch_size = 32", "batch_size = 100000"), 1);
    let error = cohort.revise(bad, Mode::Live).unwrap_err().to_string();
    assert!(error.contains("100000") && error.contains("smaller batch"), "{error}");
    assert_eq!(cohort.revision().generation, 0);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(cohort.update(), 200);
}

#[test]
fn accumulation_equals_the_larger_batch() {
    let text = |batch: usize, accumulate: usize| {
        let sized = MOONS.with("batch_size = 32", &format!("batch_size = {batch}"));
        sized.with("replicas = 2", &format!("replicas = 1\naccumulate = {accumulate}"))
    };
    let train = |text: &str| {
        let mut cohort = cohort(text, 1);
        cohort.advance(100, u64::MAX).unwrap();
        rows(&cohort)[0].clone()
    };
    let (whole, parts) = (train(&text(64, 1)), train(&text(16, 4)));
    for (whole, parts) in whole.iter().zip(&parts) {
        assert!((whole.train_loss - parts.train_loss).abs() < 2e-4, "{whole:?} {parts:?}");
    }
}

#[test]
fn clipping_bounds_the_update() {
    let text =
        MOONS.with("replicas = 2", "replicas = 1\nclip_norm = 0.05").with("momentum = 0.9", "momentum = 0.0");
    let mut cohort = cohort(&text, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let rows = &rows(&cohort)[0];
    assert!(rows.iter().any(|row| row.grad_norm > 0.06), "the norm before clipping is what is told");
    for row in rows {
        assert!(f64::from(row.update_norm) <= row.lr * 0.05 + 1e-6, "{row:?}");
    }
}

#[test]
fn a_run_that_diverges_says_where_and_goes_on() {
    let text = MOONS.with("peak = 0.1,", "peak = 1e6,").with("hidden = [16, 8]", "hidden = [16]");
    let text = text.with("\"tanh\"", "\"relu\"");
    let mut cohort = cohort(&text, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let lane = &cohort.lanes()[0];
    let at = lane.diverged_at.expect("a rate of a million diverges");
    assert_eq!(lane.update, 200);
    assert!(
        lane.log.rows[at as usize].train_loss.is_nan() || lane.log.rows[at as usize].train_loss.is_infinite()
    );
    assert!(lane.log.rows[..at as usize].iter().all(|row| row.train_loss.is_finite()));
    assert_eq!(cohort.lanes()[2].diverged_at, None, "the other run is not touched");
}

#[test]
fn plateau_cuts_when_the_metric_stops_and_multiplies_the_schedule() {
    let text = MOONS.with("replicas = 2", "replicas = 1").with(
        "lr = { kind = \"cosine\", peak = 0.1, warmup = { over = \"10%\" } }",
        "lr = { kind = \"constant\", peak = 0.5, warmup = { over = \"5%\" } }\nplateau = { metric = \"val_loss\", factor = 0.5, patience = 0, threshold = 0.5 }",
    );
    let mut cohort = cohort(&text, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let lane = &cohort.lanes()[0];
    assert!(!lane.log.rate_changes.is_empty());
    let epoch = cohort.task().clock.updates_per_epoch;
    let (update, cut) = lane.log.rate_changes[0];
    assert_eq!(update % epoch, 0, "it reports at the end of an epoch");
    assert_eq!(cut.to, cut.from * 0.5);
    assert_eq!(lane.log.rows[update as usize].lr, cut.to);
    assert_eq!(lane.log.rows[update as usize - 1].lr, cut.from);
}

#[test]
fn layer_decay_slows_the_early_layers() {
    let text = MOONS
        .with("replicas = 2", "replicas = 1")
        .with("momentum = 0.9 }", "momentum = 0.0 }\nlayer_decay = 0.5");
    let mut cohort = cohort(&text, 1);
    let parameters = cohort.task().model.parameters().to_vec();
    let row = |cohort: &Cohort| -> Vec<f32> { cohort.rows().to_vec2().unwrap().swap_remove(0) };
    let mut plain = self::cohort(&text.with("layer_decay = 0.5", ""), 1);
    let start = row(&cohort);
    // The warmup's first rate is 0, so the second update is the first to move.
    cohort.advance(2, u64::MAX).unwrap();
    plain.advance(2, u64::MAX).unwrap();
    let (slow, fast) = (row(&cohort), row(&plain));
    for parameter in parameters {
        let share = 0.5_f32.powi(2 - parameter.layer as i32);
        for at in parameter.range() {
            let expected = (fast[at] - start[at]) * share;
            assert!((slow[at] - start[at] - expected).abs() < 1e-6, "{}", parameter.name);
        }
    }
}

#[test]
fn weights_in_bf16_are_all_numbers_bf16_can_store() {
    let text = MOONS.with("replicas = 2", "replicas = 1\nweights = \"bf16\"");
    let mut cohort = cohort(&text, 1);
    cohort.advance(10, u64::MAX).unwrap();
    let row: Vec<f32> = cohort.rows().to_vec2::<f32>().unwrap().swap_remove(0);
    for weight in &row[..cohort.task().model.width()] {
        assert_eq!(weight.to_bits() & 0xffff, 0, "{weight}");
    }
}

#[test]
fn the_length_of_the_weights_is_measured_with_every_validation() {
    let mut cohort = cohort(MOONS, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let checkpoint = cohort.checkpoint().unwrap();
    let width = cohort.task().model.width();
    for (lane, saved) in cohort.lanes().iter().zip(&checkpoint.lanes) {
        let last = lane.log.rows.last().unwrap();
        let squares: f64 = saved.row[..width].iter().map(|weight| f64::from(*weight).powi(2)).sum();
        assert!((f64::from(last.param_norm.unwrap()) / squares.sqrt() - 1.0).abs() < 1e-6, "{last:?}");
        assert!(lane.log.rows.iter().all(|row| row.param_norm.is_some() == row.val_loss.is_some()));
    }
}

#[test]
fn the_share_of_weights_that_rounding_keeps_in_place_is_measured() {
    let text = MOONS.with("replicas = 2", "replicas = 1\nweights = \"bf16\"");
    let pool = Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
    let mut fused = cohort(&with_peak(&text, 1e-3), 1);
    let mut reference =
        Cohort::at(revision(&with_peak(&text, 1e-3), 0), TrainDevice::reference(pool)).unwrap();
    fused.advance(20, u64::MAX).unwrap();
    while reference.update() < 20 {
        reference.advance(20, 7).unwrap();
    }
    let shares = |cohort: &Cohort| -> Vec<f32> {
        cohort.lanes()[0].log.rows.iter().filter_map(|row| row.rounded_away).collect()
    };
    assert_eq!(shares(&fused).len(), 20);
    assert!(shares(&fused)[1..].iter().all(|share| (0.5..1.0).contains(share)), "{:?}", shares(&fused));
    for (update, (ours, theirs)) in shares(&fused).iter().zip(&shares(&reference)).enumerate() {
        assert!((ours - theirs).abs() < 0.05, "update {update}: {ours} {theirs}");
    }
    let mut exact = cohort(&MOONS.with("replicas = 2", "replicas = 1"), 1);
    exact.advance(20, u64::MAX).unwrap();
    assert!(shares(&exact).is_empty());
}

#[test]
fn another_optimizer_begins_at_the_weights_there_are() {
    let text = MOONS.with("replicas = 2", "replicas = 1");
    let mut stays = cohort(&text, 1);
    let mut changes = cohort(&text, 1);
    stays.advance(60, u64::MAX).unwrap();
    changes.advance(50, u64::MAX).unwrap();
    let from = text.find("optimizer = ").unwrap();
    let to = from + text[from..].find('\n').unwrap();
    let edited = text.replacen(&text[from..to], "optimizer = { kind = \"schedule_free_adamw\" }", 1);
    changes.revise(revision(&edited, 1), Mode::Live).unwrap();
    changes.advance(60, u64::MAX).unwrap();
    let loss = |cohort: &Cohort, at: usize| cohort.lanes()[0].log.rows[at].train_loss.to_bits();
    assert_eq!(loss(&stays, 50), loss(&changes, 50));
    assert_ne!(loss(&stays, 51), loss(&changes, 51));
    assert!(changes.lanes()[0].log.rows[50..].iter().all(|row| row.train_loss < 1.0));
}

#[test]
fn a_schedule_counts_the_epochs_of_the_data() {
    let mut cohort = cohort(&MOONS.with("\"200\"", "\"3ep\""), 1);
    let clock = cohort.task().clock;
    assert_eq!(
        clock,
        Clock { updates: 3 * clock.updates_per_epoch, updates_per_epoch: clock.updates_per_epoch }
    );
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let validated: Vec<u64> = cohort.lanes()[0].log.validations().map(|at| at.update + 1).collect();
    assert!((20..=30).contains(&validated.len()), "an epoch is long here: {validated:?}");
    assert!((1..=3).all(|epoch| validated.contains(&(epoch * clock.updates_per_epoch))), "{validated:?}");
}

/// Every optimizer, under momentum, decay, clipping, accumulation and layer decay.
const ALL_RULES: &str = r#"
anneal = 1
name = "rules"
data = { name = "moons", batch_size = 16 }
model = { kind = "mlp", hidden = [12, 8], activation = "gelu" }
train = { updates = "60", seed = 5, accumulate = 2, clip_norm = 1.0 }
[[run]]
name = "sgd"
optimizer = { kind = "sgd", momentum = 0.9, nesterov = true, weight_decay = 1e-3 }
lr = { kind = "cosine", peak = 0.1 }
[[run]]
name = "plain"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.1 }
[[run]]
name = "adam"
optimizer = { kind = "adam", weight_decay = 1e-2 }
lr = { kind = "constant", peak = 0.01 }
[[run]]
name = "adamw"
optimizer = { kind = "adamw", beta1 = { kind = "mirror", low = 0.8, high = 0.95 } }
lr = { kind = "one_cycle", peak = 0.01 }
layer_decay = 0.7
[[run]]
name = "adamw of growing batches"
optimizer = { kind = "adamw" }
lr = { kind = "constant", peak = 0.01 }
batch = { kind = "step", peak = 16, gamma = 2, every = "20" }
[[run]]
name = "rmsprop"
optimizer = { kind = "rmsprop", momentum = 0.5 }
lr = { kind = "constant", peak = 1e-3 }
[[run]]
name = "adagrad"
optimizer = { kind = "adagrad" }
lr = { kind = "constant", peak = 0.05 }
[[run]]
name = "lion"
optimizer = { kind = "lion", weight_decay = 0.1 }
lr = { kind = "constant", peak = 1e-3 }
[[run]]
name = "schedule-free"
optimizer = { kind = "schedule_free_sgd", weight_decay = 1e-3 }
lr = { kind = "constant", peak = 0.1, warmup = { over = "10" } }
[[run]]
name = "schedule-free adamw"
optimizer = { kind = "schedule_free_adamw", weight_decay = 0.01 }
lr = { kind = "constant", peak = 0.01, warmup = { over = "10" } }
layer_decay = 0.7
"#;

#[test]
fn candles_own_operations_train_the_same_runs() {
    let pool = Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
    let mut fused = cohort(ALL_RULES, 1);
    let mut reference = Cohort::at(revision(ALL_RULES, 0), TrainDevice::reference(pool)).unwrap();
    fused.advance(u64::MAX, u64::MAX).unwrap();
    while reference.update() < 60 {
        reference.advance(u64::MAX, 7).unwrap();
    }
    for (fused, reference) in fused.lanes().iter().zip(reference.lanes()) {
        assert_eq!(fused.log.rows.len(), reference.log.rows.len());
        assert_eq!(fused.log.validations().count(), reference.log.validations().count());
        for (a, b) in fused.log.rows.iter().zip(&reference.log.rows) {
            assert_eq!(
                (a.update, a.lr.to_bits(), a.momentum.to_bits(), a.batch),
                (b.update, b.lr.to_bits(), b.momentum.to_bits(), b.batch)
            );
            // Rounding differs; Lion's signs magnify it where a direction is near 0.
            let close = |a: f32, b: f32| (a - b).abs() <= 2e-3 * (1.0 + a.abs().max(b.abs()));
            let same = close(a.train_loss, b.train_loss)
                && close(a.grad_norm, b.grad_norm)
                && close(a.update_norm, b.update_norm);
            assert!(same, "{:?}: {a:?} {b:?}", fused.id);
        }
    }
}

#[test]
fn a_surface_needs_no_data_and_its_noise_is_seeded() {
    let text = r#"
anneal = 1
name = "bowl"
model = { kind = "surface", function = "quadratic", start = [1.0, 1.0], noise = NOISE }
train = { updates = "200", replicas = 2 }
[[run]]
name = "stable"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.07 }
[[run]]
name = "too high"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 0.09 }
"#;
    // Plain descent is stable at rates below 2/25.
    let mut calm = cohort(&text.with("NOISE", "0.0"), 1);
    calm.advance(u64::MAX, u64::MAX).unwrap();
    let loss = |cohort: &Cohort, lane: usize| cohort.lanes()[lane].log.rows.last().unwrap().train_loss;
    assert!(loss(&calm, 0) < 1e-8, "{}", loss(&calm, 0));
    assert!(loss(&calm, 2) > 1e6, "{}", loss(&calm, 2));
    assert_eq!(loss(&calm, 0).to_bits(), loss(&calm, 1).to_bits(), "without noise the seeds are alike");
    let mut noisy = cohort(&text.with("NOISE", "0.5"), 1);
    noisy.advance(u64::MAX, u64::MAX).unwrap();
    assert!(loss(&noisy, 0) > 1e-5 && loss(&noisy, 0) != loss(&noisy, 1));
}

#[test]
fn hypergradient_descent_finds_a_rate_by_itself() {
    let fixed = r#"
anneal = 1
name = "bowl"
model = { kind = "surface", function = "quadratic", start = [1.0, 1.0], noise = 0.0 }
train = { updates = "300" }
[[run]]
name = "sgd"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 1e-4 }
RULE
[[run]]
name = "adam"
optimizer = { kind = "adam" }
lr = { kind = "constant", peak = 1e-4 }
RULE
"#;
    let train = |rule: &str| {
        let mut cohort = cohort(&fixed.with("RULE", rule), 1);
        cohort.advance(u64::MAX, u64::MAX).unwrap();
        cohort.lanes().iter().map(|lane| *lane.log.rows.last().unwrap()).collect::<Vec<_>>()
    };
    let (plain, following) = (train(""), train("hypergradient = { beta = 1e-6 }"));
    for (plain, following) in plain.iter().zip(&following) {
        assert!(following.lr > plain.lr, "the rate grew from {} to {}", plain.lr, following.lr);
        assert!(following.train_loss < plain.train_loss, "{following:?} {plain:?}");
    }
    // The first update has no last direction, the second one's rate is Baydin's rule written out.
    let mut cohort = cohort(&fixed.with("RULE", "hypergradient = { beta = 1e-6 }"), 1);
    cohort.advance(2, u64::MAX).unwrap();
    let rows = &cohort.lanes()[0].log.rows;
    let point = [1.0 - 1e-4, 1.0 - 25.0 * 1e-4];
    let alignment = point[0] * 1.0 + 25.0 * point[1] * 25.0;
    assert_eq!(rows[0].lr, 1e-4);
    assert!((rows[1].lr - (1e-4 + 1e-6 * alignment)).abs() < 1e-9, "{}", rows[1].lr);
}

#[test]
fn a_greedy_controller_raises_what_improves() {
    let text = MOONS.with("replicas = 2", "replicas = 1").with(
        "lr = { kind = \"cosine\", peak = 0.1, warmup = { over = \"10%\" } }",
        "lr = { kind = \"constant\", peak = 0.01 }\ngreedy = { metric = \"train_loss\", patience = 1, factor = 0.5, min_lr = 1e-5, max_lr = 1.0 }",
    );
    let mut cohort = cohort(&text, 1);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let changes = &cohort.lanes()[0].log.rate_changes;
    assert!(changes.iter().any(|(_, change)| change.to > change.from), "{changes:?}");
}
