//! Texts that nobody wrote: what the readers know, taken apart and put together at random. Seeded by a number, so that
//! whatever goes wrong can be done again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use anneal_studio::import::explain;
use anneal_studio::lint::{Linted, lint_text};
use anneal_studio::recording::read_text;

use super::*;

/// Words that steer readers and interpreters.
const WORDS: &[&str] = &[
    "lr",
    "0.1",
    "1e308",
    "-1",
    "nan",
    "inf",
    "0",
    "1e-400",
    "999999999999999999",
    "T_max=",
    "total_iters=0",
    "lambda step: ",
    "step",
    "epoch",
    "for i in range(10**9):\n    ",
    "while True:\n    ",
    "def f(x):\n    return f(x)\n",
    "[[[[[[[[",
    "((((((((",
    "{\"",
    "}",
    ":",
    "\n",
    "\r",
    "\t",
    "    ",
    "#",
    "\"",
    "'''",
    "**",
    "//",
    "%",
    " if ",
    " else ",
    "min(",
    "max(",
    "np.linspace(0, 1, ",
    "np.concatenate((",
    "param_group['lr'] = ",
    "optimizer.param_groups",
    "scheduler.step()",
    "import torch\n",
    "_base_ = ['x.py']\n",
    "len(loader)",
    "args.lr",
    "None",
    "True",
    "--lr",
    " --sched cosine",
    "lr_scheduler_type: cosine\n",
    "- !PiecewiseDecay\n",
    "[net]\n",
    "| 3/10 [",
    "Epoch 1: ",
    "loss: ",
    "é",
    "\u{0}",
    "\u{feff}",
    "🌀",
];

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64, by Sebastiano Vigna.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Every dialect's example and every case.
fn corpus() -> Vec<String> {
    let mut texts: Vec<String> = DIALECTS.iter().map(|dialect| dialect.example.to_owned()).collect();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path)
                && text.len() < 8000
            {
                texts.push(text);
            }
        }
    }
    texts.sort();
    texts
}

fn at_character(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A text of the corpus, changed in a few places.
fn mutated(corpus: &[String], seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = corpus[dice.below(corpus.len())].clone();
    for _ in 0..=dice.below(6) {
        let from = at_character(&text, dice.below(text.len() + 1));
        let to = at_character(&text, from + dice.below(40)).max(from);
        match dice.below(8) {
            0 => text.replace_range(from..to, ""),
            1 => text.insert_str(from, WORDS[dice.below(WORDS.len())]),
            2 => text.replace_range(from..to, WORDS[dice.below(WORDS.len())]),
            3 => {
                let again = text[from..to].to_owned();
                text.insert_str(from, &again.repeat(1 + dice.below(40)));
            }
            4 => {
                let other = &corpus[dice.below(corpus.len())];
                let cut = at_character(other, dice.below(other.len() + 1));
                text.truncate(from);
                text.push_str(&other[cut..]);
            }
            5 => {
                let mut lines: Vec<&str> = text.lines().collect();
                let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
                if !lines.is_empty() {
                    lines.swap(a, b);
                }
                text = lines.join("\n");
            }
            6 => text = text.replacen(char::is_numeric, WORDS[dice.below(9)], 1 + dice.below(3)),
            _ => text.insert_str(from, &WORDS[dice.below(WORDS.len())].repeat(1 + dice.below(200))),
        }
        text.truncate(at_character(&text, 60_000));
    }
    text
}

/// Reads a text in every way there is; errors are answers.
fn all(text: &str) {
    let _ = explain(text);
    let imported = import(text, &Options::default());
    if let Ok(imported) = &imported {
        for (updates, updates_per_epoch) in [(1, 1), (1000, 10)] {
            if let Ok(curve) = imported.lr.resolve(Clock { updates, updates_per_epoch }) {
                for update in [0, updates / 2, updates] {
                    assert!(!curve.at(update).is_nan(), "a rate that is no number");
                }
            }
        }
    }
    if let Ok(Linted::Text(dialect)) = Linted::of(text) {
        let _ = lint_text(dialect, text);
    }
    let _ = read_text("text", text.as_bytes());
    // The same as the body of a function that gives a rate.
    let body: String = text.lines().take(30).map(|line| format!("    {line}\n")).collect();
    let length = Some(Span::Updates(20.0));
    let _ = import(
        &format!("opt = SGD(p, lr=0.1)\ndef f(step):\n{body}\ns = LambdaLR(opt, f)\n"),
        &Options { length, ..Options::default() },
    );
}

/// As many texts as fit into the time; what they cost at most.
fn mutations(seconds: u64, first: u64) {
    let corpus = corpus();
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut seed, mut slowest, mut failed) = (first, (Duration::ZERO, 0), Vec::new());
    while Instant::now() < end {
        let text = mutated(&corpus, seed);
        let start = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| all(&text))).is_err() {
            failed.push(seed);
        }
        slowest = slowest.max((start.elapsed(), seed));
        seed += 1;
    }
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    eprintln!("{} texts, the slowest {:?} (seed {}), {memory}", seed - first, slowest.0, slowest.1);
    assert!(failed.is_empty(), "seeds {failed:?} of {} texts panic", seed - first);
}

#[test]
fn some_hundred_mutated_texts_are_read_or_refused() {
    let corpus = corpus();
    for seed in 0..300 {
        let text = mutated(&corpus, seed);
        assert!(catch_unwind(AssertUnwindSafe(|| all(&text))).is_ok(), "seed {seed}:\n{text}");
    }
}

/// `ANNEAL_FUZZ_SECONDS=600 cargo test --release -- --ignored minutes_of_mutated_texts --nocapture`; another
/// `ANNEAL_FUZZ_SEED` makes other texts.
#[test]
#[ignore = "ten minutes"]
fn minutes_of_mutated_texts_are_read_or_refused() {
    let number = |name: &str, otherwise| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    mutations(number("ANNEAL_FUZZ_SECONDS", 600), number("ANNEAL_FUZZ_SEED", 1_000_000));
}
