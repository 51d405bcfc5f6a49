//! The parameter groups that a program gives its optimizer.
//!
//! Which parameters are in each is found out by following the program on a [stand-in](stand_in) for its model; what
//! that comes to in groups of ours is [derived](derive). What cannot be said is told with its line.

mod apply;
mod call;
mod derive;
mod eval;
mod known;
mod run;
mod stand_in;
mod told;
mod value;
mod walk;

use std::collections::BTreeMap;

use super::Unread;
use super::python::{Call, Program, Within};
use crate::experiment::Decay;

use eval::{Eval, LINE, SHOWN, Stop};
use stand_in::Model;
use value::Value;

pub(super) use derive::Plan;
pub(super) use told::{Told, pattern_of};
pub(super) use walk::expressions;

/// A group as the program gives it.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub name: String,
    pub line: usize,
    /// What its rate begins at before any scheduler, and the highest that it comes to.
    pub rate: f64,
    pub peak: f64,
    pub decay: f64,
    /// The parameters of the stand-in that it has; nothing where that could not be found out.
    members: Option<Vec<usize>>,
}

/// What a program's groups are.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub taken: Vec<Taken>,
    pub plan: Plan,
    pub assumed: Vec<String>,
    pub unread: Vec<Unread>,
    /// Whether the text multiplies the rate of a group by its `lr_scale`.
    scaled: bool,
    model: Model,
    /// Which parameters of the model get no gradient.
    frozen: Vec<bool>,
}

/// The groups that an optimizer's call is given, where it is given more than all parameters alike. `rate` and
/// `decay` hold where a group says nothing; what an optimizer does not get stays frozen where it is `alone`.
pub(super) fn of_call(program: &Program, call: &Call, rate: f64, decay: f64, alone: bool) -> Option<Found> {
    let sites = program.sites();
    let is = |site: &&super::python::Site<'_>| std::ptr::eq(site.call, call) || *site.call == *call;
    let site = sites.iter().find(is)?;
    let model = Model::of(program);
    let mut eval = Eval::new(program, &model, site.call);
    let function = site.within.iter().rev().find_map(|within| match within {
        Within::Def(function) => Some(*function),
        _ => None,
    });
    let done = match function {
        Some(function) => eval.apply(function, Vec::new(), Vec::new()).map(|_| ()),
        None => eval.body(&program.body).map(|_| ()),
    };
    let mut found = Found::default();
    let captured = match (done, eval.captured.take()) {
        (Err(Stop::Found), Some(captured)) => captured,
        (Err(Stop::Fuel), _) => {
            found
                .unread
                .push(Unread::telling("the parameter groups, which take too long to follow", call.line));
            return Some(found);
        }
        _ => return None,
    };
    let frozen = std::mem::take(&mut eval.frozen);
    drop(eval);
    match captured.items() {
        Some(items) if items.iter().any(|item| matches!(item, Value::Table(_))) => {
            found.scaled = scales(program);
            for (at, item) in items.iter().enumerate() {
                found.take(&model, item, at, (rate, decay), call.line);
            }
        }
        _ => {
            let listed = matches!(captured, Value::List(_)) && alone;
            let members = members(&model, &captured, "", &mut Vec::new());
            let is_part = members.as_ref().is_some_and(|members| members.len() < model.parameters.len());
            if members.is_none() || !(frozen.contains(&true) || listed && is_part) {
                return None;
            }
            let name = "the parameters".to_owned();
            found.taken.push(Taken { name, line: call.line, rate, peak: rate, decay, members });
        }
    }
    found.remainder(&model);
    (found.model, found.frozen) = (model, frozen);
    found.derive();
    Some(found)
}

impl Found {
    /// Notes the highest rate that each group comes to, which its schedulers say, and derives the groups of ours again.
    pub fn reaches(&mut self, peaks: &[f64]) {
        for (taken, peak) in self.taken.iter_mut().zip(peaks) {
            taken.peak = *peak;
        }
        self.unread.retain(|unread| !unread.name.contains(derive::OTHERWISE));
        self.derive();
    }

