//! What a file asks of a sweep: which run, which of its numbers, by which search, and what is best.

use toml::Value;

use crate::schedule::Span;

/// Trainings of one run with other numbers, to find the best ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The run that is varied.
    pub run: String,
    pub search: Search,
    /// How many trials; a grid without this number has all of its own.
    pub trials: Option<usize>,
    /// Each trial is trained under the seeds `train.seed`, `train.seed + 1`, ...
    pub seeds: usize,
    /// What the search draws from, where it is not `train.seed`.
    pub seed: Option<u64>,
    /// One objective, or several whose Pareto front is wanted.
    pub objectives: Vec<Objective>,
    pub prune: Prune,
    /// What is varied, in the file's order.
    pub over: Vec<Axis>,
}

impl Sweep {
    /// Trials of a search that was told no number.
    pub const TRIALS: usize = 64;
    /// The most trials of a sweep.
    pub const MAX_TRIALS: usize = 1_000_000;
    /// The most points of a Sobol sequence that are apart.
    pub const MAX_SOBOL: usize = 1 << 16;
}

/// How the next trial is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Every combination.
    Grid,
    Random,
    /// A low-discrepancy sequence: evenly spread, however many trials.
    Sobol,
    /// Tree-structured Parzen estimator: where good trials are dense.
    Tpe,
    /// Covariance matrix adaptation: a population that moves downhill.
    CmaEs,
    /// Population based training: members copy each other's weights and change the rate. It varies the peak alone.
    Pbt,
}

impl Search {
    /// Every search, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 6] = [
        ("grid", Self::Grid),
        ("random", Self::Random),
        ("sobol", Self::Sobol),
        ("tpe", Self::Tpe),
        ("cma_es", Self::CmaEs),
        ("pbt", Self::Pbt),
    ];
}

/// What makes a trial good; the mean over its seeds counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    FinalTrainLoss,
    FinalValLoss,
    BestValLoss,
    FinalValAccuracy,
    /// Updates until a validation reaches this accuracy.
    UpdatesToAccuracy(f64),
    /// Updates until a validation comes down to this loss.
    UpdatesToLoss(f64),
    /// Arithmetic of the trial's updates, in GFLOP a seed.
    Cost,
}

impl Objective {
    /// Objectives that are a word alone, by their names in an experiment file.
    pub const ALL: [(&'static str, Self); 5] = [
        ("final_val_loss", Self::FinalValLoss),
        ("best_val_loss", Self::BestValLoss),
        ("final_val_accuracy", Self::FinalValAccuracy),
        ("final_train_loss", Self::FinalTrainLoss),
        ("cost", Self::Cost),
    ];

    /// Whether more is better.
    pub const fn is_maximised(self) -> bool {
        matches!(self, Self::FinalValAccuracy)
    }

    /// Whether it is read off the held-out samples.
    pub const fn needs_validation(self) -> bool {
        !matches!(self, Self::FinalTrainLoss | Self::Cost)
    }

    /// Whether it is a loss, of which a law is known.
    pub const fn is_loss(self) -> bool {
        matches!(self, Self::FinalTrainLoss | Self::FinalValLoss | Self::BestValLoss)
    }

    /// Whether it counts right answers.
    pub const fn needs_accuracy(self) -> bool {
        matches!(self, Self::FinalValAccuracy | Self::UpdatesToAccuracy(_))
    }

    /// Whether the state after the last update is all that it needs.
    pub const fn looks_at_the_end_only(self) -> bool {
        matches!(self, Self::FinalTrainLoss | Self::FinalValLoss | Self::FinalValAccuracy | Self::Cost)
    }

    /// As an experiment file writes it.
    pub fn name(self) -> String {
        match self {
            Self::UpdatesToAccuracy(accuracy) => format!("updates_to val_accuracy {accuracy}"),
            Self::UpdatesToLoss(loss) => format!("updates_to val_loss {loss}"),
            word => {
                Self::ALL.iter().find(|(_, known)| *known == word).map_or("", |(name, _)| name).to_owned()
            }
        }
    }
}

/// When a trial is given up before its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prune {
    None,
    /// Below the median of the finished trials at the same place.
    Median {
        /// Trials that are all finished first.
        startup: usize,
        /// Nothing is pruned before this much of its run.
        after: Span,
    },
    /// At each of ever longer stretches only the best of `factor` goes on.
    SuccessiveHalving {
        factor: u64,
        from: Span,
    },
    /// Successive halving in several brackets, which begin later and later.
    Hyperband {
        factor: u64,
        from: Span,
    },
    /// Where the end that a law of the finished trials foresees is worse than the best that was reached.
    Forecast {
        /// Nothing is pruned before this much of its run.
        after: Span,
    },
}

impl Prune {
    /// Every rule with its defaults, by its name in an experiment file.
    pub const ALL: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("median", Self::Median { startup: 5, after: Span::Percent(10.0) }),
        ("successive_halving", Self::SuccessiveHalving { factor: 3, from: Span::Percent(10.0) }),
        ("hyperband", Self::Hyperband { factor: 3, from: Span::Percent(10.0) }),
        ("forecast", Self::Forecast { after: Span::Percent(10.0) }),
    ];

    /// The rule's name in an experiment file.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Median { .. } => "median",
            Self::SuccessiveHalving { .. } => "successive_halving",
            Self::Hyperband { .. } => "hyperband",
            Self::Forecast { .. } => "forecast",
        }
    }
}

