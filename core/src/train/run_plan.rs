//! What a run follows over its whole life: its own plan, and before its fork that of the run it was forked from.

use std::sync::Arc;

use super::TrainError;
use super::plan::Plan;
use crate::experiment::{Run, lineage};
use crate::schedule::{Clock, Piecewise};

/// The plans of a run, each from an update on.
#[derive(Clone, Debug)]
pub struct RunPlan(Piecewise<Arc<Plan>>);

impl From<Arc<Plan>> for RunPlan {
    /// One plan from the first update on.
    fn from(plan: Arc<Plan>) -> Self {
        Self(plan.into())
    }
}

impl RunPlan {
    /// The plans of an experiment's runs, in their order.
    ///
    /// # Errors
    /// When a schedule of a run cannot be resolved, or a fork's origin is none.
    pub fn all(runs: &[Run], clock: Clock) -> Result<Vec<Arc<Self>>, TrainError> {
        let plans: Vec<Arc<Plan>> =
            runs.iter().map(|run| Plan::new(run, clock).map(Arc::new)).collect::<Result<_, _>>()?;
        let run_plan = |at: usize| {
            let named = |error| TrainError::Schedule { run: runs[at].name.clone(), error };
            let plans = lineage(runs, at, clock)
                .and_then(|lineage| lineage.try_map(|run| Ok(Arc::clone(&plans[*run]))));
            Ok(Arc::new(Self(plans.map_err(named)?)))
        };
        (0..runs.len()).map(run_plan).collect()
    }

    /// Every plan of it, the first one first.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.0.values().map(|plan| &**plan)
    }

    /// The plan of update `update`.
    pub fn plan(&self, update: u64) -> &Arc<Plan> {
        self.0.at(update)
    }

    /// The first update after `update` that has another plan.
    pub fn next_after(&self, update: u64) -> Option<u64> {
        self.0.next_after(update)
    }

    /// The last updates of the cycles in a run of `updates` updates. A cycle that a fork breaks off has none.
    pub fn cycle_ends(&self, updates: u64) -> Vec<u64> {
        let ends = |(range, plan): (std::ops::Range<u64>, &Arc<Plan>)| {
            plan.lr.cycle_ends(updates).into_iter().filter(move |end| range.contains(end))
        };
        self.0.pieces(updates).flat_map(ends).collect()
    }
}
