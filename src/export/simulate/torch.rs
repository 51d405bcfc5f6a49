//! PyTorch's `torch.optim.lr_scheduler` and `swa_utils.SWALR` (2.15.0): the recursions as they run.

use std::f64::consts::PI;

use super::half_cosine;
use crate::schedule::kind::Triangles;

/// A scheduler as its constructor is called.
#[derive(Clone, Debug, PartialEq)]
pub enum Scheduler {
    Constant { factor: f64, total_iters: u64 },
    Linear { start_factor: f64, end_factor: f64, total_iters: u64 },
    Step { step_size: u64, gamma: f64 },
    MultiStep { milestones: Vec<u64>, gamma: f64 },
    Exponential { gamma: f64 },
    Polynomial { total_iters: u64, power: f64 },
    Cosine { t_max: u64, eta_min: f64 },
    CosineRestarts { t_0: u64, t_mult: u64, eta_min: f64 },
    Cyclic(Cyclic),
    OneCycle(OneCycle),
    Swa { swa_lr: f64, anneal_epochs: u64, cosine: bool },
    Sequential { schedulers: Vec<Self>, milestones: Vec<u64> },
    Chained(Vec<Self>),
}

/// `CyclicLR`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cyclic {
    pub base_lr: f64,
    pub max_lr: f64,
    pub step_size_up: u64,
    pub step_size_down: u64,
    /// One of `triangular`, `triangular2`, `exp_range`.
    pub mode: Triangles,
    pub gamma: f64,
    /// `base_momentum` and `max_momentum`, where momentum is cycled.
    pub momentum: Option<(f64, f64)>,
}

/// `OneCycleLR`.
#[derive(Clone, Debug, PartialEq)]
pub struct OneCycle {
    pub max_lr: f64,
    pub total_steps: u64,
    pub pct_start: f64,
    /// `anneal_strategy="cos"`; otherwise linear.
    pub cosine: bool,
    pub three_phase: bool,
    pub div_factor: f64,
    pub final_div_factor: f64,
    /// `base_momentum` and `max_momentum`, where momentum is cycled.
    pub momentum: Option<(f64, f64)>,
}

/// What the optimizer holds at each update.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    pub lr: Vec<f64>,
    /// Only where the scheduler cycles momentum.
    pub momentum: Vec<f64>,
}

/// The rates of `updates` updates of an optimizer built with `lr`, stepped once an update.
pub fn rates(scheduler: &Scheduler, lr: f64, updates: u64) -> Vec<f64> {
    numbers(scheduler, lr, updates).lr
}

/// The rates and the cycled momentum of `updates` updates of an optimizer built with `lr`.
pub fn numbers(scheduler: &Scheduler, lr: f64, updates: u64) -> Numbers {
    let mut group = Group { lr, initial_lr: None, momentum: None };
    let mut running = Running::new(scheduler, &mut group);
    let mut numbers = Numbers::default();
    for update in 0..updates {
        if update > 0 {
            running.step(&mut group);
        }
        numbers.lr.push(group.lr);
        numbers.momentum.extend(group.momentum);
    }
    numbers
}

/// The rates of `updates` updates from update `at` on, after what was saved there is loaded: the optimizer's group, and
/// with `keeps` the scheduler's whole state, its constructor's arguments among them. Each scheduler comes with the
/// rate that its optimizer is built with.
pub fn resumed(
    (before, lr): (&Scheduler, f64),
    (after, new_lr): (&Scheduler, f64),
    at: u64,
    keeps: bool,
    updates: u64,
) -> Vec<f64> {
    let mut saved = Group { lr, initial_lr: None, momentum: None };
    let mut old = Running::new(before, &mut saved);
    for _ in 0..at {
        old.step(&mut saved);
    }
    let mut running = if keeps {
        old
    } else {
        let mut group = Group { lr: new_lr, initial_lr: None, momentum: None };
        Running::new(after, &mut group)
    };
    let mut rates = Vec::new();
    for update in 0..updates {
        if update > 0 {
            running.step(&mut saved);
        }
        rates.push(saved.lr);
    }
    rates
}

/// The optimizer's parameter group.
struct Group {
    lr: f64,
    initial_lr: Option<f64>,
    momentum: Option<f64>,
}

