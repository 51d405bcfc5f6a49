//! Trials that train side by side, step by step, here or on other machines: the driver hears how they look and says
//! which are given up.

use super::SweepError;
use super::cohorts::{Report, Setting, Wave};
use super::space::Chosen;
use super::trial::Trial;

/// A trial that has ended, and why it could not be trained.
pub type Ended = (Trial, Option<String>);

/// How a trial that is still trained looked after each step so far.
pub type Curve = (usize, Vec<(u64, f64)>);

/// Trials that race each other.
pub trait Race {
    /// Trains what is still trained up to a step of the run.
    ///
    /// # Errors
    /// When `report` stops it, or where they train fails.
    fn advance(&mut self, step: u64, report: &mut Report<'_>) -> Result<(), SweepError>;

    /// Notes how those that are still trained look after a step, and says so.
    fn curves(&mut self, step: u64) -> Vec<Curve>;

    /// Gives up these trials.
    ///
    /// # Errors
    /// When where they train fails.
    fn prune(&mut self, pruned: &[usize]) -> Result<(), SweepError>;

    /// The trials that have ended since the last call, in their order.
    fn ended(&mut self) -> Vec<Ended>;
}

/// A race in this process.
pub struct Here<'s> {
    setting: &'s Setting,
    wave: Wave,
}

impl<'s> Here<'s> {
    /// Puts these trials at update 0.
    pub fn begin(setting: &'s mut Setting, trials: Vec<(usize, Chosen)>) -> Self {
        let wave = setting.wave(trials);
        Self { setting, wave }
    }
}

impl Race for Here<'_> {
    fn advance(&mut self, step: u64, report: &mut Report<'_>) -> Result<(), SweepError> {
        Ok(self.wave.advance(self.setting, step, report)?)
    }

    fn curves(&mut self, step: u64) -> Vec<Curve> {
        let curves = self.wave.curves(self.setting, step);
        curves.into_iter().map(|(trial, curve)| (trial, curve.to_vec())).collect()
    }

    fn prune(&mut self, pruned: &[usize]) -> Result<(), SweepError> {
        self.wave.prune(self.setting, pruned);
        Ok(())
    }

    fn ended(&mut self) -> Vec<Ended> {
        self.wave.ended()
    }
}
