//! What kind of text this is.

use super::{Format, ImportError};
use super::{log, pytorch};

/// The start of a text that is looked at.
pub(super) const SNIFFED: usize = 64 << 10;

const DEEPSPEED: [&str; 5] = [
    "\"scheduler\"",
    "\"optimizer\"",
    "\"train_batch_size\"",
    "\"train_micro_batch_size_per_gpu\"",
    "\"zero_optimization\"",
];
const HUGGING_FACE: [&str; 3] = ["lr_scheduler_type", "learning_rate", "lr_scheduler:"];
const HUGGING_FACE_FLAGS: [&str; 4] =
    ["--lr_scheduler_type", "--learning_rate", "--warmup_ratio", "--warmup_steps"];
const MEGATRON: [&str; 3] = ["--lr-decay-style", "--lr-decay-iters", "--train-iters"];
const TIMM: [&str; 4] = ["--sched", "--lr", "--warmup-epochs", "--opt"];

/// What is exported to and not read, with words that nothing else has.
const UNREAD: [(&str, &[&str]); 5] = [
    ("Rust code", &["pub fn ", "fn main(", "use burn::", "candle_nn"]),
    ("optax code", &["optax."]),
    ("Keras code", &["keras."]),
    ("fastai code", &["from fastai", "import fastai"]),
    ("a torchtitan configuration", &["[lr_scheduler]"]),
];

/// # Errors
/// When the text looks like nothing that can be imported.
pub(super) fn format(text: &str) -> Result<Format, ImportError> {
    let mut end = text.len().min(SNIFFED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let start = text[..end].trim_start_matches('\u{feff}').trim_start();
    let has = |words: &[&str]| words.iter().any(|word| start.contains(word));

    if start.is_empty() {
        return Err(ImportError::Empty);
    }
    if start.starts_with('{') {
        return match () {
            () if log::is_log(start) => Ok(Format::Log),
            () if has(&DEEPSPEED) => Ok(Format::DeepSpeed),
            () if has(&HUGGING_FACE[..2]) => Ok(Format::HuggingFace),
            () => Err(ImportError::Unrecognised),
        };
    }
    if start.lines().any(is_version) {
        return Ok(Format::Experiment);
    }
    if log::is_log(start) {
        return Ok(Format::Log);
    }
    if start.split_whitespace().any(|word| word.starts_with("--")) {
        if has(&HUGGING_FACE_FLAGS) {
            return Ok(Format::HuggingFace);
        }
        if has(&MEGATRON) {
            return Err(unread("a Megatron-LM command line"));
        }
        if has(&TIMM) {
            return Ok(Format::Timm);
        }
    }
    if has(&["TrainingArguments("]) {
        return Ok(Format::HuggingFace);
    }
    if pytorch::SCHEDULERS.iter().any(|name| start.contains(name)) {
        return Ok(Format::PyTorch);
    }
    if let Some((what, _)) = UNREAD.iter().find(|(_, words)| has(words)) {
        return Err(unread(what));
    }
    if has(&["torch.optim", "lr_scheduler."]) {
        return Ok(Format::PyTorch);
    }
    if has(&HUGGING_FACE) { Ok(Format::HuggingFace) } else { Err(ImportError::Unrecognised) }
}

fn unread(what: &'static str) -> ImportError {
    ImportError::Unread { what }
}

/// Whether the line is the first of an experiment file.
fn is_version(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("anneal");
    rest.is_some_and(|rest| rest.trim_start().starts_with('='))
}