/// A scheduler at work.
struct Running<'a> {
    scheduler: &'a Scheduler,
    base_lr: f64,
    /// The index of the update whose rate is set; `None` before the first.
    last_epoch: Option<u64>,
    /// The cycle of warm restarts: where in it, and its length.
    cycle: (u64, u64),
    children: Vec<Self>,
}

impl<'a> Running<'a> {
    /// Runs the constructor, which takes the first step.
    fn new(scheduler: &'a Scheduler, group: &mut Group) -> Self {
        let children = match scheduler {
            Scheduler::Sequential { schedulers, .. } | Scheduler::Chained(schedulers) => {
                schedulers.iter().map(|child| Self::new(child, group)).collect()
            }
            _ => Vec::new(),
        };
        match scheduler {
            Scheduler::Cyclic(cyclic) => group.lr = cyclic.base_lr,
            Scheduler::OneCycle(cycle) => group.initial_lr = Some(cycle.max_lr / cycle.div_factor),
            _ => {}
        }
        let base_lr = *group.initial_lr.get_or_insert(group.lr);
        let mut running = Self { scheduler, base_lr, last_epoch: None, cycle: (0, 0), children };
        match scheduler {
            Scheduler::Chained(_) => running.last_epoch = Some(0),
            Scheduler::Sequential { .. } => {
                running.last_epoch = Some(0);
                // The children's first steps are taken back, all but the first's.
                group.lr = base_lr;
                for child in &mut running.children {
                    child.last_epoch = None;
                }
                if let Some(first) = running.children.first_mut() {
                    first.step(group);
                }
            }
            _ => running.step(group),
        }
        running
    }

    fn step(&mut self, group: &mut Group) {
        let epoch = self.last_epoch.map_or(0, |last| last + 1);
        self.last_epoch = Some(epoch);
        match self.scheduler {
            Scheduler::Sequential { milestones, .. } => {
                let index = milestones.partition_point(|milestone| *milestone <= epoch);
                let begins = index.checked_sub(1).and_then(|before| milestones.get(before)) == Some(&epoch);
                if let Some(child) = self.children.get_mut(index) {
                    if begins { child.begin(group) } else { child.step(group) }
                }
            }
            Scheduler::Chained(_) => {
                for child in &mut self.children {
                    child.step(group);
                }
            }
            Scheduler::CosineRestarts { t_0, t_mult, .. } => {
                self.cycle = match (epoch, self.cycle) {
                    (0, _) => (0, *t_0),
                    (_, (current, length)) if current + 1 >= length => {
                        ((current + 1) % length, length * t_mult)
                    }
                    (_, (current, length)) => (current + 1, length),
                };
                group.lr = self.rate(epoch, group);
            }
            _ => group.lr = self.rate(epoch, group),
        }
    }

    /// `_update_lr(0)`, which a sequence calls at a milestone: the closed form of the first value.
    fn begin(&mut self, group: &mut Group) {
        self.last_epoch = Some(0);
        group.lr = match self.scheduler {
            Scheduler::Constant { factor, .. } => self.base_lr * (factor + 0.0 * (1.0 - factor)),
            Scheduler::Linear { start_factor, .. } => self.base_lr * start_factor,
            Scheduler::MultiStep { milestones, gamma } => {
                let passed = milestones.iter().filter(|milestone| **milestone == 0).count();
                self.base_lr * gamma.powf(passed as f64)
            }
            Scheduler::CosineRestarts { .. } | Scheduler::Cyclic(_) | Scheduler::OneCycle(_) => {
                self.rate(0, group)
            }
            _ => self.base_lr,
        };
    }

