//! A run: its optimizer, its schedules and its controllers.

use std::ops::Bound::{Excluded, Included};

use super::error::FileError;
use super::group::Decay;
use super::node::{Fields, Node, quote};
use super::optimizer::{Conflict, NumberInfo};
use super::read_group::{groups, hold};
use super::setting::{Setting, fixed, tried};
use super::{
    BatchSize, Controller, Data, Fork, Greedy, Hypergradient, Metric, Number, Optimizer, OptimizerKind,
    Plateau, PlateauMode, Run, ThresholdMode, lineage,
};
use crate::schedule::greedy::{GreedyRule, MAX_WINDOW};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Curve, MAX_RATE, Schedule};

/// At how many places a number's schedule is looked at.
const LOOKS: u128 = 1000;
/// More reports than any run makes.
const MAX_REPORTS: u64 = 1_000_000_000;

const SECTION: &str = "a [[run]] section";
const OPTIMIZER: &str = "a table, such as { kind = \"sgd\", momentum = 0.9 }";
const FORK: &str = "a table, such as { of = \"the other run\", at = \"400\" }";
const PLATEAU: &str = "a table, such as { metric = \"val_loss\", factor = 0.1, patience = 10 }";
const GREEDY: &str = "a table, such as { metric = \"val_loss\", factor = 0.95, min_lr = 1e-5 }";
const HYPERGRADIENT: &str = "a table, such as { beta = 1e-6 }";

/// The run in this table, and the node of its name.
pub(super) fn run<'d>(node: Node<'d>, setting: &Setting) -> Result<(Run, Node<'d>), FileError> {
    let name = node.fields(SECTION)?.need("name", "a text in quotes")?;
    let text = name.text()?;
    if text.trim().is_empty() {
        return Err(name.error("a name that can be seen"));
    }
    let fields = node.scoped(format!("run \"{}\"", quote(text))).fields(SECTION)?;
    fields.only(&[
        "name",
        "fork",
        "optimizer",
        "lr",
        "plateau",
        "greedy",
        "hypergradient",
        "layer_decay",
        "decay",
        "batch",
        "group",
    ])?;
    let lr = fields.need("lr", "a schedule, such as { kind = \"constant\", peak = 0.1 }")?;
    let optimizer = optimizer(&fields.need("optimizer", OPTIMIZER)?, setting)?;
    let run = Run {
        name: text.to_owned(),
        fork: fields.read("fork", |node| fork(&node))?,
        lr: tried(&lr, setting, |_, _| Ok(()))?,
        controller: controller(&fields, setting.data)?,
        layer_decay: fields.read("layer_decay", |decay| decay.number((Excluded(0.0), Included(1.0))))?,
        decay: fields.read("decay", |node| node.choice(&Decay::ALL))?.unwrap_or_default(),
        batch: fields.read("batch", |node| batch(&node, setting))?,
        groups: groups(&fields, &optimizer, setting)?,
        optimizer,
    };
    hold(&fields, &run, setting.parameters)?;
    Ok((run, name))
}

fn fork(node: &Node) -> Result<Fork, FileError> {
    let fields = node.fields(FORK)?;
    fields.only(&["of", "at"])?;
    Ok(Fork {
        of: fields.need("of", "the name of the run it shares its past with")?.text()?.to_owned(),
        at: fields.need("at", "the updates they share, such as \"400\" or \"5ep\"")?.span()?,
    })
}

/// Refuses a run whose fork cannot be on any clock.
pub(super) fn descends(node: &Node, runs: &[Run], at: usize, setting: &Setting) -> Result<(), FileError> {
    let mut first = None;
    for clock in setting.clocks() {
        match lineage(runs, at, clock) {
            Ok(_) => return Ok(()),
            Err(error) => first = first.or(Some(node.schedule_error(error))),
        }
    }
    first.map_or(Ok(()), Err)
}

/// The samples of an update, as a schedule.
fn batch(node: &Node, setting: &Setting) -> Result<Schedule, FileError> {
    if !node.document().has_epochs {
        return Err(node.error("none: a surface has no samples"));
    }
    if setting.data.batch_size == BatchSize::All {
        let found = "a schedule of batches beside batch_size = \"all\"";
        return Err(node.error_found(found, "a batch_size in samples, of which an update takes several"));
    }
    tried(node, setting, |curve, updates| match highest(curve, updates) {
        high if high < 1.0 => {
            Err(node.error_found("a schedule that stays below 1 sample", "a schedule of samples an update"))
        }
        _ => Ok(()),
    })
}

