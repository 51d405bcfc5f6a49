//! Rows of named numbers, each at a tick: what tables, JSON logs and printed lines have in common.

use super::Builder;
use super::build::{MAX_RUNS, Slot};
use super::clock::Clock;
use super::number;
use super::role::{self, Role};
use super::series::Tick;

/// Rows that are looked at before it is decided what numbers them.
const LOOKED_AT: usize = 64;
/// The most names that are told apart.
const MAX_KEYS: usize = 4096;

/// Names of a counter of updates, the best first.
const STEPS: [&str; 19] = [
    "global_step",
    "trainer/global_step",
    "train/global_step",
    "update",
    "num_updates",
    "updates",
    "step",
    "_step",
    "steps",
    "iteration",
    "iter",
    "iters",
    "iterations",
    "iter_num",
    "it",
    "n_iter",
    "global_iter",
    "current_iteration",
    "batch_idx",
];

/// What a name is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Counts updates; the lower the better among several.
    Step(u8),
    Epoch,
    Value,
}

#[derive(Debug)]
struct Key {
    name: String,
    is: Use,
    /// Of each run.
    slots: Vec<Option<Slot>>,
    numbers: u64,
    texts: u64,
    example: String,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    run: usize,
    key: usize,
    value: f64,
}

/// Takes in rows and hands their numbers to a [`Builder`].
#[derive(Debug, Default)]
pub(super) struct Rows {
    tick: Option<Tick>,
    /// What is the tick, where the reader knows.
    decided: Option<Tick>,
    keys: Vec<Key>,
    /// Where the next key is looked for first: rows mostly repeat the order of the row before.
    expected: usize,
    row: Vec<Cell>,
    waiting: Vec<Vec<Cell>>,
    clocks: Vec<Clock>,
    runs: Vec<(String, Option<usize>)>,
    rows: u64,
    /// Whether rows without a step belong to the last step.
    pub lenient: bool,
    last_tick: Option<u64>,
}

impl Rows {
    /// Rows whose tick is known, or found out from the first ones.
    pub fn new(decided: Option<Tick>) -> Self {
        Self { decided, ..Self::default() }
    }

    /// The number of a name.
    pub fn key(&mut self, name: &str) -> Option<usize> {
        if self.keys.get(self.expected).is_some_and(|key| key.name == name) {
            self.expected += 1;
            return Some(self.expected - 1);
        }
        let found = self.keys.iter().position(|key| key.name == name);
        if let Some(at) = found {
            self.expected = at + 1;
            return Some(at);
        }
        (self.keys.len() < MAX_KEYS).then(|| {
            self.keys.push(Key {
                name: name.to_owned(),
                is: use_of(name),
                slots: Vec::new(),
                numbers: 0,
                texts: 0,
                example: String::new(),
            });
            self.expected = self.keys.len();
            self.keys.len() - 1
        })
    }

    /// The number of a run; rows without one are of run 0. Nothing once there are too many.
    pub fn run(&mut self, name: &str) -> Option<usize> {
        let known = self.runs.iter().rposition(|(known, _)| known == name);
        if known.is_none() && self.runs.len() < MAX_RUNS {
            self.runs.push((name.to_owned(), None));
            return Some(self.runs.len() - 1);
        }
        known
    }

    /// A number of the row under way.
    pub fn number(&mut self, run: usize, key: usize, value: f64) {
        if let Some(key) = self.keys.get_mut(key) {
            key.numbers += 1;
        }
        self.row.push(Cell { run, key, value });
    }

    /// A cell of the row under way that is no number.
    pub fn text(&mut self, key: usize, text: &str) {
        if let Some(key) = self.keys.get_mut(key) {
            if key.texts == 0 {
                key.example = text.chars().filter(|c| !c.is_control()).take(24).collect();
            }
            key.texts += 1;
        }
    }

    /// Drops the row under way.
    pub fn forget(&mut self) {
        self.row.clear();
        self.expected = 0;
    }

    /// Ends the row under way.
    pub fn end(&mut self, to: &mut Builder) {
        self.expected = 0;
        if self.row.is_empty() {
            return;
        }
        let row = std::mem::take(&mut self.row);
        if self.tick.is_none() {
            self.waiting.push(row);
            if self.waiting.len() == LOOKED_AT {
                self.settle(to);
            }
            return;
        }
        self.place(&row, to);
        self.row = row;
        self.row.clear();
    }

    /// Nothing more comes for now: what waits is placed, and what was no number is said.
    pub fn finish(&mut self, to: &mut Builder) {
        self.end(to);
        self.settle(to);
        let mut words: Vec<String> = Vec::new();
        for key in self.keys.iter_mut().filter(|key| key.texts > 0) {
            if key.numbers == 0 {
                words.push(format!("{} (such as `{}`)", key.name, key.example));
            } else {
                let why = format!("cells of `{}` that are no number (such as `{}`)", key.name, key.example);
                to.left_out().add(&why, key.texts);
            }
            key.texts = 0;
        }
        if !words.is_empty() {
            let shown = words.len().min(12);
            let more = if words.len() > shown {
                format!(" and {} more", words.len() - shown)
            } else {
                String::new()
            };
            to.left_out()
                .note(format!("left out, since they hold words: {}{more}", words[..shown].join(", ")));
        }
        if self.clocks.iter().any(|clock| clock.within_epochs) {
            to.left_out()
                .note("the step starts over with each epoch: the epochs were put one after the other");
        }
    }

