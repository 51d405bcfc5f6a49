//! The command line: one binary, `anneal`.
//!
//! stdout carries data only, messages and progress go to stderr. The exit code is 0 when done,
//! 1 when something failed, and 2 for bad usage or a bad file.

pub mod baseline;
mod bench;
mod data_report;
mod diagnose;
mod diagnosis;
mod ensemble;
mod export;
mod find_lr;
mod import;
mod landscape;
mod lesson;
mod lint;
mod open;
mod output;
mod results;
mod schedule;
mod screenshot;
mod summary;
mod sweep;
mod train;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::data::DataError;
use crate::experiment::Experiment;
use crate::machine;
use crate::train::TrainError;
use crate::train::device::Choice;

/// Drag a learning-rate schedule and watch training answer.
#[derive(Parser)]
#[command(name = "anneal", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// The experiment to open in the studio; without one, the digits under three schedules.
    file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Train an experiment without the studio.
    Train(TrainArgs),
    /// Print every update's rate, momentum and weight decay as CSV.
    Schedule { file: PathBuf },
    /// Range test: how high a learning rate training bears, and what the usual rules make of it.
    FindLr(FindLrArgs),
    /// A run as code or configuration for another framework; what it really does goes to stderr.
    Export(ExportArgs),
    /// A framework's scheduler configuration or a logged learning rate as an experiment file.
    Import { file: PathBuf },
    /// What a log of any program's training holds, and what goes wrong in it.
    Diagnose {
        /// A log, or a folder of logs.
        path: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// The snapshots a training kept: each one, their ensemble, averages and soups, as CSV.
    Ensemble {
        /// The folder that `anneal train --out` wrote.
        folder: PathBuf,
        /// Print JSON, with the matrices and barriers.
        #[arg(long)]
        json: bool,
    },
    /// Draw the loss around a training's runs to a PNG file.
    Landscape {
        /// The folder that `anneal train --out` wrote.
        folder: PathBuf,
        #[arg(long)]
        out: PathBuf,
        /// Width and height in pixels.
        #[arg(long, value_parser = screenshot::size, default_value = "1200x800")]
        size: (u32, u32),
        /// A map from above instead of a surface.
        #[arg(long)]
        flat: bool,
    },
    /// Say what an experiment will do that nobody means; exit 1 where there is an error.
    Lint { file: PathBuf },
    /// The lessons: list them, read one, or check that what they claim holds on this machine.
    Lesson(lesson::LessonArgs),
    /// Render the studio to a PNG file, off screen.
    Screenshot(ScreenshotArgs),
    /// Train one run under many other numbers, as the file's [sweep] says, and find the best ones.
    Sweep(sweep::SweepArgs),
    /// Measure lane-updates a second on the standard workloads.
    Bench(BenchArgs),
}

#[derive(Args)]
struct BenchArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    device: Device,
    /// Training threads; all cores when not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Workloads to measure, such as tiny,digits; all when not given.
    #[arg(long, value_delimiter = ',', value_parser = bench::workload_names())]
    workloads: Vec<String>,
    /// Lanes to measure, such as 1,64,1024.
    #[arg(long, value_delimiter = ',', default_values_t = bench::LANES)]
    lanes: Vec<usize>,
    /// Measure Instant mode instead: from an edit to the whole new curve of 1,000 updates.
    #[arg(long, conflicts_with_all = ["device", "workloads", "lanes"])]
    instant: bool,
    /// Measure instead how the cost of `digits` grows with updates, lanes and batch.
    #[arg(long, conflicts_with_all = ["device", "workloads", "lanes", "instant"])]
    growth: bool,
    /// One short round instead of five: an idea, not a figure to quote.
    #[arg(long)]
    quick: bool,
}

#[derive(Args)]
struct TrainArgs {
    file: PathBuf,
    /// Where the experiment, the metrics, the events and the summary are written.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on from the newest good checkpoint of an earlier training's folder; results are added there.
    #[arg(long, value_name = "DIR")]
    resume: Option<PathBuf>,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    device: Device,
    /// Training threads; all cores when not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Compare with the first constant rate in the report, and tune none.
    #[arg(long)]
    no_baseline: bool,
}

#[derive(Args)]
struct FindLrArgs {
    file: PathBuf,
    /// Only this run.
    #[arg(long)]
    run: Option<String>,
    /// Updates of the sweep.
    #[arg(long, default_value_t = 200)]
    updates: usize,
    /// Seeds, swept side by side.
    #[arg(long, default_value_t = 3)]
    seeds: usize,
    /// Train the suggestion as the peak of one cycle, beside a third and three times of it.
    #[arg(long)]
    prove: bool,
    /// Print JSON, curves included.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ExportArgs {
    file: Option<PathBuf>,
    /// The run to export.
    #[arg(long)]
    run: Option<String>,
    /// The framework, one of --list.
    #[arg(long)]
    to: Option<String>,
    /// Where to write the text; stdout when not given.
    #[arg(long)]
    out: Option<PathBuf>,
    /// List the targets.
    #[arg(long)]
    list: bool,
    /// What every target makes of the run, side by side.
    #[arg(long)]
    truth: bool,
    /// Print the text, the predicted rates and the notes as JSON.
    #[arg(long)]
    json: bool,
    /// Argument names of transformers version 4.
    #[arg(long)]
    v4: bool,
}

