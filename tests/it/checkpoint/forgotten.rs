//! The continuity check, and what a training loses that forgets its scheduler or its momentum.

use anneal_studio::train::checkpoint::Forget;
use anneal_studio::train::cohort::Cohort;

use super::{everything, measured};
use crate::training::cohort;

const FASHION: &str = r#"
anneal = 1
name = "resuming without the scheduler's state"
[data]
name = "fashion14"
batch_size = 32
limit = 4000
[model]
kind = "mlp"
hidden = [64]
activation = "relu"
[train]
updates = "860"
replicas = 3
[[run]]
name = "cosine"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1 }
"#;

/// Over all replicas: the training loss of updates `range`, and the final accuracy.
fn after(cohort: &Cohort, range: std::ops::Range<u64>) -> (f32, f32) {
    let lanes = cohort.lanes();
    let losses: Vec<f32> = lanes
        .iter()
        .flat_map(|lane| lane.log.rows.iter())
        .filter(|row| range.contains(&row.update))
        .map(|row| row.train_loss)
        .collect();
    let accuracy: f32 =
        lanes.iter().map(|lane| lane.log.validations().last().unwrap().accuracy.unwrap()).sum();
    (losses.iter().sum::<f32>() / losses.len() as f32, accuracy / lanes.len() as f32)
}

/// The lesson of a lost scheduler state: .505 before, .504 after a correct resume, .629 and then .737
/// after one that began the schedule anew, and little harm from a lost momentum.
#[test]
fn forgetting_the_schedule_raises_the_loss_and_forgetting_momentum_hardly_does() {
    let mut first = cohort(FASHION, 2);
    first.advance(430, u64::MAX).unwrap();
    let checkpoint = first.checkpoint().unwrap();
    let resume = |forget| {
        let mut second = cohort(FASHION, 2);
        let continuity = second.restore(&checkpoint, forget).unwrap();
        second.advance(u64::MAX, u64::MAX).unwrap();
        (after(&second, 530..700), continuity)
    };
    let ((right, right_accuracy), smooth) = resume(Forget::default());
    let ((wrong, wrong_accuracy), jump) = resume(Forget { schedule: true, momentum: false });
    let ((cold, cold_accuracy), unseen) = resume(Forget { schedule: false, momentum: true });
    eprintln!("training loss after the cut: {right:.3}; schedule forgotten: {wrong:.3}; momentum: {cold:.3}");
    assert!(wrong > 1.2 * right, "the schedule forgotten: {wrong}, resumed: {right}");
    assert!(wrong_accuracy < right_accuracy, "{wrong_accuracy} {right_accuracy}");
    assert!(
        (cold - right).abs() < 0.1 * right && (cold_accuracy - right_accuracy).abs() < 0.02,
        "{cold} {right}"
    );
    assert!(smooth.iter().chain(&unseen).all(|lane| !lane.jumps()));
    assert!(jump.iter().all(|lane| lane.jumps() && lane.after == 0.1 && (lane.before - 0.05).abs() < 1e-9));
    assert_eq!(jump[0].to_string(), "run \"cosine\", update 430: the rate jumps from 5.000e-2 to 1.000e-1");
}

#[test]
fn what_was_forgotten_stays_forgotten_over_the_next_checkpoint() {
    let text = everything("replicas = 1");
    let mut first = cohort(&text, 1);
    first.advance(60, u64::MAX).unwrap();
    let checkpoint = first.checkpoint().unwrap();
    let start = || {
        let mut start = cohort(&text, 1);
        start.restore(&checkpoint, Forget { schedule: true, momentum: true }).unwrap();
        start
    };
    let (mut whole, mut half) = (start(), start());
    whole.advance(u64::MAX, u64::MAX).unwrap();
    half.advance(101, u64::MAX).unwrap();
    let mut again = cohort(&text, 1);
    again.restore(&half.checkpoint().unwrap(), Forget::default()).unwrap();
    again.advance(u64::MAX, u64::MAX).unwrap();
    assert_eq!(measured(&whole, 101), measured(&again, 101));
}
