//! A lane's parameters where they are not all alike: rates and decays of their own, and frozen for a while.
//!
//! A frozen parameter has no gradient, and its optimizer's steps are counted from its thaw. Parameters that made
//! equally many steps are updated together, as a row of their own.

use serde::{Deserialize, Serialize};

use super::state::Bits;
use super::{Lane, Task};
use crate::model::Parameter;
use crate::telemetry::GroupRow;
use crate::train::optimizer::{self, Applied, Numbers, Part, Row, Store};

/// What a lane knows of a parameter, once some were frozen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartState {
    /// Updates since the optimizer began in which it was frozen.
    missed: u64,
    /// What the optimizer remembers beside its buffers, of this parameter.
    scalars: Vec<Bits>,
}

/// Parameters that made equally many steps.
#[derive(Debug)]
pub struct Class {
    /// By their places among the model's.
    pub parameters: Vec<usize>,
    pub missed: u64,
    pub scalars: Vec<f64>,
}

impl Lane {
    /// The update of the schedules that comes `ahead` updates after the next one.
    pub(in crate::train) fn scheduled_after(&self, ahead: u64) -> u64 {
        self.update + ahead - self.schedule_from
    }

    /// Where the next stretch of updates ends at the latest: another plan begins, or parameters thaw.
    pub(in crate::train) fn next_turn(&self) -> Option<u64> {
        let thaw = self.plan.next_thaw_after(self.scheduled_after(0)).map(|thaw| thaw + self.schedule_from);
        self.run_plan.next_after(self.update).into_iter().chain(thaw).min()
    }

    /// The rates of the groups in the update that comes `ahead` updates after the next one.
    pub(in crate::train) fn group_rates(&self, task: &Task, ahead: u64, numbers: &Numbers) -> GroupRow {
        let (update, parameters) = (self.scheduled_after(ahead), task.model.parameters());
        self.plan.group_rates(parameters, update, self.controller.as_ref(), numbers.lr)
    }

