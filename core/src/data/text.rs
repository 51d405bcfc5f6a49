//! A text as tokens, one a character.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Problem;

/// A text. Each character is a token: its place in the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub tokens: Vec<u8>,
    /// Every character of the whole text once, in the order of their code points.
    pub vocabulary: Arc<[char]>,
}

impl Text {
    /// How many characters a token can tell apart.
    const SYMBOLS: usize = 1 << u8::BITS;

    /// UTF-8 bytes as tokens.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = &bytes[..error.valid_up_to()];
            let line = valid.split(|&byte| byte == b'\n').count() as u64;
            Problem::NotUtf8 { line }
        })?;
        let vocabulary: Vec<char> = text.chars().collect::<BTreeSet<_>>().into_iter().collect();
        match vocabulary.len() {
            0 => return Err(Problem::Empty),
            found if found > Self::SYMBOLS => {
                return Err(Problem::TooManySymbols { found, limit: Self::SYMBOLS });
            }
            _ => {}
        }
        // The place is below 256, as the vocabulary is, and every character is in it.
        let token = |symbol| vocabulary.binary_search(&symbol).map_or(0, |place| place as u8);
        Ok(Self { tokens: text.chars().map(token).collect(), vocabulary: vocabulary.into() })
    }

    /// How many windows of `context` characters with a next character each there are: one starts at
    /// every position that leaves room. They overlap.
    pub fn windows(&self, context: usize) -> usize {
        self.tokens.len().saturating_sub(context)
    }

    /// The window that starts at a position: `context` characters, and the ones to predict from them,
    /// which are the same shifted by one.
    pub fn window(&self, start: usize, context: usize) -> Option<(&[u8], &[u8])> {
        let end = start.checked_add(context)?;
        Some((self.tokens.get(start..end)?, self.tokens.get(start + 1..end.checked_add(1)?)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn characters_become_places_in_the_vocabulary() {
        let text = Text::read("bañb".as_bytes()).unwrap();
        assert_eq!(text.vocabulary[..], ['a', 'b', 'ñ']);
        assert_eq!(text.tokens, [1, 0, 2, 1]);
    }

    #[test]
    fn windows_overlap_and_predict_the_next_character() {
        let text = Text::read(b"abcde").unwrap();
        assert_eq!(text.windows(3), 2);
        assert_eq!(text.window(1, 3), Some((&[1, 2, 3][..], &[2, 3, 4][..])));
        assert_eq!(text.window(2, 3), None);
        assert_eq!(text.window(usize::MAX, 2), None);
        assert_eq!(text.window(1, usize::MAX - 1), None);
        assert_eq!(text.windows(6), 0);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(Text::read(b""), Err(Problem::Empty));
        assert_eq!(Text::read(b"a\nb\n\xff"), Err(Problem::NotUtf8 { line: 3 }));
        let many: String = (0..300).filter_map(|code| char::from_u32(0x4e00 + code)).collect();
        assert_eq!(Text::read(many.as_bytes()), Err(Problem::TooManySymbols { found: 300, limit: 256 }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Text::read(&bytes);
        }

        #[test]
        fn any_text_of_few_symbols_can_be_written_again(text in "[a-zé\n☃]{1,50}") {
            let read = Text::read(text.as_bytes()).unwrap();
            let again: String = read.tokens.iter().map(|&token| read.vocabulary[usize::from(token)]).collect();
            prop_assert_eq!(again, text);
        }
    }
}
