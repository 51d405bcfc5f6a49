//! An experiment from its text: the sections, and what holds between them.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::attack::attack;
use super::error::{FileError, Place};
use super::node::{Document, Fields, Node, quote};
use super::precision::{loss_scale, rounding};
use super::read_phase::phases;
use super::read_run::{descends, run};
use super::read_schedule;
use super::read_stop::stop;
use super::read_team::{suits, team};
use super::setting::Setting;
use super::start::start;
use super::{
    Activation, Average, BatchSize, Data, Experiment, Loss, Model, Norm, Run, SnapshotWhen, Snapshots,
    Source, SurfaceFunction, Train, VERSION, WeightFormat, Window,
};
use crate::data::{ColumnUse, ColumnUses, DatasetInfo, listed};
use crate::schedule::{Schedule, Span};

/// The most layers of a model, and the most units, channels or characters a layer or a context has.
const MAX_LAYERS: usize = 64;
const MAX_WIDTH: usize = 16_384;
/// The most runs, the most replicas of one, and the most snapshots kept of it.
const MAX_ROWS: usize = 1024;
/// The most of anything else that is counted.
const MAX_COUNT: usize = 1_000_000_000;
/// The largest seed: the largest whole number that TOML promises to carry.
const MAX_SEED: u64 = i64::MAX as u64;
/// The longest run.
const MAX_UPDATES: f64 = 1e9;
const MAX_EPOCHS: f64 = 1e6;

const WIDTHS: &str = "a list of layer widths, such as [128, 64]";

impl Experiment {
    /// Reads an experiment file's text. `origin` names it in errors; files that a schedule
    /// names are looked for beside it.
    ///
    /// # Errors
    /// The first thing that is not TOML, not an experiment, or cannot be.
    pub fn parse(text: &str, origin: impl AsRef<Path>) -> Result<Self, FileError> {
        let file = origin.as_ref().to_owned();
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Err(FileError::Empty { file });
        }
        let root = DeTable::parse(text).map_err(|error| syntax(&file, text, &error))?.into_inner();
        whole(file, text, root)
    }

    /// Reads the experiment that is a table of a larger file, such as a lesson's; errors have the places of that file.
    ///
    /// # Errors
    /// As [`Experiment::parse`].
    pub fn parse_within(text: &str, origin: impl AsRef<Path>, table: &str) -> Result<Self, FileError> {
        let file = origin.as_ref().to_owned();
        let root = DeTable::parse(text).map_err(|error| syntax(&file, text, &error))?.into_inner();
        match root.into_iter().find(|(key, _)| key.get_ref() == table).map(|(_, value)| value.into_inner()) {
            Some(DeValue::Table(root)) => whole(file, text, root),
            _ => Err(FileError::Empty { file }),
        }
    }
}

/// The experiment of a file's whole text, or of a table in it.
fn whole(file: PathBuf, text: &str, root: DeTable<'_>) -> Result<Experiment, FileError> {
    let has_epochs = model_kind(&root) != Some("surface");
    let document = Document { file, text, has_epochs, phases: OnceCell::new() };
    experiment(&document.root(&DeValue::Table(root)))
}

/// Reads a schedule that stands alone: the fields of its table.
///
/// # Errors
/// As [`Experiment::parse`].
pub fn schedule_of(text: &str) -> Result<Schedule, FileError> {
    let file = PathBuf::from("the schedule");
    let root = DeTable::parse(text).map_err(|error| syntax(&file, text, &error))?.into_inner();
    let document = Document { file, text, has_epochs: true, phases: OnceCell::new() };
    read_schedule::schedule(&document.root(&DeValue::Table(root)))
}

fn syntax(file: &Path, text: &str, error: &toml::de::Error) -> FileError {
    // The parser gives no place when a key has too many parts: that key is where the dots are.
    let offset = error.span().map_or_else(|| dottiest_line(text), |span| span.start);
    let place = Place::new(file.to_owned(), text.as_bytes(), offset);
    FileError::Syntax { place, message: error.message().replace('\n', ", ") }
}

