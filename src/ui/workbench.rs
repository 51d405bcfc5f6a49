//! The snapshots of the selected run, compared beside the interface whenever there are others, or others are
//! ticked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

use eframe::egui::Context;

use super::studio::Studio;
use crate::analysis::ensemble::{Averages, Candidate, Comparison, EnsembleError, Session};
use crate::data::Prepared;
use crate::engine::Snapshot;
use crate::experiment::Experiment;
use crate::train::ids::{LaneId, RunId, SnapshotId};

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
    key: Key,
    pub snapshots: Vec<Snapshot>,
    pub result: Result<Comparison, String>,
}

/// What was measured, for as long as data and model stay.
struct Measured {
    prepared: Arc<Prepared>,
    experiment: Experiment,
    session: Session,
}

/// A comparison on its way; it brings back what it was made with.
struct Pending {
    key: Key,
    answer: Receiver<(Option<Measured>, Arc<Compared>)>,
}

/// Which snapshots are ticked, and what came of it.
#[derive(Default)]
pub struct Bench {
    /// Whether snapshots that nobody asked for are on the bench beside those that were.
    pub on_the_way: bool,
    /// What was ticked by hand, run by run.
    ticks: BTreeMap<RunId, BTreeSet<SnapshotId>>,
    measured: Option<Measured>,
    pending: Option<Pending>,
    done: Option<Arc<Compared>>,
}

impl Studio {
    /// The selected run's snapshots, oldest first: those that were asked for, and those on the way where they are
    /// wanted, too, or there is nothing else to compare.
    pub fn run_snapshots(&self) -> Vec<Snapshot> {
        let lane = LaneId { run: self.view.selected, replica: 0 };
        let all = || self.frame.snapshots.iter().filter(|snapshot| snapshot.lane() == lane);
        let asked = || all().filter(|snapshot| snapshot.why.is_wanted());
        let few = asked().count() < 2;
        if self.bench.on_the_way || few { all().cloned().collect() } else { asked().cloned().collect() }
    }

    /// The snapshots that are ticked: those a hand chose, otherwise those that were asked for, otherwise the
    /// last few.
    pub fn ticked(&self, snapshots: &[Snapshot]) -> BTreeSet<SnapshotId> {
        if let Some(ticks) = self.bench.ticks.get(&self.view.selected) {
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
    pub fn tick(&mut self, ticks: BTreeSet<SnapshotId>) {
        self.bench.ticks.insert(self.view.selected, ticks);
    }

    /// The newest comparison of the selected run; a newer one is begun where it is out of date.
    pub fn compared(&mut self, ctx: &Context) -> Option<Arc<Compared>> {
        let (key, snapshots) = self.to_compare();
        let lane = key.lane;
        self.bench.listen();
        let fresh = self.bench.done.as_ref().is_some_and(|done| done.key == key);
        // One at a time: while boxes are ticked, what is being compared is finished before the next begins.
        if !fresh && self.bench.pending.is_none() {
            self.begin_comparing(ctx, key, snapshots);
        }
        self.bench.done.clone().filter(|done| done.key.lane == lane)
    }

    /// Whether the comparison of what is ticked is still on its way.
    pub fn is_comparing(&self) -> bool {
        let (key, _) = self.to_compare();
        self.bench.done.as_ref().is_none_or(|done| done.key != key)
    }

    /// What is ticked, among which snapshots.
    fn to_compare(&self) -> (Key, Vec<Snapshot>) {
        let snapshots = self.run_snapshots();
        let ticked = self.ticked(&snapshots);
        let chosen = (0..snapshots.len()).filter(|at| ticked.contains(&snapshots[*at].id)).collect();
        let lane = LaneId { run: self.view.selected, replica: 0 };
        let ids = snapshots.iter().map(|snapshot| snapshot.id).collect();
        (Key { lane, snapshots: ids, chosen }, snapshots)
    }

    fn begin_comparing(&mut self, ctx: &Context, key: Key, snapshots: Vec<Snapshot>) {
        let Some(prepared) = self.frame.prepared.clone() else { return };
        let experiment = self.document.experiment().clone();
        let measured = self.bench.measured.take().filter(|measured| {
            Arc::ptr_eq(&measured.prepared, &prepared)
                && measured.experiment.model == experiment.model
                && measured.experiment.train == experiment.train
        });
        let (send, answer) = sync_channel(1);
        let (ctx, wanted) = (ctx.clone(), key.clone());
        let work = move || {
            // Nobody waits for it any more when the studio has closed.
            let _ = send.send(compare(measured, prepared, experiment, wanted, snapshots));
            ctx.request_repaint();
        };
        match thread::Builder::new().name("workbench".into()).spawn(work) {
            Ok(_) => self.bench.pending = Some(Pending { key, answer }),
            Err(error) => tracing::error!("no thread for the workbench: {error}"),
        }
    }
}

impl Bench {
    /// Takes an answer that has come.
    fn listen(&mut self) {
        let Some(pending) = &self.pending else { return };
        match pending.answer.try_recv() {
            Ok((measured, compared)) => {
                self.measured = measured;
                self.done = Some(compared);
            }
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => {
                let result = Err("the comparison stopped without a word".to_owned());
                let key = pending.key.clone();
                self.done = Some(Arc::new(Compared { key, snapshots: Vec::new(), result }));
            }
        }
        self.pending = None;
    }
}

fn compare(
    measured: Option<Measured>,
    prepared: Arc<Prepared>,
    experiment: Experiment,
    key: Key,
    snapshots: Vec<Snapshot>,
) -> (Option<Measured>, Arc<Compared>) {
    let opened = measured.map_or_else(
        || {
            let session = Session::new(&experiment, Arc::clone(&prepared))?;
            Ok::<_, EnsembleError>(Measured { prepared, experiment, session })
        },
        Ok,
    );
    let (measured, result) = match opened {
        Ok(mut measured) => {
            let result = compare_in(&mut measured.session, &key, &snapshots);
            (Some(measured), result)
        }
        Err(error) => (None, Err(error)),
    };
    let result = result.map_err(|error| error.to_string());
    (measured, Arc::new(Compared { key, snapshots, result }))
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
