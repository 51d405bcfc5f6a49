//! The name somebody most likely meant.

/// The candidate that takes the fewest edits to reach from `word`, where that is few enough to be a slip.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    // Names are short; the distance to anything longer would only cost time.
    if word.len() > 40 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (edits(&word, &plain(candidate)), candidate))
        .filter(|(edits, candidate)| *edits <= 1 + candidate.chars().count() / 3)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Case and the kind of dash are how people vary a name without meaning another.
fn plain(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).map(|c| if matches!(c, '-' | ' ') { '_' } else { c }).collect()
}

/// Levenshtein's distance: insertions, deletions and replacements from `a` to `b`.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (above, to) in row.iter_mut().skip(1).zip(b) {
            let here = (diagonal + usize::from(from != to)).min(*above + 1).min(left + 1);
            diagonal = *above;
            *above = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        let count = |a: &str, b: &str| edits(&plain(a), &plain(b));
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("abc", ""), 3);
        assert_eq!(count("flaw", "lawn"), 2);
        assert_eq!(count("same", "same"), 0);
    }

    #[test]
    fn finds_slips_and_leaves_strangers_alone() {
        let kinds = ["constant", "cosine", "cosine_restarts", "step", "wsd"];
        assert_eq!(nearest("cosin", kinds), Some("cosine"));
        assert_eq!(nearest("Cosine-Restarts", kinds), Some("cosine_restarts"));
        assert_eq!(nearest("wds", kinds), Some("wsd"));
        assert_eq!(nearest("rocket", kinds), None);
        assert_eq!(nearest(&"c".repeat(1_000_000), kinds), None);
    }
}
