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
        let (mut first, mut second) = (vec![0.0; 6], vec![0.0; 6]);
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
                update: update as u64,
            };
            let mut gradient = f32s(gradient);
            if let Some(clip) = case.clip_norm {
                let norm = rule::norm(Arch::new(), &gradient);
                rule::scale(Arch::new(), &mut gradient, (clip / (norm + 1e-6)).min(1.0) as f32);
            }
            let before = parameters.clone();
            let second: &mut [f32] = if rule::buffers(kind) > 1 { &mut second } else { &mut [] };
            let f32s = WeightFormat::F32;
            let applied =
                rule::apply(Arch::new(), kind, numbers, f32s, &mut parameters, &gradient, &mut first, second);
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
            update: 0,
        };
        let apply = |parameters: &mut [f32], gradient: &[f32]| {
            let n = parameters.len();
            let (mut first, mut second) =
                (vec![0.1; n], vec![0.2; if rule::buffers(kind) > 1 { n } else { 0 }]);
            rule::apply(
                Arch::new(),
                kind,
                numbers,
                WeightFormat::F32,
                parameters,
                gradient,
                &mut first,
                &mut second,
            )
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
        update: 0,
    };
    let lost = |format| {
        let mut parameters = [1.0_f32; 32];
        let mut gradient = [1.0; 32];
        gradient[..8].fill(1000.0);
        let mut first = [0.0; 32];
        let kind = OptimizerKind::Sgd;
        rule::apply(Arch::new(), kind, numbers, format, &mut parameters, &gradient, &mut first, &mut [])
            .rounded_away
    };
    assert_eq!(lost(WeightFormat::F32), 0);
    assert_eq!(lost(WeightFormat::F16), 24);
    assert_eq!(lost(WeightFormat::Bf16), 24);
}
