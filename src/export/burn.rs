//! burn: its own scheduler configurations where they give the drawn rates, or an `LrScheduler` of a function.

use super::groups::Groups;
use super::recipe::{Carries, Recipe};
use super::simulate::burn::Scheduler;
use super::text::float;
use super::{Deviation, Draft, rust};
use crate::experiment::OptimizerKind;
use crate::schedule::lowered::Lowered;
use crate::schedule::{Kind, Ramp};

const CARRIES: Carries = Carries {
    schedules: false,
    weight_decay: true,
    clipping: true,
    accumulation: false,
    layer_decay: false,
    groups: Groups::None,
    mirror: false,
    schedule_free: false,
    batches: false,
};

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let native = native(&Lowered::new(&recipe.run.lr, recipe.clock)).and_then(|scheduler| {
        let predicted = recipe.predict(|update| scheduler.at(update));
        (Deviation::between(&recipe.drawn, &predicted).of_peak <= 1e-9).then_some((scheduler, predicted))
    });
    let mut text = rust::header(recipe, "burn 0.22");
    let (predicted, table) = match native {
        Some((scheduler, predicted)) => {
            let mut names = vec!["module_lr_scheduler::ModuleLrScheduler".to_owned()];
            configurations(&scheduler, &mut names);
            names.sort_unstable();
            names.dedup();
            let made = match &scheduler {
                Scheduler::Constant(rate) => format!("ModuleLrScheduler::new({})", float(*rate)),
                other => {
                    format!(
                        "{}\n        .init()\n        .expect(\"the numbers are within burn's limits\")",
                        written(other)
                    )
                }
            };
            let imports: String =
                names.iter().map(|name| format!("use burn::lr_scheduler::{name};\n")).collect();
            text.push_str(&format!(
                "{imports}\n/// The scheduler to train with.\npub fn scheduler() -> ModuleLrScheduler {{\n    {made}\n}}\n"
            ));
            (predicted, None)
        }
        None => {
            text.push_str(IMPORTS);
            text.push_str(&rust::function(
                "rate",
                &recipe.rate,
                "The learning rate that update `update` uses, from 0.",
            ));
            text.push_str(CUSTOM);
            let why = format!("burn has no scheduler for this curve ({})", recipe.curve());
            (
                recipe.rate.values(recipe.updates()),
                Some(format!("a scheduler of a function gives the rates: {why}")),
            )
        }
    };
    text.push_str(&optimizer(recipe));
    let mut notes = recipe.notes(CARRIES);
    if class_and_numbers(recipe).is_none() {
        notes.push(recipe.refused("burn has none of the kind for a whole model"));
    }
    if recipe.accumulate() > 1 {
        notes.push(format!(
            "Accumulation: .grads_accumulation({}) on the training builder.",
            recipe.accumulate()
        ));
    }
    Draft { text, predicted, table, approximated: "", notes }
}

const IMPORTS: &str = "\
use burn::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};

";

const CUSTOM: &str = "
/// Counts the updates.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    update: u64,
}

impl LrScheduler for Schedule {
    fn step(&mut self) -> f64 {
        self.update += 1;
        rate(self.update as usize - 1)
    }

    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new().with_scalar(\"update\", self.update)
    }

