//! `anneal export`: a run as code or configuration for another framework, and what that really does.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};

use super::{Failure, output, read};
use crate::analysis::noise_scale::Scaling;
use crate::analysis::real_run::{RealRun, Rescaled, rescaled};
use crate::experiment::BatchSize;
use crate::export::{Badge, Checked, Export, Options, Target, export, truth_table};
use crate::files;
use crate::train::task::{self, Task};

/// Rows of the preview at each end of the run.
const PREVIEW: usize = 6;

/// What `anneal export` is given.
#[derive(Args)]
pub struct Arguments {
    pub file: Option<PathBuf>,
    /// The run to export.
    #[arg(long)]
    pub run: Option<String>,
    /// The framework, one of --list.
    #[arg(long)]
    pub to: Option<String>,
    /// Where to write the text; stdout when not given.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// List the targets.
    #[arg(long)]
    pub list: bool,
    /// What every target makes of the run, side by side.
    #[arg(long)]
    pub truth: bool,
    /// Print the text, the predicted rates and the notes as JSON.
    #[arg(long)]
    pub json: bool,
    /// For a run of so many updates: every length keeps its share of the run.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub length: Option<u64>,
    /// For so many samples an update: the rates follow as --scaling says.
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u64).range(1..))]
    pub batch: Option<u64>,
    /// How rates follow the batch; by itself in proportion for SGD, and with the root otherwise.
    #[arg(long, value_enum, requires = "batch")]
    pub scaling: Option<Rule>,
    /// With this highest rate, whatever the batch.
    #[arg(long, value_name = "P", value_parser = positive)]
    pub peak: Option<f64>,
    /// Argument names of transformers version 4.
    #[arg(long)]
    pub v4: bool,
    #[command(flatten)]
    pub resume: super::export_resume::Arguments,
}

/// How rates follow the batch.
#[derive(Clone, Copy, ValueEnum)]
pub enum Rule {
    /// In proportion to it.
    Linear,
    /// With its square root.
    Root,
}

impl From<Rule> for Scaling {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Linear => Self::Linear,
            Rule::Root => Self::SquareRoot,
        }
    }
}

pub fn run(args: &Arguments) -> Result<(), Failure> {
    if args.list {
        let widest = Target::ALL.iter().map(|target| target.id.len()).max().unwrap_or(0);
        let lines = Target::ALL
            .iter()
            .map(|target| format!("{:<widest$}  {} ({})\n", target.id, target.title, target.framework));
        return Ok(output::print(&lines.collect::<String>())?);
    }
    let bad = |text: String| Failure::BadFile(anyhow!(text));
    let file = args.file.as_ref().ok_or_else(|| bad("export needs an experiment FILE, or --list".into()))?;
    let experiment = read(file)?;
    let names =
        || experiment.runs.iter().map(|run| format!("\"{}\"", run.name)).collect::<Vec<_>>().join(", ");
    let run = match &args.run {
        Some(name) => experiment.runs.iter().find(|run| run.name == *name),
        None if experiment.runs.len() == 1 => experiment.runs.first(),
        None => None,
    };
    let run =
        run.ok_or_else(|| bad(format!("write --run NAME with one of the experiment's runs: {}", names())))?;
    let task = Task::new(&experiment, task::prepare(&experiment)?)?;
    let batch_size = match experiment.data.batch_size {
        BatchSize::Samples(samples) => samples,
        BatchSize::All => task.batch,
    };
    let real = RealRun { length: args.length, batch: args.batch, peak: args.peak };
    let scaling = args.scaling.map_or_else(|| Scaling::usual(run), Scaling::from);
    let samples = (batch_size * experiment.train.accumulate) as u64;
    let rescaled = rescaled(&experiment, run, task.clock, samples, &real, scaling)?;
    for note in &rescaled.notes {
        output::say(format!("rescaled: {note}"));
    }
    let Rescaled { experiment, run, clock, .. } = rescaled;
    let run = &run;
    let batch_size = match experiment.data.batch_size {
        BatchSize::Samples(samples) => samples,
        BatchSize::All => batch_size,
    };
    let options = Options { hugging_face_v4: args.v4, batch_size };
    if args.truth {
        let table = truth_table(&experiment, run, clock, &options)?;
        let mut text = format!(
            "{:<18} {:<12} {:>11} {:>11} {:>9} {:>11} {:>13}\n",
            "target", "badge", "first", "peak", "at update", "last", "max deviation"
        );
        for (target, row) in table {
            text += &format!(
                "{:<18} {:<12} {:>11.4e} {:>11.4e} {:>9} {:>11.4e} {:>13.3e}\n",
                target.id,
                row.badge.word(),
                row.first,
                row.peak.0,
                row.peak.1,
                row.last,
                row.deviation.max_absolute
            );
        }
        return Ok(output::print(&text)?);
    }
    let ids = || Target::ALL.iter().map(|target| target.id).collect::<Vec<_>>().join(", ");
    let id = args.to.as_deref().ok_or_else(|| bad(format!("write --to TARGET with one of: {}", ids())))?;
    let target = Target::from_id(id)
        .ok_or_else(|| bad(format!("there is no target \"{id}\"; there are: {}", ids())))?;
    if args.resume.is_asked() {
        return super::export_resume::run(
            &args.resume,
            (&experiment, run, clock),
            (target, &options),
            (args.json, args.out.as_deref()),
        );
    }
    let exported = export(&experiment, run, clock, target, &options)?;
    if args.json {
        let json = serde_json::to_string_pretty(&exported.to_json(clock))? + "\n";
        return Ok(output::print(&json)?);
    }
    tell(&exported);
    match &args.out {
        None => output::print(&exported.text)?,
        Some(out) => files::replace(out, |file| file.write_all(exported.text.as_bytes()))
            .with_context(|| format!("cannot write {}", out.display()))?,
    }
    Ok(())
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "a number is wanted".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("a rate is a number above 0".to_owned()) }
}

/// What the exported text really does, on stderr.
fn tell(export: &Export) {
    let why = match &export.badge {
        Badge::Native => String::new(),
        Badge::Approximated { why } | Badge::Table { why } => format!(": {why}"),
    };
    output::say(format!("{} for {}{why}", export.badge.word(), export.target.framework));
    let deviation = &export.deviation;
    if deviation.max_absolute > 0.0 {
        output::say(format!(
            "largest deviation from the drawn curve: {:.3e} at update {} ({:.2e} of the peak)",
            deviation.max_absolute, deviation.at_update, deviation.of_peak
        ));
    }
    output::say(match export.checked {
        Checked::Run => "checked: exports to it were executed and agreed update by update",
        Checked::PredictedNotRun => "predicted, not run",
    });
    let last = export.predicted.len();
    for (update, rate) in export.predicted.iter().enumerate() {
        if update < PREVIEW || update + PREVIEW >= last {
            output::say(format!("  update {update:>8}  {rate:e}"));
        } else if update == PREVIEW {
            output::say("  ...");
        }
    }
    for note in &export.notes {
        output::say(format!("note: {note}"));
    }
}