    fn derive(&mut self) {
        if self.taken.iter().any(|taken| taken.members.is_some()) {
            self.plan = derive::plan(&self.model, &self.taken, &self.frozen, &mut self.unread);
        }
    }

    /// The first group of which nothing is known has what no other has; the others are told.
    fn remainder(&mut self, model: &Model) {
        let left = model.chosen(|it| matches!(it.role, stand_in::Role::Matrix(_)));
        let has =
            |taken: &Taken, at: &usize| taken.members.as_ref().is_some_and(|members| members.contains(at));
        let is_free = left.iter().all(|at| !self.taken.iter().any(|taken| has(taken, at)));
        let mut first = is_free && self.taken.iter().any(|taken| taken.members.is_some());
        let known: Vec<usize> =
            self.taken.iter().filter_map(|taken| taken.members.clone()).flatten().collect();
        for taken in self.taken.iter_mut().filter(|taken| taken.members.is_none()) {
            let (name, line) = (&taken.name, taken.line);
            if std::mem::take(&mut first) {
                self.assumed.push(format!(
                    "the group {name} (line {line}) was taken for everything that no other group has"
                ));
                let rest = (0..model.parameters.len()).filter(|at| !known.contains(at));
                taken.members = Some(rest.collect());
            } else {
                let what =
                    format!("the parameters of the group {name}, which have no counterpart in a model here");
                self.unread.push(Unread::telling(what, line));
            }
        }
    }

    /// Takes a table, or parameters alone.
    fn take(&mut self, model: &Model, item: &Value, at: usize, (rate, decay): (f64, f64), line: usize) {
        let number = |key: &str| item.entry(key).as_ref().and_then(Value::number);
        let line = number(LINE).map_or(line, |line| line as usize);
        let shown = match item.entry(SHOWN) {
            Some(Value::Text(shown)) => shown.to_string(),
            _ => String::new(),
        };
        let name = match item.entry("name") {
            Some(Value::Text(name)) => name.to_string(),
            _ if shown.is_empty() || shown.starts_with(['[', '<']) => at.to_string(),
            _ => shown.clone(),
        };
        for (key, otherwise) in [("lr", rate), ("weight_decay", decay)] {
            let is_known = number(key).is_some() || item.entry(key).is_none();
            if !is_known {
                self.assumed.push(format!(
                    "the {key} of the group {name} (line {line}) is not known here: the optimizer's {otherwise} was taken"
                ));
            }
        }
        if let Value::Table(pairs) = item {
            for (key, value) in pairs.borrow().iter() {
                let Value::Text(key) = key else { continue };
                let known = [
                    "params",
                    "lr",
                    "weight_decay",
                    "name",
                    "lr_scale",
                    "group_name",
                    "layer_id",
                    // What our own exports note.
                    "group",
                    "follows",
                    LINE,
                    SHOWN,
                ];
                if !known.contains(&&**key) {
                    let value = value.number().map_or(String::new(), |number| number.to_string());
                    let own = Unread::new(format!("{key} of the group {name}"), value, line);
                    self.unread.push(Unread { matters: true, ..own });
                }
            }
        }
        let scale = if self.scaled { number("lr_scale").unwrap_or(1.0) } else { 1.0 };
        let members = match item.entry("params") {
            Some(parameters) => members(model, &parameters, &shown, &mut self.assumed),
            None => members(model, item, &shown, &mut self.assumed),
        };
        let rate = number("lr").unwrap_or(rate) * scale;
        self.taken.push(Taken {
            name,
            line,
            rate,
            peak: rate,
            decay: number("weight_decay").unwrap_or(decay),
            members,
        });
    }