    fn load_record(&mut self, record: LrSchedulerRecord) {
        self.update = record.scalar(\"update\").unwrap_or(0);
    }
}

/// The scheduler to train with.
pub fn scheduler() -> ModuleLrScheduler {
    ModuleLrScheduler::new(Schedule::default())
}
";

/// A scheduler of burn's own. burn wants first rates above 0 and at most 1.
fn native(node: &Lowered<'_>) -> Option<Scheduler> {
    if node.stride > 1 || node.clamp.is_some() || node.cooldown.is_some() {
        return None;
    }
    let allowed = |rate: f64| (rate > 0.0 && rate <= 1.0).then_some(rate);
    let body = match node.kind {
        Kind::Constant(kind) => Scheduler::Constant(kind.peak),
        Kind::Cosine(kind) => Scheduler::Cosine {
            initial: allowed(kind.peak)?,
            min: kind.floor,
            iterations: node.rest_or(kind.over),
        },
        Kind::Exponential(kind) if kind.gamma > 0.0 && kind.gamma < 1.0 => {
            Scheduler::Exponential { initial: allowed(kind.peak)?, gamma: kind.gamma }
        }
        Kind::Step(kind) => {
            Scheduler::Step { initial: allowed(kind.peak)?, gamma: kind.gamma, size: node.length(kind.every) }
        }
        Kind::Polynomial(kind) if kind.power == 1.0 => Scheduler::Linear {
            initial: allowed(kind.peak)?,
            last: kind.floor,
            iterations: node.rest_or(kind.over),
        },
        Kind::Linear(kind) => Scheduler::Linear {
            initial: allowed(kind.peak * kind.from)?,
            last: kind.peak * kind.to,
            iterations: node.rest_or(kind.over),
        },
        Kind::Noam(kind) if kind.d_model.fract() == 0.0 => Scheduler::Noam {
            factor: kind.scale,
            warmup: node.length(kind.warmup),
            model_size: kind.d_model as u64,
        },
        _ => return None,
    };
    match node.warmup {
        None => Some(body),
        Some(slope) if slope.shape == Ramp::Linear => {
            let top = body.at(0);
            let climb =
                Scheduler::Linear { initial: allowed(slope.low * top)?, last: top, iterations: slope.over };
            Some(Scheduler::Sequential { schedulers: vec![climb, body], milestones: vec![slope.over] })
        }
        Some(_) => None,
    }
}

/// What a scheduler's code imports, by module.
fn configurations(scheduler: &Scheduler, names: &mut Vec<String>) {
    let name = match scheduler {
        Scheduler::Constant(_) => return,
        Scheduler::Linear { .. } => "linear::LinearLrSchedulerConfig",
        Scheduler::Cosine { .. } => "cosine::CosineAnnealingLrSchedulerConfig",
        Scheduler::Exponential { .. } => "exponential::ExponentialLrSchedulerConfig",
        Scheduler::Step { .. } => "step::StepLrSchedulerConfig",
        Scheduler::Noam { .. } => "noam::NoamLrSchedulerConfig",
        Scheduler::Sequential { schedulers, .. } => {
            for part in schedulers {
                configurations(part, names);
                if matches!(part, Scheduler::Constant(_)) {
                    names.push("LrSchedulerConfig".to_owned());
                }
            }
            "sequential::SequentialLrSchedulerConfig"
        }
    };
    names.push(name.to_owned());
}

/// A scheduler's configuration.
fn written(scheduler: &Scheduler) -> String {
    match scheduler {
        Scheduler::Constant(rate) => format!("LrSchedulerConfig::Constant({})", float(*rate)),
        Scheduler::Linear { initial, last, iterations } => {
            format!("LinearLrSchedulerConfig::new({}, {}, {iterations})", float(*initial), float(*last))
        }
        Scheduler::Cosine { initial, min, iterations } => format!(
            "CosineAnnealingLrSchedulerConfig::new({}, {iterations}).with_min_lr({})",
            float(*initial),
            float(*min)
        ),
        Scheduler::Exponential { initial, gamma } => {
            format!("ExponentialLrSchedulerConfig::new({}, {})", float(*initial), float(*gamma))
        }
        Scheduler::Step { initial, gamma, size } => {
            format!("StepLrSchedulerConfig::new({}, {size}).with_gamma({})", float(*initial), float(*gamma))
        }
        Scheduler::Noam { factor, warmup, model_size } => format!(
            "NoamLrSchedulerConfig::new({}).with_warmup_steps({warmup}).with_model_size({model_size})",
            float(*factor)
        ),
        Scheduler::Sequential { schedulers, milestones } => {
            let parts = schedulers.iter().map(|part| match part {
                Scheduler::Constant(_) => written(part),
                _ => format!("{}.into()", written(part)),
            });
            let parts: Vec<String> = parts.map(|part| format!("        {part},\n")).collect();
            format!(
                "SequentialLrSchedulerConfig::new(\n        vec![\n{}        ],\n        vec!{milestones:?},\n    )",
                parts.iter().map(|part| format!("    {part}")).collect::<String>()
            )
        }
    }
}

/// The run's optimizer and its numbers, where burn has it.
fn class_and_numbers(recipe: &Recipe<'_>) -> Option<(&'static str, String)> {
    let number = |name| float(recipe.say(name));
    let decay = recipe.number("weight_decay");
    let coupled = if decay > 0.0 {
        format!(
            "\n        .with_weight_decay(Some(burn::optim::decay::WeightDecayConfig::new({})))",
            float(decay)
        )
    } else {
        String::new()
    };
    let betas = || {
        format!(
            "\n        .with_beta_1({})\n        .with_beta_2({})\n        .with_epsilon({})",
            number("beta1"),
            number("beta2"),
            number("eps")
        )
    };
    Some(match recipe.kind().base() {
        OptimizerKind::Sgd => {
            let nesterov = recipe.has("nesterov");
            let momentum = format!(
                "\n        .with_momentum(Some(burn::optim::momentum::MomentumConfig::new()\n            \
                 .with_momentum({})\n            .with_dampening({})\n            .with_nesterov({nesterov})))",
                number("momentum"),
                number("dampening")
            );
            ("SgdConfig", if recipe.number("momentum") > 0.0 { momentum } else { String::new() } + &coupled)
        }
        OptimizerKind::Adam => ("AdamConfig", betas() + &coupled),
        OptimizerKind::AdamW => {
            ("AdamWConfig", format!("{}\n        .with_weight_decay({})", betas(), number("weight_decay")))
        }
        OptimizerKind::RmsProp => (
            "RmsPropConfig",
            format!(
                "\n        .with_alpha({})\n        .with_momentum({})\n        .with_epsilon({}){}{coupled}",
                number("alpha"),
                number("momentum"),
                number("eps"),
                if recipe.has("centered") { "\n        .with_centered(true)" } else { "" }
            ),
        ),
        OptimizerKind::Adagrad => {
            let (eps, decay) = (number("eps"), number("lr_decay"));
            let numbers = format!("\n        .with_epsilon({eps})\n        .with_lr_decay({decay}){coupled}");
            ("AdaGradConfig", numbers)
        }
        OptimizerKind::Lion => (
            "LionConfig",
            format!(
                "\n        .with_beta_1({})\n        .with_beta_2({})\n        .with_weight_decay({})",
                number("beta1"),
                number("beta2"),
                number("weight_decay")
            ),
        ),
        _ => return None,
    })
}

fn optimizer(recipe: &Recipe<'_>) -> String {
    let Some((class, numbers)) = class_and_numbers(recipe) else {
        return format!("\n// burn has no {}.\n", recipe.kind().info().title);
    };
    let with_clipping = if class == "SgdConfig" { "with_gradient_clipping" } else { "with_grad_clipping" };
    let clip = recipe.clip_norm().map_or(String::new(), |norm| {
        format!(
            "\n        .{with_clipping}(Some(burn::grad_clipping::GradientClippingConfig::Norm({} as f32)))",
            float(norm)
        )
    });
    format!(
        "\n/// The optimizer to train with.\npub fn optimizer() -> burn::optim::{class} {{\n    \
         burn::optim::{class}::new(){numbers}{clip}\n}}\n"
    )
}
