//! A logged learning rate: a table of any length, read within a fixed memory, and the schedule nearest to it.

use std::io::{BufRead, Read};

use super::fit::{self, Sample};
use super::{ImportError, Imported, dialects};
use crate::experiment::OptimizerKind;
use crate::schedule::Span;

/// The longest line.
const MAX_LINE: u64 = 64 << 10;
/// The most rows that are kept; of more, every second one is left out, again and again.
const MAX_KEPT: usize = 1 << 14;
/// The largest step number: beyond it floats would skip some.
const MAX_STEP: f64 = 1e12;

const RATES: [&str; 4] = ["lr", "learning_rate", "learning rate", "rate"];
const STEPS: [&str; 8] = [
    "update",
    "global_step",
    "step",
    "_step",
    "iteration",
    "iter",
    "trainer/global_step",
    "train/global_step",
];

/// Where a table's columns are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Columns {
    delimiter: char,
    rate: usize,
    step: Option<usize>,
    /// Of a table of several runs only the first is read.
    run: Option<usize>,
    has_header: bool,
}

/// Whether the text starts like a table with rates.
pub(super) fn is_log(start: &str) -> bool {
    let mut lines = start.lines().filter(|line| is_content(line));
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    match columns(first) {
        // A table with words where its rates should be is one all the same: its reader says what is wrong.
        Ok(columns) if columns.has_header => {
            let count = |line: &str| cells(line, columns.delimiter).count();
            let is_table = count(first) > 1 && count(first) == count(second) && !first.contains(['=', '(']);
            is_table || row(second, columns).is_some()
        }
        Ok(columns) => row(first, columns).is_some() && (second.is_empty() || row(second, columns).is_some()),
        Err(_) => false,
    }
}

fn is_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// Reads the whole log and finds the nearest schedule.
pub(super) fn read(mut reader: impl BufRead) -> Result<Imported, ImportError> {
    let mut kept = Kept::default();
    let mut columns_found = None;
    let mut run = None;
    let (mut others, mut is_export) = (Vec::new(), false);
    let (mut skipped, mut other_runs) = (0_u64, 0_u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        if length as u64 == MAX_LINE && line.last() != Some(&b'\n') {
            return Err(ImportError::Log(format!("it has a line of more than {MAX_LINE} bytes")));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_start_matches('\u{feff}').trim();
        if !is_content(text) {
            continue;
        }
        let columns = match columns_found {
            Some(columns) => columns,
            None => {
                let found = columns(text)?;
                columns_found = Some(found);
                if found.has_header {
                    (others, is_export) = other_columns(text, found.delimiter);
                    continue;
                }
                found
            }
        };
        if let Some(at) = columns.run {
            let name = cells(text, columns.delimiter).nth(at).unwrap_or_default();
            if *run.get_or_insert_with(|| name.to_owned()) != name {
                other_runs += 1;
                continue;
            }
        }
        match row(text, columns) {
            Some((step, rate)) => skipped += u64::from(!kept.push(step, rate)),
            None => skipped += 1,
        }
    }
    let mut imported = kept.into_imported(skipped, other_runs, is_export)?;
    if !others.is_empty() {
        imported.note(format!("of its columns the rate was read; left out: {}", others.join(", ")));
    }
    Ok(imported)
}

/// The columns that hold an optimizer's numbers or the batch, and whether the header is that of our export.
fn other_columns(header: &str, delimiter: char) -> (Vec<String>, bool) {
    let known = |name: &str| {
        let has = |kind: OptimizerKind| kind.numbers().iter().any(|info| info.name == name);
        name == "batch" || OptimizerKind::ALL.into_iter().any(|(_, kind)| has(kind))
    };
    let names: Vec<String> = cells(header, delimiter).map(str::to_lowercase).collect();
    let is_export = match names.as_slice() {
        [update, lr, others @ ..] => {
            update == "update" && lr == "lr" && others.iter().all(|name| known(name))
        }
        _ => false,
    };
    (names.into_iter().filter(|name| known(name)).collect(), is_export)
}

/// The cells of a line, without quotation marks.
fn cells(line: &str, delimiter: char) -> impl Iterator<Item = &str> {
    line.split(delimiter).map(|cell| cell.trim().trim_matches('"'))
}

fn columns(first: &str) -> Result<Columns, ImportError> {
    let delimiter = [',', '\t', ';'].into_iter().find(|delimiter| first.contains(*delimiter)).unwrap_or(',');
    let names: Vec<String> = cells(first, delimiter).map(str::to_lowercase).collect();
    let find = |wanted: &[&str]| wanted.iter().find_map(|name| names.iter().position(|found| found == name));
    let has_header = names.iter().any(|name| name.parse::<f64>().is_err());
    if !has_header {
        return match names.len() {
            1 => Ok(Columns { delimiter, rate: 0, step: None, run: None, has_header }),
            2 => Ok(Columns { delimiter, rate: 1, step: Some(0), run: None, has_header }),
            count => Err(ImportError::Log(format!("it has {count} columns and no line that names them"))),
        };
    }
    // A line of a program is no list of names.
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | ' ' | ':');
    let like_a_rate = |name: &String| {
        let ends = ["/lr", "_lr", "/learning_rate", "learningrate"];
        let begins = ["lr", "learning_rate", "learning rate"];
        name.chars().all(is_name)
            && (ends.iter().any(|end| name.ends_with(end))
                || begins.iter().any(|begin| name.starts_with(begin)))
    };
    match find(&RATES).or_else(|| names.iter().position(like_a_rate)) {
        Some(rate) => {
            let step = find(&STEPS).filter(|step| *step != rate);
            Ok(Columns { delimiter, rate, step, run: find(&["run"]), has_header })
        }
        None => {
            let shown: String = first.chars().filter(|c| !c.is_control()).take(60).collect();
            Err(ImportError::Log(format!(
                "its first line is `{shown}`; one named lr or learning_rate is looked for"
            )))
        }
    }
}

