//! LLaMA-Factory: the arguments of Hugging Face in its training YAML.

use super::Draft;
use super::hugging_face::{WHY, arguments, nearest, notes, yaml_text};
use super::recipe::Recipe;
use super::text::yaml;

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let scheduler = nearest(recipe);
    Draft {
        text: yaml_text(recipe, "LLaMA-Factory 0.9.5", &arguments(recipe, Some(&scheduler), yaml)),
        predicted: recipe.predict(|update| scheduler.at(update)),
        table: None,
        approximated: WHY,
        notes: notes(recipe),
    }
}
