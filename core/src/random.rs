//! Seeded randomness: every draw in the program comes from here.
//!
//! A draw depends on a seed, on what it is for (its [`Stream`]) and on how many draws that stream gave
//! before; never on the clock, the machine or the thread. Integers, uniforms, normals and shuffles are
//! made of integer arithmetic and of IEEE operations that are exact or correctly rounded, so they are
//! the same bits on every platform.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What random numbers are for. The streams of one seed are independent of each other, so that, say,
/// another share of label noise leaves the initial weights as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Which samples train and which validate.
    Split,
    /// Which training labels are replaced, and by what.
    LabelNoise,
    /// The order of the training samples in one epoch.
    Order { epoch: u64 },
    /// Initial weights.
    Init,
    /// Gradient noise added to one update.
    Noise { update: u64 },
    /// The points of a generated data set.
    Generate,
    /// Directions through the space of weights.
    Directions,
    /// The point of one trial of a sweep.
    Search { trial: u64 },
    /// Which pruned trials are trained to their end after all.
    Audit,
    /// Whom the members of a population copy, and how they change what they copied.
    Population,
    /// The noise on the inputs of one part of a phase.
    Shift { index: u64 },
    /// Which training samples of a phase are poisoned.
    Poison { index: u64 },
    /// Which samples each client has.
    DealOut,
    /// The order of one client's samples in one of its epochs.
    Client { index: u64 },
    /// The clients of one round.
    Clients { round: u64 },
    /// Which way the weights of one update are rounded.
    Rounding { update: u64 },
}

/// The generator of one stream of a seed, at its start.
///
/// It is `ChaCha` with 8 rounds (Bernstein 2008) under the key `seed, purpose, index, 0`, four
/// little-endian 64-bit words: the purpose numbers [`Stream`]'s variants from 0 in their order, the
/// index is the epoch, update or trial where the stream has one and 0 elsewhere.
pub fn rng(seed: u64, stream: Stream) -> ChaCha8Rng {
    let (purpose, index): (u64, u64) = match stream {
        Stream::Split => (0, 0),
        Stream::LabelNoise => (1, 0),
        Stream::Order { epoch } => (2, epoch),
        Stream::Init => (3, 0),
        Stream::Noise { update } => (4, update),
        Stream::Generate => (5, 0),
        Stream::Directions => (6, 0),
        Stream::Search { trial } => (7, trial),
        Stream::Audit => (8, 0),
        Stream::Population => (9, 0),
        Stream::Shift { index } => (10, index),
        Stream::Poison { index } => (11, index),
        Stream::DealOut => (12, 0),
        Stream::Client { index } => (13, index),
        Stream::Clients { round } => (14, round),
        Stream::Rounding { update } => (15, update),
    };
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&purpose.to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A number from 0 up to, not including, 1: the upper 53 bits of one 64-bit draw.
pub fn uniform(rng: &mut impl RngCore) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A whole number below `bound`, each equally likely (Lemire 2019, arXiv 1805.10941). Below 0 there is
/// none, and the answer is 0.
pub fn below(rng: &mut impl RngCore, bound: usize) -> usize {
    let bound = bound as u64;
    let mut product = u128::from(rng.next_u64()) * u128::from(bound);
    if (product as u64) < bound {
        let reject_under = bound.wrapping_neg() % bound;
        while (product as u64) < reject_under {
            product = u128::from(rng.next_u64()) * u128::from(bound);
        }
    }
    (product >> 64) as usize
}

/// Puts the items in an order drawn from all orders alike (Fisher and Yates, from the last item down).
pub fn shuffle<T>(rng: &mut impl RngCore, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}

/// Two independent draws from the standard normal distribution (Marsaglia and Bray's polar method, 1964).
pub fn normal_pair(rng: &mut impl RngCore) -> [f64; 2] {
    loop {
        let [x, y] = [2.0 * uniform(rng) - 1.0, 2.0 * uniform(rng) - 1.0];
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            let stretch = (-2.0 * ln(square) / square).sqrt();
            return [x * stretch, y * stretch];
        }
    }
}

/// One draw from the standard normal distribution: the first of a pair.
pub fn normal(rng: &mut impl RngCore) -> f64 {
    normal_pair(rng)[0]
}

