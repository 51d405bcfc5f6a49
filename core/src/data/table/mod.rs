//! Tables: columns of cells as inputs and answers. [`scan`] hands over rows as they are read, [`column`] makes
//! numbers or texts of them, [`format`](self::format) knows how people write numbers, [`report`] what became of it all.

pub(super) mod choice;
mod column;
mod format;
pub(super) mod report;
mod scan;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use super::samples::MAX_VALUES;
use super::{Problem, Samples, Shape, Targets, bounded};
use crate::plain;
use choice::{ColumnUse, ColumnUses};
use column::{Column, Content};
use report::{CellKind, ColumnReport, ColumnRole, TableReport};
use scan::{Table, Written};

/// The most values of a text column that become inputs.
const MAX_TEXTS: usize = 32;
/// The most classes of a text label.
const MAX_CLASSES: usize = 1000;
/// The most different whole numbers that are taken for classes.
const MAX_NUMBERED_CLASSES: usize = 20;
/// The most cells that are held.
const MAX_CELLS: usize = 1 << 27;
/// The bytes that a preview looks at.
const INSPECTED: usize = 1 << 20;
/// Columns that an error names.
const SAID: usize = 12;
/// Rows that a preview shows.
const PREVIEWED: usize = 8;

/// Reads a table whose column `label` is to be predicted from the others.
pub(super) fn read(
    source: impl Read,
    label: &str,
    uses: &ColumnUses,
) -> Result<(Samples, TableReport), Problem> {
    let mut table = Table::open(source, label)?;
    let label_at = place(&table.written, label)?;
    check(&table.written, label, uses)?;
    let (columns, mut report) = columns(&mut table, Some(label_at), uses)?;

    let mut inputs: Vec<(usize, Input)> = Vec::new();
    let mut answer = None;
    let mut complete = vec![true; report.rows];
    for (at, column) in columns.into_iter().enumerate() {
        let name = table.written.names.get(at).map_or("", String::as_str);
        let described = &mut report.columns[at];
        if at == label_at {
            if let Some((number, text)) = column.mixture() {
                return Err(Problem::MixedLabel { label: label.to_owned(), number, text });
            }
            if let Some(found) = column.too_many()
                && column.kind() == CellKind::Texts
            {
                return Err(Problem::TooManyClasses { label: label.to_owned(), found, limit: MAX_CLASSES });
            }
            let (content, missing) = column.into_content();
            described.missing = missing;
            if let Content::Unusable(why) = content {
                return Err(Problem::NoAnswers { label: label.to_owned(), why });
            }
            content.leave_out(&mut complete);
            answer = Some(content);
            continue;
        }
        if uses.get(name) == Some(&ColumnUse::Skip) {
            described.role = ColumnRole::Skipped;
            continue;
        }
        let (content, missing) = column.into_content();
        described.missing = missing;
        match content {
            Content::Unusable(why) => described.role = ColumnRole::LeftOut(why),
            content => {
                content.leave_out(&mut complete);
                let input = Input::of(name, content);
                described.role = ColumnRole::Input(input.names.len());
                inputs.push((at, input));
            }
        }
    }
    let Some(answer) = answer.filter(|_| !inputs.is_empty()) else {
        return Err(Problem::NoInputs { label: label.to_owned() });
    };
    let rows: Vec<usize> = (0..report.rows).filter(|&row| complete[row]).collect();
    report.rows_used = rows.len();
    if rows.is_empty() {
        return Err(Problem::NoRows { incomplete: report.rows });
    }
    let feature_names: Arc<[String]> =
        inputs.iter().flat_map(|(_, input)| input.names.iter().cloned()).collect();
    let width = feature_names.len();
    if rows.len().saturating_mul(width) > MAX_VALUES {
        return Err(Problem::TooLarge { limit: MAX_VALUES, unit: "values (rows times inputs)" });
    }
    let mut features = Vec::with_capacity(rows.len() * width);
    for &row in &rows {
        for (_, input) in &inputs {
            input.push(row, &mut features);
        }
    }
    let targets = answer.targets(&rows, label)?;
    Ok((Samples { shape: Shape::Flat(width), features, feature_names, targets }, report))
}

/// What the start of a table holds, without anything to predict: its columns as they would be read, and its first
/// rows.
pub(super) fn inspect(source: impl Read, uses: &ColumnUses) -> Result<TableReport, Problem> {
    let start = bounded::up_to(bounded::opened(source)?, INSPECTED)?;
    // The last line may be half of one.
    let end = start.iter().rposition(|byte| *byte == b'\n').filter(|_| start.len() == INSPECTED);
    let mut table = Table::open(&start[..end.map_or(start.len(), |end| end + 1)], "")?;
    let (columns, mut report) = columns(&mut table, None, uses)?;
    for (column, described) in columns.into_iter().zip(&mut report.columns) {
        let skipped = uses.get(&described.name) == Some(&ColumnUse::Skip);
        let (content, missing) = column.into_content();
        described.missing = missing;
        described.role = match content {
            _ if skipped => ColumnRole::Skipped,
            Content::Unusable(why) => ColumnRole::LeftOut(why),
            Content::Numbers(_) => ColumnRole::Input(1),
            Content::Texts { texts, .. } => ColumnRole::Input(texts.len()),
        };
    }
    report.rows_used = report.rows;
    Ok(report)
}

