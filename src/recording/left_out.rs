//! What of a file is not in its recording, counted by reason.

use std::collections::BTreeMap;
use std::fmt;

/// The most reasons that are kept apart.
const MAX_REASONS: usize = 64;

/// What was left out or assumed: sentences, and counts by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    counts: BTreeMap<String, u64>,
    /// Reasons that found no room, with what they counted.
    others: u64,
    notes: Vec<String>,
}

impl LeftOut {
    /// Counts one thing that was left out for this reason, such as "lines that are no JSON object".
    pub fn count(&mut self, reason: &str) {
        self.add(reason, 1);
    }

    /// Counts so many.
    pub fn add(&mut self, reason: &str, count: u64) {
        if count == 0 {
            return;
        }
        let room = self.counts.len() < MAX_REASONS;
        match self.counts.get_mut(reason) {
            Some(known) => *known += count,
            None if room => {
                self.counts.insert(reason.to_owned(), count);
            }
            None => self.others += count,
        }
    }

    /// Says a sentence once.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if self.notes.len() < MAX_REASONS && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.notes.is_empty()
    }

    /// A sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let counted = self.counts.iter().map(|(reason, count)| format!("left out: {count} {reason}"));
        let others = (self.others > 0).then(|| format!("left out: {} more, for other reasons", self.others));
        self.notes.iter().cloned().chain(counted).chain(others).collect()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (reason, count) in &other.counts {
            self.add(reason, *count);
        }
        self.others += other.others;
        for note in &other.notes {
            self.note(note.clone());
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences().join("; "))
    }
}
