//! Noise on a rate, the same in every run: a factor `1 + n` a tick, `n` of a generator that is seeded with the tick, as
//! timm makes it with PyTorch's random numbers.

use std::f64::consts::TAU;

use super::choice::Spread;

/// Draws of one tick after which there is no noise: far more than its bounds allow for.
const MAX_DRAWS: usize = 100_000;

#[derive(Clone, Debug)]
pub(super) struct Noise {
    pub peak: f64,
    /// `n` lies within it on either side of 0.
    pub limit: f64,
    /// The standard deviation of the normal numbers that `n` is the first of within the limit.
    pub std: f64,
    pub seed: u64,
    pub spread: Spread,
    /// The ticks that have noise, the first included.
    pub from: f64,
    pub until: f64,
}

impl Noise {
    pub fn at(&self, tick: u64) -> f64 {
        let is_on = (self.from..self.until).contains(&(tick as f64));
        if is_on { self.peak + self.peak * self.of(tick) } else { self.peak }
    }

    fn of(&self, tick: u64) -> f64 {
        let mut random = Twister::new(self.seed.wrapping_add(tick));
        match self.spread {
            Spread::Normal => {
                let mut drawn = (0..MAX_DRAWS).map(|_| random.normal() * self.std);
                drawn.find(|noise| noise.abs() < self.limit).unwrap_or(0.0)
            }
            Spread::Uniform => 2.0 * (random.uniform() - 0.5) * self.limit,
        }
    }
}

const WORDS: usize = 624;
const AHEAD: usize = 397;

/// The Mersenne Twister (Matsumoto and Nishimura 1998) with PyTorch's ways to make numbers of its words.
struct Twister {
    state: [u32; WORDS],
    next: usize,
    /// The second of two normal numbers that are made together.
    kept: Option<f64>,
}

impl Twister {
    /// Of a seed PyTorch takes the lower 32 bits.
    fn new(seed: u64) -> Self {
        let mut state = [seed as u32; WORDS];
        let mut last = seed as u32;
        for (at, word) in state.iter_mut().enumerate().skip(1) {
            last = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(at as u32);
            *word = last;
        }
        Self { state, next: WORDS, kept: None }
    }

    fn word(&mut self) -> u32 {
        if self.next == WORDS {
            for at in 0..WORDS {
                let joined = (self.state[at] & 0x8000_0000) | (self.state[(at + 1) % WORDS] & 0x7fff_ffff);
                let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[at] = self.state[(at + AHEAD) % WORDS] ^ (joined >> 1) ^ odd;
            }
            self.next = 0;
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// `torch.rand(1)`: 24 bits.
    fn uniform(&mut self) -> f64 {
        f64::from(self.word() & 0x00ff_ffff) / f64::from(1_u32 << 24)
    }

    /// 53 bits of two words.
    fn double(&mut self) -> f64 {
        let (high, low) = (u64::from(self.word()), u64::from(self.word()));
        (((high << 32) | low) & ((1 << 53) - 1)) as f64 / (1_u64 << 53) as f64
    }

    /// `torch.randn(1)`, rounded to f32 as that is (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        if let Some(kept) = self.kept.take() {
            return kept;
        }
        let (turn, radius) = (self.double(), self.double());
        let radius = (-2.0 * (-radius).ln_1p()).sqrt();
        let rounded = |value: f64| f64::from(value as f32);
        self.kept = Some(rounded(radius * (TAU * turn).sin()));
        rounded(radius * (TAU * turn).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_pytorchs() {
        // `g = torch.Generator(); g.manual_seed(42)` and five `torch.randn(1, generator=g).item()`.
        let mut random = Twister::new(42);
        let drawn: Vec<f64> = (0..5).map(|_| random.normal()).collect();
        let torch = [
            0.33669036626815796,
            0.12880940735340118,
            0.23446236550807953,
            0.23033303022384644,
            -1.1228563785552979,
        ];
        assert_eq!(drawn, torch);
        // `torch.rand(1, generator=g).item()` of a new one.
        assert_eq!(Twister::new(43).uniform(), 0.4539682865142822);
    }

    #[test]
    fn noise_stays_within_its_limit_and_its_stretch() {
        for spread in [Spread::Normal, Spread::Uniform] {
            let noise = Noise { peak: 2.0, limit: 0.3, std: 1.0, seed: 1, spread, from: 5.0, until: 500.0 };
            assert!((0..5).chain(500..510).all(|tick| noise.at(tick) == 2.0));
            let values: Vec<f64> = (5..500).map(|tick| noise.at(tick)).collect();
            assert!(values.iter().all(|value| (1.4..=2.6).contains(value)));
            assert!(values.iter().any(|value| *value > 2.2) && values.iter().any(|value| *value < 1.8));
            assert_eq!(noise.at(77), noise.at(77));
        }
    }
}
