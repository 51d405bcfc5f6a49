//! What the sweep panel keeps: the trials of a sweep that is done or under way.

use std::path::{Path, PathBuf};

use crate::experiment::{Experiment, Sweep};
use crate::jobs::{Answers, Job, Lost};
use crate::sweep::journal::{self, Opened};
use crate::sweep::ready::Ready;
use crate::sweep::{Audit, Outcome, Running, Trial, Watch, map};
use crate::train::TrainError;
use crate::ui::format;
use crate::ui::landing::keep_sweep;
use crate::ui::panels::library;
use crate::ui::studio::Studio;

use super::found::Found;
use super::view::Options;

pub enum Answer {
    /// Trials that are done, and those that are being trained now.
    Trials(Vec<Trial>, Vec<Running>),
    /// The trials are done, and some of those that were pruned are now trained to their end.
    Audits,
    End(Result<Outcome, String>),
}

/// A sweep and its trials so far.
pub struct Loaded {
    pub sweep: Sweep,
    /// The run it varies, as its own experiment has it.
    pub experiment: Experiment,
    pub trials: Vec<Trial>,
    pub running: Vec<Running>,
    /// What pruning cost, once it is known.
    pub audit: Option<Audit>,
    /// What a population's schedule is worth, once it is known.
    pub verdict: Option<String>,
    /// Where it is from, for people.
    pub source: String,
    /// Whether it is in a folder already.
    pub is_kept: bool,
}

pub struct State {
    pub folder: String,
    pub loaded: Option<Loaded>,
    pub error: Option<String>,
    /// The view's place in the table.
    pub view: usize,
    pub options: Options,
    /// Whether trials that differ in a seed alone are one.
    pub together: bool,
    /// Of the trial that is shown, the rates by per cent of its run.
    pub rates: Option<(usize, Vec<(f64, f64)>)>,
    /// What the views show, and of which version of the trials.
    found: Option<(u64, Found)>,
    version: u64,
    job: Option<Job<Answer>>,
    /// Whether only the audit is left of it.
    is_audited: bool,
    /// How many sweeps were shown so far.
    loads: u64,
    /// A sweep on its way into the library, which of them it is, and its folder there.
    pub landing: Option<(u64, Job<Result<PathBuf, String>>)>,
    /// Whether the sweep that is shown came to its end here.
    has_ended: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            folder: String::new(),
            loaded: None,
            error: None,
            view: 0,
            options: Options::default(),
            together: true,
            rates: None,
            found: None,
            version: 0,
            job: None,
            is_audited: false,
            loads: 0,
            landing: None,
            has_ended: false,
        }
    }
}

impl State {
    /// What is done, and the share of it, while a sweep is under way.
    pub fn progress(&self) -> Option<(&'static str, f32)> {
        let what = if self.is_audited { "Auditing what was pruned" } else { "Sweeping" };
        self.job.as_ref().map(|job| (what, job.progress().share()))
    }

    /// Stops what is under way; the trials so far stay.
    pub fn stop(&mut self) {
        self.job = None;
    }

    /// What the views show, taken out; [`State::give_back`] puts it back.
    pub fn take_found(&mut self, loaded: &Loaded) -> Found {
        let known = self.found.take();
        match known.filter(|(version, found)| (*version, found.asked) == (self.version, self.together)) {
            Some((_, found)) => found,
            None => Found::new(&loaded.sweep, &loaded.trials, &loaded.running, self.together),
        }
    }

    pub fn give_back(&mut self, found: Found) {
        self.found = Some((self.version, found));
    }

    /// Shows these trials in place of those there are.
    pub fn show_trials(&mut self, trials: Vec<Trial>) {
        if let Some(loaded) = &mut self.loaded {
            loaded.trials = trials;
        }
        self.version += 1;
        self.rates = None;
    }

    /// Shows another sweep.
    fn load(&mut self, loaded: Loaded) {
        self.loaded = Some(loaded);
        (self.has_ended, self.is_audited) = (false, false);
        self.loads += 1;
        self.version += 1;
        (self.options, self.rates, self.error) = (Options::default(), None, None);
    }

    fn listen(&mut self) {
        while let Some(answer) = self.job.as_ref().and_then(Job::poll) {
            self.version += 1;
            match (answer, &mut self.loaded) {
                (Ok(Answer::Trials(trials, running)), Some(loaded)) => {
                    loaded.trials.extend(trials);
                    loaded.running = running;
                }
                (Ok(Answer::Audits), _) => self.is_audited = true,
                (Ok(Answer::End(Ok(outcome))), Some(loaded)) => {
                    loaded.running.clear();
                    self.has_ended = true;
                    loaded.audit = outcome.audit;
                    loaded.verdict = outcome.verdict.map(|verdict| verdict.sentence());
                    self.show_trials(outcome.trials);
                    self.job = None;
                }
                (Ok(Answer::End(Err(error))), _) => {
                    self.error = Some(error);
                    self.job = None;
                }
                (Ok(_), None) | (Err(Lost), _) => self.job = None,
            }
        }
    }
}

pub fn poll(studio: &mut Studio, _: bool) -> bool {
    let state = studio.panels.of::<State>();
    state.listen();
    let landed = state.landing.as_ref().and_then(|(which, job)| Some((*which, job.poll()?)));
    if let Some((which, landed)) = landed {
        state.landing = None;
        let is_shown = which == state.loads;
        match landed.unwrap_or_else(|lost| Err(lost.to_string())) {
            Ok(place) => {
                if let Some(loaded) = state.loaded.as_mut().filter(|_| is_shown) {
                    loaded.is_kept = true;
                }
                studio.panels.of::<library::State>().ask_again();
                studio.toasts.done(format!("In the library as {}", place.display()));
            }
            Err(why) => studio.toasts.failed(format!("Not kept: {}", format::sentence(&why))),
        }
    }
    let state = studio.panels.of::<State>();
    state.job.is_some() || state.landing.is_some()
}

