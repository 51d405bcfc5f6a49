//! The sections of the runs: removed, added and moved whole, before anything inside them changes.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::DeTable;

use super::source::Source;
use crate::experiment::{Experiment, Run};

/// `text` with the runs of `new` in their order, each as the text has it or else added, and what it says then.
pub(super) fn arranged<'t>(
    text: &'t str,
    old: &Experiment,
    new: &Experiment,
) -> Option<(Cow<'t, str>, Experiment)> {
    let origins = origins(&old.runs, &new.runs);
    let all_stay = origins.iter().copied().eq((0..old.runs.len()).map(Some));
    let root = DeTable::parse(text).ok()?;
    let source = Source::new(text);
    let runs = root.get_ref().get("run")?;
    if all_stay || !source.is_section(runs) {
        return Some((text.into(), old.clone()));
    }
    let sections: Vec<Range<usize>> =
        runs.get_ref().as_array()?.iter().map(|run| source.section(run)).collect();
    let all = sections.first()?.start..sections.last()?.end;
    let others = source.entries(root.get_ref()).into_iter().filter(|entry| entry.name != "run");
    let mut others = others.map(|entry| entry.range);
    if !sections.is_sorted_by(|a, b| a.end <= b.start)
        || others.any(|other| other.start < all.end && all.start < other.end)
    {
        return None;
    }

    // Free comments below a run stay where they are when it goes.
    let below = |at: usize| {
        let end = sections.get(at + 1).map_or(all.end, |next| next.start);
        text.get(sections.get(at)?.end..end)
    };
    let left_by = |from: usize| {
        let gone = (from..sections.len()).take_while(|at| !origins.contains(&Some(*at)));
        gone.filter_map(below).collect::<String>()
    };
    let mut arranged = text.get(..all.start)?.to_owned() + &left_by(0);
    let mut runs = Vec::new();
    let mut before = None;
    for (run, origin) in new.runs.iter().zip(&origins) {
        let is_in_order = runs.is_empty() || before.zip(*origin).is_some_and(|(before, here)| before < here);
        end_line(&mut arranged, &source, !is_in_order || origin.is_none());
        if let Some(at) = *origin {
            arranged.push_str(text.get(sections.get(at)?.clone())?);
            arranged.push_str(below(at)?);
            arranged.push_str(&left_by(at + 1));
            runs.push(old.runs.get(at)?.clone());
        } else {
            arranged.push_str(&run.to_toml().replace('\n', source.newline));
            runs.push(run.clone());
        }
        before = *origin;
    }
    let rest = text.get(all.end..)?;
    end_line(&mut arranged, &source, !rest.is_empty());
    if rest.is_empty() {
        arranged.truncate(arranged.trim_end().len());
        arranged.push_str(source.newline);
    }
    arranged.push_str(rest);
    Some((arranged.into(), Experiment { runs, ..old.clone() }))
}

/// Which of the old runs each new one is: the one of its name, else one that differs in name only, else, where the
/// number stayed the same, the one at its place.
fn origins(old: &[Run], new: &[Run]) -> Vec<Option<usize>> {
    let mut origins: Vec<Option<usize>> =
        new.iter().map(|run| old.iter().position(|before| before.name == run.name)).collect();
    for (at, run) in new.iter().enumerate() {
        let free = |place: usize| !origins.contains(&Some(place));
        let renamed = old
            .iter()
            .enumerate()
            .position(|(place, before)| free(place) && before.fork == run.fork && before.trains_as(run));
        let same_place = (old.len() == new.len() && free(at)).then_some(at);
        let found = renamed.or(same_place);
        if let Some(origin @ None) = origins.get_mut(at) {
            *origin = found;
        }
    }
    origins
}

/// Ends the last line, and with it the section by an empty one if wanted.
fn end_line(text: &mut String, source: &Source, is_section_end: bool) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(source.newline);
    }
    let is_blank = text.trim_end_matches([' ', '\t', '\r']).ends_with("\n\n") || text.ends_with("\r\n\r\n");
    if is_section_end && !is_blank {
        text.push_str(source.newline);
    }
}
