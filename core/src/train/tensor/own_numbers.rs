//! Rates, decays and freezes of single parameters, in candle's operations.
//!
//! Parameters that made equally many steps are columns that the rule sees as a row of their own; frozen ones it does not
//! see.

use candle_core::{Device, Result, Tensor};

use super::Lane;
use crate::model::Parameter;
use crate::train::optimizer::{self, Lanes, Numbers, Rule};
use crate::train::task::Task;

/// What lanes of one pattern have in common beside the rule, over a stretch of updates.
pub(super) struct OwnNumbers<'a> {
    parameters: &'a [Parameter],
    /// The parameter of each number in a row.
    index: Tensor,
    /// What each weight's rate is multiplied by, `[L, P]`, where no lane has a schedule for a group.
    factors: Option<Tensor>,
    decays_evenly: bool,
    frozen: Vec<bool>,
    blocks: Vec<Block>,
}

/// Columns that the rule updates together.
struct Block {
    /// By their places among the model's.
    parameters: Vec<usize>,
    /// The same, as they lie side by side.
    own: Vec<Parameter>,
    /// Of each lane, the updates its parameters missed.
    missed: Vec<u64>,
    /// What the rule remembers of each lane's; nothing where it is what it remembers of the lane.
    scalars: Option<Vec<Vec<f64>>>,
}

impl<'a> OwnNumbers<'a> {
    /// Of lanes of one pattern (see [`pattern`]); nothing where all of their parameters are alike.
    pub fn of(task: &'a Task, lanes: &[&mut Lane], rule: &dyn Rule, device: &Device) -> Result<Option<Self>> {
        let parameters = task.model.parameters();
        let Some(first) = lanes.first() else { return Ok(None) };
        if lanes.iter().all(|lane| is_plain(lane)) {
            return Ok(None);
        }
        let frozen = first.frozen(parameters);
        let block = |places: &[usize]| {
            let mut offset = 0;
            let own = places.iter().filter_map(|at| parameters.get(*at)).map(|parameter| {
                let own = Parameter { offset, ..parameter.clone() };
                offset += parameter.len();
                own
            });
            Block {
                parameters: places.to_vec(),
                own: own.collect(),
                missed: vec![0; lanes.len()],
                scalars: None,
            }
        };
        let classes: Vec<Vec<_>> = lanes.iter().map(|lane| lane.classes(parameters)).collect();
        let mut blocks: Vec<Block> = Vec::new();
        for (lane, classes) in classes.iter().enumerate() {
            for (at, class) in classes.iter().enumerate() {
                if blocks.len() <= at {
                    blocks.push(Block { scalars: Some(Vec::new()), ..block(&class.parameters) });
                }
                if let Some(block) = blocks.get_mut(at) {
                    block.missed[lane] = class.missed;
                    block.scalars.iter_mut().for_each(|all| all.push(class.scalars.clone()));
                }
            }
        }
        if !rule.is_separable() && !frozen.is_empty() {
            let trained: Vec<usize> = (0..parameters.len()).filter(|at| !frozen[*at]).collect();
            blocks.push(block(&trained));
        }
        let has_own_schedules = lanes.iter().any(|lane| lane.plan.has_own_schedules());
        let places = (0_u32..).zip(parameters);
        let index: Vec<u32> = places.flat_map(|(at, own)| std::iter::repeat_n(at, own.len())).collect();
        let mut own = Self {
            parameters,
            index: Tensor::from_vec(index, task.model.width(), device)?,
            factors: None,
            decays_evenly: lanes.iter().all(|lane| lane.plan.decays_evenly()),
            frozen,
            blocks,
        };
        if !has_own_schedules {
            let factors = lanes.iter().map(|lane| lane.plan.rate_factors(parameters));
            own.factors = Some(own.spread(factors.map(|all| all.into_iter().flatten().collect()))?);
        }
        Ok(Some(own))
    }

    /// Numbers a parameter and lane as each weight has them, `[L, P]`.
    fn spread(&self, lanes: impl Iterator<Item = Vec<f64>>) -> Result<Tensor> {
        let rows: Vec<Vec<f64>> = lanes.collect();
        let count = rows.len();
        let values: Vec<f32> = rows.into_iter().flatten().map(|value| value as f32).collect();
        Tensor::from_vec(values, (count, self.parameters.len()), self.index.device())?
            .index_select(&self.index, 1)
    }

    /// The gradient without what is frozen.
    pub fn thawed(&self, gradient: Tensor) -> Result<Tensor> {
        if self.frozen.is_empty() {
            return Ok(gradient);
        }
        let own = self.parameters.iter().zip(&self.frozen).map(|(parameter, frozen)| {
            let own = gradient.narrow(1, parameter.offset, parameter.len())?;
            if *frozen { own.zeros_like() } else { Ok(own) }
        });
        Tensor::cat(&own.collect::<Result<Vec<_>>>()?, 1)
    }

