//! Lanes on a graphics adapter of any maker: many updates of all of them in one dispatch, a workgroup a lane.
//!
//! Schedules stay where they are, in `f64`: a dispatch is given each lane's samples and the numbers its optimizer's
//! steps are made of, and gives back what was measured. Data and rows stay on the adapter; a row comes back when
//! somebody needs it. Whatever happens to the device, nothing is lost.

mod rows;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::cast_slice;
use rayon::prelude::*;
use rows::Rows;

use super::control::Control;
use super::lane::Lane;
use super::optimizer::{self, COEFFICIENTS, Numbers, Step};
use super::task::Task;
use crate::experiment::{OptimizerKind, WeightFormat};
use crate::gpu::GpuError;
use crate::gpu::compute::{Computer, Dispatch, Program, Stored};
use crate::model::{Inputs, Targets, Wgsl};
use crate::telemetry::Row;

/// A lane's updates around its model's and its optimizer's part.
const LANE: &str = include_str!("../../shaders/train_lane.wgsl");
/// What an update measures: loss, gradient's norm, norm of the change.
const MEASURED: usize = 3;
/// A model of two weights also says where they are,
const PLACE: usize = 2;
/// and where it is counted, the share of samples that were predicted right is told.
const RIGHT: usize = 1;
/// A dispatch takes about this long, half a frame: whoever draws comes in between two, and no driver takes it for a hang.
const DISPATCH: Duration = Duration::from_millis(8);
/// The lane-updates of the first dispatch, of which nobody knows yet how long it takes.
const FIRST: usize = 256;
/// The most updates of one dispatch,
const MOST_UPDATES: u64 = 1024;
/// and the most lanes: workgroups of one dispatch, in WebGPU.
const MOST_LANES: usize = 65_535;

