//! Any text, as any framework's configuration: it is linted without a panic.
#![no_main]

use anneal_studio::import::DIALECTS;
use anneal_studio::lint::{Linted, lint_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let _ = Linted::of(&text);
    let _ = lint_text(DIALECTS[usize::from(*first) % DIALECTS.len()], &text);
});
