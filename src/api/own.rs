//! Our own runs behind the API: looked at where the engine shows them, changed by whoever owns the document.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;

use crate::engine::Viewer;
use crate::engine::protocol::State;
use crate::experiment::Run;
use crate::telemetry::{Column, Series};
use crate::train::ids::{LaneId, Revision, RunId};

use super::change::Change;
use super::made::{Made, keep};
use super::refused::Refused;
use super::rows::number;
use super::stamp;

/// Requests that may wait for the owner, and changes of a run that are remembered.
const QUEUE: usize = 32;
const CHANGES: usize = 1000;
/// Edits by hand that follow each other faster are one.
const GESTURE: f64 = 1.0;

/// What is asked of the owner of our runs.
#[derive(Clone, Debug)]
pub enum Wish {
    Pause,
    Resume,
    /// End the training.
    Stop,
    /// One update, then pause.
    Step,
    Snapshot,
    Fork(RunId),
    Change(RunId, Box<Change>),
}

/// What was done: the update from which on it holds, and the document's generation with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    pub update: u64,
    pub generation: u64,
}

/// A wish that waits for an answer.
pub struct Ask {
    pub wish: Wish,
    /// Who asks, and why.
    pub by: String,
    pub why: String,
    answer: oneshot::Sender<Result<Done, Refused>>,
}

impl Ask {
    /// Answers. One who does not wait any more misses nothing that is not in the list of changes.
    pub fn answer(self, answer: Result<Done, Refused>) {
        let _ = self.answer.send(answer);
    }
}

/// Where the owner's answer comes.
pub type Answered = oneshot::Receiver<Result<Done, Refused>>;

/// What waits for the owner.
pub struct Inbox(Receiver<Ask>);

impl Inbox {
    /// The next wish, if one waits.
    pub fn next(&self) -> Option<Ask> {
        self.0.try_recv().ok()
    }

    /// Waits for a wish, at most so long.
    pub fn wait(&self, most: Duration) -> Option<Ask> {
        self.0.recv_timeout(most).ok()
    }
}

/// Our runs, as the API sees them.
pub struct Own {
    viewer: Viewer,
    wishes: SyncSender<Ask>,
    wake: Box<dyn Fn() + Send>,
    /// Requests that the owner can answer, such as `pause`.
    can: &'static [&'static str],
    revision: Arc<Revision>,
    changes: BTreeMap<RunId, VecDeque<Made>>,
    told: BTreeMap<RunId, Told>,
    /// Whether the training was ended before its last update.
    is_stopped: bool,
}

/// What was told of a run already.
#[derive(Default)]
struct Told {
    state: &'static str,
    update: u64,
    findings: usize,
    at: Option<Instant>,
}

