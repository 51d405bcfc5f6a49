//! The greedy controller: raises the rate while a metric keeps improving and cuts it while it does not, with
//! the arithmetic of transformers' `GreedyLR` (arXiv 2512.14527), over any schedule.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::ScheduleError;
use super::check::{self, MAX_RATE};
use super::controller::{self, Change, Mode, ThresholdMode};

/// The longest window of the smoothing: more reports than any run makes in earnest.
pub const MAX_WINDOW: usize = 1_000_000;

/// The rule's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreedyRule {
    pub mode: Mode,
    /// What a cut multiplies the rate by and a raise divides it by, above 0 and below 1.
    pub factor: f64,
    /// Reports of one sort in a row that change nothing; the next one raises or cuts.
    pub patience: u64,
    /// How much better than the best a report has to be.
    pub threshold: f64,
    pub threshold_mode: ThresholdMode,
    /// Reports after a cut that are not looked at.
    pub cooldown: u64,
    /// Reports after a raise that are not looked at.
    pub warmup: u64,
    /// No cut leads below this rate, and no raise above the other.
    pub min_lr: f64,
    pub max_lr: f64,
    /// A change of the rate by no more than this is not made.
    pub eps: f64,
    /// The rule sees the mean of so many last metrics, at least 1; `None` is the metric itself.
    pub window: Option<usize>,
    /// After this many cuts in vain at the lowest rate everything is reset, to the schedule's own rate.
    pub reset_start: u64,
}

impl Default for GreedyRule {
    /// The defaults of `GreedyLR`. Mind `min_lr`: with a rate below it the rule can never cut.
    fn default() -> Self {
        Self {
            mode: Mode::Min,
            factor: 0.95,
            patience: 10,
            threshold: 1e-6,
            threshold_mode: ThresholdMode::Abs,
            cooldown: 0,
            warmup: 0,
            min_lr: 1e-3,
            max_lr: 1.0,
            eps: 1e-8,
            window: None,
            reset_start: 500,
        }
    }
}

impl GreedyRule {
    /// # Errors
    /// Names the first number out of its range.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let not_negative = (0.0, MAX_RATE);
        check::within("greedy.threshold", self.threshold, not_negative)?;
        check::within("greedy.max_lr", self.max_lr, not_negative)?;
        check::within("greedy.min_lr", self.min_lr, (0.0, self.max_lr))?;
        check::within("greedy.eps", self.eps, not_negative)?;
        if !(self.factor > 0.0 && self.factor < 1.0) {
            let allowed = "a number above 0 and below 1";
            return Err(ScheduleError::new("greedy.factor", format!("{:?}", self.factor), allowed));
        }
        match self.window {
            Some(window) if !(1..=MAX_WINDOW).contains(&window) => {
                let allowed = format!("a number of reports from 1 to {MAX_WINDOW}");
                Err(ScheduleError::new("greedy.window", window.to_string(), allowed))
            }
            _ => Ok(()),
        }
    }
}

/// What the controller remembers, for a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GreedyState {
    /// The best metric; `None` until a report improves on nothing.
    pub best: Option<f64>,
    /// Reports in a row with and without improvement.
    pub good: u64,
    pub bad: u64,
    /// Reports that will not be looked at, after a cut and after a raise.
    pub cooldown_left: u64,
    pub warmup_left: u64,
    /// Cuts in vain until everything is reset.
    pub resets_left: u64,
    /// The rate of the last change, and the schedule's own rate at that report; their ratio multiplies the
    /// schedule.
    pub rate: f64,
    pub base: f64,
    /// The last metrics and their sum, where the rule sees their mean.
    pub window: VecDeque<f64>,
    pub sum: f64,
}

/// The controller: a rule and its state.
#[derive(Clone, Debug, PartialEq)]
pub struct Greedy {
    rule: GreedyRule,
    state: GreedyState,
}

impl Greedy {
    /// # Errors
    /// When a number of the rule is out of its range.
    pub fn new(rule: GreedyRule) -> Result<Self, ScheduleError> {
        Self::resume(rule, fresh(&rule))
    }

