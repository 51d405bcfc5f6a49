//! Any text, as any framework's configuration: it is linted without a panic.
#![no_main]

use anneal_studio::lint::{Dialect, Linted, lint_text};
use libfuzzer_sys::fuzz_target;

const DIALECTS: [Dialect; 5] =
    [Dialect::PyTorch, Dialect::Keras, Dialect::HuggingFace, Dialect::Timm, Dialect::DeepSpeed];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let _ = Linted::of(&text);
    let _ = lint_text(DIALECTS[usize::from(*first) % DIALECTS.len()], &text);
});
