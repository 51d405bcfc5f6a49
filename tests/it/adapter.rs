//! Lanes on a graphics adapter, here Mesa's software one, beside the CPU's kernels.

mod features;
mod race;
mod sweeps;

use std::sync::Arc;

use anneal_studio::gpu::compute::Computer;
use anneal_studio::telemetry::Column;
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;

use crate::optimizers::every_optimizer;
use crate::support::Fixture;
use crate::training::{MOONS, cohort, revision};

/// An adapter that computes. Without one the test is skipped, and says so; where `ANNEAL_REQUIRE_ADAPTER=1` is set it
/// fails.
fn computer() -> Option<Arc<Computer>> {
    match Computer::find() {
        Ok(computer) => Some(Arc::new(computer)),
        Err(error) => {
            let required = std::env::var_os("ANNEAL_REQUIRE_ADAPTER").is_some_and(|value| value == "1");
            assert!(!required, "{error}");
            eprintln!("SKIPPED, nothing was trained on a graphics adapter: {error}");
            None
        }
    }
}

fn on(computer: &Arc<Computer>, text: &str) -> Cohort {
    let pool = Arc::new(anneal_studio::train::pool(Some(2)).unwrap());
    Cohort::at(revision(text, 0), TrainDevice::on_adapter(Arc::clone(computer), pool)).unwrap()
}

fn weights(cohort: &Cohort) -> Vec<Vec<f32>> {
    cohort.rows().to_vec2().unwrap()
}

fn bits(cohort: &Cohort) -> Vec<Vec<u32>> {
    weights(cohort).into_iter().map(|row| row.into_iter().map(f32::to_bits).collect()).collect()
}

#[test]
fn gradients_are_those_of_the_cpu_for_every_activation_and_loss() {
    let Some(computer) = computer() else { return };
    let data = |name: &str, batch: usize| format!("data = {{ name = \"{name}\", batch_size = {batch} }}");
    let cases = [
        (data("moons", 32), ""),
        (data("digits", 300), ""),
        (data("moons", 32), ", loss = \"mse\""),
        (data("sine", 16), ""),
        (data("moons", 16), ", accumulate = 3"),
        (data("moons", 32), ", clip_norm = 0.01"),
    ];
    for (data, train) in cases {
        for activation in ["tanh", "relu", "gelu"] {
            let text = format!(
                "anneal = 1\nname = \"one update\"\n{data}\nmodel = {{ kind = \"mlp\", hidden = [24, 17], activation = \
                 \"{activation}\" }}\ntrain = {{ updates = \"3\"{train} }}\n[[run]]\nname = \"a\"\noptimizer = {{ kind = \
                 \"sgd\" }}\nlr = {{ kind = \"constant\", peak = 1.0 }}\n"
            );
            let (mut here, mut there) = (cohort(&text, 1), on(&computer, &text));
            let begun = weights(&here);
            here.advance(1, 1).unwrap();
            there.advance(1, 1).unwrap();
            assert!(there.device().starts_with("GPU "), "{}", there.device());
            let model = here.task().model.width();
            let (mut apart, mut whole) = (0.0, 0.0);
            for ((old, ours), theirs) in
                begun[0].iter().zip(&weights(&here)[0]).zip(&weights(&there)[0]).take(model)
            {
                apart += f64::from(ours - theirs).powi(2);
                whole += f64::from(ours - old).powi(2);
            }
            let apart = (apart / whole).sqrt();
            assert!(apart < 1e-5, "{activation}, {data}{train}: {apart:e}");
            let row = |cohort: &Cohort, column| cohort.lanes()[0].log.rows[0].get(column).unwrap();
            for column in [Column::TrainLoss, Column::GradNorm, Column::UpdateNorm] {
                let (ours, theirs) = (row(&here, column), row(&there, column));
                assert!((ours - theirs).abs() <= 1e-5 * ours.abs(), "{column:?}: {ours} {theirs}");
            }
        }
    }
}

