//! PyTorch's optimizer, and what surrounds it.

use crate::experiment::{Controller, OptimizerKind};
use crate::export::recipe::Recipe;
use crate::export::text::float;

/// What the optimizer's code imports: the package of its class.
pub fn imports(recipe: &Recipe<'_>, kind: OptimizerKind) -> Vec<String> {
    let (class, _) = class_and_numbers(recipe, kind);
    let package = class.rsplit_once('.').map_or("torch", |(package, _)| package);
    vec![format!("import {}", if package == "torch.optim" { "torch" } else { package })]
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
    lines.push_str(class(recipe));
    lines
}

/// What `build` does with an optimizer that is made.
pub fn prepared(recipe: &Recipe<'_>) -> &'static str {
    if recipe.kind().is_schedule_free() {
        "    optimizer.train()  # its first step is refused otherwise\n"
    } else {
        ""
    }
}

/// A class that the text has to bring along.
pub fn class(recipe: &Recipe<'_>) -> &'static str {
    if recipe.kind() == OptimizerKind::Muon { MUON } else { "" }
}

const MUON: &str = r#"class MuonAndAdamW(torch.optim.Optimizer):
    """PyTorch's Muon for matrices but tables of embeddings, and its AdamW for all else, as one optimizer."""

    def __init__(self, params, lr, momentum, ns_steps, nesterov, match_rms_adamw, betas, eps, weight_decay, tables=()):
        adjust = "match_rms_adamw" if match_rms_adamw else "original"
        shared = {"lr": lr, "weight_decay": weight_decay}
        groups = [group if isinstance(group, dict) else {"params": [group]} for group in params]
        tables = {id(table) for table in tables}
        self.parts = []
        for is_matrix in (True, False):
            own = []
            for group in groups:
                chosen = [p for p in group["params"] if (p.ndim == 2 and id(p) not in tables) == is_matrix]
                own += [group | {"params": chosen}] if chosen else []
            if own and is_matrix:
                numbers = {"momentum": momentum, "nesterov": nesterov, "ns_steps": ns_steps, "adjust_lr_fn": adjust}
                self.parts.append(torch.optim.Muon(own, **shared, **numbers))
            elif own:
                self.parts.append(torch.optim.AdamW(own, **shared, betas=betas, eps=eps))
        super().__init__([group for part in self.parts for group in part.param_groups], {})

    def step(self, closure=None):
        loss = None if closure is None else closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self):
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state):
        for part, saved in zip(self.parts, state["parts"]):
            part.load_state_dict(saved)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def tables(model):
    """The tables of embeddings, which nothing is multiplied by."""
    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Embedding)]
    return [layer.weight for layer in layers]


"#;

/// The call that makes the optimizer.
pub fn constructor(recipe: &Recipe<'_>, parameters: &str, lr: &str) -> String {
    let (class, numbers) = class_and_numbers(recipe, recipe.kind());
    let tables = if recipe.kind() == OptimizerKind::Muon { ", tables=tables(model)" } else { "" };
    format!("{class}({parameters}, lr={lr}, {numbers}{tables})")
}

