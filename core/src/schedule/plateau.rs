//! The plateau controller: cuts the rate when a metric stops improving, with the arithmetic of
//! PyTorch's `ReduceLROnPlateau`, over any schedule.

use serde::{Deserialize, Serialize};

use super::ScheduleError;
use super::check::{self, MAX_RATE};
use super::controller::{self, Change, Mode, ThresholdMode};

/// The rule's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlateauRule {
    pub mode: Mode,
    /// What a cut multiplies the rate by, at least 0 and below 1.
    pub factor: f64,
    /// Reports without improvement that are tolerated; the next one cuts.
    pub patience: u64,
    /// How much better than the best a report has to be.
    pub threshold: f64,
    pub threshold_mode: ThresholdMode,
    /// Reports after a cut during which none counts as bad.
    pub cooldown: u64,
    /// No cut leads below this rate.
    pub min_lr: f64,
    /// A cut that changes the rate by no more than this is not made.
    pub eps: f64,
    /// The weight of the past in the moving average that the rule sees instead of the metric, at least 0 and below
    /// 1: `s = weight·s + (1 - weight)·metric`, from the first metric on. It thrashes less where the metric is
    /// noisy. 0 is the metric itself, as in PyTorch.
    pub smoothing: f64,
}

impl Default for PlateauRule {
    /// PyTorch's defaults.
    fn default() -> Self {
        Self {
            mode: Mode::Min,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Rel,
            cooldown: 0,
            min_lr: 0.0,
            eps: 1e-8,
            smoothing: 0.0,
        }
    }
}

impl PlateauRule {
    /// # Errors
    /// Names the first number out of its range.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let not_negative = (0.0, MAX_RATE);
        check::within("plateau.threshold", self.threshold, not_negative)?;
        check::within("plateau.min_lr", self.min_lr, not_negative)?;
        check::within("plateau.eps", self.eps, not_negative)?;
        for (field, share) in [("plateau.factor", self.factor), ("plateau.smoothing", self.smoothing)] {
            if !(0.0..1.0).contains(&share) {
                let allowed = "a number at least 0 and below 1";
                return Err(ScheduleError::new(field, format!("{share:?}"), allowed));
            }
        }
        Ok(())
    }
}

/// What the controller remembers: plain numbers, for a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlateauState {
    /// The best metric; `None` until a first report improves on nothing.
    pub best: Option<f64>,
    /// Reports in a row without improvement.
    pub bad: u64,
    /// Reports until bad ones count again.
    pub cooldown_left: u64,
    /// The rate that the last cut led to, and the schedule's own rate at that report. Their ratio is
    /// what the schedule is multiplied by; kept as two numbers, a constant schedule gives PyTorch's
    /// rates to the last bit.
    pub cut_rate: f64,
    pub cut_base: f64,
    /// The metric's moving average, where it is smoothed.
    #[serde(default)]
    pub smoothed: Option<f64>,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self { best: None, bad: 0, cooldown_left: 0, cut_rate: 1.0, cut_base: 1.0, smoothed: None }
    }
}

/// The controller: a rule and its state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    rule: PlateauRule,
    state: PlateauState,
}

impl Plateau {
    /// # Errors
    /// When a number of the rule is out of its range.
    pub fn new(rule: PlateauRule) -> Result<Self, ScheduleError> {
        Self::resume(rule, PlateauState::default())
    }

    /// The controller as it was when `state` was taken.
    ///
    /// # Errors
    /// When a number of the rule is out of its range, or the state is none that a run leaves.
    pub fn resume(rule: PlateauRule, state: PlateauState) -> Result<Self, ScheduleError> {
        rule.check()?;
        check::within("plateau.cut_base", state.cut_base, (f64::MIN_POSITIVE, f64::MAX))?;
        check::within("plateau.cut_rate", state.cut_rate, (0.0, state.cut_base))?;
        Ok(Self { rule, state })
    }

    #[must_use]
    pub fn rule(&self) -> &PlateauRule {
        &self.rule
    }

    #[must_use]
    pub fn state(&self) -> &PlateauState {
        &self.state
    }

    /// The rate used where the schedule alone would give `base_rate`.
    #[must_use]
    pub fn rate(&self, base_rate: f64) -> f64 {
        controller::scaled(base_rate, self.state.cut_rate, self.state.cut_base)
    }

    /// Takes a metric, and the schedule's own rate of the last update. NaN is never an improvement.
    pub fn report(&mut self, metric: f64, base_rate: f64) -> Option<Change> {
        let metric = self.smooth(metric);
        let state = &mut self.state;
        let PlateauRule { mode, threshold, threshold_mode, .. } = self.rule;
        if threshold_mode.is_better(mode, threshold, metric, state.best) {
            state.best = Some(metric);
            state.bad = 0;
        } else {
            state.bad = state.bad.saturating_add(1);
        }
        if state.cooldown_left > 0 {
            state.cooldown_left -= 1;
            state.bad = 0;
        }
        if state.bad <= self.rule.patience {
            return None;
        }
        state.cooldown_left = self.rule.cooldown;
        state.bad = 0;
        self.cut(base_rate)
    }

    /// The metric as the rule sees it. One that is no number is not averaged in, so that it does not stay.
    fn smooth(&mut self, metric: f64) -> f64 {
        let weight = self.rule.smoothing;
        if weight == 0.0 || !metric.is_finite() {
            return metric;
        }
        let mean = self.state.smoothed.map_or(metric, |mean| weight * mean + (1.0 - weight) * metric);
        self.state.smoothed = Some(mean);
        mean
    }

