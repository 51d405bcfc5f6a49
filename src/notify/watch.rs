//! Which findings somebody is told of: each once. The detectors leave out what a warmup explains and count only after
//! a cooldown.

use std::collections::BTreeSet;

use super::Note;
use crate::analysis::detect::{Finding, Kind, Severity};

/// A run's finding.
pub struct Found<'a> {
    pub experiment: &'a str,
    /// What tells the run from others, and its name.
    pub run: u64,
    pub name: &'a str,
    pub finding: &'a Finding,
}

/// Remembers what was told.
#[derive(Debug, Default)]
pub struct Watch {
    told: BTreeSet<(u64, Kind)>,
}

impl Watch {
    /// The notes of what is new among everything that is found now. What is no longer found may be told again: the
    /// run began again. Replicas of a run count once.
    pub fn new_among<'a>(&mut self, all: impl IntoIterator<Item = Found<'a>>) -> Vec<Note> {
        let mut now = BTreeSet::new();
        let mut notes = Vec::new();
        for found in all {
            let key = (found.run, found.finding.kind);
            if now.insert(key) && !self.told.contains(&key) {
                notes.push(note(&found));
            }
        }
        self.told = now;
        notes
    }
}

fn note(found: &Found<'_>) -> Note {
    let Finding { kind, first, .. } = found.finding;
    Note {
        experiment: found.experiment.to_owned(),
        run: found.name.to_owned(),
        kind: kind.name(),
        severity: match kind.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        },
        update: *first,
        text: found.finding.message(),
        runbook: kind.runbook_link(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(watch: &mut Watch, all: &[(u64, Kind)]) -> Vec<&'static str> {
        let finding =
            |kind| Finding { kind, first: 5, last: 5, count: 1, evidence: Vec::new(), remedies: Vec::new() };
        let all: Vec<(u64, Finding)> = all.iter().map(|(run, kind)| (*run, finding(*kind))).collect();
        let found = all.iter().map(|(run, finding)| Found { experiment: "e", run: *run, name: "r", finding });
        watch.new_among(found).iter().map(|note| note.kind).collect()
    }

    #[test]
    fn a_finding_is_told_once_and_again_when_its_run_began_again() {
        let mut watch = Watch::default();
        // Two replicas of one run, and another run.
        let all = [(1, Kind::Divergence), (1, Kind::Divergence), (2, Kind::Divergence)];
        assert_eq!(told(&mut watch, &all), ["Divergence", "Divergence"]);
        assert!(told(&mut watch, &all).is_empty());
        assert_eq!(told(&mut watch, &[(1, Kind::Divergence), (1, Kind::Oscillation)]), ["Oscillation"]);
        assert!(told(&mut watch, &[]).is_empty());
        assert_eq!(told(&mut watch, &[(1, Kind::Divergence)]), ["Divergence"]);
    }
}
