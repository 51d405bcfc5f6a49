//! torchtitan's TOML. Its warmup counts from 1 and its last update still learns.

use super::Draft;
use super::groups::Groups;
use super::outline::closest;
use super::recipe::{Carries, Recipe};
use super::simulate::torchtitan::Scheduler;
use super::text::{float, line, quoted};
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

const WHY: &str = "its schedulers are a warmup that counts from 1 before a constant, a line, a cosine or 1 - sqrt, \
                   whose end comes one update late; this is the nearest of them";

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let fallback = Scheduler {
        lr: recipe.peak,
        warmup_steps: 0,
        total_steps: recipe.updates(),
        decay_ratio: Some(0.0),
        decay_type: "linear",
        min_lr_factor: 1.0,
    };
    let best = closest(&recipe.drawn, candidates(recipe), Scheduler::at).unwrap_or(fallback);
    let mut notes = recipe.notes(CARRIES);
    if !matches!(recipe.kind().base(), OptimizerKind::Adam | OptimizerKind::AdamW) {
        notes.push(recipe.refused("torchtitan has Adam and AdamW"));
    }
    Draft {
        text: toml(recipe, &best),
        predicted: recipe.predict(|update| best.at(update)),
        table: None,
        approximated: WHY,
        notes,
    }
}

fn candidates(recipe: &Recipe<'_>) -> Vec<Scheduler> {
    let outline = &recipe.outline;
    let total_steps = recipe.updates();
    let mut found = Vec::new();
    let warmups = outline.warmups.iter().flat_map(|warmup| [*warmup, warmup.saturating_sub(1), warmup + 1]);
    for warmup_steps in warmups.filter(|warmup| *warmup < total_steps) {
        for floor in outline.floors().filter(|_| outline.peak > 0.0) {
            let ratios = outline.decays.iter().map(|decay| Some(*decay as f64 / total_steps as f64));
            for decay_ratio in ratios.chain([None, Some(0.0)]) {
                for decay_type in ["linear", "sqrt", "cosine"] {
                    found.push(Scheduler {
                        lr: outline.peak,
                        warmup_steps,
                        total_steps,
                        decay_ratio,
                        decay_type,
                        min_lr_factor: floor / outline.peak,
                    });
                }
            }
        }
    }
    found
}

fn toml(recipe: &Recipe<'_>, best: &Scheduler) -> String {
    let name = line(&recipe.experiment.name);
    let run = line(&recipe.run.name);
    let optimizer = if recipe.kind().base() == OptimizerKind::Adam { "Adam" } else { "AdamW" };
    let mut numbers = format!("name = {}\nlr = {}\n", quoted(optimizer), float(best.lr));
    for (key, own) in
        [("beta1", "beta1"), ("beta2", "beta2"), ("eps", "eps"), ("weight_decay", "weight_decay")]
    {
        if recipe.run.optimizer.get(own).is_some() {
            numbers.push_str(&format!("{key} = {}\n", float(recipe.say(own))));
        }
    }
    let ratio = best.decay_ratio.map_or(String::new(), |ratio| format!("decay_ratio = {}\n", float(ratio)));
    // Its default clips at 1.
    let norm = recipe.clip_norm().map_or("inf".to_owned(), float);
    format!(
        "# {name}: run \"{run}\", {} updates, for torchtitan 0.3.\n[optimizer]\n{numbers}\n[lr_scheduler]\nwarmup_steps = \
         {}\n{ratio}decay_type = {}\nmin_lr_factor = {}\n\n[training]\nsteps = {}\nlocal_batch_size = \
         {}\nglobal_batch_size = {}\nmax_norm = {norm}\n",
        recipe.updates(),
        best.warmup_steps,
        quoted(best.decay_type),
        float(best.min_lr_factor),
        best.total_steps,
        recipe.batch_size(),
        recipe.batch_size() * recipe.accumulate(),
    )
}
