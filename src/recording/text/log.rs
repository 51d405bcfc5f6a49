//! Printed lines as rows: Megatron-LM, nanoGPT, torchtitan, timm, fairseq, detectron2, OpenMMLab, one's own.

use super::scan::{Found, scan};
use crate::recording::build::Builder;
use crate::recording::evidence::Evidence;
use crate::recording::head::Head;
use crate::recording::lines::{LineReader, MAX_LINE, split};
use crate::recording::role::{self, Role};
use crate::recording::rows::{Rows, is_step};
use crate::recording::series::Tick;
use crate::telemetry::Column;

/// What a name in a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Step,
    Epoch,
    /// A rate, a loss, an accuracy or a gradient norm.
    Measured,
    Other,
}

/// The names seen so far: lines mostly repeat those of the line before.
#[derive(Debug, Default)]
struct Names {
    known: Vec<Name>,
    expected: usize,
}

#[derive(Debug)]
struct Name {
    text: String,
    class: Class,
    /// Its number among the rows' keys.
    key: Option<usize>,
}

/// Names after so many are not told apart any more: this is no log.
const MAX_NAMES: usize = 4096;

impl Names {
    fn find(&mut self, text: &str) -> Option<usize> {
        let at = match self.known.get(self.expected) {
            Some(name) if name.text == text => Some(self.expected),
            _ => self.known.iter().position(|name| name.text == text),
        };
        let at = match at {
            Some(at) => at,
            None if self.known.len() < MAX_NAMES => {
                self.known.push(Name { text: text.to_owned(), class: class(text), key: None });
                self.known.len() - 1
            }
            None => return None,
        };
        self.expected = at + 1;
        Some(at)
    }
}

fn class(name: &str) -> Class {
    let bare = name.split('(').next().unwrap_or(name);
    // llm.c's `s:100 trl:3.2`.
    if is_step(bare) || bare == "s" {
        return Class::Step;
    }
    match role::of(bare).role {
        Role::Epoch => Class::Epoch,
        Role::Main(
            Column::Lr | Column::TrainLoss | Column::ValLoss | Column::ValAccuracy | Column::GradNorm,
        ) => Class::Measured,
        _ => Class::Other,
    }
}

/// What a line says.
#[derive(Debug, Default)]
struct Line {
    step: Option<u64>,
    epoch: Option<f64>,
    /// Of how many updates of its epoch which one.
    part: Option<(u64, u64)>,
    /// Numbers by their names' places.
    numbers: Vec<(usize, f64)>,
    measured: bool,
}

impl Line {
    fn read(&mut self, text: &str, names: &mut Names) {
        self.clear();
        names.expected = 0;
        // What counts epochs if a part of an epoch follows, as in `Train: 3 [ 50/1251` and `Train: [3/300][50/1251]`.
        let mut phase = None;
        let mut group = None;
        let mut after_part = false;
        scan(text, |found| {
            let (name, value) = match found {
                Found::Part { name: "", done, total } => {
                    match self.part {
                        // `[3/300][50/1251]`: the first counts epochs.
                        Some((epoch, _)) if after_part => {
                            self.epoch = self.epoch.or(Some(epoch as f64));
                            self.part = Some((done, total));
                        }
                        Some(_) => {}
                        None => self.part = Some((done, total)),
                    }
                    after_part = true;
                    return;
                }
                // `epoch 1 | batch 200/ 2983`.
                Found::Part { name, done, total } if name.eq_ignore_ascii_case("batch") => {
                    self.part = self.part.or(Some((done, total)));
                    return;
                }
                Found::Part { name, done, .. } => (name, done as f64),
                Found::Number(name, value) => (name, value),
            };
            after_part = false;
            // `adjusting learning rate of group 0 to 1.0000e-02`, `reducing learning rate to 0.001`.
            let renamed;
            let name = match (name, group.take()) {
                (name, _) if name.ends_with("learning rate of group") => {
                    group = Some(value);
                    return;
                }
                ("to", Some(0.0)) => "learning rate",
                ("to", Some(other)) => {
                    renamed = format!("learning rate/pg{other}");
                    &renamed
                }
                (name, _) if name.ends_with("learning rate to") => "learning rate",
                (name, _) => name,
            };
            let Some(at) = names.find(name) else { return };
            if names.known.get(at).is_some_and(|name| is_phase(&name.text)) {
                phase = phase.or(Some((at, value)));
            }
            let class = names.known.get(at).map_or(Class::Other, |name| name.class);
            match (class, crate::recording::number::tick(value)) {
                (Class::Step, Some(step)) => self.step = self.step.or(Some(step)),
                // A share of an epoch: fairseq's `"update": 0.05`.
                (Class::Step, None) => {}
                (Class::Epoch, _) => self.epoch = self.epoch.or(Some(value)),
                _ => {
                    self.measured |= class == Class::Measured;
                    self.numbers.push((at, value));
                }
            }
        });
        if let (None, Some(_), Some((at, value))) = (self.epoch, self.part, phase) {
            self.epoch = Some(value);
            self.numbers.retain(|(known, _)| *known != at);
        }
    }

