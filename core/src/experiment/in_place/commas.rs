//! Adding to and removing from what stands between commas: lists and inline tables, on one line or on several.

use std::ops::Range;

use super::source::{Edits, Source};

/// An item to add: after the item at a position, or first of all.
pub(super) struct Insert {
    pub after: Option<usize>,
    pub text: String,
}

pub(super) struct List {
    /// From bracket to bracket.
    pub range: Range<usize>,
    /// The items, in order.
    pub ranges: Vec<Range<usize>>,
    pub removed: Vec<bool>,
    pub inserts: Vec<Insert>,
}

/// Nothing where no item stays: such a list is better written from scratch.
pub(super) fn change(source: &Source, list: &List, edits: &mut Edits) -> Option<()> {
    let is_removed = |at: usize| list.removed.get(at).is_some_and(|is_removed| *is_removed);
    if list.inserts.is_empty() && !list.removed.contains(&true) {
        return Some(());
    }
    let last_kept = (0..list.ranges.len()).rev().find(|at| !is_removed(*at))?;
    let has_lines = source.text.get(list.range.clone())?.contains('\n');

    for (at, item) in list.ranges.iter().enumerate().filter(|(at, _)| is_removed(*at)) {
        if has_lines {
            edits.remove(lines_of(source, item));
        } else if at < last_kept {
            edits.remove(item.start..list.ranges.get(at + 1)?.start);
        }
    }
    let (kept, last) = (list.ranges.get(last_kept)?, list.ranges.last()?);
    if !has_lines && kept.end < last.end {
        edits.remove(kept.end..last.end);
    }

    let places = [None].into_iter().chain((0..list.ranges.len()).map(Some));
    for place in places {
        let texts = list.inserts.iter().filter(|insert| insert.after == place);
        let texts: Vec<&str> = texts.map(|insert| insert.text.as_str()).collect();
        if texts.is_empty() {
            continue;
        }
        match place.and_then(|at| list.ranges.get(at)) {
            None => edits.insert(list.ranges.first()?.start, format!("{}, ", texts.join(", "))),
            Some(item) if has_lines => add_lines(source, item, &texts, edits),
            Some(item) => edits.insert(item.end, format!(", {}", texts.join(", "))),
        }
    }
    Some(())
}

/// What to cut to be rid of an item: its comma with it, its line if nothing else is there, but no comment.
fn lines_of(source: &Source, item: &Range<usize>) -> Range<usize> {
    let end = comma(source, item.end).map_or(item.end, |comma| comma + 1);
    let starts_line = source.text.get(source.line_start(item.start)..item.start).is_some_and(is_blank);
    let rest = source.text.get(end..source.line_end(end)).unwrap_or_default();
    let spaces = rest.len() - rest.trim_start().len();
    if starts_line && is_blank(rest) {
        source.line_start(item.start)..source.next_line(end)
    } else {
        item.start..end + spaces
    }
}

/// Adds items after another, each on a line of its own where that one ends its line.
fn add_lines(source: &Source, item: &Range<usize>, texts: &[&str], edits: &mut Edits) {
    let comma = comma(source, item.end);
    let end = comma.map_or(item.end, |comma| comma + 1);
    let rest = source.text.get(end..source.line_end(end)).unwrap_or_default().trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        if comma.is_none() {
            edits.insert(item.end, ",".to_owned());
        }
        let line = source.text.get(source.line_start(item.start)..).unwrap_or_default();
        let indent = line.get(..line.len() - line.trim_start().len()).unwrap_or_default();
        let line = |text: &&str| format!("{}{indent}{text},", source.newline);
        edits.insert(source.line_end(end), texts.iter().map(line).collect());
    } else {
        edits.insert(item.end, format!(", {}", texts.join(", ")));
    }
}

/// Where the comma after an item is, if it has one.
fn comma(source: &Source, from: usize) -> Option<usize> {
    let mut in_comment = false;
    for (at, c) in source.text.get(from..)?.char_indices() {
        match c {
            '\n' => in_comment = false,
            _ if in_comment => {}
            '#' => in_comment = true,
            ',' => return Some(from + at),
            c if c.is_whitespace() => {}
            _ => return None,
        }
    }
    None
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