/// A row's step, if it has one, and its rate.
fn row(line: &str, columns: Columns) -> Option<(Option<f64>, f64)> {
    let cell = |at: usize| cells(line, columns.delimiter).nth(at)?.parse::<f64>().ok();
    let rate = cell(columns.rate).filter(|rate| (0.0..=1e30).contains(rate))?;
    match columns.step {
        Some(step) => Some((Some(cell(step).filter(|step| (0.0..=MAX_STEP).contains(step))?), rate)),
        None => Some((None, rate)),
    }
}

/// Rows at even distances over all that were seen, and the last.
#[derive(Default)]
struct Kept {
    rows: Vec<(f64, f64)>,
    last: Option<(f64, f64)>,
    seen: usize,
    /// Every `2^halvings`th row is kept.
    halvings: u32,
}

impl Kept {
    /// Takes a row unless its step is not after the last one's.
    fn push(&mut self, step: Option<f64>, rate: f64) -> bool {
        let step = step.unwrap_or(self.seen as f64);
        if self.last.is_some_and(|(last, _)| step <= last) {
            return false;
        }
        self.last = Some((step, rate));
        if self.seen.is_multiple_of(1 << self.halvings) {
            if self.rows.len() == MAX_KEPT {
                let mut index = 0;
                self.rows.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.halvings += 1;
            }
            if self.seen.is_multiple_of(1 << self.halvings) {
                self.rows.push((step, rate));
            }
        }
        self.seen += 1;
        true
    }

    fn into_imported(
        mut self,
        skipped: u64,
        other_runs: u64,
        is_export: bool,
    ) -> Result<Imported, ImportError> {
        let (Some(&first), Some(last)) = (self.rows.first(), self.last) else {
            return Err(ImportError::Log(
                "no row of it has a rate that is a number of at least 0".to_owned(),
            ));
        };
        if self.seen < 2 || skipped > self.seen as u64 {
            return Err(ImportError::Log(format!(
                "only {} of its {} rows have a rate that is a number, at a step after the last row's",
                self.seen,
                self.seen as u64 + skipped
            )));
        }
        if self.rows.last() != Some(&last) {
            self.rows.push(last);
        }
        let spacing = ((last.0 - first.0) / (self.seen - 1) as f64).max(1.0);
        let total = (last.0 - first.0 + spacing).round() as u64;
        let samples: Vec<Sample> = self
            .rows
            .iter()
            .map(|(step, rate)| Sample { update: (step - first.0).round() as u64, rate: *rate })
            .collect();
        let mut found = fit::nearest(&samples, total)?;
        let mut nearest = None;
        // What a run was exported as is the run, and what comes near it is not.
        if is_export && skipped == 0 && samples.len() as u64 == total && !found.fit.is_exact() {
            nearest = Some(found.fit.to_string());
            found = fit::listed(&samples, total);
        }

        let mut imported = Imported::new(&dialects::LOG, found.name, found.schedule);
        imported.updates = Some(Span::Updates(total as f64));
        if let Some(nearest) = nearest {
            imported.note(format!("{nearest}; so the rates themselves were taken"));
        }
        if first.0 > 0.0 {
            imported.note(format!("the log starts at step {}, which is update 0 here", first.0));
        }
        if skipped > 0 {
            imported.note(format!("{skipped} rows without a rate, or out of order, were left out"));
        }
        if other_runs > 0 {
            imported.note(format!("the log has several runs; {other_runs} rows of the others were left out"));
        }
        if self.halvings > 0 {
            let every = 1_u64 << self.halvings;
            imported.note(format!("of {} rows every {every}th was looked at", self.seen));
        }
        imported.fit = Some(found.fit);
        Ok(imported)
    }
}