/// Reads every column, and what is known of the table by then.
fn columns(
    table: &mut Table<'_>,
    label: Option<usize>,
    uses: &ColumnUses,
) -> Result<(Vec<Column>, TableReport), Problem> {
    let Written { names, commas, .. } = &table.written;
    let names = names.clone();
    let mut columns: Vec<Column> = names
        .iter()
        .zip(commas)
        .enumerate()
        .map(|(at, (name, comma))| {
            let most = if label == Some(at) { MAX_CLASSES } else { MAX_TEXTS };
            Column::new(*comma, uses.get(name).copied(), most)
        })
        .collect();
    let mut report = TableReport::default();
    let mut odd: Vec<Option<u64>> = vec![None; columns.len()];
    table.rows(|place, cells| {
        if (report.rows + 1).saturating_mul(columns.len()) > MAX_CELLS {
            return Err(Problem::TooLarge { limit: MAX_CELLS, unit: "cells" });
        }
        let mut shown = (report.rows < PREVIEWED).then(Vec::new);
        for (at, (cell, column)) in cells.zip(&mut columns).enumerate() {
            let was_odd = column.odd.is_some();
            column.take(cell);
            if !was_odd && column.odd.is_some() {
                odd[at] = Some(place.line());
            }
            if let Some(shown) = &mut shown {
                shown.push(cell.chars().take(60).collect());
            }
        }
        report.first_rows.extend(shown);
        report.rows += 1;
        Ok(())
    })?;
    if report.rows == 0 {
        return Err(Problem::Empty);
    }
    for ((column, name), line) in columns.iter().zip(&names).zip(odd) {
        if let (Some((_, found)), Some(line), CellKind::Numbers) = (&column.odd, line, column.kind()) {
            return Err(Problem::NotFinite { line, column: plain::name(name), found: plain::name(found) });
        }
        let role = if label.is_some_and(|label| names.get(label) == Some(name)) {
            ColumnRole::Label
        } else {
            ColumnRole::Input(1)
        };
        let (kind, missing) = (column.kind(), column.missing);
        report.columns.push(ColumnReport { name: name.clone(), kind, role, missing });
    }
    report.assumed = assumed(&table.written, &columns, &names);
    Ok((columns, report))
}

/// What was assumed of how a table is written.
fn assumed(written: &Written, columns: &[Column], names: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    if !written.has_header {
        let last = names.len();
        all.push(format!("the first line holds numbers, not names, so the columns are called c1 to c{last}"));
    }
    if written.comments > 0 {
        all.push(format!("{} comment lines at the beginning were passed over", written.comments));
    }
    let mut said = |columns: Vec<&str>, what: &str| {
        if !columns.is_empty() {
            let shown: Vec<String> = columns.iter().take(4).map(|name| format!("`{name}`")).collect();
            let more =
                if columns.len() > 4 { format!(" and {} more", columns.len() - 4) } else { String::new() };
            all.push(format!("{}{more}: {what}", shown.join(", ")));
        }
    };
    let having = |has: &dyn Fn(&Column) -> bool| -> Vec<&str> {
        columns.iter().zip(names).filter(|(column, _)| has(column)).map(|(_, name)| name.as_str()).collect()
    };
    let is_numbers = |column: &Column| column.kind() == CellKind::Numbers;
    said(having(&|it| is_numbers(it) && it.signs.decimal_comma), "commas were read as decimal points");
    said(having(&|it| is_numbers(it) && it.signs.thousands), "signs that part thousands were passed over");
    said(having(&|it| is_numbers(it) && it.signs.currency), "signs of currencies were passed over");
    said(having(&|it| is_numbers(it) && it.signs.percent), "percent signs were passed over (12 % is 12)");
    said(having(&|it| it.kind() == CellKind::Dates), "dates were read as days since 1970-01-01");
    all
}

/// Where the column to predict is.
fn place(written: &Written, label: &str) -> Result<usize, Problem> {
    let names = written.names.iter().enumerate();
    let places: Vec<usize> = names.filter(|(_, name)| *name == label).map(|(at, _)| at).collect();
    match places.as_slice() {
        [at] => Ok(*at),
        [] => Err(no_such_column(written, label)),
        places => Err(Problem::AmbiguousColumn { label: label.to_owned(), count: places.len() }),
    }
}