/// Fills `out` with normal draws of mean 0 and the given standard deviation, pair by pair.
pub fn fill_normal(rng: &mut impl RngCore, deviation: f64, out: &mut [f32]) {
    for pair in out.chunks_mut(2) {
        for (slot, draw) in pair.iter_mut().zip(normal_pair(rng)) {
            *slot = (deviation * draw) as f32;
        }
    }
}

/// The natural logarithm of a positive normal number, to within rounding (a few units in the last place).
/// The standard library's may differ between platforms, and with it every initial weight.
fn ln(x: f64) -> f64 {
    const EXPONENT_BIAS: i64 = 1023;
    const MANTISSA_BITS: u32 = 52;
    // x = mantissa * 2^exponent with the mantissa between sqrt(1/2) and sqrt(2).
    let bits = x.to_bits();
    let mut exponent = (bits >> MANTISSA_BITS) as i64 - EXPONENT_BIAS;
    let mantissa_bits = bits & ((1 << MANTISSA_BITS) - 1);
    let mut mantissa = f64::from_bits(mantissa_bits | (EXPONENT_BIAS as u64) << MANTISSA_BITS);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln(m) = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...) with s = (m-1)/(m+1), at most 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let tail = (1..=10).rev().fold(0.0, |sum, k| square * (1.0 / f64::from(2 * k + 1) + sum));
    exponent as f64 * std::f64::consts::LN_2 + (2.0 * s + 2.0 * s * tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The golden numbers were made by this program (Python 3.11), which has its own ChaCha.
    //
    //     import math, struct
    //
    //     def block(key, counter):
    //         start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key, counter, 0, 0, 0]
    //         s = start[:]
    //         def quarter(a, b, c, d):
    //             for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
    //                 s[x] = (s[x] + s[y]) & 0xFFFFFFFF
    //                 t = s[z] ^ s[x]
    //                 s[z] = ((t << n) | (t >> (32 - n))) & 0xFFFFFFFF
    //         for _ in range(4):
    //             for i in range(4): quarter(i, i + 4, i + 8, i + 12)
    //             for i in range(4): quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    //         return [(a + b) & 0xFFFFFFFF for a, b in zip(s, start)]
    //
    //     def words(seed, purpose, index):
    //         key = struct.unpack("<8I", struct.pack("<4Q", seed, purpose, index, 0))
    //         counter = 0
    //         while True:
    //             yield from block(key, counter)
    //             counter += 1
    //
    //     class Rng:
    //         def __init__(self, *stream): self.words = words(*stream)
    //         def u64(self): return next(self.words) | next(self.words) << 32
    //         def uniform(self): return (self.u64() >> 11) / 2**53
    //         def below(self, n): return self.u64() * n >> 64  # rejection is too rare to be met here
    //         def normals(self):
    //             while True:
    //                 x, y = 2 * self.uniform() - 1, 2 * self.uniform() - 1
    //                 s = x * x + y * y
    //                 if 0 < s < 1:
    //                     return [v * math.sqrt(-2 * math.log(s) / s) for v in (x, y)]
    //         def shuffled(self, n):
    //             order = list(range(n))
    //             for last in range(n - 1, 0, -1):
    //                 other = self.below(last + 1)
    //                 order[last], order[other] = order[other], order[last]
    //             return order
    //
    //     print([hex(r.u64()) for r in [Rng(7, 0, 0)] for _ in range(3)])
    //     print([r.uniform() for r in [Rng(7, 3, 0)] for _ in range(3)])
    //     print(Rng(7, 3, 0).normals())
    //     print(Rng(7, 2, 5).shuffled(10))
    //     print([Rng(0, purpose, index).u64() % 1000 for purpose, index in ((0, 0), (1, 0), (2, 1), (3, 0), (4, 1), (5, 0))])

    #[test]
    fn streams_are_chacha8_under_seed_purpose_and_index() {
        let mut split = rng(7, Stream::Split);
        let words = [0; 3].map(|_: u64| split.next_u64());
        assert_eq!(words, [0xc39c_a672_2c44_ba73, 0x7747_b002_ea9d_9d65, 0x0173_e28d_72a7_fcae]);
        let streams = [
            Stream::Split,
            Stream::LabelNoise,
            Stream::Order { epoch: 1 },
            Stream::Init,
            Stream::Noise { update: 1 },
            Stream::Generate,
        ];
        let firsts = streams.map(|stream| rng(0, stream).next_u64() % 1000);
        assert_eq!(firsts, [878, 861, 488, 661, 691, 289]);
    }

    #[test]
    fn uniforms_are_golden() {
        let mut init = rng(7, Stream::Init);
        let draws = [0; 3].map(|_| uniform(&mut init));
        assert_eq!(draws, [0.224_477_622_296_439_53, 0.146_706_510_752_396_16, 0.121_883_757_368_715_15]);
    }

    #[test]
    fn normals_are_golden() {
        let expected = [-0.407_464_690_560_594_03, -0.522_478_876_210_305];
        let draws = normal_pair(&mut rng(7, Stream::Init));
        for (draw, expected) in draws.into_iter().zip(expected) {
            assert!((draw - expected).abs() < 1e-15, "{draw} is not {expected}");
        }
        let mut filled = [0.0; 3];
        fill_normal(&mut rng(7, Stream::Init), 2.0, &mut filled);
        assert_eq!(filled[..2], expected.map(|draw| (2.0 * draw) as f32));
        assert_eq!(normal(&mut rng(7, Stream::Init)), draws[0]);
    }

    #[test]
    fn shuffles_are_golden() {
        let mut order: Vec<u32> = (0..10).collect();
        shuffle(&mut rng(7, Stream::Order { epoch: 5 }), &mut order);
        assert_eq!(order, [0, 9, 4, 7, 8, 3, 1, 6, 2, 5]);
    }

    #[test]
    fn logarithm_is_the_library_s_within_rounding() {
        let mut rng = rng(0, Stream::Noise { update: 0 });
        let near_one = (0..1000).map(|step| 1.0 - f64::from(step) * f64::EPSILON);
        let anywhere = (0..10_000).map(|_| uniform(&mut rng).powi(9) + 1e-300);
        for x in near_one.chain(anywhere).chain([f64::MIN_POSITIVE, 0.5, 2.0, 1e300]) {
            let (own, library) = (ln(x), x.ln());
            assert!((own - library).abs() <= 2.0 * f64::EPSILON * library.abs(), "ln {x}: {own}, {library}");
        }
    }

    #[test]
    fn uniforms_stay_below_one() {
        assert_eq!(uniform(&mut Fixed(vec![u64::MAX])), 1.0 - f64::EPSILON / 2.0);
        assert_eq!(uniform(&mut Fixed(vec![0])), 0.0);
    }

    #[test]
    fn draws_below_a_bound_reject_what_would_favour_some() {
        // 2^64 is 1 more than a multiple of 3, so one of all draws, 0, has to be drawn again.
        assert_eq!(below(&mut Fixed(vec![1 << 63, 0]), 3), 1);
        assert_eq!(below(&mut Fixed(vec![u64::MAX]), 3), 2);
        assert_eq!(below(&mut Fixed(vec![u64::MAX]), 1), 0);
        assert_eq!(below(&mut Fixed(vec![u64::MAX]), 0), 0);
    }

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        let mut draws = vec![0.0; 200_001];
        fill_normal(&mut rng(1, Stream::Init), 1.0, &mut draws);
        let moment =
            |power| draws.iter().map(|&draw| f64::from(draw).powi(power)).sum::<f64>() / draws.len() as f64;
        // Five standard errors: 1, sqrt 2, sqrt 15 and sqrt 96 over sqrt n.
        for (power, expected, error) in [(1, 0.0, 1.0), (2, 1.0, 1.42), (3, 0.0, 3.88), (4, 3.0, 9.8)] {
            let found: f64 = moment(power);
            let allowed = 5.0 * error / (draws.len() as f64).sqrt();
            assert!((found - expected).abs() < allowed, "moment {power} is {found}");
        }
    }

    /// Gives these numbers, the last first.
    struct Fixed(Vec<u64>);

    impl RngCore for Fixed {
        fn next_u32(&mut self) -> u32 {
            (self.next_u64() >> 32) as u32
        }

        fn next_u64(&mut self) -> u64 {
            self.0.pop().expect("no more numbers than the test foresaw")
        }

        fn fill_bytes(&mut self, _: &mut [u8]) {
            unreachable!("nothing here draws bytes")
        }
    }
}
