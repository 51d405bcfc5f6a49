//! All entries of `tests/golden/schedules.json`, reproduced by the simulators.
//!
//! The file was made by running each framework's own scheduler source (its `note` says how); value `i` is
//! the rate in the optimizer when update `i` is made. Keras, in single precision, agrees to
//! 1e-6 of the peak, the others to 1e-12.

use anneal_studio::export::simulate::{
    axolotl, deepspeed, fastai, hugging_face, keras, megatron, optax, pytorch_optimizer, timm, torch,
};
use anneal_studio::schedule::kind::{Choice, Triangles};
use anneal_studio::schedule::plateau::{Plateau, PlateauRule};
use serde_json::Value;

const GOLDEN: &str = include_str!("../../golden/schedules.json");

/// How many entries each framework has; fewer would mean that some were skipped.
const ENTRIES: [(&str, usize); 10] = [
    ("torch", 34),
    ("timm", 24),
    ("transformers", 18),
    ("optax", 13),
    ("keras", 9),
    ("megatron-core", 8),
    ("deepspeed", 7),
    ("fastai", 3),
    ("axolotl", 2),
    ("pytorch_optimizer", 1),
];

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn each(updates: u64, at: impl Fn(u64) -> f64) -> Vec<f64> {
    (0..updates).map(at).collect()
}

/// An entry's arguments by name, with the framework's defaults.
struct Args<'a>(&'a Value);

impl Args<'_> {
    fn number(&self, name: &str, default: f64) -> f64 {
        self.0[name].as_f64().unwrap_or(default)
    }

    fn count(&self, name: &str, default: u64) -> u64 {
        self.0[name].as_u64().unwrap_or(default)
    }

    fn text(&self, name: &str, default: &'static str, choices: &[&'static str]) -> &'static str {
        match self.0[name].as_str() {
            None => default,
            Some(found) => choices.iter().find(|choice| **choice == found).unwrap(),
        }
    }
}

fn torch_numbers(entry: &Value, updates: u64) -> torch::Numbers {
    use torch::Scheduler::{
        Chained, Constant, Cosine, CosineRestarts, Cyclic, Exponential, Linear, MultiStep, OneCycle,
        Polynomial, Sequential, Step, Swa,
    };
    let args = Args(&entry["args"]);
    let linear = |start_factor, end_factor, total_iters| Linear { start_factor, end_factor, total_iters };
    let scheduler = match entry["schedule"].as_str().unwrap() {
        "OneCycleLR" => OneCycle(torch::OneCycle {
            max_lr: args.number("max_lr", 0.0),
            total_steps: args.count("total_steps", 0),
            pct_start: args.number("pct_start", 0.3),
            cosine: entry["args"]["anneal_strategy"] != "linear",
            three_phase: entry["args"]["three_phase"] == true,
            div_factor: 25.0,
            final_div_factor: 1e4,
            momentum: Some((0.85, 0.95)),
        }),
        "CyclicLR" => Cyclic(torch::Cyclic {
            base_lr: args.number("base_lr_", 0.0),
            max_lr: args.number("max_lr", 0.0),
            step_size_up: args.count("step_size_up", 0),
            step_size_down: args.count("step_size_down", args.count("step_size_up", 0)),
            mode: Triangles::named(args.text("mode", "triangular", &["triangular2", "exp_range"])).unwrap(),
            gamma: args.number("gamma", 1.0),
            momentum: Some((0.8, 0.9)),
        }),
        "CosineAnnealingLR" => Cosine { t_max: args.count("T_max", 0), eta_min: args.number("eta_min", 0.0) },
        "CosineAnnealingWarmRestarts" => CosineRestarts {
            t_0: args.count("T_0", 0),
            t_mult: args.count("T_mult", 1),
            eta_min: args.number("eta_min", 0.0),
        },
        "LinearLR" => linear(args.number("start_factor", 0.0), 1.0, args.count("total_iters", 5)),
        "ConstantLR" => {
            Constant { factor: args.number("factor", 0.0), total_iters: args.count("total_iters", 5) }
        }
        "ExponentialLR" => Exponential { gamma: args.number("gamma", 0.0) },
        "PolynomialLR" => {
            Polynomial { total_iters: args.count("total_iters", 5), power: args.number("power", 1.0) }
        }
        "StepLR" => Step { step_size: args.count("step_size", 0), gamma: args.number("gamma", 0.1) },
        "MultiStepLR" => MultiStep {
            milestones: numbers(&entry["args"]["milestones"]).into_iter().map(|at| at as u64).collect(),
            gamma: args.number("gamma", 0.1),
        },
        "SWALR" => Swa {
            swa_lr: args.number("swa_lr", 0.0),
            anneal_epochs: args.count("anneal_epochs", 10),
            cosine: entry["args"]["anneal_strategy"] == "cos",
        },
        "SequentialLR[LinearLR(.1,4),CosineAnnealingLR(6)]@4" => Sequential {
            schedulers: vec![linear(0.1, 1.0, 4), Cosine { t_max: 6, eta_min: 0.0 }],
            milestones: vec![4],
        },
        "SequentialLR[LinearLR(.25,3),ConstantLR(1,1),LinearLR(1,0,4)]@3,6 (WSD linear)" => Sequential {
            schedulers: vec![
                linear(0.25, 1.0, 3),
                Constant { factor: 1.0, total_iters: 1 },
                linear(1.0, 0.0, 4),
            ],
            milestones: vec![3, 6],
        },
        "ChainedScheduler[LinearLR(.1,4),ExponentialLR(.9)]" => {
            Chained(vec![linear(0.1, 1.0, 4), Exponential { gamma: 0.9 }])
        }
        "ReduceLROnPlateau" => return torch::Numbers { lr: plateau(entry), momentum: Vec::new() },
        other => panic!("no simulator for {other}"),
    };
    torch::numbers(&scheduler, args.number("base_lr", 1.0), updates)
}

