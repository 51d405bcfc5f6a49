//! Lengths as people write them, and the clock that turns them into ticks.

use std::fmt;
use std::str::FromStr;

/// A length of training: `"500"` updates, `"10ep"` epochs, or `"5%"` of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Span {
    Updates(f64),
    Epochs(f64),
    /// In percent of the whole run, also inside a part of it.
    Percent(f64),
}

/// What a span could not be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpanError {
    #[error("`{0}` is not a span: write updates (\"500\"), epochs (\"10ep\") or a share of the run (\"5%\")")]
    Syntax(String),
    #[error("a span must be longer than nothing, found `{0}`")]
    Empty(String),
    #[error("a position must not be before the start of the run, found `{0}`")]
    Negative(String),
}

/// How long a run is, and how many updates its epochs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    pub updates: u64,
    pub updates_per_epoch: u64,
}

impl Span {
    /// The length in updates, not rounded.
    #[must_use]
    pub fn updates(self, clock: Clock) -> f64 {
        match self {
            Self::Updates(updates) => updates,
            Self::Epochs(epochs) => epochs * clock.updates_per_epoch as f64,
            Self::Percent(percent) => percent / 100.0 * clock.updates as f64,
        }
    }

    /// The length in whole updates, at least one.
    #[must_use]
    pub fn whole_updates(self, clock: Clock) -> u64 {
        self.updates(clock).round().max(1.0) as u64
    }

    /// The number in front of the unit.
    #[must_use]
    pub fn amount(self) -> f64 {
        match self {
            Self::Updates(amount) | Self::Epochs(amount) | Self::Percent(amount) => amount,
        }
    }

    /// The same unit with another number.
    #[must_use]
    pub fn with_amount(self, amount: f64) -> Self {
        match self {
            Self::Updates(_) => Self::Updates(amount),
            Self::Epochs(_) => Self::Epochs(amount),
            Self::Percent(_) => Self::Percent(amount),
        }
    }

    /// A span of this one's unit that is `updates` long, as exact as the unit allows.
    #[must_use]
    pub fn with_updates(self, updates: f64, clock: Clock) -> Self {
        match self {
            Self::Updates(_) => Self::Updates(updates.round()),
            Self::Epochs(_) => Self::Epochs(updates / clock.updates_per_epoch.max(1) as f64),
            Self::Percent(_) => Self::Percent(updates / clock.updates.max(1) as f64 * 100.0),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Updates(amount) => write!(f, "{amount}"),
            Self::Epochs(amount) => write!(f, "{amount}ep"),
            Self::Percent(amount) => write!(f, "{amount}%"),
        }
    }
}

impl Span {
    /// Reads a position in the run, which is written as a span and may also be the start, `"0"`.
    ///
    /// # Errors
    /// When the text is no number with an optional `ep` or `%`, or the number is below zero.
    pub fn parse_position(text: &str) -> Result<Self, SpanError> {
        let span = parse(text)?;
        if span.amount() < 0.0 { Err(SpanError::Negative(text.trim().to_owned())) } else { Ok(span) }
    }
}

impl FromStr for Span {
    type Err = SpanError;

    /// # Errors
    /// When the text is no number with an optional `ep` or `%`, or the number is not above zero.
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let span = parse(text)?;
        if span.amount() > 0.0 { Ok(span) } else { Err(SpanError::Empty(text.trim().to_owned())) }
    }
}

/// A number and its unit; the number is finite.
fn parse(text: &str) -> Result<Span, SpanError> {
    let text = text.trim();
    let (digits, unit): (&str, fn(f64) -> Span) = if let Some(digits) = text.strip_suffix("ep") {
        (digits, Span::Epochs)
    } else if let Some(digits) = text.strip_suffix('%') {
        (digits, Span::Percent)
    } else {
        (text, Span::Updates)
    };
    match digits.trim().parse::<f64>() {
        Ok(amount) if amount.is_finite() => Ok(unit(amount)),
        _ => Err(SpanError::Syntax(text.to_owned())),
    }
}
