//! Series as they are read, within a fixed memory.

use std::collections::BTreeMap;

use crate::telemetry::{Precision, Series};

use super::LeftOut;
use super::role::{self, Guess, Role};
use super::series::{Log, Named, Recording, Tick};

/// The most runs, and series of all runs together.
pub(super) const MAX_RUNS: usize = 64;
const MAX_SERIES: usize = 1024;
/// The first series get room for half a million points each, those of a file with hundreds of series for less:
/// 320 MiB together at most.
const OF_A_FILE: Room = Room { series: MAX_SERIES, wide: 24, wide_bytes: 8 << 20, narrow_bytes: 128 << 10 };
/// The most places that are kept at which a log goes back.
const MAX_REWINDS: usize = 256;

/// How much may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The most series.
    pub series: usize,
    /// The first so many get `wide_bytes` each, the others `narrow_bytes`.
    pub wide: usize,
    pub wide_bytes: usize,
    pub narrow_bytes: usize,
}

/// A series of a [`Builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    run: usize,
    series: usize,
}

/// Takes in runs, series and points in the order in which a file has them.
#[derive(Debug)]
pub struct Builder {
    log: Log,
    runs: Vec<Run>,
    series: usize,
    room: Room,
}

/// Beside a recording, what it takes to go on with it.
#[derive(Debug, Default)]
struct Run {
    known: BTreeMap<String, usize>,
    beside: Vec<Beside>,
}

/// Beside a series, what it takes to go on with it.
#[derive(Debug)]
struct Beside {
    /// How far its name is from its role.
    distance: u8,
    /// Its last tick and value.
    last: Option<(u64, f64)>,
}

impl Builder {
    pub(super) fn new(dialect: &'static str) -> Self {
        Self::within(dialect, OF_A_FILE)
    }

    /// As [`Builder::new`], with less or more room.
    pub(super) fn within(dialect: &'static str, room: Room) -> Self {
        let log = Log { dialect, recordings: Vec::new(), left_out: LeftOut::default() };
        Self { log, runs: Vec::new(), series: 0, room }
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn left_out(&mut self) -> &mut LeftOut {
        &mut self.log.left_out
    }

    /// The run of this name, which the first mention makes; nothing once there are too many.
    pub(super) fn run(&mut self, name: &str, tick: Tick) -> Option<usize> {
        if let Some(at) = self.log.recordings.iter().position(|recording| recording.name == name) {
            return Some(at);
        }
        if self.log.recordings.len() == MAX_RUNS {
            self.log.left_out.count(&format!("rows of runs after the first {MAX_RUNS}"));
            return None;
        }
        self.log.recordings.push(Recording {
            name: name.to_owned(),
            tick,
            series: Vec::new(),
            rewinds: Vec::new(),
        });
        self.runs.push(Run::default());
        Some(self.runs.len() - 1)
    }

    /// The series of this name in a run, which the first mention makes; nothing once there are too many.
    pub(super) fn slot(&mut self, run: usize, name: &str) -> Option<Slot> {
        self.slot_as(run, name, role::of(name))
    }

    /// As [`Builder::slot`], where what the series is need not be told from its name.
    pub(super) fn slot_as(&mut self, run: usize, name: &str, guess: Guess) -> Option<Slot> {
        let (recording, kept) = (self.log.recordings.get_mut(run)?, self.runs.get_mut(run)?);
        if let Some(&series) = kept.known.get(name) {
            return Some(Slot { run, series });
        }
        if self.series == self.room.series {
            self.log.left_out.count(&format!("values of series after the first {}", self.room.series));
            return None;
        }
        let mut role = guess.role;
        if let Role::Main(_) | Role::Epoch = role
            && let Some(at) = recording.series.iter().position(|named| named.role == role)
        {
            // Of two names for the same thing the plainer one is the main series.
            if kept.beside.get(at).is_some_and(|beside| guess.distance < beside.distance) {
                recording.series[at].role = Role::Other;
            } else {
                role = Role::Other;
            }
        }
        let room = self.room;
        let budget = if self.series < room.wide { room.wide_bytes } else { room.narrow_bytes };
        let points = Series::new(Precision::Double, budget);
        recording.series.push(Named { name: name.to_owned(), role, points });
        kept.beside.push(Beside { distance: guess.distance, last: None });
        self.series += 1;
        let series = recording.series.len() - 1;
        kept.known.insert(name.to_owned(), series);
        Some(Slot { run, series })
    }

    /// Appends a point. A second one at the same tick is left out; one before the last tick takes the series back,
    /// as a training that is resumed does.
    pub(super) fn push(&mut self, slot: Slot, tick: u64, value: f64) {
        let Some(recording) = self.log.recordings.get_mut(slot.run) else { return };
        let Some(named) = recording.series.get_mut(slot.series) else { return };
        let kept = self.runs.get_mut(slot.run).and_then(|run| run.beside.get_mut(slot.series));
        let Some(beside) = kept else { return };
        match beside.last {
            Some((last, before)) if tick == last => {
                if before.to_bits() != value.to_bits() {
                    let unit = recording.tick.singular();
                    let why = format!(
                        "values at a {unit} at which their series has one already (the first was kept)"
                    );
                    self.log.left_out.count(&why);
                }
                return;
            }
            Some((last, _)) if tick < last => {
                let before = named.points.len();
                named.points.truncate(tick);
                let gone = before - named.points.len();
                if recording.rewinds.len() < MAX_REWINDS && !recording.rewinds.contains(&(tick, last)) {
                    recording.rewinds.push((tick, last));
                }
                let unit = recording.tick.singular();
                let why = format!("values that the log writes again after it goes back to an earlier {unit}");
                self.log.left_out.add(&why, gone as u64);
            }
            _ => {}
        }
        beside.last = Some((tick, value));
        named.points.push(tick, value);
    }

    /// Whether any series has a point.
    pub(super) fn has_numbers(&self) -> bool {
        self.log
            .recordings
            .iter()
            .any(|recording| recording.series.iter().any(|named| !named.points.is_empty()))
    }

    pub(super) fn into_log(self) -> Log {
        self.log
    }
}
