use anneal_studio::experiment::SurfaceFunction;
use anneal_studio::model::surface::{Surface, add_noise};
use anneal_studio::model::{Batch, Inputs, Model, Targets};

use super::{autograd, fused, losses, train};
use candle_core::DType;

const NOTHING: Batch<'_> = Batch {
    inputs: Inputs::Dense { values: &[], width: 0 },
    targets: Targets::Values { values: &[], width: 0 },
    rows: &[0],
};

/// Each function, where it is 0, and a start and a rate that lead there.
const SURFACES: [(SurfaceFunction, [f64; 2], [f64; 2], f32); 5] = [
    (SurfaceFunction::Quadratic, [0.0, 0.0], [-2.0, 1.5], 0.05),
    (SurfaceFunction::Rosenbrock, [1.0, 1.0], [-0.5, 0.8], 0.001),
    (SurfaceFunction::Beale, [3.0, 0.5], [1.5, 0.3], 0.01),
    (SurfaceFunction::Himmelblau, [3.0, 2.0], [1.0, 1.0], 0.01),
    (SurfaceFunction::Saddle, [0.0, 1.0], [1.5, 0.01], 0.1),
];

#[test]
fn agree_with_autograd_and_finite_differences() {
    for (function, ..) in SURFACES {
        for point in [[0.3_f32, -0.7], [-1.5, 2.0], [0.0, 0.0], [2.5, 0.5]] {
            let surface = Surface::new(function, [0.0; 2]);
            let (loss, gradient) = fused(&surface, &point, NOTHING);
            let exact = losses(&surface, &[&point], &[NOTHING], DType::F64)[0];
            assert!((f64::from(loss) - exact).abs() <= 1e-6 * exact.abs(), "{function:?}");
            let top = gradient.iter().fold(1e-3, |top: f64, g| top.max(f64::from(g.abs())));
            for (found, right) in gradient.iter().zip(autograd(&surface, &point, NOTHING, DType::F64)) {
                assert!((f64::from(*found) - right).abs() < 1e-6 * top, "{function:?} {found} {right}");
            }
            for axis in 0..2 {
                let at = |step: f64| {
                    let mut point = point.map(f64::from);
                    point[axis] += step;
                    surface.at(point).0
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((slope - f64::from(gradient[axis])).abs() < 1e-5 * top, "{function:?}");
            }
        }
    }
}

#[test]
fn are_zero_and_flat_at_their_minima() {
    for (function, minimum, ..) in SURFACES {
        let (value, slopes) = Surface::new(function, [0.0; 2]).at(minimum);
        assert!(value.abs() < 1e-12 && slopes.iter().all(|slope| slope.abs() < 1e-12), "{function:?}");
    }
    // Known values elsewhere, from the functions written out.
    let at = |function, point| Surface::new(function, [0.0; 2]).at(point).0;
    assert!((at(SurfaceFunction::Quadratic, [2.0, 1.0]) - 14.5).abs() < 1e-12);
    assert!((at(SurfaceFunction::Rosenbrock, [-1.2, 1.0]) - 24.2).abs() < 1e-12);
    assert!((at(SurfaceFunction::Beale, [0.0, 0.0]) - 14.203_125).abs() < 1e-12);
    assert!((at(SurfaceFunction::Himmelblau, [0.0, 0.0]) - 170.0).abs() < 1e-12);
    assert!((at(SurfaceFunction::Saddle, [0.0, 0.0]) - 0.25).abs() < 1e-12);
}

#[test]
fn descent_finds_the_minimum() {
    for (function, _, start, rate) in SURFACES {
        let (first, last) = train(&Surface::new(function, start), NOTHING, rate, 500);
        assert!(last < 0.2 * first, "{function:?}: {first} to {last}");
    }
}

#[test]
fn lanes_scores_and_numbers_that_are_none() {
    let surface = Surface::new(SurfaceFunction::Beale, [0.5, -1.0]);
    let rows: [&[f32]; 3] = [&[0.5, -1.0], &[1.0, 1.0], &[f32::NAN, 0.0]];
    let together = losses(&surface, &rows, &[NOTHING; 3], DType::F64);
    let batch = Batch { rows: &[0, 0, 0], ..NOTHING };
    for (row, loss) in rows.iter().zip(together) {
        let score = surface.score(row, batch, &mut surface.scratch(3));
        assert_eq!(score.count, 3);
        assert!((score.mean_loss() - loss).abs() < 1e-9 || row[0].is_nan() && score.mean_loss().is_nan());
    }
    assert!(fused(&surface, rows[2], NOTHING).0.is_nan());
}

#[test]
fn noise_follows_the_seed_and_the_update() {
    let drawn = |seed, update| {
        let mut gradient = [1.0, 2.0];
        add_noise(seed, update, 0.5, &mut gradient);
        gradient
    };
    assert_eq!(drawn(3, 7), drawn(3, 7));
    assert!(drawn(3, 7) != drawn(3, 8) && drawn(3, 7) != drawn(4, 7));
    let draws: Vec<f64> = (0..4000).flat_map(|update| drawn(0, update)).map(f64::from).collect();
    let mean = draws.iter().sum::<f64>() / 8000.0;
    let spread = draws.chunks(2).map(|pair| (pair[0] - 1.0).powi(2) + (pair[1] - 2.0).powi(2)).sum::<f64>();
    assert!((mean - 1.5).abs() < 0.03 && ((spread / 8000.0).sqrt() - 0.5).abs() < 0.02);
}
