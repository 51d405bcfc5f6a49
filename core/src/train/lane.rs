//! One row of the cohort: a run under one seed, and everything that makes its next update.

mod evaluate;
mod gradient;
mod parts;
mod rounding;
mod state;
mod together;

use std::sync::Arc;

pub(super) use gradient::{Learned, inverse};
use parts::PartState;
pub use state::LaneState;

use super::control::Control;
use super::ids::LaneId;
use super::optimizer::{self, Memory, Numbers};
use super::plan::Plan;
use super::run_plan::RunPlan;
use super::scaler::{ScaleChange, Scaler};
use super::snapshot::Keeper;
use super::stopper::{Stopped, Stopper};
use super::stream::Phased;
use super::task::Task;
use super::team::Team;
use crate::data::epoch_order;
use crate::experiment::WeightFormat;
use crate::model::Score;
use crate::model::kernel::scratch::Scratch;
use crate::schedule::controller::Change;
use crate::telemetry::{GroupNames, Row, Validation};

/// A lane between two updates.
pub struct Lane {
    pub id: LaneId,
    /// What it follows over its whole life.
    pub run_plan: Arc<RunPlan>,
    /// The run_plan's plan of the next update.
    pub plan: Arc<Plan>,
    /// Updates done.
    pub update: u64,
    seed: u64,
    /// The update at which the schedule began.
    schedule_from: u64,
    /// The update at which the optimizer's buffers began, later by each update that was left out since.
    optimizer_from: u64,
    /// Micro-batches dealt beyond those that updates of the experiment's own batch would have taken.
    extra: i64,
    controller: Option<Control>,
    /// What the optimizer remembers beside its buffers.
    pub(super) scalars: Vec<f64>,
    /// What is known of each parameter once some were frozen; empty before.
    parts: Vec<PartState>,
    /// The training loss summed over the epoch so far, for controllers that watch it.
    epoch_loss: (f64, u64),
    /// The newest validation of the epoch so far.
    epoch_score: Option<Score>,
    /// The newest validation loss.
    val_loss: Option<f64>,
    order: Vec<u32>,
    /// The epoch that the order is of, in a stretch of the stream.
    order_epoch: Option<(usize, u64)>,
    /// The losses of all batches so far, each from before it was learned, summed; where the data has phases.
    seen: (f64, u64),
    /// The shares of those batches that were predicted right, summed; nothing once one of them was not measured.
    seen_right: Option<f64>,
    /// The names of the columns of phases, or of members.
    beside: GroupNames,
    gradient: Vec<f32>,
    micro: Vec<f32>,
    scratch: Scratch,
    /// The snapshots and averages of the weights, where the experiment asks for them.
    pub keeper: Option<Keeper>,
    /// What was measured since the last time somebody asked.
    pub log: Log,
    /// The first update with a loss that is no number.
    pub diverged_at: Option<u64>,
    /// Why the lane cannot go on.
    pub failed: Option<String>,
    /// Where the experiment stops runs early.
    pub(super) stopper: Option<Stopper>,
    /// The loss scale, where the experiment has one.
    scaler: Option<Scaler>,
    /// Who trains the lane together, where several do.
    pub(super) team: Option<Box<Team>>,
}

/// What a lane measured, waiting to be read.
#[derive(Default)]
pub struct Log {
    pub rows: Vec<Row>,
    /// The names of the rows' parameter groups, each from a row on.
    names: Vec<(usize, GroupNames)>,
    /// The first update after a controller changed the rate, and the change.
    pub rate_changes: Vec<(u64, Change)>,
    pub diverged: Option<u64>,
    /// The run was stopped before its end.
    pub stopped: Option<Stopped>,
    /// Updates that were left out because their gradients overflowed, or after which the loss scale grew.
    pub scale_changes: Vec<(u64, ScaleChange)>,
    /// Of a model of two weights: where it stood after so many updates.
    pub places: Vec<(u64, [f32; 2])>,
}