    /// `get_lr`.
    fn rate(&self, epoch: u64, group: &mut Group) -> f64 {
        let (e, lr, base) = (epoch as f64, group.lr, self.base_lr);
        match self.scheduler {
            Scheduler::Constant { factor, .. } if epoch == 0 => lr * factor,
            Scheduler::Constant { factor, total_iters } if epoch == *total_iters => lr * (1.0 / factor),
            Scheduler::Linear { start_factor, .. } if epoch == 0 => lr * start_factor,
            Scheduler::Linear { start_factor, end_factor, total_iters } if epoch <= *total_iters => {
                let slope = end_factor - start_factor;
                lr * (1.0 + slope / (*total_iters as f64 * start_factor + (e - 1.0) * slope))
            }
            Scheduler::Step { step_size, gamma } if epoch > 0 && epoch.is_multiple_of(*step_size) => {
                lr * gamma
            }
            Scheduler::MultiStep { milestones, gamma } => {
                let drops = milestones.iter().filter(|milestone| **milestone == epoch).count();
                if drops == 0 { lr } else { lr * gamma.powf(drops as f64) }
            }
            Scheduler::Exponential { gamma } if epoch > 0 => lr * gamma,
            Scheduler::Polynomial { total_iters, power } if epoch > 0 && epoch <= *total_iters => {
                let over = *total_iters as f64;
                lr * ((1.0 - e / over) / (1.0 - (e - 1.0) / over)).powf(*power)
            }
            Scheduler::Cosine { t_max, eta_min } if epoch > 0 => {
                let over = *t_max as f64;
                if epoch > *t_max && (epoch - 1 - t_max).is_multiple_of(2 * t_max) {
                    lr + (base - eta_min) * (1.0 - (PI / over).cos()) / 2.0
                } else {
                    (1.0 + (PI * e / over).cos()) / (1.0 + (PI * (e - 1.0) / over).cos()) * (lr - eta_min)
                        + eta_min
                }
            }
            Scheduler::CosineRestarts { eta_min, .. } => {
                let (current, length) = self.cycle;
                eta_min + (base - eta_min) * (1.0 + (PI * current as f64 / length as f64).cos()) / 2.0
            }
            Scheduler::Cyclic(cyclic) => cyclic.rate(e, group),
            Scheduler::OneCycle(cycle) => cycle.rate(e, group),
            Scheduler::Swa { swa_lr, anneal_epochs, cosine } => {
                let over = (*anneal_epochs).max(1) as f64;
                let alpha = |step: f64| {
                    let t = (step / over).clamp(0.0, 1.0);
                    if *cosine { 1.0 - half_cosine(t) } else { t }
                };
                let step = if *anneal_epochs == 0 { e.max(1.0) } else { e };
                let (before, now) = (alpha(step - 1.0), alpha(step));
                let start = if before == 1.0 { *swa_lr } else { (lr - before * swa_lr) / (1.0 - before) };
                swa_lr * now + start * (1.0 - now)
            }
            _ => lr,
        }
    }
}

impl Cyclic {
    fn rate(&self, e: f64, group: &mut Group) -> f64 {
        let total = (self.step_size_up + self.step_size_down) as f64;
        let ratio = self.step_size_up as f64 / total;
        let cycle = (1.0 + e / total).floor();
        let x = 1.0 + e / total - cycle;
        let height = if x <= ratio { x / ratio } else { (x - 1.0) / (ratio - 1.0) };
        let scale = match self.mode {
            Triangles::Equal => 1.0,
            Triangles::Halved => 1.0 / 2f64.powf(cycle - 1.0),
            Triangles::Shrinking => self.gamma.powf(e),
        };
        group.momentum = self.momentum.map(|(low, high)| high - (high - low) * height * scale);
        self.base_lr + (self.max_lr - self.base_lr) * height * scale
    }
}

impl OneCycle {
    fn rate(&self, e: f64, group: &mut Group) -> f64 {
        let initial = self.max_lr / self.div_factor;
        let min = initial / self.final_div_factor;
        let total = self.total_steps as f64;
        let (low, high) = self.momentum.unwrap_or_default();
        // Each phase: its last step, its rates, its momenta.
        let climb = (self.pct_start * total - 1.0, (initial, self.max_lr), (high, low));
        let phases = if self.three_phase {
            let mirror = (2.0 * self.pct_start * total - 2.0, (self.max_lr, initial), (low, high));
            vec![climb, mirror, (total - 1.0, (initial, min), (high, high))]
        } else {
            vec![climb, (total - 1.0, (self.max_lr, min), (low, high))]
        };
        let last = phases.len() - 1;
        let mut start = 0.0;
        for (index, (end, rates, momenta)) in phases.into_iter().enumerate() {
            if e <= end || index == last {
                let share = (e - start) / (end - start);
                group.momentum = self.momentum.map(|_| self.anneal(momenta, share));
                return self.anneal(rates, share);
            }
            start = end;
        }
        min
    }

    fn anneal(&self, (start, end): (f64, f64), share: f64) -> f64 {
        if self.cosine {
            end + (start - end) / 2.0 * ((PI * share).cos() + 1.0)
        } else {
            (end - start) * share + start
        }
    }
}