/// The rate after each reported metric.
fn plateau(entry: &Value) -> Vec<f64> {
    let args = Args(&entry["args"]);
    let mut plateau = Plateau::new(PlateauRule {
        factor: args.number("factor", 0.1),
        patience: args.count("patience", 10),
        cooldown: args.count("cooldown", 0),
        threshold: args.number("threshold", 1e-4),
        ..PlateauRule::default()
    })
    .unwrap();
    let reported = numbers(&entry["metrics"]).into_iter().map(|metric| {
        plateau.report(metric, 1.0);
        plateau.rate(1.0)
    });
    reported.collect()
}

fn hugging_face_kind(name: &str) -> hugging_face::Kind {
    use hugging_face::Kind;
    let name = name.split(" w4").next().unwrap();
    match name {
        "linear" => Kind::Linear,
        "cosine" => Kind::Cosine { num_cycles: 0.5 },
        "cosine_with_restarts" => Kind::CosineWithRestarts { num_cycles: 2.0 },
        "polynomial" => Kind::Polynomial { lr_end: 0.1, power: 2.0 },
        "constant_with_warmup" => Kind::ConstantWithWarmup,
        "inverse_sqrt" => Kind::InverseSqrt { timescale: 4.0 },
        "cosine_with_min_lr" => Kind::CosineWithMinLr { min_lr_rate: 0.1 },
        "cosine_warmup_with_min_lr" => Kind::CosineWarmupWithMinLr { min_lr_rate: 0.1, warmup_lr_rate: None },
        other => panic!("no simulator for {other}"),
    }
}

fn transformers(entry: &Value, updates: u64) -> Vec<f64> {
    use hugging_face::{Kind, WarmupStableDecay};
    let name = entry["schedule"].as_str().unwrap();
    let kind = if name.ends_with("warmup_lr_rate.2") {
        Kind::CosineWarmupWithMinLr { min_lr_rate: 0.1, warmup_lr_rate: Some(0.2) }
    } else if let Some(shapes) = name.strip_prefix("warmup_stable_decay w4 d4 T12 ") {
        let shape =
            |found: &str| *["linear", "cosine", "1-sqrt"].iter().find(|shape| **shape == found).unwrap();
        let (warmup, decay) = shapes.strip_suffix(" min.1").unwrap().split_once('/').unwrap();
        Kind::WarmupStableDecay(WarmupStableDecay {
            num_decay_steps: 4,
            warmup_type: shape(warmup),
            decay_type: shape(decay),
            min_lr_ratio: 0.1,
        })
    } else {
        hugging_face_kind(name)
    };
    let scheduler = hugging_face::Scheduler { kind, learning_rate: 1.0, warmup_steps: 4, training_steps: 12 };
    each(updates, |update| scheduler.at(update))
}

