//! An experiment as the text a person would write: sections, one line a schedule, nothing that goes without saying.

mod judged;
mod phase;
mod start;
mod sweep;
mod team;

use std::borrow::Cow;
use std::fmt::Write;

use super::decimal::number;
use super::group::{Decay, Group, GroupRate};
use super::names::{TICKS, name_of};
use super::{
    Activation, Average, BatchSize, Controller, Data, Experiment, Greedy, Loss, Metric, Model, Norm, Number,
    Optimizer, OptimizerKind, Plateau, PlateauMode, Rounding, Run, SnapshotWhen, Snapshots, Source,
    SurfaceFunction, ThresholdMode, Train, WeightFormat, Window,
};
use crate::data::ColumnUse;
use crate::schedule::greedy::GreedyRule;
use crate::schedule::kind::{Part, Product, Value};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Clamp, Joins, Kind, Ramp, Schedule, Span, Tick};

impl Experiment {
    /// The experiment file's text. Fields that hold their defaults are left out; numbers are the
    /// shortest decimals that read back as the same number.
    pub fn to_toml(&self) -> String {
        let mut top = Table::default();
        top.add("anneal", super::VERSION);
        top.add("name", text(&self.name));

        let mut file = top.lines();
        if self.data.source != Source::None {
            section(&mut file, "[data]", &data(&self.data));
            self.data
                .phases
                .iter()
                .for_each(|phase| section(&mut file, "[[data.phase]]", &phase::section(phase)));
        }
        let mut of_model = model(&self.model);
        if let Some(start) = &self.start {
            of_model.add("from", start::field(start));
        }
        section(&mut file, "[model]", &of_model);
        section(&mut file, "[train]", &train(&self.train, &self.data.source));
        if let Some(team) = &self.team {
            let (header, fields) = team::section(team);
            section(&mut file, header, &fields);
        }
        if let Some(kept) = &self.snapshots {
            section(&mut file, "[snapshots]", &snapshots(kept));
        }
        for entry in &self.runs {
            file.push('\n');
            file.push_str(&entry.to_toml());
        }
        if let Some(sweep) = &self.sweep {
            section(&mut file, "[sweep]", &sweep::section(sweep));
            file.push_str("[sweep.over]\n");
            sweep
                .over
                .iter()
                .for_each(|axis| file.push_str(&format!("{} = {}\n", text(&axis.path), sweep::values(axis))));
        }
        file
    }
}

impl Run {
    /// The run's section of an experiment file, `[[run]]` and its fields, and those of its groups.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("[[run]]\n");
        text.push_str(&run(self).lines());
        for entry in &self.groups {
            text.push_str("[[run.group]]\n");
            text.push_str(&group(entry).lines());
        }
        text
    }
}

impl Schedule {
    /// The schedule alone, a field a line, as [`super::schedule_of`] reads it.
    pub fn to_toml(&self) -> String {
        schedule(self, None).lines()
    }
}

