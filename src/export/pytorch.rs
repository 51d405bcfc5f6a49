//! PyTorch: `build(model) -> (optimizer, scheduler)`.
//!
//! Its own scheduler classes where they give the drawn rates; otherwise a `LambdaLR` over a callable of the
//! module, whose state can be saved and loaded.

pub mod groups;
mod native;
pub mod optimizer;

use super::groups::Groups;
use super::outline::closest;
use super::recipe::{Carries, Recipe};
use super::simulate::torch::{self, Scheduler};
use super::text::float;
use super::{Draft, python};

const HOW: &str = "optimizer, scheduler = build(model); call scheduler.step() after each optimizer.step().";

/// What the text says, in parts that Lightning and Hugging Face use too.
pub struct Code {
    pub imports: Vec<String>,
    pub body: String,
    pub predicted: Vec<f64>,
    /// Why the rates come from a function, where they do.
    pub table: Option<String>,
}

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let code = code(recipe);
    let header = python::header(recipe, "PyTorch 2.15", HOW);
    // The loop is the user's: it asks for the micro-batches of each update.
    let about = "Backward passes, each of loss / micro_batches(update), before update `update`.";
    let batches = python::micro_batches(recipe, about);
    let batches = batches.map(|batches| format!("\n\n{batches}")).unwrap_or_default();
    Draft {
        text: python::module(&header, &code.imports, &format!("{}{batches}", code.body)),
        predicted: code.predicted,
        table: code.table,
        approximated: "",
        notes: notes(recipe),
    }
}

/// What PyTorch carries beside the rate.
pub const CARRIES: Carries = Carries {
    schedules: true,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: true,
    groups: Groups::All,
    mirror: true,
    schedule_free: true,
    batches: false,
};

fn notes(recipe: &Recipe<'_>) -> Vec<String> {
    let mut notes = recipe.notes(Carries { batches: true, ..CARRIES });
    notes.extend(recipe.own_names());
    notes
}

/// The code of `build` and all it needs.
pub fn code(recipe: &Recipe<'_>) -> Code {
    match native_scheduler(recipe) {
        Ok((scheduler, lr)) => with_classes(recipe, &scheduler, lr),
        Err(why) => with_function(recipe, why),
    }
}

/// PyTorch's own scheduler for the run and the rate the optimizer is built with, or why there is none.
pub fn native_scheduler(recipe: &Recipe<'_>) -> Result<(Scheduler, f64), String> {
    if groups::has_groups(recipe) {
        return Err("its own classes have one curve for all parameter groups".to_owned());
    }
    if recipe.run.layer_decay.is_some() {
        return Err("a floor that is shared by all layers would not scale with their rates".to_owned());
    }
    let cycled = recipe.mirror();
    let candidates = native::schedulers(recipe, cycled);
    let rate = |candidate: &(Vec<f64>, Scheduler, f64), update: u64| {
        usize::try_from(update).ok().and_then(|update| candidate.0.get(update)).copied().unwrap_or(f64::NAN)
    };
    let simulated = candidates.into_iter().map(|(scheduler, lr)| {
        let rates = torch::rates(&scheduler, lr, recipe.updates());
        (rates, scheduler, lr)
    });
    let Some((rates, scheduler, lr)) = closest(&recipe.drawn, simulated, rate) else {
        return Err(native::why_not(recipe));
    };
    if super::Deviation::between(&recipe.drawn, &rates).of_peak > 1e-9 {
        return Err(native::why_not(recipe));
    }
    let cycles = matches!(&scheduler, Scheduler::OneCycle(one) if one.momentum.is_some())
        || matches!(&scheduler, Scheduler::Cyclic(cyclic) if cyclic.momentum.is_some());
    match recipe.varying.as_slice() {
        [] => Ok((scheduler, lr)),
        [only] if only.mirror().is_some() && cycles => Ok((scheduler, lr)),
        [first, ..] => Err(format!("its own classes would leave {} as it is", first.name)),
    }
}

fn with_classes(recipe: &Recipe<'_>, scheduler: &Scheduler, lr: f64) -> Code {
    let mut classes = Vec::new();
    native::classes(scheduler, &mut classes);
    let mut imports = optimizer::imports(recipe, recipe.kind());
    imports.push(format!("from torch.optim.lr_scheduler import {}", classes.join(", ")));
    let body = format!(
        "{}def build(model):\n    \"\"\"The optimizer and its scheduler.\"\"\"\n    optimizer = {}\n{}    \
         scheduler = {}\n    return optimizer, scheduler\n",
        optimizer::constants(recipe),
        optimizer::constructor(recipe, "model.parameters()", &float(lr)),
        optimizer::prepared(recipe),
        native::written(scheduler, 1),
    );
    Code { imports, body, predicted: torch::rates(scheduler, lr, recipe.updates()), table: None }
}

fn with_function(recipe: &Recipe<'_>, why: String) -> Code {
    let peak = if recipe.peak > 0.0 { recipe.peak } else { 1.0 };
    let mut body = optimizer::constants(recipe).trim_end().to_owned();
    body.push('\n');
    body.push_str(&format!("PEAK = {}\n\n\n", float(peak)));
    body.push_str(&python::function(
        "rate",
        &recipe.rate,
        "The learning rate that update `update` uses, from 0.",
    ));
    for varying in &recipe.varying {
        let about = format!("The {} that update `update` uses.", varying.name);
        body.push_str("\n\n");
        body.push_str(&python::function(varying.name, &varying.track, &about));
    }
    let mut imports = optimizer::imports(recipe, recipe.kind());
    imports.push("from torch.optim.lr_scheduler import LambdaLR".to_owned());
    let predicted = recipe.predict(|update| peak * (recipe.rate.at(update) / peak));
    let table = Some(format!("a function under LambdaLR gives the rates: {why}"));
    if groups::has_groups(recipe) {
        groups::import(&mut imports);
        body.push_str(&groups::factors(recipe));
        body.push_str(&groups::scheduler(recipe));
        body.push_str(&groups::build(recipe));
        return Code { imports, body, predicted, table };
    }
    body.push_str(
        "\n\nclass Factor:\n    \"\"\"What PEAK is multiplied by; a class of the module, so that its state can be \
         saved.\"\"\"\n\n    def __call__(self, update):\n        return rate(update) / PEAK\n",
    );
    let class = if recipe.varying.is_empty() {
        "LambdaLR"
    } else {
        body.push_str(&optimizer::subclass(recipe));
        "Scheduler"
    };
    body.push_str(&optimizer::build(recipe, class));
    Code { imports, body, predicted, table }
}
