//! Rules against what others' programs made of the same gradients: `tests/golden/optimizers.py` made the numbers.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use pulp::Arch;
use serde::Deserialize;

use super::{Lanes, Memory, Numbers, Part, Row, Store, norm, rule, scale, split};
use crate::experiment::{Number, Optimizer, OptimizerKind};
use crate::model::Parameter;

/// How far a number may be from the double-precision one, as a share of it or of 1.
const TOLERANCE: f64 = 3e-6;

#[derive(Deserialize)]
struct Golden {
    shapes: Vec<Vec<usize>>,
    start: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    rates: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    numbers: BTreeMap<String, f64>,
    #[serde(default)]
    options: Vec<String>,
    clip_norm: Option<f64>,
    number_schedule: Option<NumberSchedule>,
    /// In place of the file's.
    rates: Option<Vec<f64>>,
    /// The weights after every update.
    parameters: Vec<Vec<f64>>,
    /// Buffers by their places, after every update.
    #[serde(default)]
    buffers: BTreeMap<usize, Vec<Vec<f64>>>,
    /// The rate that the rule makes of each update's, where it makes another of it.
    effective_lr: Option<Vec<f64>>,
}

#[derive(Deserialize)]
struct NumberSchedule {
    number: String,
    values: Vec<f64>,
}

impl Case {
    /// What update `update` uses.
    fn numbers(&self, kind: OptimizerKind, rates: &[f64], update: usize) -> Numbers {
        let mut optimizer = Optimizer::new(kind);
        for (name, value) in &self.numbers {
            assert!(optimizer.set(name, Number::Fixed(*value)), "{}: no {name}", self.name);
        }
        if let Some(schedule) = &self.number_schedule {
            assert!(optimizer.set(&schedule.number, Number::Fixed(schedule.values[update])));
        }
        for info in kind.options() {
            optimizer.switch(info.name, false);
        }
        for option in &self.options {
            assert!(optimizer.switch(option, true), "{}: no {option}", self.name);
        }
        let rates = self.rates.as_deref().unwrap_or(rates);
        Numbers::fixed(&optimizer, rates[update], update as u64)
    }

    fn check_rate(&self, update: usize, ours: Option<f64>) {
        match (ours, self.effective_lr.as_ref().map(|rates| rates[update])) {
            (None, None) => {}
            (Some(ours), Some(theirs)) if (ours - theirs).abs() <= 1e-4 * theirs => {}
            (ours, theirs) => {
                panic!("{}, effective rate, update {update}: {ours:?} is not {theirs:?}", self.name)
            }
        }
    }

    fn check(&self, what: &str, update: usize, ours: &[f32], theirs: &[f64]) {
        assert_eq!(ours.len(), theirs.len(), "{}: {what}", self.name);
        for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let error = (f64::from(*ours) - theirs).abs() / theirs.abs().max(1.0);
            assert!(
                error < TOLERANCE,
                "{}, {what}, update {update}, number {at}: {ours} is not {theirs}",
                self.name
            );
        }
    }
}

/// Both rules of a kind make the weights of `tests/golden/optimizers/KIND.json`, which has so many cases.
pub fn follows(name: &str, cases: usize) {
    let (_, kind) = OptimizerKind::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
    follows_as(kind, name, cases);
}

/// The same of a file that is not named after the kind.
pub fn follows_as(kind: OptimizerKind, name: &str, cases: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/optimizers");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    let golden: Golden = serde_json::from_str(&text).unwrap();
    assert_eq!(golden.cases.len(), cases);
    for case in &golden.cases {
        fused(kind, &golden, case);
        tensor(kind, &golden, case);
    }
}

fn clipped(case: &Case, gradient: &[f32]) -> Vec<f32> {
    let mut gradient = gradient.to_vec();
    if let Some(clip) = case.clip_norm {
        let norm = norm(Arch::new(), 1, &gradient);
        scale(Arch::new(), &mut gradient, (clip / (norm + 1e-6)).min(1.0) as f32);
    }
    gradient
}

