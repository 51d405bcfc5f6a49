//! Population based training (arXiv 1711.09846, DeepMind 2017): runs that train side by side, of which the
//! worst now and then go on from the weights of the best with another rate. What it finds is a schedule: the rates
//! that the winner's weights were trained with, its lineage.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::SweepError;
use super::herd::{Herd, Report};
use super::lineage::Lineage;
use super::trial::{Running, Status, Trial};
use super::words::Whole;
use crate::experiment::Experiment;
use crate::random::{Stream, below, rng};
use crate::schedule::Clock;
use crate::train::TrainError;

/// Equal stretches of the run, after each of which members copy.
const STRETCHES: u64 = 20;
/// The share of members that copy, and that are copied.
const TURNOVER: f64 = 0.25;
/// What a copied rate is multiplied by: one or the other.
const EXPLORE: [f64; 2] = [0.8, 1.25];

/// One member.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The highest rate that it began with.
    pub peak: f64,
    /// How its weights were trained, whoever's they were then.
    pub lineage: Lineage,
    /// The validation loss at its end; nothing where it diverged.
    pub loss: Option<f64>,
}

/// Members that were bred.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    pub members: Vec<Member>,
    /// The rate of every update of the run's own schedule.
    base: Vec<f64>,
}

impl Population {
    /// The member that ended with the least validation loss, by its number.
    pub fn best(&self) -> Option<usize> {
        let losses = self.members.iter().enumerate().filter_map(|(at, member)| Some((at, member.loss?)));
        losses.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
    }

    /// The rate of every update that a member's weights were trained with.
    pub fn rates(&self, member: usize) -> Vec<f64> {
        self.members.get(member).map_or_else(Vec::new, |member| member.lineage.rates(&self.base))
    }

    /// The members as a sweep's trials.
    pub fn trials(&self) -> Vec<Trial> {
        let one = |(trial, member): (usize, &Member)| Trial {
            trial,
            values: values(member.peak),
            status: if member.loss.is_some() { Status::Complete } else { Status::Diverged },
            updates: self.base.len() as u64,
            objectives: vec![member.loss],
            seeds: vec![vec![member.loss]],
            curve: Vec::new(),
            losses: Vec::new(),
            lineage: Some(Box::new(member.lineage.clone())),
        };
        self.members.iter().enumerate().map(one).collect()
    }
}

/// What a member began with, as a trial's values.
pub(super) fn values(peak: f64) -> Vec<(String, toml::Value)> {
    vec![("lr.peak".to_owned(), toml::Value::Float(peak))]
}

/// A population between two of its stretches: all that the rest depends on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stage {
    /// Stretches done.
    stretch: u64,
    lineages: Vec<Lineage>,
    states: Vec<Whole>,
}

/// A population on its way, a stretch at a time.
pub struct Breeding {
    population: Population,
    clock: Clock,
    draw: ChaCha8Rng,
    /// Stretches done.
    stretch: u64,
}

impl Stage {
    /// Bytes that its weights take, more or less.
    pub(super) fn bytes(&self) -> usize {
        self.states.iter().map(Whole::bytes).sum()
    }
}

impl Breeding {
    /// A population of the experiment's one run at update 0. Every member begins with the same weights and sees the
    /// same batches; only rates differ, the first ones as `peaks` say: the run's own schedule, raised or lowered. So
    /// the winner's lineage, trained alone under the same seed, comes to the same weights.
    ///
    /// # Errors
    /// When there is no run, or its schedule is none of so many updates.
    pub fn new(
        experiment: &Experiment,
        peaks: &[f64],
        (seed, clock): (u64, Clock),
    ) -> Result<Self, SweepError> {
        let run = experiment.runs.first().ok_or_else(|| SweepError::NoRun(String::new()))?;
        let named = |error| TrainError::Schedule { run: run.name.clone(), error };
        let curve = run.lr.resolve(clock).map_err(named)?;
        let top = curve.range().1.max(f64::MIN_POSITIVE);
        let member = |(at, &peak): (usize, &f64)| Member {
            peak,
            lineage: Lineage::new(at, peak / top, clock),
            loss: None,
        };
        let members = peaks.iter().enumerate().map(member).collect();
        let base = (0..clock.updates).map(|at| curve.at(at)).collect();
        let (population, draw) = (Population { members, base }, rng(seed, Stream::Population));
        Ok(Self { population, clock, draw, stretch: 0 })
    }

