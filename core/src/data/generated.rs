//! Small sets made of formulas, so that a plot can show all of a problem at once.
//!
//! Each is drawn from a seed of its own: the data is the same for everyone, and an experiment's seed
//! only deals it out. Numbers are rounded to four decimals, which hides that sine and cosine may differ
//! in their last bit between platforms. Coordinates reach about 1.5 to each side.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::{Samples, Shape, Targets};
use crate::random::{self, Stream, normal, uniform};

/// How many samples each set has.
pub(super) const SAMPLES: usize = 1000;

/// Two arms of one and a half turns, as in TensorFlow Playground.
pub(super) fn spirals() -> Samples {
    points(1, 2, |rng, index, class| {
        let along = (index as f64 + 1.0) / SAMPLES as f64;
        let angle = 1.5 * TAU * along + PI * class as f64;
        around([1.4 * along * angle.cos(), 1.4 * along * angle.sin()], 0.04, rng)
    })
}

/// Two half circles that reach into each other, as in scikit-learn's `make_moons`.
pub(super) fn moons() -> Samples {
    points(2, 2, |rng, _, class| {
        let angle = PI * uniform(rng);
        let point =
            if class == 0 { [angle.cos(), angle.sin()] } else { [1.0 - angle.cos(), 0.5 - angle.sin()] };
        around([point[0] - 0.5, point[1] - 0.25], 0.15, rng)
    })
}

/// One ring inside another, as in scikit-learn's `make_circles`.
pub(super) fn circles() -> Samples {
    points(3, 2, |rng, _, class| {
        let angle = TAU * uniform(rng);
        let radius = if class == 0 { 1.2 } else { 0.6 };
        around([radius * angle.cos(), radius * angle.sin()], 0.1, rng)
    })
}

/// The class says whether both coordinates had the same sign before noise.
pub(super) fn xor() -> Samples {
    points(4, 2, |rng, _, class| {
        let [x, y] = [0.1 + 1.1 * uniform(rng), 0.1 + 1.1 * uniform(rng)];
        let side = if uniform(rng) < 0.5 { -1.0 } else { 1.0 };
        let other = if class == 0 { side } else { -side };
        around([side * x, other * y], 0.1, rng)
    })
}

/// Three normal clouds on a circle, which overlap a little.
pub(super) fn blobs() -> Samples {
    points(5, 3, |rng, _, class| {
        let angle = TAU * (0.25 + class as f64 / 3.0);
        around([0.8 * angle.cos(), 0.8 * angle.sin()], 0.3, rng)
    })
}

/// A regression: y = sin(3x) and normal noise of deviation 0.1, for x between -1.5 and 1.5.
pub(super) fn sine() -> Samples {
    let mut rng = random::rng(6, Stream::Generate);
    let features: Vec<f32> = (0..SAMPLES).map(|_| rounded(3.0 * uniform(&mut rng) - 1.5)).collect();
    let values =
        features.iter().map(|&x| rounded((3.0 * f64::from(x)).sin() + 0.1 * normal(&mut rng))).collect();
    Samples {
        shape: Shape::Flat(1),
        features,
        feature_names: Arc::new(["x".to_owned()]),
        targets: Targets::Values { values, width: 1 },
    }
}

/// Samples in the plane, the classes in turn. `point` makes one from its index and class.
fn points(seed: u64, classes: usize, point: impl Fn(&mut ChaCha8Rng, usize, usize) -> [f64; 2]) -> Samples {
    let mut rng = random::rng(seed, Stream::Generate);
    let features =
        (0..SAMPLES).flat_map(|index| point(&mut rng, index, index % classes).map(rounded)).collect();
    Samples {
        shape: Shape::Flat(2),
        features,
        feature_names: Arc::new(["x".to_owned(), "y".to_owned()]),
        targets: Targets::Classes {
            labels: (0..SAMPLES).map(|index| (index % classes) as u32).collect(),
            names: ["A", "B", "C"].iter().take(classes).map(|&name| name.to_owned()).collect(),
        },
    }
}

/// A point with normal noise around it.
fn around(center: [f64; 2], deviation: f64, rng: &mut ChaCha8Rng) -> [f64; 2] {
    let noise = random::normal_pair(rng);
    [center[0] + deviation * noise[0], center[1] + deviation * noise[1]]
}

fn rounded(value: f64) -> f32 {
    ((value * 1e4).round() / 1e4) as f32
}
