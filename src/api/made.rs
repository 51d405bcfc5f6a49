//! A change that was made, and what became of it.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::stamp;

/// A change of the future, and what became of it.
#[derive(Clone, Debug)]
pub struct Made {
    pub revision: u64,
    /// The first update it was to hold for.
    pub from: u64,
    /// The update it took effect at, once that is known.
    pub applied: Option<u64>,
    /// Whether that was later than it was to be.
    pub late: bool,
    /// Why the other program did not do it.
    pub refused: Option<String>,
    /// Whether the training itself is to begin it, from `from` on as soon as it can, and has not said where yet.
    pub soon: bool,
    pub by: String,
    pub why: String,
    /// Seconds since 1970.
    pub at: f64,
}

impl Made {
    /// A change that nothing is known of yet.
    pub fn new(revision: u64, from: u64, by: &str, why: &str) -> Self {
        let (by, why, at) = (by.to_owned(), why.to_owned(), stamp::now());
        Self { revision, from, applied: None, late: false, refused: None, soon: false, by, why, at }
    }

    /// Whether the training has yet to say at which update it began.
    pub(super) fn is_open(&self) -> bool {
        self.soon && self.applied.is_none() && self.refused.is_none()
    }

    pub fn json(&self) -> Value {
        json!({
            "revision": self.revision, "from": self.from, "applied": self.applied, "late": self.late,
            "refused": self.refused, "by": self.by, "why": self.why, "at": self.at,
        })
    }
}

/// Adds to a queue of bounded length.
pub(super) fn keep<T>(queue: &mut VecDeque<T>, one: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(one);
}