fn timm_rates(entry: &Value, updates: u64) -> Vec<f64> {
    use timm::{Cycle, Kind, Scheduler, Wsd};
    let args = Args(&entry["args"]);
    let cycle = Cycle {
        t_initial: args.count("t_initial", 0),
        lr_min: args.number("lr_min", 0.0),
        mul: args.number("cycle_mul", 1.0),
        decay: args.number("cycle_decay", 1.0),
        limit: args.count("cycle_limit", 1),
    };
    let k_decay = args.number("k_decay", 1.0);
    let warmup_t = args.count("warmup_t", 0);
    let kind = match entry["schedule"].as_str().unwrap() {
        "cosine" => Kind::Cosine { cycle, k_decay },
        "tanh" => Kind::Tanh { cycle, lb: -7.0, ub: 3.0 },
        "poly" => Kind::Poly { cycle, power: args.number("power", 0.5), k_decay },
        "step" => {
            Kind::Step { decay_t: args.number("decay_t", 0.0), decay_rate: args.number("decay_rate", 1.0) }
        }
        "multistep" => Kind::MultiStep {
            decay_t: numbers(&entry["args"]["decay_t"]).into_iter().map(|at| at as u64).collect(),
            decay_rate: args.number("decay_rate", 1.0),
        },
        "wsd" => Kind::Wsd(Wsd {
            t_initial: args.count("t_initial", 0),
            decay_t: args.count("decay_t", 0),
            lr_min: args.number("lr_min", 0.0),
            stable_fn: args.text("stable_fn", "constant", &["constant", "rsqrt", "power"]),
            stable_timescale: warmup_t as f64,
            stable_power: 0.5,
            decay_fn: args.text("decay_fn", "1-sqrt", &["linear", "1-sqrt", "cosine", "power", "exp"]),
            decay_power: 0.5,
            decay_ratio: 0.1,
        }),
        other => panic!("no simulator for {other}"),
    };
    let scheduler = Scheduler {
        kind,
        lr: args.number("base_lr", 1.0),
        warmup_t,
        warmup_lr_init: args.number("warmup_lr_init", 0.0),
        // The default of the two classes of steps; of the others it is false.
        warmup_prefix: match entry["schedule"].as_str().unwrap() {
            "step" | "multistep" => true,
            _ => entry["args"]["warmup_prefix"] == true,
        },
    };
    each(updates, |t| scheduler.at(t))
}

/// `warmup_cosine_decay_schedule`; `decay_steps` counts the warmup too.
fn warmup_cosine_decay(
    init: f64,
    peak: f64,
    warmup_steps: u64,
    decay_steps: u64,
    end: f64,
) -> optax::Schedule {
    let alpha = if peak == 0.0 { 0.0 } else { end / peak };
    let decay = optax::Schedule::CosineDecay {
        init_value: peak,
        decay_steps: decay_steps.saturating_sub(warmup_steps),
        alpha,
        exponent: 1.0,
    };
    optax::Schedule::Join {
        schedules: vec![optax::Schedule::linear(init, peak, warmup_steps), decay],
        boundaries: vec![warmup_steps],
    }
}

/// `cosine_onecycle_schedule`.
fn cosine_onecycle(
    transition_steps: u64,
    peak: f64,
    pct_start: f64,
    div: f64,
    final_div: f64,
) -> optax::Schedule {
    optax::Schedule::PiecewiseInterpolate {
        cosine: true,
        init_value: peak / div,
        boundaries_and_scales: vec![
            ((pct_start * transition_steps as f64) as u64, div),
            (transition_steps, 1.0 / (div * final_div)),
        ],
    }
}

