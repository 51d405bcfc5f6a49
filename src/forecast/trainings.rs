//! Which runs of an experiment a law is fitted to, which ones it is asked about, and training them.

use std::sync::Arc;

use crate::data::Prepared;
use crate::experiment::{Experiment, Run};
use crate::schedule::Clock;
use crate::telemetry::Row;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::device::TrainDevice;
use crate::train::ids::{Revision, RunId};
use crate::train::lane::Lane;
use crate::train::task::Task;

use super::course::Course;
use super::fit::LEAST_RUNS;
use super::logs::binned;
use super::measured::Measured;
use super::reference::{Reference, Role};

/// Validations of each run, at least: the law is fitted to what they measured.
const VALIDATIONS: u64 = 64;
/// Updates between two reports.
const CHUNK: u64 = 64;

/// Runs that can be forecast together: they differ in their schedules only.
#[derive(Clone, Debug, PartialEq)]
pub struct Trainings {
    /// The runs that the law is fitted to; those that the experiment does not have are made.
    pub fitted: Vec<Run>,
    /// The experiment's other runs.
    pub asked: Vec<Run>,
    /// What was left out or made, in words.
    pub notes: Vec<String>,
}

/// Why there is nothing to fit.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    #[error(
        "there is no run \"{name}\" to fit; there are {known}, and constant, cosine and step are made where they are missing"
    )]
    NoRun { name: String, known: String },
    #[error("--fit names {0} runs: name three, of which one is constant and one falls sharply")]
    Few(usize),
    #[error("run \"{0}\" {1}: a forecast follows from the schedule alone")]
    NotAlone(String, &'static str),
    #[error(
        "the runs \"{0}\" and \"{1}\" differ in more than their schedules: one law does not hold for both"
    )]
    Differ(String, String),
    #[error(
        "no run follows from its schedule alone: each is a fork, or has a controller or a scheduled batch"
    )]
    Nothing,
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl Trainings {
    /// Chooses what to fit: the runs of these names or, without names, the first constant run, the first that decays
    /// and the first that falls sharply. A `constant`, `cosine` or `step` that is missing is made, at the peak and
    /// with the warmup of the first run.
    ///
    /// # Errors
    /// When a name is no run's, or the runs differ in more than their schedules.
    pub fn choose(experiment: &Experiment, named: &[String], clock: Clock) -> Result<Self, ChoiceError> {
        let find = |name: &String| experiment.runs.iter().find(|run| run.name == *name);
        if let Some(run) = named.iter().filter_map(find).find(|run| dependence(run).is_some()) {
            return Err(ChoiceError::NotAlone(run.name.clone(), dependence(run).unwrap_or_default()));
        }
        let first = named.iter().filter_map(find).next();
        let first = first.or_else(|| experiment.runs.iter().find(|run| dependence(run).is_none()));
        let base = first.ok_or(ChoiceError::Nothing)?;
        let mut notes = Vec::new();
        let mut alike: Vec<(&Run, Course)> = Vec::new();
        for run in &experiment.runs {
            if let Some(why) = dependence(run) {
                notes.push(format!("run \"{}\" {why}: it is not forecast", run.name));
            } else if !differs_in_schedule_only(run, base) {
                notes.push(format!(
                    "run \"{}\" differs from \"{}\" in more than its schedule: it is not forecast",
                    run.name, base.name
                ));
            } else {
                alike.push((run, course(run, clock)?));
            }
        }
        let made = |reference: Reference, notes: &mut Vec<String>| -> Result<Run, ChoiceError> {
            let peak = course(base, clock)?.peak();
            notes.push(format!(
                "\"{}\" is trained for the fit, with the peak of \"{}\"",
                reference.name(),
                base.name
            ));
            let name = unused(reference.name(), experiment);
            Ok(Run { name, lr: reference.schedule(peak, &base.lr), ..base.clone() })
        };
        let mut fitted = Vec::new();
        if named.is_empty() {
            for role in Role::ALL {
                let there = alike.iter().find(|(_, course)| Role::of(course) == Some(role));
                match there {
                    Some((run, _)) => fitted.push((*run).clone()),
                    None => fitted.push(made(role.reference(), &mut notes)?),
                }
            }
        } else {
            for name in named {
                match (find(name), Reference::named(name)) {
                    (Some(run), _) if !differs_in_schedule_only(run, base) => {
                        return Err(ChoiceError::Differ(base.name.clone(), run.name.clone()));
                    }
                    (Some(run), _) => fitted.push(run.clone()),
                    (None, Some(reference)) => fitted.push(made(reference, &mut notes)?),
                    (None, None) => {
                        let names: Vec<String> =
                            experiment.runs.iter().map(|run| format!("\"{}\"", run.name)).collect();
                        return Err(ChoiceError::NoRun { name: name.clone(), known: names.join(", ") });
                    }
                }
            }
            fitted.dedup_by(|a, b| a.name == b.name);
            if fitted.len() < LEAST_RUNS {
                return Err(ChoiceError::Few(fitted.len()));
            }
        }
        let is_fitted = |run: &Run| fitted.iter().any(|other| other.name == run.name);
        let asked = alike.into_iter().map(|(run, _)| run.clone()).filter(|run| !is_fitted(run)).collect();
        Ok(Self { fitted, asked, notes })
    }
}

