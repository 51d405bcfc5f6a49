//! Megatron-LM's arguments. Its clock counts samples; counts here are iterations, one an update.

use super::Draft;
use super::groups::Groups;
use super::outline::closest;
use super::recipe::{Carries, Recipe};
use super::simulate::megatron::Scheduler;
use super::text::{float, line};
use crate::experiment::OptimizerKind;

const CARRIES: Carries = Carries {
    schedules: false,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: false,
    groups: Groups::Matrices,
    mirror: false,
    schedule_free: false,
    batches: false,
};

const WHY: &str = "its schedulers are a straight warmup before a constant, a line, a cosine, an inverse square root \
                   or a decay at the end; this is the nearest of them";

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let batch = global_batch(recipe);
    let rate = |scheduler: &Scheduler, update: u64| scheduler.at(update * batch);
    let best = closest(&recipe.drawn, candidates(recipe, batch), rate);
    let fallback = Scheduler {
        init_lr: 0.0,
        max_lr: recipe.peak,
        min_lr: 0.0,
        warmup_steps: 0,
        decay_steps: recipe.updates() * batch,
        style: "constant",
        wsd_decay_steps: 0,
        wsd_style: "linear",
    };
    let best = best.unwrap_or(fallback);
    let mut notes = recipe.notes(CARRIES);
    if !matches!(recipe.kind().base(), OptimizerKind::Adam | OptimizerKind::AdamW | OptimizerKind::Sgd) {
        notes.push(recipe.refused("Megatron has adam (which is AdamW) and sgd"));
    }
    let name = line(&recipe.experiment.name);
    let run = line(&recipe.run.name);
    Draft {
        text: format!(
            "# {name}: run \"{run}\", {} updates, for Megatron-LM (core 0.16).\n{}\n",
            recipe.updates(),
            arguments(recipe, &best, batch).join(" \\\n")
        ),
        predicted: recipe.predict(|update| rate(&best, update)),
        table: None,
        approximated: WHY,
        notes,
    }
}

/// Samples an update.
fn global_batch(recipe: &Recipe<'_>) -> u64 {
    (recipe.batch_size() * recipe.accumulate()).max(1) as u64
}

fn candidates(recipe: &Recipe<'_>, batch: u64) -> Vec<Scheduler> {
    let outline = &recipe.outline;
    let mut found = Vec::new();
    for warmup in &outline.warmups {
        for end in outline.ends.iter().filter(|end| warmup < *end) {
            for (min_lr, init_lr) in
                outline.floors().flat_map(|floor| [(floor, outline.first.min(outline.peak)), (floor, 0.0)])
            {
                let scheduler = |style, wsd_decay_steps, wsd_style| Scheduler {
                    init_lr,
                    max_lr: outline.peak,
                    min_lr,
                    warmup_steps: warmup * batch,
                    decay_steps: end * batch,
                    style,
                    wsd_decay_steps,
                    wsd_style,
                };
                found.extend(
                    ["constant", "linear", "cosine", "inverse-square-root"]
                        .map(|style| scheduler(style, 0, "linear")),
                );
                for decay in outline.decays.iter().filter(|decay| *decay <= end) {
                    let styles = ["exponential", "linear", "cosine", "minus_sqrt"];
                    found.extend(styles.map(|style| scheduler("WSD", decay * batch, style)));
                }
            }
        }
    }
    found
}

fn arguments(recipe: &Recipe<'_>, best: &Scheduler, batch: u64) -> Vec<String> {
    let mut lines = vec![
        format!(
            "--train-iters {} --global-batch-size {batch} --micro-batch-size {}",
            recipe.updates(),
            recipe.batch_size()
        ),
        format!("--lr {} --min-lr {}", float(best.max_lr), float(best.min_lr)),
        format!("--lr-decay-style {} --lr-decay-iters {}", best.style, best.decay_steps / batch),
        format!("--lr-warmup-iters {} --lr-warmup-init {}", best.warmup_steps / batch, float(best.init_lr)),
    ];
    if best.style == "WSD" {
        lines.push(format!(
            "--lr-wsd-decay-style {} --lr-wsd-decay-iters {}",
            best.wsd_style,
            best.wsd_decay_steps / batch
        ));
    }
    let number = |name| float(recipe.say(name));
    lines.push(match recipe.kind() {
        OptimizerKind::Sgd | OptimizerKind::ScheduleFreeSgd => {
            format!("--optimizer sgd --sgd-momentum {}", number("momentum"))
        }
        OptimizerKind::Adam | OptimizerKind::AdamW | OptimizerKind::ScheduleFreeAdamW => format!(
            "--optimizer adam --adam-beta1 {} --adam-beta2 {} --adam-eps {}",
            number("beta1"),
            number("beta2"),
            number("eps")
        ),
        _ => "--optimizer adam".to_owned(),
    });
    lines.push(format!("--weight-decay {}", number("weight_decay")));
    // 0 does not clip.
    lines.push(format!("--clip-grad {}", float(recipe.clip_norm().unwrap_or(0.0))));
    lines
}
