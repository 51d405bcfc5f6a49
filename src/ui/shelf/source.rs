//! Where a guest of the run list comes from: a file that is followed, or a program that trains now.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use crate::analysis::recorded::Recorded;
use crate::api::asked::Asked;
use crate::api::hub;
use crate::api::live::{Bendable, Live, LiveState};
use crate::api::made::Made;
use crate::api::promise::Latency;
use crate::recording::{Recorder, Recording};

/// Changes of a live run that are shown.
const SHOWN: usize = 8;
/// Groups whose planned rates are drawn.
const GROUPS: usize = 8;

/// What a thread reads and the interface shows.
pub struct Followed {
    pub recorder: Recorder,
    /// What goes wrong in each recording.
    pub findings: Vec<Arc<[Recorded]>>,
    /// Changes with every reading.
    pub version: u64,
    /// Why it cannot be followed any more.
    pub lost: Option<String>,
}

/// Where a guest comes from.
pub enum Source {
    File {
        followed: Arc<Mutex<Followed>>,
        /// Which of the recorder's recordings it is.
        at: usize,
        /// Ends the thread when the last recording of its file is closed.
        _follows: Arc<SyncSender<()>>,
    },
    Live(hub::Shared),
    /// While it is looked at.
    Gone,
}

/// A guest as it is just now.
pub struct Seen<'a> {
    pub recording: &'a Recording,
    pub version: u64,
    /// Why it cannot be followed any more.
    pub lost: Option<String>,
    pub findings: Arc<[Recorded]>,
    /// What was left out or assumed.
    pub notes: &'a dyn Fn() -> Vec<String>,
    /// A program that trains now.
    pub live: Option<&'a Live>,
}

impl Source {
    /// Looks at it; nothing where it is being written to just now, unless `wait`.
    pub fn look<T>(&self, wait: bool, look: impl FnOnce(Seen<'_>) -> T) -> Option<T> {
        match self {
            Self::Gone => None,
            Self::File { followed, at, .. } => {
                let followed = locked(followed, wait)?;
                let (_, recording) = followed.recorder.recordings().nth(*at)?;
                Some(look(Seen {
                    recording,
                    version: followed.version,
                    lost: followed.lost.clone(),
                    findings: followed.findings.get(*at).cloned().unwrap_or_default(),
                    notes: &|| followed.recorder.left_out().sentences(),
                    live: None,
                }))
            }
            Self::Live(live) => {
                let live = locked(live, wait)?;
                Some(look(Seen {
                    recording: live.recording.recording(),
                    version: live.version,
                    lost: None,
                    findings: Arc::clone(&live.findings),
                    notes: &|| live.notes(),
                    live: Some(&live),
                }))
            }
        }
    }

    /// The live run that it is.
    pub fn live(&self) -> Option<&hub::Shared> {
        match self {
            Self::Live(live) => Some(live),
            Self::File { .. } | Self::Gone => None,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>, wait: bool) -> Option<MutexGuard<'_, T>> {
    if wait {
        return Some(mutex.lock().unwrap_or_else(PoisonError::into_inner));
    }
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// What is shown of a live run beside its curves.
#[derive(Clone, Debug)]
pub struct LiveView {
    /// Its name in the API.
    pub id: String,
    pub state: LiveState,
    /// Updates made, and those of the whole run, where it says.
    pub update: u64,
    pub total: Option<u64>,
    pub groups: Vec<String>,
    /// Updates a second, and seconds since it last said something.
    pub speed: Option<f64>,
    pub silent: f64,
    /// How fast changes took effect; those that came late.
    pub latency: Option<Latency>,
    pub late: usize,
    pub can: Vec<String>,
    pub bounds: Option<(f64, f64)>,
    pub pause: bool,
    pub stop: bool,
    /// Whether its rate is changed now or later.
    pub is_bent: bool,
    pub framework: String,
    /// Numbers of its optimizer that can be bent.
    pub numbers: Vec<Bendable>,
    /// The newest changes, and what it was asked to do once, the newest first.
    pub changes: Vec<Made>,
    pub asked: Vec<Asked>,
}

impl LiveView {
    pub fn of(live: &Live, now: Instant) -> Self {
        Self {
            id: live.id.clone(),
            state: live.state(now),
            update: live.update,
            total: live.about.total,
            groups: live.plan().groups().map(str::to_owned).collect(),
            speed: live.speed(),
            silent: live.silent(now),
            latency: live.latency(),
            late: live.late(),
            can: live.about.can.clone(),
            bounds: live.about.bounds,
            pause: live.pause,
            stop: live.stop,
            is_bent: live.is_bent(),
            framework: live.about.framework.clone(),
            numbers: live.bendable(),
            changes: live.changes.iter().rev().take(SHOWN).cloned().collect(),
            asked: live.asked().rev().take(SHOWN).cloned().collect(),
        }
    }

    /// Whether a change can still reach it.
    pub fn has_future(&self) -> bool {
        !self.state.is_over() && self.total.is_none_or(|total| self.update < total)
    }
}

/// The planned rates of each group from the newest update on: update and rate, about `columns` of them.
pub fn ahead(live: &Live, until: u64, columns: usize) -> Vec<Vec<(u64, f64)>> {
    let from = live.update.saturating_sub(1);
    let end = live.about.total.map_or(live.update, |total| total.saturating_sub(1)).min(until);
    if live.about.total.is_none() || end <= from || live.state(Instant::now()).is_over() {
        return Vec::new();
    }
    let step = ((end - from) / columns.max(2) as u64).max(1);
    let plan = live.plan();
    let of_group = |group: &str| {
        let turns = plan.turns(group).into_iter().flat_map(|turn| [turn.saturating_sub(1), turn]);
        let turns = turns.filter(|turn| (from..=end).contains(turn));
        let regular = (from..=end).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        let mut updates: Vec<u64> = regular.chain(turns).chain([end]).collect();
        updates.sort_unstable();
        updates.dedup();
        let rates = updates.into_iter().filter_map(|update| Some((update, plan.rate(group, update)?)));
        rates.collect()
    };
    plan.groups().take(GROUPS).map(of_group).collect()
}