/// Where the line with the most dots starts.
fn dottiest_line(text: &str) -> usize {
    let mut start = 0;
    let mut dottiest = (0, 0);
    for line in text.split_inclusive('\n') {
        dottiest = dottiest.max((line.matches('.').count(), start));
        start += line.len();
    }
    dottiest.1
}

/// The model's kind, needed before anything else is read: without data there are no epochs.
fn model_kind<'d>(root: &'d DeTable) -> Option<&'d str> {
    root.get("model")?.get_ref().get("kind")?.get_ref().as_str()
}

fn experiment(root: &Node) -> Result<Experiment, FileError> {
    let fields = root.fields("fields")?;
    let Some(version) = fields.get("anneal") else {
        return Err(FileError::NoVersion { place: root.place() });
    };
    match version.whole(1..)? {
        VERSION => {}
        found => {
            return Err(FileError::NewerVersion { place: version.place(), found });
        }
    }
    fields.only(&[
        "anneal",
        "name",
        "data",
        "model",
        "train",
        "federated",
        "parallel",
        "snapshots",
        "run",
        "sweep",
    ])?;
    let name = fields.need("name", "the experiment's name in quotes")?.text()?.to_owned();
    let model_fields = fields.need("model", "a [model] section")?.fields("a [model] section")?;
    let model = model(&model_fields)?;
    let data = data(&fields, &model, &model_fields)?;
    let train = train(&fields.need("train", "a [train] section")?, &data, &model)?;
    let team = team(&fields, &data, &model, &train)?;
    let snapshots = fields.read("snapshots", |node| snapshots(&node))?;
    // What follows may name the phases.
    let _ = root.document().phases.set(data.phases.clone());
    let setting = Setting { data: &data, parameters: &model.parameters(), updates: train.updates };
    if let Some(phases) = fields.get("data").and_then(|node| node.fields("").ok()?.get("phase")) {
        super::read_phase::fit(&phases, &data.phases, train.updates, setting.clocks())?;
    }
    let run_node = fields.need("run", "at least one [[run]] section")?;
    let runs = runs(&run_node, &setting)?;
    if team.is_some() {
        run_node.items("runs")?.iter().zip(&runs).try_for_each(|(node, run)| suits(node, run))?;
    }
    let clock = setting.clocks().next();
    let start = model_fields.read("from", |node| start(&node))?;
    let experiment = Experiment { name, data, model, start, train, team, snapshots, runs, sweep: None };
    let sweep = match (fields.get("sweep"), clock) {
        (Some(node), Some(clock)) => Some(super::read_sweep::sweep(&node, &experiment, clock)?),
        _ => None,
    };
    Ok(Experiment { sweep, ..experiment })
}

fn model(fields: &Fields) -> Result<Model, FileError> {
    const KINDS: [(&str, Reader); 4] =
        [("mlp", mlp), ("cnn", cnn), ("transformer", transformer), ("surface", surface)];
    type Reader = fn(&Fields) -> Result<Model, FileError>;
    let read = fields.need("kind", "the kind of model, such as \"mlp\"")?.choice(&KINDS)?;
    read(fields)
}

fn mlp(fields: &Fields) -> Result<Model, FileError> {
    fields.only(&["kind", "hidden", "activation", "context", "embedding", "from"])?;
    let size = |node: Node| node.whole(1..=MAX_WIDTH);
    let (context, embedding) = (fields.read("context", size)?, fields.read("embedding", size)?);
    let window = context.map(|context| Window { context, embedding: embedding.unwrap_or(Window::EMBEDDING) });
    if let (None, Some(node)) = (window, fields.get("embedding")) {
        return Err(node.error("`context` beside it: the characters that are embedded"));
    }
    Ok(Model::Mlp {
        window,
        hidden: widths(&fields.need("hidden", WIDTHS)?)?,
        activation: fields
            .read("activation", |node| node.choice(&Activation::ALL))?
            .unwrap_or(Activation::Relu),
    })
}