/// The class of an optimizer with its package, and the arguments that are neither parameters nor the rate.
pub fn class_and_numbers(recipe: &Recipe<'_>, kind: OptimizerKind) -> (&'static str, String) {
    let number = |name| float(recipe.say(name));
    let betas = || format!("betas=({}, {}), ", number("beta1"), number("beta2"));
    let decay = format!("weight_decay={}", number("weight_decay"));
    let option = |name: &str| if recipe.has(name) { format!(", {name}=True") } else { String::new() };
    let unusual = |name: &str| match recipe.say(name) {
        0.0 => String::new(),
        value => format!(", {name}={}", float(value)),
    };
    match kind {
        OptimizerKind::Sgd => {
            let rest = unusual("dampening") + &option("nesterov");
            ("torch.optim.SGD", format!("momentum={}, {decay}{rest}", number("momentum")))
        }
        OptimizerKind::Adam => {
            ("torch.optim.Adam", format!("{}eps={}, {decay}{}", betas(), number("eps"), option("amsgrad")))
        }
        OptimizerKind::AdamW => {
            let numbers = format!("{}eps={}, {decay}{}", betas(), number("eps"), option("amsgrad"));
            if recipe.has("cautious") {
                ("timm.optim.AdamWLegacy", format!("{numbers}, caution=True"))
            } else {
                ("torch.optim.AdamW", numbers)
            }
        }
        OptimizerKind::RmsProp => (
            "torch.optim.RMSprop",
            format!(
                "alpha={}, eps={}, momentum={}, {decay}{}",
                number("alpha"),
                number("eps"),
                number("momentum"),
                option("centered")
            ),
        ),
        OptimizerKind::Adagrad => {
            let rest = unusual("lr_decay") + &unusual("initial_accumulator_value");
            ("torch.optim.Adagrad", format!("eps={}, {decay}{rest}", number("eps")))
        }
        // PyTorch has no Lion; these are its most used copies.
        OptimizerKind::Lion if recipe.has("cautious") => {
            ("timm.optim.Lion", format!("{}{decay}, caution=True", betas()))
        }
        OptimizerKind::Lion => ("lion_pytorch.Lion", format!("{}{decay}", betas())),
        OptimizerKind::NAdam => {
            let rest =
                format!("momentum_decay={}", number("momentum_decay")) + &option("decoupled_weight_decay");
            ("torch.optim.NAdam", format!("{}eps={}, {decay}, {rest}", betas(), number("eps")))
        }
        OptimizerKind::RAdam => {
            let rest = option("decoupled_weight_decay");
            ("torch.optim.RAdam", format!("{}eps={}, {decay}{rest}", betas(), number("eps")))
        }
        // PyTorch has no LAMB; timm's, unless told otherwise, clips too and leaves what does not decay to Adam.
        OptimizerKind::Lamb => {
            let rest = "max_grad_norm=None, always_adapt=True";
            ("timm.optim.Lamb", format!("{}eps={}, {decay}, {rest}", betas(), number("eps")))
        }
        OptimizerKind::Adafactor => {
            let numbers = format!(
                "beta2_decay={}, eps=({}, {})",
                number("beta2_decay"),
                number("eps1"),
                number("eps2")
            );
            ("torch.optim.Adafactor", format!("{numbers}, d={}, {decay}", number("d")))
        }
        OptimizerKind::Prodigy => {
            let rest = option("use_bias_correction") + &option("safeguard_warmup");
            let distance = format!("d0={}, d_coef={}", number("d0"), number("d_coef"));
            ("prodigyopt.Prodigy", format!("{}eps={}, {decay}, {distance}{rest}", betas(), number("eps")))
        }
        OptimizerKind::Muon => {
            let flag = |name| if recipe.has(name) { "True" } else { "False" };
            let matrices = format!("momentum={}, ns_steps={:.0}", number("momentum"), recipe.say("ns_steps"));
            let switches =
                format!("nesterov={}, match_rms_adamw={}", flag("nesterov"), flag("match_rms_adamw"));
            ("MuonAndAdamW", format!("{matrices}, {switches}, {}eps={}, {decay}", betas(), number("eps")))
        }
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
    recipe.varying.iter().for_each(|varying| lines.push_str(&set(varying.name)));
    lines.push_str("        return super().get_lr()\n");
    lines
}

/// A line that sets a number of a parameter group.
pub fn set(name: &str) -> String {
    let set = match name {
        "beta1" => "group[\"betas\"] = (beta1(self.last_epoch), group[\"betas\"][1])".to_owned(),
        "beta2" => "group[\"betas\"] = (group[\"betas\"][0], beta2(self.last_epoch))".to_owned(),
        name => format!("group[\"{name}\"] = {name}(self.last_epoch)"),
    };
    format!("            {set}\n")
}

/// `build`, where the rates come from a function.
pub fn build(recipe: &Recipe<'_>, class: &str) -> String {
    let parameters = match recipe.run.layer_decay {
        None => {
            return format!(
                "\n\ndef build(model):\n    \"\"\"The optimizer and its scheduler.\"\"\"\n    optimizer = {}\n{}    \
             scheduler = {class}(optimizer, Factor())\n    return optimizer, scheduler\n",
                constructor(recipe, "model.parameters()", "PEAK"),
                prepared(recipe)
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
         \"\"\"The optimizer and its scheduler.\"\"\"\n    optimizer = {}\n{}    scheduler = {class}(optimizer, \
         Factor())\n    return optimizer, scheduler\n",
        constructor(recipe, "groups(model)", "PEAK"),
        prepared(recipe)
    )
}
