//! A run resolved against its clock: every optimizer number as a function of the update.

use std::sync::{Arc, OnceLock};

use super::TrainError;
use super::control::Control;
use super::optimizer::{self, Numbers, Part};
use crate::experiment::group::{self, Decay, GroupRate, Named};
use crate::experiment::{Model, OptimizerKind, Run};
use crate::model::Parameter;
use crate::schedule::{Clock, Curve, NumberCurve};
use crate::telemetry::{GroupNames, GroupRow, MOST_GROUPS};

const _: () = assert!(group::MOST == MOST_GROUPS, "a row has room for every group of a run");

/// What one run does at every update.
#[derive(Clone, Debug)]
pub struct Plan {
    pub kind: OptimizerKind,
    pub lr: Curve,
    /// The optimizer's numbers and options, in the order of its row in the table.
    numbers: Vec<NumberCurve>,
    pub options: Vec<bool>,
    /// The buffers that its rule keeps beside the weights.
    pub buffers: usize,
    /// The run's controller before its first report.
    pub control: Option<Control>,
    /// The samples an update is to average over; `None` is what the task says.
    pub batch: Option<Curve>,
    groups: Vec<GroupPlan>,
    group_names: GroupNames,
    run: Run,
    /// Found when first asked for: the parameters of the model that the plan trains.
    settings: OnceLock<Settings>,
}

/// A parameter group of a run.
#[derive(Clone, Debug)]
struct GroupPlan {
    rate: RatePlan,
    weight_decay: Option<f64>,
    /// The first update that trains it.
    thaw: u64,
}

#[derive(Clone, Debug)]
enum RatePlan {
    Factor(f64),
    Curve(Curve),
}

/// What the run says of each of a model's parameters.
#[derive(Clone, Debug)]
struct Settings {
    each: Vec<Setting>,
    /// The highest layer factor in each group.
    scales: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    group: Option<usize>,
    /// What layer decay multiplies the rate by.
    layer: f64,
    decays: bool,
}

impl Plan {
    /// # Errors
    /// When a schedule of the run cannot be resolved.
    pub fn new(run: &Run, clock: Clock) -> Result<Self, TrainError> {
        let named = |error| TrainError::Schedule { run: run.name.clone(), error };
        let numbers = run.optimizer.values().map(|(_, number)| number.resolve(clock));
        let group = |group: &group::Group| {
            Ok(GroupPlan {
                rate: match &group.lr {
                    GroupRate::Factor(factor) => RatePlan::Factor(*factor),
                    GroupRate::Schedule(schedule) => RatePlan::Curve(schedule.resolve(clock)?),
                },
                weight_decay: group.weight_decay,
                thaw: group.freeze.map_or(0, |span| span.whole_updates(clock)),
            })
        };
        Ok(Self {
            kind: run.optimizer.kind,
            lr: run.lr.resolve(clock).map_err(named)?,
            numbers: numbers.collect::<Result<_, _>>().map_err(named)?,
            options: run.optimizer.switches().map(|(_, on)| on).collect(),
            buffers: optimizer::buffers(&run.optimizer),
            control: Control::of(run).map_err(named)?,
            batch: run.batch.as_ref().map(|batch| batch.resolve(clock).map_err(named)).transpose()?,
            groups: run.groups.iter().map(group).collect::<Result<_, _>>().map_err(named)?,
            group_names: run.groups.iter().map(|group| Arc::from(group.name())).collect(),
            run: run.clone(),
            settings: OnceLock::new(),
        })
    }

    /// The numbers update `update` uses, the rate as the controller has it.
    pub fn numbers(&self, update: u64, controller: Option<&Control>) -> Numbers {
        let scheduled = self.lr.at(update);
        let lr = controller.map_or(scheduled, |controller| controller.rate(scheduled));
        let values = self.numbers.iter().map(|number| number.at(update, &self.lr));
        Numbers::new(self.kind, lr, update, values, self.options.iter().copied())
    }

