//! fastai: a `ParamScheduler` of functions, or `fit_flat_cos` where that is the curve.
//!
//! fastai counts in the share of training done, which it computes in f32 within its own schedules.

use super::groups::Groups;
use super::pytorch::optimizer::{class, class_and_numbers, imports as imports_of};
use super::recipe::{Carries, Recipe};
use super::simulate::fastai::CombinedCos;
use super::text::float;
use super::{Deviation, Draft, python};
use crate::schedule::Kind;
use crate::schedule::kind::Decay;
use crate::schedule::lowered::Lowered;

const CARRIES: Carries = Carries {
    schedules: true,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: false,
    groups: Groups::Matrices,
    mirror: true,
    schedule_free: false,
    batches: false,
};

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let updates = recipe.updates();
    let flat = flat_cos(recipe).filter(|_| recipe.varying.is_empty()).and_then(|flat| {
        let predicted = recipe.predict(|update| flat.at(update, updates));
        (Deviation::between(&recipe.drawn, &predicted).of_peak <= 1e-6).then_some((flat, predicted))
    });
    let mut body = format!("UPDATES = {updates}\nEPOCHS = {}\n", recipe.epochs());
    let mut imports = vec!["from functools import partial".to_owned(), String::new()];
    imports.extend(imports_of(recipe, recipe.kind().base()));
    imports.push("from fastai.optimizer import OptimWrapper".to_owned());
    let (predicted, table, fit) = match flat {
        Some((flat, predicted)) => {
            let fit = format!(
                "learn.fit_flat_cos(EPOCHS, lr={}, div_final={}, pct_start={}, cbs=callbacks())",
                float(flat.start),
                float(flat.start / flat.end),
                float(flat.pct)
            );
            (predicted, None, fit)
        }
        None => {
            imports.push("from fastai.callback.schedule import ParamScheduler".to_owned());
            body.push_str("\n\n");
            body.push_str(&python::function(
                "rate",
                &recipe.rate,
                "The learning rate that update `update` uses, from 0.",
            ));
            let why = format!("fastai has no fit for this curve ({})", recipe.curve());
            let fit = "learn.fit(EPOCHS, cbs=[ParamScheduler(SCHEDULES), *callbacks()])".to_owned();
            (
                recipe.rate.values(updates),
                Some(format!("a function under ParamScheduler gives the rates: {why}")),
                fit,
            )
        }
    };
    let mut schedules = vec!["    \"lr\": At(rate),\n".to_owned()];
    for varying in &recipe.varying {
        let about = format!("The {} that update `update` uses.", varying.name);
        body.push_str("\n\n");
        body.push_str(&python::function(varying.name, &varying.track, &about));
        let name = match varying.name {
            "momentum" | "beta1" => "mom",
            "weight_decay" => "wd",
            "beta2" | "alpha" => "sqr_mom",
            other => other,
        };
        schedules.push(format!("    \"{name}\": At({}),\n", varying.name));
    }
    if table.is_some() {
        body.push_str(&format!(
            "\n\nclass At:\n    \"\"\"A function of the share of training done.\"\"\"\n\n    def __init__(self, \
             function):\n        self.function = function\n\n    def __call__(self, share):\n        return \
             self.function(min(round(share * UPDATES), UPDATES - 1))\n\n\nSCHEDULES = {{\n{}}}\n",
            schedules.concat()
        ));
    }
    let own_class = class(recipe).trim_end();
    body.push_str(&if own_class.is_empty() { String::new() } else { format!("\n\n{own_class}\n") });
    body.push_str(&callbacks(recipe, &mut imports));
    body.push_str(&format!(
        "\n\nOPTIMIZER = {}  # Learner(..., opt_func=OPTIMIZER)\n\n\ndef fit(learn):\n    \"\"\"Trains `learn` under \
         this schedule.\"\"\"\n    {fit}\n",
        optimizer(recipe)
    ));
    let header = python::header(recipe, "fastai 2.8", "learn = Learner(..., opt_func=OPTIMIZER); fit(learn)");
    Draft {
        text: python::module(&header, &imports, &body),
        predicted,
        table,
        approximated: "",
        notes: recipe.notes(CARRIES),
    }
}

/// `fit_flat_cos` for a flat rate that falls in half a cosine.
fn flat_cos(recipe: &Recipe<'_>) -> Option<CombinedCos> {
    let node = Lowered::new(&recipe.run.lr, recipe.clock);
    match node.kind {
        Kind::Wsd(kind) if node.is_plain() && kind.shape == Decay::Cosine && kind.floor > 0.0 => {
            let decay = node.length(kind.decay).min(node.ticks());
            let pct = 1.0 - decay as f64 / node.ticks() as f64;
            (pct > 0.0).then_some(CombinedCos { pct, start: kind.peak, middle: kind.peak, end: kind.floor })
        }
        _ => None,
    }
}

fn callbacks(recipe: &Recipe<'_>, imports: &mut Vec<String>) -> String {
    let mut made = Vec::new();
    if let Some(norm) = recipe.clip_norm() {
        imports.push("from fastai.callback.training import GradientClip".to_owned());
        made.push(format!("GradientClip({})", float(norm)));
    }
    if recipe.accumulate() > 1 {
        imports.push("from fastai.callback.training import GradientAccumulation".to_owned());
        // fastai counts samples here.
        made.push(format!("GradientAccumulation(n_acc={})", recipe.accumulate() * recipe.batch_size()));
    }
    format!(
        "\n\ndef callbacks():\n    \"\"\"What goes with the schedule.\"\"\"\n    return [{}]\n",
        made.join(", ")
    )
}

fn optimizer(recipe: &Recipe<'_>) -> String {
    let (class, numbers) = class_and_numbers(recipe, recipe.kind().base());
    format!("partial(OptimWrapper, opt={class}, {numbers})")
}
