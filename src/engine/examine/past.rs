//! What a lane followed so far: enough to make its updates once more.

use std::sync::Arc;

use crate::train::checkpoint::Forget;
use crate::train::run_plan::RunPlan;

/// The run_plans that a lane followed, in order. Those from its next update on come last.
#[derive(Clone, Debug, Default)]
pub struct Past {
    legs: Vec<Leg>,
}

/// A run_plan, and what was lost where it began.
#[derive(Clone, Debug)]
pub struct Leg {
    pub from: u64,
    pub run_plan: Arc<RunPlan>,
    pub forgot: Forget,
}

impl Past {
    /// Of a lane that followed one run_plan from its beginning.
    pub fn along(run_plan: &Arc<RunPlan>) -> Self {
        Self { legs: vec![Leg { from: 0, run_plan: Arc::clone(run_plan), forgot: Forget::default() }] }
    }

    /// After `update` updates the lane follows this run_plan; anything noted of later updates did not happen.
    pub fn turn(&mut self, update: u64, run_plan: &Arc<RunPlan>) {
        self.legs.retain(|leg| leg.from <= update);
        match self.legs.last_mut() {
            Some(leg) if Arc::ptr_eq(&leg.run_plan, run_plan) => {}
            Some(leg) if leg.from == update => leg.run_plan = Arc::clone(run_plan),
            _ => self.begin(update, run_plan, Forget::default()),
        }
    }

    /// The lane was put where it had this past after `update` updates, and goes on without what is forgotten.
    pub fn go_on(&mut self, update: u64, run_plan: &Arc<RunPlan>, forgot: Forget) {
        self.legs.retain(|leg| leg.from < update);
        if self.legs.is_empty() || forgot != Forget::default() {
            self.begin(update, run_plan, forgot);
        }
        self.turn(update, run_plan);
    }

    fn begin(&mut self, from: u64, run_plan: &Arc<RunPlan>, forgot: Forget) {
        self.legs.push(Leg { from, run_plan: Arc::clone(run_plan), forgot });
    }

    /// The first leg, where it is known how the lane began.
    pub fn beginning(&self) -> Option<&Leg> {
        self.legs.first().filter(|leg| leg.from == 0)
    }

    /// What the lane followed in an update.
    pub fn leg(&self, update: u64) -> Option<&Leg> {
        self.legs.iter().rev().find(|leg| leg.from <= update)
    }

    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// The first update of which another past says something else.
    pub fn parts_from(&self, other: &Self) -> Option<u64> {
        let same = |(a, b): &(&Leg, &Leg)| {
            a.from == b.from && a.forgot == b.forgot && Arc::ptr_eq(&a.run_plan, &b.run_plan)
        };
        let alike = self.legs.iter().zip(&other.legs).take_while(same).count();
        let next = [self.legs.get(alike), other.legs.get(alike)];
        next.into_iter().flatten().map(|leg| leg.from).min()
    }
}
