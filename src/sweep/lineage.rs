//! The way of a member's weights through a population: in whose hands they were, under which rates.

use serde::{Deserialize, Serialize};

use crate::schedule::{Clock, Schedule, ScheduleError};

/// What became of one member's weights, and of the member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    /// The hands that its weights went through, from update 0 on; the last are its own.
    pub hands: Vec<Hands>,
    /// The updates after which it took another member's weights, and whose: what a later copy wrote over, too.
    pub copied: Vec<(u64, usize)>,
    /// The validation loss of its weights after so many updates; nothing where they diverged.
    pub losses: Vec<(u64, Option<f64>)>,
    /// Updates of an epoch, by which lengths of the run's schedule were told.
    pub updates_per_epoch: u64,
}

/// From an update on: who trained the weights, under the run's schedule times which factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hands {
    pub from: u64,
    pub member: usize,
    pub factor: f64,
}

impl Lineage {
    /// Of a member at update 0.
    pub(super) fn new(member: usize, factor: f64, clock: Clock) -> Self {
        let hands = vec![Hands { from: 0, member, factor }];
        Self { hands, updates_per_epoch: clock.updates_per_epoch, ..Self::default() }
    }

    /// Of a member that takes another's weights after so many updates and goes on under a factor of its own.
    pub(super) fn heir(&self, member: usize, own: &Self, at: u64, factor: f64) -> Self {
        let parent = self.hands.last().map_or(member, |hands| hands.member);
        let mut heir = self.clone();
        heir.hands.push(Hands { from: at, member, factor });
        heir.copied = own.copied.clone();
        heir.copied.push((at, parent));
        heir
    }

    /// The last factor.
    pub(super) fn factor(&self) -> f64 {
        self.hands.last().map_or(1.0, |hands| hands.factor)
    }

    /// What the run's schedule is multiplied by at an update.
    pub fn factor_at(&self, update: u64) -> f64 {
        let after = self.hands.partition_point(|hands| hands.from <= update);
        after.checked_sub(1).and_then(|at| self.hands.get(at)).map_or(1.0, |hands| hands.factor)
    }

    /// The rates, of a run whose updates have these rates before they are multiplied.
    pub fn rates(&self, base: &[f64]) -> Vec<f64> {
        base.iter().zip(0..).map(|(rate, at)| self.factor_at(at) * rate).collect()
    }

    /// The rates of a run of so many updates under a schedule.
    ///
    /// # Errors
    /// When the schedule is not one of so many updates.
    pub fn along(&self, schedule: &Schedule, updates: u64) -> Result<Vec<f64>, ScheduleError> {
        let curve = schedule.resolve(Clock { updates, updates_per_epoch: self.updates_per_epoch.max(1) })?;
        Ok((0..updates).map(|at| self.factor_at(at) * curve.at(at)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_heir_has_the_past_of_whom_it_copies_and_its_own_copies() {
        let clock = Clock { updates: 10, updates_per_epoch: 5 };
        let parent = Lineage::new(0, 2.0, clock);
        let own = Lineage::new(1, 8.0, clock).clone();
        let once = parent.heir(1, &own, 4, 1.6);
        let twice = Lineage::new(2, 0.5, clock).heir(1, &once, 8, 0.4);
        assert_eq!(once.rates(&[1.0; 6]), [2.0, 2.0, 2.0, 2.0, 1.6, 1.6]);
        assert_eq!(twice.hands.iter().map(|hands| hands.member).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(twice.copied, [(4, 0), (8, 2)], "what was written over is remembered");
    }
}
