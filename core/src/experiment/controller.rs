//! A run's controller: a rule that multiplies the run's schedule by what it sees of the training.

use crate::schedule::controller::Mode;
use crate::schedule::greedy::GreedyRule;
use crate::schedule::plateau::PlateauRule;

/// What may multiply a schedule; a run has one at most, as two would pull at the same rate.
#[derive(Clone, Debug, PartialEq)]
pub enum Controller {
    Plateau(Plateau),
    Greedy(Greedy),
    Hypergradient(Hypergradient),
}

impl Controller {
    /// Every name of a controller in a file.
    pub const NAMES: [&str; 3] = ["plateau", "greedy", "hypergradient"];

    /// The name in a file.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Plateau(_) => "plateau",
            Self::Greedy(_) => "greedy",
            Self::Hypergradient(_) => "hypergradient",
        }
    }

    /// Reports without improvement that are tolerated, where it has reports.
    pub const fn patience(&self) -> Option<u64> {
        match self {
            Self::Plateau(Plateau { rule, .. }) => Some(rule.patience),
            Self::Greedy(Greedy { rule, .. }) => Some(rule.patience),
            Self::Hypergradient(_) => None,
        }
    }
}

/// What a controller watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    TrainLoss,
    #[default]
    ValLoss,
    ValAccuracy,
}

impl Metric {
    /// Which way it gets better.
    pub const fn mode(self) -> Mode {
        match self {
            Self::TrainLoss | Self::ValLoss => Mode::Min,
            Self::ValAccuracy => Mode::Max,
        }
    }
}

/// `ReduceLROnPlateau` on a metric: it cuts the rate when the metric stops improving.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Plateau {
    pub metric: Metric,
    pub rule: PlateauRule,
}

/// `GreedyLR` (arXiv 2512.14527) on a metric: it raises the rate while the metric keeps improving and cuts it while
/// it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Greedy {
    pub metric: Metric,
    pub rule: GreedyRule,
}

/// Baydin's hypergradient descent (arXiv 1703.04782): the rate learns its own value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypergradient {
    /// The learning rate of the learning rate.
    pub beta: f64,
}
