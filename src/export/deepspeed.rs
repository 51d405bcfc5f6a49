//! DeepSpeed's JSON. Its schedulers lag one update behind what they say; counts are chosen so that the
//! rates come closest.

use super::Draft;
use super::groups::Groups;
use super::outline::closest;
use super::recipe::{Carries, Recipe};
use super::simulate::deepspeed::{OneCycle, Scheduler, Warmup};
use super::text::float;
use crate::experiment::OptimizerKind;

const CARRIES: Carries = Carries {
    schedules: false,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: false,
    groups: Groups::None,
    mirror: false,
    schedule_free: false,
    batches: false,
};

const WHY: &str = "its schedulers are a warmup before a constant, a line or a cosine, and one triangle, and their \
                   first two updates use the same rate; this is the nearest of them. For more, pass a scheduler \
                   to deepspeed.initialize";

/// The optimizers that are DeepSpeed's own.
const OWN: [&str; 5] = ["Adam", "AdamW", "Lion", "Lamb", "Muon"];

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let fallback = Scheduler::Warmup {
        min_lr: recipe.peak,
        max_lr: recipe.peak,
        warmup: Warmup { steps: 2, log: false },
    };
    let best = closest(&recipe.drawn, candidates(recipe), Scheduler::at).unwrap_or(fallback);
    let mut notes = recipe.notes(CARRIES);
    if matches!(best, Scheduler::OneCycle(_)) {
        notes.push(
            "Changed: DeepSpeed's OneCycle sets beta2 to 0.99 where it cycles momentum; here it does not."
                .to_owned(),
        );
    }
    if recipe.kind() == OptimizerKind::Muon {
        notes.push("Changed: DeepSpeed's Muon leaves the head, too, to AdamW.".to_owned());
    }
    match optimizer(recipe) {
        None => {
            notes.push(
                recipe.refused("DeepSpeed has none of the kind; pass your own to deepspeed.initialize"),
            );
        }
        Some((class, _)) if !OWN.contains(&class) => notes.push(format!(
            "The optimizer {} is PyTorch's, which DeepSpeed takes by name.",
            recipe.kind().name()
        )),
        Some(_) => {}
    }
    Draft {
        text: json(recipe, &best),
        predicted: recipe.predict(|update| best.at(update)),
        table: None,
        approximated: WHY,
        notes,
    }
}

fn candidates(recipe: &Recipe<'_>) -> Vec<Scheduler> {
    let outline = &recipe.outline;
    let (peak, first) = (outline.peak, outline.first.min(outline.peak));
    let totals: Vec<u64> =
        outline.ends.iter().flat_map(|end| [*end, end.saturating_sub(1).max(1), end + 1]).collect();
    let mut found =
        vec![Scheduler::Warmup { min_lr: peak, max_lr: peak, warmup: Warmup { steps: 2, log: false } }];
    let warmups = outline.warmups.iter().flat_map(|warmup| [*warmup, warmup.saturating_sub(1), warmup + 1]);
    for (steps, log) in warmups.flat_map(|steps| [(steps.max(2), false), (steps.max(2), true)]) {
        let warmup = Warmup { steps, log };
        for min_lr in [first, 0.0] {
            found.push(Scheduler::Warmup { min_lr, max_lr: peak, warmup });
            for total_num_steps in totals.iter().copied() {
                found.push(Scheduler::WarmupDecay { min_lr, max_lr: peak, warmup, total_num_steps });
            }
        }
        for (floor, total_num_steps) in outline
            .floors()
            .filter(|_| peak > 0.0)
            .flat_map(|floor| totals.iter().map(move |total| (floor, *total)))
        {
            for warmup_min_ratio in [first / peak, 0.0] {
                let cos_min_ratio = floor / peak;
                found.push(Scheduler::WarmupCosine {
                    lr: peak,
                    warmup_min_ratio,
                    cos_min_ratio,
                    warmup,
                    total_num_steps,
                });
            }
        }
    }
    if let Some((min_lr, max_lr, up, down)) = outline.triangle {
        found.push(Scheduler::OneCycle(OneCycle {
            min_lr,
            max_lr,
            first_step_size: up,
            second_step_size: down,
            decay_step_size: 0,
            decay_lr_rate: 0.0,
            min_mom: 0.8,
            max_mom: 0.9,
            decay_mom_rate: 0.0,
        }));
    }
    found
}

