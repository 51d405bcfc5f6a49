//! The same updates in candle's own operations: any device, all lanes of a group at once.
//!
//! The data lies on the device; parameters and buffers stay there over a whole chunk; losses and norms come back once, at
//! its end. On the CPU the fused lanes are many times faster; there this path is the oracle of tests.

mod own_numbers;
mod short;

use candle_core::{DType, Result, Tensor, Var};

use super::attack;
use super::lane::{Lane, Learned};
use super::optimizer::{self, Lanes, Numbers};
use super::task::Task;
use crate::experiment::WeightFormat;
use crate::model::Batch;
use crate::model::resident::Resident;
use crate::telemetry::{GroupRow, Row};
use own_numbers::OwnNumbers;
pub(super) use own_numbers::pattern;

/// Trains lanes of one optimizer kind that have done equally many updates, up to `to` updates.
/// `rows` is `[lanes, width]`, each a lane's parameters and then its buffers; the trained ones come back.
///
/// # Errors
/// When candle cannot run an operation on the device.
pub fn advance(
    task: &Task,
    data: &Resident,
    lanes: &mut [&mut Lane],
    rows: &Tensor,
    to: u64,
) -> Result<Tensor> {
    let Some(first) = lanes.first() else { return Ok(rows.clone()) };
    let (rule, width) = (optimizer::rule(first.plan.kind), task.model.width());
    let spare = rows.dim(1)? / width;
    let parameters = Var::from_tensor(&rows.narrow(1, 0, width)?.contiguous()?)?;
    let mut buffers: Vec<Tensor> =
        (1..spare).map(|at| rows.narrow(1, at * width, width)).collect::<Result<_>>()?;
    let mut own = OwnNumbers::of(task, lanes, rule, rows.device())?;
    let mut measured = Measured::default();
    let mut scalars: Vec<Vec<f64>> = lanes.iter().map(|lane| lane.scalars.clone()).collect();
    while lanes[0].update + (measured.updates() as u64) < to {
        let ahead = measured.updates() as u64;
        let numbers: Vec<Numbers> = lanes.iter().map(|lane| lane.numbers_after(ahead)).collect();
        let at = match rule.ahead() {
            Some(ahead) => Var::from_tensor(&buffers[ahead].contiguous()?)?,
            None => parameters.clone(),
        };
        let Gradients { loss, gradient, right, underflow } =
            loss_and_gradient(task, data, lanes, &at, ahead)?;
        let gradient =
            own.as_ref().map_or_else(|| Ok(gradient.clone()), |own| own.thawed(gradient.clone()))?;
        // A lane with a loss scale is alone, an update at a time.
        if let (Some(_), [lane]) = (task.loss_scale, &mut *lanes)
            && short::has_overflowed(&gradient)?
        {
            let only = |of: &Tensor| of.to_dtype(DType::F32)?.get(0)?.to_scalar::<f32>();
            let (right, underflow) = (right.as_ref().map(only), underflow.as_ref().map(only));
            let learned =
                Learned { loss: only(&loss)?, right: right.transpose()?, underflow: underflow.transpose()? };
            lane.leave_out(task, &learned);
            return Ok(rows.clone());
        }
        measured.underflow.extend(underflow);
        measured.right.extend(right);
        let groups = lanes.iter().zip(&numbers).map(|(lane, numbers)| lane.group_rates(task, ahead, numbers));
        measured.groups.push(groups.collect());
        let grad_norm = norm(&gradient)?;
        let gradient = match task.clip_norm {
            Some(clip) => {
                let factor = ((&grad_norm + 1e-6)?.recip()? * clip)?.minimum(1.0)?;
                gradient.broadcast_mul(&factor.unsqueeze(1)?)?
            }
            None => gradient,
        };
        let old = parameters.as_detached_tensor();
        let mut updated = Lanes {
            numbers: &numbers,
            scalars: &mut scalars,
            parameters: task.model.parameters(),
            rates: None,
            decays: None,
            device: rows.device(),
            effective_lr: vec![None; lanes.len()],
        };
        let exact = match &mut own {
            None => rule.update_tensor(&mut updated, &old, &gradient, &mut buffers)?,
            Some(own) => own.update(rule, (lanes, ahead), &mut updated, (&old, &gradient), &mut buffers)?,
        };
        measured.effective_lr.push(updated.effective_lr);
        let new = short::rounded(&exact, task, (lanes, ahead))?;
        let change = (&new - &old)?;
        if task.weights != WeightFormat::F32 {
            measured.rounded.push(short::rounded_away(&exact, &old, &change)?);
            measured.smallest_rates.push(short::smallest_rates(
                task,
                (lanes, ahead),
                &numbers,
                (&old, &exact),
            )?);
        }
        measured.push(numbers, loss, grad_norm, norm(&change)?);
        parameters.set(&new)?;
        // Whatever looks at the held-out samples or at a controller needs the numbers on this side.
        let ahead = measured.updates() as u64;
        if task.loss_scale.is_some() || lanes.iter().any(|lane| lane.evaluates_after(task, ahead)) {
            break;
        }
    }
    if let Some(own) = &own {
        own.record(lanes, measured.updates() as u64);
    }
    measured.record(task, lanes)?;
    for (lane, scalars) in lanes.iter_mut().zip(scalars) {
        lane.scalars = scalars;
    }
    let mut parts = vec![parameters.as_detached_tensor()];
    parts.append(&mut buffers);
    Tensor::cat(&parts, 1)
}

