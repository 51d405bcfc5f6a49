//! optax's parameter groups: an optimizer each, under `multi_transform`.

use super::lookup;
use super::optimizer::{chained, clipping, steps_of};
use crate::experiment::{Decay, OptimizerKind};
use crate::export::grouping::Words;
use crate::export::groups::GroupTrackRate;
use crate::export::python;
use crate::export::recipe::Recipe;
use crate::export::text::{float, quoted};

/// Whether the run has groups that are written. What an optimizer estimates of all parameters together, or averages
/// under a state of its own, does not come apart.
pub fn has(recipe: &Recipe<'_>) -> bool {
    carries(recipe.kind()) && recipe.has_groups()
}

pub fn carries(kind: OptimizerKind) -> bool {
    !kind.is_schedule_free() && kind != OptimizerKind::Prodigy
}

/// The groups, which parameters each has, and the optimizer of them.
pub fn written(recipe: &Recipe<'_>) -> String {
    let words = Words::of(recipe);
    let thaws = recipe.groups.iter().any(|group| group.thaw > 0);
    let mut text = rates(recipe);
    if words.layers {
        text.push_str(LAYERS);
    }
    if words.patterns {
        text.push_str(MATCHES);
    }
    let order = if words.layers { "layers(parameters)" } else { "[]" };
    let layer = if words.layers { "order.index(name.rpartition(\".\")[0])" } else { "None" };
    let matched = if words.patterns {
        "pattern is None or matches(pattern, name, layer, len(order) - 1)"
    } else {
        "pattern is None"
    };
    let is_split = recipe.run.decay == Decay::Matrices;
    let vector = if is_split { "\n        vector = \" vector\" if parameter.ndim < 2 else \"\"" } else { "" };
    let label = if is_split { "f\"{at}{vector}\"" } else { "str(at)" };
    text.push_str(&format!(
        "\n\ndef labels(parameters):\n    \"\"\"For each parameter the first of GROUPS that has it{}.\"\"\"\n    order = \
         {order}\n\n    def label(path, parameter):\n        name = jax.tree_util.keystr(path, simple=True, \
         separator=\".\")\n        layer = {layer}\n        at = next(at for at, (pattern, *_) in enumerate(GROUPS) if \
         {matched}){vector}\n        return {label}\n\n    return jax.tree_util.tree_map_with_path(label, parameters)\n",
        if is_split { ", and whether it is a vector, which does not decay" } else { "" },
    ));
    text.push_str(&of_group(recipe, thaws));
    let mut steps = Vec::new();
    if thaws && recipe.clip_norm().is_some() {
        // Frozen gradients are no part of the norm.
        text.push_str(THAWED);
        steps.push("optax.multi_transform(each(thawed), labels)".to_owned());
    }
    steps.extend(clipping(recipe));
    steps.push("optax.multi_transform(each(of_group), labels)".to_owned());
    if let Some(decay) = recipe.run.layer_decay {
        text.push_str(&LAYERED.replace("LAYER_DECAY", &float(decay)));
        steps.push("optax.stateless(layered)".to_owned());
    }
    text.push_str(&each(recipe));
    format!("{text}\n\noptimizer = {}\n", chained(&steps, ""))
}

/// `GROUPS`, with the schedules that are their own.
fn rates(recipe: &Recipe<'_>) -> String {
    let (mut text, mut rows) = (String::new(), String::new());
    for (at, group) in recipe.groups.iter().enumerate() {
        let rate = match &group.rate {
            GroupTrackRate::Factor(1.0) => "schedule".to_owned(),
            GroupTrackRate::Factor(factor) => format!("lambda count: {} * schedule(count)", float(*factor)),
            GroupTrackRate::Own(track) => {
                let (name, about) = (format!("rate_{at}"), group.about());
                text.push_str("\n\n");
                text.push_str(&python::function(&name, track, &about));
                text.push_str(&lookup(&format!("schedule_{at}"), &name, &about));
                format!("schedule_{at}")
            }
        };
        let decay = group.weight_decay.map_or_else(|| "None".to_owned(), float);
        rows.push_str(&format!("    ({}, {rate}, {decay}, {}),\n", quoted(&group.name), group.thaw));
    }
    format!(
        "{text}\n\n# Which parameters, their rate, their weight decay where it is their own, and the first update that \
         trains them.\nGROUPS = [\n{rows}    (None, schedule, None, 0),\n]\n"
    )
}

