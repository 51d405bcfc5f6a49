//! Everything a target may need to know of a run, resolved.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::groups::{GroupTrack, GroupTrackRate, Groups};
use super::knots::Knots;
use super::outline::Outline;
pub use super::track::Track;
use super::{ExportError, MAX_UPDATES, Options, formula};
use crate::experiment::names::name_of;
use crate::experiment::optimizer::Role;
use crate::experiment::{
    BatchSize, Controller, Decay, Experiment, LossScale, Metric, MicroBatches, Number, Optimizer,
    OptimizerKind, Plateau, Rounding, Run, Team, WeightFormat,
};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Clock, Curve, NumberCurve, Piecewise, Tick};

/// A run to be exported.
pub struct Recipe<'a> {
    pub experiment: &'a Experiment,
    pub run: &'a Run,
    pub clock: Clock,
    pub options: Options,
    /// The rate each update uses.
    pub drawn: Vec<f64>,
    pub peak: f64,
    /// The rate as a formula, or as knots where it has none.
    pub rate: Track,
    pub outline: Outline,
    /// Optimizer numbers that change along the run: momentum, beta2, weight decay.
    pub varying: Vec<Varying>,
    pub groups: Vec<GroupTrack>,
    /// Where the run's batch is a schedule: the micro-batches of an update.
    pub batches: Option<Piecewise<u64>>,
    /// The optimizer's numbers and options that the text asked for, to write them.
    said: RefCell<BTreeSet<String>>,
}

/// An optimizer number that changes along the run.
pub struct Varying {
    pub name: &'static str,
    pub number: NumberCurve,
    pub track: Track,
}

impl Varying {
    /// The bounds of a mirror.
    pub fn mirror(&self) -> Option<(f64, f64)> {
        match self.number {
            NumberCurve::Mirror { low, high } => Some((low, high)),
            NumberCurve::Fixed(_) | NumberCurve::Curve(_) => None,
        }
    }
}

/// What a target can say beside the rate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carries {
    /// Momentum, beta2 and weight decay as schedules.
    pub schedules: bool,
    pub weight_decay: bool,
    pub clipping: bool,
    pub accumulation: bool,
    pub layer_decay: bool,
    /// Parameter groups, and which parameters decay.
    pub groups: Groups,
    /// Momentum's bounds when it mirrors the rate.
    pub mirror: bool,
    /// The averaging that schedule-free training has instead of a decay.
    pub schedule_free: bool,
    /// A batch that is a schedule.
    pub batches: bool,
}

impl<'a> Recipe<'a> {
    pub fn new(
        experiment: &'a Experiment,
        run: &'a Run,
        clock: Clock,
        options: &Options,
    ) -> Result<Self, ExportError> {
        let clock =
            Clock { updates: clock.updates.max(1), updates_per_epoch: clock.updates_per_epoch.max(1) };
        if clock.updates > MAX_UPDATES {
            return Err(ExportError::TooLong { updates: clock.updates });
        }
        let curve = run.lr.resolve(clock)?;
        let drawn: Vec<f64> = (0..clock.updates).map(|update| curve.at(update)).collect();
        let peak = drawn.iter().copied().fold(0.0, f64::max);
        let rate = match formula::of(&run.lr, &curve, clock) {
            Some(formula) => Track::Formula(formula),
            None => Track::Knots(Knots::through(&drawn)),
        };
        let outline = Outline::of(&run.lr, clock, &drawn);
        let varying = varying(&run.optimizer, &curve, clock)?;
        let mut recipe = Self {
            experiment,
            run,
            clock,
            options: *options,
            drawn,
            peak,
            rate,
            outline,
            varying,
            groups: GroupTrack::all(run, clock)?,
            batches: None,
            said: RefCell::default(),
        };
        if let Some(batch) = &run.batch {
            let curve = batch.resolve(clock)?;
            let micro = MicroBatches::new(recipe.batch_size(), experiment.train.accumulate, clock);
            let mut batches = Piecewise::from(micro.of(curve.at(0)));
            for update in 1..clock.updates {
                let count = micro.of(curve.at(update));
                if *batches.at(update) != count {
                    batches.put(update, count);
                }
            }
            recipe.batches = Some(batches);
        }
        Ok(recipe)
    }

    /// The update count.
    pub fn updates(&self) -> u64 {
        self.clock.updates
    }

    /// The rates that `at` gives for every update.
    pub fn predict(&self, at: impl Fn(u64) -> f64) -> Vec<f64> {
        (0..self.updates()).map(at).collect()
    }

