//! `anneal import`: a framework's configuration or a logged rate as an experiment file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Failure, first, output};
use crate::experiment::{BatchSize, Experiment, Optimizer, OptimizerKind};
use crate::files;
use crate::import::{DIALECTS, Imported, MAX_BYTES, Options, dialect_named, explain, import_file};
use crate::schedule::{Span, Tick};

#[derive(Args, Default)]
pub struct ImportArgs {
    file: PathBuf,
    /// Say what the file is recognised by, and read nothing.
    #[arg(long)]
    explain: bool,
    /// Read it as this dialect, one of --explain's.
    #[arg(long = "as", value_name = "DIALECT")]
    dialect: Option<String>,
    /// What the schedule counts.
    #[arg(long, value_enum)]
    tick: Option<TickChoice>,
    /// Updates of an epoch, where the file mixes both.
    #[arg(long, value_name = "N")]
    updates_per_epoch: Option<f64>,
    /// The run's length, such as 10000 or 90ep.
    #[arg(long, value_name = "SPAN")]
    length: Option<Span>,
    /// Of several groups of parameters, the one whose rate is wanted: its number from 0, or its name.
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Print JSON: the experiment as TOML, and what was noted, assumed and not read.
    #[arg(long)]
    json: bool,
}

impl ImportArgs {
    /// A file, read as it comes.
    pub fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum TickChoice {
    Update,
    Epoch,
}

/// Prints an experiment with the imported run; what was assumed or left out goes to stderr.
pub fn run(args: &ImportArgs) -> Result<(), Failure> {
    if args.explain {
        return explained(&args.file, args.json);
    }
    let named = args.dialect.as_deref().map(dialect_named).transpose();
    let dialect = named.map_err(|error| Failure::BadFile(error.into()))?;
    let options = Options {
        dialect,
        tick: args.tick.map(|tick| match tick {
            TickChoice::Update => Tick::Update,
            TickChoice::Epoch => Tick::Epoch,
        }),
        updates_per_epoch: args.updates_per_epoch,
        length: args.length,
        group: args.group.clone(),
        folder: None,
    };
    let file = args.file.display();
    let imported =
        import_file(&args.file, &options).map_err(|error| Failure::BadFile(anyhow!("{file}: {error}")))?;
    let mut imported = imported;
    let experiment = match imported.experiment.as_deref() {
        Some(experiment) => experiment.clone(),
        None => {
            let (experiment, left_out) = around(&imported)?;
            imported.notes.extend(left_out);
            experiment
        }
    };
    if args.json {
        let text = serde_json::to_string_pretty(&as_json(&imported, &experiment))? + "\n";
        return Ok(output::print(&text)?);
    }
    for sentence in &imported.assumed {
        output::say(format!("assumed: {sentence}"));
    }
    for note in &imported.notes {
        output::say(format!("note: {note}"));
    }
    let (matter, idle): (Vec<_>, Vec<_>) = imported.unread.iter().partition(|unread| unread.matters);
    for unread in matter {
        output::say(format!("not read: {unread}"));
    }
    if !idle.is_empty() {
        let list: Vec<String> = idle.iter().map(ToString::to_string).collect();
        output::say(format!(
            "not read, and nothing in it says that it shapes the schedule: {}",
            list.join("; ")
        ));
    }
    if let Some(fit) = &imported.fit {
        output::say(format!("fit: {fit}"));
    }
    Ok(output::print(&experiment.to_toml())?)
}

fn as_json(imported: &Imported, experiment: &Experiment) -> serde_json::Value {
    let unread: Vec<_> = imported
        .unread
        .iter()
        .map(|it| json!({ "name": it.name, "value": it.value, "line": it.line, "matters": it.matters }))
        .collect();
    json!({
        "dialect": imported.dialect.id,
        "experiment": experiment.to_toml(),
        "notes": imported.notes,
        "assumed": imported.assumed,
        "unread": unread,
        "fit": imported.fit.map(|fit| fit.to_string()),
    })
}

/// What speaks for which dialect.
fn explained(file: &Path, as_json: bool) -> Result<(), Failure> {
    use std::io::Read as _;
    let unread = |error: std::io::Error| Failure::BadFile(anyhow!("{}: {error}", file.display()));
    let mut bytes = Vec::new();
    files::input(file).map_err(unread)?.take(MAX_BYTES).read_to_end(&mut bytes).map_err(unread)?;
    let (form, candidates) = explain(&String::from_utf8_lossy(&bytes));
    if as_json {
        let candidates: Vec<_> = candidates
            .iter()
            .map(|candidate| {
                let evidence: Vec<_> = candidate
                    .evidence
                    .iter()
                    .map(|it| json!({ "what": it.what, "line": it.line, "weight": it.weight }))
                    .collect();
                json!({
                    "dialect": candidate.dialect.id, "weight": candidate.weight(),
                    "claimed": candidate.is_claimed(), "evidence": evidence,
                })
            })
            .collect();
        let text = serde_json::to_string_pretty(&json!({ "form": form, "candidates": candidates }))? + "\n";
        return Ok(output::print(&text)?);
    }
    let mut text = format!("{}: {form}\n", file.display());
    for (index, candidate) in candidates.iter().enumerate() {
        let verdict = match (index, candidate.is_claimed()) {
            (0, true) => "is read",
            (_, true) => "comes after it",
            (_, false) => "is not claimed: 10 would be",
        };
        let _ = writeln!(
            text,
            "{} ({}): weight {}, {verdict}",
            candidate.dialect.id,
            candidate.dialect.name,
            candidate.weight()
        );
        for evidence in &candidate.evidence {
            let _ = writeln!(text, "  {:>3}  line {}: {}", evidence.weight, evidence.line, evidence.what);
        }
    }
    if candidates.is_empty() {
        let ids: Vec<&str> = DIALECTS.iter().map(|dialect| dialect.id).collect();
        let _ = writeln!(text, "nothing in it speaks for any of {}", ids.join(", "));
    }
    Ok(output::print(&text)?)
}

/// The experiment that opens when none is named, with the imported run and what the text says of its training.
fn around(imported: &Imported) -> Result<(Experiment, Vec<String>), Failure> {
    let mut experiment = first()?;
    experiment.name = imported.name.clone();
    let usual = Optimizer::new(OptimizerKind::Sgd).with("momentum", 0.9);
    let (run, left_out) = imported.run_on(&usual, &experiment.model);
    experiment.runs = vec![run];
    if let Some(updates) = imported.updates {
        experiment.train.updates = updates;
    }
    if let Some(accumulate) = imported.accumulate {
        experiment.train.accumulate = accumulate;
    }
    if let Some(batch) = imported.batch_size {
        experiment.data.batch_size = BatchSize::Samples(batch);
    }
    experiment.train.clip_norm = imported.clip_norm;
    Ok((experiment, left_out))
}
