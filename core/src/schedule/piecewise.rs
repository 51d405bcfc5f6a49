//! Values that each hold from an update on.

use std::ops::Range;

/// A value for every update (or tick): the first from 0 on, each other from its own first update on.
#[derive(Clone, Debug, PartialEq)]
pub struct Piecewise<T> {
    first: T,
    /// By their first updates, in increasing order.
    later: Vec<(u64, T)>,
}

impl<T> From<T> for Piecewise<T> {
    /// One value throughout.
    fn from(first: T) -> Self {
        Self { first, later: Vec::new() }
    }
}

impl<T> Piecewise<T> {
    /// The value holds from this update on, whatever held there before; from update 0 on it is the only one.
    pub fn put(&mut self, from: u64, value: T) {
        self.later.truncate(self.later.partition_point(|(later, _)| *later < from));
        if from == 0 {
            self.first = value;
        } else {
            self.later.push((from, value));
        }
    }

    /// The value of an update, and the first update it holds from.
    pub fn piece(&self, update: u64) -> (u64, &T) {
        let begun = self.later.partition_point(|(from, _)| *from <= update);
        match self.later[..begun].last() {
            Some((from, value)) => (*from, value),
            None => (0, &self.first),
        }
    }

    /// The value of an update.
    pub fn at(&self, update: u64) -> &T {
        self.piece(update).1
    }

    /// The first update after `update` that has another value.
    pub fn next_after(&self, update: u64) -> Option<u64> {
        self.turns().find(|from| *from > update)
    }

    /// The updates from which on there is another value, in order.
    pub fn turns(&self) -> impl Iterator<Item = u64> + Clone + '_ {
        self.later.iter().map(|(from, _)| *from)
    }

    /// Every value in order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(_, value)| value))
    }

    /// Every value with the updates it holds for, the last up to `end`.
    pub fn pieces(&self, end: u64) -> impl Iterator<Item = (Range<u64>, &T)> {
        let from = std::iter::once(0).chain(self.turns());
        let until = self.turns().chain([end]);
        from.zip(until).map(|(from, until)| from..until).zip(self.values())
    }

    /// Other values for the same updates.
    ///
    /// # Errors
    /// The first one of `of`.
    pub fn try_map<U, E>(&self, mut of: impl FnMut(&T) -> Result<U, E>) -> Result<Piecewise<U>, E> {
        let first = of(&self.first)?;
        let later = self.later.iter().map(|(from, value)| Ok((*from, of(value)?)));
        Ok(Piecewise { first, later: later.collect::<Result<_, E>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_holds_up_to_the_next() {
        let mut pieces = Piecewise::from('a');
        pieces.put(3, 'b');
        pieces.put(7, 'c');
        let all: String = (0..9).map(|update| *pieces.at(update)).collect();
        assert_eq!(all, "aaabbbbcc");
        assert_eq!(
            (pieces.next_after(0), pieces.next_after(3), pieces.next_after(7)),
            (Some(3), Some(7), None)
        );
        let ranges: Vec<_> = pieces.pieces(9).map(|(range, value)| (range, *value)).collect();
        assert_eq!(ranges, [(0..3, 'a'), (3..7, 'b'), (7..9, 'c')]);
        // A value put earlier is the last from there on.
        pieces.put(5, 'd');
        assert_eq!((pieces.piece(8), pieces.next_after(5)), ((5, &'d'), None));
        pieces.put(0, 'e');
        assert_eq!(pieces, Piecewise::from('e'));
    }
}
