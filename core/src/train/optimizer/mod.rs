//! Update rules, a file each: the fused one for lanes on the CPU, the same in candle's operations, and its tests.
//!
//! What is said of an optimizer apart from its arithmetic is a row of the table in `experiment::optimizer`.

mod adafactor;
mod adagrad;
mod adam;
mod cautious;
#[cfg(test)]
mod golden;
mod lamb;
mod lanes;
mod lion;
mod muon;
mod nadam;
mod numbers;
mod prodigy;
mod radam;
mod rmsprop;
mod row;
mod rule;
mod schedule_free;
mod sgd;
mod step;
mod store;
#[cfg(test)]
mod tests;
mod vector;

pub use lanes::Lanes;
pub use numbers::Numbers;
pub use row::{Applied, MOST_BUFFERS, Part, Row};
pub use rule::{Memory, Rule};
pub use step::{COEFFICIENTS, Step};
pub use store::{Dice, Store, smallest_useful_rate};
pub use vector::{add, norm, scale};

use crate::experiment::{Optimizer, OptimizerKind};

/// The rule of a kind.
pub fn rule(kind: OptimizerKind) -> &'static dyn Rule {
    match kind {
        OptimizerKind::Sgd => &sgd::Sgd,
        OptimizerKind::Adam => &adam::Adam { decoupled: false },
        OptimizerKind::AdamW => &adam::Adam { decoupled: true },
        OptimizerKind::RmsProp => &rmsprop::RmsProp,
        OptimizerKind::Adagrad => &adagrad::Adagrad,
        OptimizerKind::Lion => &lion::Lion,
        OptimizerKind::ScheduleFreeSgd => &schedule_free::ScheduleFree { adaptive: false },
        OptimizerKind::ScheduleFreeAdamW => &schedule_free::ScheduleFree { adaptive: true },
        OptimizerKind::NAdam => &nadam::NAdam,
        OptimizerKind::RAdam => &radam::RAdam,
        OptimizerKind::Lamb => &lamb::Lamb,
        OptimizerKind::Adafactor => &adafactor::Adafactor,
        OptimizerKind::Prodigy => &prodigy::Prodigy,
        OptimizerKind::Muon => &muon::Muon,
    }
}

/// The buffers that an optimizer's rule keeps.
pub fn buffers(optimizer: &Optimizer) -> usize {
    rule(optimizer.kind).buffers(&Numbers::fixed(optimizer, 0.0, 0))
}

/// `count` buffers that follow one another in the rest of a row; those a rule does not have are empty.
pub fn split(mut count: usize, width: usize, buffers: &mut [f32]) -> [&mut [f32]; MOST_BUFFERS] {
    let mut rest = buffers;
    [(); MOST_BUFFERS].map(|()| {
        let length = if count > 0 { width.min(rest.len()) } else { 0 };
        count = count.saturating_sub(1);
        let (one, others) = std::mem::take(&mut rest).split_at_mut(length);
        rest = others;
        one
    })
}
