//! Our own experiment file with this run alone: nothing is lost, controllers included.

use super::Draft;
use super::recipe::Recipe;
use crate::experiment::Experiment;

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let alone = Experiment { runs: vec![recipe.run.clone()], ..recipe.experiment.clone() };
    Draft {
        text: alone.to_toml(),
        predicted: recipe.drawn.clone(),
        table: None,
        approximated: "",
        notes: vec!["Carried: everything the experiment says of this run.".to_owned()],
    }
}
