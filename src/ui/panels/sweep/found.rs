//! What a sweep found, as its views want it: trials with their ranks, places and colours.

use eframe::egui::{Color32, Ui};

use crate::experiment::Sweep;
use crate::experiment::sweep::{Axis, Objective, Search, Values};
use crate::landscape::Colormap;
use crate::sweep::front::best;
use crate::sweep::importance::{Importance, importance};
use crate::sweep::isolation::plain;
use crate::sweep::lineage::Lineage;
use crate::sweep::ranks::ranks;
use crate::sweep::space::Chosen;
use crate::sweep::{Running, Status, Trial, seeds};
use crate::ui::format;
use crate::ui::plot::Ruler;
use crate::ui::theme;

/// The part of the colours that is used: its last ones are too bright on a light ground.
const BRIGHTEST: f32 = 0.88;

/// A sweep's trials.
pub struct Found {
    pub sweep: Sweep,
    pub trials: Vec<Trial>,
    pub running: Vec<Running>,
    /// Of each trial, the share of the way from the best to the worst.
    pub ranks: Vec<Option<f64>>,
    pub importance: Vec<Importance>,
    /// Of the first objective.
    pub ruler: Ruler,
    /// Whether trials that differ in a seed only were put together; `None` where none do.
    pub together: Option<bool>,
    /// Whether that was asked for.
    pub asked: bool,
    colors: Colormap,
}

impl Found {
    /// Of the trials so far; those that differ in a seed alone as one, if `together` says so.
    pub fn new(sweep: &Sweep, trials: &[Trial], running: &[Running], together: bool) -> Self {
        let merged = seeds::together(sweep, trials);
        let has_seeds = merged.is_some();
        let (sweep, trials) = merged.filter(|_| together).unwrap_or_else(|| (sweep.clone(), trials.to_vec()));
        let first = sweep.objectives.first().copied();
        let values = trials.iter().filter_map(|trial| trial.objectives.first().copied().flatten());
        let ruler = Ruler::of_values(values, first.is_some_and(Objective::is_maximised));
        Self {
            ranks: ranks(&trials, &sweep.objectives),
            importance: importance(&sweep, &trials),
            ruler,
            together: has_seeds.then_some(together),
            asked: together,
            running: running.to_vec(),
            colors: Colormap::viridis(),
            sweep,
            trials,
        }
    }

    pub fn best(&self) -> Option<&Trial> {
        best(&self.trials, &self.sweep.objectives)
    }

    pub fn trial(&self, number: usize) -> Option<&Trial> {
        self.trials.iter().find(|trial| trial.trial == number)
    }

    /// The trial of this number, whether it is done or still in training.
    pub fn pointed(&self, number: usize) -> Option<Pointed<'_>> {
        // Whose weights a member has while it is bred is known at its end.
        let is_known = self.sweep.search != Search::Pbt;
        let mut running = self.running.iter().filter(|_| is_known);
        let running = || running.find(|one| one.trial == number).map(Pointed::Running);
        self.trial(number).map(Pointed::Done).or_else(running)
    }

    pub fn is_maximised(&self) -> bool {
        self.sweep.objectives.first().is_some_and(|first| first.is_maximised())
    }

    /// What its trials are called.
    pub fn noun(&self) -> &'static str {
        if self.sweep.search == Search::Pbt { "Member" } else { "Trial" }
    }

    /// The first objective in words.
    pub fn objective(&self) -> String {
        self.sweep.objectives.first().map(|objective| objective.name()).unwrap_or_default().replace('_', " ")
    }

    /// The colour of a rank: of the best the last of the colours, of none a grey.
    pub fn color(&self, ui: &Ui, rank: Option<f64>) -> Color32 {
        let tokens = theme::tokens(ui);
        rank.map_or(tokens.faint, |rank| {
            let share = (1.0 - rank) as f32;
            // On a dark ground the darkest colours are lost, on a light one the brightest.
            let at = if ui.visuals().dark_mode {
                1.0 - BRIGHTEST * (1.0 - share)
            } else {
                BRIGHTEST * (1.0 - share)
            };
            theme::of_channels(self.colors.at(at))
        })
    }

    /// The trials with their ranks, the worst first, so that the best are drawn over them; only the best share of them.
    pub fn worst_first(&self, best: f64) -> Vec<(&Trial, Option<f64>)> {
        let mut ranked: Vec<(&Trial, Option<f64>)> =
            self.trials.iter().zip(self.ranks.iter().copied()).collect();
        ranked.retain(|(_, rank)| best >= 1.0 || rank.is_some_and(|rank| rank <= best));
        ranked.sort_by(|a, b| b.1.unwrap_or(2.0).total_cmp(&a.1.unwrap_or(2.0)));
        ranked
    }
}

/// A trial that can be pointed at.
#[derive(Clone, Copy)]
pub enum Pointed<'f> {
    Done(&'f Trial),
    Running(&'f Running),
}

impl<'f> Pointed<'f> {
    pub fn trial(self) -> usize {
        match self {
            Self::Done(trial) => trial.trial,
            Self::Running(trial) => trial.trial,
        }
    }

    pub fn values(self) -> &'f Chosen {
        match self {
            Self::Done(trial) => &trial.values,
            Self::Running(trial) => &trial.values,
        }
    }

    /// What the weights of a population's member went through, in so many updates.
    pub fn lineage(self) -> Option<(&'f Lineage, u64)> {
        match self {
            Self::Done(trial) => Some((trial.lineage.as_deref()?, trial.updates)),
            Self::Running(_) => None,
        }
    }

    /// Training losses along the way, so far.
    pub fn losses(self) -> &'f [(u64, f32)] {
        match self {
            Self::Done(trial) => &trial.losses,
            Self::Running(trial) => &trial.losses,
        }
    }
}

/// The first objective of a trial that came to its end.
pub fn value(trial: &Trial) -> Option<f64> {
    trial.objectives.first().copied().flatten().filter(|_| trial.status == Status::Complete)
}

/// Where a trial is along an axis, as its ruler counts; `None` where its kinds do not have it.
pub fn place(axis: &Axis, trial: &Trial) -> Option<f64> {
    let (_, value) = trial.values.iter().find(|(path, _)| *path == axis.path)?;
    match &axis.values {
        Values::Range(range) => range.number_of(value),
        Values::Choices(choices) => choices.iter().position(|choice| choice == value).map(|at| at as f64),
    }
}

/// A value with no more digits than one reads.
pub fn short(value: &toml::Value) -> String {
    match value {
        toml::Value::Float(number) => format::significant(*number, 3),
        toml::Value::String(text) => match text.strip_suffix('%').and_then(|number| number.parse().ok()) {
            Some(number) => format!("{}%", format::significant(number, 3)),
            None => text.clone(),
        },
        other => plain(other),
    }
}
