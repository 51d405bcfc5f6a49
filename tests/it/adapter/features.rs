//! Whatever a file asks for and a hand does: on the adapter as on the CPU.

use anneal_studio::telemetry::Column;
use anneal_studio::train::checkpoint::Forget;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::ids::Mode;
use anneal_studio::train::lane::Lane;

use super::{computer, on, weights};
use crate::support::Fixture;
use crate::training::{MOONS, cohort, revision};

/// The same updates, measured alike, and as much kept along the way.
#[track_caller]
fn alike(here: &Cohort, there: &Cohort, what: &str) {
    assert_eq!(here.lanes().len(), there.lanes().len());
    for (ours, theirs) in here.lanes().iter().zip(there.lanes()) {
        let state = |lane: &Lane| (lane.id, lane.update, lane.diverged_at, lane.failed.clone());
        assert_eq!(state(ours), state(theirs), "{what}");
        let stopped = |cohort: &Cohort, lane: &Lane| {
            lane.stopped(cohort.task()).map(|it| (it.update, it.restored, it.best.map(|(_, update)| update)))
        };
        assert_eq!(stopped(here, ours), stopped(there, theirs), "{what}");
        assert_eq!(ours.log.rows.len(), theirs.log.rows.len(), "{what}");
        for (a, b) in ours.log.rows.iter().zip(&theirs.log.rows) {
            assert_eq!(a.update, b.update, "{what}");
            for column in Column::ALL {
                let (ours, theirs) = (a.get(column), b.get(column));
                assert_eq!(ours.is_some(), theirs.is_some(), "{what}: {column:?} at {}", a.update);
                let (x, y) = (ours.unwrap_or(0.0), theirs.unwrap_or(0.0));
                // A share of right answers moves by whole samples.
                let near = if column.name().contains("accuracy") { 0.02 } else { 1e-3 };
                assert!(
                    (x - y).abs() <= near * x.abs().max(1.0),
                    "{what}: {column:?} at {}: {x} {y}",
                    a.update
                );
            }
        }
        let kept = |lane: &Lane| lane.keeper.as_ref().map(|keeper| keeper.kept().clone());
        match (kept(ours), kept(theirs)) {
            (Some(ours), Some(theirs)) => {
                assert_eq!(ours.snapshots.len(), theirs.snapshots.len(), "{what}");
                for (a, b) in ours.snapshots.iter().zip(&theirs.snapshots) {
                    assert_eq!(a.update, b.update, "{what}");
                    near(&a.weights, &b.weights, what);
                }
            }
            (ours, theirs) => assert!(ours.is_none() && theirs.is_none(), "{what}"),
        }
    }
    for (ours, theirs) in weights(here).iter().zip(&weights(there)) {
        near(ours, theirs, what);
    }
}

#[track_caller]
fn near(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() < 2e-3 * a.abs().max(1.0), "{what}: {a} {b}");
    }
}

#[test]
fn what_a_file_can_ask_for_is_on_the_adapter_as_on_the_cpu() {
    let Some(computer) = computer() else { return };
    let with = |from: &str, to: &str| MOONS.with(from, to);
    let section =
        |text: &str| with("[[run]]\nname = \"momentum\"", &format!("{text}\n[[run]]\nname = \"momentum\""));
    let plateau = "plateau = { metric = \"val_loss\", mode = \"min\", factor = 0.5, patience = 1 }";
    let cases = [
        ("accumulation", with("seed = 3", "seed = 3\naccumulate = 2")),
        ("clipping", with("seed = 3", "seed = 3\nclip_norm = 0.05")),
        ("label noise", with("batch_size = 32", "batch_size = 32\nlabel_noise = 0.2")),
        ("snapshots", section("[snapshots]\nwhen = \"37\"\nkeep = 9")),
        ("averages", section("[snapshots]\nwhen = \"50\"\nkeep = 4\naverage = [\"swa\", \"ema\"]")),
        ("early stopping", with("seed = 3", "seed = 3\nstop = { metric = \"val_loss\", patience = 1 }")),
        ("a controller", with("peak = 0.01 }", &format!("peak = 0.01 }}\n{plateau}"))),
        (
            "phases",
            section(
                "[[data.phase]]\nname = \"a\"\nfor = \"50%\"\n[[data.phase]]\nname = \"b\"\nlabel_noise = 0.3",
            ),
        ),
        (
            "a fork",
            format!(
                "{MOONS}[[run]]\nname = \"c\"\nfork = {{ of = \"adamw\", at = \"90\" }}\noptimizer = {{ kind = \"adamw\" }}\nlr = {{ kind = \"constant\", peak = 0.003 }}\n"
            ),
        ),
        (
            "another optimizer after a fork",
            format!(
                "{MOONS}[[run]]\nname = \"c\"\nfork = {{ of = \"adamw\", at = \"90\" }}\noptimizer = {{ kind = \"sgd\", momentum = 0.9 }}\nlr = {{ kind = \"constant\", peak = 0.003 }}\n"
            ),
        ),
        (
            "a scheduled beta",
            with(
                "{ kind = \"adamw\" }",
                "{ kind = \"adamw\", beta1 = { kind = \"linear\", peak = 0.9, from = 1.0, to = 0.8 } }",
            ),
        ),
    ];
    for (what, text) in cases {
        let (mut here, mut there) = (cohort(&text, 2), on(&computer, &text));
        here.advance(u64::MAX, u64::MAX).unwrap();
        for _ in 0..7 {
            there.advance(u64::MAX, 33).unwrap();
        }
        assert!(there.device().starts_with("GPU "), "{what}: {}", there.device());
        alike(&here, &there, what);
    }
}

