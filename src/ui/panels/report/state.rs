//! What the report panel keeps: the tuned baseline, and the newest audit.

use crate::analysis::audit::{Audit, RunRecord};
use crate::analysis::baseline::{self, Baseline};
use crate::engine::protocol::Command;
use crate::experiment::Run;
use crate::train::TrainError;
use crate::ui::basis::Basis;
use crate::ui::document::Row;
use crate::ui::latest::Latest;
use crate::ui::studio::Studio;

/// The audit of what is trained.
#[derive(Debug, Default)]
pub struct State {
    /// A baseline has no schedule, so it holds while those of the runs change.
    pub baseline: Latest<Basis, Result<Baseline, TrainError>>,
    /// The newest audit, and the state of telemetry and baseline it was made of.
    audit: Option<((u64, bool), Audit)>,
}

/// What a baseline depends on now.
fn basis(studio: &Studio) -> Option<Basis> {
    Basis::of(&studio.document, studio.document.first()?)
}

/// Takes in a baseline that has come; an edit that makes it meaningless cancels it.
pub fn poll(studio: &mut Studio, _shown: bool) -> bool {
    if !studio.panels.peek::<State>().is_some_and(|state| state.baseline.is_pending()) {
        return false;
    }
    let wanted = basis(studio);
    let baseline = &mut studio.panels.of::<State>().baseline;
    baseline.poll(|| Err(TrainError::Cancelled));
    baseline.cancel_unless(|of| wanted.as_ref() == Some(of));
    baseline.is_pending()
}

/// Tunes the constant rate that the report compares with.
pub fn tune_baseline(studio: &mut Studio) {
    let Some(basis) = basis(studio) else { return };
    let (errand, promise) = baseline::errand();
    studio.panels.of::<State>().baseline.restart(basis, promise);
    studio.tell(Command::Errand(errand));
}

/// What was trained so far, in the tables of the report: against the tuned baseline where there is one for this
/// experiment, otherwise against the first run with a constant rate, or the first.
pub fn audit(studio: &mut Studio) -> Option<&Audit> {
    let basis = basis(studio);
    let state = studio.panels.peek::<State>();
    let tuned = state.zip(basis.as_ref()).and_then(|(state, basis)| state.baseline.of(basis)?.as_ref().ok());
    let stamp = (studio.frame.tallies.stamp, tuned.is_some());
    if state.is_none_or(|state| state.audit.as_ref().is_none_or(|(of, _)| *of != stamp)) {
        let records = records(studio);
        let title = &studio.document.experiment().name;
        let audit = match tuned.cloned() {
            Some(baseline) => baseline.audit(title, records).in_scenario(studio.document.experiment()),
            None => Audit::of_runs(studio.document.experiment(), records),
        };
        studio.panels.of::<State>().audit = Some((stamp, audit));
    }
    studio.panels.peek::<State>()?.audit.as_ref().map(|(_, audit)| audit)
}

fn records(studio: &Studio) -> Vec<RunRecord> {
    let lanes = &studio.frame.tallies.lanes;
    let record = |(row, run): (Row, &Run)| {
        let of_run = lanes.iter().filter(|(id, _)| id.run == row.id);
        RunRecord::new(run, of_run.map(|(_, tally)| tally.clone()).collect())
    };
    studio.document.runs().map(record).collect()
}