/// `linear_onecycle_schedule` with its default `pct_start` 0.3 and `pct_final` 0.85.
fn linear_onecycle(transition_steps: u64, peak: f64, div: f64, final_div: f64) -> optax::Schedule {
    let at = |share: f64| (share * transition_steps as f64) as u64;
    optax::Schedule::PiecewiseInterpolate {
        cosine: false,
        init_value: peak / div,
        boundaries_and_scales: vec![
            (at(0.3), div),
            (at(0.85), 1.0 / div),
            (transition_steps, 1.0 / final_div),
        ],
    }
}

fn optax_schedule(entry: &Value) -> optax::Schedule {
    use optax::{Exponential, Schedule};
    let exponential = |transition_begin, staircase| {
        let exponential = Exponential {
            init_value: 1.0,
            transition_steps: 3,
            decay_rate: 0.5,
            transition_begin,
            staircase,
        };
        Schedule::Exponential(exponential)
    };
    let cosine = |alpha, exponent| Schedule::CosineDecay { init_value: 1.0, decay_steps: 8, alpha, exponent };
    match (entry["schedule"].as_str().unwrap(), &entry["args"]) {
        ("warmup_cosine_decay_schedule", _) => warmup_cosine_decay(0.0, 1.0, 4, 12, 0.0),
        ("cosine_decay_schedule", args) if args["exponent"].is_null() => cosine(0.1, 1.0),
        ("cosine_decay_schedule", _) => cosine(0.0, 2.0),
        ("linear_onecycle_schedule", _) => linear_onecycle(20, 1.0, 25.0, 1e4),
        ("cosine_onecycle_schedule", _) => cosine_onecycle(10, 1.0, 0.3, 25.0, 1e4),
        ("piecewise_constant_schedule", _) => {
            Schedule::PiecewiseConstant { init_value: 1.0, boundaries_and_scales: vec![(3, 0.1), (6, 0.1)] }
        }
        ("piecewise_interpolate_schedule", _) => Schedule::PiecewiseInterpolate {
            cosine: false,
            init_value: 1.0,
            boundaries_and_scales: vec![(4, 0.5), (8, 0.1)],
        },
        ("exponential_decay", args) if args.as_str().unwrap().ends_with("staircase") => exponential(0, true),
        ("exponential_decay", _) => exponential(2, false),
        ("warmup_exponential_decay_schedule", _) => Schedule::Join {
            schedules: vec![
                Schedule::linear(0.0, 1.0, 4),
                Schedule::Exponential(Exponential {
                    init_value: 1.0,
                    transition_steps: 4,
                    decay_rate: 0.5,
                    transition_begin: 0,
                    staircase: false,
                }),
            ],
            boundaries: vec![4],
        },
        ("polynomial_schedule", _) => {
            Schedule::Polynomial { init_value: 1.0, end_value: 0.1, power: 2.0, transition_steps: 8 }
        }
        ("sgdr_schedule", _) => Schedule::Join {
            schedules: vec![
                warmup_cosine_decay(0.0, 1.0, 2, 6, 0.0),
                warmup_cosine_decay(0.0, 0.5, 2, 8, 0.0),
            ],
            boundaries: vec![6],
        },
        ("join_schedules", _) => Schedule::Join {
            schedules: vec![Schedule::Constant { value: 1.0 }, Schedule::linear(0.5, 0.0, 4)],
            boundaries: vec![3],
        },
        (other, _) => panic!("no simulator for {other}"),
    }
}

fn keras_schedule(entry: &Value) -> keras::Schedule {
    use keras::{Cosine, Schedule};
    let polynomial = |decay_steps, end, power, cycle| Schedule::Polynomial {
        initial: 1.0,
        decay_steps,
        end,
        power,
        cycle,
    };
    let exponential =
        |staircase| Schedule::Exponential { initial: 1.0, decay_steps: 3, decay_rate: 0.5, staircase };
    match (entry["schedule"].as_str().unwrap(), entry["args"].as_str().unwrap()) {
        ("CosineDecay", "1,8,alpha=.1") => {
            Schedule::Cosine(Cosine { initial: 1.0, decay_steps: 8, alpha: 0.1, warmup: None })
        }
        ("CosineDecay", _) => {
            Schedule::Cosine(Cosine { initial: 0.0, decay_steps: 8, alpha: 0.0, warmup: Some((1.0, 4)) })
        }
        ("CosineDecayRestarts", _) => Schedule::CosineRestarts {
            initial: 1.0,
            first_decay_steps: 2,
            t_mul: 2.0,
            m_mul: 0.5,
            alpha: 0.0,
        },
        ("PiecewiseConstantDecay", _) => {
            Schedule::PiecewiseConstant { boundaries: vec![3, 6], values: vec![1.0, 0.1, 0.01] }
        }
        ("PolynomialDecay", "1,8,.1,2") => polynomial(8, 0.1, 2.0, false),
        ("PolynomialDecay", _) => polynomial(4, 0.0, 1.0, true),
        ("ExponentialDecay", args) => exponential(args.ends_with("staircase")),
        ("InverseTimeDecay", _) => Schedule::InverseTime { initial: 1.0, decay_steps: 3, decay_rate: 0.5 },
        (other, _) => panic!("no simulator for {other}"),
    }
}

