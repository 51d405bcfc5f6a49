//! A sweep from its section, its space checked value by value against the experiment it is of.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use toml::Value;

use super::error::FileError;
use super::near::nearest;
use super::node::{Fields, Node};
use super::sweep::{Axis, Objective, Prune, Range, Search, Sweep, Unit, Values};
use super::vary::{Base, VaryError, has_field, is_kind};
use super::{Experiment, Source};
use crate::schedule::{Clock, Span};

const OVER: &str = "at least one path and its values, such as \"lr.peak\" = { from = 1e-3, to = 1.0, scale = \"log\", points = 16 }";
const AXIS: &str = "{ from = number, to = number, scale = \"log\", points = 16 }, or a list of values";
const END: &str = "a number, or a span such as \"500\", \"10ep\" or \"5%\"";
const OBJECTIVE: &str = "final_val_loss, best_val_loss, final_val_accuracy, final_train_loss, cost, \
                         \"updates_to val_accuracy 0.95\" or \"updates_to val_loss 0.1\"";
const PRUNE: &str = "a table, such as { kind = \"median\" }";
/// The most objectives: of more, hardly a trial is beaten in all.
const MAX_OBJECTIVES: usize = 4;
/// The most points of one axis.
const MAX_POINTS: usize = 10_000;
/// The most axes, and the most values of a list.
const MAX_AXES: usize = 64;
const MAX_CHOICES: usize = 1000;
/// The largest seed: the largest whole number that TOML promises to carry.
const MAX_SEED: u64 = i64::MAX as u64;
/// The most members of a population, which are all in memory at once.
const MAX_MEMBERS: usize = 4096;
/// The most seeds of a trial.
const MAX_SEEDS: usize = 1024;

/// The sweep in this section of an experiment.
pub(super) fn sweep(node: &Node, experiment: &Experiment, clock: Clock) -> Result<Sweep, FileError> {
    let fields = node.fields("a [sweep] section")?;
    fields.only(&["run", "search", "trials", "seeds", "seed", "objective", "prune", "over"])?;
    let run = run(&fields, experiment)?;
    let search = match fields.get("search") {
        Some(search) => search.choice(&Search::ALL)?,
        None => Search::Grid,
    };
    let most = if search == Search::Sobol { Sweep::MAX_SOBOL } else { Sweep::MAX_TRIALS };
    let trials = fields.read("trials", |node| node.whole(1..=most))?;
    let objectives = objectives(&fields, experiment)?;
    let prune = fields.read("prune", |node| prune(&node))?.unwrap_or(Prune::None);
    alone(&fields, search, &objectives, prune)?;
    let over = fields.need("over", OVER)?;
    let base = Base::new(experiment, &run, over.file(), clock);
    let base = base.ok_or_else(|| fields.missing("run", "a run that can be written down"))?;
    let axes = axes(&over, &base, search)?;
    if search == Search::Pbt {
        let peak = |axis: &Axis| match &axis.values {
            Values::Range(range) => axis.path == "lr.peak" && range.from > 0.0,
            Values::Choices(_) => false,
        };
        if axes.len() != 1 || !axes.iter().all(peak) {
            let paths: Vec<&str> = axes.iter().map(|axis| axis.path.as_str()).collect();
            return Err(
                over.error_found(paths.join(", "), "\"lr.peak\" alone, as a range above 0, for a population")
            );
        }
        let members = trials.unwrap_or(1);
        if members > MAX_MEMBERS {
            let found = format!("{members} members");
            return Err(fields.need("trials", "")?.error_found(found, format!("at most {MAX_MEMBERS}")));
        }
    }
    let over = axes;
    if search == Search::Grid && trials.is_none() {
        let cells = over.iter().map(|axis| axis.values.points().unwrap_or(1)).fold(1, usize::saturating_mul);
        if cells > Sweep::MAX_TRIALS {
            let allowed = format!("at most {}: fewer points, or another search", Sweep::MAX_TRIALS);
            return Err(node.error_found(format!("a grid of {cells} trials"), allowed));
        }
    }
    Ok(Sweep {
        run,
        search,
        trials,
        seeds: fields.read("seeds", |node| node.whole(1..=MAX_SEEDS))?.unwrap_or(1),
        seed: fields.read("seed", |node| node.whole(0..=MAX_SEED))?,
        objectives,
        prune,
        over,
    })
}

