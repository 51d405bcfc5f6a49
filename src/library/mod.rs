//! The library of runs: a folder of trainings, sweeps and recordings, with an index to list, filter and sort them by.
//!
//! The files are the truth. A training's folder says everything that is known of it, with `library.json` for what
//! people add (tags, a star, a note) and `library.toml` in the library's own folder for what counts as converged and
//! what an hour costs. The index (`.anneal-library.sqlite`) holds nothing else and can be rebuilt from nothing.

mod adopt;
mod criteria;
mod curves;
mod detail;
mod index;
mod kind;
mod lane;
mod marks;
mod measures;
mod place;
mod query;
mod read;
mod recording;
mod scan;
mod sweep;
mod training;

use std::io;
use std::path::PathBuf;

pub use adopt::{Followed, adopt, keep_at};
pub use criteria::{Criteria, Target};
pub use curves::{Band, bands};
pub use detail::{Detail, LastCheckpoint, Points};
pub use index::{Index, Refreshed};
pub use kind::Kind;
pub use lane::{Entry, LaneRecord, Training, Validated};
pub use marks::Marks;
pub use measures::{DEFINITIONS, Figure, Measures, Spread};
pub use place::new_place;
pub use query::{Filter, Group, Row, differing, groups};
pub use recording::log as recording_log;

/// Why a library cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("{}: {why}", path.display())]
    BadFile { path: PathBuf, why: String },
    #[error("the library's index: {0}; `anneal library DIR --reindex` rebuilds it from the files")]
    Index(#[from] rusqlite::Error),
}