    /// What the groups were taken for, in sentences.
    fn sentences(&self) -> Vec<String> {
        let plan = &self.plan;
        let mut parts = Vec::new();
        if plan.decay == Decay::Matrices {
            parts.push("decay = \"matrices\"".to_owned());
        }
        parts.extend(plan.layer_decay.map(|decay| format!("layer_decay = {decay}")));
        parts.extend(plan.groups.iter().map(|group| format!("a group \"{}\"", group.pattern)));
        if parts.is_empty() {
            return Vec::new();
        }
        let count = self.taken.len();
        let groups =
            if count == 1 { "parameters".to_owned() } else { format!("{count} groups of parameters") };
        let mut sentences = vec![format!("the optimizer's {groups} were read as {}", parts.join(", "))];
        let has = |pattern: &str| plan.groups.iter().any(|group| group.pattern == pattern);
        if has("head") && !has("*") {
            let rest = if self.model.has_body() { "everything else" } else { "the other layers" };
            sentences.push(format!(
                "\"head\" is what the text calls {}, the run itself {rest}",
                self.model.head()
            ));
        }
        sentences
    }
}

/// Whether the text multiplies a group's rate by its `lr_scale`, as timm and those who copy it do.
fn scales(program: &Program) -> bool {
    let mut found = false;
    expressions(&program.body, &mut |expr| {
        found |= matches!(expr, super::python::Expr::Text(text) if text == "lr_scale");
    });
    found
        || program.imports().any(|import| import.starts_with("timm"))
        || program.calls().iter().any(|(_, call)| call.path.contains("param_groups_l"))
}

/// The parameters that a value stands for.
fn members(model: &Model, value: &Value, shown: &str, assumed: &mut Vec<String>) -> Option<Vec<usize>> {
    let by_name = |name: &str, assumed: &mut Vec<String>| {
        let found = named(model, name)?;
        assumed
            .push(format!("`{name}` was taken for what its name says: the text does not show what is in it"));
        Some(found)
    };
    match value {
        Value::Parameter(at) => Some(vec![*at]),
        Value::Path(name) => by_name(name, assumed),
        Value::List(items) => {
            let mut all = BTreeMap::new();
            for item in items.borrow().iter() {
                let item = match item {
                    // A pair of a name and a parameter.
                    Value::List(pair) => pair.borrow().get(1).cloned().unwrap_or(Value::Unknown),
                    item => item.clone(),
                };
                match item {
                    Value::Parameter(at) => _ = all.insert(at, ()),
                    Value::Path(path) => {
                        for at in model.below(&path)? {
                            all.insert(at, ());
                        }
                    }
                    _ => return None,
                }
            }
            Some(all.into_keys().collect())
        }
        Value::Unknown if !shown.is_empty() => by_name(shown, assumed),
        _ => None,
    }
}

/// What a name alone says of the parameters it holds.
fn named(model: &Model, name: &str) -> Option<Vec<usize>> {
    use stand_in::Role;
    let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    let words: Vec<&str> = last.split('_').collect();
    let has = |known: &[&str]| known.iter().any(|word| words.contains(word));
    if has(&["nodecay", "nowd", "undecayed"])
        || (has(&["no", "non", "not", "without", "wo"]) && has(&["decay", "wd", "decayed"]))
    {
        return Some(model.chosen(stand_in::StandIn::is_vector));
    }
    if has(&["bias", "biases"]) {
        return Some(
            model.chosen(|it| matches!(it.role, Role::Bias(_) | Role::NormBias(_) | Role::HeadBias)),
        );
    }
    if has(&["norm", "norms", "bn", "ln"]) {
        return Some(model.chosen(|it| matches!(it.role, Role::Gain(_) | Role::NormBias(_))));
    }
    if has(&["decay", "decayed", "wd", "weights", "matrices"]) {
        return Some(model.chosen(|it| !it.is_vector()));
    }
    if has(&[
        "rest",
        "others",
        "other",
        "base",
        "body",
        "backbone",
        "encoder",
        "trunk",
        "pretrained",
        "features",
    ]) {
        return Some(model.chosen(|it| !matches!(it.role, Role::Head | Role::HeadBias)));
    }
    if has(&["head", "heads", "classifier", "fc", "new"]) {
        return Some(model.chosen(|it| matches!(it.role, Role::Head | Role::HeadBias)));
    }
    if has(&["embed", "embedding", "embeddings"]) {
        return Some(model.chosen(|it| it.role == Role::Embedding));
    }
    None
}