    fn cut(&mut self, base_rate: f64) -> Option<Change> {
        let from = self.rate(base_rate);
        let to = (from * self.rule.factor).max(self.rule.min_lr);
        if from - to <= self.rule.eps || base_rate < f64::MIN_POSITIVE {
            return None;
        }
        self.state.cut_rate = to;
        self.state.cut_base = base_rate;
        Some(Change { from, to })
    }
}

#[cfg(test)]
mod tests {
    use Mode::{Max, Min};
    use ThresholdMode::{Abs, Rel};

    use super::*;

    fn plateau(rule: PlateauRule) -> Plateau {
        Plateau::new(rule).unwrap()
    }

    #[test]
    fn patience_counts_down_and_the_cooldown_follows_the_cut() {
        let rule = PlateauRule { factor: 0.5, patience: 1, cooldown: 2, ..PlateauRule::default() };
        let mut plateau = plateau(rule);
        assert_eq!(plateau.state().best, None);
        assert_eq!(plateau.report(1.0, 0.1), None);
        assert_eq!((plateau.state().best, plateau.state().bad), (Some(1.0), 0));
        assert_eq!(plateau.report(1.0, 0.1), None);
        assert_eq!(plateau.state().bad, 1);
        assert_eq!(plateau.report(1.0, 0.1), Some(Change { from: 0.1, to: 0.05 }));
        assert_eq!((plateau.state().bad, plateau.state().cooldown_left), (0, 2));
        assert_eq!(plateau.report(1.0, 0.1), None);
        assert_eq!((plateau.state().bad, plateau.state().cooldown_left), (0, 1));
    }

    #[test]
    fn the_cut_multiplies_whatever_the_schedule_says() {
        let rule = PlateauRule { factor: 0.5, patience: 0, ..PlateauRule::default() };
        let mut plateau = plateau(rule);
        plateau.report(1.0, 0.1);
        plateau.report(1.0, 0.1);
        assert_eq!(plateau.rate(0.1), 0.05);
        assert_eq!(plateau.rate(0.02), 0.01);
        assert_eq!(plateau.rate(1.0), 0.5);
    }

    #[test]
    fn under_a_constant_schedule_the_rates_are_pytorchs_to_the_last_bit() {
        let mut plateau = plateau(PlateauRule { patience: 0, eps: 0.0, ..PlateauRule::default() });
        let mut pytorch: f64 = 0.3;
        plateau.report(1.0, 0.3);
        for _ in 0..40 {
            plateau.report(1.0, 0.3);
            pytorch *= 0.1;
            assert_eq!(plateau.rate(0.3).to_bits(), pytorch.to_bits());
        }
    }

    #[test]
    fn the_rate_stops_at_its_minimum_and_small_cuts_are_not_made() {
        let rule = PlateauRule { patience: 0, min_lr: 0.02, ..PlateauRule::default() };
        let mut floored = plateau(rule);
        floored.report(1.0, 0.1);
        assert_eq!(floored.report(1.0, 0.1), Some(Change { from: 0.1, to: 0.02 }));
        assert_eq!(floored.report(1.0, 0.1), None);
        assert_eq!(floored.rate(0.1), 0.02);
        let mut small = plateau(PlateauRule { patience: 0, ..PlateauRule::default() });
        small.report(1.0, 1e-9);
        assert_eq!(small.report(1.0, 1e-9), None);
        // As in PyTorch the count starts from 0 even so.
        assert_eq!(small.state().bad, 0);
    }

    #[test]
    fn better_is_as_pytorch_says_in_all_four_modes() {
        let improves = |mode, threshold_mode, metric| {
            let rule = PlateauRule { mode, threshold: 0.1, threshold_mode, ..PlateauRule::default() };
            let mut plateau = plateau(rule);
            plateau.report(2.0, 0.1);
            plateau.report(metric, 0.1);
            plateau.state().bad == 0
        };
        assert!(improves(Min, Rel, 1.79) && !improves(Min, Rel, 1.81));
        assert!(improves(Min, Abs, 1.89) && !improves(Min, Abs, 1.91));
        assert!(improves(Max, Rel, 2.21) && !improves(Max, Rel, 2.19));
        assert!(improves(Max, Abs, 2.11) && !improves(Max, Abs, 2.09));
        assert!(!improves(Min, Rel, f64::NAN) && !improves(Max, Abs, f64::NAN));
    }

    #[test]
    fn a_resumed_controller_goes_on_as_if_never_stopped() {
        let rule = PlateauRule { factor: 0.3, patience: 2, cooldown: 1, ..PlateauRule::default() };
        let metric = |report: u32| 1.0 / f64::from(1 + report % 7);
        for stop in 0..30 {
            let (mut whole, mut first) = (plateau(rule), plateau(rule));
            (0..stop).for_each(|report| {
                whole.report(metric(report), 0.1);
                first.report(metric(report), 0.1);
            });
            let text = serde_json::to_string(first.state()).unwrap();
            let state = serde_json::from_str(&text).unwrap();
            let mut second = Plateau::resume(rule, state).unwrap();
            for report in stop..60 {
                assert_eq!(whole.report(metric(report), 0.1), second.report(metric(report), 0.1));
            }
            assert_eq!(whole, second);
        }
    }

    #[test]
    fn a_wrong_rule_or_state_is_refused() {
        let factor = PlateauRule { factor: 1.0, ..PlateauRule::default() };
        assert_eq!(
            Plateau::new(factor).unwrap_err().to_string(),
            "`plateau.factor` is 1.0; allowed is a number at least 0 and below 1"
        );
        let threshold = PlateauRule { threshold: f64::NAN, ..PlateauRule::default() };
        assert_eq!(Plateau::new(threshold).unwrap_err().field, "plateau.threshold");
        let state = PlateauState { cut_rate: f64::NAN, ..PlateauState::default() };
        assert!(Plateau::resume(PlateauRule::default(), state).is_err());
    }
}
