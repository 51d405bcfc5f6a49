//! Pasted configurations: which framework's they are, and what is to say of them.

use super::{Severity, Warning, text_config, text_python};
use crate::import::{self, Format};

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

impl Dialect {
    /// The dialect that a text is in, if it is one of these.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let is_keras =
            ["keras.", "tf.keras", "gradient_accumulation_steps"].iter().any(|word| text.contains(word));
        let schedules = text_python::KERAS_SCHEDULES.iter().any(|name| text.contains(name));
        if is_keras && schedules {
            return Some(Self::Keras);
        }
        match import::format_of(text).ok()? {
            Format::PyTorch => Some(Self::PyTorch),
            Format::HuggingFace => Some(Self::HuggingFace),
            Format::Timm => Some(Self::Timm),
            Format::DeepSpeed => Some(Self::DeepSpeed),
            Format::Experiment | Format::Log => None,
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
