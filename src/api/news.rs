//! What happened lately, numbered, for the streams of events.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// Events that are kept: one who was away for longer is told that there is a gap.
const KEPT: usize = 4096;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    pub id: u64,
    pub run: String,
    /// Its kind, such as `schedule`.
    pub kind: &'static str,
    /// An object, with the run in it.
    pub data: Value,
}

/// The newest events, oldest first.
#[derive(Debug, Default)]
pub struct Newsreel {
    kept: VecDeque<News>,
    newest: u64,
}

impl Newsreel {
    /// Adds an event, whose data get the run's id; its number.
    pub fn add(&mut self, run: &str, kind: &'static str, mut data: Value) -> u64 {
        self.newest += 1;
        if let Value::Object(fields) = &mut data {
            fields.insert("run".into(), run.into());
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(News { id: self.newest, run: run.to_owned(), kind, data });
        self.newest
    }

    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// The events after number `seen`, of one run or of all, at most `most`; where some of those were
    /// forgotten, an event that says so comes first.
    pub fn since(&self, seen: u64, run: Option<&str>, most: usize) -> Vec<News> {
        let mut found = Vec::new();
        let oldest = self.kept.front().map_or(self.newest + 1, |news| news.id);
        // A number from before a restart says nothing.
        let seen = if seen > self.newest { 0 } else { seen };
        if seen + 1 < oldest && seen > 0 {
            let data = json!({"run": run, "missed": oldest - seen - 1});
            let run = run.unwrap_or_default().to_owned();
            found.push(News { id: oldest - 1, run, kind: "gap", data });
        }
        let newer = self.kept.partition_point(|news| news.id <= seen);
        let newer = self.kept.iter().skip(newer).filter(|news| run.is_none_or(|run| news.run == run));
        found.extend(newer.take(most).cloned());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_was_away_too_long_is_told_so() {
        let mut reel = Newsreel::default();
        for _ in 0..KEPT + 10 {
            reel.add("r1", "row", json!({}));
        }
        let all = reel.since(3, None, usize::MAX);
        assert_eq!((all[0].kind, all[0].data["missed"].as_u64()), ("gap", Some(7)));
        assert_eq!((all.len(), all[1].id, all[KEPT].id), (KEPT + 1, 11, reel.newest()));
        assert!(reel.since(reel.newest(), None, usize::MAX).is_empty());
    }

    #[test]
    fn events_of_one_run_are_its_own() {
        let mut reel = Newsreel::default();
        reel.add("r1", "state", json!({"state": "paused"}));
        reel.add("r2", "state", json!({"state": "training"}));
        let own = reel.since(0, Some("r2"), 10);
        assert_eq!(own.len(), 1);
        assert_eq!(own[0].data, json!({"run": "r2", "state": "training"}));
    }
}
