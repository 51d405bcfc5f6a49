//! `anneal forecast`: a law fitted to three runs, and what it says of the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Failure, output, read, threads_of};
use crate::forecast::{
    ChoiceError, Course, Fit, FitError, LEAST_RUNS, Measured, Role, Trainings, course, fit, measured, rank,
    train,
};
use crate::plain;
use crate::recording::{Recorder, Tick};
use crate::train::TrainError;
use crate::train::task::{Task, prepare};

#[derive(Args)]
pub struct ForecastArgs {
    /// An experiment; or logs of trainings that other programs made: files, or a folder of them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The runs that the law is fitted to, three at least; without it a constant run, one that decays and one that
    /// falls sharply. A `constant`, `cosine` or `step` that is missing is trained.
    #[arg(long, value_name = "NAME,NAME,NAME")]
    fit: Vec<String>,
    /// With logs: an experiment whose runs are forecast and not trained.
    #[arg(long, value_name = "FILE")]
    next: Option<PathBuf>,
    /// Train what the fit needs and nothing else.
    #[arg(long)]
    only_fit: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Training threads; all cores when not given.
    #[arg(long)]
    threads: Option<usize>,
}

/// A run that is forecast.
struct Asked {
    name: String,
    course: Course,
    fitted: bool,
    /// What it came to, where it was made.
    made: Option<Measured>,
}

pub fn run(args: &ForecastArgs) -> Result<(), Failure> {
    let runs = match args.files.as_slice() {
        [file] if is_experiment(file) => of_experiment(file, args)?,
        files => of_logs(files, args)?,
    };
    let fitted: Vec<Measured> =
        runs.iter().filter(|run| run.fitted).filter_map(|run| run.made.clone()).collect();
    let fit = fit(&fitted).map_err(unfit)?;
    tell(&fit);
    let text = if args.json {
        serde_json::to_string_pretty(&as_json(&fit, &runs))? + "\n"
    } else {
        table(&fit, &runs)
    };
    Ok(output::print(&text)?)
}

fn is_experiment(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// What a person can mend in the file or the command is exit code 2.
fn unfit(error: FitError) -> Failure {
    match error {
        FitError::Diverged(_) | FitError::Lost => Failure::Failed(error.into()),
        FitError::Runs(_) | FitError::Points { .. } | FitError::NoFall => Failure::BadFile(error.into()),
    }
}

/// Names as they were typed: a run's own name may have commas in it.
fn names(typed: &[String], is_run: impl Fn(&str) -> bool) -> Vec<String> {
    let parts = |text: &String| -> Vec<String> {
        if is_run(text) {
            return vec![text.clone()];
        }
        text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    };
    typed.iter().flat_map(parts).collect()
}

fn of_experiment(file: &Path, args: &ForecastArgs) -> Result<Vec<Asked>, Failure> {
    if args.next.is_some() {
        return Err(Failure::BadFile(anyhow!("--next is for logs: the experiment's own runs are forecast")));
    }
    let experiment = read(file)?;
    let prepared = prepare(&experiment)?;
    let clock = Task::new(&experiment, Arc::clone(&prepared))?.clock;
    let named = names(&args.fit, |name| experiment.runs.iter().any(|run| run.name == name));
    let chosen = Trainings::choose(&experiment, &named, clock).map_err(|error| match error {
        ChoiceError::Train(error) => Failure::from(error),
        error => Failure::BadFile(error.into()),
    })?;
    let file = plain::name(&file.display().to_string());
    for note in &chosen.notes {
        output::say(format!("anneal: {file}: {note}"));
    }
    let mut todo = chosen.fitted.clone();
    if !args.only_fit {
        todo.extend(chosen.asked.iter().cloned());
    }
    let pool = Arc::new(crate::train::pool(Some(threads_of(args.threads)))?);
    let style = ProgressStyle::with_template("{bar:32} {pos} of {len} updates, {eta} left");
    let bar = ProgressBar::new(0).with_style(style.context("the progress bar's template")?);
    let made = pool.install(|| {
        train(&experiment, &todo, &prepared, &pool, &mut |done, total| -> Result<(), TrainError> {
            bar.set_length(total);
            bar.set_position(done);
            Ok(())
        })
    });
    bar.finish_and_clear();
    let mut made = made?.into_iter();
    let mut all = Vec::new();
    for (at, run) in chosen.fitted.iter().chain(&chosen.asked).enumerate() {
        let fitted = at < chosen.fitted.len();
        all.push(Asked { name: run.name.clone(), course: course(run, clock)?, fitted, made: made.next() });
    }
    Ok(all)
}

fn of_logs(files: &[PathBuf], args: &ForecastArgs) -> Result<Vec<Asked>, Failure> {
    let mut all: Vec<Asked> = Vec::new();
    let mut ticks: Vec<Tick> = Vec::new();
    for file in files {
        let recorder = Recorder::open(file).map_err(|error| Failure::BadFile(error.into()))?;
        for sentence in recorder.left_out().sentences() {
            output::say(format!("anneal: {sentence}"));
        }
        for (name, recording) in recorder.recordings() {
            match measured(&name, recording) {
                Ok(made) => {
                    ticks.push(recording.tick);
                    all.push(Asked { name, course: made.course.clone(), fitted: false, made: Some(made) });
                }
                Err(error) => output::say(format!("anneal: {}: {error}", plain::name(&name))),
            }
        }
    }
    let named = names(&args.fit, |name| all.iter().any(|run| run.name == name));
    if named.is_empty() {
        choose(&mut all);
    }
    for name in &named {
        let known: Vec<String> = all.iter().map(|run| format!("\"{}\"", plain::name(&run.name))).collect();
        let run = all.iter_mut().find(|run| run.name == *name);
        let missing =
            || Failure::BadFile(anyhow!("there is no log \"{name}\"; there are {}", known.join(", ")));
        run.ok_or_else(missing)?.fitted = true;
    }
    if let Some(next) = &args.next {
        if ticks.iter().any(|tick| *tick != Tick::Update) {
            return Err(Failure::BadFile(anyhow!(
                "--next {}: the logs count epochs or rows, and its schedules count updates",
                next.display()
            )));
        }
        let experiment = read(next)?;
        let clock = Task::new(&experiment, prepare(&experiment)?)?.clock;
        for run in &experiment.runs {
            let course = course(run, clock)?;
            all.push(Asked { name: run.name.clone(), course, fitted: false, made: None });
        }
    }
    Ok(all)
}

/// The first log of each role; where there are too few, all.
fn choose(all: &mut [Asked]) {
    for role in Role::ALL {
        if let Some(run) = all.iter_mut().find(|run| !run.fitted && Role::of(&run.course) == Some(role)) {
            run.fitted = true;
        }
    }
    if all.iter().filter(|run| run.fitted).count() < LEAST_RUNS {
        all.iter_mut().for_each(|run| run.fitted = true);
    }
}

/// What to think of the fit.
fn tell(fit: &Fit) {
    let Fit { error, starts, agree, seeds, .. } = fit;
    output::say(format!(
        "anneal: fitted to within {error:.4}; {agree} of {starts} starts agree{}",
        match seeds {
            Some(deviation) => format!("; seeds differ by {deviation:.4} at the end"),
            None => "; with one seed the band does not know what seeds differ by".to_owned(),
        }
    ));
}

/// A run's forecast, its place among all, and how far it was from what came.
struct Line<'a> {
    run: &'a Asked,
    end: (f64, f64),
    place: usize,
    mean_abs_error: Option<f64>,
}

