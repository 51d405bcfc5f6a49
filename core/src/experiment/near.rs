//! The name somebody most likely meant.

use strsim::levenshtein;

/// The most characters of a word that is compared.
const LONGEST: usize = 40;

/// The candidate that takes the fewest edits to reach from `word`, where that is few enough to be a slip.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short; the distance to anything longer would only cost time.
    if word.chars().nth(LONGEST).is_some() {
        return None;
    }
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(edits, candidate)| *edits <= 1 + candidate.chars().count() / 3)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Case and the kind of dash are how people vary a name without meaning another.
fn plain(word: &str) -> String {
    word.chars().flat_map(char::to_lowercase).map(|c| if matches!(c, '-' | ' ') { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
