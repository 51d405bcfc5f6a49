//! Columns of cells as inputs and answers: numbers and words in, numbers and classes out.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use csv::StringRecord;

use super::cells::Cells;
use super::samples::MAX_VALUES;
use super::{LeftOut, LeftOutColumn, Problem, Samples, Shape, Targets, bounded};
use crate::plain;

/// The most bytes of text a table may have.
const MAX_BYTES: usize = 1 << 26;
/// The most values of a text column that become inputs.
const MAX_TEXTS: usize = 32;
/// The most classes of a text label.
const MAX_CLASSES: usize = 1000;
/// The most different whole numbers that are taken for classes.
const MAX_NUMBERED_CLASSES: usize = 20;
/// Cells that say their value is missing, in capitals or not.
const MISSING: [&str; 5] = ["", "NA", "N/A", "null", "?"];

/// One column's cells, nothing where one is missing.
enum Column {
    Numbers(Vec<Option<f32>>),
    /// Places in the column's sorted `texts`.
    Texts {
        cells: Vec<Option<u32>>,
        texts: Vec<String>,
    },
}

/// Reads a table whose column `label` is to be predicted from the others.
pub(super) fn read(source: impl Read, label: &str) -> Result<(Samples, LeftOut), Problem> {
    let bytes = bounded::all(source, MAX_BYTES)?;
    let cells = Cells::read(&bytes)?;
    let label_at = place(&cells.header, label)?;

    let mut inputs = Vec::new();
    let mut left_out = LeftOut::default();
    for (at, name) in cells.header.iter().enumerate() {
        if at == label_at {
            continue;
        }
        let column = Column::read(&cells, at)?;
        match column.unusable() {
            None => inputs.push((name, column)),
            Some(reason) => left_out.columns.push(LeftOutColumn { name: plain::name(name), reason }),
        }
    }
    if inputs.is_empty() {
        return Err(Problem::NoInputs { label: label.to_owned() });
    }

    let answer = Column::read(&cells, label_at)?;
    let complete: Vec<usize> = (0..cells.rows.len())
        .filter(|&row| answer.has(row) && inputs.iter().all(|(_, column)| column.has(row)))
        .collect();
    left_out.rows = cells.rows.len() - complete.len();
    if complete.is_empty() {
        return Err(Problem::NoRows { incomplete: left_out.rows });
    }

    let feature_names: Arc<[String]> =
        inputs.iter().flat_map(|(name, column)| column.feature_names(name)).collect();
    let width = feature_names.len();
    if complete.len().saturating_mul(width) > MAX_VALUES {
        return Err(Problem::TooLarge { limit: MAX_VALUES, unit: "values (rows times inputs)" });
    }
    let mut features = Vec::with_capacity(complete.len() * width);
    for &row in &complete {
        for (_, column) in &inputs {
            column.push_features(row, &mut features);
        }
    }
    let targets = answer.targets(&complete, label)?;
    Ok((Samples { shape: Shape::Flat(width), features, feature_names, targets }, left_out))
}

/// Where the column to predict is.
fn place(header: &StringRecord, label: &str) -> Result<usize, Problem> {
    let places: Vec<usize> =
        header.iter().enumerate().filter(|&(_, name)| name == label).map(|(at, _)| at).collect();
    match places.as_slice() {
        [at] => Ok(*at),
        [] => {
            let bare = |name: &str| {
                name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
            };
            let near = header.iter().find(|name| !bare(name).is_empty() && bare(name) == bare(label));
            let near = near.map(plain::name);
            Err(Problem::NoSuchColumn { label: label.to_owned(), columns: header.len(), near })
        }
        places => Err(Problem::AmbiguousColumn { label: label.to_owned(), count: places.len() }),
    }
}