fn fused(kind: OptimizerKind, golden: &Golden, case: &Case) {
    let width = golden.start.len();
    let mut weights = golden.start.clone();
    let first = case.numbers(kind, &golden.rates, 0);
    let count = rule(kind).buffers(&first);
    let mut buffers = vec![0.0; width * count];
    let mut scalars = vec![0.0; rule(kind).scalars()];
    let memory = Memory { buffers: split(count, width, &mut buffers), scalars: &mut scalars };
    rule(kind).start(&first, &weights, memory);
    let parameters = parameters(&golden.shapes);
    for (update, gradient) in golden.gradients.iter().enumerate() {
        let numbers = case.numbers(kind, &golden.rates, update);
        let mut gradient = clipped(case, gradient);
        let before = weights.clone();
        let (lr, weight_decay) = (numbers.lr, numbers.weight_decay());
        let part = |of| Part { range: Parameter::range(of), parameter: Some(of), lr, weight_decay };
        let applied = rule(kind).update(Row {
            arch: Arch::new(),
            cores: 1,
            store: Store::EXACT,
            numbers: &numbers,
            parts: &parameters.iter().map(part).collect::<Vec<_>>(),
            scalars: &mut scalars,
            weights: &mut weights,
            gradient: &mut gradient,
            buffers: split(count, width, &mut buffers),
        });
        case.check("fused", update, &weights, &case.parameters[update]);
        case.check_rate(update, applied.effective_lr);
        for (at, theirs) in &case.buffers {
            case.check("fused buffer", update, &buffers[at * width..(at + 1) * width], &theirs[update]);
        }
        let moved: f64 = weights.iter().zip(&before).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        assert!((applied.update_norm - moved.sqrt()).abs() <= 1e-6 * (1.0 + moved.sqrt()), "{}", case.name);
    }
}

/// The parameters of these shapes, one after the other.
pub fn parameters(shapes: &[Vec<usize>]) -> Vec<Parameter> {
    let mut offset = 0;
    let parameter = |(at, shape): (usize, &Vec<usize>)| {
        let parameter = Parameter { name: format!("{at}.weight"), shape: shape.clone(), offset, layer: at };
        offset = parameter.range().end;
        parameter
    };
    shapes.iter().enumerate().map(parameter).collect()
}

fn tensor(kind: OptimizerKind, golden: &Golden, case: &Case) {
    let width = golden.start.len();
    let first = case.numbers(kind, &golden.rates, 0);
    let count = rule(kind).buffers(&first);
    let mut buffers = vec![0.0; width * count];
    let mut scalars = [vec![0.0; rule(kind).scalars()]];
    let memory = Memory { buffers: split(count, width, &mut buffers), scalars: &mut scalars[0] };
    rule(kind).start(&first, &golden.start, memory);
    let row = |numbers: &[f32]| Tensor::from_slice(numbers, (1, width), &Device::Cpu).unwrap();
    let mut buffers: Vec<Tensor> = buffers.chunks_exact(width).map(row).collect();
    let mut weights = row(&golden.start);
    let parameters = parameters(&golden.shapes);
    for (update, gradient) in golden.gradients.iter().enumerate() {
        let mut lanes = Lanes {
            numbers: &[case.numbers(kind, &golden.rates, update)],
            scalars: &mut scalars,
            parameters: &parameters,
            rates: None,
            decays: None,
            device: &Device::Cpu,
            effective_lr: vec![None],
        };
        let gradient = row(&clipped(case, gradient));
        weights = rule(kind).update_tensor(&mut lanes, &weights, &gradient, &mut buffers).unwrap();
        let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        case.check("tensor", update, &numbers(&weights), &case.parameters[update]);
        case.check_rate(update, lanes.effective_lr[0]);
        for (at, theirs) in &case.buffers {
            case.check("tensor buffer", update, &numbers(&buffers[*at]), &theirs[update]);
        }
    }
}
