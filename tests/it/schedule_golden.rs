//! Every `torch` entry of `tests/golden/schedules.json`, update by update.
//!
//! The file was made by running each framework's own scheduler source, as its `note` says: for PyTorch,
//! `torch/optim/lr_scheduler.py` of the version in each entry, unmodified, over a stub optimizer; value
//! `i` is the rate in the optimizer when update `i` is made. Here each entry's arguments become the kind
//! that claims to be the same, and all of its values have to agree to 1e-12.

use anneal_studio::schedule::kind::{
    After, Anneal, Choice, Constant, Cosine, CosineRestarts, Cyclic, Exponential, Linear, Multistep,
    OneCycle, Part, Polynomial, Product, Sequence, Step, Triangles,
};
use anneal_studio::schedule::plateau::{Plateau, PlateauRule};
use anneal_studio::schedule::{Clock, Curve, Kind, Schedule, Span};
use serde_json::Value;

const GOLDEN: &str = include_str!("../golden/schedules.json");
/// PyTorch 2.15.0's entries in the file; a lower count would mean that some were skipped.
const TORCH_ENTRIES: usize = 34;

fn torch_entries() -> Vec<Value> {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    assert!(golden["note"].as_str().unwrap().contains("running each framework's own scheduler"));
    let entries = golden["entries"].as_array().unwrap().clone();
    entries.into_iter().filter(|entry| entry["framework"] == "torch").collect()
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn updates(count: f64) -> Span {
    Span::Updates(count)
}

/// The schedule that an entry's arguments stand for, or `None` for the metric-driven one.
fn schedule_of(entry: &Value) -> Option<Schedule> {
    let args = &entry["args"];
    let number = |name: &str, default: f64| args[name].as_f64().unwrap_or(default);
    let length = |name: &str| updates(args[name].as_f64().unwrap());
    let base = number("base_lr", f64::NAN);
    let name = entry["schedule"].as_str().unwrap();
    Some(Schedule::from(match name {
        "OneCycleLR" => Kind::OneCycle(OneCycle {
            peak: number("max_lr", f64::NAN),
            over: Some(length("total_steps")),
            pct_start: number("pct_start", 0.3),
            div_factor: number("div_factor", 25.0),
            final_div_factor: number("final_div_factor", 1e4),
            anneal: args["anneal_strategy"].as_str().and_then(Anneal::named).unwrap_or(Anneal::Cosine),
            three_phase: args["three_phase"] == true,
        }),
        "CyclicLR" => Kind::Cyclic(Cyclic {
            floor: number("base_lr_", f64::NAN),
            peak: number("max_lr", f64::NAN),
            up: length("step_size_up"),
            down: args["step_size_down"].as_f64().map(updates),
            mode: Triangles::named(args["mode"].as_str().unwrap_or("triangular")).unwrap(),
            gamma: number("gamma", 1.0),
        }),
        "CosineAnnealingLR" => Kind::Cosine(Cosine {
            peak: base,
            floor: number("eta_min", 0.0),
            over: Some(length("T_max")),
            after: After::Rebound,
            power: 1.0,
        }),
        "CosineAnnealingWarmRestarts" => Kind::CosineRestarts(CosineRestarts {
            peak: base,
            floor: number("eta_min", 0.0),
            first: length("T_0"),
            mult: number("T_mult", 1.0),
            peak_decay: 1.0,
            cycle_warmup: None,
        }),
        "LinearLR" => linear(base, number("start_factor", 1.0 / 3.0), 1.0, length("total_iters")),
        "ConstantLR" => {
            sequence([(length("total_iters"), constant(base * number("factor", 1.0 / 3.0)))], constant(base))
        }
        "ExponentialLR" => Kind::Exponential(Exponential { peak: base, gamma: number("gamma", f64::NAN) }),
        "PolynomialLR" => polynomial(base, number("power", 1.0), 0.0, length("total_iters")),
        "StepLR" => Kind::Step(Step { peak: base, every: length("step_size"), gamma: number("gamma", 0.1) }),
        "MultiStepLR" => Kind::Multistep(Multistep {
            peak: base,
            milestones: numbers(&args["milestones"]).into_iter().map(updates).collect(),
            gamma: number("gamma", 0.1),
        }),
        // Its recursion is a descent from the optimizer's rate to `swa_lr`, then flat.
        "SWALR" if args["anneal_strategy"] == "cos" => Kind::Cosine(Cosine {
            peak: base,
            floor: number("swa_lr", f64::NAN),
            over: Some(length("anneal_epochs")),
            after: After::Hold,
            power: 1.0,
        }),
        "SWALR" => polynomial(base, 1.0, number("swa_lr", f64::NAN), length("anneal_epochs")),
        "SequentialLR[LinearLR(.1,4),CosineAnnealingLR(6)]@4" => sequence(
            [(updates(4.0), linear(base, 0.1, 1.0, updates(4.0)))],
            Kind::Cosine(Cosine {
                peak: base,
                floor: 0.0,
                over: Some(updates(6.0)),
                after: After::Rebound,
                power: 1.0,
            }),
        ),
        "SequentialLR[LinearLR(.25,3),ConstantLR(1,1),LinearLR(1,0,4)]@3,6 (WSD linear)" => sequence(
            [(updates(3.0), linear(base, 0.25, 1.0, updates(3.0))), (updates(3.0), constant(base))],
            linear(base, 1.0, 0.0, updates(4.0)),
        ),
        "ChainedScheduler[LinearLR(.1,4),ExponentialLR(.9)]" => Kind::Product(Product {
            of: vec![
                linear(base, 0.1, 1.0, updates(4.0)).into(),
                Kind::Exponential(Exponential { peak: 1.0, gamma: 0.9 }).into(),
            ],
        }),
        "ReduceLROnPlateau" => return None,
        other => panic!("the table has no kind for {other}"),
    }))
}

fn constant(peak: f64) -> Kind {
    Kind::Constant(Constant { peak })
}

fn linear(peak: f64, from: f64, to: f64, over: Span) -> Kind {
    Kind::Linear(Linear { peak, from, to, over: Some(over) })
}

fn polynomial(peak: f64, power: f64, floor: f64, over: Span) -> Kind {
    Kind::Polynomial(Polynomial { peak, power, floor, over: Some(over) })
}

fn sequence<const N: usize>(parts: [(Span, Kind); N], last: Kind) -> Kind {
    let parts = parts.into_iter().map(|(length, kind)| (Some(length), kind)).chain([(None, last)]);
    Kind::Sequence(Sequence { parts: parts.map(|(length, kind)| Part::new(length, kind.into())).collect() })
}

fn curve(schedule: &Schedule, updates: usize) -> Curve {
    let clock = Clock { updates: updates as u64, updates_per_epoch: 10 };
    schedule.resolve(clock).unwrap()
}

fn assert_same(what: &str, ours: impl Iterator<Item = f64>, theirs: &[f64]) {
    for (update, (ours, theirs)) in ours.zip(theirs).enumerate() {
        assert!(
            (ours - theirs).abs() <= 1e-12 * theirs.abs(),
            "{what}, update {update}: {ours:?} instead of {theirs:?}"
        );
    }
}

#[test]
fn every_torch_entry_has_its_values() {
    let entries = torch_entries();
    assert_eq!(entries.len(), TORCH_ENTRIES);
    let mut compared = 0;
    for entry in &entries {
        let what = format!("{} {}", entry["schedule"], entry["args"]);
        let rates = numbers(&entry["lr"]);
        match schedule_of(entry) {
            Some(schedule) => {
                let curve = curve(&schedule, rates.len());
                assert_same(&what, (0..).map(|update| curve.at(update)), &rates);
            }
            None => assert_eq!(plateau_trace(entry), rates, "{what}"),
        }
        compared += 1;
    }
    assert_eq!(compared, TORCH_ENTRIES);
}

#[test]
fn every_torch_momentum_is_mirrored() {
    let mut compared = 0;
    for entry in torch_entries() {
        if entry["momentum"].is_null() {
            continue;
        }
        let momentum = numbers(&entry["momentum"]);
        // The defaults of the two classes' base_momentum and max_momentum.
        let (low, high) = if entry["schedule"] == "CyclicLR" { (0.8, 0.9) } else { (0.85, 0.95) };
        let curve = curve(&schedule_of(&entry).unwrap(), momentum.len());
        let ours = (0..).map(|update| curve.mirror(update, low, high));
        // Without a cosine or a power, whose last bit is the platform's, every bit is PyTorch's.
        let args = &entry["args"];
        if args["anneal_strategy"] == "linear" || args["step_size_up"].is_u64() && args["gamma"].is_null() {
            assert_eq!(ours.clone().take(momentum.len()).collect::<Vec<_>>(), momentum);
        }
        assert_same(&format!("{} {}", entry["schedule"], entry["args"]), ours, &momentum);
        compared += 1;
    }
    assert_eq!(compared, 16);
}

/// The rate after each reported metric. Exactly PyTorch's, so the rates are compared with `==`.
fn plateau_trace(entry: &Value) -> Vec<f64> {
    let args = &entry["args"];
    let mut plateau = Plateau::new(PlateauRule {
        factor: args["factor"].as_f64().unwrap(),
        patience: args["patience"].as_u64().unwrap(),
        cooldown: args["cooldown"].as_u64().unwrap_or(0),
        threshold: args["threshold"].as_f64().unwrap_or(1e-4),
        ..PlateauRule::default()
    })
    .unwrap();
    numbers(&entry["metrics"])
        .into_iter()
        .map(|metric| {
            plateau.report(metric, 1.0);
            plateau.rate(1.0)
        })
        .collect()
}
