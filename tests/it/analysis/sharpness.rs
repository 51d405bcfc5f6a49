//! Sharpness against a dense Hessian in f64, and against what Cohen et al. 2021 saw.

use super::{cohort, experiment};
use anneal_studio::analysis::sharpness::{Objective, Sharpness, critical_sharpness, limit};
use anneal_studio::experiment::Experiment;

const SMALL: &str = r#"
anneal = 1
name = "small"
[data]
name = "moons"
batch_size = 16
limit = 40
[model]
kind = "mlp"
hidden = [5]
activation = "tanh"
[train]
updates = "60"
seed = 3
loss = "mse"
[[run]]
name = "sgd"
optimizer = { kind = "sgd", momentum = 0.5 }
lr = { kind = "constant", peak = 0.3 }
"#;

/// Half the squared error of a tanh network 2-5-2, in f64 and written out.
fn loss(w: &[f64], inputs: &[f64], labels: &[u32]) -> f64 {
    let mut sum = 0.0;
    for (x, label) in inputs.chunks(2).zip(labels) {
        let hidden: Vec<f64> = (0..5).map(|h| (x[0] * w[h] + x[1] * w[5 + h] + w[10 + h]).tanh()).collect();
        for o in 0..2 {
            let out: f64 = (0..5).map(|h| hidden[h] * w[15 + 2 * h + o]).sum::<f64>() + w[25 + o];
            sum += 0.5 * (out - f64::from(u8::from(*label == o as u32))).powi(2);
        }
    }
    sum / labels.len() as f64
}

