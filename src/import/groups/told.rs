//! Groups that a configuration names, by the words it has for parts of a model.

use super::super::{Imported, Unread};
use super::stand_in::{BODIES, EMBEDDINGS, HEADS};
use crate::experiment::{Decay, Group, GroupRate, Number};

/// What a configuration says of a part of the model.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Told {
    /// The configuration's word for the part, and the pattern that it comes to, where there is one.
    pub word: String,
    pub pattern: Option<&'static str>,
    /// What multiplies the rate.
    pub rate: f64,
    /// The weight decay, where it is its own.
    pub decay: Option<f64>,
    pub line: usize,
}

impl Told {
    pub fn new(word: &str, line: usize) -> Self {
        Self { word: word.to_owned(), pattern: pattern_of(word), rate: 1.0, decay: None, line }
    }
}

/// The pattern of ours for a word: `*` is everything that no pattern before it has.
pub(in super::super) fn pattern_of(word: &str) -> Option<&'static str> {
    let word = word.trim_matches('.').to_lowercase();
    let last = word.rsplit('.').next().unwrap_or(&word);
    let is = |known: &[&str]| known.contains(&last);
    match last {
        "bias" | "biases" | "q_bias" | "v_bias" => Some("bias"),
        "gamma" | "beta" | "scale" | "bn" | "ln" => Some("norm"),
        _ if last.contains("norm") => Some("norm"),
        _ if is(&EMBEDDINGS)
            || last.contains("embed")
            || last.contains("_token")
            || last.ends_with("_table") =>
        {
            Some("embedding")
        }
        _ if is(&HEADS) || last.contains("head") || last.contains("classifier") => Some("head"),
        _ if is(&BODIES) || last.contains("backbone") => Some("*"),
        _ => None,
    }
}

impl Imported {
    /// Gives the run the groups that a configuration tells of, the first that matches a parameter first.
    pub(in super::super) fn tell_groups(&mut self, told: Vec<Told>) {
        let decays = self.optimizer.as_ref().and_then(|optimizer| optimizer.get("weight_decay")).cloned();
        let run = match decays {
            Some(Number::Fixed(decay)) => decay,
            _ => 0.0,
        };
        let mut told: Vec<Told> = told
            .into_iter()
            .map(|it| Told { decay: it.decay.filter(|decay| *decay != run), ..it })
            .filter(|it| it.rate != 1.0 || it.decay.is_some())
            .collect();
        let spares = |pattern: &str| {
            told.iter().any(|it| it.pattern == Some(pattern) && it.decay == Some(0.0) && it.rate == 1.0)
        };
        if run > 0.0 && spares("bias") && spares("norm") {
            self.decay = Decay::Matrices;
            let is_spared = |it: &Told| matches!(it.pattern, Some("bias" | "norm")) && it.rate == 1.0;
            told.retain(|it| !is_spared(it));
        }
        // What is said of everything but the head has to leave the head alone.
        let ends = told.iter().any(|it| it.pattern == Some("*"));
        for it in &told {
            let Some(pattern) = it.pattern else {
                let what = format!(
                    "the group {} (rate times {}{}), which has no counterpart in a model here",
                    it.word,
                    it.rate,
                    it.decay.map_or_else(String::new, |decay| format!(", weight decay {decay}"))
                );
                self.leave(Unread::telling(what, it.line));
                continue;
            };
            if pattern != "*" && !self.groups.iter().any(|group| group.name() == pattern) {
                self.groups.push(own(pattern, it));
            }
        }
        if ends {
            if !self.groups.iter().any(|group| group.name() == "head") {
                self.groups.push(Group::new("head"));
            }
            let last = told.iter().find(|it| it.pattern == Some("*"));
            self.groups.extend(last.map(|it| own("*", it)));
        }
        let told: Vec<String> =
            told.iter().filter_map(|it| Some(format!("{} as \"{}\"", it.word, it.pattern?))).collect();
        if !told.is_empty() {
            self.note(format!("parts of the model were taken by their names: {}", told.join(", ")));
        }
    }
}

fn own(pattern: &str, told: &Told) -> Group {
    Group { lr: GroupRate::Factor(told.rate), weight_decay: told.decay, ..Group::new(pattern) }
}
