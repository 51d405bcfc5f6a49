//! Texts that are linted: which framework's configuration they are, and what is to say of them.

use super::{Severity, Warning, text_config, text_python};
use crate::export::origin::{self, Origin};
use crate::import::{self, Format, ImportError};

/// Whose configuration a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PyTorch, also within Lightning.
    PyTorch,
    Keras,
    HuggingFace,
    Timm,
    DeepSpeed,
}

/// What there is to lint in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linted {
    /// The text is an experiment file.
    Experiment,
    Text(Dialect),
    /// An export of ours in a language that no lint reads: the experiment file it came from.
    Origin(String),
}

/// Why there is nothing to lint in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLinted {
    #[error("there is nothing in it")]
    Empty,
    #[error("a table of rates; `anneal import` makes an experiment of it, and that can be linted")]
    Table,
    #[error("{0} is not linted, but for an export of Anneal Studio that nobody changed")]
    Unread(&'static str),
    #[error(
        "nothing that is linted: an experiment file, or a configuration of PyTorch, Lightning, Keras, Hugging \
         Face, timm or DeepSpeed"
    )]
    Unknown,
}

impl Linted {
    /// # Errors
    /// When the text is none of these.
    pub fn of(text: &str) -> Result<Self, NotLinted> {
        let is_keras =
            ["keras.", "tf.keras", "gradient_accumulation_steps"].iter().any(|word| text.contains(word));
        if is_keras && text_python::KERAS_SCHEDULES.iter().any(|name| text.contains(name)) {
            return Ok(Self::Text(Dialect::Keras));
        }
        match import::format_of(text) {
            Ok(Format::PyTorch) => Ok(Self::Text(Dialect::PyTorch)),
            Ok(Format::HuggingFace) => Ok(Self::Text(Dialect::HuggingFace)),
            Ok(Format::Timm) => Ok(Self::Text(Dialect::Timm)),
            Ok(Format::DeepSpeed) => Ok(Self::Text(Dialect::DeepSpeed)),
            Ok(Format::Experiment) => Ok(Self::Experiment),
            Ok(Format::Log) => Err(NotLinted::Table),
            Err(error) => match (origin::read(text), error) {
                (Some(Origin::Of(toml)), _) => Ok(Self::Origin(toml)),
                (_, ImportError::Unread { what }) => Err(NotLinted::Unread(what)),
                (_, ImportError::Empty) => Err(NotLinted::Empty),
                _ => Err(NotLinted::Unknown),
            },
        }
    }
}

/// What there is to say of a pasted configuration, the worst first. The text is read and never run; one
/// that cannot be read is an error of its own.
#[must_use]
pub fn lint_text(dialect: Dialect, text: &str) -> Vec<Warning> {
    if text.len() as u64 > import::MAX_BYTES {
        let message = format!("the text has {} bytes; at most {} are read", text.len(), import::MAX_BYTES);
        return vec![Warning::new(Severity::Error, "too-large", message)];
    }
    let found = match dialect {
        Dialect::PyTorch => text_python::pytorch(text),
        Dialect::Keras => text_python::keras(text),
        Dialect::HuggingFace => text_config::hugging_face(text),
        Dialect::Timm => Ok(text_config::timm(text)),
        Dialect::DeepSpeed => text_config::deepspeed(text),
    };
    let mut warnings = found
        .unwrap_or_else(|error| vec![Warning::new(Severity::Error, "cannot-be-read", error.to_string())]);
    warnings.sort_by_key(|warning| warning.severity);
    warnings
}