    /// The weights after the update that comes `ahead` updates after the lanes' next one.
    pub fn update(
        &mut self,
        rule: &dyn Rule,
        (lanes, ahead): (&[&mut Lane], u64),
        updated: &mut Lanes<'_>,
        (weights, gradient): (&Tensor, &Tensor),
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let parameters = self.parameters;
        let mut numbers = updated.numbers.to_vec();
        let decays = if self.decays_evenly {
            None
        } else {
            let each = lanes.iter().zip(&numbers);
            Some(self.spread(each.map(|(lane, numbers)| lane.plan.weight_decays(parameters, numbers)))?)
        };
        let rates = match &self.factors {
            Some(factors) => factors.clone(),
            None => {
                let own = lanes.iter().zip(&mut numbers).map(|(lane, numbers)| {
                    let mut rates = vec![0.0; parameters.len()];
                    for (at, part) in lane.parts(parameters, ahead, numbers) {
                        rates[at] = part.lr;
                    }
                    // The rule multiplies by the lane's rate, which may be 0 where a group's is not.
                    if numbers.lr == 0.0 {
                        numbers.lr = rates.iter().copied().fold(0.0, f64::max);
                    }
                    let unit = if numbers.lr > 0.0 { numbers.lr } else { 1.0 };
                    rates.into_iter().map(|rate| rate / unit).collect()
                });
                let own: Vec<Vec<f64>> = own.collect();
                self.spread(own.into_iter())?
            }
        };
        if self.blocks.is_empty() && self.frozen.is_empty() {
            let mut whole = updated.columns_of(&numbers, parameters, (Some(&rates), decays.as_ref()), None);
            let new = rule.update_tensor(&mut whole, weights, gradient, buffers)?;
            updated.effective_lr = whole.effective_lr;
            return Ok(new);
        }
        // What is frozen stays.
        let split = |tensor: &Tensor| -> Result<Vec<Tensor>> {
            parameters.iter().map(|own| tensor.narrow(1, own.offset, own.len())).collect()
        };
        let mut all: Vec<Vec<Tensor>> = vec![split(weights)?];
        for buffer in buffers.iter() {
            all.push(split(buffer)?);
        }
        let mut blocks: Vec<&mut Block> = self.blocks.iter_mut().collect();
        // The longest trained one says what the rule makes of the rate.
        blocks.sort_by_key(|block| block.missed.first().copied());
        for block in blocks {
            let select = |tensor: &Tensor| {
                let own = block.parameters.iter().map(|at| {
                    let parameter = &parameters[*at];
                    tensor.narrow(1, parameter.offset, parameter.len())
                });
                Tensor::cat(&own.collect::<Result<Vec<_>>>()?, 1)
            };
            let own_steps =
                numbers.iter().zip(&block.missed).map(|(numbers, missed)| numbers.without(*missed));
            let numbers: Vec<Numbers> = own_steps.collect();
            let (weights, gradient, rates) = (select(weights)?, select(gradient)?, select(&rates)?);
            let decays = decays.as_ref().map(select).transpose()?;
            let mut own: Vec<Tensor> = buffers.iter().map(select).collect::<Result<_>>()?;
            let numbers_of = (Some(&rates), decays.as_ref());
            let mut part = updated.columns_of(&numbers, &block.own, numbers_of, block.scalars.as_deref_mut());
            let new = rule.update_tensor(&mut part, &weights, &gradient, &mut own)?;
            let effective = std::mem::take(&mut part.effective_lr);
            for (known, found) in updated.effective_lr.iter_mut().zip(effective) {
                *known = known.or(found);
            }
            for (new, all) in std::iter::once(&new).chain(&own).zip(&mut all) {
                for (at, parameter) in block.parameters.iter().zip(&block.own) {
                    all[*at] = new.narrow(1, parameter.offset, parameter.len())?;
                }
            }
        }
        let mut all = all.into_iter().map(|parts| Tensor::cat(&parts, 1)).collect::<Result<Vec<_>>>()?;
        for (buffer, new) in buffers.iter_mut().zip(all.drain(1..)) {
            *buffer = new;
        }
        all.pop().map_or_else(|| Ok(weights.clone()), Ok)
    }

    /// Tells the lanes what became of their parameters in so many updates.
    pub fn record(&self, lanes: &mut [&mut Lane], updates: u64) {
        for (at, lane) in lanes.iter_mut().enumerate() {
            let mut classes = lane.classes(self.parameters);
            for (class, block) in classes.iter_mut().zip(&self.blocks) {
                if let Some(scalars) = block.scalars.as_ref().and_then(|all| all.get(at)) {
                    class.scalars.clone_from(scalars);
                }
            }
            lane.went_on(&self.frozen, &classes, updates);
        }
    }
}

fn is_plain(lane: &Lane) -> bool {
    lane.plan.is_uniform() && !lane.has_parts()
}

/// What lanes must have in common to be trained together until the next turn: which parameters are frozen, and which made
/// equally many steps.
pub(in crate::train) fn pattern(task: &Task, lane: &Lane) -> (Vec<bool>, Vec<Vec<usize>>) {
    if is_plain(lane) {
        return (Vec::new(), Vec::new());
    }
    let parameters = task.model.parameters();
    let separable = optimizer::rule(lane.plan.kind).is_separable();
    let classes = if separable { lane.classes(parameters) } else { Vec::new() };
    (lane.frozen(parameters), classes.into_iter().map(|class| class.parameters).collect())
}