/// The run that is varied; where the file has only one, it goes without saying.
fn run(fields: &Fields, experiment: &Experiment) -> Result<String, FileError> {
    let names =
        || experiment.runs.iter().map(|run| format!("\"{}\"", run.name)).collect::<Vec<_>>().join(", ");
    let found = match (fields.get("run"), experiment.runs.as_slice()) {
        (None, [only]) => Some((None, only)),
        (None, _) => return Err(fields.missing("run", format!("the name of one of the runs: {}", names()))),
        (Some(node), runs) => {
            let name = node.text()?;
            runs.iter().find(|run| run.name == name).map(|run| (Some(node), run))
        }
    };
    let Some((node, run)) = found else {
        return Err(fields.need("run", "")?.error(format!("the name of one of the runs: {}", names())));
    };
    match (node, &run.fork) {
        (Some(node), Some(_)) => Err(node.error_found(
            "a run that is forked from another",
            "a run that begins at update 0: every trial trains from scratch",
        )),
        _ => Ok(run.name.clone()),
    }
}

fn objectives(fields: &Fields, experiment: &Experiment) -> Result<Vec<Objective>, FileError> {
    let Some(node) = fields.get("objective") else {
        return match unmeasured(Objective::FinalValLoss, experiment) {
            None => Ok(vec![Objective::FinalValLoss]),
            Some(why) => {
                let otherwise =
                    format!("an objective that is measured: without one it is final_val_loss, and {why}");
                Err(fields.missing("objective", otherwise))
            }
        };
    };
    let nodes = if node.is_list() { node.filled(OBJECTIVE)? } else { vec![node.clone()] };
    let mut objectives = Vec::new();
    for node in &nodes {
        let objective = objective(node)?;
        if objectives.contains(&objective) {
            return Err(node.error("each objective once"));
        }
        if let Some(why) = unmeasured(objective, experiment) {
            return Err(
                node.error_found(format!("{}: {why}", node.quoted()), "an objective that is measured")
            );
        }
        objectives.push(objective);
    }
    if objectives.len() > MAX_OBJECTIVES {
        let found = format!("{} objectives", objectives.len());
        return Err(node.error_found(found, format!("one, or up to {MAX_OBJECTIVES} for a Pareto front")));
    }
    Ok(objectives)
}

fn objective(node: &Node) -> Result<Objective, FileError> {
    let text = node.text()?;
    let number = |word: &str| word.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["updates_to", "val_accuracy", share] => {
            let share = number(share).filter(|share| *share <= 1.0);
            share
                .map(Objective::UpdatesToAccuracy)
                .ok_or_else(|| node.error("an accuracy above 0, at most 1"))
        }
        ["updates_to", "val_loss", loss] => {
            number(loss).map(Objective::UpdatesToLoss).ok_or_else(|| node.error("a loss above 0"))
        }
        ["updates_to", ..] => Err(node.error(OBJECTIVE)),
        _ => node.choice(&Objective::ALL),
    }
}

/// Why an experiment does not measure an objective, as far as its file says.
fn unmeasured(objective: Objective, experiment: &Experiment) -> Option<&'static str> {
    match &experiment.data.source {
        Source::None if objective.needs_validation() => Some("a surface has no held-out samples"),
        _ if objective.needs_validation() && experiment.data.validation == 0.0 => {
            Some("no data are held out (data.validation is 0)")
        }
        Source::Shipped(name) if objective.needs_accuracy() && name == "sine" => {
            Some("a regression has no right answers to count")
        }
        _ => None,
    }
}

fn prune(node: &Node) -> Result<Prune, FileError> {
    let fields = node.fields(PRUNE)?;
    let rule = fields.need("kind", "the kind of pruning, such as \"median\"")?.choice(&Prune::ALL)?;
    let factor = |otherwise| {
        Ok::<u64, FileError>(fields.read("factor", |node| node.whole(2..=100))?.unwrap_or(otherwise))
    };
    let span = |name, otherwise: Span| {
        Ok::<_, FileError>(fields.read(name, |node| node.span())?.unwrap_or(otherwise))
    };
    match rule {
        Prune::None => fields.only(&["kind"]).map(|()| rule),
        Prune::Median { startup, after } => {
            fields.only(&["kind", "startup", "after"])?;
            let startup =
                fields.read("startup", |node| node.whole(1..=Sweep::MAX_TRIALS))?.unwrap_or(startup);
            Ok(Prune::Median { startup, after: span("after", after)? })
        }
        Prune::Forecast { after } => {
            fields.only(&["kind", "after"])?;
            Ok(Prune::Forecast { after: span("after", after)? })
        }
        Prune::SuccessiveHalving { factor: usual, from } => {
            fields.only(&["kind", "factor", "from"])?;
            Ok(Prune::SuccessiveHalving { factor: factor(usual)?, from: span("from", from)? })
        }
        Prune::Hyperband { factor: usual, from } => {
            fields.only(&["kind", "factor", "from"])?;
            Ok(Prune::Hyperband { factor: factor(usual)?, from: span("from", from)? })
        }
    }
}

