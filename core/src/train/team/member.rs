//! One client or worker: weights, buffers and samples of its own.

use std::ops::Range;

use super::Stretch;
use crate::model::kernel::scratch::Scratch;
use crate::train::optimizer::{self, Memory, Numbers, Part, Row, Store};
use crate::train::task::Task;

pub(super) struct Member {
    /// The client's or worker's number.
    pub id: usize,
    pub weights: Vec<f32>,
    buffers: Vec<f32>,
    /// Buffers, each as long as the weights.
    count: usize,
    scalars: Vec<f64>,
    pub gradient: Vec<f32>,
    /// The weights of the average before, of a worker whose own are late.
    pub late: Vec<f32>,
    scratch: Scratch,
    /// The samples of its present epoch, and which that is.
    pub order: Vec<u32>,
    pub order_of: Option<(usize, u64)>,
    /// The loss and the number of the samples that it learned from last.
    loss: f32,
    samples: usize,
    /// What each update of the stretch measured.
    pub measured: Vec<Measured>,
}

/// What an update of a member measured.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    pub loss: f32,
    pub gradient_norm: f64,
    pub update_norm: f64,
    pub samples: usize,
}

impl Member {
    pub fn new(task: &Task, id: usize, weights: Vec<f32>, buffers: usize) -> Self {
        let width = weights.len();
        Self {
            id,
            buffers: vec![0.0; buffers * width],
            count: buffers,
            scalars: Vec::new(),
            gradient: vec![0.0; width],
            late: Vec::new(),
            scratch: task.model.scratch(task.scratch_samples()),
            order: Vec::new(),
            order_of: None,
            loss: 0.0,
            samples: 0,
            measured: Vec::new(),
            weights,
        }
    }

    /// Begins a round of another client with these weights and empty buffers.
    pub fn become_client(&mut self, id: usize, weights: &[f32], it: &Stretch<'_>) {
        self.id = id;
        self.weights.copy_from_slice(weights);
        self.empty_buffers(it.buffers);
        self.start(it);
    }

    /// Tells the rule that it begins here.
    pub fn start(&mut self, it: &Stretch<'_>) {
        self.scalars = vec![0.0; it.rule.scalars()];
        let buffers = optimizer::split(self.count, self.weights.len(), &mut self.buffers);
        if let Some(numbers) = it.numbers.first() {
            it.rule.start(numbers, &self.weights, Memory { buffers, scalars: &mut self.scalars });
        }
    }

    pub fn has_started(&self, it: &Stretch<'_>) -> bool {
        self.scalars.len() == it.rule.scalars() && self.count == it.buffers
    }

    pub fn empty_buffers(&mut self, buffers: usize) {
        self.count = buffers;
        self.buffers.clear();
        self.buffers.resize(buffers * self.weights.len(), 0.0);
        self.scalars.clear();
    }

    /// The loss and gradient of the samples at a range of its order.
    pub fn learn(&mut self, task: &Task, range: Range<usize>) {
        let rows = self.order.get(range).unwrap_or_default();
        self.samples = rows.len();
        let batch = task.training(rows);
        self.loss = task.model.gradient(&self.weights, batch, &mut self.gradient, &mut self.scratch);
    }

    /// Shortens a gradient that is too long, as a lane does.
    pub fn clip(&mut self, task: &Task) {
        let arch = pulp::Arch::new();
        if let Some(clip) = task.clip_norm {
            let norm = optimizer::norm(arch, 1, &self.gradient);
            if norm > clip {
                optimizer::scale(arch, &mut self.gradient, (clip / (norm + 1e-6)) as f32);
            }
        }
    }

    /// Steps along its gradient, at `factor` times the rate.
    pub fn step(&mut self, it: &Stretch<'_>, numbers: &Numbers, factor: f64) {
        let mut numbers = *numbers;
        numbers.lr *= factor;
        let (lr, weight_decay) = (numbers.lr, numbers.weight_decay());
        let part = |range, parameter| Part { range, parameter, lr, weight_decay };
        let parts: Vec<Part<'_>> = if it.rule.is_elementwise(&numbers) {
            vec![part(0..self.weights.len(), None)]
        } else {
            let parameters = it.task.model.parameters();
            parameters.iter().map(|parameter| part(parameter.range(), Some(parameter))).collect()
        };
        let width = self.weights.len();
        let applied = it.rule.update(Row {
            arch: pulp::Arch::new(),
            cores: 1,
            store: Store::EXACT,
            numbers: &numbers,
            parts: &parts,
            scalars: &mut self.scalars,
            weights: &mut self.weights,
            gradient: &mut self.gradient,
            buffers: optimizer::split(self.count, width, &mut self.buffers),
        });
        self.measured.push(Measured {
            loss: self.loss,
            gradient_norm: applied.gradient_norm,
            update_norm: applied.update_norm,
            samples: self.samples,
        });
    }

    pub fn scalars(&self) -> Vec<u64> {
        self.scalars.iter().map(|scalar| scalar.to_bits()).collect()
    }

    pub fn buffers(&self) -> usize {
        self.count
    }

    /// What an average hears of it.
    pub fn sent(&self) -> &[f32] {
        if self.is_late() { &self.late } else { &self.weights }
    }

    pub fn is_late(&self) -> bool {
        !self.late.is_empty()
    }

    pub fn numbers(&self) -> impl Iterator<Item = f32> + '_ {
        self.weights.iter().chain(&self.buffers).chain(&self.late).copied()
    }

    /// The next member of a checkpoint's numbers; nothing where they are too few.
    pub fn take(
        task: &Task,
        id: usize,
        (width, buffers, is_late): (usize, usize, bool),
        scalars: &[u64],
        numbers: &mut &[f32],
    ) -> Option<Self> {
        let mut next = |count: usize| {
            let all: &[f32] = numbers;
            let (own, rest) = all.split_at_checked(count)?;
            *numbers = rest;
            Some(own.to_vec())
        };
        let mut member = Self::new(task, id, next(width)?, buffers);
        member.buffers = next(width * buffers)?;
        member.late = if is_late { next(width)? } else { Vec::new() };
        member.scalars = scalars.iter().copied().map(f64::from_bits).collect();
        Some(member)
    }
}
