//! What Hugging Face's `Trainer` prints: a Python dictionary a log line, between progress bars.

use super::build::Builder;
use super::evidence::Evidence;
use super::head::Head;
use super::lines::{LineReader, split};
use super::number;
use super::rows::Rows;
use super::series::Tick;

/// Keys that only a line of the training has; an evaluation's belongs to the line before.
const TRAINED: [&str; 3] = ["loss", "learning_rate", "grad_norm"];

pub(super) fn claim(head: &Head) -> Option<Evidence> {
    let is_row = |line: &&[u8]| {
        let mut keys = Keys::default();
        dictionary(line, |name, _| keys.see(name)) && keys.epoch && keys.measured
    };
    let rows = split(head.whole_lines()).filter(is_row).count();
    (rows > 0)
        .then(|| Evidence::new(88, "lines that are Python dictionaries with `epoch` and a rate or a loss"))
}

pub(super) fn reader(head: &Head) -> Box<dyn LineReader> {
    let numbered = split(head.whole_lines()).any(|line| progress(line).is_some());
    Box::new(TrainerOutput {
        rows: Rows::new(Some(if numbered { Tick::Update } else { Tick::Row })),
        numbered,
        said: false,
        at: None,
        is_new: false,
        per_epoch: None,
        placed: 0,
    })
}

#[derive(Default)]
struct Keys {
    epoch: bool,
    measured: bool,
}

impl Keys {
    fn see(&mut self, name: &str) {
        self.epoch |= name == "epoch";
        self.measured |= TRAINED.contains(&name) || name == "eval_loss";
    }
}

struct TrainerOutput {
    rows: Rows,
    /// Whether progress bars say the update.
    numbered: bool,
    said: bool,
    at: Option<u64>,
    /// Whether a progress bar came since the last line of the training.
    is_new: bool,
    /// Updates of an epoch, from a line that a bar numbers.
    per_epoch: Option<f64>,
    /// Lines that no bar numbers.
    placed: u64,
}

impl LineReader for TrainerOutput {
    fn lines(&mut self, chunk: &[u8], to: &mut Builder) {
        for line in split(chunk) {
            if self.numbered
                && let Some(update) = progress(line)
            {
                (self.at, self.is_new) = (Some(update), true);
            }
            let (mut trained, mut epoch) = (false, None);
            let rows = &mut self.rows;
            let found = dictionary(line, |name, value| {
                trained |= TRAINED.contains(&name);
                if let (Value::Number(value), "epoch") = (&value, name) {
                    epoch = Some(*value);
                }
                if let Some(key) = rows.key(name) {
                    match value {
                        Value::Number(value) => rows.number(0, key, value),
                        Value::Text(text) => rows.text(key, text),
                    }
                }
            });
            if !found {
                self.rows.forget();
                continue;
            }
            if !self.numbered && trained {
                self.at = Some(self.at.map_or(0, |at| at + 1));
            }
            if self.numbered && trained {
                let epoch = epoch.unwrap_or_default();
                match (self.at, self.is_new) {
                    (Some(at), true) if at > 0 && epoch > 0.0 => self.per_epoch = Some(at as f64 / epoch),
                    (Some(at), false) => {
                        // Two lines after one bar: the epoch says how far the later one is.
                        let by_epoch = self.per_epoch.map_or(0.0, |per_epoch| (epoch * per_epoch).round());
                        self.at = Some((by_epoch as u64).max(at + 1));
                        self.placed += 1;
                    }
                    _ => {}
                }
                self.is_new = false;
            }
            let at = self.at.unwrap_or_default();
            if let Some(key) = self.rows.key("step") {
                self.rows.number(0, key, at as f64);
            }
            self.rows.end(to);
        }
    }

    fn finish(&mut self, to: &mut Builder) {
        if !self.numbered && !self.said {
            self.said = true;
            to.left_out().note(
                "the printed lines do not number their updates, so they are counted from 0; trainer_state.json has \
                 the updates",
            );
        }
        let placed = std::mem::take(&mut self.placed);
        if placed > 0 {
            to.left_out().note(format!(
                "{placed} lines have no progress bar before them that numbers their update: they were placed by their \
                 epoch"
            ));
        }
        self.rows.finish(to);
    }
}

enum Value<'a> {
    Number(f64),
    Text(&'a str),
}

/// Hands over the entries of the dictionary that a line holds; whether it holds one.
fn dictionary<'a>(line: &'a [u8], mut each: impl FnMut(&'a str, Value<'a>)) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let Some(start) = line.find("{'") else { return false };
    let Some(end) = line.rfind('}') else { return false };
    let Some(mut rest) = line.get(start + 1..end) else { return false };
    let mut any = false;
    while let Some(key) = rest.trim_start_matches([' ', ',']).strip_prefix('\'') {
        let Some((name, after)) = key.split_once('\'') else { return any };
        let Some(after) = after.trim_start().strip_prefix(':') else { return any };
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('\'') {
            Some(text) => text.split_once('\'').unwrap_or((text, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        match number::parse(value.as_bytes()) {
            Some(value) => each(name, Value::Number(value)),
            None => each(name, Value::Text(value)),
        }
        any = true;
        rest = left;
    }
    any
}

/// The update that a progress bar says: ` 5%|▌   | 500/10000 [01:00<20:00, 8.0it/s]`.
fn progress(line: &[u8]) -> Option<u64> {
    let line = String::from_utf8_lossy(line);
    let (before, _) = line.split_once(" [")?;
    let (_, counts) = before.rsplit_once("| ")?;
    let (done, total) = counts.trim().split_once('/')?;
    let done: u64 = done.parse().ok()?;
    (done <= total.parse().ok()?).then_some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_bar_says_the_update() {
        assert_eq!(progress(" 5%|▌   | 500/10000 [01:00<20:00, 8.0it/s]".as_bytes()), Some(500));
        assert_eq!(progress(b"epoch 1/2 [ok]"), None);
    }

    #[test]
    fn a_dictionary_is_taken_apart() {
        let mut found = Vec::new();
        let line = b" 10%| | 1/10 [0s]{'loss': '1.5', 'grad_norm': nan, 'learning_rate': 2e-05, 'name': 'x y', 'epoch': 0.1}";
        assert!(dictionary(line, |name, value| found.push((
            name,
            match value {
                Value::Number(number) => format!("{number}"),
                Value::Text(text) => text.to_owned(),
            }
        ))));
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["loss", "grad_norm", "learning_rate", "name", "epoch"]);
        assert_eq!(found[2].1, "0.00002");
        assert_eq!(found[3].1, "x y");
        for none in [&b"{}"[..], b"{'a'", b"no", b"}{'"] {
            assert!(!dictionary(none, |_, _| {}));
        }
    }
}
