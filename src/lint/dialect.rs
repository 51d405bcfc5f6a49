//! Texts that are linted: which framework's configuration they are, and what is to say of them.

use super::{Severity, Warning, text_config, text_python};
use crate::export::origin::{self, Origin};
use crate::import::text::Text;
use crate::import::{self, Dialect, ImportError, Options};

/// What there is to lint in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linted {
    /// The text is an experiment file.
    Experiment,
    Text(&'static Dialect),
    /// An export of ours in a language that no lint reads: the experiment file it came from.
    Origin(String),
}

/// Why there is nothing to lint in a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLinted {
    #[error("there is nothing in it")]
    Empty,
    #[error("a table of rates; `anneal import` makes an experiment of it, and that can be linted")]
    Table,
    /// Nothing in it is understood, for this reason.
    #[error("{0}")]
    Unknown(String),
}

impl Linted {
    /// # Errors
    /// When the text is none of these.
    pub fn of(text: &str) -> Result<Self, NotLinted> {
        match import::dialect_of(text) {
            Ok(dialect) if dialect.id == "anneal" => Ok(Self::Experiment),
            Ok(dialect) if dialect.id == "log" => Err(NotLinted::Table),
            Ok(dialect) => Ok(Self::Text(dialect)),
            Err(error) => match (origin::read(text), error) {
                (Some(Origin::Of(toml)), _) => Ok(Self::Origin(toml)),
                (_, ImportError::Empty) => Err(NotLinted::Empty),
                (_, error) => Err(NotLinted::Unknown(error.to_string())),
            },
        }
    }
}

/// What there is to say of a pasted configuration, the worst first. The text is read and never run; one
/// that cannot be read is an error of its own.
#[must_use]
pub fn lint_text(dialect: &'static Dialect, raw: &str) -> Vec<Warning> {
    if raw.len() as u64 > import::MAX_BYTES {
        let message = format!("the text has {} bytes; at most {} are read", raw.len(), import::MAX_BYTES);
        return vec![Warning::new(Severity::Error, "too-large", message)];
    }
    let text = Text::read(raw.trim_start_matches('\u{feff}'));
    let found = match dialect.id {
        "keras" => text_python::keras(&text),
        "huggingface" | "axolotl" => text_config::hugging_face(&text),
        "timm" => Ok(text_config::timm(&text)),
        "deepspeed" => text_config::deepspeed(&text),
        _ if text.program().is_some() => text_python::pytorch(&text),
        _ => Ok(Vec::new()),
    };
    let mut warnings = found
        .unwrap_or_else(|error| vec![Warning::new(Severity::Error, "cannot-be-read", error.to_string())]);
    // A text of which nothing is understood has nothing wrong in it only because nobody looked.
    if warnings.is_empty()
        && let Err(error) = import::import(raw, &Options { dialect: Some(dialect), ..Options::default() })
    {
        let (severity, code) = match &error {
            ImportError::Unsupported { .. } => (Severity::Hint, "not-imported"),
            _ => (Severity::Error, "cannot-be-read"),
        };
        warnings.push(Warning::new(severity, code, error.to_string()));
    }
    warnings.sort_by_key(|warning| warning.severity);
    warnings
}
