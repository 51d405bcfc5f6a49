//! optax: `schedule`, a function of the count, and `optimizer`.

mod groups;
mod native;
mod optimizer;

use super::groups::Groups;
use super::recipe::{Carries, Recipe};
use super::{Deviation, Draft, python};
use crate::experiment::OptimizerKind;
use crate::schedule::lowered::Lowered;

const CARRIES: Carries = Carries {
    schedules: true,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: true,
    groups: Groups::All,
    mirror: true,
    schedule_free: true,
    batches: true,
};

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let native = native::native(&Lowered::new(&recipe.run.lr, recipe.clock)).and_then(|schedule| {
        let predicted = recipe.predict(|count| schedule.at(count));
        (Deviation::between(&recipe.drawn, &predicted).of_peak <= 1e-9).then_some((schedule, predicted))
    });
    let mut imports = vec!["import optax".to_owned()];
    let mut body = format!("UPDATES = {}\n\n\n", recipe.updates());
    let (predicted, table) = match native {
        Some((schedule, predicted)) => {
            body = format!("schedule = {}\n", native::written(&schedule, 0));
            (predicted, None)
        }
        None => {
            body.push_str(&python::function(
                "rate",
                &recipe.rate,
                "The learning rate that update `update` uses, from 0.",
            ));
            body.push_str(&lookup("schedule", "rate", "The learning rate at `count`, from 0."));
            let why = format!("optax has no schedule for this curve ({})", recipe.curve());
            (
                recipe.rate.values(recipe.updates()),
                Some(format!("a table of the rates, made when the text is imported: {why}")),
            )
        }
    };
    for varying in &recipe.varying {
        let about = format!("The {} that update `update` uses.", varying.name);
        let function = format!("{}_at", varying.name);
        body.push_str("\n\n");
        body.push_str(&python::function(&function, &varying.track, &about));
        body.push_str(&lookup(
            varying.name,
            &function,
            &about.replace("update `update`", "the update `count`"),
        ));
    }
    let optimizer = optimizer_of(recipe);
    let is_plain = body.ends_with(")\n") && recipe.varying.is_empty() && recipe.batches.is_none();
    body.push_str(if is_plain { "" } else { "\n" });
    body.push_str(&optimizer);
    // The tables have a value for each update.
    if body.contains("UPDATES") && !body.starts_with("UPDATES") {
        body = format!("UPDATES = {}\n\n{body}", recipe.updates());
    }
    if body.contains("jnp.") {
        imports.insert(0, "import jax.numpy as jnp".to_owned());
    }
    if groups::has(recipe) {
        imports.insert(0, "import jax".to_owned());
        let own = [("fnmatchcase(", "from fnmatch import fnmatchcase"), ("re.", "import re")];
        let used = own.iter().filter(|(word, _)| body.contains(word)).map(|(_, import)| (*import).to_owned());
        let used: Vec<String> = used.collect();
        if !used.is_empty() {
            imports.splice(0..0, used.into_iter().rev().chain([String::new()]));
        }
    }
    let header = python::header(
        recipe,
        "optax 0.2.8",
        "updates, state = optimizer.update(gradients, state, parameters)",
    );
    Draft {
        text: python::module(&header, &imports, &body),
        predicted,
        table,
        approximated: "",
        notes: notes(recipe),
    }
}

/// The optimizer, with clipping before it and accumulation around it.
fn optimizer_of(recipe: &Recipe<'_>) -> String {
    let text = if groups::has(recipe) { groups::written(recipe) } else { optimizer::plain(recipe) };
    let about = "Micro-batches whose mean gradient makes update `update`; MultiSteps takes the mean.";
    if let Some(batches) = python::micro_batches(recipe, about) {
        return format!(
            "\n{batches}\n\nMICRO_BATCHES_TABLE = jnp.array(\n    [micro_batches(update) for update in range(UPDATES)], \
             dtype=jnp.int32\n)\n\n\n\
             {text}optimizer = optax.MultiSteps(\n    optimizer, every_k_schedule=lambda count: \
             MICRO_BATCHES_TABLE[jnp.minimum(count, UPDATES - 1)]\n)\n"
        );
    }
    let every = recipe.accumulate();
    if every > 1 {
        return format!("{text}optimizer = optax.MultiSteps(optimizer, every_k_schedule={every})\n");
    }
    text
}

fn notes(recipe: &Recipe<'_>) -> Vec<String> {
    let carries = if groups::carries(recipe.kind()) {
        CARRIES
    } else {
        Carries { groups: Groups::None, layer_decay: false, ..CARRIES }
    };
    let mut notes = recipe.notes(carries);
    notes.extend(if groups::has(recipe) { recipe.own_names() } else { None });
    notes.push(
        "jax computes the rates in f32 unless jax_enable_x64 is set; these are the f64 ones.".to_owned(),
    );
    if recipe.kind().base() == OptimizerKind::Adagrad {
        notes.push("Changed: optax's Adagrad adds eps inside the root, PyTorch's outside.".to_owned());
    }
    if recipe.kind() == OptimizerKind::NAdam {
        notes.push("Changed: optax's NAdam does not warm its momentum up.".to_owned());
    }
    if recipe.kind() == OptimizerKind::Adafactor {
        let how = "Changed: optax's Adafactor does not keep the rate below one over the root of the update's number.";
        notes.push(how.to_owned());
    }
    if recipe.kind() == OptimizerKind::Muon {
        notes.push(
            "Changed: optax's Muon corrects the momentum's first updates, and takes tables of embeddings for matrices."
                .to_owned(),
        );
    }
    if recipe.kind() == OptimizerKind::Adam && recipe.has("amsgrad") {
        let how = "Changed: optax's AMSGrad takes the greatest of the corrected mean squares, PyTorch's corrects the greatest.";
        notes.push(how.to_owned());
    }
    notes
}

/// A function of the count that looks its value up in a table made once.
fn lookup(name: &str, function: &str, about: &str) -> String {
    let table = format!("{}_TABLE", name.to_uppercase());
    format!(
        "\n\n{table} = jnp.array([{function}(update) for update in range(UPDATES)])\n\n\ndef {name}(count):\n    \
         \"\"\"{about}\"\"\"\n    return {table}[jnp.minimum(count, UPDATES - 1)]\n"
    )
}