/// A task brought to an adapter.
pub struct Adapted {
    computer: Arc<Computer>,
    model: Wgsl,
    inputs: Stored,
    answers: Stored,
    /// Compiled shaders, by the optimizer's step, its buffers and where gradients are taken.
    programs: HashMap<(&'static str, usize, usize, usize), Program>,
    /// Lane-updates that a dispatch makes in its time, as measured.
    budget: usize,
    rows: Rows,
    /// What ended it: rows that were wanted could not be read.
    lost: Option<GpuError>,
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
            "of the models only the fully connected one, of numbers, and the test functions are written for graphics adapters",
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
            budget: FIRST,
            rows: Rows::default(),
            lost: None,
        };
        if adapted.most_lanes(task, task.model.width() * (1 + optimizer::MOST_BUFFERS)) == 0 {
            return Err("a lane of this model does not fit the graphics adapter's memory".into());
        }
        Ok(adapted)
    }

    /// Working memory of a lane, in numbers: the model's, then the gradient.
    fn scratch(&self, task: &Task) -> usize {
        self.model.scratch + task.model.width()
    }

    /// What an update of a lane measures, in numbers.
    fn measured(task: &Task) -> usize {
        if task.model.width() == PLACE { MEASURED + PLACE } else { MEASURED + RIGHT * counted(task) }
    }

    /// How many lanes with rows of `stride` numbers a dispatch can hold.
    fn most_lanes(&self, task: &Task, stride: usize) -> usize {
        let lane = self.scratch(task).max(stride).max(Self::words(task));
        ((self.computer.most_bytes() / (4 * lane as u64)) as usize).min(MOST_LANES)
    }

    /// What a lane's update is told or tells, in numbers: the longest list of them.
    fn words(task: &Task) -> usize {
        (task.batch * task.accumulate).max(COEFFICIENTS).max(Self::measured(task))
    }

    /// Makes updates of the lanes at `group`, which have one optimizer and are equally far, up to `goal` or to where
    /// one of them is to be evaluated, for which its row is in `rows` then; `rows` are those of all lanes.
    ///
    /// # Errors
    /// When the device is lost; lanes are then as after the last whole dispatch, and their rows are to be made again.
    pub fn advance(
        &mut self,
        task: &Task,
        lanes: &mut [Lane],
        rows: &mut [f32],
        group: &[usize],
        goal: u64,
    ) -> Result<(), GpuError> {
        if let Some(error) = &self.lost {
            return Err(error.clone());
        }
        let Some(first) = group.first().and_then(|&at| lanes.get(at)) else { return Ok(()) };
        let stride = rows.len() / lanes.len().max(1);
        let (begun, kind) = (first.update, first.plan.kind);
        let each = self.most_lanes(task, stride).min(lanes.len());
        let at_once = group.len().min(each).min(self.budget);
        // What a dispatch is told fits a binding, too.
        let fits = self.computer.most_bytes() / (4 * (at_once * Self::words(task)) as u64);
        let most = (goal - begun).min((self.budget / at_once) as u64).min(fits).clamp(1, MOST_UPDATES);
        let mut kinds: Vec<(Option<bool>, usize)> =
            group.iter().map(|&at| (lanes[at].pauses_by(), at)).collect();
        kinds.dedup_by(|a, b| a.0.is_some() && a.0 == b.0);
        let pauses = |ahead: &u64| kinds.iter().any(|&(_, at)| lanes[at].pauses_after(task, *ahead));
        let updates = (1..most).find(pauses).unwrap_or(most);
        self.rows.hold(&self.computer, lanes.len(), stride, each)?;
        self.rows.send(&self.computer, lanes, group, rows);
        let mut longest = Duration::ZERO;
        let blocks = group.chunk_by(|a, b| a / each == b / each);
        for group in blocks.flat_map(|block| block.chunks(at_once)) {
            let start = Instant::now();
            self.dispatch(task, lanes, group, stride, kind, updates)?;
            longest = longest.max(start.elapsed());
        }
        let pauses = group.iter().any(|&at| lanes[at].pauses_after(task, 0));
        if pauses || self.rows.are_due() {
            self.rows.fetch(&self.computer, rows)?;
        }
        // How much a dispatch makes changes no bit of it.
        let share = DISPATCH.as_secs_f64() / longest.as_secs_f64().max(1e-6);
        self.budget = ((at_once as f64 * updates as f64 * share.min(4.0)) as usize).max(1);
        Ok(())
    }

    /// One dispatch for lanes of one block.
    fn dispatch(
        &mut self,
        task: &Task,
        lanes: &mut [Lane],
        group: &[usize],
        stride: usize,
        kind: OptimizerKind,
        updates: u64,
    ) -> Result<(), GpuError> {
        let prepared: Vec<Prepared> = group.par_iter().map(|&at| prepare(&lanes[at], updates)).collect();
        let step = prepared.first().and_then(|lane| lane.steps.first());
        let (Some(step), Some(&first)) = (step, group.first()) else { return Ok(()) };
        let key = (step.text, lanes[first].plan.buffers, ahead_of(kind), stride);
        let steps = prepared.iter().flat_map(|lane| &lane.steps);
        let coefficients: Vec<f32> = steps.flat_map(|step| step.coefficients).collect();
        let block = first / self.rows.each();
        // Lanes of one seed that are equally far see the same samples.
        let mut places: HashMap<(u64, u64), u32> = HashMap::new();
        let mut firsts = Vec::new();
        let mut which = Vec::with_capacity(group.len());
        for &at in group {
            let place = *places.entry(lanes[at].stands(task)).or_insert_with(|| {
                firsts.push(at);
                firsts.len() as u32 - 1
            });
            which.extend([(at - block * self.rows.each()) as u32, place]);
        }
        let dealing = lanes.par_iter_mut().enumerate().filter(|(at, _)| firsts.binary_search(at).is_ok());
        let deal =
            |lane: &mut Lane| (0..updates).flat_map(|ahead| lane.deal_ahead(task, ahead)).collect::<Vec<_>>();
        let order: Vec<Vec<u32>> = dealing.map(|(_, lane)| deal(lane)).collect();
        let each = updates as usize * Self::measured(task);
        let mut measured = vec![0.0; group.len() * each];
        if !self.programs.contains_key(&key) {
            let program = self.computer.program(&self.shader(task, key))?;
            self.programs.insert(key, program);
        }
        let (Some(program), Some(rows)) = (self.programs.get(&key), self.rows.block(block)) else {
            return Ok(());
        };
        self.computer.run(Dispatch {
            program,
            lanes: group.len() as u32,
            uniform: [updates as u32, (task.clip_norm.unwrap_or(0.0) as f32).to_bits(), 0, 0],
            rows,
            scratch: group.len() * self.scratch(task),
            stored: [&self.inputs, &self.answers],
            which: &which,
            order: &order.concat(),
            coefficients: &coefficients,
            measured: &mut measured,
        })?;
        lanes.par_iter_mut().enumerate().for_each(|(at, lane)| {
            if let Ok(at) = group.binary_search(&at) {
                record(task, lane, &prepared[at], &measured[at * each..(at + 1) * each]);
            }
        });
        Ok(())
    }

    /// Brings all rows that are newer there to `rows`; where the device is gone, they are made again.
    pub fn fetch(&mut self, task: &Task, lanes: &[Lane], rows: &mut [f32]) {
        if let Err(error) = self.rows.fetch(&self.computer, rows) {
            tracing::warn!("{error}: the newest updates were made again on the CPU");
            self.lost = Some(error);
            self.remake(task, lanes, rows);
        }
    }

    /// Makes again on the CPU what only the device had.
    pub fn remake(&mut self, task: &Task, lanes: &[Lane], rows: &mut [f32]) {
        self.rows.remake(task, lanes, rows);
    }

    /// The lanes that `leaves` tells by their places go on here.
    pub fn leave(&mut self, task: &Task, lanes: &[Lane], rows: &mut [f32], leaves: impl Fn(usize) -> bool) {
        let leaving: Vec<usize> = (0..lanes.len()).filter(|&at| leaves(at)).collect();
        if leaving.iter().any(|&at| self.rows.is_there(at)) {
            self.fetch(task, lanes, rows);
        }
        leaving.into_iter().for_each(|at| self.rows.is_here(at));
    }

    /// The row of a lane, where it is newer there and can be read.
    pub fn row(&self, at: usize) -> Option<Vec<f32>> {
        if self.rows.is_there(at) { self.rows.read(&self.computer, at).ok() } else { None }
    }

    /// Where rows are.
    pub fn rows(&mut self) -> &mut Rows {
        &mut self.rows
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
            ("MEASURED", Self::measured(task)),
            ("COUNTED", counted(task)),
        ];
        let constants: String =
            constants.iter().map(|(name, value)| format!("const {name} = {value}u;\n")).collect();
        format!("{constants}{}{}{LANE}", self.model.text, Step::function(step))
    }
}

