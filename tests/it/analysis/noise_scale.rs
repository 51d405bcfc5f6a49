//! The batch-size helper.

use anneal_studio::analysis::noise_scale::{
    Batching, Keep, NoiseScale, Scaling, consequence, noise_scale, rebatched,
};
use anneal_studio::analysis::sharpness::Objective;
use anneal_studio::experiment::BatchSize;
use anneal_studio::random::{Stream, fill_normal, rng};
use anneal_studio::schedule::{Clock, Span};

use super::{cohort, experiment};

#[test]
fn scaling_rules() {
    assert_eq!(Scaling::Linear.factor(64, 256), 4.0);
    assert_eq!(Scaling::SquareRoot.factor(64, 256), 2.0);
    assert_eq!(Scaling::Linear.factor(0, 8), 8.0);
}

#[test]
fn a_change_of_batch_changes_updates_or_epochs() {
    let batching = |batch, accumulate, world| Batching { batch, accumulate, world };
    let clock = Clock { updates: 300, updates_per_epoch: 15 };
    let (before, after) =
        consequence(1000, clock, batching(64, 1, 1), batching(64, 2, 2), Keep::Epochs).unwrap();
    assert_eq!((before.samples_per_update, before.updates_per_epoch, before.epochs), (64, 15, 20.0));
    assert_eq!((after.samples_per_update, after.updates_per_epoch, after.updates), (256, 3, 60));
    assert_eq!((after.epochs, after.samples_seen), (20.0, 15_360));
    let (_, kept) = consequence(1000, clock, batching(64, 1, 1), batching(128, 1, 1), Keep::Updates).unwrap();
    assert_eq!((kept.updates, kept.updates_per_epoch), (300, 7));
    assert_eq!(consequence(1000, clock, batching(64, 1, 1), batching(64, 16, 1), Keep::Epochs), None);
}

#[test]
fn an_experiment_is_rebatched_with_its_lengths_and_rates() {
    let mut experiment = experiment("mnist1d-snapshots");
    experiment.train.replicas = 1;
    let task_owner = cohort(experiment.clone());
    let (samples, old) = (task_owner.task().samples as u64, task_owner.task().clock);
    let from = Batching { batch: task_owner.task().batch as u64, accumulate: 1, world: 1 };
    let to = Batching { batch: 128, ..from };
    let changed = rebatched(&experiment, samples, old, (from, to), Keep::Epochs, Scaling::Linear).unwrap();
    assert_eq!(changed.data.batch_size, BatchSize::Samples(128));
    let after = cohort(changed.clone());
    let new = after.task().clock;
    let epochs = |clock: Clock| clock.updates as f64 / clock.updates_per_epoch as f64;
    assert!((epochs(old) - epochs(new)).abs() < 0.05, "{old:?} {new:?}");
    let rate = |experiment: &anneal_studio::experiment::Experiment, clock: Clock| {
        experiment.runs[0].lr.resolve(clock).unwrap()
    };
    let (before, scaled) = (rate(&experiment, old), rate(&changed, new));
    assert!((scaled.range().1 / before.range().1 - 2.0).abs() < 1e-9);
    assert_eq!(before.cycle_ends(old.updates).len(), scaled.cycle_ends(new.updates).len(), "as many cycles");
    let spans = anneal_studio::schedule::Kind::fields("cosine_restarts").unwrap();
    assert!(spans.iter().any(|field| field.name == "first"));
    assert!(matches!(changed.train.updates, Span::Updates(_)));
    let huge = Batching { batch: 1_000_000, accumulate: 1, world: 1 };
    assert!(rebatched(&experiment, samples, old, (from, huge), Keep::Epochs, Scaling::Linear).is_none());
}

/// Gradients made of a known mean and known noise: McCandlish's estimator finds both.
#[test]
fn the_estimate_recovers_a_known_noise_scale() {
    let (width, deviation, small, count) = (200, 0.5, 4, 8);
    let mut random = rng(7, Stream::Generate);
    let signal = vec![0.1_f64; width];
    let (mut small_mean, mut large_mean) = (0.0, 0.0);
    let trials = 400;
    for _ in 0..trials {
        let mut large = vec![0.0; width];
        for _ in 0..count {
            let mut noise = vec![0.0_f32; width];
            fill_normal(&mut random, deviation / f64::from(small as u32).sqrt(), &mut noise);
            let batch: Vec<f64> = signal.iter().zip(&noise).map(|(g, n)| g + f64::from(*n)).collect();
            small_mean += batch.iter().map(|g| g * g).sum::<f64>() / (trials * count) as f64;
            large.iter_mut().zip(&batch).for_each(|(sum, g)| *sum += g / count as f64);
        }
        large_mean += large.iter().map(|g| g * g).sum::<f64>() / trials as f64;
    }
    let found = NoiseScale::of(small, small_mean, small * count, large_mean).unwrap();
    let expected = width as f64 * deviation * deviation / (width as f64 * 0.01);
    assert!((found.samples().unwrap() / expected - 1.0).abs() < 0.05, "{found:?}, expected {expected}");
    assert_eq!(NoiseScale::of(4, 1.0, 4, 1.0), None);
    assert_eq!(NoiseScale::of(4, 1.0, 8, 2.0).unwrap().samples(), None);
}

/// On a network, against the variance of single samples' gradients worked out one by one.
#[test]
fn the_estimate_on_a_network_is_near_the_exact_variance() {
    let mut experiment = experiment("digits-edge-of-stability");
    experiment.runs.truncate(1);
    experiment.data.limit = Some(200);
    let mut cohort = cohort(experiment);
    cohort.advance(50, u64::MAX).unwrap();
    let row: Vec<f32> = cohort.rows().to_vec2().unwrap().remove(0);
    let task = cohort.task();
    let mut objective = Objective::new(task, None);
    let weights = &row[..objective.width()];
    let mut gradient = vec![0.0; objective.width()];
    let mut mean = vec![0.0_f64; objective.width()];
    let mut square = 0.0;
    for sample in 0..200 {
        objective.choose(&[sample]);
        objective.gradient(weights, &mut gradient);
        mean.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += f64::from(*g) / 200.0);
        square += gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>() / 200.0;
    }
    let signal: f64 = mean.iter().map(|g| g * g).sum();
    let noise = square - signal;
    let found: Vec<NoiseScale> =
        (0..20).map(|seed| noise_scale(task, weights, 5, 40, seed).unwrap()).collect();
    let average = |of: fn(&NoiseScale) -> f64| found.iter().map(of).sum::<f64>() / 20.0;
    assert!((average(|f| f.noise) / noise - 1.0).abs() < 0.1, "{} {noise}", average(|f| f.noise));
    // All 200 samples are in the large batch, so its signal has 1/200 of the noise taken off.
    let unbiased = signal - noise / 199.0;
    assert!((average(|f| f.signal) / unbiased - 1.0).abs() < 0.1, "{} {unbiased}", average(|f| f.signal));
    assert!(noise_scale(task, weights, 150, 2, 0).is_none());
}
