//! Keras' parameter groups: an optimizer each, under `MultiOptimizer`; names that do not decay where that is all.

use super::Written;
use crate::experiment::Decay;
use crate::export::grouping::{Words, table};
use crate::export::python;
use crate::export::recipe::Recipe;
use crate::export::text::float;

/// Whether parameters need optimizers of their own.
pub fn has(recipe: &Recipe<'_>) -> bool {
    !recipe.groups.is_empty() || recipe.run.layer_decay.is_some()
}

/// What spares biases and norms from weight decay, where that is all that parameters differ in.
pub fn excluded(recipe: &Recipe<'_>) -> &'static str {
    if recipe.run.decay == Decay::Matrices && recipe.decays() {
        "optimizer.exclude_from_weight_decay(var_names=[\"^bias$\", \"^beta$\", \"^gamma$\", \"^scale$\"])\n"
    } else {
        ""
    }
}

/// The rates of each group as tables, and `build(model)`. `optimizer` writes one from its rate and its weight decay.
pub fn written(recipe: &Recipe<'_>, optimizer: impl Fn(&str, &str) -> String) -> Written {
    let words = Words::of(recipe);
    let about = "The learning rate that update `update` uses, from 0.";
    let mut text = format!(
        "UPDATES = {}\nACCUMULATE = {}  # micro-batches an update, which Keras counts\n\n\n{}",
        recipe.updates(),
        recipe.accumulate(),
        python::function("rate", &recipe.rate, about)
    );
    text.push_str(&table(recipe));
    text.push_str(RATES);
    if words.patterns {
        text.push_str(MATCHES);
    }
    let matched = if words.patterns {
        "pattern is None or matches(pattern, variable, layer, len(layers) - 1)"
    } else {
        "pattern is None"
    };
    let decay = float(recipe.number("weight_decay"));
    let own = format!("({decay} if GROUPS[at][2] is None else GROUPS[at][2])");
    let decay = match recipe.run.decay {
        Decay::Matrices => format!("{own} if len(variable.shape) > 1 else 0.0"),
        Decay::All => own,
    };
    let scale = match recipe.run.layer_decay {
        Some(decay) => format!("{} ** (len(layers) - 1 - layer)", float(decay)),
        None => "1.0".to_owned(),
    };
    text.push_str(&format!(
        "\n\ndef build(model):\n    \"\"\"The optimizer of a built model; layers are those with parameters, in their \
         order.\"\"\"\n    variables = model.trainable_variables\n    layers = \
         list(dict.fromkeys(variable.path.rpartition(\"/\")[0] for variable in variables))\n    made, of_each = {{}}, \
         {{}}\n    for variable in variables:\n        layer = \
         layers.index(variable.path.rpartition(\"/\")[0])\n        at = next(at for at, (pattern, *_) in \
         enumerate(GROUPS) if {matched})\n        decay = {decay}\n        key = (at, decay, {scale})\n        if key \
         not in made:\n            rates = Rates(at, key[2])\n            made[key] = {}\n        \
         of_each[variable.path] = made[key]\n    default = next(iter(made.values()))\n    return \
         keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(default, of_each))\n",
        optimizer("rates", "decay"),
    ));
    Written { text, needs_ops: true }
}

/// What comes out otherwise than drawn.
pub fn notes(recipe: &Recipe<'_>) -> Vec<String> {
    let mut notes: Vec<String> = recipe.own_names().into_iter().collect();
    if recipe.clip_norm().is_some() {
        notes.push(
            "Changed: each group's gradient is clipped by itself there, as its optimizer sees no other."
                .to_owned(),
        );
    }
    if recipe.groups.iter().any(|group| group.thaw > 0) {
        notes.push(
            "Changed: until its thaw a group has the rate 0 there, while its optimizer's averages begin with the run."
                .to_owned(),
        );
    }
    notes
}

const RATES: &str = r#"

RATES = [[own(update) if update >= thaw else 0.0 for update in range(UPDATES)] for _, own, _, thaw in GROUPS]


@keras.saving.register_keras_serializable()
class Rates(keras.optimizers.schedules.LearningRateSchedule):
    """Looks up the rate of a group at each update."""

    def __init__(self, group, scale):
        self.group = group
        self.scale = scale

    def __call__(self, step):
        update = ops.minimum(ops.cast(step, "int32") // ACCUMULATE, UPDATES - 1)
        return ops.take(ops.convert_to_tensor(RATES[self.group], "float32"), update) * self.scale

    def get_config(self):
        return {"group": self.group, "scale": self.scale}
"#;

const MATCHES: &str = r#"

def matches(pattern, variable, layer, last):
    """Whether a group has a variable, by its name or its layer; globs are over paths such as dense_1/kernel."""
    if pattern == "bias":
        return variable.name in ("bias", "beta")
    if pattern == "norm":
        return variable.name in ("gamma", "beta", "scale")
    if pattern == "embedding":
        return variable.name == "embeddings"
    if pattern == "head":
        return layer == last
    if pattern.startswith("layer "):
        return layer == int(pattern.removeprefix("layer "))
    return fnmatchcase(variable.path, pattern)
"#;