/// Writes the sweep's trials, as far as it came, into the library.
pub fn keep(studio: &mut Studio, loaded: &Loaded, wake: impl Fn() + Send + Sync + 'static) {
    let library = PathBuf::from(studio.view.library.trim());
    let state = studio.panels.of::<State>();
    let (experiment, sweep) = (loaded.experiment.clone(), loaded.sweep.clone());
    let outcome = Outcome { trials: loaded.trials.clone(), audit: loaded.audit.clone(), verdict: None };
    let has_ended = state.has_ended;
    let work = move |_: &Answers<Result<PathBuf, String>>| {
        keep_sweep(&library, (&experiment, &sweep), &outcome, has_ended)
    };
    match Job::spawn("landing", wake, work) {
        Ok(job) => state.landing = Some((state.loads, job)),
        Err(error) => studio.toasts.failed(format!("Not kept: there is no thread for it: {error}")),
    }
}

/// Whether a sweep of the file is to be shown and is not whole yet.
pub fn is_waiting(studio: &Studio) -> bool {
    studio.panels.peek::<State>().is_some_and(|state| state.job.is_some())
}

/// Runs the sweep of the file, in the background.
pub fn run(studio: &mut Studio, wake: impl Fn() + Send + Sync + 'static) {
    let experiment = studio.document.experiment().clone();
    let Some(sweep) = experiment.sweep.clone() else { return };
    begin(studio, experiment, sweep, "the file's [sweep]", wake);
}

/// Runs the sweep that answers a question about the selected run.
pub fn ask(studio: &mut Studio, ready: &Ready, wake: impl Fn() + Send + Sync + 'static) {
    let run = studio.document.run(studio.view.selected);
    let made = run.and_then(|run| (ready.make)(studio.document.experiment(), run, studio.clock()));
    let Some((experiment, sweep)) = made else {
        let why = "it wants a run with a rate that begins at update 0; a fork has a past that is not its own";
        studio.panels.of::<State>().error = Some(format!("{} {why}", ready.title));
        return;
    };
    begin(studio, experiment, sweep, ready.title, wake);
    let state = studio.panels.of::<State>();
    state.view = 0;
    state.options.isolated = Some(ready.isolate.to_owned());
}

/// Runs a sweep in the background.
fn begin(
    studio: &mut Studio,
    experiment: Experiment,
    sweep: Sweep,
    source: &str,
    wake: impl Fn() + Send + Sync + 'static,
) {
    let origin: PathBuf = studio.document.path().cloned().unwrap_or_default();
    let source = source.to_owned();
    let state = studio.panels.of::<State>();
    let work = {
        let (experiment, sweep) = (experiment.clone(), sweep.clone());
        move |answers: &Answers<Answer>| {
            let mut teller = Teller { answers, trials: Vec::new(), running: Vec::new() };
            let swept = map::background(&experiment, &sweep, &origin, &mut teller);
            Answer::End(swept.map_err(|error| error.to_string()))
        }
    };
    match Job::spawn("sweep", wake, work) {
        Ok(job) => {
            state.job = Some(job);
            let (trials, running, is_kept) = (Vec::new(), Vec::new(), false);
            state.load(Loaded {
                sweep,
                experiment,
                trials,
                running,
                audit: None,
                verdict: None,
                source,
                is_kept,
            });
        }
        Err(error) => state.error = Some(format!("no thread for a sweep: {error}")),
    }
}

/// Shows the sweep of a folder in its panel.
pub fn open_folder(studio: &mut Studio, folder: &Path) {
    studio.panels.of::<State>().folder = folder.display().to_string();
    open(studio);
    studio.view.open(super::PANEL.name);
}

/// Reads the sweep of a folder.
pub fn open(studio: &mut Studio) {
    let state = studio.panels.of::<State>();
    let folder = state.folder.trim().to_owned();
    match journal::open(folder.as_ref()) {
        Ok(Opened { experiment, sweep, trials, audit }) => {
            state.job = None;
            let (running, source, is_kept) = (Vec::new(), folder, true);
            state.load(Loaded { sweep, experiment, trials, running, audit, verdict: None, source, is_kept });
        }
        Err(error) => state.error = Some(error.to_string()),
    }
}

/// Tells the panel of trials, several at once.
struct Teller<'a> {
    answers: &'a Answers<Answer>,
    trials: Vec<Trial>,
    running: Vec<Running>,
}

impl Watch for Teller<'_> {
    fn trial(&mut self, trial: &Trial, _: Option<&str>) -> Result<(), TrainError> {
        self.trials.push(trial.clone());
        Ok(())
    }

    fn running(&mut self, running: &[Running]) {
        self.running = running.to_vec();
    }

    fn audits(&mut self, _: usize) {
        self.answers.give(Answer::Audits);
    }

    fn progress(&mut self, share: f64) -> Result<(), TrainError> {
        if !self.trials.is_empty() || !self.running.is_empty() {
            let (trials, running) = (std::mem::take(&mut self.trials), std::mem::take(&mut self.running));
            self.answers.give(Answer::Trials(trials, running));
        }
        let done = self.answers.progress().report((share * 1e4) as u64, 10_000);
        done.map_err(|_| TrainError::Cancelled)
    }
}
