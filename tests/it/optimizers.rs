//! Update rules against PyTorch's, update by update: `tests/golden/optimizers.py` made the numbers.

use anneal_studio::experiment::{OptimizerKind, WeightFormat};
use anneal_studio::train::rule::{self, Numbers};
use pulp::Arch;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    start: Vec<f64>,
    gradients: Vec<Vec<f64>>,
    rates: Vec<f64>,
    cases: Vec<Case>,
    schedule_free: Vec<ScheduleFree>,
}

/// The averaged weights `x`, where gradients are taken `y`, and the plain iterate `z`, after every update.
#[derive(Deserialize)]
struct ScheduleFree {
    kind: String,
    warmup_updates: usize,
    rates: Vec<f64>,
    numbers: BTreeMap<String, f64>,
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
    z: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    numbers: BTreeMap<String, f64>,
    nesterov: bool,
    clip_norm: Option<f64>,
    number_schedule: Option<NumberSchedule>,
    parameters: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct NumberSchedule {
    number: String,
    values: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/optimizers.json")).expect("the golden file reads")
}

fn f32s(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

#[test]
fn every_rule_follows_pytorch() {
    let golden = golden();
    assert_eq!(golden.cases.len(), 20);
    for case in &golden.cases {
        let (_, kind) = OptimizerKind::ALL
            .into_iter()
            .find(|(name, _)| *name == case.kind)
            .unwrap_or_else(|| panic!("no optimizer {}", case.kind));
        let mut parameters = f32s(&golden.start);
        let mut buffers = vec![0.0; 6 * rule::buffers(kind)];
        for (update, (gradient, lr)) in golden.gradients.iter().zip(&golden.rates).enumerate() {
            let number = |name: &str| match &case.number_schedule {
                Some(schedule) if schedule.number == name => schedule.values[update],
                _ => case.numbers.get(name).copied().unwrap_or(0.0),
            };
            let numbers = Numbers {
                lr: *lr,
                momentum: kind.momentum_name().map_or(0.0, number),
                second: number(if kind == OptimizerKind::RmsProp { "alpha" } else { "beta2" }),
                eps: number("eps"),
                weight_decay: number("weight_decay"),
                nesterov: case.nesterov,
                share: 0.0,
                update: update as u64,
            };
            let mut gradient = f32s(gradient);
            if let Some(clip) = case.clip_norm {
                let norm = rule::norm(Arch::new(), 1, &gradient);
                rule::scale(Arch::new(), &mut gradient, (clip / (norm + 1e-6)).min(1.0) as f32);
            }
            let before = parameters.clone();
            let buffers = rule::split(kind, 6, &mut buffers);
            let format = WeightFormat::F32;
            let applied =
                rule::apply(Arch::new(), 1, kind, numbers, format, &mut parameters, &mut gradient, buffers);
            for (ours, theirs) in parameters.iter().zip(&case.parameters[update]) {
                let error = (f64::from(*ours) - theirs).abs() / theirs.abs().max(1.0);
                assert!(error < 3e-6, "{}, update {update}: {ours} is not {theirs}", case.name);
            }
            let moved: f64 = parameters.iter().zip(&before).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            assert!(
                (applied.update_norm - moved.sqrt()).abs() <= 1e-6 * (1.0 + moved.sqrt()),
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn schedule_free_follows_its_authors() {
    let golden = golden();
    assert_eq!(golden.schedule_free.len(), 16);
    for case in &golden.schedule_free {
        let (_, kind) = OptimizerKind::ALL.into_iter().find(|(name, _)| *name == case.kind).unwrap();
        let start = f32s(&golden.start);
        let mut x = start.clone();
        let mut buffers = vec![0.0; 6 * rule::buffers(kind)];
        buffers[..6].copy_from_slice(&start);
        buffers[6..12].copy_from_slice(&start);
        let mut averaging = rule::Averaging::default();
        for (update, (gradient, rate)) in golden.gradients.iter().zip(&case.rates).enumerate() {
            // The package's own warmup, as the schedule of a run would write it.
            let warmup = ((update + 1) as f64 / case.warmup_updates.max(1) as f64).min(1.0);
            let lr = rate * warmup;
            let number = |name: &str| case.numbers.get(name).copied().unwrap_or(0.0);
            let numbers = Numbers {
                lr,
                momentum: kind.momentum_name().map_or(0.0, number),
                second: number("beta2"),
                eps: number("eps"),
                weight_decay: number("weight_decay"),
                nesterov: false,
                share: averaging.share(lr),
                update: update as u64,
            };
            let mut gradient = f32s(gradient);
            let split = rule::split(kind, 6, &mut buffers);
            rule::apply(Arch::new(), 1, kind, numbers, WeightFormat::F32, &mut x, &mut gradient, split);
            for (name, ours, theirs) in
                [("x", &x[..], &case.x), ("z", &buffers[..6], &case.z), ("y", &buffers[6..12], &case.y)]
            {
                for (ours, theirs) in ours.iter().zip(&theirs[update]) {
                    let error = (f64::from(*ours) - theirs).abs() / theirs.abs().max(1.0);
                    assert!(error < 3e-6, "{} {name}, update {update}: {ours} is not {theirs}", case.kind);
                }
            }
        }
    }
}

#[test]
fn a_long_row_is_updated_like_a_short_one() {
    // Whole vectors and the tail meet the same arithmetic.
    for kind in OptimizerKind::ALL.map(|(_, kind)| kind) {
        let numbers = Numbers {
            lr: 0.1,
            momentum: 0.9,
            second: 0.99,
            eps: 1e-8,
            weight_decay: 0.01,
            nesterov: false,
            share: 0.25,
            update: 0,
        };
        let apply = |parameters: &mut [f32], gradient: &[f32]| {
            let n = parameters.len();
            let mut buffers: Vec<f32> =
                (0..rule::buffers(kind)).flat_map(|at| vec![0.1 * (at + 1) as f32; n]).collect();
            let buffers = rule::split(kind, n, &mut buffers);
            let mut gradient = gradient.to_vec();
            rule::apply(Arch::new(), 1, kind, numbers, WeightFormat::F32, parameters, &mut gradient, buffers)
        };
        let start: Vec<f32> = (0..37).map(|i| i as f32 * 0.1 - 2.0).collect();
        let gradient: Vec<f32> = (0..37).map(|i| ((i * 7) % 5) as f32 - 2.0).collect();
        let mut together = start.clone();
        apply(&mut together, &gradient);
        for at in 0..37 {
            let mut alone = [start[at]];
            apply(&mut alone, &gradient[at..=at]);
            assert_eq!(alone[0].to_bits(), together[at].to_bits(), "{kind:?} at {at}");
        }
    }
}

#[test]
fn small_updates_round_away_in_short_formats() {
    let numbers = Numbers {
        lr: 1e-4,
        momentum: 0.0,
        second: 0.0,
        eps: 0.0,
        weight_decay: 0.0,
        nesterov: false,
        share: 0.0,
        update: 0,
    };
    let lost = |format| {
        let mut parameters = [1.0_f32; 32];
        let mut gradient = [1.0; 32];
        gradient[..8].fill(1000.0);
        let mut first = [0.0; 32];
        let kind = OptimizerKind::Sgd;
        let buffers = [&mut first[..], &mut [], &mut []];
        rule::apply(Arch::new(), 1, kind, numbers, format, &mut parameters, &mut gradient, buffers)
            .rounded_away
    };
    assert_eq!(lost(WeightFormat::F32), 0);
    assert_eq!(lost(WeightFormat::F16), 24);
    assert_eq!(lost(WeightFormat::Bf16), 24);
}

#[test]
fn any_number_of_cores_makes_the_same_update() {
    let n = 100_003;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for kind in OptimizerKind::ALL.map(|(_, kind)| kind) {
        let numbers = Numbers {
            lr: 0.01,
            momentum: 0.9,
            second: 0.99,
            eps: 1e-8,
            weight_decay: 0.01,
            nesterov: true,
            share: 0.1,
            update: 3,
        };
        let update = |cores: usize| {
            let number = |i: usize| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0;
            let mut parameters: Vec<f32> = (0..n).map(number).collect();
            let mut gradient: Vec<f32> = (0..n).map(|i| number(i + 5)).collect();
            let mut buffers: Vec<f32> = (0..n * rule::buffers(kind)).map(|i| number(i).abs()).collect();
            let norm = rule::norm(Arch::new(), cores, &gradient);
            let split = rule::split(kind, n, &mut buffers);
            let format = WeightFormat::Bf16;
            let applied =
                rule::apply(Arch::new(), cores, kind, numbers, format, &mut parameters, &mut gradient, split);
            let rows = [parameters, buffers].concat();
            let bits: Vec<u32> = rows.iter().map(|number| number.to_bits()).collect();
            (norm.to_bits(), applied.update_norm.to_bits(), applied.rounded_away, bits)
        };
        let alone = update(1);
        for cores in [2, 3, 8] {
            assert!(pool.install(|| update(cores)) == alone, "{kind:?} on {cores} cores");
        }
    }
}
