//! What the engine starts with, and what it shows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::examine::{Examined, Past};
use super::ground::Landscape;
use super::guard::OwnEdit;
use super::protocol::{Field, Speed, Status};
use super::track::Track;
use crate::analysis::detect::Finding;
use crate::data::Prepared;
use crate::telemetry::{Event, Store};
use crate::train::Stopped;
use crate::train::checkpoint::SavedLane;
use crate::train::control::Standing;
use crate::train::device::Choice;
use crate::train::ids::{LaneId, Mode, SnapshotId};

/// How an engine starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Training threads; without a number, all cores but one.
    pub threads: Option<usize>,
    /// Where to train.
    pub device: Choice,
    pub playing: bool,
    pub speed: Speed,
    pub mode: Mode,
    /// Bytes for the telemetry of all lanes together.
    pub history_bytes: usize,
    /// Bytes for the snapshots taken along the way; those asked for come on top.
    pub snapshot_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: None,
            device: Choice::Auto,
            playing: true,
            speed: Speed::Unlimited,
            mode: Mode::Live,
            history_bytes: 160 << 20,
            snapshot_bytes: 256 << 20,
        }
    }
}

/// What the engine shows of one lane.
pub struct LaneView {
    /// The lane's telemetry.
    pub store: Store,
    /// The last complete curve before the newest edit, in Instant mode; after going back, the way that was left.
    pub ghost: Option<Store>,
    pub update: u64,
    /// The first update with a loss that is no number.
    pub diverged_at: Option<u64>,
    pub failed: Option<String>,
    /// How early stopping ended the run, where it did.
    pub stopped: Option<Stopped>,
    /// Where the controller stands, if it has one.
    pub control: Option<Standing>,
    /// What went wrong so far, the first first, at most one of each kind.
    pub findings: Arc<[Finding]>,
    /// Where a model of two weights went.
    pub track: Track<[f32; 2]>,
}

/// Why a snapshot is kept, the least reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SnapshotReason {
    /// So that there is a place to go back to. These thin out as the run gets longer.
    OnTheWay,
    /// Training stood here when one went back to an earlier one.
    Departure,
    /// A checkpoint of the saved training that goes on here.
    Saved,
    /// `[snapshots]` asks for it. Its `keep` newest of a lane stay, then it is on the way only.
    Asked,
    /// A hand took it.
    ByHand,
}

impl SnapshotReason {
    /// Whether the experiment or a hand wanted it.
    pub fn is_wanted(self) -> bool {
        matches!(self, Self::Asked | Self::ByHand)
    }
}

/// A lane as it was between two updates: weights, optimizer buffers, position of schedule and controller.
///
/// Cheap to clone, and good for as long as it is held, also when the engine has let it go.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its name in commands.
    pub id: SnapshotId,
    pub why: SnapshotReason,
    /// Whether it lies on the way that was left by going back; what was trained since does not lead there.
    pub left: bool,
    /// What it was taken of: the run, or, where a fork shares its past, the run it was forked from.
    pub saved: Arc<SavedLane>,
    pub(super) lane: LaneId,
    pub(super) parameters: usize,
    /// What it followed so far.
    pub(super) past: Past,
}

impl Snapshot {
    /// A snapshot of a model with so many learnable numbers, on the way.
    pub fn new(id: SnapshotId, why: SnapshotReason, saved: Arc<SavedLane>, parameters: usize) -> Self {
        Self { id, why, left: false, lane: saved.id, saved, parameters, past: Past::default() }
    }

    /// Whose past it is.
    pub fn lane(&self) -> LaneId {
        self.lane
    }

    /// Updates done.
    pub fn update(&self) -> u64 {
        self.saved.state.update
    }

    /// The model's weights, without the optimizer's buffers.
    pub fn weights(&self) -> &[f32] {
        self.saved.row.get(..self.parameters).unwrap_or_default()
    }
}

/// What the engine shows.
#[derive(Default)]
pub struct Shared {
    pub status: Status,
    pub lanes: BTreeMap<LaneId, LaneView>,
    /// What happened to all lanes; what happened to one is in its store.
    pub events: Vec<Event>,
    pub field: Option<Arc<Field>>,
    pub landscape: Option<Landscape>,
    pub prepared: Option<Arc<Prepared>>,
    /// The snapshots of all lanes, by update, those on the way first, and then by lane. Another `Arc` whenever there are others, so
    /// comparing pointers tells whether to look again.
    pub snapshots: Arc<[Snapshot]>,
    /// What the engine edited by itself; whoever holds the document takes it and does the same there.
    pub own_edits: Vec<OwnEdit>,
    /// The lanes under the microscope.
    pub examined: Vec<Arc<Examined>>,
    /// The newest revisions that were put in effect, by their generations, each with the updates made then.
    pub in_effect: VecDeque<(u64, u64)>,
}

impl LaneView {
    /// Forgets what was measured after `update` updates.
    pub(super) fn go_back(&mut self, update: u64) {
        self.store.truncate(update);
        self.track.truncate(update);
    }
}

/// Revisions whose beginning is remembered.
const IN_EFFECT: usize = 64;

impl Shared {
    /// Notes that a revision is in effect from here on.
    pub(super) fn put_in_effect(&mut self, generation: u64, update: u64) {
        if self.in_effect.len() == IN_EFFECT {
            self.in_effect.pop_front();
        }
        self.in_effect.push_back((generation, update));
    }

    /// The smoothing in effect, if any lane has one.
    pub(super) fn half_life(&self) -> Option<f64> {
        self.lanes.values().find_map(|view| view.store.half_life())
    }
}

/// A panic while somebody held the lock leaves telemetry that is still good to read.
pub(super) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
