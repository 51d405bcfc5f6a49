//! Any function in Python, as a rate: it is evaluated within its fuel, or refused.
#![no_main]

use anneal_studio::import::{Options, dialect_named, import};
use anneal_studio::schedule::{Clock, Span};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let body = String::from_utf8_lossy(data);
    let lines: String = body.lines().map(|line| format!("    {line}\n")).collect();
    for text in [
        format!("opt = SGD(p, lr=0.1)\ndef f(step):\n{lines}\ns = LambdaLR(opt, f)\n"),
        format!("{body}\ndef get_lr(it):\n{lines}\n"),
        format!(
            "opt = SGD(p, lr=0.1)\nfor epoch in range(9):\n{lines}\n    for g in opt.param_groups:\n        g['lr'] = lr\n"
        ),
    ] {
        let length = Some(Span::Updates(20.0));
        for dialect in [None, dialect_named("pytorch").ok(), dialect_named("function").ok()] {
            let Ok(imported) = import(&text, &Options { dialect, length, ..Options::default() }) else {
                continue;
            };
            let Ok(curve) = imported.lr.resolve(Clock { updates: 20, updates_per_epoch: 4 }) else {
                continue;
            };
            assert!((0..20).all(|update| curve.at(update).is_finite() && curve.at(update) >= 0.0), "{text}");
        }
    }
});