fn cnn(fields: &Fields) -> Result<Model, FileError> {
    fields.only(&["kind", "channels", "from"])?;
    let channels = fields.need("channels", "a list of channels, such as [16, 32]")?;
    channels.filled("a list of at least one layer's channels, such as [16, 32]")?;
    Ok(Model::Cnn { channels: widths(&channels)? })
}

fn transformer(fields: &Fields) -> Result<Model, FileError> {
    fields.only(&["kind", "layers", "width", "heads", "context", "norm", "from"])?;
    let size = |name: &str| fields.need(name, "a whole number")?.whole(1..=MAX_WIDTH);
    let width = size("width")?;
    let heads = fields.need("heads", "a whole number")?;
    let head_count = heads.whole(1..=width)?;
    if width % head_count != 0 {
        return Err(heads.error(format!("a number that divides the width, {width}")));
    }
    Ok(Model::Transformer {
        layers: fields.need("layers", "a whole number")?.whole(1..=MAX_LAYERS)?,
        width,
        heads: head_count,
        context: size("context")?,
        norm: fields.read("norm", |node| node.choice(&Norm::ALL))?.unwrap_or(Norm::Pre),
    })
}

fn surface(fields: &Fields) -> Result<Model, FileError> {
    fields.only(&["kind", "function", "start", "noise"])?;
    let function = fields.need("function", "the name of a surface, such as \"rosenbrock\"")?;
    let pair = "two numbers, such as [-1.5, 2.0]";
    let start = fields.need("start", pair)?;
    let start = match start.items(pair)?.as_slice() {
        [x, y] => [x.number(..)?, y.number(..)?],
        _ => return Err(start.error(pair)),
    };
    Ok(Model::Surface {
        function: function.choice(&SurfaceFunction::ALL)?,
        start,
        noise: fields.read("noise", |noise| noise.number(0.0..))?.unwrap_or(0.0),
    })
}

fn widths(node: &Node) -> Result<Vec<usize>, FileError> {
    let layers = node.items(WIDTHS)?;
    if layers.len() > MAX_LAYERS {
        return Err(node.error_found(format!("{} layers", layers.len()), format!("at most {MAX_LAYERS}")));
    }
    layers.iter().map(|width| width.whole(1..=MAX_WIDTH)).collect()
}

/// The data, checked against the model that is to learn it.
fn data(fields: &Fields, model: &Model, model_fields: &Fields) -> Result<Data, FileError> {
    let section = "a [data] section";
    let is_surface = matches!(model, Model::Surface { .. });
    let node = match fields.get("data") {
        None if is_surface => return Ok(Data::new(Source::None)),
        Some(node) if is_surface => {
            return Err(node.error("no [data] section: a surface is its own loss"));
        }
        found => found.ok_or_else(|| fields.missing("data", section))?,
    };
    let fields = node.fields(section)?;
    fields.only(&[
        "name",
        "path",
        "label",
        "batch_size",
        "drop_last",
        "validation",
        "label_noise",
        "limit",
        "columns",
        "phase",
    ])?;
    let source = source(&fields)?;
    fits(&source, model, model_fields)?;

    let default = Data::new(source);
    let limit = fields.read("limit", |limit| limit.whole(1..=MAX_COUNT))?;
    let columns = fields.read("columns", |node| columns(&node, &default.source))?.unwrap_or_default();
    let data = Data {
        batch_size: fields.read("batch_size", |size| batch_size(&size, limit))?.unwrap_or(default.batch_size),
        drop_last: fields.read("drop_last", |node| node.flag())?.unwrap_or(default.drop_last),
        validation: fields.read("validation", |node| node.number(0.0..1.0))?.unwrap_or(default.validation),
        label_noise: fields
            .read("label_noise", |node| node.number(0.0..=1.0))?
            .unwrap_or(default.label_noise),
        limit,
        columns,
        ..default
    };
    let phases = fields.read("phase", |node| phases(&node, &data))?.unwrap_or_default();
    Ok(Data { phases, ..data })
}

