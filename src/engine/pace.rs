//! How fast training goes: the chunk made between two looks at the commands, a speed limit, and the speed measured.

use std::time::{Duration, Instant};

use super::protocol::Speed;

/// How long training goes on before commands are looked for.
const CHUNK: Duration = Duration::from_millis(4);
/// Over which the speed is measured.
const SPEED_WINDOW: Duration = Duration::from_millis(500);

/// The pace of training.
pub(super) struct Pace {
    speed: Speed,
    /// Where a limited speed began, and when.
    start: (u64, Instant),
    /// Updates a lane trains in one chunk.
    chunk: u64,
    /// Lane-updates done since, for the measured speed.
    measured: (u64, Instant),
    /// Lane-updates a second.
    rate: f64,
    /// Updates of a lane so far, and the seconds they took.
    made: (u64, f64),
}

impl Pace {
    pub fn new(speed: Speed) -> Self {
        let now = Instant::now();
        Self { speed, start: (0, now), chunk: 1, measured: (0, now), rate: 0.0, made: (0, 0.0) }
    }

    /// Whether training goes as fast as it can.
    pub fn is_unlimited(&self) -> bool {
        self.speed == Speed::Unlimited
    }

    /// Lane-updates a second, over the last moments of training.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Seconds of training in an update, in the mean so far; nothing before the first.
    pub fn seconds_per_update(&self) -> Option<f64> {
        let (updates, seconds) = self.made;
        (updates > 0).then(|| seconds / updates as f64)
    }

    pub fn chunk(&self) -> u64 {
        self.chunk
    }

    pub fn set_speed(&mut self, speed: Speed, playhead: u64) {
        self.speed = speed;
        self.resume_at(playhead);
    }

    /// Training goes on from here after it rested, or went elsewhere.
    pub fn resume_at(&mut self, playhead: u64) {
        self.start = (playhead, Instant::now());
    }

    /// Training starts to play from here.
    pub fn play_from(&mut self, playhead: u64) {
        self.resume_at(playhead);
        self.measured = (0, Instant::now());
    }

    /// What was learned of the speed no longer holds: training moved to another device.
    pub fn forget_chunk(&mut self) {
        self.chunk = 1;
    }

    /// Nothing trains.
    pub fn stop(&mut self) {
        self.rate = 0.0;
    }

    /// How long until the update after `playhead` is due.
    pub fn until_due(&self, playhead: u64) -> Duration {
        let Speed::Limited(per_second) = self.speed else { return Duration::ZERO };
        let (start, since) = self.start;
        let done = playhead.saturating_sub(start);
        let due = Duration::from_secs_f64(((done + 1) as f64 / per_second.max(1e-3)).min(1e6));
        due.saturating_sub(since.elapsed())
    }

    /// The last update that is due now.
    pub fn target(&self) -> u64 {
        match self.speed {
            Speed::Limited(per_second) => {
                let (start, since) = self.start;
                start + (since.elapsed().as_secs_f64() * per_second) as u64
            }
            Speed::Unlimited => u64::MAX,
        }
    }

    /// Takes note of a chunk: `longest` updates of a lane, `updates` of all lanes together, in so many seconds.
    pub fn trained(&mut self, longest: u64, updates: u64, seconds: f64) {
        // Aim at one chunk's time, and never grow faster than fourfold: the first chunks are cold.
        let fitting = longest as f64 * CHUNK.as_secs_f64() / seconds.max(1e-7);
        self.chunk = (fitting as u64).clamp(1, self.chunk.saturating_mul(4));
        self.measured.0 += updates;
        self.made = (self.made.0 + longest, self.made.1 + seconds);
        let elapsed = self.measured.1.elapsed();
        if elapsed >= SPEED_WINDOW || self.rate == 0.0 && elapsed >= CHUNK {
            self.rate = self.measured.0 as f64 / elapsed.as_secs_f64();
            self.measured = (0, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_grow_at_most_fourfold_and_shrink_at_once() {
        let mut pace = Pace::new(Speed::Unlimited);
        pace.trained(1, 1, 1e-6);
        assert_eq!(pace.chunk(), 4);
        pace.trained(4, 4, 4e-6);
        assert_eq!(pace.chunk(), 16);
        pace.trained(16, 16, 1.0);
        assert_eq!(pace.chunk(), 1, "an update takes longer than a chunk should");
        let mean = pace.seconds_per_update().unwrap();
        assert!((mean - 1.000_005 / 21.0).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn a_limited_speed_counts_from_where_it_began() {
        let mut pace = Pace::new(Speed::Unlimited);
        assert_eq!((pace.until_due(7), pace.target()), (Duration::ZERO, u64::MAX));
        pace.set_speed(Speed::Limited(1e-3), 100);
        assert_eq!(pace.target(), 100);
        assert!(pace.until_due(100) > Duration::from_secs(900));
    }
}
