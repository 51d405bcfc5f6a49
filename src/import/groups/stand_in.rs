//! A model to stand in for the one that a text trains: our own transformer, under the names that the text uses.
//!
//! What the text's own rules pick of it tells which parameters it means.

use std::collections::BTreeSet;

use super::super::python::{Expr, Program};
use super::walk;
use crate::experiment::group::Named;

/// What a parameter of the stand-in is, with its layer where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Embedding,
    Matrix(usize),
    Bias(usize),
    Gain(usize),
    NormBias(usize),
    Head,
    HeadBias,
}

#[derive(Clone, Debug)]
pub(super) struct StandIn {
    /// Its name in the text's words.
    pub name: String,
    pub role: Role,
    /// The same in ours.
    pub ours: Named,
}

/// The model, and its words.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub parameters: Vec<StandIn>,
    pub layers: usize,
    /// The module that the layers are in, with a dot behind it; the last one's name.
    body: String,
    head: String,
}

/// Names of models as a whole.
const WHOLE: [&str; 14] = [
    "self",
    "model",
    "module",
    "net",
    "network",
    "m",
    "student",
    "policy",
    "raw_model",
    "unwrapped_model",
    "model_without_ddp",
    "_orig_mod",
    "learn",
    "pl_module",
];
pub(super) const HEADS: [&str; 22] = [
    "head",
    "heads",
    "classifier",
    "fc",
    "lm_head",
    "classification_head",
    "decode_head",
    "score",
    "cls",
    "last_layer",
    "final_layer",
    "output_layer",
    "predictor",
    "proj_out",
    "fc_out",
    "qa_outputs",
    "out_layer",
    "logits",
    "decoder",
    "linear",
    "output",
    "last_linear",
];
pub(super) const BODIES: [&str; 18] = [
    "backbone",
    "encoder",
    "bert",
    "roberta",
    "distilbert",
    "deberta",
    "base_model",
    "base",
    "body",
    "features",
    "feature_extractor",
    "extractor",
    "trunk",
    "transformer",
    "visual",
    "pretrained",
    "resnet",
    "vit",
];
const CONTAINERS: [&str; 7] = ["layers", "layer", "blocks", "h", "resblocks", "block", "stages"];
pub(super) const EMBEDDINGS: [&str; 12] = [
    "embeddings",
    "embed_tokens",
    "word_embeddings",
    "wte",
    "tok_embeddings",
    "token_embedding",
    "embedding",
    "embed",
    "emb",
    "pos_embed",
    "wpe",
    "tokens",
];
/// Layers where the text does not say how many.
const LAYERS: usize = 12;
const MOST_LAYERS: usize = 48;

impl Model {
    /// The stand-in in the words of a program.
    pub fn of(program: &Program) -> Self {
        let (mut words, mut paths, mut counts) = (BTreeSet::new(), Vec::new(), Vec::new());
        walk::expressions(&program.body, &mut |expr| match expr {
            Expr::Text(text) if text.len() <= 60 => {
                words.extend(text.split(['.', ' ', '{', '}']).map(str::to_owned));
                paths.push(text.clone());
            }
            Expr::Name(path) => {
                words.extend(path.split('.').map(str::to_owned));
                paths.push(path.clone());
            }
            Expr::Call(call) => {
                words.extend(call.path.split('.').map(str::to_owned));
                paths.push(call.path.clone());
                if let ("range", Some(Expr::Number(count))) = (call.name.as_str(), call.arguments.first()) {
                    counts.push(*count);
                }
            }
            _ => {}
        });
        let word =
            |known: &[&str]| known.iter().find(|word| words.contains(**word)).map(|it| (*it).to_owned());
        let numbered = numbered(&words);
        let container = word(&CONTAINERS).unwrap_or_else(|| "layers".to_owned());
        let body = body(&paths, &container).or_else(|| word(&BODIES)).map_or(String::new(), |it| it + ".");
        let head = word(&HEADS).unwrap_or_else(|| "head".to_owned());
        let counted = counts.into_iter().filter(|count| (2.0..=MOST_LAYERS as f64).contains(count));
        let layers = match &numbered {
            Some((_, last)) => *last,
            None => counted
                .fold(None, |most: Option<f64>, count| Some(most.map_or(count, |it| it.max(count))))
                .map_or(LAYERS, |count| count as usize),
        };
        let embedding = word(&EMBEDDINGS).unwrap_or_else(|| "embeddings".to_owned());
        let (norm, gain, norm_bias) = norm(&words);
        let first = body
            .split('.')
            .next()
            .map_or(String::new(), |it| if it.is_empty() { String::new() } else { format!("{it}.") });
        let mut parameters =
            vec![stand_in(format!("{first}{embedding}.weight"), Role::Embedding, "tokens", 0)];
        for at in 0..layers {
            let layer = match &numbered {
                Some((stem, _)) => format!("{body}{stem}{}", at + 1),
                None => format!("{body}{container}.{at}"),
            };
            let mut add = |name: String, role, ours: &str| {
                parameters.push(stand_in(name, role, &format!("block{at}.{ours}"), at + 1));
            };
            add(format!("{layer}.{norm}.{gain}"), Role::Gain(at), "norm1.gain");
            add(format!("{layer}.{norm}.{norm_bias}"), Role::NormBias(at), "norm1.bias");
            add(format!("{layer}.attn.weight"), Role::Matrix(at), "q.weight");
            add(format!("{layer}.attn.bias"), Role::Bias(at), "q.bias");
        }
        parameters.push(stand_in(format!("{head}.weight"), Role::Head, "head.weight", layers + 1));
        parameters.push(stand_in(format!("{head}.bias"), Role::HeadBias, "head.bias", layers + 1));
        Self { parameters, layers, body, head }
    }

