//! The shapes that come from other frameworks than PyTorch, against those frameworks' values in
//! `tests/golden/schedules.json` (made by running their own scheduler source, as its `note` says) and,
//! where none are there, against the formula in the shape's documentation written out anew.

use std::f64::consts::PI;

use anneal_studio::schedule::kind::{
    After, Bent, Constant, Cosine, CosineRestarts, Decay, Exponential, InverseSqrt, KDecay, Part, Power,
    Product, Sequence, Tanh, Wsd,
};
use anneal_studio::schedule::{Clock, Cooldown, Curve, Joins, Kind, Ramp, Schedule, Span, Warmup};
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("../golden/schedules.json");

/// The values of the only entry of this framework and schedule with these arguments.
fn golden(framework: &str, schedule: &str, args: &Value) -> Vec<f64> {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let mut found = golden["entries"].as_array().unwrap().iter().filter(|entry| {
        entry["framework"] == framework && entry["schedule"] == schedule && entry["args"] == *args
    });
    let entry = found.next().unwrap_or_else(|| panic!("no {framework} {schedule} {args}"));
    assert!(found.next().is_none());
    entry["lr"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect()
}

fn updates(count: u32) -> Span {
    Span::Updates(f64::from(count))
}

fn curve(schedule: impl Into<Schedule>, updates: u64) -> Curve {
    schedule.into().resolve(Clock { updates, updates_per_epoch: 10 }).unwrap()
}

fn assert_same(curve: &Curve, values: &[f64]) {
    for (update, value) in (0..).zip(values) {
        let ours = curve.at(update);
        assert!((ours - value).abs() <= 1e-12, "update {update}: {ours:?} instead of {value:?}");
    }
}

fn tanh(over: u32) -> Tanh {
    Tanh { peak: 1.0, floor: 0.0, over: Some(updates(over)), lower: -7.0, upper: 3.0 }
}

fn wsd(decay: u32, floor: f64, shape: Decay) -> Kind {
    Kind::Wsd(Wsd { peak: 1.0, floor, decay: updates(decay), shape })
}

fn constant(peak: f64) -> Kind {
    Kind::Constant(Constant { peak })
}

fn warmup(over: u32, from: f64, shape: Ramp) -> Option<Warmup> {
    Some(Warmup::new(updates(over), from, shape))
}

#[test]
fn tanh_is_timms() {
    let mut values = golden("timm", "tanh", &json!({ "t_initial": 10, "base_lr": 1.0 }));
    // The first rate of a run is what the constructor leaves in the optimizer; the schedule begins with its formula.
    assert_eq!(values[0], 1.0);
    values[0] = 0.5 * (1.0 - (-7.0_f64).tanh());
    assert_same(&curve(Kind::Tanh(tanh(10)), 10), &values);
    let early = Kind::Tanh(Tanh { lower: -4.0, ..tanh(10) });
    let first = curve(early.clone(), 10).at(0);
    assert!((first - 0.5 * (1.0 - (-4.0_f64).tanh())).abs() < 1e-15 && (1.0 - first - 3.35e-4).abs() < 1e-6);
    // A warmup still climbs to the peak.
    let warmed = Schedule { warmup: warmup(5, 0.0, Ramp::Linear), ..early.into() };
    assert_eq!(curve(warmed, 15).at(4), 0.8);
    let low = Tanh { floor: 0.25, ..tanh(10) };
    let curve = curve(Kind::Tanh(low), 10);
    assert_eq!(curve.at(10), 0.25);
    assert!((curve.at(9) - (0.25 + 0.75 * values[9])).abs() < 1e-15);
}

#[test]
fn k_decay_of_a_cosine_is_timms() {
    let values = golden("timm", "cosine", &json!({ "t_initial": 5, "k_decay": 2.0, "base_lr": 1.0 }));
    let kind =
        KDecay { peak: 1.0, floor: 0.0, over: Some(updates(5)), k: 2.0, shape: Bent::Cosine, power: 1.0 };
    assert_same(&curve(Kind::KDecay(kind), 5), &values);
}

#[test]
fn k_decay_of_a_polynomial_is_its_formula_and_timms_where_k_is_1() {
    let kind = |k, power| KDecay {
        peak: 1.0,
        floor: 0.1,
        over: Some(updates(5)),
        k,
        shape: Bent::Polynomial,
        power,
    };
    let values: Vec<f64> = (0..5)
        .map(|t| 0.1 + 0.9 * (1.0 - f64::from(t).powf(1.5) / 5_f64.powf(1.5)).powf(2.0))
        .chain([0.1, 0.1])
        .collect();
    assert_same(&curve(Kind::KDecay(kind(1.5, 2.0)), 5), &values);
    let values = golden("timm", "poly", &json!({ "t_initial": 5, "power": 0.5, "base_lr": 1.0 }));
    let plain = KDecay { floor: 0.0, ..kind(1.0, 0.5) };
    assert_same(&curve(Kind::KDecay(plain), 5), &values);
}

#[test]
fn power_times_wsd_is_timms_stable_power() {
    // timm's floor is 0.01 here; the product's is 0, so their decays agree after taking the floor out.
    let args = json!({ "t_initial": 8, "decay_t": 4, "warmup_t": 4, "stable_fn": "power",
        "decay_fn": "cosine", "lr_min": 0.01, "base_lr": 1.0 });
    let values = golden("timm", "wsd", &args);
    let power = Kind::Power(Power { peak: 1.0, timescale: updates(4), exponent: 0.5, floor: 0.0 });
    let stable = curve(power.clone(), 8);
    let of = vec![power.into(), wsd(4, 0.0, Decay::Cosine).into()];
    let both = Schedule { warmup: warmup(4, 0.0, Ramp::Linear), ..Kind::Product(Product { of }).into() };
    let both = curve(both, 12);
    for (update, value) in (0..12).zip(&values) {
        let floor = match update {
            0..=8 => 0.0,
            _ => 0.01 * (1.0 - both.at(update) / stable.at(update - 4)),
        };
        assert!((both.at(update) + floor - value).abs() < 1e-12, "update {update}");
    }
    let steep =
        curve(Kind::Power(Power { peak: 2.0, timescale: updates(3), exponent: 1.5, floor: 0.0 }), 100);
    assert!((steep.at(9) - 2.0 / 8.0).abs() < 1e-15);
}

#[test]
fn wsd_with_a_cosine_is_fastais_flat_cos() {
    let values = golden("fastai", "fit_flat_cos", &json!({ "steps": 16, "lr": 1.0 }));
    assert_same(&curve(wsd(4, 1e-5, Decay::Cosine), 16), &values);
}

#[test]
fn a_logarithmic_warmup_is_deepspeeds_one_update_earlier() {
    let args = json!({ "warmup_num_steps": 5, "warmup_max_lr": 1.0 });
    let values = golden("deepspeed", "WarmupLR", &args);
    let warm = Schedule { warmup: warmup(4, 0.0, Ramp::Logarithmic), ..constant(1.0).into() };
    assert_same(&curve(warm.clone(), 20), &values[1..]);
    // With the lag it is a sequence.
    let parts = vec![Part::new(Some(updates(1)), constant(0.0).into()), Part::new(None, warm)];
    assert_same(&curve(Kind::Sequence(Sequence { parts }), 20), &values);
}

#[test]
fn quadratic_and_logarithmic_ramps_are_their_formulas() {
    let quadratic = Schedule { warmup: warmup(10, 0.2, Ramp::Quadratic), ..constant(2.0).into() };
    let logarithmic = Schedule { warmup: warmup(10, 0.2, Ramp::Logarithmic), ..constant(2.0).into() };
    for e in 0..=10_u32 {
        let share = (f64::from(e) / 10.0).powi(2);
        let rate = curve(quadratic.clone(), 20).at(u64::from(e));
        assert!((rate - 2.0 * (0.2 + 0.8 * share)).abs() < 1e-15);
        let share = (1.0 + f64::from(e)).ln() / 11_f64.ln();
        let rate = curve(logarithmic.clone(), 20).at(u64::from(e));
        assert!((rate - 2.0 * (0.2 + 0.8 * share)).abs() < 1e-15);
    }
    let cooldown = Some(Cooldown { over: updates(10), to: 0.0, shape: Ramp::Logarithmic });
    let cooled = curve(Schedule { cooldown, ..constant(1.0).into() }, 20);
    assert_eq!((cooled.at(9), cooled.at(10), cooled.at(20)), (1.0, 1.0, 0.0));
    assert!((cooled.at(15) - 6_f64.ln() / 11_f64.ln()).abs() < 1e-15);
}

#[test]
fn every_cycle_can_have_its_own_warmup() {
    let kind = CosineRestarts {
        peak: 1.0,
        floor: 0.1,
        first: updates(10),
        mult: 2.0,
        peak_decay: 0.5,
        cycle_warmup: Some(updates(4)),
    };
    let curve = curve(Kind::CosineRestarts(kind.clone()), 70);
    // The formula of the katsura-jp package's CosineAnnealingWarmupRestarts.
    for (start, length, peak) in [(0_u64, 10_u64, 1.0), (10, 20, 0.5), (30, 40, 0.25)] {
        for elapsed in 0..length {
            let e = elapsed as f64;
            let expected = if elapsed < 4 {
                (peak - 0.1) * e / 4.0 + 0.1
            } else {
                let share = (e - 4.0) / (length as f64 - 4.0);
                0.1 + (peak - 0.1) * (1.0 + (PI * share).cos()) / 2.0
            };
            assert!((curve.at(start + elapsed) - expected).abs() < 1e-15, "{start} {elapsed}");
        }
    }
    assert_eq!(curve.cycle_ends(70), [9, 29, 69]);
    let phases: Vec<u64> = curve.landmarks().iter().map(|landmark| landmark.update).collect();
    assert_eq!(phases, [4, 10, 14, 30, 34]);
    let long = CosineRestarts { cycle_warmup: Some(updates(10)), ..kind };
    let curve = self::curve(Kind::CosineRestarts(long), 70);
    // A warmup as long as the cycle still leaves its last tick to the peak.
    assert_eq!((curve.at(0), curve.at(9), curve.at(10)), (0.1, 1.0, 0.1));
}

#[test]
fn a_warmup_over_the_schedule_hides_its_beginning() {
    // `--epochs 12 --warmup-epochs 4 --warmup-lr 0.1` without --warmup-prefix.
    let args = json!({ "t_initial": 12, "warmup_t": 4, "warmup_lr_init": 0.1, "base_lr": 1.0 });
    let values = golden("timm", "cosine", &args);
    let cosine = Kind::Cosine(Cosine { peak: 1.0, floor: 0.0, over: None, after: After::Hold, power: 1.0 });
    let with = |joins, from| {
        let climb = Warmup { joins, ..Warmup::new(updates(4), from, Ramp::Linear) };
        curve(Schedule { warmup: Some(climb), ..cosine.clone().into() }, 12)
    };
    assert_same(&with(Joins::Over, 0.1), &values);
    // fvcore's WarmupParamScheduler(rescale_interval=False) meets the schedule where it is by then.
    let (into, bare) = (with(Joins::Into, 0.5), curve(cosine.clone(), 12));
    for update in 0..12_u32 {
        let met = bare.at(4) * (0.5 + 0.5 * f64::from(update) / 4.0);
        let expected = if update < 4 { met } else { bare.at(u64::from(update)) };
        assert!((into.at(u64::from(update)) - expected).abs() < 1e-15, "update {update}");
    }
    assert_eq!(with(Joins::Over, 0.1).landmarks()[0].update, 4);
}

#[test]
fn lengths_with_a_fraction_are_not_rounded() {
    let rate = |kind: Kind, tick| curve(kind, 200).at(tick);
    // Three restarts in 53 updates, and three in 7: the second begins on update 7/3 and on update 7 exactly.
    let restarts = |first: f64| {
        let first = Span::Updates(first);
        let kind =
            CosineRestarts { peak: 1.0, floor: 0.0, first, mult: 1.0, peak_decay: 1.0, cycle_warmup: None };
        Kind::CosineRestarts(kind)
    };
    let share =
        |tick: f64, cycles: f64, total: f64| 0.5 * (1.0 + (PI * ((cycles * tick / total) % 1.0)).cos());
    for tick in 0..53_u32 {
        let expected = share(f64::from(tick), 3.0, 53.0);
        assert!((rate(restarts(53.0 / 3.0), u64::from(tick)) - expected).abs() < 1e-12, "update {tick}");
    }
    assert_eq!(rate(restarts(7.0 / 3.0), 7), 1.0);
    let power = Power { peak: 0.1, timescale: Span::Updates(25.0 / 2.4), exponent: 1.0, floor: 0.0 };
    assert!((rate(Kind::Power(power.clone()), 150) - 0.1 / (1.0 + 2.4 * 150.0 / 25.0)).abs() < 1e-15);
    let half = Power { floor: 0.02, ..power };
    assert_eq!(rate(Kind::Power(half), 150), 0.02);
    // A share of the run stays whole updates, as it was.
    let part = |decay| curve(Kind::Wsd(Wsd { peak: 1.0, floor: 0.0, decay, shape: Decay::Linear }), 53);
    assert_eq!(part(Span::Percent(25.0)).at(41), part(Span::Updates(13.0)).at(41));
    assert!(part(Span::Updates(13.25)).at(41) < part(Span::Updates(13.0)).at(41));
}

#[test]
fn rates_may_grow_and_floors_hold() {
    let growing = Kind::Exponential(Exponential { peak: 1e-3, gamma: 1.1 });
    assert!((curve(growing.clone(), 100).at(50) - 1e-3 * 1.1_f64.powi(50)).abs() < 1e-12);
    assert!(curve(growing, 100).at(u64::MAX).is_finite());
    let root = InverseSqrt { peak: 1.0, timescale: updates(4), floor: 0.25 };
    let root = curve(Kind::InverseSqrt(root), 100);
    assert_eq!((root.at(12), root.at(60), root.at(99)), (0.5, 0.25, 0.25));
    let bent = Cosine { peak: 0.3, floor: 0.03, over: Some(updates(80)), after: After::Hold, power: 2.5 };
    let expected = 0.03 + 0.27 * (0.5 * (1.0 + (PI * 0.25).cos())).powf(2.5);
    assert!((curve(Kind::Cosine(bent), 100).at(20) - expected).abs() < 1e-15);
    // Cycles whose peak falls below the floor climb to it, as timm's do.
    let cycles = CosineRestarts {
        peak: 0.4,
        floor: 0.03,
        first: updates(10),
        mult: 1.0,
        peak_decay: 0.25,
        cycle_warmup: None,
    };
    let cycles = curve(Kind::CosineRestarts(cycles), 30);
    assert!((cycles.at(20) - 0.4 * 0.0625).abs() < 1e-15 && cycles.at(29) > cycles.at(20));
}