    /// An optimizer number, or what the first update uses of a varying one; 0 where the kind has none.
    pub fn number(&self, name: &str) -> f64 {
        match self.run.optimizer.get(name) {
            Some(Number::Fixed(value)) => *value,
            Some(_) => self.varying(name).map_or(0.0, |varying| varying.track.at(0)),
            None => 0.0,
        }
    }

    pub fn varying(&self, name: &str) -> Option<&Varying> {
        self.varying.iter().find(|varying| varying.name == name)
    }

    /// The bounds of momentum where it mirrors the rate.
    pub fn mirror(&self) -> Option<(f64, f64)> {
        self.varying.iter().find_map(Varying::mirror)
    }

    /// Whether weight decay shrinks anything at the run's own numbers.
    pub fn decays(&self) -> bool {
        self.number("weight_decay") > 0.0 || self.varying("weight_decay").is_some()
    }

    pub fn kind(&self) -> OptimizerKind {
        self.run.optimizer.kind
    }

    /// An optimizer number as a text that is written has it.
    pub fn say(&self, name: &str) -> f64 {
        self.said.borrow_mut().insert(name.to_owned());
        self.number(name)
    }

    /// Whether an option of the optimizer is on, for a text that can say so.
    pub fn has(&self, option: &str) -> bool {
        self.said.borrow_mut().insert(option.to_owned());
        self.run.optimizer.has(option)
    }

    /// Whether weight decay shrinks the weights and stays out of the gradient.
    pub fn decays_apart(&self) -> bool {
        self.kind().info().decays_apart || self.run.optimizer.has("decoupled_weight_decay")
    }

    /// That the target has no such optimizer, and what comes of that.
    pub fn refused(&self, instead: &str) -> String {
        self.says_everything();
        format!("Left out: the optimizer {}; {instead}.", self.kind().name())
    }

    /// The optimizer is another's to say, or said as a whole.
    pub fn says_everything(&self) {
        let optimizer = &self.run.optimizer;
        let numbers = optimizer.values().map(|(info, _)| info.name);
        let names = numbers.chain(optimizer.switches().map(|(info, _)| info.name));
        self.said.borrow_mut().extend(names.map(str::to_owned));
    }

    /// One sentence for each number and option of the optimizer that is not as usual and that no text said.
    pub fn unsaid(&self) -> Vec<String> {
        let said = self.said.borrow();
        let optimizer = &self.run.optimizer;
        let numbers = optimizer.values().filter_map(|(info, number)| match number {
            Number::Fixed(value) if *value != info.default && info.role != Role::WeightDecay => {
                Some((info.name, format!("{} {value:?}", info.name)))
            }
            _ => None,
        });
        let options = optimizer.switches().filter(|(info, on)| *on != info.default);
        let options = options.map(|(info, on)| (info.name, format!("{} {on}", info.name)));
        let unsaid = numbers.chain(options).filter(|(name, _)| !said.contains(*name));
        unsaid.map(|(_, what)| carried(false, &what)).collect()
    }

    /// Samples in a micro-batch.
    pub fn batch_size(&self) -> usize {
        match self.experiment.data.batch_size {
            BatchSize::Samples(samples) => samples,
            BatchSize::All => self.options.batch_size,
        }
    }

    /// Micro-batches of an update, of the first one where that changes.
    pub fn accumulate(&self) -> usize {
        self.micro_batches(0)
    }

    fn micro_batches(&self, update: u64) -> usize {
        let Some(batches) = &self.batches else { return self.experiment.train.accumulate.max(1) };
        usize::try_from(*batches.at(update)).unwrap_or(usize::MAX)
    }

    /// The samples of an update.
    pub fn samples(&self, update: u64) -> usize {
        self.micro_batches(update).saturating_mul(self.batch_size())
    }

    pub fn clip_norm(&self) -> Option<f64> {
        self.experiment.train.clip_norm
    }

    /// The drawn curve in words, for why a framework has no such.
    pub fn curve(&self) -> String {
        let lr = &self.run.lr;
        let mut words = lr.kind.name().replace('_', " ");
        for (is_there, more) in [
            (lr.warmup.is_some(), " after a warmup"),
            (lr.cooldown.is_some(), " before a cooldown"),
            (lr.clamp.is_some(), " between limits"),
            (lr.tick == Tick::Epoch, " in steps of an epoch"),
        ] {
            words.push_str(if is_there { more } else { "" });
        }
        words
    }

