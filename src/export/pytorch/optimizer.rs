//! PyTorch's optimizer, and what surrounds it.

use crate::experiment::{Controller, OptimizerKind};
use crate::export::recipe::Recipe;
use crate::export::text::float;

/// What the optimizer's code imports.
pub fn imports(recipe: &Recipe<'_>) -> Vec<String> {
    match recipe.kind() {
        // PyTorch has no Lion; this is the package of its most used copy.
        OptimizerKind::Lion => vec!["from lion_pytorch import Lion".to_owned()],
        kind if kind.is_schedule_free() => vec!["import schedulefree".to_owned(), "import torch".to_owned()],
        _ => vec!["import torch".to_owned()],
    }
}

/// Constants that the training loop needs.
pub fn constants(recipe: &Recipe<'_>) -> String {
    let mut lines = format!("UPDATES = {}\n", recipe.updates());
    if let Some(norm) = recipe.clip_norm() {
        lines.push_str(&format!(
            "CLIP_NORM = {}  # torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM) before each step\n",
            float(norm)
        ));
    }
    if recipe.batches.is_none() && recipe.accumulate() > 1 {
        lines.push_str(&format!(
            "ACCUMULATE = {}  # backward passes, each of loss / ACCUMULATE, before each step\n",
            recipe.accumulate()
        ));
    }
    if recipe.kind().is_schedule_free() {
        lines
            .push_str("# optimizer.train() before training, optimizer.eval() before evaluating or saving.\n");
    }
    if let Some(Controller::Plateau(_)) = recipe.run.controller {
        lines.push_str(
            "# The run's plateau rule is not here: PyTorch's does not compose with other schedulers.\n",
        );
    }
    lines.push_str("\n\n");
    lines
}

/// The call that makes the optimizer.
pub fn constructor(recipe: &Recipe<'_>, parameters: &str, lr: &str) -> String {
    let (class, numbers) = class_and_numbers(recipe, recipe.kind());
    format!("{class}({parameters}, lr={lr}, {numbers})")
}

/// The class of an optimizer, and the arguments that are neither parameters nor the rate.
pub fn class_and_numbers(recipe: &Recipe<'_>, kind: OptimizerKind) -> (&'static str, String) {
    let number = |name| float(recipe.number(name));
    let betas = || format!("betas=({}, {}), ", number("beta1"), number("beta2"));
    let decay = format!("weight_decay={}", number("weight_decay"));
    match kind {
        OptimizerKind::Sgd => {
            let nesterov = if recipe.has("nesterov") { ", nesterov=True" } else { "" };
            ("torch.optim.SGD", format!("momentum={}, {decay}{nesterov}", number("momentum")))
        }
        OptimizerKind::Adam => ("torch.optim.Adam", format!("{}eps={}, {decay}", betas(), number("eps"))),
        OptimizerKind::AdamW => ("torch.optim.AdamW", format!("{}eps={}, {decay}", betas(), number("eps"))),
        OptimizerKind::RmsProp => (
            "torch.optim.RMSprop",
            format!(
                "alpha={}, eps={}, momentum={}, {decay}",
                number("alpha"),
                number("eps"),
                number("momentum")
            ),
        ),
        OptimizerKind::Adagrad => ("torch.optim.Adagrad", format!("eps={}, {decay}", number("eps"))),
        OptimizerKind::Lion => ("Lion", format!("{}{decay}", betas())),
        OptimizerKind::ScheduleFreeSgd => {
            ("schedulefree.SGDScheduleFree", format!("momentum={}, {decay}", number("momentum")))
        }
        OptimizerKind::ScheduleFreeAdamW => {
            ("schedulefree.AdamWScheduleFree", format!("{}eps={}, {decay}", betas(), number("eps")))
        }
    }
}

/// A `LambdaLR` that sets the other numbers too.
pub fn subclass(recipe: &Recipe<'_>) -> String {
    let mut lines = String::from(
        "\n\nclass Scheduler(LambdaLR):\n    \"\"\"Sets the rate, and the other numbers that change along the \
         run.\"\"\"\n\n    def get_lr(self):\n        for group in self.optimizer.param_groups:\n",
    );
    for varying in &recipe.varying {
        lines.push_str("            ");
        lines.push_str(match varying.name {
            "beta1" => "group[\"betas\"] = (beta1(self.last_epoch), group[\"betas\"][1])\n",
            "beta2" => "group[\"betas\"] = (group[\"betas\"][0], beta2(self.last_epoch))\n",
            "momentum" => "group[\"momentum\"] = momentum(self.last_epoch)\n",
            "weight_decay" => "group[\"weight_decay\"] = weight_decay(self.last_epoch)\n",
            "alpha" => "group[\"alpha\"] = alpha(self.last_epoch)\n",
            _ => "group[\"eps\"] = eps(self.last_epoch)\n",
        });
    }
    lines.push_str("        return super().get_lr()\n");
    lines
}

/// `build`, where the rates come from a function.
pub fn build(recipe: &Recipe<'_>, class: &str) -> String {
    let parameters = match recipe.run.layer_decay {
        None => {
            return format!(
                "\n\ndef build(model):\n    \"\"\"The optimizer and its scheduler.\"\"\"\n    optimizer = {}\n    \
             scheduler = {class}(optimizer, Factor())\n    return optimizer, scheduler\n",
                constructor(recipe, "model.parameters()", "PEAK")
            );
        }
        Some(decay) => float(decay),
    };
    format!(
        "\n\ndef groups(model):\n    \"\"\"A group a layer; the last learns at the full rate, each before it at \
         {parameters} times the next's.\"\"\"\n    layers = [layer for layer in model.modules() if \
         list(layer.parameters(recurse=False))]\n    return [\n        {{\n            \"params\": \
         list(layer.parameters(recurse=False)),\n            \"lr\": PEAK * {parameters} ** (len(layers) - 1 - \
         index),\n        }}\n        for index, layer in enumerate(layers)\n    ]\n\n\ndef build(model):\n    \
         \"\"\"The optimizer and its scheduler.\"\"\"\n    optimizer = {}\n    scheduler = {class}(optimizer, \
         Factor())\n    return optimizer, scheduler\n",
        constructor(recipe, "groups(model)", "PEAK")
    )
}