fn optimizer(node: &Node, setting: &Setting) -> Result<Optimizer, FileError> {
    let fields = node.fields(OPTIMIZER)?;
    let kind = fields.need("kind", "the kind of optimizer, such as \"sgd\"")?.choice(&OptimizerKind::ALL)?;
    let mut names = vec!["kind"];
    names.extend(kind.numbers().iter().map(|info| info.name));
    names.extend(kind.options().iter().map(|info| info.name));
    fields.only(&names)?;

    let mut optimizer = Optimizer::new(kind);
    for info in kind.numbers() {
        if let Some(node) = fields.get(info.name) {
            optimizer.set(info.name, number(&node, kind, info, setting)?);
        }
    }
    for info in kind.options() {
        if let Some(on) = fields.read(info.name, |option| option.flag())? {
            optimizer.switch(info.name, on);
        }
    }
    match optimizer.conflict() {
        Some(Conflict { field, found, allowed }) => {
            Err(fields.need(field, allowed)?.error_found(found, allowed))
        }
        None => Ok(optimizer),
    }
}

/// A number, a schedule, or a mirror of the rate.
fn number(
    node: &Node,
    kind: OptimizerKind,
    info: &NumberInfo,
    setting: &Setting,
) -> Result<Number, FileError> {
    if !node.is_table() {
        return fixed(node, info).map(Number::Fixed);
    }
    if !info.can_follow() {
        return Err(node.error_found("a table", "one number for the whole run"));
    }
    let fields = node.fields("a table")?;
    if fields.get("kind").is_some_and(|kind| kind.is_str("mirror")) {
        return mirror(&fields, kind, info);
    }
    let schedule = tried(node, setting, |curve, updates| match highest(curve, updates) {
        high if !info.allows(high) => {
            let allowed = format!("values {}", info.range());
            Err(node.error_found(format!("a schedule that reaches {high}"), allowed))
        }
        _ => Ok(()),
    })?;
    Ok(Number::Schedule(Box::new(schedule)))
}

/// The highest of the curve's values, looked for at even distances and where something happens.
fn highest(curve: &Curve, updates: u64) -> f64 {
    let last = updates.saturating_sub(1);
    let even = (0..=LOOKS).map(|look| u64::try_from(u128::from(last) * look / LOOKS).unwrap_or(last));
    let events = curve.landmarks().into_iter().map(|landmark| landmark.update.min(last));
    even.chain(events).map(|update| curve.at(update)).fold(0.0, f64::max)
}

fn mirror(fields: &Fields, kind: OptimizerKind, info: &NumberInfo) -> Result<Number, FileError> {
    if kind.momentum_name() != Some(info.name) {
        return Err(fields.node.error_found("a mirror of the rate", "a number or a schedule"));
    }
    fields.only(&["kind", "low", "high"])?;
    let low = fixed(&fields.need("low", "the number at the highest rate")?, info)?;
    let high = fields.need("high", "the number at the lowest rate")?;
    let value = fixed(&high, info)?;
    if value < low {
        return Err(high.error(format!("at least `low`, which is {low}")));
    }
    Ok(Number::Mirror { low, high: value })
}

/// The run's controller. Two are refused: both would pull at the same rate.
fn controller(run: &Fields, data: &Data) -> Result<Option<Controller>, FileError> {
    let mut given = Controller::NAMES.into_iter().filter_map(|name| Some((name, run.get(name)?)));
    let Some((name, node)) = given.next() else { return Ok(None) };
    if let Some((other, node)) = given.next() {
        return Err(node.error(format!("either `{name}` or `{other}`, not both")));
    }
    Ok(Some(match name {
        "plateau" => Controller::Plateau(plateau(&node, data)?),
        "greedy" => Controller::Greedy(greedy(&node, data)?),
        _ => Controller::Hypergradient(hypergradient(&node)?),
    }))
}

/// What a controller watches and which way it gets better, checked against what there is to watch.
fn watched(fields: &Fields, data: &Data) -> Result<(Metric, PlateauMode), FileError> {
    let node = &fields.node;
    if !node.document().has_epochs {
        return Err(node.error("none: it reports once an epoch, and a surface has no epochs"));
    }
    let metric = fields.read("metric", |metric| metric.choice(&Metric::ALL))?.unwrap_or(Metric::ValLoss);
    if metric != Metric::TrainLoss && data.validation == 0.0 {
        return Err(
            node.error_found("a validation metric", "\"train_loss\": no data are held out for validation")
        );
    }
    match fields.read("mode", |mode| mode.choice(&PlateauMode::ALL))? {
        Some(mode) => Ok((metric, mode)),
        // The default `min` would cut the rate while the accuracy rises.
        None if metric == Metric::ValAccuracy => {
            Err(fields.missing("mode", "\"max\" for an accuracy, or \"min\""))
        }
        None => Ok((metric, PlateauMode::Min)),
    }
}

