//! Fused lanes and candle's own operations train the same groups, and checkpoints lose nothing of them.

use anneal_studio::experiment::OptimizerKind;
use anneal_studio::telemetry::{Column, Row};
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;

use super::bits;
use crate::support::{cohort, pool, revision};

/// Runs of every optimizer, each with groups that differ in all there is.
fn every_rule() -> String {
    let head = "anneal = 1\nname = \"moons\"\ndata = { name = \"moons\", batch_size = 32 }\n\
                model = { kind = \"mlp\", hidden = [12, 8], activation = \"tanh\" }\n\
                train = { updates = \"60\", seed = 3, clip_norm = 1.0 }\n";
    let runs = OptimizerKind::ALL.iter().map(|(name, kind)| {
        let (own, factor) = match kind {
            OptimizerKind::Prodigy => ("1", "1"),
            kind if kind.is_schedule_free() => ("3", "0.5"),
            _ => ("{ kind = \"linear\", peak = 2e-3, from = 1.0, to = 0.0 }", "0.5"),
        };
        let peak = if *kind == OptimizerKind::Prodigy { "0.1" } else { "1e-3" };
        format!(
            "[[run]]\nname = \"{name}\"\noptimizer = {{ kind = \"{name}\", weight_decay = 0.1 }}\n\
             lr = {{ kind = \"cosine\", peak = {peak}, warmup = {{ over = \"5\" }} }}\ndecay = \"matrices\"\n\
             [[run.group]]\nmatch = \"head\"\nlr = {own}\nweight_decay = 0.3\n\
             [[run.group]]\nmatch = \"layer 0\"\nlr = {factor}\nfreeze = \"20\"\n\
             [[run.group]]\nmatch = \"layer1.bias\"\nfreeze = \"33\"\n"
        )
    });
    head.to_owned() + &runs.collect::<String>()
}

#[test]
fn candles_own_operations_train_the_same_groups() {
    let text = every_rule();
    let mut fused = cohort(&text, 1);
    let mut reference = Cohort::at(revision(&text, 0), TrainDevice::reference(pool(1))).unwrap();
    fused.advance(u64::MAX, u64::MAX).unwrap();
    while reference.update() < 60 {
        reference.advance(u64::MAX, 7).unwrap();
    }
    for (run, (fused, reference)) in fused.lanes().iter().zip(reference.lanes()).enumerate() {
        assert_eq!(fused.log.rows.len(), reference.log.rows.len());
        for (a, b) in fused.log.rows.iter().zip(&reference.log.rows) {
            let close = |a: f32, b: f32| (a - b).abs() <= 2e-3 * (1.0 + a.abs().max(b.abs()));
            let same = close(a.train_loss, b.train_loss)
                && close(a.grad_norm, b.grad_norm)
                && close(a.update_norm, b.update_norm);
            assert!(same, "{:?}: {a:?} {b:?}", OptimizerKind::ALL[run].0);
            let rates = |row: &Row| {
                let rate = |at| row.groups.get(anneal_studio::telemetry::GroupColumn::Lr, at).unwrap();
                [rate(0), rate(1), rate(2)].map(f64::to_bits)
            };
            assert_eq!(rates(a), rates(b));
        }
    }
}

#[test]
fn a_checkpoint_made_while_groups_are_frozen_or_thawed_goes_on_bit_for_bit() {
    let text = every_rule();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.safetensors");
    let mut whole = cohort(&text, 1);
    whole.advance(u64::MAX, u64::MAX).unwrap();
    for stop in [7, 20, 25, 33, 40] {
        let mut first = cohort(&text, 1);
        first.advance(stop, u64::MAX).unwrap();
        first.checkpoint().unwrap().save(&file).unwrap();
        let mut second = cohort(&text, 1);
        let continuity = second.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
        assert!(continuity.iter().all(|lane| !lane.jumps()), "{continuity:?}");
        second.advance(u64::MAX, u64::MAX).unwrap();
        assert_eq!(bits(&whole), bits(&second), "resumed at {stop}");
        for (a, b) in whole.lanes().iter().zip(second.lanes()) {
            let after = a.log.rows.iter().filter(|row| row.update >= stop);
            for (a, b) in after.zip(&b.log.rows) {
                let bits = |row: &Row| Column::ALL.map(|column| row.get(column).map(f64::to_bits));
                assert_eq!((bits(a), a.groups), (bits(b), b.groups), "resumed at {stop}");
            }
            assert_eq!(format!("{:?}", a.state()), format!("{:?}", b.state()));
        }
    }
}
