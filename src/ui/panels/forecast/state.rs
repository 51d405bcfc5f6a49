//! What the forecast panel keeps: the law, what it holds for, and what it expects.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::experiment::{Experiment, Run};
use crate::forecast::{
    Best, Course, Fit, Measured, Trainings, alike, best_shape, course, fit, measured, train,
};
use crate::jobs::{Answers, Job};
use crate::schedule::Clock;
use crate::train::TrainError;
use crate::train::ids::RunId;
use crate::train::task::{Task, prepare};
use crate::ui::basis::Basis;
use crate::ui::plot::Ghost;
use crate::ui::studio::Studio;

/// Losses of a forecast that is drawn.
const POINTS: u64 = 64;

/// What a law holds for.
#[derive(Clone)]
enum Of {
    /// Runs of ours that differ from this one in their schedules only.
    Ours { basis: Box<Basis>, base: Box<Run> },
    /// The next training of others as long as theirs, under the schedule of any run of ours.
    Theirs(Clock),
}

/// A law, and what it was fitted to.
pub struct Ground {
    of: Of,
    pub fit: Fit,
    pub fitted: Vec<Run>,
    /// What was made or left out for it, in words.
    pub notes: Vec<String>,
}

/// What came of a fit.
struct Answer {
    fit: Fit,
    fitted: Vec<Run>,
    notes: Vec<String>,
}

/// A fit on its way, and what it will hold for.
struct Pending {
    of: Of,
    job: Job<Result<Answer, String>>,
}

/// A run that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrived {
    pub run: RunId,
    pub predicted: f64,
    pub band: f64,
    pub measured: f64,
}

/// What was found of trainings of others: how far each was then, and what there was to compare.
pub type Looked = BTreeMap<RunId, (u64, Option<Arrived>)>;

/// What a frame's forecasts depend on.
type Seen = (u64, RunId, Clock);

#[derive(Default)]
pub struct State {
    pub ground: Option<Ground>,
    pub error: Option<String>,
    /// The newest miss of each run.
    pub arrived: Vec<Arrived>,
    /// The end of every run that the law holds for, with half its band.
    pub ends: Vec<(RunId, (f64, f64))>,
    /// Trainings of others that were compared.
    pub looked: Looked,
    pending: Option<Pending>,
    seen: Option<Seen>,
}

impl State {
    /// The share that is done, while runs are trained for a fit.
    pub fn progress(&self) -> Option<f32> {
        self.pending.as_ref().map(|pending| pending.job.progress().share())
    }

    pub fn stop(&mut self) {
        self.pending = None;
    }

    /// Takes in a fit that has come.
    fn listen(&mut self) {
        let Some(answer) = self.pending.as_ref().and_then(|pending| pending.job.poll()) else { return };
        let Some(Pending { of, .. }) = self.pending.take() else { return };
        match answer {
            Ok(Ok(Answer { fit, fitted, notes })) => {
                self.ground = Some(Ground { of, fit, fitted, notes });
                self.arrived.clear();
                self.looked.clear();
                self.error = None;
                self.seen = None;
            }
            Ok(Err(error)) => self.error = Some(error),
            Err(lost) => self.error = Some(lost.to_string()),
        }
    }
}

impl Ground {
    /// Whether the law holds for a run of the document.
    fn holds(&self, studio: &Studio, id: RunId) -> bool {
        let Some(run) = studio.document.run(id) else { return false };
        match &self.of {
            Of::Ours { basis, base } => {
                alike(run, base) && Basis::of(&studio.document, id).as_ref() == Some(&**basis)
            }
            Of::Theirs(_) => true,
        }
    }

    /// Whether it was fitted to trainings of others.
    pub fn is_theirs(&self) -> bool {
        matches!(self.of, Of::Theirs(_))
    }

    /// How long the trainings are that it speaks of.
    fn clock(&self, studio: &Studio) -> Clock {
        match self.of {
            Of::Ours { .. } => studio.clock(),
            Of::Theirs(clock) => clock,
        }
    }

    /// Updates of the trainings that it speaks of, where they are those of others.
    pub fn length(&self) -> u64 {
        match self.of {
            Of::Ours { .. } => 0,
            Of::Theirs(clock) => clock.updates,
        }
    }

    /// The rates of a run of the document, over the length that the law speaks of.
    fn rates(&self, studio: &Studio, id: RunId) -> Option<Course> {
        match self.of {
            Of::Ours { .. } => {
                let curve = studio.curve(id)?;
                Some(Course::new(studio.clock().updates, |update| curve.at(update)))
            }
            Of::Theirs(clock) => course(studio.document.run(id)?, clock).ok(),
        }
    }
}

/// Whether there is a law that holds for the selected run.
pub fn holds(studio: &Studio) -> bool {
    let ground = studio.panels.peek::<State>().and_then(|state| state.ground.as_ref());
    ground.is_some_and(|ground| ground.holds(studio, studio.view.selected))
}

/// Takes in a fit, and forecasts anew where something was edited.
pub fn poll(studio: &mut Studio, _: bool) -> bool {
    studio.panels.of::<State>().listen();
    let seen = (studio.document.generation(), studio.view.selected, studio.clock());
    if studio.panels.of::<State>().seen != Some(seen) {
        forecast(studio);
        studio.panels.of::<State>().seen = Some(seen);
    }
    studio.panels.of::<State>().pending.is_some()
}

/// Whether a fit is on its way.
pub fn is_waiting(studio: &Studio) -> bool {
    studio.panels.peek::<State>().is_some_and(|state| state.pending.is_some())
}