#[test]
fn every_optimizer_trains_as_on_the_cpu_and_what_the_adapter_cannot_do_is_left_to_it() {
    let Some(computer) = computer() else { return };
    let text = every_optimizer();
    let (mut here, mut there) = (cohort(&text, 1), on(&computer, &text));
    here.advance(20, u64::MAX).unwrap();
    there.advance(20, u64::MAX).unwrap();
    let mut same_bits = 0;
    for (ours, theirs) in here.lanes().iter().zip(there.lanes()) {
        assert_eq!((ours.log.rows.len(), theirs.log.rows.len()), (20, 20));
        for (a, b) in ours.log.rows.iter().zip(&theirs.log.rows) {
            for column in Column::ALL {
                let (ours, theirs) = (a.get(column), b.get(column));
                assert_eq!(ours.is_some(), theirs.is_some(), "{column:?}");
                let (x, y) = (ours.unwrap_or(0.0), theirs.unwrap_or(0.0));
                // The first update is of the same weights: its gradient and its step are the CPU's.
                let near = if a.update == 0 { 1e-5 } else { 1e-3 };
                assert!((x - y).abs() <= near * x.abs().max(1e-3), "{column:?}: {x} {y}, {:?}", a.update);
            }
        }
        same_bits += usize::from(ours.log.rows == theirs.log.rows);
    }
    // Steps that look at more than their own weight are the CPU's; most are not.
    assert!((1..here.lanes().len() / 2).contains(&same_bits), "{same_bits} of {}", here.lanes().len());
}

#[test]
fn two_hundred_updates_of_digits_follow_the_cpus_curve() {
    let Some(computer) = computer() else { return };
    let text = MOONS.with("name = \"moons\"\nbatch_size", "name = \"digits\"\nbatch_size");
    let (mut here, mut there) = (cohort(&text, 2), on(&computer, &text));
    here.advance(u64::MAX, u64::MAX).unwrap();
    there.advance(u64::MAX, u64::MAX).unwrap();
    for (ours, theirs) in here.lanes().iter().zip(there.lanes()) {
        for (a, b) in ours.log.rows.iter().zip(&theirs.log.rows) {
            assert!((a.train_loss - b.train_loss).abs() < 1e-3, "{} {}", a.train_loss, b.train_loss);
            assert_eq!(a.val_loss.is_some(), b.val_loss.is_some());
        }
    }
}

#[test]
fn an_adapter_gives_the_same_bits_again_in_any_chunks_and_after_a_resume() {
    let Some(computer) = computer() else { return };
    let mut whole = on(&computer, MOONS);
    whole.advance(u64::MAX, u64::MAX).unwrap();
    let expected = bits(&whole);
    for chunk in [1, 7, 64] {
        let mut again = on(&computer, MOONS);
        while again.update() < 200 {
            again.advance(u64::MAX, chunk).unwrap();
        }
        assert!(bits(&again) == expected, "chunks of {chunk}");
    }
    let mut first = on(&computer, MOONS);
    first.advance(77, u64::MAX).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint.safetensors");
    first.checkpoint().unwrap().save(&file).unwrap();
    let mut resumed = on(&computer, MOONS);
    resumed.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
    resumed.advance(u64::MAX, u64::MAX).unwrap();
    assert!(bits(&resumed) == expected);
}

#[test]
fn a_device_that_is_lost_in_the_middle_costs_nothing() {
    let Some(computer) = computer() else { return };
    let mut cohort = on(&computer, MOONS);
    cohort.advance(80, u64::MAX).unwrap();
    let before = bits(&cohort);
    computer.destroy();
    cohort.advance(80, u64::MAX).unwrap();
    assert!(bits(&cohort) == before);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let said = cohort.device();
    assert!(said.starts_with("CPU") && said.contains("from update 80 on"), "{said}");
    for lane in cohort.lanes() {
        assert_eq!((lane.update, lane.log.rows.len(), &lane.failed), (200, 200, &None));
        assert!(lane.log.rows.iter().all(|row| row.train_loss.is_finite()));
    }
}

