//! Where a lane of two weights went.

/// Places kept: above this, every second one goes.
const MOST: usize = 4096;

/// A lane's places at even distances of updates, bounded whatever the run's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track<P> {
    every: u64,
    places: Vec<(u64, P)>,
}

impl<P> Default for Track<P> {
    fn default() -> Self {
        Self { every: 1, places: Vec::new() }
    }
}

impl<P: Copy> Track<P> {
    /// Notes the place after so many updates, which is later than all noted before.
    pub fn push(&mut self, updates: u64, place: P) {
        if updates.is_multiple_of(self.every) {
            self.places.push((updates, place));
        }
        if self.places.len() > MOST {
            self.every *= 2;
            self.places.retain(|(updates, _)| updates.is_multiple_of(self.every));
        }
    }

    /// Forgets the places after more than so many updates.
    pub fn truncate(&mut self, updates: u64) {
        self.places.retain(|(at, _)| *at <= updates);
    }

    /// Places by updates done, in order.
    pub fn places(&self) -> &[(u64, P)] {
        &self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_track_is_thinned_evenly_from_its_start() {
        let mut track = Track::default();
        for update in 0..100_000 {
            track.push(update, update as f32);
        }
        let places = track.places();
        assert!((MOST / 2..=MOST).contains(&places.len()), "{}", places.len());
        assert_eq!(places[0], (0, 0.0));
        let step = places[1].0;
        assert!(places.windows(2).all(|pair| pair[1].0 - pair[0].0 == step));
        assert!(places[places.len() - 1].0 + step >= 100_000);
        track.truncate(50_000);
        assert!(track.places().iter().all(|(updates, _)| *updates <= 50_000) && !track.places().is_empty());
    }
}
