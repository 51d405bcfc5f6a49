//! Why something that was asked for is not done.

/// A refusal, with the sentence that the one who asked gets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such run, revision or group.
    #[error("{0}")]
    Unknown(String),
    /// It cannot be read, or leaves the bounds of the run.
    #[error("{0}")]
    Unreadable(String),
    /// The run cannot do it, or not any more.
    #[error("{0}")]
    Conflict(String),
    /// Nobody answers, or there is no room.
    #[error("{0}")]
    Busy(String),
}

impl Refused {
    /// The status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unknown(_) => 404,
            Self::Conflict(_) => 409,
            Self::Unreadable(_) => 422,
            Self::Busy(_) => 503,
        }
    }
}