impl Log {
    /// The evaluations among the rows.
    pub fn validations(&self) -> impl DoubleEndedIterator<Item = Validation> + '_ {
        self.rows.iter().filter_map(Row::validation)
    }

    /// The rows in stretches whose parameter groups have the same names.
    pub fn stretches(&self) -> impl Iterator<Item = (&[Row], &GroupNames)> {
        let ends = self.names.iter().skip(1).map(|(from, _)| *from).chain([self.rows.len()]);
        (self.names.iter().zip(ends))
            .map(|((from, names), end)| (self.rows.get(*from..end).unwrap_or_default(), names))
    }

    /// From the next row on the groups have these names.
    fn name_groups(&mut self, names: &GroupNames) {
        match self.names.last_mut() {
            Some((_, known)) if known == names => {}
            Some((from, known)) if *from == self.rows.len() => known.clone_from(names),
            _ => self.names.push((self.rows.len(), Arc::clone(names))),
        }
    }

    /// Forgets what was read; the memory stays.
    pub fn clear(&mut self) {
        self.names = self.names.pop().map(|(_, names)| (0, names)).into_iter().collect();
        self.rows.clear();
        self.rate_changes.clear();
        self.diverged = None;
        self.stopped = None;
        self.scale_changes.clear();
        self.places.clear();
    }
}

/// The names of parameter groups, then those of phases or members.
fn called(groups: &GroupNames, beside: &GroupNames) -> GroupNames {
    if beside.is_empty() { Arc::clone(groups) } else { groups.iter().chain(&**beside).cloned().collect() }
}

impl Lane {
    /// A lane at update 0; [`Lane::initialise`] gives its row weights.
    pub fn new(id: LaneId, run_plan: Arc<RunPlan>, task: &Task) -> Self {
        let width = task.model.width();
        let plan = Arc::clone(run_plan.plan(0));
        let controller = plan.control.clone();
        let mut log = Log::default();
        let beside = match (&task.stream, &task.team) {
            (Some(stream), _) => Arc::clone(stream.names()),
            (None, Some(team)) => Arc::clone(&team.names),
            (None, None) => GroupNames::default(),
        };
        log.name_groups(&called(plan.group_names(), &beside));
        Self {
            id,
            run_plan,
            plan,
            update: 0,
            seed: task.seed.wrapping_add(u64::from(id.replica)),
            schedule_from: 0,
            optimizer_from: 0,
            extra: 0,
            controller,
            scalars: Vec::new(),
            parts: Vec::new(),
            epoch_loss: (0.0, 0),
            epoch_score: None,
            val_loss: None,
            order: Vec::new(),
            order_epoch: None,
            seen: (0.0, 0),
            seen_right: Some(0.0),
            beside,
            gradient: vec![0.0; width],
            micro: Vec::new(),
            scratch: task.model.scratch(task.scratch_samples()),
            keeper: None,
            log,
            diverged_at: None,
            failed: None,
            stopper: task.stop.map(Stopper::new),
            scaler: task.loss_scale.map(Scaler::new),
            team: task.team.as_ref().map(|shared| Box::new(Team::new(shared))),
        }
    }

    /// Back to update 0: fresh weights from the lane's seed, empty buffers.
    pub fn initialise(&mut self, task: &Task, row: &mut [f32]) {
        row.fill(0.0);
        self.plan = Arc::clone(self.run_plan.plan(0));
        let (parameters, buffers) = row.split_at_mut(task.model.width());
        task.initialise(self.seed, self.id.replica, parameters);
        self.update = 0;
        self.schedule_from = 0;
        self.begin(parameters, buffers);
        if let Some(team) = &mut self.team {
            team.begin(task, self.seed, parameters, self.plan.buffers);
        }
        self.extra = 0;
        if let Some(keeper) = &mut self.keeper {
            keeper.clear();
        }
        self.controller = self.plan.control.clone();
        self.epoch_loss = (0.0, 0);
        self.epoch_score = None;
        self.val_loss = None;
        self.log = Log::default();
        self.name_groups();
        (self.seen, self.seen_right) = ((0.0, 0), Some(0.0));
        self.stand(&row[..task.model.width()]);
        self.diverged_at = None;
        self.failed = None;
        self.stopper = task.stop.map(Stopper::new);
        self.scaler = task.loss_scale.map(Scaler::new);
    }