/// The ends of all runs, and the whole curve of the selected one.
fn forecast(studio: &mut Studio) {
    let mut ends = Vec::new();
    let mut ghost = None;
    if let Some(ground) = studio.panels.peek::<State>().and_then(|state| state.ground.as_ref()) {
        let held = studio.document.runs().map(|(row, _)| row.id).filter(|id| ground.holds(studio, *id));
        for id in held {
            let Some(course) = ground.rates(studio, id) else { continue };
            if id == studio.view.selected {
                let (total, from) = (course.updates(), course.warm().max(course.updates() / 20));
                let at = |point: u64| from + (total - from.min(total)) * point / POINTS;
                let mut updates: Vec<u64> = (0..=POINTS).map(at).collect();
                updates.dedup();
                let mut forecast = ground.fit.forecast(&course, updates);
                // Drawn over our updates, as a recording of another length is.
                let (ours, theirs) = (studio.clock().updates, total.max(1));
                let over = |update: u64| u128::from(update) * u128::from(ours) / u128::from(theirs);
                forecast.updates.iter_mut().for_each(|it| *it = u64::try_from(over(*it)).unwrap_or(ours));
                ghost = Some((id, forecast));
            }
            ends.push((id, ground.fit.end(&course)));
        }
    }
    studio.panels.of::<State>().ends = ends;
    studio.panels.of::<Ghost>().of = ghost;
}

/// Trains what a fit needs beside what is trained, and fits.
pub fn begin(studio: &mut Studio, wake: impl Fn() + Send + Sync + 'static) {
    let id = studio.view.selected;
    let base = studio.document.run(id).cloned().zip(Basis::of(&studio.document, id));
    let Some((base, basis)) = base else { return };
    let mut experiment = studio.document.experiment().clone();
    // The selected run's optimizer is what the law is to hold for.
    experiment.runs.retain(|run| *run == base || alike(run, &base));
    experiment.runs.sort_by_key(|run| run.name != base.name);
    let is_current = studio.frame.status.generation >= studio.document.generation();
    let prepared = studio.frame.prepared.clone().filter(|_| is_current);
    let work = move |answers: &Answers<Result<Answer, String>>| {
        fitted(&experiment, prepared, answers).map_err(|error| error.to_string())
    };
    let state = studio.panels.of::<State>();
    match Job::spawn("forecast", wake, work) {
        Ok(job) => {
            state.pending =
                Some(Pending { of: Of::Ours { basis: Box::new(basis), base: Box::new(base) }, job });
        }
        Err(error) => state.error = Some(format!("no thread for a forecast: {error}")),
    }
}

/// Fits the law to the recordings and live runs beside ours.
pub fn begin_theirs(studio: &mut Studio, wake: impl Fn() + Send + Sync + 'static) {
    let (mut made, mut notes, mut length, mut per_epoch) = (Vec::new(), Vec::new(), 0, 1);
    for guest in studio.shelf.guests() {
        let found = guest.with(|recording| {
            let epochs = recording.epochs_done().filter(|epochs| *epochs > 0.0);
            (measured(&guest.name, recording), recording.length(), epochs)
        });
        match found {
            Some((Ok(measured), updates, epochs)) => {
                if updates > length {
                    length = updates;
                    per_epoch = epochs.map_or(1, |epochs| (updates as f64 / epochs).round().max(1.0) as u64);
                }
                made.push(measured);
            }
            Some((Err(error), ..)) => notes.push(format!("\"{}\" is left out: {error}", guest.name)),
            None => {}
        }
    }
    let of = Of::Theirs(Clock { updates: length.max(1), updates_per_epoch: per_epoch });
    let count = made.len();
    let work = move |_: &Answers<Result<Answer, String>>| match fit(&made) {
        Ok(fit) => Ok(Answer { fit, fitted: Vec::new(), notes }),
        Err(error) => Err(notes.iter().fold(error.to_string(), |all, note| format!("{all}; {note}"))),
    };
    let state = studio.panels.of::<State>();
    match Job::spawn("forecast", wake, work) {
        Ok(job) => state.pending = Some(Pending { of, job }),
        Err(error) => state.error = Some(format!("no thread for a forecast of {count} recordings: {error}")),
    }
}

fn fitted(
    experiment: &Experiment,
    prepared: Option<Arc<crate::data::Prepared>>,
    answers: &Answers<Result<Answer, String>>,
) -> anyhow::Result<Answer> {
    let prepared = prepared.map_or_else(|| prepare(experiment), Ok)?;
    let clock = Task::new(experiment, Arc::clone(&prepared))?.clock;
    let chosen = Trainings::choose(experiment, &[], clock)?;
    let pool = Arc::new(crate::train::pool(None)?);
    let mut report =
        |done: u64, total: u64| -> Result<(), TrainError> { Ok(answers.progress().report(done, total)?) };
    let made: Vec<Measured> =
        pool.install(|| train(experiment, &chosen.fitted, &prepared, &pool, &mut report))?;
    let fit = pool.install(|| fit(&made))?;
    Ok(Answer { fit, fitted: chosen.fitted, notes: chosen.notes })
}

/// The shape that is expected to end lowest, for the selected run.
pub fn best(studio: &Studio) -> Option<Best> {
    let ground = studio.panels.peek::<State>()?.ground.as_ref()?;
    let run = studio.document.run(studio.view.selected)?;
    let course = course(run, ground.clock(studio)).ok()?;
    Some(best_shape(&ground.fit, &run.lr, &course))
}
