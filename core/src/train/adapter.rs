//! Lanes on a graphics adapter of any maker: many updates of all of them in one dispatch, a workgroup a lane.
//!
//! Schedules stay where they are, in `f64`: a dispatch is given each lane's samples and the numbers its optimizer's
//! steps are made of, and gives back the rows and what was measured. Rows are the cohort's own between two dispatches,
//! so whatever happens to the device, nothing is lost but the dispatch it happened in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::cast_slice;

use super::control::Control;
use super::lane::Lane;
use super::optimizer::{self, COEFFICIENTS, Numbers, Step};
use super::task::Task;
use crate::experiment::WeightFormat;
use crate::gpu::GpuError;
use crate::gpu::compute::{Computer, Dispatch, Program, Stored};
use crate::model::{Inputs, Targets, Wgsl};
use crate::telemetry::Row;

/// A lane's updates around its model's and its optimizer's part.
const LANE: &str = include_str!("../../shaders/train_lane.wgsl");
/// What an update measures: loss, gradient's norm, norm of the change.
const MEASURED: usize = 3;
/// A dispatch takes about this long: the interface draws between two, and no driver takes it for a hang.
const DISPATCH: Duration = Duration::from_millis(30);
/// The most updates of one dispatch.
const MOST_UPDATES: u64 = 1024;

/// A task brought to an adapter.
pub struct Adapted {
    computer: Arc<Computer>,
    model: Wgsl,
    inputs: Stored,
    answers: Stored,
    /// Compiled shaders, by the optimizer's step, its buffers and where gradients are taken.
    programs: HashMap<(&'static str, usize, usize, usize), Program>,
    /// Updates that a dispatch makes, as measured.
    updates: u64,
}

/// What a dispatch was prepared of: a lane's numbers, update after update.
struct Prepared {
    numbers: Vec<Numbers>,
    steps: Vec<Step>,
    scalars: Vec<f64>,
}

impl Adapted {
    /// # Errors
    /// Why this task cannot be trained there, in words.
    pub fn new(task: &Task, computer: &Arc<Computer>) -> Result<Self, String> {
        let is_short = [task.weights, task.gradients].iter().any(|format| *format != WeightFormat::F32);
        if task.noise.is_some() || is_short {
            return Err("noise of a surface and rounded weights or gradients are on the CPU only".into());
        }
        if task.attack.is_some_and(|attack| attack.train) {
            return Err("training on attacked samples is not written for graphics adapters".into());
        }
        if task.team.is_some() {
            return Err("clients and workers train on the CPU only".into());
        }
        if task.short_batch.is_some() {
            return Err("the short batch that drop_last = false keeps is on the CPU only".into());
        }
        let batch = task.training(&[]);
        let model = task.model.wgsl(task.batch, batch.targets).ok_or(
            "of the models only the fully connected one, of numbers, is written for graphics adapters",
        )?;
        let Inputs::Dense { values, .. } = batch.inputs else {
            return Err("texts are read on the CPU only".into());
        };
        let bytes: &[u8] = match batch.targets {
            Targets::Classes(labels) => cast_slice(labels),
            Targets::Values { values, .. } => cast_slice(values),
            Targets::NextCharacter => return Err("texts are read on the CPU only".into()),
        };
        let stored = |bytes: &[u8]| computer.store(bytes).map_err(|error| error.to_string());
        let (inputs, answers) = (stored(cast_slice(values))?, stored(bytes)?);
        let adapted = Self {
            computer: Arc::clone(computer),
            model,
            inputs,
            answers,
            programs: HashMap::new(),
            updates: 1,
        };
        let most = adapted.most_lanes(task, task.model.width() * (1 + optimizer::MOST_BUFFERS), 1);
        if most == 0 {
            return Err("a lane of this model does not fit the graphics adapter's memory".into());
        }
        Ok(adapted)
    }

    /// Working memory of a lane, in numbers: the model's, then the gradient.
    fn scratch(&self, task: &Task) -> usize {
        self.model.scratch + task.model.width()
    }

    /// How many lanes a dispatch can hold of rows of `stride` numbers.
    fn most_lanes(&self, task: &Task, stride: usize, updates: u64) -> usize {
        let samples = updates as usize * task.batch * task.accumulate;
        let widest = self.scratch(task).max(stride).max(samples).max(updates as usize * COEFFICIENTS);
        (self.computer.most_bytes() / (4 * widest.max(1) as u64)) as usize
    }