    /// The run's epochs, rounded up.
    pub fn epochs(&self) -> u64 {
        self.updates().div_ceil(self.clock.updates_per_epoch)
    }

    /// One sentence for each thing that goes with the rate: carried, downgraded or left out.
    pub fn notes(&self, carries: Carries) -> Vec<String> {
        let mut notes = Vec::new();
        for varying in &self.varying {
            let (name, first) = (varying.name, varying.track.at(0));
            notes.push(if carries.schedules || (carries.mirror && varying.mirror().is_some()) {
                format!("Carried: the {name} schedule.")
            } else {
                format!("Left out: the {name} schedule; {name} stays at its first value, {first:?}.")
            });
        }
        if self.run.optimizer.get("weight_decay").is_some() && self.varying("weight_decay").is_none() {
            let decay = self.number("weight_decay");
            if decay > 0.0 {
                notes.push(carried(carries.weight_decay, &format!("weight decay {decay:?}")));
            }
        }
        if let Some(norm) = self.clip_norm() {
            notes.push(carried(carries.clipping, &format!("clipping at a global gradient norm of {norm:?}")));
        }
        if let Some(batches) = &self.batches {
            let samples = |count: Option<&u64>| count.map_or(0, |count| *count * self.batch_size() as u64);
            let (least, most) = (samples(batches.values().min()), samples(batches.values().max()));
            let what = format!("the schedule of the batch, {least} to {most} samples an update");
            notes.push(if carries.batches {
                format!("Carried: {what}.")
            } else {
                format!("Left out: {what}; every update has the first one's {}.", self.samples(0))
            });
        } else if self.accumulate() > 1 {
            let what = format!("accumulation of {} micro-batches an update", self.accumulate());
            notes.push(carried(carries.accumulation, &what));
        }
        if let Some(decay) = self.run.layer_decay {
            notes.push(carried(carries.layer_decay, &format!("layer-wise decay {decay:?} of the rate")));
        }
        notes.extend(of_groups(self, carries.groups));
        notes.extend(self.run.controller.as_ref().map(left_out));
        if self.experiment.train.weights != WeightFormat::F32 {
            notes.push(
                "Left out: weights rounded to 16 bits after each update; set the precision there.".to_owned(),
            );
            if self.experiment.train.rounding == Rounding::Stochastic {
                notes.push(
                    "Left out: stochastic rounding; 16-bit weights there are rounded to the nearest number."
                        .to_owned(),
                );
            }
        }
        if self.experiment.train.gradients != WeightFormat::F32 {
            notes.push(match self.experiment.train.loss_scale {
                None => "Left out: gradients rounded to 16 bits; set the precision there.".to_owned(),
                Some(LossScale::Fixed(scale)) => {
                    format!("Left out: gradients in 16 bits under a loss scale of {scale:?}; set both there.")
                }
                Some(LossScale::Dynamic(rule)) => format!(
                    "Left out: gradients in 16 bits under a dynamic loss scale from {:?}; set the precision there \
                     (torch.amp.GradScaler has the same rule). An update that overflows is left out, and schedules \
                     here go on: step the scheduler all the same.",
                    rule.init
                ),
            });
        }
        if let Some(team) = &self.experiment.team {
            notes.push(match team {
                Team::Federated(it) => format!(
                    "Left out: federated averaging over {} clients; the schedule is that of a client's updates.",
                    it.clients
                ),
                Team::Parallel(it) => format!(
                    "Left out: {} data-parallel workers; step the scheduler once an update, not once a worker (accelerate \
                     steps a prepared one once a worker).",
                    it.workers
                ),
            });
        }
        if let Some(start) = &self.experiment.start {
            let path = crate::plain::name(&start.path.to_string_lossy());
            notes.push(format!(
                "Left out: the weights of {path} to begin with; load your own before the optimizer is built."
            ));
        }
        if let phases @ [_, ..] = self.experiment.data.phases.as_slice() {
            let names: Vec<&str> = phases.iter().map(|phase| &*phase.name).collect();
            notes.push(format!(
                "Left out: the phases of the data ({}); the loader there has to change at the same updates.",
                names.join(", ")
            ));
        }
        if self.experiment.data.label_noise > 0.0 {
            let share = crate::numbers::round_to(100.0 * self.experiment.data.label_noise, 3);
            notes.push(format!(
                "Left out: wrong labels ({share} % of them replaced at random); the data there are yours."
            ));
        }
        if let Some(attack) = self.experiment.train.attack.filter(|attack| attack.train) {
            notes.push(format!("Left out: training on attacked samples (eps {}).", attack.eps));
        }
        if let Some(stop) = &self.experiment.train.stop {
            let (metric, patience) = (name_of(&Metric::ALL, &stop.metric), stop.patience);
            notes.push(format!(
                "Left out: early stopping ({metric}, patience {patience}); set the framework's own, and keep the \
                 schedule's length."
            ));
        }
        if self.kind().is_schedule_free() {
            notes.push(if carries.schedule_free {
                "Carried: schedule-free averaging. Evaluate and save the averaged weights, not those that train."
                    .to_owned()
            } else {
                let base = self.kind().base().name();
                format!(
                    "Downgraded: schedule-free training becomes plain {base}, which needs a decay of the rate \
                     where this run averages."
                )
            });
        }
        notes
    }
}