#[derive(Args)]
struct ScreenshotArgs {
    file: PathBuf,
    #[arg(long)]
    out: PathBuf,
    /// Width and height in pixels, such as 1600x1000.
    #[arg(long, value_parser = screenshot::size, default_value = "1600x1000")]
    size: (u32, u32),
    /// Updates trained before the picture; the whole run when not given.
    #[arg(long)]
    updates: Option<u64>,
    /// The panel to show at the right.
    #[arg(long)]
    panel: Option<String>,
    /// Another program's log, or a folder of logs, beside the experiment's runs.
    #[arg(long)]
    recording: Vec<PathBuf>,
    /// The theme.
    #[arg(long, value_enum, default_value_t)]
    theme: ThemeChoice,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum ThemeChoice {
    #[default]
    Dark,
    Light,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Device {
    #[default]
    Auto,
    Cpu,
    Cuda,
    Metal,
}

impl From<Device> for Choice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Cpu => Self::Cpu,
            Device::Cuda => Self::Cuda,
            Device::Metal => Self::Metal,
        }
    }
}

/// What a command could not do.
enum Failure {
    /// Exit code 1.
    Failed(anyhow::Error),
    /// Exit code 2.
    BadFile(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        // Bad data are a bad file, whatever was to be done with them.
        let is_bad_file = error.chain().any(|cause| {
            cause.is::<DataError>() || matches!(cause.downcast_ref(), Some(TrainError::Data(_)))
        });
        if is_bad_file { Self::BadFile(error) } else { Self::Failed(error) }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("ANNEAL_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    // A stderr that cannot be written to is no reason to stop.
    let log = tracing_subscriber::fmt().log_internal_errors(false);
    log.with_env_filter(filter).with_writer(std::io::stderr).init();
    let cli = Cli::parse();
    let done = match cli.command {
        None => open::run(cli.file.as_deref()),
        Some(Command::Train(args)) => read(&args.file).and_then(|experiment| {
            let TrainArgs { file, out, resume, device, threads, no_baseline } = args;
            let (device, threads) = (device.into(), threads_of(threads));
            let source = Some(file);
            train::train(&experiment, &train::Order { out, resume, source, device, threads, no_baseline })
        }),
        Some(Command::Schedule { file }) => schedule::run(&file),
        Some(Command::FindLr(args)) => find_lr::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Import { file }) => import::run(&file),
        Some(Command::Diagnose { path, json }) => diagnose::run(&path, json),
        Some(Command::Ensemble { folder, json }) => ensemble::run(&folder, json),
        Some(Command::Landscape { folder, out, size, flat }) => landscape::run(&folder, &out, size, flat),
        Some(Command::Lint { file }) => lint::run(&file),
        Some(Command::Lesson(args)) => lesson::run(&args),
        Some(Command::Screenshot(args)) => screenshot::run(&args),
        Some(Command::Sweep(args)) => sweep::run(&args),
        Some(Command::Bench(args)) => bench_command(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => complain(&error, 1),
        Err(Failure::BadFile(error)) => complain(&error, 2),
    }
}

/// Says what went wrong on one line, causes included.
fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    output::say(format!("anneal: {error:#}"));
    ExitCode::from(code)
}

/// The threads to train on: at least one and at most the cores, which all are used when nothing is asked for.
fn threads_of(asked: Option<usize>) -> usize {
    let cores = machine::cores();
    let threads = asked.unwrap_or(cores).clamp(1, cores);
    if let Some(asked) = asked.filter(|asked| *asked != threads) {
        let least =
            if asked == 0 { "at least one thread is needed" } else { "more threads than cores gain nothing" };
        output::say(format!("anneal: --threads {asked}: {least}; training on {threads} of {cores} cores"));
    }
    threads
}

/// Reads an experiment; a bad file is the user's to mend.
fn read(file: &Path) -> Result<Experiment, Failure> {
    Experiment::open(file).map_err(|error| Failure::BadFile(error.into()))
}

/// The experiment that opens when none is named.
fn first() -> Result<Experiment, Failure> {
    Ok(crate::ui::document::first()?)
}

/// As JSON, or as the table for people.
fn print_measured(
    json: bool,
    measured: &impl serde::Serialize,
    table: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let text = if json { serde_json::to_string_pretty(measured)? + "\n" } else { table() };
    output::print(&text)?;
    Ok(())
}

fn bench_command(args: &BenchArgs) -> Result<(), Failure> {
    let pace = if args.quick { bench::Pace::QUICK } else { bench::Pace::FULL };
    let progress = |next: &str| output::say(format!("measuring {next}"));
    if args.instant {
        let feels = bench::instant::run(args.threads.map(|asked| threads_of(Some(asked))), pace, progress)?;
        return print_measured(args.json, &feels, || bench::instant::table(&feels));
    }
    let threads = threads_of(args.threads);
    if args.growth {
        let costs = bench::growth::run(threads, pace, progress)?;
        return print_measured(args.json, &costs, || bench::growth::table(&costs));
    }
    let asked = bench::Asked { workloads: &args.workloads, lanes: &args.lanes };
    let report = bench::run(threads, args.device.into(), &asked, pace, progress)?;
    print_measured(args.json, &report, || report.table())
}