/// Why an adapter cannot make a lane's updates, which the CPU makes then; nothing where it can.
pub fn refusal(lane: &Lane) -> Option<String> {
    let plan = &lane.plan;
    let rule = optimizer::rule(plan.kind);
    if plan.batch.is_some() {
        return Some("its batch is a schedule".into());
    }
    if !plan.is_uniform() {
        return Some("parts of its model learn by numbers of their own".into());
    }
    if matches!(lane.controller(), Some(Control::Hypergradient(_))) {
        return Some("its rate follows the gradients".into());
    }
    let step = rule.step(&lane.numbers_after(0), &mut lane.scalars.clone());
    step.is_none().then(|| format!("a step of {} looks at more than its own weight", plan.kind.info().title))
}

/// Whether an adapter can make a lane's updates as they are.
pub fn trains(lane: &Lane) -> bool {
    refusal(lane).is_none()
}

/// 1 where what is predicted right is counted along the way, as where the data has phases; otherwise 0.
fn counted(task: &Task) -> usize {
    usize::from(task.stream.is_some() && task.has_accuracy())
}

/// Where an optimizer's gradients are taken, counted in rows of weights from the lane's own on.
fn ahead_of(kind: OptimizerKind) -> usize {
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

/// Takes note of a lane's updates of one dispatch. Where it pauses, the last one is still to be evaluated.
fn record(task: &Task, lane: &mut Lane, prepared: &Prepared, measured: &[f32]) {
    let Prepared { numbers, steps, scalars } = prepared;
    lane.scalars.clone_from(scalars);
    let told = measured.chunks_exact(Adapted::measured(task));
    for ((numbers, step), measured) in numbers.iter().zip(steps).zip(told) {
        let row = Row {
            update: lane.update,
            lr: numbers.lr,
            momentum: numbers.momentum(),
            weight_decay: Some(numbers.weight_decay()),
            batch: Some(lane.samples(task)),
            train_loss: measured[0],
            prequential_accuracy: (counted(task) == 1).then(|| measured[MEASURED].into()),
            grad_norm: measured[1],
            update_norm: measured[2],
            effective_lr: step.effective_lr,
            ..Row::default()
        };
        lane.record(task, row);
        if !lane.pauses_after(task, 0) {
            lane.go_by(task, measured.get(MEASURED..).filter(|_| task.model.width() == PLACE));
        }
    }
}