/// The rates of a run.
///
/// # Errors
/// When its schedule cannot be resolved.
pub fn course(run: &Run, clock: Clock) -> Result<Course, TrainError> {
    let named = |error| TrainError::Schedule { run: run.name.clone(), error };
    let curve = run.lr.resolve(clock).map_err(named)?;
    Ok(Course::new(clock.updates, |update| curve.at(update)))
}

/// What a run's rates depend on beside its schedule.
fn dependence(run: &Run) -> Option<&'static str> {
    match run {
        Run { fork: Some(_), .. } => Some("is a fork"),
        Run { controller: Some(_), .. } => Some("has a controller"),
        Run { batch: Some(_), .. } => Some("has a scheduled batch"),
        _ => None,
    }
}

/// Whether a law that holds for `base` holds for a run: both follow from their schedules, and differ in nothing else.
pub fn alike(run: &Run, base: &Run) -> bool {
    dependence(run).is_none() && differs_in_schedule_only(run, base)
}

fn differs_in_schedule_only(run: &Run, other: &Run) -> bool {
    Run { name: other.name.clone(), lr: other.lr.clone(), ..run.clone() } == *other
}

/// The name, or one like it that no run has.
fn unused(name: &str, experiment: &Experiment) -> String {
    let is_used = |name: &str| experiment.runs.iter().any(|run| run.name == name);
    let mut found = name.to_owned();
    while is_used(&found) {
        found += " for the fit";
    }
    found
}

/// Trains runs side by side under the experiment's seeds and says what they measured: the validation losses or,
/// where nothing is held out, means of the training loss. `report` hears of updates done and in all.
///
/// # Errors
/// When the experiment cannot be trained, or `report` stops it.
pub fn train(
    experiment: &Experiment,
    runs: &[Run],
    prepared: &Arc<Prepared>,
    pool: &Arc<rayon::ThreadPool>,
    report: &mut dyn FnMut(u64, u64) -> Result<(), TrainError>,
) -> Result<Vec<Measured>, TrainError> {
    let aside = Experiment { runs: runs.to_vec(), snapshots: None, sweep: None, ..experiment.clone() };
    let mut task = Task::new(&aside, Arc::clone(prepared))?;
    task.least_validations = VALIDATIONS;
    let clock = task.clock;
    let ids = (0..runs.len() as u32).map(RunId).collect();
    let revision = Arc::new(Revision { generation: 0, experiment: aside, ids });
    let mut cohort = Cohort::with_task(revision, task, TrainDevice::cpu(Arc::clone(pool)))?;
    let mut taken: Vec<Vec<(u64, f64)>> = vec![Vec::new(); cohort.lanes().len()];
    let validates = cohort.task().validation().next().is_some();
    let loss =
        |row: &Row| if validates { row.val_loss.map(f64::from) } else { Some(f64::from(row.train_loss)) };
    while cohort.update() < clock.updates && cohort.lanes().iter().any(Lane::can_train) {
        report(cohort.update(), clock.updates)?;
        cohort.advance(cohort.update() + CHUNK, u64::MAX)?;
        for (lane, taken) in cohort.lanes_mut().iter_mut().zip(&mut taken) {
            taken.extend(lane.log.rows.iter().filter_map(|row| Some((row.update + 1, loss(row)?))));
            lane.log.clear();
        }
    }
    let replicas = experiment.train.replicas.max(1);
    let mut measured = Vec::new();
    for (run, lanes) in runs.iter().zip(taken.chunks(replicas)) {
        let lanes: Vec<Vec<(u64, f64)>> =
            lanes.iter().map(|lane| if validates { lane.clone() } else { binned(lane) }).collect();
        // A lane that could not go on has fewer: what all have is compared.
        let count = lanes.iter().map(Vec::len).min().unwrap_or(0);
        let updates = lanes.first().map(|lane| lane[..count].iter().map(|(update, _)| *update).collect());
        measured.push(Measured {
            name: run.name.clone(),
            course: course(run, clock)?,
            updates: updates.unwrap_or_default(),
            seeds: lanes.iter().map(|lane| lane[..count].iter().map(|(_, loss)| *loss).collect()).collect(),
        });
    }
    Ok(measured)
}
