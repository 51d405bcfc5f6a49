//! One column while its rows come in: as numbers, as texts, or both as long as it may be either.

use std::collections::{BTreeSet, HashMap};

use super::MAX_TEXTS;
use super::choice::ColumnUse;
use super::format::{Comma, Signs, days, is_missing, is_unclear_date, number};
use super::report::CellKind;
use crate::plain;

/// Different texts that are counted; a column with more is said to have more.
const COUNTED: usize = 10_000;
/// The code of a missing cell.
const MISSING: u32 = u32::MAX;

/// A column being read.
pub(super) struct Column {
    comma: Comma,
    asked: Option<ColumnUse>,
    /// Different texts that are worth their codes.
    most: usize,
    /// NaN where a cell is missing or is no number.
    pub numbers: Vec<f32>,
    /// Places in `texts`, as long as there are few.
    codes: Option<Vec<u32>>,
    texts: HashMap<String, u32>,
    pub signs: Signs,
    pub missing: usize,
    counted: Counts,
    /// A number and a word, as they stand.
    example: (Option<String>, Option<String>),
    /// The first cell that is a number and not finite, with its row.
    pub odd: Option<(usize, String)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    numbers: usize,
    dates: usize,
    unclear: usize,
    words: usize,
}

/// What a column turned out to be.
pub(super) enum Content {
    /// NaN where a cell is missing.
    Numbers(Vec<f32>),
    /// Places in the sorted texts; nothing where a cell is missing.
    Texts { cells: Vec<Option<u32>>, texts: Vec<String> },
    /// No input; why.
    Unusable(String),
}

impl Column {
    pub fn new(comma: Comma, asked: Option<ColumnUse>, most: usize) -> Self {
        Self {
            comma,
            asked,
            most,
            numbers: Vec::new(),
            codes: Some(Vec::new()),
            texts: HashMap::new(),
            signs: Signs::default(),
            missing: 0,
            counted: Counts::default(),
            example: (None, None),
            odd: None,
        }
    }

    /// Takes in the next row's cell.
    pub fn take(&mut self, cell: &str) {
        if self.asked == Some(ColumnUse::Skip) {
            return;
        }
        if is_missing(cell) {
            self.missing += 1;
            self.numbers.push(f32::NAN);
            if let Some(codes) = &mut self.codes {
                codes.push(MISSING);
            }
            return;
        }
        let mut value = f32::NAN;
        let (as_number, as_date) =
            (self.asked != Some(ColumnUse::Date), self.asked != Some(ColumnUse::Number));
        if as_number && let Some(found) = number(cell, self.comma, &mut self.signs) {
            self.counted.numbers += 1;
            if !found.is_finite() && self.odd.is_none() {
                self.odd = Some((self.numbers.len(), cell.to_owned()));
            }
            if self.example.0.is_none() {
                self.example.0 = Some(cell.to_owned());
            }
            value = found;
        } else if as_date && let Some(found) = days(cell) {
            self.counted.dates += 1;
            value = found;
        } else {
            self.counted.words += 1;
            self.counted.unclear += usize::from(is_unclear_date(cell));
            if self.example.1.is_none() {
                self.example.1 = Some(cell.chars().take(40).collect());
            }
        }
        self.numbers.push(value);
        self.remember(cell);
    }

    fn remember(&mut self, cell: &str) {
        if self.codes.is_none() && (self.counted.words == 0 || self.texts.len() > COUNTED) {
            return;
        }
        let code = match self.texts.get(cell) {
            Some(code) => *code,
            None => {
                let code = self.texts.len() as u32;
                self.texts.insert(cell.to_owned(), code);
                code
            }
        };
        if let Some(codes) = &mut self.codes {
            codes.push(code);
            if self.texts.len() > self.most {
                self.codes = None;
                if self.counted.words == 0 {
                    self.texts.clear();
                }
            }
        }
    }

    pub fn kind(&self) -> CellKind {
        let Counts { numbers, dates, words, .. } = self.counted;
        match self.asked {
            Some(ColumnUse::Number) => CellKind::Numbers,
            Some(ColumnUse::Date) => CellKind::Dates,
            Some(ColumnUse::Text) => CellKind::Texts,
            _ if numbers + dates + words == 0 => CellKind::Nothing,
            _ if words == 0 && dates == 0 => CellKind::Numbers,
            _ if words == 0 && numbers == 0 => CellKind::Dates,
            _ => CellKind::Texts,
        }
    }

    /// A number and a word of a column that has both, and too many texts to be taken for names.
    pub fn mixture(&self) -> Option<(String, String)> {
        let few = self.codes.is_some() && self.texts.len() <= MAX_TEXTS;
        match &self.example {
            (Some(number), Some(word)) if self.asked.is_none() && !few => {
                Some((plain::name(number), plain::name(word)))
            }
            _ => None,
        }
    }

    /// Different texts, in words.
    fn distinct(&self) -> String {
        if self.texts.len() > COUNTED { format!("more than {COUNTED}") } else { self.texts.len().to_string() }
    }

    /// How many different texts a label has, where that is more than are classes.
    pub fn too_many(&self) -> Option<usize> {
        self.codes.is_none().then_some(self.texts.len())
    }

    /// The cells as what they are, and how many of them are missing by now.
    pub fn into_content(self) -> (Content, usize) {
        let kind = self.kind();
        let Counts { numbers, dates, unclear, words } = self.counted;
        match kind {
            CellKind::Nothing => (Content::Unusable("has no values".to_owned()), self.missing),
            CellKind::Numbers if self.asked == Some(ColumnUse::Number) && numbers == 0 => {
                (Content::Unusable("has no number in it".to_owned()), self.missing)
            }
            CellKind::Numbers => (Content::Numbers(self.numbers), self.missing + words + dates),
            CellKind::Dates if dates == 0 => {
                let why = "has no date in it that begins with the year or has points between".to_owned();
                (Content::Unusable(why), self.missing)
            }
            CellKind::Dates => (Content::Numbers(self.numbers), self.missing + words + numbers),
            CellKind::Texts => match self.codes {
                Some(codes) => (texts(codes, &self.texts), self.missing),
                None => {
                    let why = match &self.example {
                        (Some(number), Some(word)) if self.asked.is_none() => format!(
                            "mixes numbers such as `{number}` with text such as `{word}` ({words} cells); \"number\" \
                             takes those for missing"
                        ),
                        _ if unclear > 0 && unclear == words && numbers == 0 => format!(
                            "has dates such as `{}`, whose day and month are not certain; write them as 2024-02-29",
                            self.example.1.as_deref().unwrap_or_default()
                        ),
                        _ => format!(
                            "has {} different texts, more than the {} that become inputs",
                            self.distinct(),
                            self.most
                        ),
                    };
                    (Content::Unusable(why), self.missing)
                }
            },
        }
    }
}

/// Texts in order, and the cells' places among them.
fn texts(codes: Vec<u32>, texts: &HashMap<String, u32>) -> Content {
    let sorted: BTreeSet<(&str, u32)> = texts.iter().map(|(text, code)| (text.as_str(), *code)).collect();
    let mut places = vec![0; texts.len()];
    for (place, (_, code)) in sorted.iter().enumerate() {
        if let Some(slot) = places.get_mut(*code as usize) {
            *slot = place as u32;
        }
    }
    let cells = codes.into_iter().map(|code| places.get(code as usize).copied()).collect();
    Content::Texts { cells, texts: sorted.into_iter().map(|(text, _)| text.to_owned()).collect() }
}
