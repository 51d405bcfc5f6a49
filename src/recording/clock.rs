//! The tick of a row, where its step is counted from 0 again in each epoch.

/// Places one run's rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// What is added to steps: the length of the epochs before.
    offset: u64,
    last: Option<u64>,
    /// The distance of the last two steps.
    gap: u64,
    epoch: Option<f64>,
    /// Whether a step was seen to begin anew with an epoch.
    pub within_epochs: bool,
}

impl Clock {
    /// The tick of a row with this step, in this epoch where the row says one.
    pub fn place(&mut self, step: u64, epoch: Option<f64>) -> u64 {
        if let Some(last) = self.last
            && step < last
            && let (Some(now), Some(before)) = (epoch, self.epoch)
            && now.floor() > before.floor()
            && step <= self.gap.max(1)
        {
            self.offset =
                self.offset.saturating_add(last).saturating_add(self.gap.max(1)).saturating_sub(step);
            self.within_epochs = true;
        } else if let Some(last) = self.last
            && step > last
        {
            self.gap = step - last;
        }
        self.last = Some(step);
        self.epoch = epoch.or(self.epoch);
        self.offset.saturating_add(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_begins_anew_with_each_epoch_goes_on() {
        let mut clock = Clock::default();
        let rows = [(50, 1.0), (100, 1.0), (50, 2.0), (100, 2.0), (50, 3.0)];
        let ticks: Vec<u64> = rows.iter().map(|(step, epoch)| clock.place(*step, Some(*epoch))).collect();
        assert_eq!(ticks, [50, 100, 150, 200, 250]);
        assert!(clock.within_epochs);
    }

    #[test]
    fn a_log_that_goes_back_within_its_epoch_was_resumed() {
        let mut clock = Clock::default();
        for (step, tick) in [(100, 100), (200, 200), (300, 300), (200, 200)] {
            assert_eq!(clock.place(step, Some(step as f64 / 1000.0)), tick);
        }
        assert!(!clock.within_epochs);
    }
}
