//! Saving into the text an experiment was read from: whatever did not change stays, byte for byte.
//!
//! The text says `old` and is to say `new`. Both are written out as [`Experiment::to_toml`] does it; where these two
//! differ, the parser's spans say which bytes of the text hold the value, and only those are replaced. How the file
//! is laid out (sections, inline tables, dotted keys, several lines, comments) makes no difference.

mod commas;
mod runs;
mod source;

use toml::de::{DeArray, DeTable};

use super::Experiment;
use commas::{Insert, List};
use source::{Edits, Entry, Layout, Source, Value};

/// `text`, which says `old`, as a text that says `new`. Nothing where that takes more than replacing, adding and
/// removing values.
pub(super) fn edited(text: &str, old: &Experiment, new: &Experiment) -> Option<String> {
    let (text, old) = runs::arranged(text, old, new)?;
    let (was, wanted) = (old.to_toml(), new.to_toml());
    let here = DeTable::parse(&text).ok()?;
    let before = DeTable::parse(&was).ok()?;
    let after = DeTable::parse(&wanted).ok()?;
    let mut change = Change {
        text: Source::new(&text),
        was: Source::new(&was),
        wanted: Source::new(&wanted),
        edits: Edits::default(),
    };
    change.table(&Layout::Root, here.get_ref(), before.get_ref(), after.get_ref())?;
    change.edits.apply(&text)
}

/// The edits that turn what the text says into what is wanted. Methods return nothing where they cannot say it so.
struct Change<'t> {
    text: Source<'t>,
    was: Source<'t>,
    wanted: Source<'t>,
    edits: Edits,
}