/// What the file holds is not said: before its label is found, it may be any file. A name that differs in signs and
/// capitals only is no secret.
fn no_such_column(written: &Written, label: &str) -> Problem {
    let bare = |name: &str| {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    if !written.has_header {
        // These names are ours.
        let some =
            written.names.iter().take(SAID).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let more = if written.names.len() > SAID { ", and so on" } else { "" };
        return Problem::Numbered { label: label.to_owned(), columns: format!("{some}{more}") };
    }
    let near = written.names.iter().find(|name| !bare(name).is_empty() && bare(name) == bare(label));
    let near = near.map(|name| plain::name(name));
    Problem::NoSuchColumn { label: label.to_owned(), columns: written.names.len(), near }
}

/// Every column that something is said of is there.
fn check(written: &Written, label: &str, uses: &ColumnUses) -> Result<(), Problem> {
    for (name, is) in uses {
        if !written.names.contains(name) {
            return Err(no_such_column(written, name));
        }
        if name == label && *is == ColumnUse::Skip {
            return Err(Problem::SkippedLabel { label: label.to_owned() });
        }
    }
    Ok(())
}

/// A column as inputs.
struct Input {
    names: Vec<String>,
    content: Content,
}

impl Input {
    /// One input for a column of numbers, one a text for a column of texts.
    fn of(name: &str, content: Content) -> Self {
        let names = match &content {
            Content::Texts { texts, .. } => texts.iter().map(|text| format!("{name}={text}")).collect(),
            Content::Numbers(_) | Content::Unusable(_) => vec![name.to_owned()],
        };
        Self { names, content }
    }

    /// Appends a row's number, or its text as a one among zeros.
    fn push(&self, row: usize, features: &mut Vec<f32>) {
        match &self.content {
            Content::Numbers(numbers) => features.push(numbers.get(row).copied().unwrap_or_default()),
            Content::Texts { cells, texts } => {
                let place = cells.get(row).copied().flatten();
                features.extend((0..texts.len()).map(|at| f32::from(u8::from(place == Some(at as u32)))));
            }
            Content::Unusable(_) => {}
        }
    }
}

impl Content {
    /// Marks the rows whose cell is missing.
    fn leave_out(&self, complete: &mut [bool]) {
        match self {
            Self::Numbers(numbers) => {
                for (complete, number) in complete.iter_mut().zip(numbers) {
                    *complete &= !number.is_nan();
                }
            }
            Self::Texts { cells, .. } => {
                for (complete, cell) in complete.iter_mut().zip(cells) {
                    *complete &= cell.is_some();
                }
            }
            Self::Unusable(_) => {}
        }
    }

    /// The answers in these rows, all of which have one.
    fn targets(&self, rows: &[usize], label: &str) -> Result<Targets, Problem> {
        let label = label.to_owned();
        let (labels, names): (Vec<u32>, Vec<String>) = match self {
            Self::Numbers(cells) => {
                // Adding 0 makes a negative zero the ordinary one.
                let values: Vec<f32> =
                    rows.iter().filter_map(|&row| cells.get(row)).map(|value| value + 0.0).collect();
                let mut kinds = values.clone();
                kinds.sort_by(f32::total_cmp);
                kinds.dedup();
                if kinds.len() > 1 && !are_classes(&kinds, values.len()) {
                    return Ok(Targets::Values { values, width: 1 });
                }
                let names = kinds.iter().map(f32::to_string).collect();
                (places(&values, &kinds, f32::total_cmp), names)
            }
            Self::Texts { cells, texts } => {
                let values: Vec<u32> = rows.iter().filter_map(|&row| *cells.get(row)?).collect();
                let kinds: BTreeSet<u32> = values.iter().copied().collect();
                let kinds: Vec<u32> = kinds.into_iter().collect();
                let name = |&kind: &u32| texts.get(kind as usize).cloned();
                (places(&values, &kinds, Ord::cmp), kinds.iter().filter_map(name).collect())
            }
            Self::Unusable(why) => return Err(Problem::NoAnswers { label, why: why.clone() }),
        };
        match names.len() {
            0 | 1 => Err(Problem::OneClass { label }),
            found if found > MAX_CLASSES => Err(Problem::TooManyClasses { label, found, limit: MAX_CLASSES }),
            _ => Ok(Targets::Classes { labels, names: names.into() }),
        }
    }
}

/// Whether so many rows of these different numbers are classes rather than measurements.
fn are_classes(kinds: &[f32], rows: usize) -> bool {
    let whole = kinds.iter().all(|kind| kind.fract() == 0.0);
    whole && kinds.len() <= MAX_NUMBERED_CLASSES && 2 * kinds.len() <= rows
}

/// Where each value is in the sorted `kinds`, which has them all.
fn places<T>(values: &[T], kinds: &[T], order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<u32> {
    values
        .iter()
        .filter_map(|value| kinds.binary_search_by(|kind| order(kind, value)).ok())
        .map(|at| at as u32)
        .collect()
}
