//! Cooldowns that branch from one moment of a run.

use std::sync::Arc;

use anneal_studio::experiment::{Experiment, Fork, Run};
use anneal_studio::schedule::Span;
use anneal_studio::sweep::cooldowns::{Bench, Origin, branch};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::ids::{LaneId, RunId};
use anneal_studio::train::task::prepare;

use super::support;
use crate::support::revision_of;

/// Branches after 24 of 60 updates.
const AT: u64 = 24;

fn pool(threads: usize) -> Arc<rayon::ThreadPool> {
    Arc::new(anneal_studio::train::pool(Some(threads)).unwrap())
}

fn experiment() -> Experiment {
    let mut experiment = support::experiment("[sweep.over]\n\"lr.peak\" = [1.0]\n");
    experiment.sweep = None;
    experiment.train.replicas = 2;
    experiment
}

fn bench(experiment: &Experiment, run: &str, origin: Origin, threads: usize) -> Bench {
    let prepared = prepare(experiment).unwrap();
    let mut reports = 0;
    let bench = branch(experiment, run, origin, (&prepared, &pool(threads)), &mut |_, share| {
        assert!((0.0..=1.0).contains(&share), "{share}");
        reports += 1;
        Ok(())
    });
    assert!(reports > 20, "it is told of on the way");
    bench.unwrap()
}

#[test]
fn every_branch_is_the_run_trained_in_full_to_the_last_bit() {
    let experiment = experiment();
    // One is stable at its rate with AdamW, the other on its way down, and is held where it is.
    for (at, run) in ["one", "two"].into_iter().enumerate() {
        let once = bench(&experiment, run, Origin::Update(AT), 2);
        assert_eq!((once.at, once.branches.len()), (AT, 40));
        assert_eq!((once.trained, once.from_scratch), (AT + 40 * (60 - AT), 40 * 60));
        let mut cohort = Cohort::new(revision_of(experiment.clone(), 0), pool(1)).unwrap();
        cohort.advance(AT, u64::MAX).unwrap();
        let saved = cohort.save_lane(LaneId { run: RunId(at as u32), replica: 0 }).unwrap().unwrap();
        let snapshot = bench(&experiment, run, Origin::Saved(Arc::new(saved)), 1);
        assert_eq!(snapshot.branches, once.branches, "from a snapshot and on any number of threads");
        assert_eq!(snapshot.trained, 40 * (60 - AT), "what came before was trained already");

        let fork = |branch| Run {
            name: "fork".to_owned(),
            fork: Some(Fork { of: run.to_owned(), at: Span::Updates(AT as f64) }),
            lr: anneal_studio::sweep::cooldowns::Branch::schedule(branch, once.rate),
            ..experiment.runs[at].clone()
        };
        for branch in once.branches.iter().step_by(7) {
            let mut runs = experiment.runs.clone();
            runs.push(fork(branch));
            let full = revision_of(Experiment { runs, ..experiment.clone() }, 0);
            let mut cohort = Cohort::new(full, pool(1)).unwrap();
            cohort.advance(u64::MAX, u64::MAX).unwrap();
            let lane = cohort.lanes().iter().find(|lane| lane.id == LaneId { run: RunId(2), replica: 0 });
            let loss = lane.unwrap().state().val_loss();
            assert_eq!(loss.map(f64::to_bits), branch.loss.map(f64::to_bits), "{branch:?}");
        }
    }
}

#[test]
fn what_cannot_be_cooled_is_one_sentence() {
    let experiment = experiment();
    let prepared = prepare(&experiment).unwrap();
    let said = |run: &str, at: u64| {
        let branched =
            branch(&experiment, run, Origin::Update(at), (&prepared, &pool(1)), &mut |_, _| Ok(()));
        branched.unwrap_err().to_string()
    };
    assert_eq!(
        said("one", 58),
        "at update 58 of 60 there is nothing left to cool: choose an earlier snapshot"
    );
    assert!(said("nobody", 8).contains("there is no run \"nobody\""));
}