impl Change<'_> {
    fn table(&mut self, layout: &Layout, here: &DeTable, was: &DeTable, wanted: &DeTable) -> Option<()> {
        let entries = self.text.entries(here);
        // What another kind does not have goes even where the text says a default that ours leaves out.
        let kind = |source: &Source, table: &DeTable| table.get("kind").map(|kind| source.inline(kind));
        let is_other_kind = kind(&self.was, was) != kind(&self.wanted, wanted);
        let is_removed = |entry: &Entry| {
            !wanted.contains_key(entry.name) && (is_other_kind || was.contains_key(entry.name))
        };
        let removed: Vec<bool> = entries.iter().map(is_removed).collect();
        let fields = self.wanted.entries(wanted);
        let mut missing = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            let before = was.get(field.name);
            if before.is_some_and(|before| self.was.inline(before) == self.wanted.inline(field.value)) {
                continue;
            }
            match (here.get(field.name), before) {
                (Some(value), Some(before)) => self.value(value, before, field.value)?,
                (Some(value), None) => self.replace(value, field.value)?,
                // After the nearest of the fields that come before it in a file of ours.
                (None, _) => {
                    let after = fields.get(..at)?.iter().rev().find_map(|earlier| {
                        let at = entries.iter().position(|entry| entry.name == earlier.name)?;
                        let is_line = !self.text.is_section(entries.get(at)?.value);
                        (!*removed.get(at)? && (is_line || matches!(layout, Layout::Root))).then_some(at)
                    });
                    missing.push((after, field));
                }
            }
        }
        if let Layout::Inline(range) = layout {
            let insert = |(after, field): (_, &Entry)| Insert { after, text: self.assignment(field) };
            let inserts = missing.into_iter().map(insert).collect();
            let ranges = entries.iter().map(|entry| entry.range.clone()).collect();
            let list = List { range: range.clone(), ranges, removed, inserts };
            return commas::change(&self.text, &list, &mut self.edits);
        }
        for (entry, _) in entries.iter().zip(&removed).filter(|(_, is_removed)| **is_removed) {
            self.remove(entry)?;
        }
        for (after, field) in missing {
            match (after.and_then(|at| entries.get(at)), layout) {
                (Some(after), _) => self.add(after, field),
                (None, Layout::Header(end)) => {
                    let line = format!("{}{}", self.text.newline, self.assignment(field));
                    self.edits.insert(self.text.line_end(*end), line);
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn value(&mut self, here: &Value, was: &Value, wanted: &Value) -> Option<()> {
        let (found, before, to) = (here.get_ref(), was.get_ref(), wanted.get_ref());
        let so_far = self.edits.len();
        let done = if let (Some(found), Some(before), Some(to)) =
            (found.as_table(), before.as_table(), to.as_table())
        {
            self.table(&self.text.layout(here), found, before, to)
        } else if let (Some(found), Some(before), Some(to)) =
            (found.as_array(), before.as_array(), to.as_array())
        {
            self.array(here, found, before, to)
        } else {
            None
        };
        done.or_else(|| {
            self.edits.truncate(so_far);
            self.replace(here, wanted)
        })
    }

    fn array(&mut self, here: &Value, found: &DeArray, was: &DeArray, wanted: &DeArray) -> Option<()> {
        if found.len() != was.len() {
            return None;
        }
        if self.text.is_section(here) {
            let mut pairs = found.iter().zip(was.iter().zip(wanted.iter()));
            return if was.len() == wanted.len() {
                pairs.try_for_each(|(a, (b, c))| self.value(a, b, c))
            } else {
                self.sections(found, was, wanted)
            };
        }
        // What both begin and end with stays; what is between is changed in pairs, and the rest removed or added.
        let before: Vec<String> = was.iter().map(|value| self.was.inline(value)).collect();
        let after: Vec<String> = wanted.iter().map(|value| self.wanted.inline(value)).collect();
        let start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let most = before.len().min(after.len()) - start;
        let end = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
        let (last, paired) = (before.len() - end, before.len().min(after.len()) - end);
        for at in start..paired {
            self.value(found.get(at)?, was.get(at)?, wanted.get(at)?)?;
        }
        let added = after.get(paired..after.len() - end)?;
        let list = List {
            range: here.span(),
            ranges: found.iter().map(toml::Spanned::span).collect(),
            removed: (0..found.len()).map(|at| (paired..last).contains(&at)).collect(),
            inserts: added
                .iter()
                .map(|text| Insert { after: paired.checked_sub(1), text: text.clone() })
                .collect(),
        };
        commas::change(&self.text, &list, &mut self.edits)
    }

    /// Sections of a list that come or go: what both begin and end with stays, and what is between is changed in pairs,
    /// removed, or added.
    fn sections(&mut self, found: &DeArray, was: &DeArray, wanted: &DeArray) -> Option<()> {
        let before: Vec<String> = was.iter().map(|value| self.was.inline(value)).collect();
        let after: Vec<String> = wanted.iter().map(|value| self.wanted.inline(value)).collect();
        let start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let most = before.len().min(after.len()) - start;
        let end = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
        let (last, paired) = (before.len() - end, before.len().min(after.len()) - end);
        for at in start..paired {
            self.value(found.get(at)?, was.get(at)?, wanted.get(at)?)?;
        }
        for at in paired..last {
            self.edits.remove(self.text.section(found.get(at)?));
        }
        let newline = self.text.newline;
        for at in paired..after.len() - end {
            let section = wanted.get(at)?;
            let text = self.wanted.text.get(section.span().start..self.wanted.end(section))?;
            let text = text.replace('\n', newline);
            match paired.checked_sub(1).and_then(|before| found.get(before)) {
                Some(before) => {
                    let place = self.text.line_end(self.text.end(before));
                    self.edits.insert(place, format!("{newline}{text}"));
                }
                None => {
                    let place = self.text.section(found.first()?).start;
                    self.edits.insert(place, format!("{text}{newline}"));
                }
            }
        }
        Some(())
    }

    fn replace(&mut self, here: &Value, wanted: &Value) -> Option<()> {
        if self.text.is_section(here) || self.text.is_dotted(here) {
            return None;
        }
        self.edits.replace(here.span(), self.wanted.inline(wanted));
        Some(())
    }

    fn assignment(&self, field: &Entry) -> String {
        format!("{} = {}", field.name, self.wanted.inline(field.value))
    }

    /// Adds a field after another: a line of the same table, or a section after a section.
    fn add(&mut self, after: &Entry, field: &Entry) {
        let newline = self.text.newline;
        let text = if self.text.is_section(after.value) {
            let section = self.wanted.text.get(field.value.span().start..field.range.end).unwrap_or_default();
            format!("{newline}{newline}{}", section.replace('\n', newline))
        } else {
            let start = self.text.line_start(after.range.start);
            let indent = self.text.text.get(start..after.range.start).unwrap_or_default();
            format!("{newline}{indent}{}", self.assignment(field))
        };
        self.edits.insert(self.text.line_end(after.range.end), text);
    }

    /// Removes a field's lines. A comment behind it stays; those directly above a section go with it.
    fn remove(&mut self, entry: &Entry) -> Option<()> {
        if self.text.is_section(entry.value) {
            self.edits.remove(self.text.section(entry.value));
        } else if let Some(table) =
            entry.value.get_ref().as_table().filter(|_| self.text.is_dotted(entry.value))
        {
            for field in self.text.entries(table) {
                self.remove(&field)?;
            }
        } else {
            self.edits.remove(self.text.whole_line(entry.range.clone()));
        }
        Some(())
    }
}