    /// The controller as it was when `state` was taken.
    ///
    /// # Errors
    /// When a number of the rule is out of its range, or the state is none that a run leaves.
    pub fn resume(rule: GreedyRule, state: GreedyState) -> Result<Self, ScheduleError> {
        rule.check()?;
        check::within("greedy.base", state.base, (f64::MIN_POSITIVE, f64::MAX))?;
        check::within("greedy.rate", state.rate, (0.0, f64::MAX))?;
        Ok(Self { rule, state })
    }

    #[must_use]
    pub fn rule(&self) -> &GreedyRule {
        &self.rule
    }

    #[must_use]
    pub fn state(&self) -> &GreedyState {
        &self.state
    }

    /// The rate used where the schedule alone would give `base_rate`.
    #[must_use]
    pub fn rate(&self, base_rate: f64) -> f64 {
        controller::scaled(base_rate, self.state.rate, self.state.base).min(f64::MAX)
    }

    /// Takes a metric, and the schedule's own rate of the last update. NaN is never an improvement.
    pub fn report(&mut self, metric: f64, base_rate: f64) -> Option<Change> {
        let metric = self.smooth(metric);
        let state = &mut self.state;
        if state.cooldown_left > 0 || state.warmup_left > 0 {
            // The cooldown is waited for first, then the warmup.
            let left =
                if state.cooldown_left > 0 { &mut state.cooldown_left } else { &mut state.warmup_left };
            *left -= 1;
            (state.good, state.bad) = (0, 0);
            return None;
        }
        let GreedyRule { mode, threshold, threshold_mode, .. } = self.rule;
        if threshold_mode.is_better(mode, threshold, metric, state.best) {
            state.best = Some(metric);
            (state.good, state.bad) = (state.good.saturating_add(1), 0);
        } else {
            (state.good, state.bad) = (0, state.bad.saturating_add(1));
        }
        if state.good > self.rule.patience {
            state.good = 0;
            state.warmup_left = self.rule.warmup;
            self.raise(base_rate)
        } else if state.bad > self.rule.patience {
            let change = self.cut(base_rate);
            // As in the original, a reset does not skip the cooldown.
            self.state.bad = 0;
            self.state.cooldown_left = self.rule.cooldown;
            change
        } else {
            None
        }
    }

    /// The metric as the rule sees it.
    fn smooth(&mut self, metric: f64) -> f64 {
        let Some(window) = self.rule.window else { return metric };
        let state = &mut self.state;
        state.window.push_back(metric);
        state.sum += metric;
        if state.window.len() > window
            && let Some(oldest) = state.window.pop_front()
        {
            state.sum -= oldest;
        }
        state.sum / state.window.len() as f64
    }

    fn raise(&mut self, base_rate: f64) -> Option<Change> {
        self.state.resets_left = self.rule.reset_start;
        let from = self.rate(base_rate);
        let to = (from / self.rule.factor).min(self.rule.max_lr);
        (to - from > self.rule.eps).then(|| self.set(from, to, base_rate)).flatten()
    }

    fn cut(&mut self, base_rate: f64) -> Option<Change> {
        let from = self.rate(base_rate);
        let to = (from * self.rule.factor).max(self.rule.min_lr);
        let change = (from - to > self.rule.eps).then(|| self.set(from, to, base_rate)).flatten();
        if self.rate(base_rate) > self.rule.min_lr {
            return change;
        }
        self.state.resets_left = self.state.resets_left.saturating_sub(1);
        if self.state.resets_left > 0 {
            return change;
        }
        self.state = fresh(&self.rule);
        (base_rate != from).then_some(Change { from, to: base_rate })
    }

    fn set(&mut self, from: f64, to: f64, base_rate: f64) -> Option<Change> {
        if base_rate < f64::MIN_POSITIVE {
            return None;
        }
        (self.state.rate, self.state.base) = (to, base_rate);
        Some(Change { from, to })
    }
}

fn fresh(rule: &GreedyRule) -> GreedyState {
    GreedyState {
        best: None,
        good: 0,
        bad: 0,
        cooldown_left: 0,
        warmup_left: 0,
        resets_left: rule.reset_start,
        rate: 1.0,
        base: 1.0,
        window: VecDeque::new(),
        sum: 0.0,
    }
}
