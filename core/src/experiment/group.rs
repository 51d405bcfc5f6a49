//! Parameter groups: matrices and vectors of a model that learn by other numbers than the rest of a run.

use std::sync::Arc;

use super::{Experiment, Model, Norm, Run};
use crate::schedule::{Schedule, Span};

/// The most groups a run has.
pub const MOST: usize = 8;

/// Parameters of a run, chosen by name, with a rate, a weight decay or a beginning of their own.
///
/// A parameter belongs to the first group of its run that matches it, if any.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Which parameters; also the group's name in plots and logs.
    pub pattern: Pattern,
    pub lr: GroupRate,
    /// The weight decay in place of the optimizer's.
    pub weight_decay: Option<f64>,
    /// For so long from the run's beginning the parameters stay as they are and are no part of the gradient.
    pub freeze: Option<Span>,
}

/// The rate of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRate {
    /// The run's rate times this.
    Factor(f64),
    /// A schedule of its own, in place of the run's.
    Schedule(Box<Schedule>),
}

/// Which parameters weight decay shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decay {
    #[default]
    All,
    /// Biases, and the gains and biases of norms, do not decay: what transformers and timm do.
    Matrices,
}

/// Which parameters a group holds: a word of [`Pattern::WORDS`], `layer N`, or a glob over names (`*` is any text,
/// `?` one character).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// A matrix or vector of a model, as patterns see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    /// Counted from the input, the head last.
    pub layer: usize,
}

/// The tables that nothing is multiplied by.
const EMBEDDINGS: [&str; 2] = ["tokens", "positions"];

impl Group {
    /// A group that learns as the rest does.
    pub fn new(pattern: &str) -> Self {
        Self { pattern: Pattern::new(pattern), lr: GroupRate::Factor(1.0), weight_decay: None, freeze: None }
    }

    /// The name in plots and logs.
    pub fn name(&self) -> &str {
        &self.pattern.0
    }
}

impl Decay {
    /// Both, by their names in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("all", Self::All), ("matrices", Self::Matrices)];
}

impl Pattern {
    /// The words, and what each matches.
    pub const WORDS: [(&'static str, &'static str); 4] = [
        ("bias", "every bias, those of norms too"),
        ("norm", "gains and biases of normalisations"),
        ("embedding", "tables of embeddings"),
        ("head", "the last layer's matrix and bias"),
    ];

    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it matches a parameter of a model whose head is the module of this name.
    fn matches(&self, parameter: &Named, head: Option<&str>) -> bool {
        let name = parameter.name.as_str();
        match self.0.as_str() {
            "bias" => name.ends_with(".bias"),
            "norm" => is_of_norm(name),
            "embedding" => EMBEDDINGS.contains(&name),
            "head" => head.is_some() && module(name) == head,
            text => match text.strip_prefix("layer ").and_then(|layer| layer.trim().parse::<usize>().ok()) {
                Some(layer) => layer == parameter.layer,
                None => glob(text.as_bytes(), name.as_bytes()),
            },
        }
    }
}

impl Experiment {
    /// The names of all groups of all runs, in their order.
    pub fn group_names(&self) -> Arc<[Arc<str>]> {
        let mut names: Vec<Arc<str>> = Vec::new();
        for group in self.runs.iter().flat_map(|run| &run.groups) {
            if !names.iter().any(|name| **name == *group.name()) {
                names.push(group.name().into());
            }
        }
        names.into()
    }
}

impl Run {
    /// The group of each parameter, by its place among the run's groups: the first that matches.
    pub fn group_of_each(&self, parameters: &[Named]) -> Vec<Option<usize>> {
        let head = head(parameters);
        let first = |parameter| self.groups.iter().position(|group| group.pattern.matches(parameter, head));
        parameters.iter().map(first).collect()
    }

    /// The first group that holds no parameter, and whether an earlier one took all that it matches.
    pub fn idle_group(&self, parameters: &[Named]) -> Option<(usize, bool)> {
        let (each, head) = (self.group_of_each(parameters), head(parameters));
        let idle = (0..self.groups.len()).find(|at| !each.contains(&Some(*at)))?;
        let pattern = &self.groups.get(idle)?.pattern;
        Some((idle, parameters.iter().any(|parameter| pattern.matches(parameter, head))))
    }

    /// Whether every parameter has the run's own numbers.
    pub fn is_uniform(&self) -> bool {
        self.groups.is_empty() && self.layer_decay.is_none() && self.decay == Decay::All
    }
}

impl Model {
    /// The model's matrices and vectors, in their order, as far as the file alone tells.
    pub fn parameters(&self) -> Vec<Named> {
        const AFFINE: [&str; 2] = [".weight", ".bias"];
        const NORM: [&str; 2] = [".gain", ".bias"];
        let mut all = Vec::new();
        let mut add = |layer: usize, module: &str, parts: &[&str]| {
            all.extend(parts.iter().map(|part| Named { name: format!("{module}{part}"), layer }));
        };
        match self {
            Self::Mlp { hidden, .. } => {
                (0..=hidden.len()).for_each(|at| add(at, &format!("layer{at}"), &AFFINE));
            }
            Self::Cnn { channels } => {
                (0..channels.len()).for_each(|at| add(at, &format!("convolution{at}"), &AFFINE));
                add(channels.len(), "head", &AFFINE);
            }
            Self::Transformer { layers, norm, .. } => {
                EMBEDDINGS.iter().for_each(|table| add(0, table, &[""]));
                for at in 0..*layers {
                    let mut block =
                        |name: &str, parts: &[&str]| add(at + 1, &format!("block{at}.{name}"), parts);
                    block("norm1", &NORM);
                    ["q", "k", "v", "o"].iter().for_each(|name| block(name, &AFFINE));
                    block("norm2", &NORM);
                    ["up", "down"].iter().for_each(|name| block(name, &AFFINE));
                }
                if *norm == Norm::Pre {
                    add(layers + 1, "norm", &NORM);
                }
                add(layers + 1, "head", &AFFINE);
            }
            Self::Surface { .. } => add(0, "point", &[""]),
        }
        all
    }
}

impl Named {
    /// Whether it is a vector: a bias, part of a norm, or a surface's point.
    pub fn is_vector(&self) -> bool {
        self.name.ends_with(".bias") || is_of_norm(&self.name) || self.name == "point"
    }
}

/// The module of the last matrix.
fn head(parameters: &[Named]) -> Option<&str> {
    parameters.iter().rev().find_map(|parameter| parameter.name.strip_suffix(".weight"))
}

/// What a parameter is a part of.
fn module(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(module, _)| module)
}

fn is_of_norm(name: &str) -> bool {
    let last = module(name).map(|module| module.rsplit('.').next().unwrap_or(module));
    last.is_some_and(|module| module.starts_with("norm"))
}

/// Whether a name is of the form that a glob describes.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut here) = (0, 0);
    // The last star, and where what follows it is tried.
    let mut star: Option<(usize, usize)> = None;
    while here < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(c) if *c == b'?' || *c == name[here] => (at, here) = (at + 1, here + 1),
            _ => {
                let Some((last, from)) = star else { return false };
                star = Some((last, from + 1));
                (at, here) = (last + 1, from + 1);
            }
        }
    }
    pattern[at.min(pattern.len())..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_a_shell() {
        let cases = [
            ("block*.q.*", "block12.q.weight", true),
            ("block?.q.*", "block12.q.weight", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("q", "q.weight", false),
            ("", "q", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(glob(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