/// What the updates of a chunk measured, still on the device.
#[derive(Default)]
struct Measured {
    numbers: Vec<Vec<Numbers>>,
    /// What the parameter groups used.
    groups: Vec<Vec<GroupRow>>,
    losses: Vec<Tensor>,
    grad_norms: Vec<Tensor>,
    update_norms: Vec<Tensor>,
    /// The rates that the rule made of the lanes'.
    effective_lr: Vec<Vec<Option<f64>>>,
    /// Of the weights that were to change, the share that rounding kept where they were; only where weights are rounded.
    rounded: Vec<Tensor>,
    /// Of the gradients' numbers that were not 0, the share that are; only where gradients are rounded.
    underflow: Vec<Tensor>,
    /// The share of the samples that was predicted right before the update; only where the data has phases.
    right: Vec<Tensor>,
    /// The smallest useful rates, at updates where some lane measures its own.
    smallest_rates: Vec<Vec<Option<f64>>>,
}

impl Measured {
    fn updates(&self) -> usize {
        self.numbers.len()
    }

    fn push(&mut self, numbers: Vec<Numbers>, loss: Tensor, grad_norm: Tensor, update_norm: Tensor) {
        self.numbers.push(numbers);
        self.losses.push(loss);
        self.grad_norms.push(grad_norm);
        self.update_norms.push(update_norm);
    }

    fn record(self, task: &Task, lanes: &mut [&mut Lane]) -> Result<()> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        let read = |tensors: &[Tensor]| Tensor::stack(tensors, 0)?.to_dtype(DType::F32)?.to_vec2::<f32>();
        let (losses, grads, steps) =
            (read(&self.losses)?, read(&self.grad_norms)?, read(&self.update_norms)?);
        let some = |all: &[Tensor]| if all.is_empty() { Ok(None) } else { read(all).map(Some) };
        let (rounded, underflow, right) = (some(&self.rounded)?, some(&self.underflow)?, some(&self.right)?);
        for (at, numbers) in self.numbers.iter().enumerate() {
            for (lane, numbers) in numbers.iter().enumerate() {
                let update = lanes[lane].update;
                let row = Row {
                    update,
                    groups: self.groups[at][lane],
                    lr: numbers.lr,
                    momentum: numbers.momentum(),
                    weight_decay: Some(numbers.weight_decay()),
                    batch: Some(lanes[lane].samples(task)),
                    train_loss: losses[at][lane],
                    val_loss: None,
                    val_accuracy: None,
                    prequential_loss: None,
                    prequential_accuracy: right.as_ref().map(|share| share[at][lane].into()),
                    loss_spread: None,
                    member_drift: None,
                    member_cosine: None,
                    robust_accuracy: None,
                    clean_accuracy: None,
                    noisy_accuracy: None,
                    grad_norm: grads[at][lane],
                    update_norm: steps[at][lane],
                    effective_lr: self.effective_lr[at][lane],
                    param_norm: None,
                    rounded_away: rounded.as_ref().map(|rounded| rounded[at][lane]),
                    loss_scale: lanes[lane].note_scale(false),
                    grad_underflow: underflow.as_ref().map(|share| share[at][lane]),
                    smallest_rate: self
                        .smallest_rates
                        .get(at)
                        .and_then(|rates| rates.get(lane).copied().flatten()),
                };
                lanes[lane].record(task, row);
            }
        }
        Ok(())
    }
}

/// What lanes learn from in an update.
struct Gradients {
    /// Each lane's mean loss, `[L]`.
    loss: Tensor,
    /// `[L, P]`.
    gradient: Tensor,
    /// The share of the samples that is predicted right, `[L]`, where the data has phases.
    right: Option<Tensor>,
    /// Of the gradient's numbers the share that became 0, `[L]`, where they are rounded.
    underflow: Option<Tensor>,
}

