//! fastai: a `ParamScheduler` of functions, or `fit_flat_cos` where that is the curve.
//!
//! fastai counts in the share of training done, of whole epochs; where the run is none, training is stopped when its
//! last update is made. Within its own schedules it computes the share in f32.

mod groups;

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
    layer_decay: true,
    groups: Groups::All,
    mirror: true,
    schedule_free: false,
    batches: false,
};

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let updates = recipe.updates();
    let is_whole = updates.is_multiple_of(recipe.clock.updates_per_epoch);
    let is_grouped = recipe.has_groups();
    let is_plain = recipe.varying.is_empty() && is_whole && !is_grouped;
    let flat = flat_cos(recipe).filter(|_| is_plain).and_then(|flat| {
        let predicted = recipe.predict(|update| flat.at(update, updates));
        (Deviation::between(&recipe.drawn, &predicted).of_peak <= 1e-6).then_some((flat, predicted))
    });
    let mut body = match &flat {
        Some(_) => format!("EPOCHS = {}\n", recipe.epochs()),
        None => format!("UPDATES = {updates}\nACCUMULATE = {}  # batches an update\n", recipe.accumulate()),
    };
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
            (predicted, None, format!("    {fit}\n"))
        }
        None => {
            imports.push("from fastai.callback.core import Callback, CancelFitException".to_owned());
            imports.push("from fastai.callback.schedule import ParamScheduler".to_owned());
            body.push_str("\n\n");
            body.push_str(&python::function(
                "rate",
                &recipe.rate,
                "The learning rate that update `update` uses, from 0.",
            ));
            let why = match is_whole {
                _ if is_grouped => "each parameter group has its own".to_owned(),
                true => format!("fastai has no fit for this curve ({})", recipe.curve()),
                false => "the run is no whole number of epochs, which fastai's shares run over".to_owned(),
            };
            let fit = "    batches = len(learn.dls.train)\n    epochs = -(-UPDATES * ACCUMULATE // batches)\n    \
                       schedules = {name: At(rate, epochs * batches) for name, rate in SCHEDULES.items()}\n    \
                       learn.fit(epochs, cbs=[ParamScheduler(schedules), Stop(), *callbacks()])\n"
                .to_owned();
            (
                recipe.rate.values(updates),
                Some(format!("a function under ParamScheduler gives the rates: {why}")),
                fit,
            )
        }
    };
    let mut schedules = Vec::new();
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
        schedules.push((name, varying.name));
    }
    let line = |(name, function): &(&str, &str)| format!("    \"{name}\": {function},\n");
    let mut fit = fit;
    if table.is_some() {
        body.push_str(AT);
    }
    if is_grouped {
        super::pytorch::groups::import(&mut imports);
        body.push_str(&groups::written(recipe));
        let shared = schedules.iter().filter(|(name, _)| *name != "wd");
        let shared: String =
            shared.map(|schedule| format!("        {}", line(schedule).trim_start())).collect();
        fit = groups::fit(recipe, &shared);
    } else if table.is_some() {
        schedules.insert(0, ("lr", "rate"));
        let lines: String = schedules.iter().map(line).collect();
        body.push_str(&format!("\n\nSCHEDULES = {{\n{lines}}}\n"));
    }
    let own_class = class(recipe).trim_end();
    body.push_str(&if own_class.is_empty() { String::new() } else { format!("\n\n{own_class}\n") });
    body.push_str(&callbacks(recipe, &mut imports));
    body.push_str(&format!(
        "\n\nOPTIMIZER = {}  # Learner(..., opt_func=OPTIMIZER)\n\n\ndef fit(learn):\n    \"\"\"Trains `learn` under \
         this schedule.\"\"\"\n{fit}",
        optimizer(recipe)
    ));
    let header = python::header(recipe, "fastai 2.8", "learn = Learner(..., opt_func=OPTIMIZER); fit(learn)");
    Draft {
        text: python::module(&header, &imports, &body),
        predicted,
        table,
        approximated: "",
        notes: recipe.notes(CARRIES).into_iter().chain(recipe.own_names()).collect(),
    }
}

/// What makes a schedule of a function of the update, and ends the run.
const AT: &str = r#"

class At:
    """A function of the share of all batches that are done."""

    def __init__(self, function, batches):
        self.function = function
        self.batches = batches

    def __call__(self, share):
        return self.function(min(round(share * self.batches) // ACCUMULATE, UPDATES - 1))


class Stop(Callback):
    """Ends the training after the last update, which may be within an epoch."""

    def after_batch(self):
        if self.training and self.train_iter >= UPDATES * ACCUMULATE:
            raise CancelFitException()
"#;

/// `fit_flat_cos` for a flat rate that falls in half a cosine.
fn flat_cos(recipe: &Recipe<'_>) -> Option<CombinedCos> {
    let node = Lowered::new(&recipe.run.lr, recipe.clock);
    match node.kind {
        Kind::Wsd(kind) if node.is_plain() && kind.shape == Decay::Cosine && kind.floor > 0.0 => {
            let ticks = node.ticks() as f64;
            let pct = 1.0 - node.exact(kind.decay).min(ticks) / ticks;
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