fn lines<'a>(fit: &Fit, runs: &'a [Asked]) -> Vec<Line<'a>> {
    let ends: Vec<(f64, f64)> = runs.iter().map(|run| fit.end(&run.course)).collect();
    let places = rank(&ends);
    let line = |((run, end), place): ((&'a Asked, (f64, f64)), usize)| {
        let miss =
            run.made.as_ref().and_then(|made| made.miss(|updates| fit.law.losses(&made.course, updates)));
        Line { run, end, place, mean_abs_error: miss.map(|miss| miss.mean) }
    };
    runs.iter().zip(ends).zip(places).map(line).collect()
}

impl Line<'_> {
    fn actual(&self) -> Option<f64> {
        self.run.made.as_ref()?.last().filter(|loss| loss.is_finite())
    }
}

fn as_json(fit: &Fit, runs: &[Asked]) -> Value {
    let run = |line: Line<'_>| {
        json!({
            "name": line.run.name,
            "fitted": line.run.fitted,
            "final_predicted": line.end.0,
            "final_actual": line.actual(),
            "band": line.end.1,
            "mean_abs_error": line.mean_abs_error,
            "place": line.place,
        })
    };
    json!({
        "law": fit.law,
        "fit": { "error": fit.error, "starts": fit.starts, "agree": fit.agree, "seed_deviation": fit.seeds },
        "runs": lines(fit, runs).into_iter().map(run).collect::<Vec<_>>(),
    })
}

fn table(fit: &Fit, runs: &[Asked]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let widest = runs.iter().map(|run| plain::name(&run.name).chars().count()).max().unwrap_or(0).max(3);
    let mut text = format!(
        "{:<widest$}  {:>6}  {:>5}  {:>9}  {:>7}  {:>9}  {:>9}\n",
        "run", "fitted", "place", "loss", "±", "measured", "mean miss"
    );
    let mut lines = lines(fit, runs);
    lines.sort_by(|a, b| a.end.0.total_cmp(&b.end.0));
    for line in lines {
        text += &format!(
            "{:<widest$}  {:>6}  {:>5}  {:>9}  {:>7}  {:>9}  {:>9}\n",
            plain::name(&line.run.name),
            if line.run.fitted { "yes" } else { "" },
            line.place,
            number(Some(line.end.0)),
            number(Some(line.end.1)),
            number(line.actual()),
            number(line.mean_abs_error)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_comma_in_it_is_one_name() {
        let typed = ["a, b".to_owned(), "c,d".to_owned()];
        assert_eq!(names(&typed, |name| name == "a, b"), ["a, b", "c", "d"]);
    }
}