impl Gradients {
    /// With the loss scale taken out of what was stored.
    fn of(
        loss: Tensor,
        gradient: Tensor,
        right: Option<Tensor>,
        stored: Option<short::Stored>,
    ) -> Result<Self> {
        Ok(match stored {
            None => Self { loss, gradient, right, underflow: None },
            Some(stored) => {
                Self { loss, gradient: stored.unscaled(&gradient)?, right, underflow: Some(stored.share()?) }
            }
        })
    }
}

/// Each lane's loss and gradient over its micro-batches.
fn loss_and_gradient(
    task: &Task,
    data: &Resident,
    lanes: &mut [&mut Lane],
    parameters: &Var,
    ahead: u64,
) -> Result<Gradients> {
    let dealt: Vec<Vec<u32>> = lanes.iter_mut().map(|lane| lane.deal_ahead(task, ahead)).collect();
    // The lanes are at the same update, so a short batch is as short for all of them.
    let size = if task.short_batch.is_some() { dealt.first().map_or(0, Vec::len) } else { task.batch }.max(1);
    let counts: Vec<usize> = dealt.iter().map(|rows| rows.len() / size).collect();
    let column = |of: &dyn Fn(usize) -> f32| {
        let numbers: Vec<f32> = counts.iter().map(|count| of(*count)).collect();
        Tensor::from_vec(numbers, counts.len(), parameters.device())
    };
    let mut sums: Option<(Tensor, Tensor)> = None;
    let is_paid = task.stream.is_some() && task.has_accuracy();
    let (at, mut right) = (parameters.as_detached_tensor(), None::<Tensor>);
    let mut stored = short::Stored::of(task, lanes, &counts, parameters.device())?;
    let most = counts.iter().copied().max().unwrap_or(0);
    for micro in 0..most {
        // A lane with fewer micro-batches goes through its last again, which then does not count.
        let batches: Vec<_> = dealt
            .iter()
            .filter_map(|rows| rows.chunks_exact(size).take(micro + 1).next_back())
            .map(|rows| task.training(rows))
            .collect();
        // Attacked samples take the place of a micro-batch's own.
        let attack = task.attack.filter(|attack| attack.train);
        let attacked =
            attack.map(|attack| attack::attacked(&*task.model, &attack, &at, data, &batches)).transpose()?;
        let own = if attacked.is_some() { attack::rows(&batches) } else { Vec::new() };
        let own = own.iter().zip(&batches).map(|(rows, batch)| Batch { rows, ..*batch });
        let (data, batches) = match &attacked {
            Some(attacked) => (attacked, own.collect()),
            None => (data, batches.clone()),
        };
        let loss = task.model.loss_tensor(parameters.as_tensor(), data, &batches)?;
        // The lanes do not touch each other, so the gradient of the sum is each lane's own.
        let gradients = loss.sum_all()?.backward()?;
        let Some(gradient) = gradients.get(parameters.as_tensor()) else {
            candle_core::bail!("the loss does not depend on the parameters");
        };
        let (mut loss, mut gradient) = (loss.detach(), gradient.detach());
        let counted = column(&|count| f32::from(u8::from(micro < count)))?;
        if let Some(stored) = &mut stored {
            gradient = stored.store(&gradient, &counted)?;
        }
        let found = if is_paid { task.model.right_tensor(&at, data, &batches)? } else { None };
        if let Some(found) = found {
            let found = (found.to_dtype(DType::F32)? * &counted)?;
            right = Some(right.map_or_else(|| Ok(found.clone()), |right| right + &found)?);
        }
        if most == 1 {
            return Gradients::of(loss, gradient, right, stored);
        }
        loss = (loss * &counted)?;
        gradient = gradient.broadcast_mul(&counted.unsqueeze(1)?)?;
        sums = Some(match sums {
            None => (loss, gradient),
            Some((losses, gradients)) => ((losses + loss)?, (gradients + gradient)?),
        });
    }
    match sums {
        Some((loss, gradient)) => {
            let share = column(&|count| 1.0 / count as f32)?;
            let right = right.map(|right| right * &share).transpose()?;
            let gradient = match &stored {
                // It was stored with its share.
                Some(_) => gradient,
                None => gradient.broadcast_mul(&share.unsqueeze(1)?)?,
            };
            Gradients::of((loss * &share)?, gradient, right, stored)
        }
        None => candle_core::bail!("an update needs at least one micro-batch"),
    }
}

/// The Euclidean norm of each row, `[L]`.
fn norm(rows: &Tensor) -> Result<Tensor> {
    rows.sqr()?.sum(1)?.sqrt()
}