    /// The names of the parameter groups.
    pub fn group_names(&self) -> &GroupNames {
        &self.group_names
    }

    /// Whether every parameter has the rate and weight decay of the run.
    pub fn is_uniform(&self) -> bool {
        self.run.is_uniform()
    }

    /// Whether one of the groups has a schedule of its own.
    pub fn has_own_schedules(&self) -> bool {
        self.groups.iter().any(|group| matches!(group.rate, RatePlan::Curve(_)))
    }

    /// Whether parameters of the update `update` are frozen.
    pub fn freezes(&self, update: u64) -> bool {
        self.groups.iter().any(|group| update < group.thaw)
    }

    /// The first update after `update` at which frozen parameters thaw.
    pub fn next_thaw_after(&self, update: u64) -> Option<u64> {
        self.groups.iter().map(|group| group.thaw).filter(|thaw| *thaw > update).min()
    }

    /// The rate of each group at update `update`, where the run's is `lr`, the highest where layer decay makes them
    /// differ; 0 of a frozen one. They multiply the layer factors of [`Plan::parts`].
    pub fn group_rates(
        &self,
        parameters: &[Parameter],
        update: u64,
        controller: Option<&Control>,
        lr: f64,
    ) -> GroupRow {
        if self.groups.is_empty() {
            return GroupRow::default();
        }
        let (rates, scales) = (self.rates(update, controller, lr), &self.settings(parameters).scales);
        let scaled: Vec<f64> = rates.iter().zip(scales).map(|(rate, scale)| rate * scale).collect();
        GroupRow::new(&scaled)
    }

    /// The rates that the schedules give the groups of a run on this model, as in [`Plan::group_rates`].
    pub fn scheduled_group_rates(&self, model: &Model, update: u64, lr: f64) -> GroupRow {
        let scales = &self.settings_of(|| model.parameters()).scales;
        let rates: Vec<f64> = self.rates(update, None, lr).iter().zip(scales).map(|(r, s)| r * s).collect();
        GroupRow::new(&rates)
    }

    /// The lowest and the highest rate of each group while it is not frozen, on this model.
    pub fn group_ranges(&self, model: &Model) -> Vec<(f64, f64)> {
        let scales = &self.settings_of(|| model.parameters()).scales;
        let range = |(group, scale): (&GroupPlan, &f64)| {
            let ((low, high), factor) = match &group.rate {
                RatePlan::Factor(factor) => (self.lr.range(), *factor),
                RatePlan::Curve(curve) => (curve.range(), 1.0),
            };
            (low * factor * scale, high * factor * scale)
        };
        self.groups.iter().zip(scales).map(range).collect()
    }

    fn rates(&self, update: u64, controller: Option<&Control>, lr: f64) -> Vec<f64> {
        let rate = |group: &GroupPlan| match &group.rate {
            _ if update < group.thaw => 0.0,
            RatePlan::Factor(factor) => lr * factor,
            RatePlan::Curve(curve) => {
                let scheduled = curve.at(update);
                controller.map_or(scheduled, |controller| controller.rate(scheduled))
            }
        };
        self.groups.iter().map(rate).collect()
    }

