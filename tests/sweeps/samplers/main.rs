//! Trials that the Parzen estimator needs to reach a target: ours beside the two of the `optimizer` crate, from which
//! our other searches and our pruners are.
//!
//!     cargo run --release --manifest-path tests/sweeps/samplers/Cargo.toml --target-dir target/samplers
//!
//! The median of 20 seeds on functions whose best point is known, over two to five numbers and a choice; 1,000 trials at
//! most. Both are asked for one trial at a time.

#[path = "../../../core/src/random.rs"]
mod random;
#[path = "../../../src/sweep/shape.rs"]
mod shape;
#[path = "../../../src/sweep/tpe.rs"]
mod tpe;

use std::collections::HashMap;

use optimizer::distribution::{CategoricalDistribution, Distribution, FloatDistribution};
use optimizer::param::ParamValue;
use optimizer::parameter::ParamId;
use optimizer::sampler::tpe::{MultivariateTpeSampler, TpeSampler};
use optimizer::sampler::{CompletedTrial, Sampler};
use shape::Shape;

const SEEDS: u64 = 20;
const BUDGET: usize = 1000;

/// A function to be brought below a target.
struct Task {
    name: &'static str,
    shapes: Vec<Shape>,
    badness: fn(&[f64]) -> f64,
    target: f64,
}

/// Tells a function that is asked for points, one after another, how bad they are; how many it needed.
fn trials(task: &Task, mut ask: impl FnMut(&[(Vec<f64>, f64)]) -> Vec<f64>) -> usize {
    let mut told: Vec<(Vec<f64>, f64)> = Vec::new();
    for trial in 1..=BUDGET {
        let point = ask(&told);
        let bad = (task.badness)(&point);
        if bad < task.target {
            return trial;
        }
        told.push((point, bad));
    }
    BUDGET
}

fn our_tpe(task: &Task, seed: u64) -> usize {
    let mut judged = Vec::new();
    trials(task, |told| {
        judged.extend(
            told.last().map(|(point, badness)| tpe::Judged { point: point.clone(), badness: *badness }),
        );
        let trial = told.len() as u64;
        tpe::ask(&task.shapes, &judged, &[], &mut random::rng(seed, random::Stream::Search { trial }))
    })
}

/// The crate's, which is asked for a trial's values given those before.
type Ask<'s> = dyn Fn(&[(ParamId, Distribution)], &[CompletedTrial]) -> Vec<ParamValue> + 's;

fn theirs(task: &Task, ask: &Ask<'_>) -> usize {
    // A sampler of the crate tells parameters apart by their ranges.
    let parameter = |(at, shape): (usize, &Shape)| {
        let distribution = match shape {
            Shape::Line => {
                let high = 1.0 + at as f64 * 1e-9;
                Distribution::Float(FloatDistribution { low: 0.0, high, log_scale: false, step: None })
            }
            Shape::Choices(count) => Distribution::Categorical(CategoricalDistribution { n_choices: *count }),
        };
        (ParamId::new(), distribution)
    };
    let parameters: Vec<(ParamId, Distribution)> = task.shapes.iter().enumerate().map(parameter).collect();
    let mut history: Vec<CompletedTrial> = Vec::new();
    let mut asked: Vec<ParamValue> = Vec::new();
    trials(task, |told| {
        if let Some((_, badness)) = told.last() {
            let values = parameters.iter().map(|(id, _)| *id).zip(asked.iter().cloned()).collect();
            let of = parameters.iter().cloned().collect();
            history.push(CompletedTrial::new(history.len() as u64, values, of, HashMap::new(), *badness));
        }
        asked = ask(&parameters, &history);
        let coordinate = |(value, shape): (&ParamValue, &Shape)| match (value, shape) {
            (ParamValue::Float(x), _) => *x,
            (ParamValue::Categorical(at), Shape::Choices(count)) => (*at as f64 + 0.5) / *count as f64,
            (other, _) => panic!("{other:?}"),
        };
        asked.iter().zip(&task.shapes).map(coordinate).collect()
    })
}

/// One number after another.
fn alone(task: &Task, seed: u64) -> usize {
    let sampler = TpeSampler::builder().seed(seed).build().expect("its defaults");
    theirs(task, &|parameters, history| {
        parameters.iter().map(|(_, it)| sampler.sample(it, history.len() as u64, history)).collect()
    })
}

/// All numbers at once.
fn joint(task: &Task, seed: u64) -> usize {
    let sampler = MultivariateTpeSampler::builder().seed(seed).build().expect("its defaults");
    theirs(task, &|parameters, history| {
        let mut values = sampler.sample_joint(&parameters.iter().cloned().collect(), history);
        parameters.iter().map(|(id, _)| values.remove(id).expect("a value of each")).collect()
    })
}

fn median(run: impl Fn(u64) -> usize) -> usize {
    let mut all: Vec<usize> = (0..SEEDS).map(run).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

fn main() {
    let line = || Shape::Line;
    let tasks = [
        Task {
            name: "a peak, a momentum and a kind",
            shapes: vec![line(), line(), Shape::Choices(3)],
            badness: |x| {
                let kind = [0.02, 0.0, 0.05][(x[2] * 3.0) as usize];
                36.0 * (x[0] - 0.6).powi(2) + 0.8 * (x[1] - 0.2).powi(2) + kind
            },
            target: 0.005,
        },
        Task {
            name: "a turned valley of three",
            shapes: vec![line(), line(), line()],
            badness: |x| {
                let (a, b, c) = (x[0] - 0.7, x[1] - 0.3, x[2] - 0.4);
                100.0 * (a + b).powi(2) + (a - b).powi(2) + 10.0 * c * c
            },
            target: 0.003,
        },
        Task {
            name: "a banana of two",
            shapes: vec![line(), line()],
            badness: |x| {
                let (a, b) = (3.0 * x[0] - 1.0, 3.0 * x[1] - 1.0);
                100.0 * (b - a * a).powi(2) + (1.0 - a).powi(2)
            },
            target: 0.02,
        },
        Task {
            name: "a bowl of five",
            shapes: vec![line(), line(), line(), line(), line()],
            badness: |x| x.iter().zip([0.3, 0.7, 0.5, 0.2, 0.8]).map(|(x, best)| (x - best).powi(2)).sum(),
            target: 0.003,
        },
    ];
    println!("{:<32} {:>8} {:>12} {:>18}", "median trials", "ours", "the crate's", "the joint one");
    for task in &tasks {
        let tpe = median(|seed| our_tpe(task, seed));
        let (other, joint) = (median(|seed| alone(task, seed)), median(|seed| joint(task, seed)));
        println!("{:<32} {tpe:>8} {other:>12} {joint:>18}", task.name);
    }
}