    fn clear(&mut self) {
        self.numbers.clear();
        let numbers = std::mem::take(&mut self.numbers);
        *self = Self { numbers, ..Self::default() };
    }

    fn is_placed(&self) -> bool {
        self.step.is_some() || self.epoch.is_some() || self.part.is_some()
    }
}

fn is_phase(name: &str) -> bool {
    let last = name.rsplit(' ').next().unwrap_or(name).to_lowercase();
    matches!(last.as_str(), "train" | "training")
}

/// Lines of the head that are rows, and all of them.
fn count(head: &Head) -> (usize, usize, Option<Tick>) {
    let (mut rows, mut all, mut tick) = (0, 0, None);
    let (mut names, mut line) = (Names::default(), Line::default());
    for text in split(head.whole_lines()) {
        all += 1;
        let Ok(text) = std::str::from_utf8(text) else { continue };
        line.read(text, &mut names);
        if line.measured && line.is_placed() {
            rows += 1;
            if line.step.is_some() || line.part.is_some() {
                tick = Some(Tick::Update);
            } else {
                tick = tick.or(Some(Tick::Epoch));
            }
        }
    }
    (rows, all, tick)
}

fn evidence(head: &Head, score: u8, few: u8) -> Option<Evidence> {
    if head.text().starts_with('{') {
        return None;
    }
    let (rows, all, _) = count(head);
    let score = if 3 * rows >= all { score } else { few };
    (rows > 1)
        .then(|| Evidence::new(score, format!("{rows} lines with a step or an epoch, and a loss or a rate")))
}

pub(in crate::recording) fn claim_megatron(head: &Head) -> Option<Evidence> {
    let megatron =
        head.text().contains("elapsed time per iteration (ms):") || head.text().contains("| lm loss:");
    evidence(head, 86, 80).filter(|_| megatron)
}

pub(in crate::recording) fn claim(head: &Head) -> Option<Evidence> {
    evidence(head, 65, 35)
}

pub(in crate::recording) fn reader(head: &Head) -> Box<dyn LineReader> {
    let (_, _, tick) = count(head);
    let tick = tick.unwrap_or(Tick::Row);
    let mut rows = Rows::new(Some(tick));
    rows.lenient = true;
    Box::new(TextLog {
        rows,
        tick,
        names: Names::default(),
        line: Line::default(),
        first_epoch: None,
        epoch: None,
    })
}

struct TextLog {
    rows: Rows,
    tick: Tick,
    names: Names,
    line: Line,
    first_epoch: Option<f64>,
    /// Of the last line that said one.
    epoch: Option<f64>,
}

impl TextLog {
    fn line(&mut self, text: &str, to: &mut Builder) {
        self.line.read(text, &mut self.names);
        let line = &self.line;
        if let Some(epoch) = line.epoch {
            self.first_epoch.get_or_insert(epoch);
            self.epoch = Some(epoch);
        }
        // Words with a number in them are no row.
        if !line.measured {
            return;
        }
        let within = line.part.map(|(done, total)| {
            let before = self.epoch.unwrap_or_default() - self.first_epoch.unwrap_or_default();
            (before.max(0.0) as u64).saturating_mul(total).saturating_add(done)
        });
        let rows = &mut self.rows;
        if let (Tick::Update, Some(step), Some(key)) = (self.tick, line.step.or(within), rows.key("step")) {
            rows.number(0, key, step as f64);
        }
        let epoch = line.epoch.or(self.epoch.filter(|_| within.is_some()));
        if let (Some(epoch), Some(key)) = (epoch, rows.key("epoch")) {
            rows.number(0, key, epoch);
        }
        for (at, value) in &line.numbers {
            let Some(name) = self.names.known.get_mut(*at) else { continue };
            if name.key.is_none() {
                name.key = rows.key(&name.text.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
            }
            if let Some(key) = name.key {
                rows.number(0, key, *value);
            }
        }
        rows.end(to);
    }
}

impl LineReader for TextLog {
    fn lines(&mut self, chunk: &[u8], to: &mut Builder) {
        for line in split(chunk) {
            if line.len() > MAX_LINE {
                to.left_out().count("lines of more than a megabyte");
                continue;
            }
            self.line(&String::from_utf8_lossy(line), to);
        }
    }

    fn finish(&mut self, to: &mut Builder) {
        self.rows.finish(to);
    }
}