    /// Each matrix and vector of a row with its rate and weight decay in the update `update` of the schedules, which
    /// uses these numbers; frozen ones are left out.
    pub fn parts<'a>(
        &self,
        parameters: &'a [Parameter],
        update: u64,
        controller: Option<&Control>,
        numbers: &Numbers,
    ) -> Vec<(usize, Part<'a>)> {
        let rates = self.rates(update, controller, numbers.lr);
        let each = parameters.iter().zip(&self.settings(parameters).each).enumerate();
        each.filter(|(_, (_, setting))| !self.is_frozen(setting, update))
            .map(|(at, (parameter, setting))| {
                let rate = setting.group.and_then(|group| rates.get(group)).unwrap_or(&numbers.lr);
                let part = Part {
                    range: parameter.range(),
                    parameter: Some(parameter),
                    lr: rate * setting.layer,
                    weight_decay: self.weight_decay(setting, numbers),
                };
                (at, part)
            })
            .collect()
    }

    /// Whether each matrix and vector is frozen in the update `update` of the schedules.
    pub fn frozen(&self, parameters: &[Parameter], update: u64) -> Vec<bool> {
        self.settings(parameters).each.iter().map(|setting| self.is_frozen(setting, update)).collect()
    }

    /// What the run's rate is multiplied by for each matrix and vector that has no schedule of its own.
    pub fn rate_factors(&self, parameters: &[Parameter]) -> Vec<Option<f64>> {
        let factor = |setting: &Setting| match setting.group.and_then(|group| self.groups.get(group)) {
            None => Some(setting.layer),
            Some(GroupPlan { rate: RatePlan::Factor(factor), .. }) => Some(factor * setting.layer),
            Some(_) => None,
        };
        self.settings(parameters).each.iter().map(factor).collect()
    }

    /// The weight decay of each matrix and vector in an update that uses these numbers.
    pub fn weight_decays(&self, parameters: &[Parameter], numbers: &Numbers) -> Vec<f64> {
        let each = self.settings(parameters).each.iter();
        each.map(|setting| self.weight_decay(setting, numbers)).collect()
    }

    /// Whether the weight decay of all matrices and vectors is the run's.
    pub fn decays_evenly(&self) -> bool {
        self.run.decay == Decay::All && self.groups.iter().all(|group| group.weight_decay.is_none())
    }

    /// The group of each matrix and vector.
    pub fn group_of_each(&self, parameters: &[Parameter]) -> impl Iterator<Item = Option<usize>> {
        self.settings(parameters).each.iter().map(|setting| setting.group)
    }

    /// The first group that holds none of the parameters.
    pub fn idle_group(&self, parameters: &[Parameter]) -> Option<&str> {
        let (idle, _) = self.run.idle_group(&named(parameters))?;
        self.run.groups.get(idle).map(group::Group::name)
    }

    fn is_frozen(&self, setting: &Setting, update: u64) -> bool {
        setting.group.and_then(|group| self.groups.get(group)).is_some_and(|group| update < group.thaw)
    }

    fn weight_decay(&self, setting: &Setting, numbers: &Numbers) -> f64 {
        let own = setting.group.and_then(|group| self.groups.get(group)?.weight_decay);
        if setting.decays { own.unwrap_or_else(|| numbers.weight_decay()) } else { 0.0 }
    }

    fn settings(&self, parameters: &[Parameter]) -> &Settings {
        self.settings_of(|| named(parameters))
    }

    fn settings_of(&self, parameters: impl FnOnce() -> Vec<Named>) -> &Settings {
        self.settings.get_or_init(|| {
            let parameters = parameters();
            let head = parameters.iter().map(|parameter| parameter.layer).max().unwrap_or(0);
            let decay = self.run.layer_decay.unwrap_or(1.0);
            let groups = self.run.group_of_each(&parameters);
            let setting = |(parameter, group): (&Named, Option<usize>)| Setting {
                group,
                layer: decay.powi((head - parameter.layer) as i32),
                decays: self.run.decay == Decay::All || !parameter.is_vector(),
            };
            let each: Vec<Setting> = parameters.iter().zip(groups).map(setting).collect();
            let highest = |group| {
                let own = each.iter().filter(|setting| setting.group == Some(group));
                own.map(|setting| setting.layer).fold(0.0, f64::max)
            };
            Settings { scales: (0..self.groups.len()).map(highest).collect(), each }
        })
    }
}

fn named(parameters: &[Parameter]) -> Vec<Named> {
    let named = |parameter: &Parameter| Named { name: parameter.name.clone(), layer: parameter.layer };
    parameters.iter().map(named).collect()
}