/// One number or choice that is varied.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Where it is, such as `lr.peak`, `optimizer.momentum` or `data.batch_size`.
    pub path: String,
    pub values: Values,
}

/// The values an axis can have.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    Range(Range),
    /// Whatever the field may hold, as the file writes it; at least one.
    Choices(Vec<Value>),
}

impl Values {
    /// How many values a grid has of them.
    pub fn points(&self) -> Option<usize> {
        match self {
            Self::Range(range) => range.points,
            Self::Choices(choices) => Some(choices.len()),
        }
    }
}

/// Numbers or spans between two ends, which belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub from: f64,
    pub to: f64,
    pub unit: Unit,
    /// Equal factors apart instead of equal distances.
    pub log: bool,
    /// How many values a grid has of it; other searches choose anywhere between.
    pub points: Option<usize>,
}

/// What the ends of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Number,
    /// The field holds whole numbers only.
    Whole,
    Updates,
    Epochs,
    Percent,
}

impl Unit {
    /// As it is written behind the number.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Number | Self::Whole | Self::Updates => "",
            Self::Epochs => "ep",
            Self::Percent => "%",
        }
    }

    const fn is_span(self) -> bool {
        matches!(self, Self::Updates | Self::Epochs | Self::Percent)
    }
}

impl Range {
    /// The number at a share of the way, 0 to 1.
    pub fn number(&self, share: f64) -> f64 {
        let share = share.clamp(0.0, 1.0);
        let (low, high) = self.ends();
        let between = match share {
            // The ends to the last bit.
            0.0 => low,
            1.0 => high,
            share if self.log => (low.ln() + share * (high / low).ln()).exp(),
            share => low + share * (high - low),
        };
        match self.unit {
            Unit::Whole | Unit::Updates => between.round().clamp(self.from, self.to),
            _ => between.clamp(self.from, self.to),
        }
    }

    /// The share of the way at which a number is.
    pub fn share(&self, number: f64) -> f64 {
        let (low, high) = self.ends();
        let share =
            if self.log { (number / low).ln() / (high / low).ln() } else { (number - low) / (high - low) };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The shares of `points` numbers, evenly spread from end to end; of whole numbers perhaps fewer.
    pub fn shares(&self, points: usize) -> Vec<f64> {
        let even = (0..points).map(|at| at as f64 / points.saturating_sub(1).max(1) as f64);
        if self.unit != Unit::Whole {
            return even.collect();
        }
        let exact = Self { unit: Unit::Number, ..*self };
        let mut numbers: Vec<f64> = even.map(|share| exact.number(share).round()).collect();
        numbers.dedup();
        numbers.into_iter().map(|number| self.share(number)).collect()
    }

    /// Where the way begins and ends: every whole number has an equally wide part of it.
    fn ends(&self) -> (f64, f64) {
        if self.unit == Unit::Whole { (self.from - 0.5, self.to + 0.5) } else { (self.from, self.to) }
    }

    /// A number of the range as the file writes it.
    pub fn value(&self, number: f64) -> Value {
        match self.unit {
            Unit::Number => Value::Float(number),
            Unit::Whole => Value::Integer(number as i64),
            Unit::Updates => Value::String(format!("{}", number.round())),
            Unit::Epochs | Unit::Percent => Value::String(format!("{number}{}", self.unit.suffix())),
        }
    }

    /// The number behind a value of the range.
    pub fn number_of(&self, value: &Value) -> Option<f64> {
        match value {
            Value::Float(number) => Some(*number),
            Value::Integer(number) => Some(*number as f64),
            Value::String(text) if self.unit.is_span() => {
                text.trim_end_matches(self.unit.suffix()).parse().ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Range = Range { from: 1e-3, to: 3.0, unit: Unit::Number, log: true, points: Some(16) };

    #[test]
    fn a_range_has_its_ends_to_the_last_bit_and_equal_factors_between() {
        let points: Vec<f64> = RATES.shares(16).into_iter().map(|share| RATES.number(share)).collect();
        assert_eq!((points[0], points[15], points.len()), (1e-3, 3.0, 16));
        let factor = points[1] / points[0];
        assert!(points.windows(2).all(|pair| (pair[1] / pair[0] / factor - 1.0).abs() < 1e-12));
        assert!(points.iter().all(|&point| (RATES.number(RATES.share(point)) / point - 1.0).abs() < 1e-12));
    }

    #[test]
    fn whole_numbers_have_equal_parts_and_stay_inside() {
        let sizes = Range { from: 1.0, to: 4.0, unit: Unit::Whole, log: false, points: None };
        let counts = (0..4000).map(|at| sizes.number(f64::from(at) / 3999.0) as usize);
        let mut seen = [0; 6];
        counts.for_each(|size| seen[size] += 1);
        assert_eq!((seen[0], seen[5]), (0, 0));
        assert!(seen[1..5].iter().all(|count| (990..=1010).contains(count)), "{seen:?}");
        assert_eq!(sizes.value(3.0), Value::Integer(3));
        let again: Vec<f64> = sizes.shares(9).into_iter().map(|share| sizes.number(share)).collect();
        assert_eq!(again, [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn spans_keep_their_unit() {
        let spans = Range { from: 0.0, to: 50.0, unit: Unit::Percent, log: false, points: Some(3) };
        assert_eq!(spans.value(spans.number(0.5)), Value::String("25%".into()));
        assert_eq!(spans.number_of(&Value::String("25%".into())), Some(25.0));
    }
}