#[test]
fn rows_stay_on_the_adapter_until_somebody_needs_them() {
    let Some(computer) = computer() else { return };
    let text = MOONS.with("hidden = [16, 8]", "hidden = [64, 64]").with("\"200\"", "\"2000\"");
    let mut cohort = on(&computer, &text);
    // The first update brings data and rows up, and none of the first twenty is an epoch's last.
    cohort.advance(1, u64::MAX).unwrap();
    let bytes = cohort.row_bytes() as u64;
    let before = computer.moved();
    while cohort.update() < 20 {
        cohort.advance(20, 1).unwrap();
    }
    let [up, down] = [0, 1].map(|way| computer.moved()[way] - before[way]);
    // They may have come back once in a while, and not with every update.
    assert!(up < bytes && down < 10 * bytes, "{up} and {down} bytes for rows of {bytes}");
    // One lane's weights are one row, at most.
    let weights = cohort.weights(cohort.lanes()[1].id).unwrap().unwrap();
    assert!(computer.moved()[1] - before[1] - down <= bytes / cohort.lanes().len() as u64);
    assert_eq!(weights, self::weights(&cohort)[1][..weights.len()]);
    // A row that is put there is trained on from.
    let mut other = on(&computer, &text);
    other.advance(20, u64::MAX).unwrap();
    let row = self::weights(&cohort)[0].iter().map(|weight| weight * 0.5).collect::<Vec<f32>>();
    for cohort in [&mut cohort, &mut other] {
        cohort.set_row(0, row.clone()).unwrap();
        cohort.advance(30, u64::MAX).unwrap();
    }
    assert!(bits(&cohort) == bits(&other));
}

