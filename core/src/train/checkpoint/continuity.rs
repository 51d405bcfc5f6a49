//! The continuity check: whether a resumed run goes on at the rate at which it stopped.

use std::fmt;

/// What a resumed training loses on purpose, to see what a lost state does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forget {
    /// The schedule begins anew at its first update, and so does the controller.
    pub schedule: bool,
    /// The optimizer's buffers are empty, and its bias correction begins anew.
    pub momentum: bool,
}

/// The rate of a lane's next update when it stopped and when it goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Continuity {
    pub run: String,
    pub replica: u32,
    /// Updates done.
    pub update: u64,
    /// What the update was to use when the checkpoint was made.
    pub before: f64,
    /// What it will use now.
    pub after: f64,
}

impl Continuity {
    /// Whether the rate jumps: a resumed run's is the same to the last bit.
    pub fn jumps(&self) -> bool {
        self.before.to_bits() != self.after.to_bits()
    }

    /// What became of the rate, in words.
    pub fn verdict(&self) -> String {
        let Self { before, after, .. } = self;
        if self.jumps() {
            format!("the rate jumps from {before:.3e} to {after:.3e}")
        } else {
            format!("the rate goes on at {after:.3e}")
        }
    }
}

impl fmt::Display for Continuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run \"{}\", update {}: {}", self.run, self.update, self.verdict())
    }
}
