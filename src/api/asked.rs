//! What a live run is asked to do once: one update while it is paused, a snapshot, a fork.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::made::keep;
use super::stamp;

/// What can be asked, as far as the script says that it does it.
pub const KINDS: [&str; 3] = ["step", "snapshot", "fork"];
/// The newest that are remembered.
const MOST: usize = 32;

/// One request, and what became of it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub id: u64,
    pub what: &'static str,
    pub by: String,
    pub why: String,
    /// Updates made when the script did it.
    pub update: Option<u64>,
    /// Why it could not.
    pub refused: Option<String>,
    /// Seconds since 1970.
    pub at: f64,
}

impl Asked {
    pub fn json(&self) -> Value {
        json!({
            "id": self.id, "what": self.what, "by": self.by, "why": self.why, "update": self.update,
            "refused": self.refused, "at": self.at,
        })
    }

    fn waits(&self) -> bool {
        self.update.is_none() && self.refused.is_none()
    }
}

/// The requests of one run.
#[derive(Clone, Debug, Default)]
pub struct Asks {
    all: VecDeque<Asked>,
    given: u64,
}

impl Asks {
    /// None so far; numbers go on after `given`, the newest one that the script knows.
    pub fn after(given: u64) -> Self {
        Self { all: VecDeque::new(), given }
    }

    /// One more.
    pub fn add(&mut self, what: &'static str, by: &str, why: &str) {
        self.given += 1;
        let (by, why, at) = (by.to_owned(), why.to_owned(), stamp::now());
        let asked = Asked { id: self.given, what, by, why, update: None, refused: None, at };
        keep(&mut self.all, asked, MOST);
    }

    /// Notes what became of one; what it was.
    pub fn answer(&mut self, id: u64, update: Option<u64>, refused: Option<String>) -> Option<&Asked> {
        let asked = self.all.iter_mut().find(|asked| asked.id == id)?;
        (asked.update, asked.refused) = (update, refused);
        Some(asked)
    }

    /// The number of the newest one.
    pub fn newest(&self) -> u64 {
        self.given
    }

    /// Those that the script has not done yet, the oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Asked> {
        self.all.iter().filter(|asked| asked.waits())
    }

    /// All that are remembered, the oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Asked> {
        self.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_until_it_is_answered_and_numbers_go_on() {
        let mut asks = Asks::after(4);
        asks.add("snapshot", "me", "");
        asks.add("fork", "me", "");
        assert_eq!(asks.waiting().map(|asked| asked.id).collect::<Vec<_>>(), [5, 6]);
        assert_eq!(asks.answer(5, Some(300), None).map(|asked| asked.what), Some("snapshot"));
        assert!(asks.answer(9, None, None).is_none());
        asks.answer(6, None, Some("the disk is full".to_owned()));
        assert_eq!((asks.waiting().count(), asks.all().count(), asks.newest()), (0, 2, 6));
    }
}
