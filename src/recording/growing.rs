//! A recording that another program hands over while it trains, column by column.

use crate::telemetry::Column;

use super::build::{Builder, Room, Slot};
use super::role::{self, Guess};
use super::{LeftOut, Recording, Role, Tick};

/// What a program that trains may send for as long as it likes: 64 MiB.
const ROOM: Room = Room { series: 256, wide: 8, wide_bytes: 4 << 20, narrow_bytes: 128 << 10 };
/// A column that starts so is the rate of the parameter group named after it.
pub const RATE_OF: &str = "lr:";

/// One recording that grows, within a fixed memory.
#[derive(Debug)]
pub struct Growing {
    builder: Builder,
    run: usize,
    empty: Recording,
    /// The column that is drawn as the run's rate.
    rate: Option<String>,
}

impl Growing {
    /// An empty recording over updates. `rate` is the column of the rate that stands for the run's: the
    /// rates of other groups are series beside it.
    pub fn new(rate: Option<&str>) -> Self {
        let mut builder = Builder::within("Live training", ROOM);
        // A new builder has room for a run.
        let run = builder.run("", Tick::Update).unwrap_or_default();
        let empty =
            Recording { name: String::new(), tick: Tick::Update, series: Vec::new(), rewinds: Vec::new() };
        Self { builder, run, empty, rate: rate.map(str::to_owned) }
    }

    /// Appends a value of a column. An update before the column's last one takes it back, as a training that
    /// is resumed does.
    pub fn push(&mut self, column: &str, update: u64, value: f64) {
        if let Some(slot) = self.slot(column) {
            self.builder.push(slot, update, value);
        }
    }

    fn slot(&mut self, column: &str) -> Option<Slot> {
        let guess = if self.rate.as_deref() == Some(column) {
            Guess { role: Role::Main(Column::Lr), distance: 0 }
        } else if column.starts_with(RATE_OF) {
            Guess { role: Role::Other, distance: 0 }
        } else {
            role::of(column)
        };
        self.builder.slot_as(self.run, column, guess)
    }

    pub fn recording(&self) -> &Recording {
        self.builder.log().recordings.get(self.run).unwrap_or(&self.empty)
    }

    /// What was left out or assumed so far.
    pub fn left_out(&self) -> &LeftOut {
        &self.builder.log().left_out
    }

    /// To count what the sender says it left out, or what came in no usable form.
    pub fn left_out_mut(&mut self) -> &mut LeftOut {
        self.builder.left_out()
    }
}