/// Refuses what needs one objective, or one that is seen before the end.
fn alone(fields: &Fields, search: Search, objectives: &[Objective], prune: Prune) -> Result<(), FileError> {
    let several = objectives.len() > 1;
    if let (true, Search::Tpe | Search::CmaEs, Some(node)) = (several, search, fields.get("search")) {
        return Err(node.error_found("a search for one objective beside several", "grid, random or sobol"));
    }
    if let (Search::Pbt, Some(node)) = (search, fields.get("objective"))
        && objectives != [Objective::FinalValLoss]
    {
        return Err(node.error("final_val_loss: it decides who copies whom in a population"));
    }
    if let (Search::Pbt, true, Some(node)) = (search, prune != Prune::None, fields.get("prune")) {
        return Err(node.error("none: the worst of a population copy the best"));
    }
    if let (true, Some(node)) = (prune != Prune::None, fields.get("prune")) {
        if several {
            return Err(node.error_found("pruning beside several objectives", "none, or one objective"));
        }
        if objectives == [Objective::Cost] {
            return Err(node.error_found("pruning by a cost that is known beforehand", "none"));
        }
        if let (Prune::Forecast { .. }, [objective]) = (prune, objectives)
            && !objective.is_loss()
        {
            let found = format!("a forecast of {}", objective.name());
            return Err(
                node.error_found(found, "another rule, or a loss as the objective: only losses are forecast")
            );
        }
    }
    Ok(())
}

fn axes(over: &Node, base: &Base, search: Search) -> Result<Vec<Axis>, FileError> {
    let mut found = Vec::new();
    collect(over, "", &mut found)?;
    if found.is_empty() {
        return Err(over.error_found("an empty space", OVER));
    }
    if found.len() > MAX_AXES {
        return Err(over.error_found(format!("{} paths", found.len()), format!("at most {MAX_AXES}")));
    }
    let mut seen = BTreeSet::new();
    let mut axes = Vec::new();
    for (path, node) in &found {
        if !seen.insert(path.clone()) {
            return Err(node.error_found(format!("{path} a second time"), "each path once"));
        }
        axes.push(Axis { path: path.clone(), values: values(node, search)? });
    }
    let kinds = kinds(&axes);
    for (axis, (_, node)) in axes.iter_mut().zip(&found) {
        check(axis, node, base, &kinds)?;
    }
    Ok(axes)
}

/// The paths and their nodes, in the file's order; `lr.peak` without quotes is a table in a table.
fn collect<'d>(node: &Node<'d>, before: &str, found: &mut Vec<(String, Node<'d>)>) -> Result<(), FileError> {
    let fields = node.fields(OVER)?;
    for (name, node) in fields.entries() {
        let path = if before.is_empty() { name } else { format!("{before}.{name}") };
        let is_range =
            node.fields("").is_ok_and(|fields| fields.get("from").is_some() || fields.get("to").is_some());
        if node.is_table() && !is_range {
            collect(&node, &path, found)?;
        } else {
            found.push((path, node));
        }
    }
    Ok(())
}

fn values(node: &Node, search: Search) -> Result<Values, FileError> {
    if node.is_list() {
        let items = node.filled("a list of at least one value")?;
        if items.len() > MAX_CHOICES {
            return Err(node.error_found(format!("{} values", items.len()), format!("at most {MAX_CHOICES}")));
        }
        let mut choices: Vec<Value> = Vec::new();
        for item in &items {
            let choice = item.value()?;
            if choices.contains(&choice) {
                return Err(item.error("each value once"));
            }
            choices.push(choice);
        }
        return Ok(Values::Choices(choices));
    }
    let fields = node.fields(AXIS)?;
    fields.only(&["from", "to", "scale", "points"])?;
    let log =
        fields.read("scale", |scale| scale.choice(&[("linear", false), ("log", true)]))?.unwrap_or(false);
    let (from, to) = (fields.need("from", END)?, fields.need("to", END)?);
    let (start, unit) = end(&from)?;
    let (stop, other) = end(&to)?;
    if unit != other {
        return Err(to.error(format!("an end in the unit of `from`, {}", from.quoted())));
    }
    if stop <= start {
        return Err(to.error(format!("more than `from`, which is {}", from.quoted())));
    }
    if log && start <= 0.0 {
        return Err(from.error("above 0, where the scale is \"log\""));
    }
    let points = fields.read("points", |node| node.whole(2..=MAX_POINTS))?;
    if search == Search::Grid && points.is_none() {
        return Err(fields.missing("points", "how many values a grid has of it, such as 16"));
    }
    Ok(Values::Range(Range { from: start, to: stop, unit, log, points }))
}