    /// The parameters below a module, by its path in the text; nothing where the stand-in has no such module.
    pub fn below(&self, path: &str) -> Option<Vec<usize>> {
        let mut parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
        while parts.first().is_some_and(|first| WHOLE.contains(first)) {
            parts.remove(0);
        }
        if parts.is_empty() {
            return Some((0..self.parameters.len()).collect());
        }
        let module = self.module(&parts.join(".")).or_else(|| self.module(&parts.get(1..)?.join(".")));
        if let Some(module) = module {
            let within =
                |it: &StandIn| it.name.strip_prefix(&module).is_some_and(|rest| rest.starts_with('.'));
            return Some(self.chosen(within));
        }
        let last = parts.last().copied().unwrap_or_default();
        let of_head = |it: &StandIn| matches!(it.role, Role::Head | Role::HeadBias);
        if HEADS.contains(&last) || last.contains("head") || last.contains("classifier") {
            return Some(self.chosen(of_head));
        }
        if BODIES.contains(&last) || last.contains("backbone") || last.contains("encoder") {
            return Some(self.chosen(|it| !of_head(it)));
        }
        if EMBEDDINGS.contains(&last) || last.contains("embed") {
            return Some(self.chosen(|it| it.role == Role::Embedding));
        }
        // One name alone is that of a model.
        (parts.len() == 1 && path == last).then(|| (0..self.parameters.len()).collect())
    }

    /// A module that the stand-in has, by the end of its path.
    fn module(&self, path: &str) -> Option<String> {
        if path.is_empty() {
            return None;
        }
        let modules = self.modules();
        let is = |module: &&String| {
            **module == path || module.strip_suffix(path).is_some_and(|rest| rest.ends_with('.'))
        };
        modules.iter().filter(is).min_by_key(|module| module.len()).cloned()
    }

    /// All modules, the outer ones before those in them.
    pub fn modules(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for parameter in &self.parameters {
            for (at, _) in parameter.name.match_indices('.') {
                let module = parameter.name.get(..at).unwrap_or_default();
                if !found.iter().any(|known| known == module) {
                    found.push(module.to_owned());
                }
            }
        }
        found
    }

    /// The layers below a container, in their order, by its path in the text.
    pub fn children(&self, path: &str) -> Option<Vec<String>> {
        let parts: Vec<&str> = path.split('.').filter(|part| !WHOLE.contains(part)).collect();
        let module = if parts.is_empty() { String::new() } else { self.module(&parts.join("."))? + "." };
        let direct = |name: &&String| {
            name.strip_prefix(&module).is_some_and(|rest| !rest.is_empty() && !rest.contains('.'))
        };
        Some(self.modules().iter().filter(direct).cloned().collect())
    }

