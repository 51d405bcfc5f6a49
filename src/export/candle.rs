//! candle has no schedulers: a function of the update for `set_learning_rate`.

use super::recipe::{Carries, Recipe};
use super::text::float;
use super::{Draft, rust};
use crate::experiment::OptimizerKind;

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let mut text = rust::header(recipe, "candle 0.11");
    text.push_str(&format!(
        "// Before update `i`: optimizer.set_learning_rate(rate(i)).\n\npub const UPDATES: usize = {};\n\n",
        recipe.updates()
    ));
    text.push_str(&rust::function(
        "rate",
        &recipe.rate,
        "The learning rate that update `update` uses, from 0.",
    ));
    for varying in &recipe.varying {
        let about = format!("The {} that update `update` uses.", varying.name);
        text.push('\n');
        text.push_str(&rust::function(varying.name, &varying.track, &about));
    }
    let is_adam = recipe.kind().base() == OptimizerKind::AdamW;
    if is_adam {
        let number = |name| float(recipe.say(name));
        text.push_str(&format!(
            "\n/// The optimizer's numbers.\npub fn parameters() -> candle_nn::ParamsAdamW {{\n    \
             candle_nn::ParamsAdamW {{\n        lr: rate(0),\n        beta1: {},\n        beta2: {},\n        eps: {},\n        \
             weight_decay: {},\n    }}\n}}\n",
            number("beta1"),
            number("beta2"),
            number("eps"),
            number("weight_decay")
        ));
    }
    let carries = Carries { schedules: true, mirror: true, weight_decay: is_adam, ..Carries::default() };
    let mut notes = recipe.notes(carries);
    if !is_adam {
        notes.push(recipe.refused("candle-nn has AdamW, and SGD without momentum"));
    }
    Draft {
        text,
        predicted: recipe.rate.values(recipe.updates()),
        table: Some("candle has no schedulers, so a function gives the rates".to_owned()),
        approximated: "",
        notes,
    }
}
