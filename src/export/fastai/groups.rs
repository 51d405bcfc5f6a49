//! fastai's parameter groups: a splitter, and a rate for each of what it gives.

use crate::experiment::Decay;
use crate::export::grouping::{Words, table};
use crate::export::pytorch::groups::MATCHES;
use crate::export::recipe::Recipe;
use crate::export::text::float;

/// The groups, which parameters each has, and the numbers of all at an update.
pub fn written(recipe: &Recipe<'_>) -> String {
    let words = Words::of(recipe);
    let mut text = table(recipe);
    if words.patterns {
        text.push_str(MATCHES);
    }
    let matched = if words.patterns {
        "pattern is None or matches(pattern, name, modules[owner], layers[owner], depth)"
    } else {
        "pattern is None"
    };
    let decays = match recipe.run.decay {
        Decay::Matrices => "parameter.ndim > 1",
        Decay::All => "True",
    };
    let scale = match recipe.run.layer_decay {
        Some(decay) => format!("{} ** (depth - layers[owner])", float(decay)),
        None => "1.0".to_owned(),
    };
    text.push_str(&format!(
        "\n\ndef keyed(model):\n    \"\"\"Parameters by their group, whether they decay, and what multiplies their \
         rate.\"\"\"\n    modules = dict(model.named_modules())\n    owners = [name for name, module in \
         modules.items() if list(module.parameters(recurse=False))]\n    layers = {{name: layer for layer, name in \
         enumerate(owners)}}\n    depth = len(owners) - 1\n    found = {{}}\n    for name, parameter in \
         model.named_parameters():\n        owner = name.rpartition(\".\")[0]\n        at = next(at for at, \
         (pattern, *_) in enumerate(GROUPS) if {matched})\n        found.setdefault((at, {decays}, {scale}), \
         []).append(parameter)\n    return dict(sorted(found.items()))\n\n\ndef split(model):\n    \"\"\"The parameters \
         of each group, for Learner(splitter=split), which fit sets.\"\"\"\n    return list(keyed(model).values())\n"
    ));
    let decay = match recipe.varying("weight_decay") {
        Some(_) => "weight_decay(update)".to_owned(),
        None => float(recipe.number("weight_decay")),
    };
    text.push_str(&format!(
        "\n\ndef rates(keys, update):\n    \"\"\"The rate of each group.\"\"\"\n    return [GROUPS[at][1](update) * \
         scale if update >= GROUPS[at][3] else 0.0 for at, _, scale in keys]\n\n\ndef decays(keys, update):\n    \
         \"\"\"The weight decay of each group.\"\"\"\n    own = [GROUPS[at][2] for at, *_ in keys]\n    return [({decay} if \
         decay is None else decay) if key[1] else 0.0 for key, decay in zip(keys, own)]\n"
    ));
    if recipe.groups.iter().any(|group| group.thaw > 0) {
        text.push_str(FREEZE);
    }
    text
}

/// `fit`, with the schedules of what the groups share beside theirs.
pub fn fit(recipe: &Recipe<'_>, shared: &str) -> String {
    let freeze = if recipe.groups.iter().any(|group| group.thaw > 0) { "Freeze(), " } else { "" };
    format!(
        "    learn.splitter = split\n    learn.create_opt()\n    keys = list(keyed(learn.model))\n    functions = {{\n        \
         \"lr\": lambda update: rates(keys, update),\n        \"wd\": lambda update: decays(keys, update),\n{shared}    \
         }}\n    batches = len(learn.dls.train)\n    epochs = -(-UPDATES * ACCUMULATE // batches)\n    schedules = \
         {{name: At(function, epochs * batches) for name, function in functions.items()}}\n    learn.fit(epochs, \
         cbs=[ParamScheduler(schedules), {freeze}Stop(), *callbacks()])\n"
    )
}

const FREEZE: &str = r#"

class Freeze(Callback):
    """Keeps what is frozen out of the gradient and the optimizer until it thaws."""

    def before_batch(self):
        if self.training:
            for (at, *_), parameters in keyed(self.learn.model).items():
                frozen = self.train_iter // ACCUMULATE < GROUPS[at][3]
                for parameter in parameters:
                    parameter.requires_grad_(not frozen)
                    if frozen:
                        parameter.grad = None
"#;