fn deepspeed_scheduler(entry: &Value) -> deepspeed::Scheduler {
    use deepspeed::{OneCycle, Scheduler, Warmup};
    let args = Args(&entry["args"]);
    let total_num_steps = args.count("total_num_steps", 0);
    let max_lr = args.number("warmup_max_lr", 0.001);
    let warmup =
        Warmup { steps: args.count("warmup_num_steps", 1000), log: entry["args"]["warmup_type"] != "linear" };
    let first_step_size = args.count("cycle_first_step_size", 2000);
    match entry["schedule"].as_str().unwrap() {
        "WarmupLR" => Scheduler::Warmup { min_lr: 0.0, max_lr, warmup },
        "WarmupDecayLR" => Scheduler::WarmupDecay { min_lr: 0.0, max_lr, warmup, total_num_steps },
        "WarmupCosineLR" => Scheduler::WarmupCosine {
            lr: 1.0,
            warmup_min_ratio: 0.0,
            cos_min_ratio: args.number("cos_min_ratio", 1e-4),
            warmup,
            total_num_steps,
        },
        "OneCycle" => Scheduler::OneCycle(OneCycle {
            min_lr: args.number("cycle_min_lr", 0.0),
            max_lr: args.number("cycle_max_lr", 0.0),
            first_step_size,
            second_step_size: first_step_size,
            decay_step_size: args.count("decay_step_size", 0),
            decay_lr_rate: args.number("decay_lr_rate", 0.0),
            min_mom: 0.8,
            max_mom: 0.9,
            decay_mom_rate: args.number("decay_mom_rate", 0.0),
        }),
        "LRRangeTest" => Scheduler::RangeTest {
            min_lr: args.number("lr_range_test_min_lr", 1e-3),
            step_size: args.count("lr_range_test_step_size", 2000),
            step_rate: 1.0,
        },
        other => panic!("no simulator for {other}"),
    }
}

fn megatron_scheduler(entry: &Value) -> megatron::Scheduler {
    let args = Args(&entry["args"]);
    let styles = ["constant", "linear", "cosine", "inverse-square-root", "WSD"];
    megatron::Scheduler {
        init_lr: args.number("init_lr", 0.0),
        max_lr: args.number("max_lr", 0.0),
        min_lr: args.number("min_lr", 0.0),
        warmup_steps: args.count("lr_warmup_steps", 0),
        decay_steps: args.count("lr_decay_steps", 0),
        style: args.text("lr_decay_style", "linear", &styles),
        wsd_decay_steps: args.count("wsd_decay_steps", 0),
        wsd_style: args.text(
            "lr_wsd_decay_style",
            "exponential",
            &["exponential", "linear", "cosine", "minus_sqrt"],
        ),
    }
}