    /// Empties the optimizer's buffers, which then begin at these weights.
    pub fn begin(&mut self, parameters: &[f32], buffers: &mut [f32]) {
        buffers.fill(0.0);
        self.optimizer_from = self.update;
        let rule = optimizer::rule(self.plan.kind);
        let numbers = self.numbers_after(0);
        self.scalars = vec![0.0; rule.scalars()];
        self.parts.clear();
        if let Some(team) = &mut self.team {
            team.empty_buffers(self.plan.buffers);
        }
        let buffers = optimizer::split(self.plan.buffers, parameters.len(), buffers);
        rule.start(&numbers, parameters, Memory { buffers, scalars: &mut self.scalars });
    }

    /// Another run plan from the next update on. As [`Lane::turn`], returns whether the buffers are to be emptied.
    #[must_use]
    pub fn follow(&mut self, run_plan: Arc<RunPlan>) -> bool {
        self.run_plan = run_plan;
        self.turn()
    }

    /// Puts the plan of the next update in effect; what the controller has learned stays while its rule does.
    /// Returns whether the buffers are another optimizer's: the caller empties them.
    #[must_use]
    pub fn turn(&mut self) -> bool {
        let plan = Arc::clone(self.run_plan.plan(self.update));
        if Arc::ptr_eq(&plan, &self.plan) {
            return false;
        }
        if plan.control != self.plan.control {
            self.controller = plan.control.clone();
        }
        let other = plan.kind != self.plan.kind;
        self.plan = plan;
        self.name_groups();
        other
    }

    /// Tells the log what the columns of groups and phases are called from here on.
    fn name_groups(&mut self) {
        self.log.name_groups(&called(self.plan.group_names(), &self.beside));
    }

    /// The gradient that the last update used, after clipping.
    pub fn gradient(&self) -> &[f32] {
        &self.gradient
    }

    /// The controller, for display.
    pub fn controller(&self) -> Option<&Control> {
        self.controller.as_ref()
    }

    /// Lets an update use so many cores of the pool that calls; what it gives is the same, bit for bit.
    pub fn spread(&mut self, cores: usize) {
        if cores != self.scratch.cores() {
            self.scratch.spread(cores);
        }
    }

    /// Trains up to `to` updates done. `row` holds the parameters, then the optimizer's buffers.
    pub fn advance(&mut self, task: &Task, row: &mut [f32], to: u64) {
        let width = task.model.width();
        let (parameters, buffers) = row.split_at_mut(width);
        if self.team.is_some() {
            return self.advance_together(task, parameters, to);
        }
        while self.update < to && !self.has_stopped() {
            self.one_update(task, parameters, buffers);
        }
    }

