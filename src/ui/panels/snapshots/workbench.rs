//! The snapshots of the selected run, compared beside the interface whenever there are others, or others are
//! ticked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eframe::egui::Context;

use crate::analysis::ensemble::{Averages, Candidate, Comparison, EnsembleError, Session};
use crate::data::Prepared;
use crate::engine::Snapshot;
use crate::experiment::Experiment;
use crate::jobs::{Job, Lost};
use crate::train::TrainError;
use crate::train::ids::{LaneId, RunId, SnapshotId};
use crate::ui::latest::Latest;
use crate::ui::studio::Studio;

/// Snapshots that are ticked when nobody asked for any.
const TICKED: usize = 5;

/// What was compared.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    lane: LaneId,
    snapshots: Vec<SnapshotId>,
    chosen: Vec<usize>,
}

/// The newest comparison, and the snapshots in it.
pub struct Compared {
    pub snapshots: Vec<Snapshot>,
    pub result: Result<Comparison, EnsembleError>,
}

/// What was measured, for as long as data and model stay.
struct Measured {
    prepared: Arc<Prepared>,
    experiment: Experiment,
    session: Session,
}

/// Which snapshots are ticked, and what came of it.
#[derive(Default)]
pub struct Bench {
    /// Which of the panel's views is shown.
    pub view: usize,
    /// Whether snapshots that nobody asked for are on the bench beside those that were.
    pub on_the_way: bool,
    /// What was ticked by hand, run by run.
    ticks: BTreeMap<RunId, BTreeSet<SnapshotId>>,
    /// The newest comparison with what was measured for it, until another needs that.
    compared: Latest<Key, (Option<Measured>, Arc<Compared>)>,
}

/// The selected run's snapshots, oldest first: those that were asked for, and those on the way where they are
/// wanted, too, or there is nothing else to compare.
pub fn of_run(studio: &Studio) -> Vec<Snapshot> {
    let lane = LaneId { run: studio.view.selected, replica: 0 };
    let all = || studio.frame.snapshots.iter().filter(|snapshot| snapshot.lane() == lane);
    let asked = || all().filter(|snapshot| snapshot.why.is_wanted());
    let few = asked().count() < 2;
    let on_the_way = studio.panels.peek::<Bench>().is_some_and(|bench| bench.on_the_way);
    if on_the_way || few { all().cloned().collect() } else { asked().cloned().collect() }
}

/// The snapshots that are ticked: those a hand chose, otherwise those that were asked for, otherwise the last few.
pub fn ticked(studio: &Studio, snapshots: &[Snapshot]) -> BTreeSet<SnapshotId> {
    let bench = studio.panels.peek::<Bench>();
    if let Some(ticks) = bench.and_then(|bench| bench.ticks.get(&studio.view.selected)) {
        return ticks.clone();
    }
    let asked: BTreeSet<SnapshotId> =
        snapshots.iter().filter(|snapshot| snapshot.why.is_wanted()).map(|one| one.id).collect();
    if asked.len() > 1 {
        return asked;
    }
    snapshots.iter().rev().take(TICKED).map(|snapshot| snapshot.id).collect()
}

/// Ticks these snapshots of the selected run.
pub fn tick(studio: &mut Studio, ticks: BTreeSet<SnapshotId>) {
    let run = studio.view.selected;
    studio.panels.of::<Bench>().ticks.insert(run, ticks);
}

/// The newest comparison of the selected run; a newer one is begun where it is out of date.
pub fn compared(studio: &mut Studio, ctx: &Context) -> Option<Arc<Compared>> {
    let (key, snapshots) = to_compare(studio);
    let lane = key.lane;
    let bench = studio.panels.of::<Bench>();
    bench.listen();
    // One at a time: while boxes are ticked, what is being compared is finished before the next begins.
    if bench.compared.of(&key).is_none() && !bench.compared.is_pending() {
        begin(studio, ctx, key, snapshots);
    }
    let bench = studio.panels.peek::<Bench>()?;
    let (of, (_, compared)) = bench.compared.newest()?;
    (of.lane == lane).then(|| Arc::clone(compared))
}