/// The Hessian by central differences of the loss.
fn hessian(w: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<Vec<f64>> {
    let step = 1e-3;
    let at = |i: usize, di: f64, j: usize, dj: f64| {
        let mut moved = w.to_vec();
        moved[i] += di;
        moved[j] += dj;
        loss(&moved)
    };
    let entry = |i: usize, j: usize| {
        let corners =
            at(i, step, j, step) - at(i, step, j, -step) - at(i, -step, j, step) + at(i, -step, j, -step);
        corners / (4.0 * step * step)
    };
    (0..w.len()).map(|i| (0..w.len()).map(|j| entry(i, j)).collect()).collect()
}

/// The eigenvalues of a symmetric matrix by Jacobi's rotations, ascending.
fn eigenvalues(mut a: Vec<Vec<f64>>) -> Vec<f64> {
    let n = a.len();
    for _ in 0..50 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q].abs() < 1e-15 {
                    continue;
                }
                let angle = 0.5 * (2.0 * a[p][q]).atan2(a[q][q] - a[p][p]);
                let (s, c) = angle.sin_cos();
                for row in &mut a {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (upper, lower) = (a[p].clone(), a[q].clone());
                for (k, (x, y)) in upper.into_iter().zip(lower).enumerate() {
                    (a[p][k], a[q][k]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[i][i]).collect();
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn power_iteration_finds_the_largest_eigenvalue_of_the_dense_hessian() {
    let mut cohort = cohort(Experiment::parse(SMALL, "small").unwrap());
    for update in [0, 5, 60] {
        cohort.advance(update, u64::MAX).unwrap();
        let row: Vec<f32> = cohort.rows().to_vec2().unwrap().remove(0);
        let task = cohort.task();
        let mut objective = Objective::new(task, None);
        let weights = &row[..objective.width()];
        let anneal_studio::data::Prepared::Samples { train, .. } = &*task.prepared else { unreachable!() };
        let inputs: Vec<f64> = train.features.iter().map(|x| f64::from(*x)).collect();
        let anneal_studio::data::Targets::Classes { labels, .. } = &train.targets else { unreachable!() };
        let wide: Vec<f64> = weights.iter().map(|w| f64::from(*w)).collect();
        assert!((objective.loss(weights) - loss(&wide, &inputs, labels)).abs() < 1e-6, "another network");
        let expected = *eigenvalues(hessian(&wide, |w| loss(w, &inputs, labels))).last().unwrap();
        let mut sharpness = Sharpness::new(objective.width(), 1);
        let found = sharpness.estimate(&mut objective, weights, 1e-6, 300);
        let apart = (found.sharpness / expected - 1.0).abs();
        assert!(apart < 2e-3, "update {update}: {found:?}, dense {expected}");
        // Warm, one product is enough.
        let again = sharpness.step(&mut objective, weights);
        assert!((again / expected - 1.0).abs() < 2e-3, "warm: {again}, dense {expected}");
    }
}

#[test]
fn the_most_negative_curvature_is_not_mistaken_for_the_largest() {
    // At weights of zero the only curvature is a saddle's: the eigenvalues come in pairs of both signs.
    let cohort = cohort(Experiment::parse(SMALL, "small").unwrap());
    let mut objective = Objective::new(cohort.task(), None);
    let zero = vec![0.0; objective.width()];
    let mut sharpness = Sharpness::new(objective.width(), 1);
    let found = sharpness.estimate(&mut objective, &zero, 1e-5, 300);
    assert!((found.sharpness - 1.0).abs() < 0.02, "the output biases have curvature 1: {found:?}");
}

#[test]
fn the_critical_step_raises_the_loss_and_half_of_it_does_not() {
    let mut cohort = cohort(Experiment::parse(SMALL, "small").unwrap());
    cohort.advance(20, u64::MAX).unwrap();
    let row: Vec<f32> = cohort.rows().to_vec2().unwrap().remove(0);
    let mut objective = Objective::new(cohort.task(), None);
    let weights = row[..objective.width()].to_vec();
    let mut gradient = vec![0.0; objective.width()];
    objective.gradient(&weights, &mut gradient);
    for guess in [1e-3, 0.3, 100.0] {
        let step = 2.0 / critical_sharpness(&mut objective, &weights, &gradient, guess).unwrap();
        let mut loss_after = |step: f64| {
            let moved: Vec<f32> = weights.iter().zip(&gradient).map(|(w, g)| w - step as f32 * g).collect();
            objective.loss(&moved)
        };
        let start = loss_after(0.0);
        assert!(loss_after(1.1 * step) > start, "from {guess}: {step}");
        assert!(loss_after(0.9 * step) < start, "from {guess}: {step}");
    }
    let nowhere = vec![0.0; objective.width()];
    assert_eq!(critical_sharpness(&mut objective, &weights, &nowhere, 0.1), None);
    assert_eq!(critical_sharpness(&mut objective, &weights, &gradient, f64::NAN), None);
}

#[test]
fn the_limit_counts_momentum() {
    assert_eq!(limit(0.5, 0.0), 4.0);
    assert_eq!(limit(0.5, 0.9), 7.6);
    assert_eq!(limit(0.0, 0.0), f64::INFINITY);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "trains 6,000 full batches: run it with --release")]
fn full_batch_descent_rises_to_the_edge_of_stability_and_hovers_there() {
    let mut cohort = cohort(experiment("digits-edge-of-stability"));
    let mut probes: Vec<Sharpness> = Vec::new();
    let mut seen: Vec<Vec<(u64, f64)>> = vec![Vec::new(); cohort.lanes().len()];
    for update in (0..=3000).step_by(25) {
        cohort.advance(update, u64::MAX).unwrap();
        let rows: Vec<Vec<f32>> = cohort.rows().to_vec2().unwrap();
        let mut objective = Objective::new(cohort.task(), None);
        let width = objective.width();
        for (lane, row) in rows.iter().enumerate() {
            if probes.len() <= lane {
                probes.push(Sharpness::new(width, 0));
            }
            let most = if update == 0 { 50 } else { 4 };
            let found = probes[lane].estimate(&mut objective, &row[..width], 1e-3, most);
            seen[lane].push((update, found.sharpness));
        }
    }
    // When the edge is reached depends on the initial weights: over seeds 0 to 7 it is updates 250 to 1,000
    // for the higher rate, and 550 to 1,525, or never, for the lower. The file's seed is an early one.
    for (lane, (rate, expected)) in [(2.0 / 7.0, 375), (2.0 / 9.0, 800)].into_iter().enumerate() {
        let shares: Vec<(u64, f64)> =
            seen[lane].iter().map(|(at, found)| (*at, found / limit(rate, 0.0))).collect();
        assert!(shares[4].1 < 0.7, "rate {rate}: begins at {:?}", shares[4]);
        let reached = shares.iter().find(|(_, share)| *share >= 0.98).unwrap().0;
        assert!(reached.abs_diff(expected) <= 100, "rate {rate}: reached at {reached}");
        let after: Vec<f64> = shares.iter().filter(|(at, _)| *at >= 1500).map(|(_, share)| *share).collect();
        let within = after.iter().filter(|share| (*share - 1.0).abs() <= 0.05).count();
        assert_eq!(within, after.len(), "rate {rate}: {shares:.3?}");
        let mean = after.iter().sum::<f64>() / after.len() as f64;
        assert!((mean - 1.0).abs() < 0.01, "rate {rate}: mean {mean}");
    }
}