/// The optimizer of one group.
fn of_group(recipe: &Recipe<'_>, thaws: bool) -> String {
    let made = chained(&steps_of(recipe, true), "    ");
    if !thaws {
        return format!(
            "\n\ndef of_group(rate, decay, thaw):\n    \"\"\"The optimizer of a group.\"\"\"\n    return {made}\n"
        );
    }
    format!(
        "{LATER}\n\ndef of_group(rate, decay, thaw):\n    \"\"\"The optimizer of a group, which counts from its \
         thaw.\"\"\"\n    rate = later(rate, thaw)\n    made = {made}\n    return \
         optax.transforms.conditionally_mask(made, lambda count: count >= thaw) if thaw else made\n"
    )
}

/// What is made of each group, by its labels.
fn each(recipe: &Recipe<'_>) -> String {
    let decay = match recipe.varying("weight_decay") {
        Some(_) => "weight_decay".to_owned(),
        None => float(recipe.number("weight_decay")),
    };
    let vectors = match recipe.run.decay {
        Decay::Matrices => "\n        made[f\"{at} vector\"] = make(rate, 0.0, thaw)",
        Decay::All => "",
    };
    format!(
        "\n\ndef each(make):\n    \"\"\"What `make` gives for each group, by its labels.\"\"\"\n    made = {{}}\n    for at, \
         (_, rate, own, thaw) in enumerate(GROUPS):\n        made[str(at)] = make(rate, {decay} if own is None else own, \
         thaw){vectors}\n    return made\n"
    )
}

const LATER: &str = r#"

def later(value, thaw):
    """A schedule for one who begins to count at the thaw."""
    return (lambda count: value(count + thaw)) if callable(value) and thaw else value
"#;

const THAWED: &str = r#"

def thawed(rate, decay, thaw):
    """Gradients from the thaw on, so that those of frozen parameters do not count for the clipping."""
    return optax.transforms.conditionally_mask(optax.identity(), lambda count: count >= thaw)
"#;

const LAYERS: &str = r#"

# Your layers from the input to the head; None takes them by the numbers in their names.
LAYERS = None


def layers(parameters):
    """The names of the layers that have parameters, such as params.Dense_0."""
    if LAYERS is not None:
        return LAYERS
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(parameters)[0]]
    names = {jax.tree_util.keystr(path, simple=True, separator=".").rpartition(".")[0] for path in paths}
    if len({re.sub(r"\d+", "", name) for name in names}) > 1:
        raise ValueError(f"their names do not tell the order of these, so write it in LAYERS: {sorted(names)}")
    return sorted(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
"#;

const MATCHES: &str = r#"

def matches(pattern, name, layer, last):
    """Whether a group has a parameter, by its name such as params.Dense_0.kernel, and its layer."""
    module, _, kind = name.rpartition(".")
    module = module.rpartition(".")[2].lower()
    if pattern == "bias":
        return kind in ("bias", "b")
    if pattern == "norm":
        return "norm" in module
    if pattern == "embedding":
        return kind == "embedding" or "embed" in module
    if pattern == "head":
        return layer == last
    if pattern.startswith("layer "):
        return layer == int(pattern.removeprefix("layer "))
    return fnmatchcase(name, pattern)
"#;

const LAYERED: &str = r#"

def layered(updates, parameters):
    """Each layer moves by LAYER_DECAY times what the next one would."""
    order = layers(updates)

    def scaled(path, update):
        owner = jax.tree_util.keystr(path, simple=True, separator=".").rpartition(".")[0]
        return update * LAYER_DECAY ** (len(order) - 1 - order.index(owner))

    return jax.tree_util.tree_map_with_path(scaled, updates)
"#;