    /// The class of a module that has parameters of its own.
    pub fn class(&self, module: &str) -> Option<&'static str> {
        let owns = |it: &&StandIn| {
            let rest = it.name.strip_prefix(module).and_then(|rest| rest.strip_prefix('.'));
            rest.is_some_and(|rest| !rest.contains('.'))
        };
        Some(match self.parameters.iter().find(owns)?.role {
            Role::Gain(_) | Role::NormBias(_) => "LayerNorm",
            Role::Embedding => "Embedding",
            Role::Matrix(_) | Role::Bias(_) | Role::Head | Role::HeadBias => "Linear",
        })
    }

    /// Whether a module is of a class, by the class's name.
    pub fn is_of_class(&self, module: &str, class: &str) -> bool {
        let class = class.rsplit('.').next().unwrap_or(class);
        match self.class(module) {
            Some("LayerNorm") => class.contains("Norm"),
            Some("Embedding") => class.contains("Embedding"),
            Some(_) => ["Linear", "Conv1D", "Conv1d", "Conv2d"].contains(&class),
            None => class == "Module",
        }
    }

    pub fn chosen(&self, is: impl Fn(&StandIn) -> bool) -> Vec<usize> {
        (0..self.parameters.len()).filter(|at| self.parameters.get(*at).is_some_and(&is)).collect()
    }

    /// The model's parts in the text's words, for a sentence.
    pub fn head(&self) -> &str {
        &self.head
    }

    pub fn has_body(&self) -> bool {
        !self.body.is_empty()
    }
}

impl StandIn {
    pub fn is_vector(&self) -> bool {
        !matches!(self.role, Role::Embedding | Role::Matrix(_) | Role::Head)
    }
}

fn stand_in(name: String, role: Role, ours: &str, layer: usize) -> StandIn {
    StandIn { name, role, ours: Named { name: ours.to_owned(), layer } }
}

/// `layer1` to `layer4`: the stem and the last number.
fn numbered(words: &BTreeSet<String>) -> Option<(String, usize)> {
    let mut found: Option<(String, usize)> = None;
    for word in words {
        for stem in ["layer", "stage", "block"] {
            let number = word.strip_prefix(stem).and_then(|rest| rest.parse::<usize>().ok());
            if let Some(number) = number.filter(|number| (2..=MOST_LAYERS).contains(number)) {
                let most = found.as_ref().map_or(0, |(_, most)| *most);
                found = Some((stem.to_owned(), most.max(number)));
            }
        }
    }
    found
}

/// The modules before the container of layers in some path of the text: `bert.encoder` of `bert.encoder.layer`.
fn body(paths: &[String], container: &str) -> Option<String> {
    paths.iter().find_map(|path| {
        let parts: Vec<&str> = path.split('.').collect();
        let at = parts.iter().position(|part| *part == container)?;
        let before: Vec<&str> =
            parts.get(..at)?.iter().copied().filter(|part| !WHOLE.contains(part)).collect();
        let is_name = |part: &&str| part.chars().all(|c| c.is_alphanumeric() || c == '_') && !part.is_empty();
        (!before.is_empty() && before.iter().all(is_name)).then(|| before.join("."))
    })
}

/// How a normalisation is called, and its two vectors.
fn norm(words: &BTreeSet<String>) -> (String, &'static str, &'static str) {
    let is_class = |word: &str| ["LayerNorm", "BatchNorm1d", "BatchNorm2d", "GroupNorm"].contains(&word);
    let of = |word: &&String| {
        let low = word.to_lowercase();
        let is_word = low.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_word
            && (low.ends_with("norm")
                || low == "ln"
                || low == "bn"
                || low.starts_with("ln_")
                || low.starts_with("bn_"))
            && !low.contains("grad")
            && !low.contains("clip")
            && !low.contains("max")
    };
    let found = words.iter().filter(of).find(|word| !is_class(word)).or_else(|| words.iter().find(of));
    let name = found.map_or_else(
        || "norm".to_owned(),
        |word| {
            if word.ends_with('_') { format!("{word}1") } else { word.clone() }
        },
    );
    match words.contains("gamma") && words.contains("beta") && found.is_none() {
        true => (name, "gamma", "beta"),
        false => (name, "weight", "bias"),
    }
}
