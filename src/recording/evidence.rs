//! What speaks for a dialect.

/// What speaks for a dialect, and how much: 100 for what nothing else has, below 50 for what other texts may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub score: u8,
    pub words: String,
}

impl Evidence {
    pub(super) fn new(score: u8, words: impl Into<String>) -> Self {
        Self { score, words: words.into() }
    }
}