impl Column {
    /// The column at this place: numbers if every cell that is not missing is one, and else texts.
    fn read(cells: &Cells, at: usize) -> Result<Self, Problem> {
        let column = || {
            let cells = cells.rows.iter().map(|row| row.get(at).unwrap_or_default());
            let missing = |cell: &str| MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word));
            cells.map(move |cell| (!missing(cell)).then_some(cell))
        };
        let numbers: Result<Vec<Option<f32>>, _> =
            column().map(|cell| cell.map(str::parse).transpose()).collect();
        if let Ok(numbers) = numbers {
            let odd = |number: &Option<f32>| number.is_some_and(|number| !number.is_finite());
            return match numbers.iter().position(odd) {
                None => Ok(Self::Numbers(numbers)),
                Some(row) => Err(Problem::NotFinite {
                    line: cells.line(row),
                    column: plain::name(cells.header.get(at).unwrap_or_default()),
                    found: plain::name(column().nth(row).flatten().unwrap_or_default()),
                }),
            };
        }
        let texts: BTreeSet<&str> = column().flatten().collect();
        let texts: Vec<&str> = texts.into_iter().collect();
        let place = |cell| texts.binary_search(&cell).ok().map(|place| place as u32);
        let cells = column().map(|cell| cell.and_then(place)).collect();
        let texts = texts.into_iter().map(str::to_owned).collect();
        Ok(Self::Texts { cells, texts })
    }

    /// Why the column can be no input, if so.
    fn unusable(&self) -> Option<String> {
        match self {
            Self::Numbers(numbers) if numbers.iter().all(Option::is_none) => Some("has no values".to_owned()),
            Self::Texts { texts, .. } if texts.len() > MAX_TEXTS => {
                let count = texts.len();
                Some(match self.mixture() {
                    Some((number, text)) => {
                        format!("mixes numbers such as `{number}` with text such as `{text}`")
                    }
                    None => {
                        format!("has {count} different texts, more than the {MAX_TEXTS} that become inputs")
                    }
                })
            }
            _ => None,
        }
    }

    /// Whether the cell of a row is there.
    fn has(&self, row: usize) -> bool {
        match self {
            Self::Numbers(numbers) => matches!(numbers.get(row), Some(Some(_))),
            Self::Texts { cells, .. } => matches!(cells.get(row), Some(Some(_))),
        }
    }

    /// One name for a column of numbers, one a value for a column of texts.
    fn feature_names(&self, name: &str) -> Vec<String> {
        match self {
            Self::Numbers(_) => vec![name.to_owned()],
            Self::Texts { texts, .. } => texts.iter().map(|text| format!("{name}={text}")).collect(),
        }
    }

    /// Appends a row's number, or its text as a one among zeros. Of a missing cell that is all zeros,
    /// but such rows are left out.
    fn push_features(&self, row: usize, features: &mut Vec<f32>) {
        match self {
            Self::Numbers(numbers) => {
                features.push(numbers.get(row).copied().flatten().unwrap_or_default());
            }
            Self::Texts { cells, texts } => {
                let place = cells.get(row).copied().flatten();
                features.extend((0..texts.len()).map(|at| f32::from(u8::from(place == Some(at as u32)))));
            }
        }
    }

    /// The answers in these rows.
    fn targets(&self, rows: &[usize], label: &str) -> Result<Targets, Problem> {
        let label = label.to_owned();
        if let Some((number, text)) = self.mixture() {
            return Err(Problem::MixedLabel { label, number, text });
        }
        let (labels, names): (Vec<u32>, Vec<String>) = match self {
            Self::Numbers(cells) => {
                // Adding 0 makes a negative zero the ordinary one.
                let values: Vec<f32> = kept(cells, rows).map(|value| value + 0.0).collect();
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
                let values: Vec<u32> = kept(cells, rows).collect();
                let kinds: BTreeSet<u32> = values.iter().copied().collect();
                let kinds: Vec<u32> = kinds.into_iter().collect();
                let name = |&kind: &u32| texts.get(kind as usize).cloned();
                (places(&values, &kinds, Ord::cmp), kinds.iter().filter_map(name).collect())
            }
        };
        match names.len() {
            0 | 1 => Err(Problem::OneClass { label }),
            found if found > MAX_CLASSES => Err(Problem::TooManyClasses { label, found, limit: MAX_CLASSES }),
            _ => Ok(Targets::Classes { labels, names: names.into() }),
        }
    }

    /// A number and a text of a column that has both, and too many to be taken for names.
    fn mixture(&self) -> Option<(String, String)> {
        match self {
            Self::Texts { texts, .. } if texts.len() > MAX_TEXTS => {
                let is_number = |text: &&String| text.parse::<f32>().is_ok();
                let number = texts.iter().find(is_number)?;
                let text = texts.iter().find(|text| !is_number(text))?;
                Some((plain::name(number), plain::name(text)))
            }
            _ => None,
        }
    }
}

/// The cells of these rows that are there.
fn kept<T: Copy>(cells: &[Option<T>], rows: &[usize]) -> impl Iterator<Item = T> {
    rows.iter().filter_map(|&row| *cells.get(row)?)
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
