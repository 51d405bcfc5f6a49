//! What is done about a finding.

use super::{Finding, Kind, Severity};

/// What is done when something goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    #[default]
    Warn,
    /// Pause at an error.
    Pause,
    /// At an error go back to the last good checkpoint and halve the rate.
    RollBack,
}

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