fn source(fields: &Fields) -> Result<Source, FileError> {
    match (fields.get("name"), fields.get("path")) {
        (Some(name), None) => {
            if let Some(label) = fields.get("label") {
                return Err(label.error("none: a shipped data set has its own labels"));
            }
            let names = crate::data::NAMES.iter().copied();
            match names.clone().find(|shipped| name.is_str(shipped)) {
                Some(shipped) => Ok(Source::Shipped(shipped.to_owned())),
                None => Err(name.unknown(names)),
            }
        }
        (None, Some(path)) => Ok(Source::File {
            path: path.text()?.into(),
            label: fields.need("label", "the column to predict")?.text()?.to_owned(),
        }),
        (Some(_), Some(path)) => Err(path.error("either `name` or `path`, not both")),
        (None, None) => Err(fields.missing("name", "a shipped data set's name, or `path` and `label`")),
    }
}

/// What is said of a table's columns.
fn columns(node: &Node, source: &Source) -> Result<ColumnUses, FileError> {
    if !matches!(source, Source::File { .. }) {
        return Err(node.error("none: only a table of one's own (`path`) has columns to say something of"));
    }
    let what = "a table of columns, such as { cabin = \"skip\", price = \"number\" }";
    let entries = node.fields(what)?;
    entries.all().map(|(name, node)| Ok((name.to_owned(), node.choice(&ColumnUse::ALL)?))).collect()
}

fn batch_size(node: &Node, limit: Option<usize>) -> Result<BatchSize, FileError> {
    if node.is_str("all") {
        return Ok(BatchSize::All);
    }
    if !node.is_number() {
        return Err(node.error("a whole number of at least 1, or \"all\""));
    }
    let samples = node.whole(1..=MAX_COUNT)?;
    match limit {
        Some(limit) if samples > limit => Err(node.error(format!("at most the data's limit, {limit}"))),
        _ => Ok(BatchSize::Samples(samples)),
    }
}

/// # Errors
/// When the model cannot read such data.
fn fits(source: &Source, model: &Model, model_fields: &Fields) -> Result<(), FileError> {
    let is_text = source.shipped().is_some_and(DatasetInfo::is_text);
    let allowed = match model {
        Model::Cnn { .. } if !source.shipped().is_some_and(DatasetInfo::is_images) => {
            format!("another kind of model, or images: the data sets {}", listed(DatasetInfo::is_images))
        }
        Model::Transformer { .. } if !is_text => {
            format!("another kind of model, or text: the data set {}", listed(DatasetInfo::is_text))
        }
        Model::Mlp { window: None, .. } if is_text => {
            let text = listed(DatasetInfo::is_text);
            format!("\"mlp\" with a context, such as context = 8, or \"transformer\" for the data set {text}")
        }
        Model::Mlp { window: Some(_), .. } if !is_text => {
            let allowed = format!("no context, or text: the data set {}", listed(DatasetInfo::is_text));
            return Err(model_fields.need("context", &allowed)?.error(allowed));
        }
        _ => return Ok(()),
    };
    Err(model_fields.need("kind", &allowed)?.error(allowed))
}