    /// Goes on from a stage of the same population, which trains in `herd`.
    ///
    /// # Errors
    /// When it is of another population, or the herd cannot train.
    pub fn resume(&mut self, stage: Stage, herd: &mut dyn Herd) -> Result<(), SweepError> {
        let first = |lineage: &Lineage| lineage.hands.first().map(|hands| hands.member);
        let count = self.population.members.len();
        let is_ours = stage.lineages.len() == count
            && stage.states.len() == count
            && (1..STRETCHES).contains(&stage.stretch)
            && stage.lineages.iter().all(|lineage| first(lineage).is_some_and(|member| member < count));
        if !is_ours {
            let why = "what was kept of this population is of another one: choose another folder";
            return Err(SweepError::Impossible(why.to_owned()));
        }
        for (member, lineage) in self.population.members.iter_mut().zip(stage.lineages) {
            member.lineage = lineage;
        }
        // What was drawn for the stretches before is drawn once more.
        for _ in 0..stage.stretch * self.turnover() as u64 {
            self.draw_one();
        }
        self.stretch = stage.stretch;
        herd.put(&self.rates(), stage.states, self.done())
    }

    /// All that the rest depends on; nothing at its beginning and its end.
    ///
    /// # Errors
    /// When the weights cannot be read.
    pub fn stage(&self, herd: &dyn Herd) -> Result<Option<Stage>, SweepError> {
        if !(1..STRETCHES).contains(&self.stretch) {
            return Ok(None);
        }
        let lineages = self.population.members.iter().map(|member| member.lineage.clone()).collect();
        Ok(Some(Stage { stretch: self.stretch, lineages, states: herd.states()? }))
    }

    /// Trains a stretch, after which the worst copy the best; whether there is another. `report` hears of updates
    /// done and in all.
    ///
    /// # Errors
    /// When the experiment cannot be trained, or `report` stops it.
    pub fn advance(&mut self, herd: &mut dyn Herd, report: &mut Report<'_>) -> Result<bool, SweepError> {
        self.stretch += 1;
        let to = self.done();
        let losses = herd.advance(&self.rates(), to, report)?;
        let is_last = self.stretch >= STRETCHES;
        for (member, loss) in self.population.members.iter_mut().zip(&losses) {
            let loss = Some(*loss).filter(|loss| loss.is_finite());
            member.lineage.losses.push((to, loss));
            member.loss = loss.filter(|_| is_last);
        }
        if !is_last {
            let heirs = self.inherit(&losses, to);
            herd.copy(&self.rates(), &heirs)?;
        }
        Ok(!is_last)
    }

    /// Gives the worst the lineages of the best; heirs and their parents.
    fn inherit(&mut self, losses: &[f64], to: u64) -> Vec<(usize, usize)> {
        let mut order: Vec<usize> = (0..losses.len()).collect();
        // No number comes last, and of equals the first is the better.
        order.sort_by(|&a, &b| key(losses[a]).total_cmp(&key(losses[b])));
        let turnover = self.turnover();
        let mut heirs = Vec::new();
        for &heir in &order[order.len() - turnover..] {
            let (parent, explored) = self.draw_one();
            let parent = order[parent];
            if parent == heir {
                continue;
            }
            let members = &mut self.population.members;
            let factor = members[parent].lineage.factor() * explored;
            members[heir].lineage = members[parent].lineage.heir(heir, &members[heir].lineage, to, factor);
            heirs.push((heir, parent));
        }
        heirs
    }

    /// A place among the best, and what its factor is multiplied by.
    fn draw_one(&mut self) -> (usize, f64) {
        let turnover = self.turnover();
        (below(&mut self.draw, turnover), EXPLORE[below(&mut self.draw, EXPLORE.len())])
    }

    /// How many copy, and are copied.
    fn turnover(&self) -> usize {
        let count = self.population.members.len();
        ((count as f64 * TURNOVER) as usize).max(usize::from(count > 1))
    }

    /// Updates done.
    pub fn done(&self) -> u64 {
        self.clock.updates * self.stretch / STRETCHES
    }

    /// The members on their way, as a sweep's trials.
    pub fn running(&self) -> Vec<Running> {
        let members = self.population.members.iter().enumerate();
        let one = |(trial, member): (usize, &Member)| {
            let losses = member.lineage.losses.iter().zip(1..);
            Running {
                trial,
                values: values(member.peak),
                losses: losses.filter_map(|(&(_, loss), step)| Some((step, loss? as f32))).collect(),
            }
        };
        members.map(one).collect()
    }

    /// The population with members that ended before.
    pub(super) fn ended(self, members: Vec<Member>) -> Population {
        Population { members, ..self.population }
    }

    /// The members as they are.
    pub fn into_population(self) -> Population {
        self.population
    }

    fn rates(&self) -> Vec<Vec<f64>> {
        (0..self.population.members.len()).map(|member| self.population.rates(member)).collect()
    }
}

/// Breeds a population from its first stretch to its last.
///
/// # Errors
/// As [`Breeding::new`] and [`Breeding::advance`].
pub fn breed(
    experiment: &Experiment,
    peaks: &[f64],
    from: (u64, Clock),
    herd: &mut dyn Herd,
    report: &mut Report<'_>,
) -> Result<Population, SweepError> {
    let mut breeding = Breeding::new(experiment, peaks, from)?;
    while breeding.advance(herd, report)? {}
    Ok(breeding.into_population())
}

fn key(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::INFINITY }
}
