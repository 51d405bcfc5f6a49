//! What texts of several targets ask of a run's parameter groups.

use super::groups::GroupTrack;
use super::recipe::Recipe;
use crate::experiment::Decay;
use crate::experiment::group::{Named, Pattern};

/// What a text needs to find the parameters of groups.
pub struct Words {
    /// Whether there are patterns to match.
    pub patterns: bool,
    /// Whether the order of the layers matters.
    pub layers: bool,
}

impl Words {
    pub fn of(recipe: &Recipe<'_>) -> Self {
        let of_layers = |group: &GroupTrack| group.name == "head" || group.name.starts_with("layer ");
        Self {
            patterns: !recipe.groups.is_empty(),
            layers: recipe.run.layer_decay.is_some() || recipe.groups.iter().any(of_layers),
        }
    }
}

impl Recipe<'_> {
    /// Whether parameters differ in their rate, their decay or their beginning.
    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty()
            || self.run.layer_decay.is_some()
            || (self.run.decay == Decay::Matrices && self.decays())
    }

    /// Which globs are of our own model's names, to be written for another one.
    pub fn own_names(&self) -> Option<String> {
        let words = Pattern::WORDS.map(|(word, _)| word);
        let own: Vec<&str> = self
            .groups
            .iter()
            .map(|group| group.name.as_str())
            .filter(|name| !words.contains(name) && !name.starts_with("layer "))
            .collect();
        let known: Vec<Named> = self.experiment.model.parameters();
        let example = known.first().map(|named| named.name.clone()).unwrap_or_default();
        (!own.is_empty()).then(|| {
            format!(
                "Check: {} match names of this model, such as {example}; write those of yours.",
                own.join(", ")
            )
        })
    }
}