/// One sentence for each thing said of single parameters: carried, changed or left out.
fn of_groups(recipe: &Recipe<'_>, carries: Groups) -> Vec<String> {
    let mut notes = Vec::new();
    for group in &recipe.groups {
        let mut what = match &group.rate {
            GroupTrackRate::Factor(1.0) => "at the run's rate".to_owned(),
            GroupTrackRate::Factor(factor) => format!("at {factor:?} times the rate"),
            GroupTrackRate::Own(_) => "on a schedule of its own".to_owned(),
        };
        if let Some(decay) = group.weight_decay {
            what.push_str(&format!(", weight decay {decay:?}"));
        }
        if group.thaw > 0 {
            what.push_str(&format!(", frozen for {} updates", group.thaw));
        }
        notes.push(if carries == Groups::All {
            format!("Carried: the parameter group \"{}\" ({what}).", group.name)
        } else {
            format!(
                "Left out: the parameter group \"{}\" ({what}); all of its parameters learn as the rest does.",
                group.name
            )
        });
    }
    let decays = recipe.decays();
    match (recipe.run.decay, carries) {
        (Decay::Matrices, Groups::All | Groups::Decay | Groups::Matrices) if decays => {
            notes.push("Carried: biases and norms do not decay.".to_owned());
        }
        (Decay::Matrices, Groups::None) if decays => {
            notes.push("Left out: decay = \"matrices\"; biases and norms decay there, too.".to_owned());
        }
        (Decay::All, Groups::Matrices) if decays => notes.push(
            "Changed: biases and norms do not decay there; decay = \"matrices\" trains the same here."
                .to_owned(),
        ),
        _ => {}
    }
    notes
}

fn carried(is_carried: bool, what: &str) -> String {
    if is_carried {
        format!("Carried: {what}.")
    } else {
        format!("Left out: {what}; set it where you train.")
    }
}

fn varying(optimizer: &Optimizer, lr: &Curve, clock: Clock) -> Result<Vec<Varying>, ExportError> {
    let mut found = Vec::new();
    for info in optimizer.kind.numbers() {
        let Some(written) = optimizer.get(info.name) else { continue };
        let number = written.resolve(clock)?;
        let formula = match (written, &number) {
            (_, NumberCurve::Fixed(_)) => continue,
            (Number::Schedule(schedule), NumberCurve::Curve(curve)) => formula::of(schedule, curve, clock),
            _ => None,
        };
        let knots = || {
            let values: Vec<f64> = (0..clock.updates).map(|update| number.at(update, lr)).collect();
            Track::Knots(Knots::through(&values))
        };
        let track = formula.map_or_else(knots, Track::Formula);
        found.push(Varying { name: info.name, number, track });
    }
    Ok(found)
}

/// What is said of a controller, which no target carries.
fn left_out(controller: &Controller) -> String {
    match controller {
        Controller::Plateau(Plateau { metric, rule: PlateauRule { factor, patience, .. } }) => {
            let metric = match metric {
                Metric::TrainLoss => "training loss",
                Metric::ValLoss => "validation loss",
                Metric::ValAccuracy => "validation accuracy",
            };
            format!(
                "Left out: the plateau rule on the {metric} (factor {factor:?}, patience {patience}). It depends on \
                 the run's metric; the rates here are those before any cut."
            )
        }
        Controller::Greedy(_) => "Left out: the greedy rule. It depends on the run's metric.".to_owned(),
        Controller::Hypergradient(rule) => format!(
            "Left out: hypergradient descent (beta {:?}). The rates here are those it starts from.",
            rule.beta
        ),
    }
}
