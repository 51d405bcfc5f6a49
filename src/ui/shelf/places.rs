//! Places of guests in the palette: none that our runs or other guests have.

use crate::train::ids::RunId;
use crate::ui::document::Row;

use super::Shelf;

impl Shelf {
    /// An identity far from those of our runs, which count from 0, and a place in the palette.
    pub(super) fn row(&mut self, taken: &[usize]) -> Row {
        let slot = free(self.guests.iter().map(|guest| guest.row.slot).chain(taken.iter().copied()));
        self.given += 1;
        Row { id: RunId(u32::MAX - self.given), slot }
    }

    /// Gives guests other colours where our runs have taken theirs meanwhile.
    pub fn avoid(&mut self, taken: &[usize]) {
        for at in 0..self.guests.len() {
            let others = self.guests.iter().enumerate().filter(|(other, _)| *other != at);
            let others: Vec<usize> = others.map(|(_, guest)| guest.row.slot).collect();
            let guest = &mut self.guests[at];
            if taken.contains(&guest.row.slot) {
                guest.row.slot = free(others.into_iter().chain(taken.iter().copied()));
            }
        }
    }
}

/// The first place in the palette that nobody has.
fn free(taken: impl Iterator<Item = usize>) -> usize {
    let taken: Vec<usize> = taken.collect();
    (0..=taken.len()).find(|slot| !taken.contains(slot)).unwrap_or(taken.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_place_is_taken() {
        assert_eq!(free([0, 1, 3].into_iter()), 2);
        assert_eq!(free(std::iter::empty()), 0);
        assert_eq!(free([2, 0, 1].into_iter()), 3);
    }
}