    fn one_update(&mut self, task: &Task, parameters: &mut [f32], buffers: &mut [f32]) {
        let rule = optimizer::rule(self.plan.kind);
        let buffers = optimizer::split(self.plan.buffers, parameters.len(), buffers);
        // Schedule-free training looks ahead of the weights that it averages.
        let at = rule.ahead().map_or(&*parameters, |ahead| &*buffers[ahead]);
        let learned = self.accumulated_gradient(task, at);
        let frozen = self.frozen(task.model.parameters());
        self.freeze_gradient(task.model.parameters(), &frozen);
        if self.has_overflowed() {
            self.leave_out(task, &learned);
            return self.finish(task, parameters);
        }
        let arch = pulp::Arch::new();
        let whole_norm = task.clip_norm.map(|clip| {
            let norm = optimizer::norm(arch, self.scratch.cores(), &self.gradient);
            if norm > clip {
                // PyTorch's clip_grad_norm_ divides by the norm plus 1e-6.
                optimizer::scale(arch, &mut self.gradient, (clip / (norm + 1e-6)) as f32);
            }
            norm
        });
        if let Some(mut control) = self.controller.take() {
            let numbers = self.numbers_after(0);
            control.follow(numbers.lr, || rule.alignment(&numbers, &self.gradient, &buffers));
            self.controller = Some(control);
        }
        let numbers = self.numbers_after(0);
        let groups = self.group_rates(task, 0, &numbers);
        let smallest_rate = self.smallest_rate(task, &numbers, &frozen, parameters, &buffers);
        let store = self.store(task, 0);
        let applied = self.apply(task, (&numbers, store), &frozen, parameters, buffers);
        let row = Row {
            update: self.update,
            groups,
            lr: numbers.lr,
            momentum: numbers.momentum(),
            weight_decay: Some(numbers.weight_decay()),
            batch: Some(self.samples(task)),
            train_loss: learned.loss,
            // Measured once the update is done, where that is due.
            val_loss: None,
            val_accuracy: None,
            prequential_loss: None,
            prequential_accuracy: learned.right.map(f64::from),
            loss_spread: None,
            member_drift: None,
            member_cosine: None,
            robust_accuracy: None,
            clean_accuracy: None,
            noisy_accuracy: None,
            grad_norm: whole_norm.unwrap_or(applied.gradient_norm) as f32,
            update_norm: applied.update_norm as f32,
            effective_lr: applied.effective_lr,
            param_norm: None,
            rounded_away: (task.weights != WeightFormat::F32).then(|| applied.share_rounded_away()),
            smallest_rate,
            loss_scale: self.note_scale(false),
            grad_underflow: learned.underflow,
        };
        self.record(task, row);
        self.finish(task, parameters);
    }

    /// What follows an update that was made.
    fn finish(&mut self, task: &Task, parameters: &mut [f32]) {
        self.evaluate(task, parameters);
        if let Some(best) = self.result() {
            parameters.copy_from_slice(best);
        }
    }

    /// The optimizer's numbers for the update that comes `ahead` updates after the next one.
    pub fn numbers_after(&self, ahead: u64) -> Numbers {
        let update = self.update + ahead;
        let mut numbers = self.plan.numbers(update - self.schedule_from, self.controller.as_ref());
        numbers.update = update - self.optimizer_from;
        numbers
    }

    /// How many micro-batches the update is made of that comes `ahead` updates after the next one.
    fn micro_batches(&self, task: &Task, ahead: u64) -> u64 {
        task.micro_batches_at(&self.plan, self.update + ahead - self.schedule_from)
    }

    /// Micro-batches dealt so far: where in the data the lane is.
    fn dealt(&self, task: &Task) -> u64 {
        (self.update * task.accumulate as u64).saturating_add_signed(self.extra)
    }

    /// What decides which samples the next updates see: its seed, and where in the data it is.
    pub fn stands(&self, task: &Task) -> (u64, u64) {
        (self.seed, self.dealt(task))
    }

    /// The samples over which the next update averages.
    pub fn samples(&self, task: &Task) -> u64 {
        match task.short_batch {
            Some(_) => task.samples_of(self.dealt(task)) as u64,
            None => task.samples_at(&self.plan, self.update - self.schedule_from),
        }
    }

    /// The samples of the update that comes `ahead` updates after the next one, one micro-batch after the other.
    pub fn deal_ahead(&mut self, task: &Task, ahead: u64) -> Vec<u32> {
        let skipped: u64 = (0..ahead).map(|ahead| self.micro_batches(task, ahead)).sum();
        let before = self.dealt(task) + skipped;
        let mut rows = Vec::new();
        for at in before..before + self.micro_batches(task, ahead) {
            let range = self.deal(task, at, self.update + ahead);
            rows.extend_from_slice(&self.order[range]);
        }
        rows
    }