/// The momentum and the rates that an entry's framework uses, by our simulator.
fn simulated(entry: &Value) -> torch::Numbers {
    let updates = entry["lr"].as_array().unwrap().len() as u64;
    let args = Args(&entry["args"]);
    let lr = match entry["framework"].as_str().unwrap() {
        "torch" => return torch_numbers(entry, updates),
        "fastai" => return fastai_numbers(entry),
        "transformers" => transformers(entry, updates),
        "timm" => timm_rates(entry, updates),
        "optax" => each(updates, |count| optax_schedule(entry).at(count)),
        "keras" => each(updates, |step| keras_schedule(entry).at(step)),
        "deepspeed" => each(updates, |update| deepspeed_scheduler(entry).at(update)),
        "megatron-core" => {
            let batch = args.count("global_batch_size", 1);
            each(updates, |update| megatron_scheduler(entry).at(update * batch))
        }
        "axolotl" => {
            let rex = axolotl::Scheduler::Rex {
                max_lr: 1.0,
                min_lr: 0.0,
                total_steps: args.count("total_steps", 0),
                warmup_steps: args.count("num_warmup_steps", 0),
            };
            each(updates, |update| rex.at(update))
        }
        "pytorch_optimizer" => {
            let rex = pytorch_optimizer::Rex { max_lr: 1.0, total_steps: args.count("total_steps", 0) };
            each(updates, |update| rex.at(update))
        }
        other => panic!("no simulator for {other}"),
    };
    torch::Numbers { lr, momentum: Vec::new() }
}

fn fastai_numbers(entry: &Value) -> torch::Numbers {
    use fastai::CombinedCos;
    let steps = entry["args"]["steps"].as_u64().unwrap();
    let (lr, momentum) = if entry["schedule"] == "fit_one_cycle" {
        let momentum = CombinedCos { pct: 0.25, start: 0.95, middle: 0.85, end: 0.95 };
        (CombinedCos::one_cycle(1.0, 25.0, 1e5, 0.25), each(steps, |update| momentum.at(update, steps)))
    } else {
        (CombinedCos::flat_cos(1.0, 1e5, 0.75), Vec::new())
    };
    torch::Numbers { lr: each(steps, |update| lr.at(update, steps)), momentum }
}

/// `smallest` is what a number too small to have all its digits is measured against.
fn assert_same(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64, smallest: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (update, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (ours - theirs).abs() <= tolerance * theirs.abs().max(smallest),
            "{what}, update {update}: {ours:?} instead of {theirs:?}"
        );
    }
}

#[test]
fn every_entry_is_reproduced() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let entries = golden["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 119);
    let mut counted = ENTRIES.map(|(framework, _)| (framework, 0));
    for entry in entries {
        let framework = entry["framework"].as_str().unwrap();
        let what = format!("{framework} {} {}", entry["schedule"], entry["args"]);
        // In f32, 1 + cos loses digits near the end of a cosine: there the peak, which is 1, is the measure.
        let (tolerance, smallest) = if framework == "keras" { (1e-6, 1.0) } else { (1e-12, 1e-3) };
        let ours = simulated(entry);
        assert_same(&what, &ours.lr, &numbers(&entry["lr"]), tolerance, smallest);
        if !entry["momentum"].is_null() {
            assert_same(&what, &ours.momentum, &numbers(&entry["momentum"]), tolerance, smallest);
        }
        if let (Some(betas), deepspeed::Scheduler::OneCycle(cycle)) = (
            entry["betas"].as_array(),
            if framework == "deepspeed" { deepspeed_scheduler(entry) } else { NO_SCHEDULER },
        ) {
            let first: Vec<f64> = betas.iter().map(|betas| betas[0].as_f64().unwrap()).collect();
            let ours: Vec<f64> = (0..first.len() as u64).map(|update| cycle.beta1(update)).collect();
            assert_same(&what, &ours, &first, tolerance, smallest);
        }
        counted.iter_mut().find(|(name, _)| *name == framework).unwrap().1 += 1;
    }
    assert_eq!(counted, ENTRIES);
}

const NO_SCHEDULER: deepspeed::Scheduler =
    deepspeed::Scheduler::RangeTest { min_lr: 0.0, step_size: 1, step_rate: 0.0 };

/// torchtitan's and burn's values are not in the golden file: those of reference runs by hand.
#[test]
fn torchtitan_counts_its_warmup_from_one() {
    let scheduler = anneal_studio::export::simulate::torchtitan::Scheduler {
        lr: 1.0,
        warmup_steps: 4,
        total_steps: 10,
        decay_ratio: Some(0.4),
        decay_type: "linear",
        min_lr_factor: 0.0,
    };
    assert_eq!(
        each(10, |update| scheduler.at(update)),
        [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    );
}