/// Fields and their values, in order.
#[derive(Default)]
struct Table(Vec<(Cow<'static, str>, String)>);

impl Table {
    fn add(&mut self, name: impl Into<Cow<'static, str>>, value: impl ToString) {
        self.0.push((name.into(), value.to_string()));
    }

    /// Adds a field unless it holds its default.
    fn add_unless<T: PartialEq>(
        &mut self,
        default: &T,
        name: &'static str,
        value: &T,
        show: impl Fn(&T) -> String,
    ) {
        if value != default {
            self.add(name, show(value));
        }
    }

    /// A field a line.
    fn lines(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
    }

    /// `{ a = 1, b = 2 }`
    fn inline(&self) -> String {
        let fields: Vec<String> = self.0.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("{{ {} }}", fields.join(", "))
    }
}

fn section(file: &mut String, header: &str, table: &Table) {
    file.push('\n');
    file.push_str(header);
    file.push('\n');
    file.push_str(&table.lines());
}

fn data(data: &Data) -> Table {
    let default = Data::new(data.source.clone());
    let mut table = Table::default();
    match &data.source {
        Source::Shipped(name) => table.add("name", text(name)),
        Source::File { path, label } => {
            table.add("path", text(&path.to_string_lossy()));
            table.add("label", text(label));
        }
        Source::None => {}
    }
    table.add_unless(&default.batch_size, "batch_size", &data.batch_size, |size| match size {
        BatchSize::Samples(samples) => samples.to_string(),
        BatchSize::All => text("all"),
    });
    table.add_unless(&default.drop_last, "drop_last", &data.drop_last, bool::to_string);
    table.add_unless(&default.validation, "validation", &data.validation, float);
    table.add_unless(&default.label_noise, "label_noise", &data.label_noise, float);
    if let Some(limit) = data.limit {
        table.add("limit", limit);
    }
    if !data.columns.is_empty() {
        let entry = |(name, column): (&String, &ColumnUse)| {
            format!("{} = {}", key(name), named(&ColumnUse::ALL, column))
        };
        let entries: Vec<String> = data.columns.iter().map(entry).collect();
        table.add("columns", format!("{{ {} }}", entries.join(", ")));
    }
    table
}

fn model(model: &Model) -> Table {
    let mut table = Table::default();
    match model {
        Model::Mlp { hidden, activation, window } => {
            table.add("kind", text("mlp"));
            table.add("hidden", list(hidden, usize::to_string));
            table.add_unless(&Activation::Relu, "activation", activation, |it| named(&Activation::ALL, it));
            if let Some(Window { context, embedding }) = window {
                table.add("context", context);
                table.add_unless(&Window::EMBEDDING, "embedding", embedding, usize::to_string);
            }
        }
        Model::Cnn { channels } => {
            table.add("kind", text("cnn"));
            table.add("channels", list(channels, usize::to_string));
        }
        Model::Transformer { layers, width, heads, context, norm } => {
            table.add("kind", text("transformer"));
            table.add("layers", layers);
            table.add("width", width);
            table.add("heads", heads);
            table.add("context", context);
            table.add_unless(&Norm::Pre, "norm", norm, |it| named(&Norm::ALL, it));
        }
        Model::Surface { function, start, noise } => {
            table.add("kind", text("surface"));
            table.add("function", named(&SurfaceFunction::ALL, function));
            table.add("start", list(start, float));
            table.add_unless(&0.0, "noise", noise, float);
        }
    }
    table
}

fn train(train: &Train, source: &Source) -> Table {
    let default = Train::new(train.updates, source);
    let mut table = Table::default();
    table.add("updates", span(&train.updates));
    table.add_unless(&default.seed, "seed", &train.seed, u64::to_string);
    table.add_unless(&default.replicas, "replicas", &train.replicas, usize::to_string);
    table.add_unless(&default.accumulate, "accumulate", &train.accumulate, usize::to_string);
    if let Some(norm) = &train.clip_norm {
        table.add("clip_norm", float(norm));
    }
    if *source != Source::None
        && let Some(loss) = train.loss.filter(|_| train.loss != default.loss)
    {
        table.add("loss", named(&Loss::ALL, &loss));
    }
    table.add_unless(&default.weights, "weights", &train.weights, |it| named(&WeightFormat::ALL, it));
    table.add_unless(&default.rounding, "rounding", &train.rounding, |it| named(&Rounding::ALL, it));
    table.add_unless(&default.gradients, "gradients", &train.gradients, |it| named(&WeightFormat::ALL, it));
    if let Some(scale) = &train.loss_scale {
        table.add("loss_scale", judged::loss_scale(scale));
    }
    if let Some(rule) = &train.stop {
        table.add("stop", judged::stop(rule).inline());
    }
    if let Some(attack) = &train.attack {
        table.add("attack", judged::attack(attack).inline());
    }
    table
}

fn snapshots(snapshots: &Snapshots) -> Table {
    let mut table = Table::default();
    match &snapshots.when {
        SnapshotWhen::CycleEnd => table.add("when", text("cycle_end")),
        SnapshotWhen::Every(every) => table.add("when", span(every)),
    }
    table.add_unless(&Snapshots::KEEP, "keep", &snapshots.keep, usize::to_string);
    table.add_unless(&Vec::new(), "average", &snapshots.average, |averages| {
        list(averages, |it| named(&Average::ALL, it))
    });
    table
}

fn run(run: &Run) -> Table {
    let mut table = Table::default();
    table.add("name", text(&run.name));
    if let Some(fork) = &run.fork {
        table.add("fork", format!("{{ of = {}, at = {} }}", text(&fork.of), span(&fork.at)));
    }
    table.add("optimizer", optimizer(&run.optimizer).inline());
    table.add("lr", schedule(&run.lr, None).inline());
    if let Some(controller) = &run.controller {
        let rule = match controller {
            Controller::Plateau(rule) => plateau(rule).inline(),
            Controller::Greedy(rule) => greedy(rule).inline(),
            Controller::Hypergradient(rule) => format!("{{ beta = {} }}", number(rule.beta)),
        };
        table.add(controller.name(), rule);
    }
    if let Some(decay) = &run.layer_decay {
        table.add("layer_decay", float(decay));
    }
    table.add_unless(&Decay::All, "decay", &run.decay, |it| named(&Decay::ALL, it));
    if let Some(batch) = &run.batch {
        table.add("batch", schedule(batch, None).inline());
    }
    table
}

fn group(group: &Group) -> Table {
    let mut table = Table::default();
    table.add("match", text(group.name()));
    match &group.lr {
        GroupRate::Factor(factor) => table.add_unless(&1.0, "lr", factor, float),
        GroupRate::Schedule(own) => table.add("lr", schedule(own, None).inline()),
    }
    if let Some(decay) = &group.weight_decay {
        table.add("weight_decay", float(decay));
    }
    if let Some(freeze) = &group.freeze {
        table.add("freeze", span(freeze));
    }
    table
}

fn optimizer(optimizer: &Optimizer) -> Table {
    let mut table = Table::default();
    table.add("kind", named(&OptimizerKind::ALL, &optimizer.kind));
    for (info, value) in optimizer.values() {
        match value {
            Number::Fixed(value) => table.add_unless(&info.default, info.name, value, float),
            Number::Schedule(varying) => table.add(info.name, schedule(varying, None).inline()),
            Number::Mirror { low, high } => {
                let (low, high) = (number(*low), number(*high));
                table.add(info.name, format!("{{ kind = \"mirror\", low = {low}, high = {high} }}"));
            }
        }
    }
    for (info, on) in optimizer.switches().filter(|(info, on)| *on != info.default) {
        table.add(info.name, on);
    }
    table
}

/// How long a part of a sequence is, in the file's words.
fn length_of(part: &Part) -> Option<String> {
    let aligned = part.phase.as_ref().map(|phase| text(&format!("phase:{phase}")));
    part.length.as_ref().map(|length| aligned.unwrap_or_else(|| span(length)))
}

/// A schedule; `length` is its span as a part of a sequence.
fn schedule(schedule: &Schedule, length: Option<&str>) -> Table {
    // Noam's own `warmup` leaves no name for the modifier: a product of one factor has the same values.
    if let (Kind::Noam(_), Some(_)) = (&schedule.kind, &schedule.warmup) {
        let factor = Schedule { tick: schedule.tick, ..schedule.kind.clone().into() };
        let of = Kind::Product(Product { of: vec![factor] });
        return self::schedule(&Schedule { kind: of, ..schedule.clone() }, length);
    }

    let mut table = Table::default();
    if let Some(length) = length {
        table.add("for", length);
    }
    table.add("kind", text(schedule.kind.name()));
    for field in Kind::fields(schedule.kind.name()).unwrap_or_default() {
        match schedule.kind.get(field.name) {
            Some(Value::Values(listed)) => match &listed.file {
                Some(file) => table.add("file", text(file)),
                None => table.add(field.name, list(&listed.values, float)),
            },
            Some(Value::Formula(definition)) => {
                table.add(field.name, text(definition.formula().text()));
                for (name, value) in definition.constants() {
                    table.add(key(name), float(&value));
                }
            }
            Some(held) if Some(&held) != field.default.as_ref() => {
                if let Some(shown) = value(&held) {
                    table.add(field.name, shown);
                }
            }
            _ => {}
        }
    }
    table.add_unless(&Tick::Update, "tick", &schedule.tick, |it| named(&TICKS, it));
    if let Some(warmup) = &schedule.warmup {
        let mut climb = ramp(&warmup.over, "from", warmup.from, warmup.shape);
        climb.add_unless(&Joins::Before, "joins", &warmup.joins, |it| named(&Joins::ALL, it));
        table.add("warmup", climb.inline());
    }
    if let Some(cooldown) = &schedule.cooldown {
        table.add("cooldown", ramp(&cooldown.over, "to", cooldown.to, cooldown.shape).inline());
    }
    if let Some(Clamp { min, max }) = schedule.clamp {
        table.add("clamp", format!("{{ min = {}, max = {} }}", number(min), number(max)));
    }
    table
}

/// A field's value; nothing for a length left open.
pub(super) fn value(value: &Value) -> Option<String> {
    Some(match value {
        Value::Number(number) => float(number),
        Value::Span(length) => span(length.as_ref()?),
        Value::Flag(flag) => flag.to_string(),
        Value::Choice(choice) => text(choice),
        Value::Formula(definition) => text(definition.formula().text()),
        Value::Points(points) => list(points, |(at, value)| format!("[{}, {}]", span(at), number(*value))),
        Value::Values(table) => list(&table.values, float),
        Value::Milestones(milestones) => list(milestones, span),
        Value::Parts(parts) => {
            list(parts, |part| schedule(&part.schedule, length_of(part).as_deref()).inline())
        }
        Value::Factors(factors) => list(factors, |factor| schedule(factor, None).inline()),
    })
}

/// A warmup or cooldown, whose far end is a share of the peak.
fn ramp(over: &Span, end: &'static str, share: f64, curve: Ramp) -> Table {
    let mut table = Table::default();
    table.add("over", span(over));
    table.add_unless(&0.0, end, &share, float);
    table.add_unless(&Ramp::Linear, "shape", &curve, |it| named(&Ramp::ALL, it));
    table
}

fn plateau(Plateau { metric, rule }: &Plateau) -> Table {
    let default = PlateauRule::default();
    let mut table = Table::default();
    table.add("metric", named(&Metric::ALL, metric));
    // What better means goes without saying for a loss only.
    if *metric == Metric::ValAccuracy || rule.mode != default.mode {
        table.add("mode", named(&PlateauMode::ALL, &rule.mode));
    }
    table.add_unless(&default.factor, "factor", &rule.factor, float);
    table.add_unless(&default.patience, "patience", &rule.patience, u64::to_string);
    table.add_unless(&default.threshold, "threshold", &rule.threshold, float);
    table.add_unless(&default.threshold_mode, "threshold_mode", &rule.threshold_mode, |it| {
        named(&ThresholdMode::ALL, it)
    });
    table.add_unless(&default.cooldown, "cooldown", &rule.cooldown, u64::to_string);
    table.add_unless(&default.min_lr, "min_lr", &rule.min_lr, float);
    table.add_unless(&default.eps, "eps", &rule.eps, float);
    table.add_unless(&default.smoothing, "smoothing", &rule.smoothing, float);
    table
}

fn greedy(Greedy { metric, rule }: &Greedy) -> Table {
    let default = GreedyRule::default();
    let mut table = Table::default();
    table.add("metric", named(&Metric::ALL, metric));
    if *metric == Metric::ValAccuracy || rule.mode != default.mode {
        table.add("mode", named(&PlateauMode::ALL, &rule.mode));
    }
    table.add_unless(&default.factor, "factor", &rule.factor, float);
    table.add_unless(&default.patience, "patience", &rule.patience, u64::to_string);
    table.add_unless(&default.threshold, "threshold", &rule.threshold, float);
    table.add_unless(&default.threshold_mode, "threshold_mode", &rule.threshold_mode, |it| {
        named(&ThresholdMode::ALL, it)
    });
    table.add_unless(&default.cooldown, "cooldown", &rule.cooldown, u64::to_string);
    table.add_unless(&default.warmup, "warmup", &rule.warmup, u64::to_string);
    table.add_unless(&default.min_lr, "min_lr", &rule.min_lr, float);
    table.add_unless(&default.max_lr, "max_lr", &rule.max_lr, float);
    table.add_unless(&default.eps, "eps", &rule.eps, float);
    if let Some(window) = rule.window {
        table.add("window", window);
    }
    table.add_unless(&default.reset_start, "reset_start", &rule.reset_start, u64::to_string);
    table
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    let shown: Vec<String> = items.iter().map(show).collect();
    format!("[{}]", shown.join(", "))
}

fn span(span: &Span) -> String {
    format!("\"{span}\"")
}

fn named<T: PartialEq>(names: &[(&'static str, T)], choice: &T) -> String {
    text(name_of(names, choice))
}

fn float(value: &f64) -> String {
    number(*value)
}

/// A name as a key: in quotes unless it is of letters, digits, `_` and `-`.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { text(name) }
}

/// A TOML basic string.
fn text(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        assert_eq!(text("a \"b\" \\ \n\t\r\u{1}\u{7f} ü"), r#""a \"b\" \\ \n\t\r\u0001\u007F ü""#);
    }
}
