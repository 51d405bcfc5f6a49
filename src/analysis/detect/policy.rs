//! What is done about a finding.

use super::{Finding, Kind, Severity};
pub use crate::train::command::Policy;

/// What a policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    Tell,
    Pause,
    RollBackAndHalve,
}

impl Policy {
    /// What to do about a finding. Going back does not help against an edit or a wrong resume.
    pub fn reaction(self, finding: &Finding) -> Reaction {
        match (self, finding.kind.severity(), finding.kind) {
            (Self::Warn, ..) | (_, Severity::Notice | Severity::Warning, _) => Reaction::Tell,
            (Self::RollBack, Severity::Error, Kind::Divergence | Kind::StuckAtChance) => {
                Reaction::RollBackAndHalve
            }
            _ => Reaction::Pause,
        }
    }
}
