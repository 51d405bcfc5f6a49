//! axolotl's YAML: the shapes of Hugging Face, and its own REX, quadratic warmup and constant tail.

use super::hugging_face::{arguments, nearest, notes, yaml_text};
use super::outline::closest;
use super::recipe::Recipe;
use super::simulate::axolotl::Scheduler;
use super::text::yaml;
use super::{Deviation, Draft};

const WHY: &str = "its schedulers are Hugging Face's (linear, cosine, restarts of equal length, polynomial, inverse \
                   square root and warmup-stable-decay, with a warmup that starts at 0), REX, and a cosine with a \
                   quadratic warmup or a constant end; this is the nearest of them";

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let shared = nearest(recipe);
    let shared_rates = recipe.predict(|update| shared.at(update));
    let own = closest(&recipe.drawn, candidates(recipe), Scheduler::at);
    let own_rates = own.map(|own| recipe.predict(|update| own.at(update)));
    let apart = |rates: &[f64]| Deviation::between(&recipe.drawn, rates).max_absolute;
    // axolotl's names for what Hugging Face calls otherwise.
    let rename = |(name, value): (String, String)| {
        let name = match name.as_str() {
            "lr_scheduler_type" => "lr_scheduler",
            "per_device_train_batch_size" => "micro_batch_size",
            "optim" => "optimizer",
            other => other,
        };
        (name.to_owned(), value)
    };
    let mut lines: Vec<(String, String)> =
        arguments(recipe, Some(&shared), yaml).into_iter().map(rename).collect();
    let predicted = match (own, own_rates) {
        (Some(own), Some(rates)) if apart(&rates) < apart(&shared_rates) * (1.0 - 1e-6) => {
            lines.retain(|(name, _)| name != "lr_scheduler_kwargs");
            say(&own, &mut lines);
            rates
        }
        _ => shared_rates,
    };
    Draft {
        text: yaml_text(recipe, "axolotl 0.19", &lines),
        predicted,
        table: None,
        approximated: WHY,
        notes: notes(recipe),
    }
}

fn candidates(recipe: &Recipe<'_>) -> Vec<Scheduler> {
    let outline = &recipe.outline;
    let (lr, total_steps) = (outline.peak, recipe.updates());
    let mut candidates = Vec::new();
    for warmup_steps in outline.warmups.iter().copied() {
        candidates.push(Scheduler::QuadraticWarmup { lr, total_steps, warmup_steps });
        for floor in outline.floors().filter(|_| lr > 0.0) {
            candidates.push(Scheduler::Rex { max_lr: lr, min_lr: floor, total_steps, warmup_steps });
            // Without a minimum axolotl ignores the constant part.
            for end in outline.ends.iter().filter(|_| floor > 0.0) {
                let constant_ratio = *end as f64 / total_steps as f64;
                let min_ratio = floor / lr;
                candidates.push(Scheduler::CosineConstant {
                    lr,
                    total_steps,
                    warmup_steps,
                    min_ratio,
                    constant_ratio,
                });
            }
        }
    }
    candidates
}

/// Puts what `own` says in place of the scheduler's lines.
fn say(own: &Scheduler, lines: &mut Vec<(String, String)>) {
    let (name, warmup, extra) = match *own {
        Scheduler::Rex { max_lr, min_lr, warmup_steps, .. } => {
            let ratio = (min_lr > 0.0).then(|| ("cosine_min_lr_ratio", yaml(min_lr / max_lr)));
            ("rex", warmup_steps, ratio.into_iter().collect())
        }
        Scheduler::QuadraticWarmup { warmup_steps, .. } => {
            ("cosine", warmup_steps, vec![("lr_quadratic_warmup", "true".to_owned())])
        }
        Scheduler::CosineConstant { warmup_steps, min_ratio, constant_ratio, .. } => (
            "cosine",
            warmup_steps,
            vec![
                ("cosine_min_lr_ratio", yaml(min_ratio)),
                ("cosine_constant_lr_ratio", yaml(constant_ratio)),
            ],
        ),
    };
    for (line, value) in lines.iter_mut() {
        match line.as_str() {
            "lr_scheduler" => *value = name.to_owned(),
            "warmup_steps" => *value = warmup.to_string(),
            _ => {}
        }
    }
    lines.extend(extra.into_iter().map(|(name, value)| (name.to_owned(), value)));
}
