//! The rates that a run really used, update by update, while a panel asks for them.

use std::sync::Arc;

use crate::engine::Shared;
use crate::engine::protocol::State;
use crate::telemetry::Column;
use crate::train::ids::{LaneId, RunId};

/// While training goes on, rates are copied again once this share of the run was added.
const RENEWED: u64 = 50;

/// The rates of one run's first replica; empty while nobody asks.
#[derive(Clone, Debug, Default)]
pub struct UsedRates {
    pub rates: Arc<[f64]>,
    /// Whether every rate is known, none of them between two that are.
    pub exact: bool,
    /// Changes when the rates do.
    pub stamp: u64,
    of: Option<(RunId, u64, u64)>,
}

impl UsedRates {
    /// Copies the rates of a run, where they may have changed.
    pub fn gather(&mut self, shared: &Shared, wanted: Option<RunId>) {
        let lane = wanted.and_then(|run| Some((run, shared.lanes.get(&LaneId { run, replica: 0 })?)));
        let Some((run, lane)) = lane else {
            if self.of.take().is_some() {
                *self = Self { stamp: self.stamp + 1, ..Self::default() };
            }
            return;
        };
        let status = &shared.status;
        let now = (run, lane.update, status.generation);
        let soon = |before: u64| {
            let step = (status.updates / RENEWED).max(1);
            status.state == State::Playing && lane.update >= before && lane.update - before < step
        };
        match self.of {
            Some(of) if of == now => return,
            Some((of, update, generation)) if of == run && generation == now.2 && soon(update) => return,
            _ => {}
        }
        let series = lane.store.series(Column::Lr);
        let mut rates: Vec<f64> = Vec::new();
        for bucket in series.finest() {
            let span = bucket.last_update.saturating_sub(bucket.first_update).max(1) as f64;
            while (rates.len() as u64) <= bucket.last_update {
                let along = (rates.len() as u64).saturating_sub(bucket.first_update) as f64 / span;
                rates.push(if along >= 1.0 {
                    bucket.last
                } else {
                    bucket.first + along * (bucket.last - bucket.first)
                });
            }
        }
        rates.truncate(lane.update as usize);
        *self =
            Self { rates: rates.into(), exact: series.stride() == 1, stamp: self.stamp + 1, of: Some(now) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LaneView;
    use crate::telemetry::{Row, Store};

    fn shared(rates: &[f64]) -> Shared {
        let mut store = Store::new(1 << 20);
        for (update, lr) in rates.iter().enumerate() {
            store.append(&[Row { update: update as u64, lr: *lr, ..Row::default() }]);
        }
        let view = LaneView {
            store,
            ghost: None,
            update: rates.len() as u64,
            diverged_at: None,
            failed: None,
            stopped: None,
            control: None,
            findings: Arc::default(),
            track: Default::default(),
        };
        let mut shared = Shared::default();
        shared.lanes.insert(LaneId { run: RunId(1), replica: 0 }, view);
        shared
    }

    #[test]
    fn the_rates_are_those_that_were_used_and_are_let_go_when_nobody_asks() {
        let mut used = UsedRates::default();
        used.gather(&shared(&[0.1, 0.2, 0.4]), Some(RunId(1)));
        assert_eq!((used.rates.to_vec(), used.exact), (vec![0.1, 0.2, 0.4], true));
        let stamp = used.stamp;
        used.gather(&shared(&[0.1, 0.2, 0.4]), Some(RunId(1)));
        assert_eq!(used.stamp, stamp, "the same rates are not copied again");
        used.gather(&shared(&[0.1, 0.2, 0.4, 0.8]), Some(RunId(1)));
        assert_eq!(used.rates.len(), 4);
        used.gather(&shared(&[0.1]), None);
        assert!(used.rates.is_empty() && used.stamp > stamp);
    }
}