#[test]
fn rows_that_were_on_a_lost_device_are_made_again() {
    let Some(computer) = computer() else { return };
    let mut there = on(&computer, MOONS);
    let mut here = cohort(MOONS, 2);
    for done in [40, 52, 55] {
        there.advance(done, u64::MAX).unwrap();
    }
    here.advance(55, u64::MAX).unwrap();
    computer.destroy();
    let near = |a: &Cohort, b: &Cohort| {
        let pairs = weights(a).concat().into_iter().zip(weights(b).concat());
        pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-3)
    };
    // Whether somebody looks before the next update or not.
    assert!(near(&there, &here));
    there.advance(u64::MAX, u64::MAX).unwrap();
    here.advance(u64::MAX, u64::MAX).unwrap();
    assert!(near(&there, &here));
    assert!(
        there.device().starts_with("CPU") && there.device().contains("nothing is lost"),
        "{}",
        there.device()
    );
    for (ours, theirs) in here.lanes().iter().zip(there.lanes()) {
        let updates = |cohort: &anneal_studio::train::lane::Lane| {
            cohort.log.rows.iter().map(|row| (row.update, row.val_loss.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(updates(ours), updates(theirs));
    }
}

#[test]
fn test_functions_train_there_as_on_the_cpu() {
    let Some(computer) = computer() else { return };
    for function in ["quadratic", "rosenbrock", "beale", "himmelblau", "saddle"] {
        let text = format!(
            "anneal = 1\nname = \"s\"\nmodel = {{ kind = \"surface\", function = \"{function}\", start = [-1.5, 1.25] }}\n\
             train = {{ updates = \"200\", replicas = 2 }}\n[[run]]\nname = \"a\"\noptimizer = {{ kind = \"adamw\" }}\n\
             lr = {{ kind = \"cosine\", peak = 0.02 }}\n[[run]]\nname = \"b\"\noptimizer = {{ kind = \
             \"schedule_free_sgd\" }}\nlr = {{ kind = \"constant\", peak = 1e-4 }}\n"
        );
        let (mut here, mut there) = (cohort(&text, 1), on(&computer, &text));
        here.advance(u64::MAX, u64::MAX).unwrap();
        for _ in 0..3 {
            there.advance(u64::MAX, 70).unwrap();
        }
        assert!(there.device().starts_with("GPU "), "{}", there.device());
        for (ours, theirs) in here.lanes().iter().zip(there.lanes()) {
            assert_eq!((ours.log.rows.len(), theirs.log.rows.len()), (200, 200));
            let first = |lane: &anneal_studio::train::lane::Lane| f64::from(lane.log.rows[0].grad_norm);
            assert!((first(ours) - first(theirs)).abs() <= 1e-5 * first(ours), "{function}");
            for (a, b) in ours.log.rows.iter().zip(&theirs.log.rows) {
                let (x, y) = (a.train_loss, b.train_loss);
                assert!((x - y).abs() <= 1e-3 * x.abs().max(1.0), "{function}: {x} {y} at {}", a.update);
            }
            // Where the point stood after every update is told without a row coming back.
            assert_eq!(ours.log.places.len(), theirs.log.places.len());
            for (a, b) in ours.log.places.iter().zip(&theirs.log.places) {
                assert_eq!(a.0, b.0);
                assert!((0..2).all(|at| (a.1[at] - b.1[at]).abs() < 1e-3), "{function}: {a:?} {b:?}");
            }
        }
    }
}

#[test]
fn more_lanes_than_a_piece_of_memory_holds_train_to_the_same_bits_and_what_does_not_fit_is_refused() {
    let Some(whole) = computer() else { return };
    // A lane of these has 18 KiB of weights, and its row at most five times that.
    let text = MOONS.with("hidden = [16, 8]", "hidden = [64, 64]").with("replicas = 2", "replicas = 3");
    let small = Arc::new(Computer::with_pieces_of(100 << 10).unwrap());
    let (mut one, mut many) = (on(&whole, &text), on(&small, &text));
    for cohort in [&mut one, &mut many] {
        cohort.advance(60, u64::MAX).unwrap();
        assert!(cohort.device().starts_with("GPU "), "{}", cohort.device());
        let id = cohort.lanes()[4].id;
        let weights = cohort.weights(id).unwrap().unwrap();
        assert_eq!(weights, self::weights(cohort)[4][..weights.len()]);
        cohort.advance(75, u64::MAX).unwrap();
    }
    assert!(bits(&one) == bits(&many));
    let digits = MOONS.with("name = \"moons\"\nbatch_size", "name = \"digits\"\nbatch_size");
    let mut refused = on(&small, &digits);
    refused.advance(3, u64::MAX).unwrap();
    assert!(
        refused.device().starts_with("CPU") && refused.device().contains("bytes of data"),
        "{}",
        refused.device()
    );
    let mut wide = on(&small, &MOONS.with("hidden = [16, 8]", "hidden = [200, 200]"));
    wide.advance(3, u64::MAX).unwrap();
    assert!(wide.device().starts_with("CPU") && wide.device().contains("does not fit"), "{}", wide.device());
}

#[test]
fn a_model_that_is_not_written_for_adapters_trains_on_the_cpu_and_says_why() {
    let Some(computer) = computer() else { return };
    let text = MOONS.with("name = \"moons\"\nbatch_size", "name = \"digits\"\nbatch_size");
    let text = text
        .with("kind = \"mlp\"\nhidden = [16, 8]\nactivation = \"tanh\"", "kind = \"cnn\"\nchannels = [4, 4]");
    let mut cohort = on(&computer, &text);
    cohort.advance(3, u64::MAX).unwrap();
    assert_eq!(cohort.update(), 3);
    assert!(
        cohort.device().starts_with("CPU") && cohort.device().contains("fully connected"),
        "{}",
        cohort.device()
    );
}
