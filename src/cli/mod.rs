//! The command line: one binary, `anneal`.
//!
//! stdout carries data only, messages and progress go to stderr. The exit code is 0 when done,
//! 1 when something failed, and 2 for bad usage or a bad file.

pub mod baseline;
mod bench;
mod canary;
mod data_report;
mod diagnose;
mod diagnosis;
mod energy;
mod ensemble;
mod export;
mod export_resume;
mod find_lr;
mod forecast;
mod history;
mod import;
mod landing;
mod landscape;
mod learn;
mod lesson;
mod library;
mod lint;
mod loading;
mod open;
mod output;
mod pages;
mod placed;
mod plateau;
mod policy;
mod results;
mod resumes;
mod schedule;
mod screenshot;
mod serve;
mod sign;
mod sinks;
mod sweep;
mod sync;
mod train;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::data::DataError;
use crate::experiment::Experiment;
use crate::govern::Role;
use crate::machine;
use crate::train::device::Choice;
use crate::train::{Misfit, TrainError};

/// Drag a learning-rate schedule and watch training answer.
#[derive(Parser)]
#[command(name = "anneal", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// The experiment to open in the studio, as a file or a line (anneal:...), or a lesson's file; without one, three
    /// schedules on mnist1d.
    file: Option<PathBuf>,
    /// Let your programs in from the start: trainings in scripts of your own join, and controllers steer runs.
    #[arg(long)]
    live: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Train an experiment without the studio.
    Train(train::Arguments),
    /// Print every update's rate, momentum and weight decay as CSV.
    Schedule { file: PathBuf },
    /// Range test: how high a learning rate training tolerates, and what the usual rules make of it.
    FindLr(find_lr::Arguments),
    /// A run as code or configuration for another framework; what it really does goes to stderr.
    Export(export::Arguments),
    /// A framework's scheduler configuration or a logged learning rate as an experiment file.
    Import(import::ImportArgs),
    /// What a log of any program's training holds, and what goes wrong in it.
    Diagnose {
        /// A log, or a folder of logs.
        path: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What a run's plateau or greedy rule would have made of a metric that was logged: the rate after each row.
    Plateau(plateau::Arguments),
    /// The snapshots a training kept: each one, their ensemble, averages and soups, as CSV.
    Ensemble(ensemble::Arguments),
    /// Draw the loss around a training's runs to a PNG file.
    Landscape(landscape::Arguments),
    /// Say what an experiment will do that nobody means; exit 1 where there is an error.
    Lint { file: PathBuf },
    /// The lessons: list them, read one, or check that what they claim holds on this machine.
    Lesson(lesson::LessonArgs),
    /// Render the studio to a PNG file, off screen.
    Screenshot(screenshot::Arguments),
    /// Train one run under many other numbers, as the file's [sweep] says, and find the best ones.
    Sweep(sweep::SweepArgs),
    /// Evolve a controller of the rate on one experiment and try it on another, against a tuned cosine.
    Learn(learn::LearnArgs),
    /// Train blocks of trials of a sweep that runs elsewhere.
    #[command(hide = true)]
    Block(sweep::BlockArgs),
    /// Fit a law to three runs and say what the others come to, before or after they are trained.
    Forecast(forecast::ForecastArgs),
    /// The trainings below a folder: list, filter, sort, tag, star, note and measure them.
    Library(library::LibraryArgs),
    /// Write what a training's folder holds for TensorBoard, and go on where it stopped the last time.
    Sync(sync::SyncArgs),
    /// Train a new version of an experiment beside the old one, small and under the same seeds; exit 1 where it is worse.
    Canary(canary::CanaryArgs),
    /// The change log of an experiment file: who changed what, when and why; --verify checks it.
    History(history::HistoryArgs),
    /// Put an earlier version of an experiment file back, as a change of its own.
    Rollback(history::RollbackArgs),
    /// Make a key to sign and approve with.
    Key(sign::KeyArgs),
    /// Sign an experiment file as its author; what is not yet in its change log is recorded first.
    Sign(sign::SignArgs),
    /// Approve of an experiment file as it is.
    Approve(sign::SignArgs),
    /// Check an experiment file's change log and signatures; exit 1 where something does not hold.
    Verify(sign::VerifyArgs),
    /// The API without a window: train a file behind it, or take in trainings of other programs.
    Serve(serve::Arguments),
    /// Measure lane-updates a second on the standard workloads.
    Bench(bench::Arguments),
    /// Print the manual page, or write the pages of all commands into a folder.
    Man(pages::ManArgs),
    /// Print completions for a shell.
    Completions(pages::CompletionArgs),
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Device {
    #[default]
    Auto,
    Cpu,
    Gpu,
    Cuda,
    Metal,
}

impl From<Device> for Choice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Cpu => Self::Cpu,
            Device::Gpu => Self::Gpu,
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
            cause.is::<DataError>()
                || matches!(cause.downcast_ref(), Some(TrainError::Data(_) | TrainError::Start(_)))
                || matches!(cause.downcast_ref(), Some(TrainError::Misfit(misfit)) if is_of_the_file(misfit))
        });
        if is_bad_file { Self::BadFile(error) } else { Self::Failed(error) }
    }
}

/// Whether a file asks for what cannot be; the others are about where it is trained.
fn is_of_the_file(misfit: &Misfit) -> bool {
    !matches!(misfit, Misfit::CpuOnly | Misfit::OtherModel)
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
        None => open::run(cli.file.as_deref(), cli.live),
        Some(Command::Train(args)) => train::run(args),
        Some(Command::Schedule { file }) => schedule::run(&file),
        Some(Command::FindLr(args)) => find_lr::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Import(args)) => import::run(&args),
        Some(Command::Diagnose { path, json }) => diagnose::run(&path, json),
        Some(Command::Plateau(args)) => plateau::run(&args),
        Some(Command::Ensemble(args)) => ensemble::run(&args),
        Some(Command::Landscape(args)) => landscape::run(&args),
        Some(Command::Lint { file }) => lint::run(&file),
        Some(Command::Lesson(args)) => lesson::run(&args),
        Some(Command::Screenshot(args)) => screenshot::run(&args),
        Some(Command::Sweep(args)) => sweep::run(&args),
        Some(Command::Learn(args)) => learn::run(&args),
        Some(Command::Block(args)) => sweep::block(&args),
        Some(Command::Forecast(args)) => forecast::run(&args),
        Some(Command::Library(args)) => library::run(&args),
        Some(Command::Sync(args)) => sync::run(&args),
        Some(Command::Canary(args)) => canary::run(&args),
        Some(Command::History(args)) => history::run(&args),
        Some(Command::Rollback(args)) => history::roll_back(&args),
        Some(Command::Key(args)) => sign::make_key(&args),
        Some(Command::Sign(args)) => sign::run(&args, Role::Author),
        Some(Command::Approve(args)) => sign::run(&args, Role::Approval),
        Some(Command::Verify(args)) => sign::verify(&args),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Bench(args)) => bench::command(&args),
        Some(Command::Man(args)) => pages::man(&args),
        Some(Command::Completions(args)) => pages::completions(&args),
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