#[test]
fn edits_restarts_and_checkpoints_take_effect_on_the_adapter_as_on_the_cpu() {
    let Some(computer) = computer() else { return };
    let (mut here, mut there) = (cohort(MOONS, 2), on(&computer, MOONS));
    let both = |here: &mut Cohort, there: &mut Cohort, act: &dyn Fn(&mut Cohort)| {
        act(here);
        act(there);
    };
    both(&mut here, &mut there, &|cohort| cohort.advance(55, u64::MAX).unwrap());
    let edited = MOONS.with("peak = 0.1,", "peak = 0.03,");
    both(&mut here, &mut there, &|cohort| {
        let change = cohort.revise(revision(&edited, 1), Mode::Live).unwrap();
        assert!(!change.rebuilt && change.replanned.len() == 2, "{change:?}");
        cohort.advance(90, u64::MAX).unwrap();
    });
    alike(&here, &there, "a live edit");
    // Another optimizer goes on from the weights, with empty buffers.
    let edited = edited.with("{ kind = \"adamw\" }", "{ kind = \"rmsprop\" }");
    both(&mut here, &mut there, &|cohort| {
        cohort.revise(revision(&edited, 2), Mode::Live).unwrap();
        cohort.advance(120, u64::MAX).unwrap();
    });
    alike(&here, &there, "another optimizer");
    let edited = edited.with("peak = 0.03,", "peak = 0.05,");
    both(&mut here, &mut there, &|cohort| {
        let change = cohort.revise(revision(&edited, 3), Mode::Instant).unwrap();
        assert_eq!(change.reset.len(), 2);
        cohort.advance(120, u64::MAX).unwrap();
    });
    alike(&here, &there, "an edit in Instant mode");
    let more = edited.with("replicas = 2", "replicas = 5");
    both(&mut here, &mut there, &|cohort| {
        cohort.revise(revision(&more, 4), Mode::Live).unwrap();
        cohort.advance(u64::MAX, u64::MAX).unwrap();
    });
    alike(&here, &there, "more replicas");
    // A lane is taken from one to the other, and one run begins anew.
    let saved = there.save_lane(there.lanes()[0].id).unwrap().unwrap();
    let id = there.lanes()[3].id;
    both(&mut here, &mut there, &|cohort| {
        cohort.begin(cohort.lanes()[9].id.run).unwrap();
        cohort.load_lane(id, &saved, Forget::default()).unwrap().unwrap();
        cohort.advance(40, u64::MAX).unwrap();
        cohort.restart().unwrap();
        cohort.advance(40, u64::MAX).unwrap();
    });
    alike(&here, &there, "a restart");
    // A checkpoint of one goes on on the other.
    let checkpoint = there.checkpoint().unwrap();
    let mut moved = cohort(&more, 2);
    moved.restore(&checkpoint, Forget::default()).unwrap();
    here.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
    both(&mut moved, &mut here, &|cohort| cohort.advance(100, u64::MAX).unwrap());
    alike(&moved, &here, "a checkpoint");
}

#[test]
fn a_model_that_is_edited_into_one_that_adapters_know_goes_there() {
    let Some(computer) = computer() else { return };
    let digits = MOONS.with("name = \"moons\"\nbatch_size", "name = \"digits\"\nbatch_size");
    let unknown = digits
        .with("kind = \"mlp\"\nhidden = [16, 8]\nactivation = \"tanh\"", "kind = \"cnn\"\nchannels = [4, 4]");
    let mut cohort = on(&computer, &unknown);
    assert!(cohort.device().starts_with("CPU"), "{}", cohort.device());
    cohort.revise(revision(&digits, 1), Mode::Live).unwrap();
    assert!(cohort.device().starts_with("GPU ") && cohort.device().contains("chosen"), "{}", cohort.device());
    cohort.advance(3, u64::MAX).unwrap();
    assert_eq!(cohort.update(), 3);
}