/// A number from 0 to what the rules of controllers allow, or the default.
fn amount(fields: &Fields, name: &str, otherwise: f64) -> Result<f64, FileError> {
    Ok(fields.read(name, |node| node.number(0.0..=MAX_RATE))?.unwrap_or(otherwise))
}

/// A number of reports, or the default.
fn reports(fields: &Fields, name: &str, otherwise: u64) -> Result<u64, FileError> {
    Ok(fields.read(name, |node| node.whole(0..=MAX_REPORTS))?.unwrap_or(otherwise))
}

fn threshold_mode(fields: &Fields, otherwise: ThresholdMode) -> Result<ThresholdMode, FileError> {
    let mode = fields.read("threshold_mode", |mode| mode.choice(&ThresholdMode::ALL))?;
    Ok(mode.unwrap_or(otherwise))
}

fn plateau(node: &Node, data: &Data) -> Result<Plateau, FileError> {
    let fields = node.fields(PLATEAU)?;
    fields.only(&[
        "metric",
        "mode",
        "factor",
        "patience",
        "threshold",
        "threshold_mode",
        "cooldown",
        "min_lr",
        "eps",
        "smoothing",
    ])?;
    let (metric, mode) = watched(&fields, data)?;
    let default = PlateauRule::default();
    let rule = PlateauRule {
        mode,
        factor: fields.read("factor", |factor| factor.number(0.0..1.0))?.unwrap_or(default.factor),
        patience: reports(&fields, "patience", default.patience)?,
        threshold: amount(&fields, "threshold", default.threshold)?,
        threshold_mode: threshold_mode(&fields, default.threshold_mode)?,
        cooldown: reports(&fields, "cooldown", default.cooldown)?,
        min_lr: amount(&fields, "min_lr", default.min_lr)?,
        eps: amount(&fields, "eps", default.eps)?,
        smoothing: fields.read("smoothing", |weight| weight.number(0.0..1.0))?.unwrap_or(default.smoothing),
    };
    Ok(Plateau { metric, rule })
}

fn greedy(node: &Node, data: &Data) -> Result<Greedy, FileError> {
    let fields = node.fields(GREEDY)?;
    fields.only(&[
        "metric",
        "mode",
        "factor",
        "patience",
        "threshold",
        "threshold_mode",
        "cooldown",
        "warmup",
        "min_lr",
        "max_lr",
        "eps",
        "window",
        "reset_start",
    ])?;
    let (metric, mode) = watched(&fields, data)?;
    let default = GreedyRule::default();
    let factor = (Excluded(0.0), Excluded(1.0));
    let max_lr = amount(&fields, "max_lr", default.max_lr)?;
    let min_lr = match fields.get("min_lr") {
        Some(min) => min.number(0.0..=max_lr)?,
        None if max_lr < default.min_lr => {
            let allowed = format!("a rate of at most max_lr, {max_lr}; its default is {}", default.min_lr);
            return Err(fields.missing("min_lr", allowed));
        }
        None => default.min_lr,
    };
    let rule = GreedyRule {
        mode,
        factor: fields.read("factor", |node| node.number(factor))?.unwrap_or(default.factor),
        patience: reports(&fields, "patience", default.patience)?,
        threshold: amount(&fields, "threshold", default.threshold)?,
        threshold_mode: threshold_mode(&fields, default.threshold_mode)?,
        cooldown: reports(&fields, "cooldown", default.cooldown)?,
        warmup: reports(&fields, "warmup", default.warmup)?,
        min_lr,
        max_lr,
        eps: amount(&fields, "eps", default.eps)?,
        window: fields.read("window", |node| node.whole(1..=MAX_WINDOW))?,
        reset_start: reports(&fields, "reset_start", default.reset_start)?,
    };
    Ok(Greedy { metric, rule })
}

fn hypergradient(node: &Node) -> Result<Hypergradient, FileError> {
    let fields = node.fields(HYPERGRADIENT)?;
    fields.only(&["beta"])?;
    let beta = fields.need("beta", "a number above 0")?;
    Ok(Hypergradient { beta: beta.number(f64::MIN_POSITIVE..=MAX_RATE)? })
}
