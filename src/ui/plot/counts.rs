//! How much each update still counts at the end of its run, found for every run where something was edited.

use crate::analysis::memory::Memory;
use crate::experiment::OptimizerKind;
use crate::schedule::Clock;
use crate::telemetry::Column;
use crate::train::ids::RunId;
use crate::ui::studio::Studio;

/// What the plot is called, and what it says.
pub const TITLE: &str = "Update weights";
pub const HELP: &str = "How much each update still counts at the end of the run, by rate and weight decay: × the mean update. Nothing is trained for it.";

/// What was found for a run.
pub struct Found {
    pub id: RunId,
    pub memory: Memory,
    /// As multiples of what the mean update counts, a value a stretch.
    pub counts: Vec<f64>,
}

/// What was found for all runs, as long as that holds.
#[derive(Default)]
pub struct Counts {
    /// Of which version of the document, and of which length.
    of: Option<(u64, Clock)>,
    found: Vec<Found>,
}

impl Counts {
    pub fn of_run(&self, id: RunId) -> Option<&Found> {
        self.found.iter().find(|found| found.id == id)
    }
}

impl Found {
    fn at(&self, update: u64) -> Option<f64> {
        let after = self.memory.stretches.partition_point(|stretch| stretch.update <= update);
        self.counts.get(after.checked_sub(1)?).copied()
    }

    /// Updates and how much they count.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.memory.stretches.iter().zip(&self.counts).map(|(stretch, count)| (stretch.update as f64, *count))
    }
}

/// Looks at every run again where something was edited.
pub fn renew(studio: &mut Studio) {
    let of = Some((studio.document.generation(), studio.clock()));
    if studio.panels.of::<Counts>().of == of {
        return;
    }
    let ids: Vec<RunId> = studio.document.runs().map(|(row, _)| row.id).collect();
    let one = |id| {
        let memory = memory(studio, id)?;
        Some(Found { id, counts: memory.counts(), memory })
    };
    let found = ids.into_iter().filter_map(one).collect();
    *studio.panels.of::<Counts>() = Counts { of, found };
}

/// What the lowest plot says of a run at an update, by its plan.
pub fn lowest(studio: &Studio, id: RunId, update: u64) -> Option<f64> {
    if studio.view.counts {
        return studio.panels.peek::<Counts>()?.of_run(id)?.at(update);
    }
    studio.number(id, studio.view.number, update)
}

/// By how much a momentum lengthens the step of a decay that goes through it.
fn through_momentum(kind: OptimizerKind, momentum: f64) -> f64 {
    if kind == OptimizerKind::Sgd { 1.0 / (1.0 - momentum.clamp(0.0, 0.999)) } else { 1.0 }
}

fn memory(studio: &Studio, id: RunId) -> Option<Memory> {
    let kind = studio.document.run(id)?.optimizer.kind;
    studio.curve(id)?;
    let rate = |update: u64| studio.rate(id, update).unwrap_or_default();
    let decay = |update: u64| {
        let momentum = studio.number(id, Column::Momentum, update).unwrap_or_default();
        let decay = studio.number(id, Column::WeightDecay, update).unwrap_or_default();
        decay * through_momentum(kind, momentum)
    };
    Some(Memory::of(studio.clock().updates, rate, decay))
}
