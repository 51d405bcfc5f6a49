//! `drop_last`: the samples that fill no batch at the end of an epoch, left out or kept as PyTorch's loaders do.

use anneal_studio::train::TrainError;

use super::*;
use crate::support::pool;

/// 80 samples to train on, in batches of 32: two and a half.
fn text(data: &str) -> String {
    MOONS
        .with("batch_size = 32", &format!("batch_size = 32\nlimit = 80\n{data}"))
        .with(r#"updates = "200""#, r#"updates = "3ep""#)
        .with("replicas = 2", "replicas = 1")
}

fn batches(cohort: &Cohort) -> Vec<u64> {
    cohort.lanes()[0].log.rows.iter().map(|row| row.batch.unwrap()).collect()
}

#[test]
fn an_epoch_s_last_batch_is_left_out_unless_it_is_asked_for() {
    let mut dropped = cohort(&text(""), 1);
    dropped.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(batches(&dropped), [32; 6]);
    let mut said = cohort(&text("drop_last = true"), 1);
    said.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(
        bits(&rows(&said)),
        bits(&rows(&dropped)),
        "what is left out by default is left out when said"
    );
    let mut kept = cohort(&text("drop_last = false"), 1);
    kept.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(batches(&kept), [32, 32, 16].repeat(3));
    // Up to the first short batch both see the same samples.
    let first = |cohort: &Cohort| bits(&rows(cohort))[0][0];
    assert_eq!(first(&kept).1[0], first(&dropped).1[0]);
}

#[test]
fn what_fills_its_batches_is_the_same_either_way() {
    let text = text("drop_last = false").with("limit = 80", "limit = 64");
    let mut kept = cohort(&text, 1);
    kept.advance(u64::MAX, u64::MAX).unwrap();
    let mut dropped = cohort(&text.with("drop_last = false", "drop_last = true"), 1);
    dropped.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(bits(&rows(&kept)), bits(&rows(&dropped)));
}

#[test]
fn a_short_batch_has_the_same_bits_in_any_chunks_and_the_reference_s_loss() {
    let text = text("drop_last = false");
    let mut whole = cohort(&text, 1);
    whole.advance(u64::MAX, u64::MAX).unwrap();
    let mut pieces = cohort(&text, 3);
    while pieces.update() < 9 {
        pieces.advance(u64::MAX, 2).unwrap();
    }
    assert_eq!(bits(&rows(&pieces)), bits(&rows(&whole)));
    let mut reference = Cohort::at(revision(&text, 0), TrainDevice::reference(pool(1))).unwrap();
    reference.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(batches(&reference), batches(&whole));
    for (ours, theirs) in rows(&whole).iter().flatten().zip(rows(&reference).iter().flatten()) {
        let (a, b) = (ours.train_loss, theirs.train_loss);
        assert!((a - b).abs() <= 1e-4 * b.abs(), "update {}: {a} and {b}", ours.update);
    }
}

#[test]
fn a_short_batch_goes_with_one_micro_batch_only() {
    let text = text("drop_last = false").with("seed = 3", "seed = 3\naccumulate = 2");
    let Err(error) = Cohort::at(revision(&text, 0), TrainDevice::cpu(pool(1))) else {
        panic!("an update of several micro-batches and a short batch go together");
    };
    assert!(matches!(error, TrainError::Misfit(_)), "{error}");
    assert!(error.to_string().contains("drop_last = true"), "{error}");
}
