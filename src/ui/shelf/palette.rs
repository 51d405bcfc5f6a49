//! Which place in the palette a guest has: none that one of our runs has.

use super::Shelf;
use crate::train::ids::RunId;
use crate::ui::document::Row;

impl Shelf {
    /// An identity far from those of our runs, which count from 0, and a place in the palette.
    pub(super) fn row(&mut self, taken: &[usize]) -> Row {
        let slot = free(self.guests.iter().map(|guest| guest.row.slot).chain(taken.iter().copied()));
        self.given += 1;
        Row { id: RunId(u32::MAX - self.given), slot }
    }

    /// Gives a guest another place in the palette where a run of ours that was added since has its own.
    pub(super) fn stand_apart(&mut self, taken: &[usize]) {
        for at in 0..self.guests.len() {
            if taken.contains(&self.guests[at].row.slot) {
                let all = self.guests.iter().map(|guest| guest.row.slot).chain(taken.iter().copied());
                self.guests[at].row.slot = free(all);
            }
        }
    }
}

/// The first place in the palette that nobody has.
fn free(taken: impl Iterator<Item = usize>) -> usize {
    let taken: Vec<usize> = taken.collect();
    (0..=taken.len()).find(|slot| !taken.contains(slot)).unwrap_or(taken.len())
}