/// Whether the comparison of what is ticked is still on its way.
pub fn is_comparing(studio: &Studio) -> bool {
    let (key, _) = to_compare(studio);
    studio.panels.peek::<Bench>().is_none_or(|bench| bench.compared.of(&key).is_none())
}

/// What is ticked, among which snapshots.
fn to_compare(studio: &Studio) -> (Key, Vec<Snapshot>) {
    let snapshots = of_run(studio);
    let ticked = ticked(studio, &snapshots);
    let chosen = (0..snapshots.len()).filter(|at| ticked.contains(&snapshots[*at].id)).collect();
    let lane = LaneId { run: studio.view.selected, replica: 0 };
    let ids = snapshots.iter().map(|snapshot| snapshot.id).collect();
    (Key { lane, snapshots: ids, chosen }, snapshots)
}

fn begin(studio: &mut Studio, ctx: &Context, key: Key, snapshots: Vec<Snapshot>) {
    let Some(prepared) = studio.frame.prepared.clone() else { return };
    let experiment = studio.document.experiment().clone();
    let bench = studio.panels.of::<Bench>();
    let measured = bench.compared.newest_mut().and_then(|(measured, _)| measured.take()).filter(|measured| {
        Arc::ptr_eq(&measured.prepared, &prepared)
            && measured.experiment.model == experiment.model
            && measured.experiment.train == experiment.train
    });
    let (ctx, wanted) = (ctx.clone(), key.clone());
    let work = move |_: &_| {
        let (measured, compared) = compare(measured, prepared, experiment, &wanted, snapshots);
        (measured, Arc::new(compared))
    };
    match Job::spawn("workbench", move || ctx.request_repaint(), work) {
        Ok(job) => bench.compared.renew(key, job),
        Err(error) => tracing::error!("no thread for the workbench: {error}"),
    }
}

impl Bench {
    /// Takes an answer that has come.
    fn listen(&mut self) {
        let lost = || {
            let result = Err(TrainError::from(Lost).into());
            (None, Arc::new(Compared { snapshots: Vec::new(), result }))
        };
        self.compared.poll(lost);
    }
}

fn compare(
    measured: Option<Measured>,
    prepared: Arc<Prepared>,
    experiment: Experiment,
    key: &Key,
    snapshots: Vec<Snapshot>,
) -> (Option<Measured>, Compared) {
    let opened = measured.map_or_else(
        || {
            let session = Session::new(&experiment, Arc::clone(&prepared))?;
            Ok::<_, EnsembleError>(Measured { prepared, experiment, session })
        },
        Ok,
    );
    let (measured, result) = match opened {
        Ok(mut measured) => {
            let result = compare_in(&mut measured.session, key, &snapshots);
            (Some(measured), result)
        }
        Err(error) => (None, Err(error)),
    };
    (measured, Compared { snapshots, result })
}

fn compare_in(session: &mut Session, key: &Key, snapshots: &[Snapshot]) -> Result<Comparison, EnsembleError> {
    let candidates: Vec<Candidate<'_>> = snapshots
        .iter()
        .map(|snapshot| Candidate {
            key: snapshot.id.0,
            update: snapshot.update(),
            weights: snapshot.weights(),
        })
        .collect();
    let newest = snapshots.last();
    let kept = newest.and_then(|newest| newest.saved.kept.as_ref());
    let averages = Averages {
        swa: kept.and_then(|kept| Some((kept.swa.as_deref()?, kept.taken as usize))),
        ema: kept.and_then(|kept| kept.ema.as_deref()),
        last: newest.map(|newest| (newest.weights(), newest.update())),
    };
    let run = newest.map_or("", |newest| newest.saved.run.as_str());
    session.compare((run, key.lane.replica), &candidates, &key.chosen, averages)
}
