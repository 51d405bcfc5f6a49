//! What the engine starts with, and what it shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::data::Prepared;
use crate::schedule::plateau::Plateau;
use crate::telemetry::{Event, Store};
use crate::train::command::{Field, LaneId, Mode, Speed, Status};
use crate::train::place::Choice;

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
        }
    }
}

/// What the engine shows of one lane.
pub struct LaneView {
    /// The lane's telemetry, at index 0.
    pub store: Store,
    /// The last complete curve before the newest edit, in Instant mode.
    pub ghost: Option<Store>,
    pub update: u64,
    /// The first update with a loss that is no number.
    pub diverged_at: Option<u64>,
    pub failed: Option<String>,
    pub plateau: Option<Plateau>,
}

/// What the engine shows.
#[derive(Default)]
pub struct Shared {
    pub status: Status,
    pub lanes: BTreeMap<LaneId, LaneView>,
    /// What happened to all lanes; what happened to one is in its store.
    pub events: Vec<Event>,
    pub field: Option<Arc<Field>>,
    pub prepared: Option<Arc<Prepared>>,
}

impl Shared {
    /// The smoothing in effect, if any lane has one.
    pub(super) fn half_life(&self) -> Option<f64> {
        self.lanes.values().find_map(|view| view.store.half_life())
    }
}