    /// Decides what numbers the rows, and places those that wait.
    fn settle(&mut self, to: &mut Builder) {
        if self.tick.is_none() && !self.waiting.is_empty() {
            let tick = self.decided.unwrap_or_else(|| self.find_tick());
            if tick == Tick::Row && self.decided.is_none() {
                to.left_out().note("the file numbers neither updates nor whole epochs, so rows are counted");
            }
            self.tick = Some(tick);
        }
        for row in std::mem::take(&mut self.waiting) {
            self.place(&row, to);
        }
    }

    fn find_tick(&self) -> Tick {
        let is = |cell: &Cell| self.keys.get(cell.key).map(|key| key.is);
        let stepped = |row: &&Vec<Cell>| {
            row.iter()
                .any(|cell| matches!(is(cell), Some(Use::Step(_))) && number::tick(cell.value).is_some())
        };
        let rows = self.waiting.len();
        if 2 * self.waiting.iter().filter(stepped).count() >= rows {
            return Tick::Update;
        }
        // A whole epoch a row, and no series twice in one.
        let mut seen: Vec<(u64, usize, usize)> = Vec::new();
        for row in &self.waiting {
            let epoch = row.iter().find(|cell| is(cell) == Some(Use::Epoch));
            let Some(epoch) = epoch.and_then(|cell| number::tick(cell.value)) else { return Tick::Row };
            for cell in row.iter().filter(|cell| is(cell) == Some(Use::Value)) {
                if seen.contains(&(epoch, cell.run, cell.key)) {
                    return Tick::Row;
                }
                seen.push((epoch, cell.run, cell.key));
            }
        }
        Tick::Epoch
    }

    fn place(&mut self, row: &[Cell], to: &mut Builder) {
        let tick = self.tick.unwrap_or(Tick::Row);
        let find = |wanted: &dyn Fn(Use) -> Option<u8>| {
            let ranked = row.iter().filter_map(|cell| Some((wanted(self.keys.get(cell.key)?.is)?, cell)));
            ranked.min_by_key(|(rank, _)| *rank).map(|(_, cell)| (cell.key, cell.value))
        };
        let step = find(&|is| if let Use::Step(rank) = is { Some(rank) } else { None });
        let epoch = find(&|is| (is == Use::Epoch).then_some(0));
        let run = row.first().map_or(0, |cell| cell.run);
        if self.clocks.len() <= run {
            self.clocks.resize(run + 1, Clock::default());
        }
        let counted = match tick {
            Tick::Update => step,
            Tick::Epoch => epoch,
            Tick::Row => None,
        };
        let at = match (tick, counted.and_then(|(_, value)| number::tick(value))) {
            (Tick::Update, Some(step)) => Some(self.clocks[run].place(step, epoch.map(|(_, value)| value))),
            (Tick::Epoch, Some(epoch)) => Some(epoch),
            (Tick::Row, _) => Some(self.rows),
            (_, None) if self.lenient => self.last_tick,
            _ => None,
        };
        self.rows += 1;
        let Some(at) = at else {
            to.left_out().count(&format!("rows without a number of their {}", tick.singular()));
            return;
        };
        self.last_tick = Some(at);
        let counter = counted.map(|(key, _)| key).filter(|_| tick == Tick::Update);
        for cell in row.iter().filter(|cell| Some(cell.key) != counter) {
            if let Some(slot) = self.slot(cell.run, cell.key, tick, to) {
                to.push(slot, at, cell.value);
            }
        }
    }

    fn slot(&mut self, run: usize, key: usize, tick: Tick, to: &mut Builder) -> Option<Slot> {
        if let Some(Some(slot)) = self.keys.get(key)?.slots.get(run) {
            return Some(*slot);
        }
        if self.runs.is_empty() {
            self.runs.push((String::new(), None));
        }
        let (name, at) = self.runs.get_mut(run)?;
        if at.is_none() {
            *at = to.run(name, tick);
        }
        let at = (*at)?;
        let key = self.keys.get_mut(key)?;
        let slot = to.slot(at, &key.name)?;
        if key.slots.len() <= run {
            key.slots.resize(run + 1, None);
        }
        key.slots[run] = Some(slot);
        Some(slot)
    }
}

fn use_of(name: &str) -> Use {
    let normal = role::normal(name);
    if let Some(rank) = STEPS.iter().position(|step| *step == normal) {
        return Use::Step(rank as u8);
    }
    if role::of(name).role == Role::Epoch { Use::Epoch } else { Use::Value }
}

/// Whether the name counts updates.
pub(super) fn is_step(name: &str) -> bool {
    matches!(use_of(name), Use::Step(_))
}