fn train(node: &Node, data: &Data, model: &Model) -> Result<Train, FileError> {
    let source = &data.source;
    let fields = node.fields("a [train] section")?;
    fields.only(&[
        "updates",
        "seed",
        "replicas",
        "accumulate",
        "clip_norm",
        "loss",
        "weights",
        "rounding",
        "gradients",
        "loss_scale",
        "stop",
        "attack",
    ])?;
    let default =
        Train::new(updates(&fields.need("updates", "a span, such as \"500\" or \"10ep\"")?)?, source);
    let weights = fields.read("weights", |node| node.choice(&WeightFormat::ALL))?.unwrap_or(default.weights);
    let gradients =
        fields.read("gradients", |node| node.choice(&WeightFormat::ALL))?.unwrap_or(default.gradients);
    Ok(Train {
        seed: fields.read("seed", |seed| seed.whole(0..=MAX_SEED))?.unwrap_or(default.seed),
        replicas: fields.read("replicas", |node| node.whole(1..=MAX_ROWS))?.unwrap_or(default.replicas),
        accumulate: fields
            .read("accumulate", |node| node.whole(1..=MAX_COUNT))?
            .unwrap_or(default.accumulate),
        clip_norm: fields.read("clip_norm", |norm| norm.number((Excluded(0.0), Unbounded)))?,
        loss: fields.read("loss", |node| loss(&node, source))?.or(default.loss),
        weights,
        rounding: fields.read("rounding", |node| rounding(&node, weights))?.unwrap_or_default(),
        gradients,
        loss_scale: fields.read("loss_scale", |node| loss_scale(&node, gradients))?,
        stop: fields.read("stop", |node| stop(&node, data))?,
        attack: fields.read("attack", |node| attack(&node, data, model))?,
        ..default
    })
}

/// The length of the runs.
fn updates(node: &Node) -> Result<Span, FileError> {
    let allowed = "whole updates (\"500\", at most 1e9) or epochs (\"10ep\", at most 1e6)";
    match node.span()? {
        span @ Span::Updates(count) if count.fract() == 0.0 && count <= MAX_UPDATES => Ok(span),
        span @ Span::Epochs(count) if count <= MAX_EPOCHS => Ok(span),
        _ => Err(node.error(allowed)),
    }
}

fn loss(node: &Node, source: &Source) -> Result<Loss, FileError> {
    let loss = node.choice(&Loss::ALL)?;
    match source {
        Source::None => Err(node.error("none: a surface is its own loss")),
        Source::Shipped(name)
            if loss == Loss::CrossEntropy && source.shipped().is_some_and(DatasetInfo::is_regression) =>
        {
            Err(node.error(format!("\"mse\": the data set \"{name}\" is a regression")))
        }
        _ => Ok(loss),
    }
}

fn snapshots(node: &Node) -> Result<Snapshots, FileError> {
    let fields = node.fields("a [snapshots] section")?;
    fields.only(&["when", "keep", "average"])?;
    let when = fields.need("when", "\"cycle_end\" or a span, such as \"5ep\"")?;
    Ok(Snapshots {
        when: if when.is_str("cycle_end") {
            SnapshotWhen::CycleEnd
        } else {
            SnapshotWhen::Every(when.span()?)
        },
        keep: fields.read("keep", |keep| keep.whole(1..=MAX_ROWS))?.unwrap_or(Snapshots::KEEP),
        average: fields.read("average", |node| averages(&node))?.unwrap_or_default(),
    })
}

fn averages(node: &Node) -> Result<Vec<Average>, FileError> {
    let mut averages = Vec::new();
    for node in node.items("a list of averages, such as [\"swa\", \"ema\"]")? {
        let average = node.choice(&Average::ALL)?;
        if averages.contains(&average) {
            return Err(node.error("each average once"));
        }
        averages.push(average);
    }
    Ok(averages)
}

fn runs(node: &Node, setting: &Setting) -> Result<Vec<Run>, FileError> {
    let mut lines = HashMap::new();
    let mut runs = Vec::new();
    let mut nodes = Vec::new();
    let sections = node.filled("at least one [[run]] section")?;
    if sections.len() > MAX_ROWS {
        return Err(node.error_found(format!("{} runs", sections.len()), format!("at most {MAX_ROWS}")));
    }
    for (index, node) in sections.into_iter().enumerate() {
        let line = node.place().line;
        let (run, name) = run(node.scoped(format!("run {}", index + 1)), setting)?;
        nodes.push(node.scoped(format!("run \"{}\"", quote(&run.name))));
        if let Some(line) = lines.insert(run.name.clone(), line) {
            return Err(name.error(format!("a name of its own; the run on line {line} has this one")));
        }
        runs.push(run);
    }
    for (at, node) in nodes.iter().enumerate() {
        descends(node, &runs, at, setting)?;
    }
    Ok(runs)
}