    /// Makes updates of the lanes at `group`, which have one optimizer and are equally far, up to `goal` or to where
    /// one of them is to be evaluated. `rows` are those of all lanes.
    ///
    /// # Errors
    /// When the device is lost; lanes and rows are then as after the last whole dispatch.
    pub fn advance(
        &mut self,
        task: &Task,
        lanes: &mut [Lane],
        rows: &mut [f32],
        group: &[usize],
        goal: u64,
    ) -> Result<(), GpuError> {
        let Some(first) = group.first().and_then(|&at| lanes.get(at)) else { return Ok(()) };
        let stride = rows.len() / lanes.len().max(1);
        let (begun, kind) = (first.update, first.plan.kind);
        let most = (goal - begun).min(self.updates).max(1);
        let is_seen = |ahead: &u64| group.iter().any(|&at| lanes[at].evaluates_after(task, *ahead));
        let updates = (1..most).find(is_seen).unwrap_or(most);
        let block = self.most_lanes(task, stride, updates).clamp(1, 65_535);
        let start = Instant::now();
        for group in group.chunks(block) {
            let mut own: Vec<f32> = Vec::with_capacity(group.len() * stride);
            let mut order: Vec<u32> = Vec::new();
            let mut coefficients: Vec<f32> = Vec::new();
            let mut prepared = Vec::with_capacity(group.len());
            for &at in group {
                own.extend_from_slice(&rows[at * stride..(at + 1) * stride]);
                let lane = &mut lanes[at];
                (0..updates).for_each(|ahead| order.extend(lane.deal_ahead(task, ahead)));
                let lane = prepare(lane, updates);
                lane.steps.iter().for_each(|step| coefficients.extend(step.coefficients));
                prepared.push(lane);
            }
            let Some(step) = prepared.first().and_then(|lane| lane.steps.first()) else { return Ok(()) };
            let mut measured = vec![0.0; group.len() * updates as usize * MEASURED];
            let key = (step.text, lanes[group[0]].plan.buffers, ahead_of(kind), stride);
            if !self.programs.contains_key(&key) {
                let program = self.computer.program(&self.shader(task, key))?;
                self.programs.insert(key, program);
            }
            let Some(program) = self.programs.get(&key) else { return Ok(()) };
            self.computer.run(Dispatch {
                program,
                lanes: group.len() as u32,
                uniform: [updates as u32, (task.clip_norm.unwrap_or(0.0) as f32).to_bits(), 0, 0],
                rows: &mut own,
                scratch: group.len() * self.scratch(task),
                stored: [&self.inputs, &self.answers],
                order: &order,
                coefficients: &coefficients,
                measured: &mut measured,
            })?;
            let each = updates as usize * MEASURED;
            let found = own.chunks_exact(stride).zip(measured.chunks_exact(each));
            for ((&at, lane), (row, measured)) in group.iter().zip(prepared).zip(found) {
                rows[at * stride..(at + 1) * stride].copy_from_slice(row);
                record(task, &mut lanes[at], lane, measured);
            }
        }
        // How many updates a dispatch makes changes no bit of them.
        let share = DISPATCH.as_secs_f64() / start.elapsed().as_secs_f64().max(1e-6);
        let wished = (updates as f64 * share.min(4.0)) as u64;
        self.updates = wished.clamp(1, MOST_UPDATES);
        Ok(())
    }

    /// The shader of lanes with this step, so many buffers, gradients taken at those weights, and rows so long.
    fn shader(&self, task: &Task, (step, buffers, at, stride): (&str, usize, usize, usize)) -> String {
        let constants = [
            ("STRIDE", stride),
            ("WIDTH", task.model.width()),
            ("AT", at * task.model.width()),
            ("BUFFERS", buffers),
            ("BATCH", task.batch),
            ("MICRO_BATCHES", task.accumulate),
            ("SCRATCH", self.scratch(task)),
            ("GRADIENT", self.model.scratch),
            ("COEFFICIENTS", COEFFICIENTS),
        ];
        let constants: String =
            constants.iter().map(|(name, value)| format!("const {name} = {value}u;\n")).collect();
        format!("{constants}{}{}{LANE}", self.model.text, Step::function(step))
    }
}

/// Whether an adapter can make a lane's updates as they are; others are made by the CPU.
pub fn trains(lane: &Lane) -> bool {
    let plan = &lane.plan;
    let follows = matches!(lane.controller(), Some(Control::Hypergradient(_)));
    let step = || optimizer::rule(plan.kind).step(&lane.numbers_after(0), &mut lane.scalars.clone());
    plan.batch.is_none() && plan.is_uniform() && !follows && step().is_some()
}

/// Where an optimizer's gradients are taken, counted in rows of weights from the lane's own on.
fn ahead_of(kind: crate::experiment::OptimizerKind) -> usize {
    optimizer::rule(kind).ahead().map_or(0, |buffer| buffer + 1)
}

/// A lane's numbers and steps of its next updates.
fn prepare(lane: &Lane, updates: u64) -> Prepared {
    let rule = optimizer::rule(lane.plan.kind);
    let mut scalars = lane.scalars.clone();
    let numbers: Vec<Numbers> = (0..updates).map(|ahead| lane.numbers_after(ahead)).collect();
    let steps = numbers.iter().filter_map(|numbers| rule.step(numbers, &mut scalars)).collect();
    Prepared { numbers, steps, scalars }
}

/// Takes note of a lane's updates of one dispatch.
fn record(task: &Task, lane: &mut Lane, prepared: Prepared, measured: &[f32]) {
    let Prepared { numbers, steps, scalars } = prepared;
    lane.scalars = scalars;
    for ((numbers, step), measured) in numbers.iter().zip(&steps).zip(measured.chunks_exact(MEASURED)) {
        let row = Row {
            update: lane.update,
            groups: Default::default(),
            lr: numbers.lr,
            momentum: numbers.momentum(),
            weight_decay: Some(numbers.weight_decay()),
            batch: Some(lane.samples(task)),
            train_loss: measured[0],
            val_loss: None,
            val_accuracy: None,
            prequential_loss: None,
            prequential_accuracy: None,
            loss_spread: None,
            member_drift: None,
            member_cosine: None,
            robust_accuracy: None,
            clean_accuracy: None,
            noisy_accuracy: None,
            grad_norm: measured[1],
            update_norm: measured[2],
            effective_lr: step.effective_lr,
            param_norm: None,
            rounded_away: None,
            smallest_rate: None,
            loss_scale: None,
            grad_underflow: None,
        };
        lane.record(task, row);
    }
}
