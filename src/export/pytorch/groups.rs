//! PyTorch's parameter groups: which parameters are in each, and the rate of each at every update.

use super::optimizer;
use crate::experiment::Decay;
use crate::export::groups::GroupTrackRate;
use crate::export::python;
use crate::export::recipe::Recipe;
use crate::export::text::{float, quoted};

/// Whether parameters differ in more than layer decay.
pub fn has_groups(recipe: &Recipe<'_>) -> bool {
    !recipe.groups.is_empty() || recipe.run.decay == Decay::Matrices
}

/// The functions of groups with schedules of their own, and `Factor` of each group.
pub fn factors(recipe: &Recipe<'_>) -> String {
    let mut text = String::new();
    let mut rows = Vec::new();
    for (at, group) in recipe.groups.iter().enumerate() {
        let rate = match &group.rate {
            GroupTrackRate::Factor(factor) => format!("lambda update: {} * rate(update)", float(*factor)),
            GroupTrackRate::Own(track) => {
                let name = format!("rate_{at}");
                text.push_str("\n\n");
                text.push_str(&python::function(&name, track, &group.about()));
                name
            }
        };
        let decay = group.weight_decay.map_or_else(|| "None".to_owned(), float);
        rows.push(format!("    ({}, {rate}, {decay}, {}),\n", quoted(&group.name), group.thaw));
    }
    text.push_str(&format!(
        "\n\n# Which parameters, their rate, their weight decay where it is their own, and the first update that trains \
         them.\nGROUPS = [\n{}    (None, rate, None, 0),\n]\n",
        rows.concat()
    ));
    text.push_str(FACTOR);
    text
}

const FACTOR: &str = r#"

class Factor:
    """What PEAK is multiplied by for a group; a class of the module, so that its state can be saved."""

    def __init__(self, group):
        self.group = group

    def __call__(self, update):
        _, own, _, thaw = GROUPS[self.group]
        return own(update) / PEAK if update >= thaw else 0.0
"#;

/// The scheduler, which keeps what is frozen out of the optimizer.
pub fn scheduler(recipe: &Recipe<'_>) -> String {
    let mut lines = SCHEDULER.to_owned();
    if !recipe.varying.is_empty() {
        lines.push_str("        for group in self.optimizer.param_groups:\n");
    }
    let varying = recipe.varying.iter().filter(|varying| varying.name != "weight_decay");
    varying.for_each(|varying| lines.push_str(&optimizer::set(varying.name)));
    if recipe.varying("weight_decay").is_some() {
        lines.push_str(
            "            if group[\"follows\"]:\n                group[\"weight_decay\"] = \
             weight_decay(self.last_epoch)\n",
        );
    }
    lines.push_str("        return super().get_lr()\n");
    lines
}

const SCHEDULER: &str = r#"

class Scheduler(LambdaLR):
    """Sets the rates, and freezes groups until they thaw."""

    def freeze(self):
        for group in self.optimizer.param_groups:
            frozen = self.last_epoch < GROUPS[group["group"]][3]
            for parameter in group["params"]:
                parameter.requires_grad_(not frozen)
                if frozen:
                    parameter.grad = None

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.freeze()

    def get_lr(self):
        self.freeze()
"#;

/// `groups(model)` and `build(model)`.
pub fn build(recipe: &Recipe<'_>) -> String {
    let matrices = recipe.run.decay == Decay::Matrices;
    let decay = float(recipe.say("weight_decay"));
    let layer = recipe.run.layer_decay.map(float);
    let factor = match &layer {
        Some(decay) => format!("PEAK * {decay} ** (depth - layers[owner])"),
        None => "PEAK".to_owned(),
    };
    let decays = if matrices { "parameter.ndim > 1" } else { "True" };
    format!(
        "{MATCHES}\n\ndef groups(model):\n    \"\"\"Parameters by the first of GROUPS that matches them.\"\"\"\n    \
         modules = dict(model.named_modules())\n    owners = [name for name, module in modules.items() if \
         list(module.parameters(recurse=False))]\n    layers = {{name: layer for layer, name in \
         enumerate(owners)}}\n    depth = len(owners) - 1\n    found = {{}}\n    for name, parameter in \
         model.named_parameters():\n        owner = name.rpartition(\".\")[0]\n        at = next(\n            index \
         for index, (pattern, *_) in enumerate(GROUPS)\n            if pattern is None or matches(pattern, name, \
         modules[owner], layers[owner], depth)\n        )\n        own = GROUPS[at][2]\n        decay = \
         ({decay} if own is None else own) if {decays} else 0.0\n        key = (at, decay, {factor}, own is None and \
         {decays})\n        found.setdefault(key, []).append(parameter)\n    return [\n        {{\"params\": \
         parameters, \"lr\": lr, \"weight_decay\": decay, \"group\": at, \"follows\": follows}}\n        for (at, \
         decay, lr, follows), parameters in sorted(found.items(), key=lambda item: item[0][0])\n    ]\n\n\ndef \
         build(model):\n    \"\"\"The optimizer and its scheduler.\"\"\"\n    optimizer = {}\n    factors = \
         [Factor(group[\"group\"]) for group in optimizer.param_groups]\n    scheduler = Scheduler(optimizer, \
         factors)\n    return optimizer, scheduler\n",
        optimizer::constructor(recipe, "groups(model)", "PEAK"),
    )
}

/// `matches`, which fastai's groups call too.
pub const MATCHES: &str = r#"

def matches(pattern, name, module, layer, depth):
    """Whether a group holds a parameter of a module; layers are the modules that have parameters."""
    if pattern == "bias":
        return name.rpartition(".")[2] == "bias"
    if pattern == "norm":
        return "Norm" in type(module).__name__
    if pattern == "embedding":
        return isinstance(module, torch.nn.Embedding)
    if pattern == "head":
        return layer == depth
    if pattern.startswith("layer "):
        return layer == int(pattern.removeprefix("layer "))
    return fnmatchcase(name, pattern)
"#;

/// Adds what `matches` needs beside the optimizer.
pub fn import(imports: &mut Vec<String>) {
    let torch = "import torch".to_owned();
    if !imports.contains(&torch) {
        imports.insert(0, torch);
    }
    imports.insert(0, "from fnmatch import fnmatchcase".to_owned());
}