    /// Each matrix and vector that the update trains, by its place, with its numbers.
    pub(in crate::train) fn parts<'a>(
        &self,
        parameters: &'a [Parameter],
        ahead: u64,
        numbers: &Numbers,
    ) -> Vec<(usize, Part<'a>)> {
        self.plan.parts(parameters, self.scheduled_after(ahead), self.controller.as_ref(), numbers)
    }

    /// Whether each parameter is frozen in the next update; empty where none is.
    pub(in crate::train) fn frozen(&self, parameters: &[Parameter]) -> Vec<bool> {
        let update = self.scheduled_after(0);
        if self.plan.freezes(update) { self.plan.frozen(parameters, update) } else { Vec::new() }
    }

    /// The trained parameters by the steps they have made; empty where all have made the same.
    pub(in crate::train) fn classes(&self, parameters: &[Parameter]) -> Vec<Class> {
        if !optimizer::rule(self.plan.kind).is_separable() {
            return Vec::new();
        }
        let frozen = self.frozen(parameters);
        if self.parts.is_empty() && frozen.is_empty() {
            return Vec::new();
        }
        let mut classes: Vec<(PartState, Vec<usize>)> = Vec::new();
        for at in (0..parameters.len()).filter(|at| frozen.get(*at) != Some(&true)) {
            let state = self.parts.get(at).cloned().unwrap_or_else(|| self.fresh_part());
            match classes.iter_mut().find(|(known, _)| *known == state) {
                Some((_, parameters)) => parameters.push(at),
                None => classes.push((state, vec![at])),
            }
        }
        let class = |(state, parameters): (PartState, Vec<usize>)| Class {
            parameters,
            missed: state.missed,
            scalars: state.scalars.into_iter().map(f64::from).collect(),
        };
        classes.into_iter().map(class).collect()
    }

    /// Whether parameters were frozen since the optimizer began.
    pub(in crate::train) fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// A parameter that was never frozen.
    fn fresh_part(&self) -> PartState {
        PartState { missed: 0, scalars: self.scalars.iter().copied().map(Bits::from).collect() }
    }

    /// Takes note of so many updates in which these parameters were frozen, and of what the rule remembers of the
    /// others.
    pub(in crate::train) fn went_on(&mut self, frozen: &[bool], classes: &[Class], updates: u64) {
        if classes.is_empty() && frozen.is_empty() {
            return;
        }
        let count =
            frozen.len().max(classes.iter().flat_map(|class| &class.parameters).max().map_or(0, |at| at + 1));
        let fresh = self.fresh_part();
        self.parts.resize_with(self.parts.len().max(count), || fresh.clone());
        for (part, _) in self.parts.iter_mut().zip(frozen).filter(|(_, frozen)| **frozen) {
            part.missed += updates;
        }
        for class in classes {
            for at in &class.parameters {
                if let Some(part) = self.parts.get_mut(*at) {
                    part.scalars = class.scalars.iter().copied().map(Bits::from).collect();
                }
            }
        }
    }

    /// Takes frozen parameters out of the gradient.
    pub(super) fn freeze_gradient(&mut self, parameters: &[Parameter], frozen: &[bool]) {
        for (parameter, _) in parameters.iter().zip(frozen).filter(|(_, frozen)| **frozen) {
            if let Some(gradient) = self.gradient.get_mut(parameter.range()) {
                gradient.fill(0.0);
            }
        }
    }

    /// Lets the optimizer update the weights along `self.gradient`, and stores them.
    pub(super) fn apply(
        &mut self,
        task: &Task,
        (numbers, store): (&Numbers, Store),
        frozen: &[bool],
        weights: &mut [f32],
        mut buffers: [&mut [f32]; optimizer::MOST_BUFFERS],
    ) -> Applied {
        let rule = optimizer::rule(numbers.kind);
        let is_whole = self.plan.is_uniform() && (self.parts.is_empty() || !rule.is_separable());
        if is_whole && rule.is_elementwise(numbers) {
            // Most runs, at every update: nothing is allocated.
            let (lr, weight_decay) = (numbers.lr, numbers.weight_decay());
            let whole = Part { range: 0..weights.len(), parameter: None, lr, weight_decay };
            return rule.update(Row {
                arch: pulp::Arch::new(),
                cores: self.scratch.cores(),
                store,
                numbers,
                parts: std::slice::from_ref(&whole),
                scalars: &mut self.scalars,
                weights,
                gradient: &mut self.gradient,
                buffers,
            });
        }
        let parameters = task.model.parameters();
        let mut classes = self.classes(parameters);
        let parts = self.parts(parameters, 0, numbers);
        let mut scalars = std::mem::take(&mut self.scalars);
        let mut update = |numbers: &Numbers, parts: &[Part<'_>], scalars: &mut [f64]| {
            rule.update(Row {
                arch: pulp::Arch::new(),
                cores: self.scratch.cores(),
                store,
                numbers,
                parts,
                scalars,
                weights,
                gradient: &mut self.gradient,
                buffers: buffers.each_mut().map(|buffer| &mut **buffer),
            })
        };
        let applied = if classes.is_empty() {
            let parts: Vec<Part<'_>> = parts.into_iter().map(|(_, part)| part).collect();
            if parts.is_empty() { Applied::default() } else { update(numbers, &parts, &mut scalars) }
        } else {
            // The longest trained one says what the rule makes of the rate.
            classes.sort_by_key(|class| class.missed);
            let mut total = Applied::default();
            for class in &mut classes {
                let own = parts.iter().filter(|(at, _)| class.parameters.contains(at));
                let own: Vec<Part<'_>> = own.map(|(_, part)| part.clone()).collect();
                let numbers = numbers.without(class.missed);
                total = total.plus(update(&numbers, &own, &mut class.scalars));
            }
            total
        };
        self.scalars = scalars;
        self.went_on(frozen, &classes, 1);
        applied
    }

    /// Takes note of the lengths of the weights after the last update: all of them, and those of each group.
    pub(super) fn record_norm(&mut self, task: &Task, weights: &[f32]) {
        let norm = |weights: &[f32]| optimizer::norm(pulp::Arch::new(), self.scratch.cores(), weights);
        let whole = norm(weights) as f32;
        let names = self.plan.group_names().len();
        let mut squares = vec![0.0; names];
        if names > 0 {
            let parameters = task.model.parameters();
            for (parameter, group) in parameters.iter().zip(self.plan.group_of_each(parameters)) {
                if let (Some(group), Some(weights)) = (group, weights.get(parameter.range())) {
                    squares[group] += norm(weights).powi(2);
                }
            }
        }
        if let Some(row) = self.log.rows.last_mut() {
            row.param_norm = Some(whole);
            row.groups.set_norms(squares.into_iter().map(|squares| squares.sqrt() as f32));
        }
    }
}
