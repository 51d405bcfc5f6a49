//! What a run follows over its whole life: its own plan, and before its fork that of the run it was forked from.

use std::sync::Arc;

use super::TrainError;
use super::plan::Plan;
use crate::experiment::{Lineage, Run};
use crate::schedule::Clock;

/// The plans of a run, each from an update on.
#[derive(Clone, Debug)]
pub struct Course {
    first: Arc<Plan>,
    /// The later ones by their first updates, in order.
    later: Vec<(u64, Arc<Plan>)>,
}

impl Course {
    /// The courses of an experiment's runs, in their order.
    ///
    /// # Errors
    /// When a schedule of a run cannot be resolved, or a fork's origin is none.
    pub fn all(runs: &[Run], clock: Clock) -> Result<Vec<Arc<Self>>, TrainError> {
        let plans: Vec<Arc<Plan>> =
            runs.iter().map(|run| Plan::new(run, clock).map(Arc::new)).collect::<Result<_, _>>()?;
        let course = |(at, own): (usize, &Arc<Plan>)| {
            let lineage = Lineage::of(runs, at, clock);
            let named = |error| TrainError::Schedule { run: runs[at].name.clone(), error };
            let legs = lineage.map_err(named)?.legs;
            let mut legs = legs.into_iter().map(|(from, run)| (from, plans.get(run).unwrap_or(own).clone()));
            let first = legs.next().map_or_else(|| Arc::clone(own), |(_, plan)| plan);
            Ok(Arc::new(Self { first, later: legs.collect() }))
        };
        plans.iter().enumerate().map(course).collect()
    }

    /// The plan of update `update`.
    pub fn plan(&self, update: u64) -> &Arc<Plan> {
        self.later.iter().rev().find(|(from, _)| *from <= update).map_or(&self.first, |(_, plan)| plan)
    }

    /// The first update after `update` that has another plan.
    pub fn next_after(&self, update: u64) -> Option<u64> {
        self.later.iter().map(|(from, _)| *from).find(|from| *from > update)
    }

    /// The last updates of the cycles in a run of `updates` updates. A cycle that a fork breaks off has none.
    pub fn cycle_ends(&self, updates: u64) -> Vec<u64> {
        let from = std::iter::once(0).chain(self.later.iter().map(|(from, _)| *from));
        let until = self.later.iter().map(|(from, _)| *from).chain([updates]);
        let plans = std::iter::once(&self.first).chain(self.later.iter().map(|(_, plan)| plan));
        let legs = plans.zip(from.zip(until));
        legs.flat_map(|(plan, (from, until))| {
            let ends = plan.lr.cycle_ends(updates).into_iter();
            ends.filter(move |end| (from..until).contains(end))
        })
        .collect()
    }
}
