//! Where in a lesson's text something stands, so that what is wrong with it can be found.

use toml::de::{DeTable, DeValue};

/// The line, counted from 1, of the value at the end of a way of keys and places, or of the last one on it that there is.
pub(super) fn line(text: &str, way: &[&str]) -> usize {
    let root = DeTable::parse(text).map(toml::Spanned::into_inner);
    let mut value = &DeValue::Table(root.unwrap_or_default());
    let mut at = 0;
    for step in way {
        let next = step.parse::<usize>().map_or_else(|_| value.get(*step), |place| value.get(place));
        let Some(next) = next else { break };
        (value, at) = (next.get_ref(), next.span().start);
    }
    line_at(text, at)
}

/// The line of a byte.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_ends_too_early_leads_to_the_last_thing_there_is() {
        let text = "a = 1\n[b]\nc = { d = 2 }\n[[e]]\nf = 1\n[[e]]\nf = 2\n";
        for (way, found) in [
            (&["a"][..], 1),
            (&["b", "c", "d"], 3),
            (&["b", "nothing"], 2),
            (&["e", "1"], 6),
            (&["e", "1", "f"], 7),
            (&["nothing"], 1),
        ] {
            assert_eq!(line(text, way), found, "{way:?}");
        }
        assert_eq!(line("not = = toml", &["not"]), 1);
    }
}
