//! What kind of text this is.

use super::{Format, ImportError};
use super::{log, pytorch};

/// The start of a text that is looked at.
pub(super) const SNIFFED: usize = 64 << 10;

/// # Errors
/// When the text looks like nothing that can be imported.
pub(super) fn format(text: &str) -> Result<Format, ImportError> {
    let mut end = text.len().min(SNIFFED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let start = text[..end].trim_start_matches('\u{feff}').trim_start();
    let has = |words: &[&str]| words.iter().any(|word| start.contains(word));
    let hugging_face = ["lr_scheduler_type", "learning_rate", "lr_scheduler:", "TrainingArguments("];

    if start.starts_with('{') {
        return Ok(if has(&hugging_face[..2]) { Format::HuggingFace } else { Format::DeepSpeed });
    }
    if start.lines().any(is_version) {
        return Ok(Format::Experiment);
    }
    if log::is_log(start) {
        return Ok(Format::Log);
    }
    if start.split_whitespace().any(|word| word.starts_with("--")) {
        let flags = ["--lr_scheduler_type", "--learning_rate", "--warmup_ratio", "--warmup_steps"];
        if has(&flags) {
            return Ok(Format::HuggingFace);
        }
        if has(&["--lr-decay-style", "--lr-decay-iters", "--train-iters"]) {
            let why =
                "its arguments are only read where they are an export of Anneal Studio that nobody changed";
            return Err(ImportError::unsupported("a Megatron-LM command line", why));
        }
        if has(&["--sched", "--lr", "--warmup-epochs", "--opt"]) {
            return Ok(Format::Timm);
        }
    }
    if has(&["TrainingArguments("]) {
        return Ok(Format::HuggingFace);
    }
    if pytorch::SCHEDULERS.iter().any(|name| start.contains(name)) || has(&["torch.optim", "lr_scheduler."]) {
        return Ok(Format::PyTorch);
    }
    if has(&hugging_face) { Ok(Format::HuggingFace) } else { Err(ImportError::Unrecognised) }
}

/// Whether the line is the first of an experiment file.
fn is_version(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("anneal");
    rest.is_some_and(|rest| rest.trim_start().starts_with('='))
}