impl Own {
    /// Runs that an engine trains and whose document somebody owns who is woken for wishes.
    pub fn new(
        viewer: Viewer,
        revision: Arc<Revision>,
        can: &'static [&'static str],
        wake: Box<dyn Fn() + Send>,
    ) -> (Self, Inbox) {
        let (wishes, inbox) = sync_channel(QUEUE);
        let (changes, told) = (BTreeMap::new(), BTreeMap::new());
        (Self { viewer, wishes, wake, can, revision, changes, told, is_stopped: false }, Inbox(inbox))
    }

    /// Asks the owner for something.
    ///
    /// # Errors
    /// When too much waits already, or it cannot do that.
    pub fn ask(&self, verb: &str, wish: Wish, by: &str, why: &str) -> Result<Answered, Refused> {
        if self.is_stopped {
            return Err(Refused::Conflict("the training is over".to_owned()));
        }
        if !self.can.contains(&verb) {
            let can = self.can.join(", ");
            return Err(Refused::Conflict(format!("our runs cannot {verb} here, but {can}")));
        }
        let (answer, answered) = oneshot::channel();
        let sent = self.wishes.try_send(Ask { wish, by: by.to_owned(), why: why.to_owned(), answer });
        sent.map_err(|_| Refused::Busy("too many requests wait to be done: try again".to_owned()))?;
        (self.wake)();
        Ok(answered)
    }

    /// What can be asked: nothing of a training that is over.
    pub fn can(&self) -> &'static [&'static str] {
        if self.is_stopped { &[] } else { self.can }
    }

    /// The training goes no further.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Every run, by its name in the API.
    pub fn runs(&self) -> impl Iterator<Item = (RunId, &Run)> {
        self.revision.ids.iter().copied().zip(&self.revision.experiment.runs)
    }

    /// The run of this name in the API.
    pub fn find(&self, id: &str) -> Option<(RunId, &Run)> {
        let number: u32 = id.strip_prefix('r')?.parse().ok()?;
        self.runs().find(|(run, _)| run.0 == number)
    }

    /// The experiment's name.
    pub fn experiment(&self) -> &str {
        &self.revision.experiment.name
    }

    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// The newest change of a run counts as its revision.
    pub fn revision_of(&self, run: RunId) -> u64 {
        self.changes(run).last().map_or(0, |made| made.revision)
    }

    pub fn changes(&self, run: RunId) -> impl DoubleEndedIterator<Item = &Made> {
        self.changes.get(&run).into_iter().flatten()
    }

    /// Looks at the telemetry of a run's first replica.
    pub fn look<R>(&self, run: RunId, look: impl FnOnce(&Progress<'_>) -> R) -> R {
        self.viewer.read(|shared| {
            let lane = shared.lanes.get(&LaneId { run, replica: 0 });
            let progress = Progress {
                state: match &shared.status.state {
                    State::Preparing => "waiting",
                    State::Playing => "training",
                    State::Paused if self.is_stopped => "stopped",
                    State::Paused => "paused",
                    State::Finished => "finished",
                    State::Failed(_) => "stopped",
                },
                update: lane.map_or(0, |lane| lane.update),
                total: shared.status.updates,
                updates_per_epoch: shared.status.updates_per_epoch,
                lane,
            };
            look(&progress)
        })
    }

    /// Takes in the document as it is now; the runs whose rate was changed by hand since.
    pub fn follow(&mut self, revision: Arc<Revision>) -> Vec<(RunId, Made)> {
        let old = std::mem::replace(&mut self.revision, revision);
        if old.generation == self.revision.generation {
            return Vec::new();
        }
        let generation = self.revision.generation;
        let mut edited = Vec::new();
        let now = stamp::now();
        let before = |id: &RunId| {
            let at = old.ids.iter().position(|known| known == id)?;
            old.experiment.runs.get(at)
        };
        let changed: Vec<RunId> = self
            .runs()
            .filter(|(id, run)| {
                before(id).is_some_and(|old| old.lr != run.lr || old.optimizer != run.optimizer)
            })
            .map(|(id, _)| id)
            .collect();
        for run in changed {
            let from = self.look(run, |progress| progress.update);
            let changes = self.changes.entry(run).or_default();
            // What was asked for over the API is noted already.
            if changes.back().is_some_and(|made| made.revision == generation) {
                continue;
            }
            let made = Made::new(generation, from, "studio", "an edit by hand");
            changes.pop_back_if(|last| last.by == "studio" && last.at > now - GESTURE);
            keep(changes, made.clone(), CHANGES);
            edited.push((run, made));
        }
        edited
    }

    /// Notes a change that was asked for over the API.
    pub fn note(&mut self, run: RunId, done: Done, by: &str, why: &str) {
        let made = Made::new(done.generation, done.update, by, why);
        keep(self.changes.entry(run).or_default(), made, CHANGES);
    }

    /// What there is to tell since the last call: changes that took effect, states, findings, and a row at
    /// most ten times a second.
    pub fn news(&mut self, now: Instant) -> Vec<(String, super::rows::Told)> {
        let mut news = Vec::new();
        let in_effect: Vec<(u64, u64)> =
            self.viewer.read(|shared| shared.in_effect.iter().copied().collect());
        for (run, changes) in &mut self.changes {
            for made in changes.iter_mut().filter(|made| made.applied.is_none()) {
                let effect = in_effect.iter().find(|(generation, _)| *generation >= made.revision);
                let Some((_, update)) = effect else { continue };
                let applied = made.from.max(*update);
                (made.applied, made.late) = (Some(applied), *update > made.from && made.by != "studio");
                let data = json!({"revision": made.revision, "update": applied, "late": made.late});
                news.push((name_of(*run), ("applied", data)));
            }
        }
        let runs: Vec<RunId> = self.runs().map(|(run, _)| run).collect();
        self.told.retain(|run, _| runs.contains(run));
        for run in runs {
            let mut told = self.told.remove(&run).unwrap_or_default();
            self.look(run, |progress| {
                progress.tell(&mut told, now, &mut |kind, data| {
                    news.push((name_of(run), (kind, data)));
                });
            });
            self.told.insert(run, told);
        }
        news
    }
}

/// A run's name in the API.
pub fn name_of(run: RunId) -> String {
    format!("r{}", run.0)
}

/// Where a run of ours stands.
pub struct Progress<'a> {
    pub state: &'static str,
    pub update: u64,
    pub total: u64,
    pub updates_per_epoch: u64,
    lane: Option<&'a crate::engine::LaneView>,
}

impl Progress<'_> {
    /// A series by its name in `metrics.csv`.
    pub fn series(&self, name: &str) -> Option<&Series> {
        let column = Column::ALL.into_iter().find(|column| column.name() == name)?;
        Some(self.lane?.store.series(column))
    }

    /// The names of the series that have a point.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        let has = |column: &Column| self.lane.is_some_and(|lane| !lane.store.series(*column).is_empty());
        Column::ALL.into_iter().filter(has).map(Column::name)
    }

    fn tell(&self, told: &mut Told, now: Instant, tell: &mut dyn FnMut(&'static str, serde_json::Value)) {
        if told.state != self.state {
            told.state = self.state;
            tell("state", json!({"state": self.state, "update": self.update}));
        }
        let findings = self.lane.map_or(&[][..], |lane| &lane.findings);
        for finding in findings.iter().skip(told.findings) {
            let data =
                json!({"update": finding.first, "kind": finding.kind.name(), "text": finding.message()});
            tell("finding", data);
        }
        told.findings = findings.len();
        let due = told.at.is_none_or(|at| now.duration_since(at) >= Duration::from_millis(100));
        if due && told.update != self.update && self.update > 0 {
            (told.update, told.at) = (self.update, Some(now));
            let value =
                |name: &'static str| Some((name.to_owned(), number(self.series(name)?.last()?.value)));
            let values: serde_json::Map<_, _> = self.columns().filter_map(value).collect();
            tell("row", json!({"update": self.update - 1, "values": values}));
        }
    }
}
