//! A recording: one training of another program, as named series over its ticks.

use crate::telemetry::{Column, Series};

use super::{LeftOut, Role};

/// What the positions of a recording count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tick {
    /// Optimizer updates (steps, iterations), as the file numbers them.
    Update,
    /// Epochs: one row an epoch.
    Epoch,
    /// Rows, from 0: the file numbers neither updates nor epochs.
    Row,
}

impl Tick {
    /// What so many of them are called.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Update => "updates",
            Self::Epoch => "epochs",
            Self::Row => "rows",
        }
    }

    /// What one of them is called.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Epoch => "epoch",
            Self::Row => "row",
        }
    }
}

/// One series of a recording, under the name that the file gives it.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub role: Role,
    pub points: Series,
}

/// A training that another program wrote down.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The run's name in the file; empty where the file holds one run and does not name it.
    pub name: String,
    pub tick: Tick,
    /// Every series that has a point, in the order in which the file first mentions them.
    pub series: Vec<Named>,
    /// Ticks at which the log goes back, with the tick it had reached: the training was resumed there.
    pub rewinds: Vec<(u64, u64)>,
}

/// What a file or folder holds: a recording a run, and what is in none of them.
#[derive(Clone, Debug)]
pub struct Log {
    /// The kind of file, for people: "Hugging Face trainer_state.json".
    pub dialect: &'static str,
    pub recordings: Vec<Recording>,
    pub left_out: LeftOut,
}

impl Recording {
    /// The series that is this column of telemetry, if the file has one.
    pub fn column(&self, column: Column) -> Option<&Named> {
        self.series.iter().find(|named| named.role == Role::Main(column))
    }

    /// The learning rate.
    pub fn rate(&self) -> Option<&Named> {
        self.column(Column::Lr)
    }

    /// Epochs over ticks, where the file says both.
    pub fn epochs(&self) -> Option<&Named> {
        self.series.iter().find(|named| named.role == Role::Epoch)
    }

    /// Ticks from 0 to one past the last.
    pub fn length(&self) -> u64 {
        let last = self.series.iter().filter_map(|named| named.points.last()).map(|last| last.update).max();
        last.map_or(0, |last| last.saturating_add(1))
    }

    /// Epochs that the whole recording took, as far as the file says.
    pub fn epochs_done(&self) -> Option<f64> {
        if self.tick == Tick::Epoch {
            return Some(self.length() as f64);
        }
        let (least, most) = self.epochs()?.points.finite_bounds(0..=u64::MAX)?;
        // Counted from 0 in whole numbers, the last one is under way.
        let whole = self.epochs()?.points.finest().all(|bucket| bucket.last.fract() == 0.0);
        let done = if whole && least == 0.0 { most + 1.0 } else { most };
        (done > 0.0).then_some(done)
    }
}