    /// Where in its epoch's order the samples of a micro-batch are; the order is made when it is another
    /// epoch's.
    fn deal(&mut self, task: &Task, micro_batch: u64, update: u64) -> std::ops::Range<usize> {
        if let Some(stream) = &task.stream {
            return self.deal_phase(task, stream, micro_batch, update);
        }
        let per_epoch = task.micro_batches.per_epoch;
        let epoch = micro_batch / per_epoch;
        if self.order_epoch != Some((0, epoch)) {
            epoch_order(self.seed, epoch, task.samples, &mut self.order);
            self.order_epoch = Some((0, epoch));
        }
        let start = (micro_batch % per_epoch) as usize * task.batch;
        start..start + task.samples_of(micro_batch)
    }

    /// The same where the data has phases: each stretch of the stream has epochs of its own.
    fn deal_phase(
        &mut self,
        task: &Task,
        stream: &Phased,
        micro_batch: u64,
        update: u64,
    ) -> std::ops::Range<usize> {
        let (at, segment) = stream.segment(update);
        let per_epoch = (segment.samples / task.batch).max(1) as u64;
        let dealt = micro_batch.saturating_sub(segment.from * task.accumulate as u64);
        let epoch = dealt / per_epoch;
        if self.order_epoch != Some((at, epoch)) {
            // No two stretches have an epoch of the same number, so none repeats the order of another.
            epoch_order(self.seed, ((at as u64) << 48) | epoch, segment.samples, &mut self.order);
            self.order.iter_mut().for_each(|row| *row += segment.first);
            self.order_epoch = Some((at, epoch));
        }
        let start = (dealt % per_epoch) as usize * task.batch;
        start..start + task.batch
    }

    /// Whether it was stopped before its end.
    pub fn has_stopped(&self) -> bool {
        self.stopper.as_ref().is_some_and(Stopper::has_stopped)
    }

    /// How it was stopped before its end, where it was.
    pub fn stopped(&self, task: &Task) -> Option<Stopped> {
        self.stopper.as_ref()?.stopped(self.update, task.clock.updates)
    }

    /// Whether it can make another update before the end of the run.
    pub fn can_train(&self) -> bool {
        self.failed.is_none() && !self.has_stopped()
    }

    /// The weights to put back, where it was just stopped and its best ones are the result.
    pub(super) fn result(&self) -> Option<&[f32]> {
        self.stopper.as_ref()?.result()
    }

    /// Takes note of an update that is done; `row.update` is the lane's, and its prequential accuracy that of its own batch.
    pub fn record(&mut self, task: &Task, mut row: Row) {
        self.extra += self.micro_batches(task, 0) as i64 - task.accumulate as i64;
        if !row.train_loss.is_finite() && self.diverged_at.is_none() {
            self.diverged_at = Some(row.update);
            self.log.diverged = Some(row.update);
        }
        self.epoch_loss.0 += f64::from(row.train_loss);
        self.epoch_loss.1 += 1;
        if task.stream.is_some() {
            self.seen = (self.seen.0 + f64::from(row.train_loss), self.seen.1 + 1);
            row.prequential_loss = Some(self.seen.0 / self.seen.1 as f64);
            self.seen_right = self.seen_right.zip(row.prequential_accuracy).map(|(sum, own)| sum + own);
            row.prequential_accuracy = self.seen_right.map(|sum| sum / self.seen.1 as f64);
        }
        self.log.rows.push(row);
        self.update += 1;
    }

    /// The model's outputs at inputs that are in no data set.
    pub fn predict(&mut self, task: &Task, parameters: &[f32], inputs: &[f32], width: usize) -> Vec<f32> {
        let outputs = task.model.outputs();
        let rows: Vec<u32> = (0..(inputs.len() / width.max(1)) as u32).collect();
        let mut predictions = vec![0.0; rows.len() * outputs];
        let most = task.scratch_samples();
        for (rows, out) in rows.chunks(most).zip(predictions.chunks_mut(most * outputs)) {
            let inputs = crate::model::Inputs::Dense { values: inputs, width };
            let batch = crate::model::Batch { inputs, rows, ..task.training(rows) };
            task.model.predict(parameters, batch, out, &mut self.scratch);
        }
        predictions
    }
}
