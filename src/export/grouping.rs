//! What texts of several targets ask of a run's parameter groups.

use super::groups::{GroupTrack, GroupTrackRate};
use super::python;
use super::recipe::Recipe;
use super::text::{float, quoted};
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

/// Python's functions of the groups' own rates, and the list `GROUPS` over them and the run's `rate`: of each group its
/// pattern, its rate, its weight decay and the first update that trains it; last what no group has.
pub fn table(recipe: &Recipe<'_>) -> String {
    let (mut text, mut rows) = (String::new(), String::new());
    for (at, group) in recipe.groups.iter().enumerate() {
        let rate = match &group.rate {
            GroupTrackRate::Factor(1.0) => "rate".to_owned(),
            GroupTrackRate::Factor(factor) => format!("lambda update: {} * rate(update)", float(*factor)),
            GroupTrackRate::Own(track) => {
                let name = format!("rate_{at}");
                text.push_str("\n\n");
                text.push_str(&python::function(&name, track, &group.about()));
                name
            }
        };
        let decay = group.weight_decay.map_or_else(|| "None".to_owned(), float);
        rows.push_str(&format!("    ({}, {rate}, {decay}, {}),\n", quoted(&group.name), group.thaw));
    }
    text.push_str(&format!(
        "\n\n# Which parameters, their rate, their weight decay where it is their own, and the first update that trains \
         them.\nGROUPS = [\n{rows}    (None, rate, None, 0),\n]\n"
    ));
    text
}