/// The run's optimizer and its numbers, where DeepSpeed has it.
fn optimizer(recipe: &Recipe<'_>) -> Option<(&'static str, String)> {
    let number = |name| float(recipe.say(name));
    let decay = format!("\"weight_decay\": {}", number("weight_decay"));
    let betas = || format!("\"betas\": [{}, {}]", number("beta1"), number("beta2"));
    let option = |name: &str| if recipe.has(name) { format!(", \"{name}\": true") } else { String::new() };
    let unusual = |name: &str| match recipe.say(name) {
        0.0 => String::new(),
        value => format!(", \"{name}\": {}", float(value)),
    };
    Some(match recipe.kind().base() {
        OptimizerKind::Sgd => {
            let rest = unusual("dampening") + &option("nesterov");
            ("SGD", format!("\"momentum\": {}{rest}, {decay}", number("momentum")))
        }
        OptimizerKind::Adam => {
            ("Adam", format!("{}, \"eps\": {}, {decay}, \"adam_w_mode\": false", betas(), number("eps")))
        }
        OptimizerKind::AdamW => ("AdamW", format!("{}, \"eps\": {}, {decay}", betas(), number("eps"))),
        OptimizerKind::RmsProp => (
            "RMSprop",
            format!(
                "\"alpha\": {}, \"eps\": {}, \"momentum\": {}{}, {decay}",
                number("alpha"),
                number("eps"),
                number("momentum"),
                option("centered")
            ),
        ),
        OptimizerKind::Adagrad => {
            let rest = unusual("lr_decay") + &unusual("initial_accumulator_value");
            ("Adagrad", format!("\"eps\": {}{rest}, {decay}", number("eps")))
        }
        OptimizerKind::NAdam => {
            let rest = option("decoupled_weight_decay");
            let numbers = format!(
                "{}, \"eps\": {}, \"momentum_decay\": {}{rest}, {decay}",
                betas(),
                number("eps"),
                number("momentum_decay")
            );
            ("NAdam", numbers)
        }
        OptimizerKind::RAdam => {
            let rest = option("decoupled_weight_decay");
            ("RAdam", format!("{}, \"eps\": {}{rest}, {decay}", betas(), number("eps")))
        }
        OptimizerKind::Lamb => {
            // Its bounds of the trust ratio are 0.01 and 10 unless they are given.
            let bounds = "\"max_coeff\": 1e9, \"min_coeff\": 0.0";
            ("Lamb", format!("{}, \"eps\": {}, {bounds}, {decay}", betas(), number("eps")))
        }
        OptimizerKind::Adafactor => {
            let eps = format!("\"eps\": [{}, {}]", number("eps1"), number("eps2"));
            let numbers =
                format!("\"beta2_decay\": {}, {eps}, \"d\": {}", number("beta2_decay"), number("d"));
            ("Adafactor", format!("{numbers}, {decay}"))
        }
        OptimizerKind::Muon => ("Muon", format!("\"momentum\": {}, {decay}", number("momentum"))),
        OptimizerKind::Lion => ("Lion", format!("{}, {decay}", betas())),
        _ => return None,
    })
}

fn json(recipe: &Recipe<'_>, scheduler: &Scheduler) -> String {
    let optimizer = optimizer(recipe).map_or(String::new(), |(kind, numbers)| {
        format!(
            "  \"optimizer\": {{\n    \"type\": \"{kind}\",\n    \"params\": {{\"lr\": {}, {numbers}}}\n  }},\n",
            float(recipe.peak)
        )
    });
    let (kind, parameters) = parameters(scheduler);
    let lines: Vec<String> =
        parameters.iter().map(|(name, value)| format!("      \"{name}\": {value}")).collect();
    let clip = float(recipe.clip_norm().unwrap_or(0.0));
    format!(
        "{{\n  \"train_micro_batch_size_per_gpu\": {},\n  \"gradient_accumulation_steps\": {},\n  \
         \"gradient_clipping\": {clip},\n{optimizer}  \"scheduler\": {{\n    \"type\": \"{kind}\",\n    \"params\": \
         {{\n{}\n    }}\n  }}\n}}\n",
        recipe.batch_size(),
        recipe.accumulate(),
        lines.join(",\n")
    )
}

fn parameters(scheduler: &Scheduler) -> (&'static str, Vec<(&'static str, String)>) {
    let climb = |warmup: Warmup| {
        let shape = if warmup.log { "\"log\"" } else { "\"linear\"" };
        [("warmup_num_steps", warmup.steps.to_string()), ("warmup_type", shape.to_owned())]
    };
    let range = |min: f64, max: f64| [("warmup_min_lr", float(min)), ("warmup_max_lr", float(max))];
    match *scheduler {
        Scheduler::Warmup { min_lr, max_lr, warmup } => {
            ("WarmupLR", range(min_lr, max_lr).into_iter().chain(climb(warmup)).collect())
        }
        Scheduler::WarmupDecay { min_lr, max_lr, warmup, total_num_steps } => {
            let total = [("total_num_steps", total_num_steps.to_string())];
            ("WarmupDecayLR", total.into_iter().chain(range(min_lr, max_lr)).chain(climb(warmup)).collect())
        }
        Scheduler::WarmupCosine { warmup_min_ratio, cos_min_ratio, warmup, total_num_steps, .. } => {
            let lines = [
                ("total_num_steps", total_num_steps.to_string()),
                ("warmup_min_ratio", float(warmup_min_ratio)),
                ("cos_min_ratio", float(cos_min_ratio)),
            ];
            ("WarmupCosineLR", lines.into_iter().chain(climb(warmup)).collect())
        }
        Scheduler::OneCycle(cycle) => (
            "OneCycle",
            vec![
                ("cycle_min_lr", float(cycle.min_lr)),
                ("cycle_max_lr", float(cycle.max_lr)),
                ("cycle_first_step_size", cycle.first_step_size.to_string()),
                ("cycle_second_step_size", cycle.second_step_size.to_string()),
                ("decay_step_size", cycle.decay_step_size.to_string()),
                ("cycle_momentum", "false".to_owned()),
            ],
        ),
        Scheduler::RangeTest { min_lr, step_size, step_rate } => (
            "LRRangeTest",
            vec![
                ("lr_range_test_min_lr", float(min_lr)),
                ("lr_range_test_step_size", step_size.to_string()),
                ("lr_range_test_step_rate", float(step_rate)),
            ],
        ),
    }
}
