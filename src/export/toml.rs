//! Our own experiment file with this run alone: nothing is lost, controllers included.

use super::Draft;
use super::alone::alone;
use super::recipe::Recipe;

pub fn write(recipe: &Recipe<'_>) -> Draft {
    recipe.says_everything();
    Draft {
        text: alone(recipe).to_toml(),
        predicted: recipe.drawn.clone(),
        table: None,
        approximated: "",
        notes: vec!["Carried: everything the experiment says of this run.".to_owned()],
    }
}
