//! What is looked at: which panel, and which runs in it.

use crate::library::Row;

/// Runs that are compared at most, each with its seeds: there are so many colours.
pub const MOST_FAMILIES: usize = 8;
/// Lanes of them at most.
pub const MOST_LANES: usize = 64;

/// What of the library is shown: a panel each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    #[default]
    Runs,
    Executive,
    OnCall,
    Debug,
}

/// One run under one seed, by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub folder: String,
    pub run: String,
    pub replica: u32,
    pub family: String,
}

impl Lane {
    pub fn of(row: &Row) -> Self {
        Self {
            folder: row.folder.clone(),
            run: row.run.clone(),
            replica: row.replica,
            family: row.family.clone(),
        }
    }
}