/// One end of a range: a number, or a span that may also be none.
fn end(node: &Node) -> Result<(f64, Unit), FileError> {
    if node.is_number() {
        return Ok((node.number((Excluded(f64::NEG_INFINITY), Unbounded))?, Unit::Number));
    }
    let span = node.position().map_err(|_| node.error(END))?;
    let unit = match span {
        Span::Updates(_) => Unit::Updates,
        Span::Epochs(_) => Unit::Epochs,
        Span::Percent(_) => Unit::Percent,
    };
    Ok((span.amount(), unit))
}

/// The choices of kinds in the space, each alone.
fn kinds(axes: &[Axis]) -> Vec<(String, Value)> {
    let kinds = axes.iter().filter(|axis| is_kind(&axis.path));
    let choices = kinds.filter_map(|axis| match &axis.values {
        Values::Choices(choices) => Some(choices.iter().map(|choice| (axis.path.clone(), choice.clone()))),
        Values::Range(_) => None,
    });
    choices.flatten().collect()
}

/// Tries the axis' ends, or each of its choices, in the experiment; finds out whether only whole numbers fit.
fn check(axis: &mut Axis, node: &Node, base: &Base, kinds: &[(String, Value)]) -> Result<(), FileError> {
    // Under the base's own kinds, or else under the first kind of the space that has the path.
    let under = match has_field(base.experiment(), &axis.path) {
        true => None,
        false => kinds.iter().find(|(path, kind)| {
            base.with(&[(path, kind)]).is_ok_and(|variant| has_field(&variant, &axis.path))
        }),
    };
    let attempt = |value: &Value| {
        let mut values: Vec<(&str, &Value)> =
            under.iter().map(|(path, kind)| (path.as_str(), kind)).collect();
        values.push((&axis.path, value));
        base.with(&values)
    };
    let refuse = |value: &Value, error: VaryError| refused(node, &axis.path, value, error);
    match &mut axis.values {
        Values::Choices(choices) => choices
            .iter()
            .try_for_each(|choice| attempt(choice).map(drop).map_err(|error| refuse(choice, error))),
        Values::Range(range) => {
            let between = range.number(0.382);
            let whole = Range { unit: Unit::Whole, ..*range };
            if range.unit == Unit::Number
                && between.fract() != 0.0
                && attempt(&range.value(between)).is_err()
                && attempt(&whole.value(between.round())).is_ok()
            {
                if let Some(end) = [range.from, range.to].into_iter().find(|end| end.fract() != 0.0) {
                    return Err(node.error_found(format!("{end}"), "whole numbers as both ends"));
                }
                *range = whole;
            }
            [range.from, range.to].into_iter().try_for_each(|end| {
                let value = range.value(end);
                attempt(&value).map(drop).map_err(|error| refuse(&value, error))
            })
        }
    }
}

/// The error that a value cannot be there, at the place in the file that asks for it.
fn refused(node: &Node, path: &str, value: &Value, error: VaryError) -> FileError {
    match error {
        VaryError::Value { found, allowed, .. } => node.error_found(found, allowed),
        VaryError::File(FileError::Field(error)) => {
            let is_there = error.field.ends_with(path) || error.found.contains("does not exist");
            let found = match is_there {
                true => error.found.clone(),
                false => format!("{value}, with which {} is {}", error.field, error.found),
            };
            let first = path.split('.').next().unwrap_or(path);
            // A path that is no field of the run may have been meant for a section beside it.
            if error.field.ends_with(first) && error.found.contains("does not exist") {
                let names = ["data", "model", "train"].into_iter().chain(error.hint.as_deref());
                let allowed = format!("{}, or data, model or train", error.allowed);
                return node.error_near(found, allowed, nearest(first, names));
            }
            node.error_near(found, error.allowed.clone(), error.hint.as_deref())
        }
        VaryError::File(error) => node.error_found(format!("{value} ({error})"), "a value that can be there"),
    }
}
