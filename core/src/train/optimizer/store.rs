//! How the weights after an update are stored: in which format, and which neighbour of it they are rounded to.
//!
//! Stochastic rounding takes the upper of the two neighbours as often as the number is nearer to it, so that what is
//! lost is right on average (Gupta et al. 2015, arXiv 1502.02551). Its random bits follow from a lane's seed, the update
//! and a weight's place in the row alone, so neither cores, nor chunks, nor a resumed checkpoint change them.

use rand_chacha::rand_core::RngCore;

use crate::experiment::WeightFormat;
use crate::random::{Stream, rng};

/// In which format weights are stored, and how they are rounded to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    pub format: WeightFormat,
    /// The random bits of this update's stochastic rounding; nothing where weights are rounded to the nearest number.
    pub dice: Option<Dice>,
}

impl Store {
    /// Weights kept as they are.
    pub const EXACT: Self = Self { format: WeightFormat::F32, dice: None };

    /// The stored weight at this place of a row.
    #[must_use]
    pub fn round(self, at: usize, weight: f32) -> f32 {
        match (self.format, self.dice) {
            (WeightFormat::F32, _) => weight,
            (WeightFormat::Bf16, None) => half::bf16::from_f32(weight).to_f32(),
            (WeightFormat::F16, None) => half::f16::from_f32(weight).to_f32(),
            (WeightFormat::Bf16, Some(dice)) => bf16(weight, dice.bits(at as u32)),
            (WeightFormat::F16, Some(dice)) => f16(weight, dice.bits(at as u32)),
        }
    }
}

/// Random bits of one update, for each place in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dice([u32; 2]);

impl Dice {
    /// Those of an update of a lane with this seed.
    pub fn of(seed: u64, update: u64) -> Self {
        let mut words = rng(seed, Stream::Rounding { update });
        Self([words.next_u32(), words.next_u32()])
    }

    /// Two rounds of a mixing function of 32 bits (C. Wellons' `lowbias32`), each after a word of the key: what `ChaCha`
    /// would give for a place costs more than the update itself.
    #[inline(always)]
    pub fn bits(self, at: u32) -> u32 {
        mix(mix(at ^ self.0[0]) ^ self.0[1])
    }
}

#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// `x` in bf16, away from 0 where the bits below its last one and 16 random ones carry.
#[inline(always)]
pub(super) fn bf16(x: f32, random: u32) -> f32 {
    let carried = f32::from_bits((x.to_bits().wrapping_add(random >> 16)) & 0xffff_0000);
    if x.is_finite() { carried } else { x }
}

/// The least normal number of f16.
const LEAST_NORMAL: f32 = 1.0 / 16_384.0;
/// Between neighbouring numbers of f16 below it.
const STEP: f32 = 1.0 / 16_777_216.0;

/// `x` in f16, in the same way with 13 random bits; below its normal numbers they are evenly spaced, and 24 bits decide.
#[inline(always)]
pub(super) fn f16(x: f32, random: u32) -> f32 {
    let carried = f32::from_bits((x.to_bits().wrapping_add(random >> 19)) & 0xffff_e000);
    let steps = x.abs() / STEP;
    let down = steps.floor();
    let chance = (random >> 8) as f32 * (1.0 / 16_777_216.0);
    let up = f32::from(u8::from(chance >= 1.0 - (steps - down)));
    let even = ((down + up) * STEP).copysign(x);
    let stored = if x.abs() < LEAST_NORMAL { even } else { carried };
    // The step above the greatest number leads to infinity, as it does in the format.
    let stored = if stored.abs() > 65_504.0 { f32::INFINITY.copysign(x) } else { stored };
    if x.is_finite() { stored } else { x }
}

/// By how much a stored weight has to change at least to be stored as another number, where rounding is to the nearest:
/// half the distance to its neighbour on that side.
pub(super) fn least_change(format: WeightFormat, weight: f32, change: f32) -> f64 {
    let (bits, least_exponent) = match format {
        WeightFormat::F32 => (23, -126),
        WeightFormat::Bf16 => (7, -126),
        WeightFormat::F16 => (10, -14),
    };
    let magnitude = f64::from(weight.abs());
    let exponent = if magnitude == 0.0 { least_exponent } else { magnitude.log2().floor() as i32 };
    let exponent = exponent.max(least_exponent);
    let spacing = 2.0_f64.powi(exponent - bits);
    let is_power = magnitude == 2.0_f64.powi(exponent) && exponent > least_exponent;
    let shrinks = (change < 0.0) == (weight > 0.0);
    spacing * if is_power && shrinks { 0.25 } else { 0.5 }
}

/// The rate at which half of the weights would be stored as other numbers: the median, over those that an update at rate
/// `lr` was to change, of the rate at which their change is the least one that is not rounded away. Nothing where no
/// weight was to change. Weights are `(before, exactly after)`.
pub fn smallest_useful_rate(
    format: WeightFormat,
    lr: f64,
    weights: impl Iterator<Item = (f32, f32)>,
) -> Option<f64> {
    let round = Store { format, dice: None };
    let least = weights.map(|(before, after)| (round.round(0, before), f64::from(after) - f64::from(before)));
    let mut rates: Vec<f64> = least
        .filter(|(_, change)| *change != 0.0 && change.is_finite())
        .map(|(weight, change)| lr * least_change(format, weight, change as f32) / change.abs())
        .collect();
    if rates.is_empty() || lr <= 0.0 {
        return None;
    }
    let middle = (rates.len() - 1) / 2;
    let (_, median, _) = rates.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median).filter(|rate| rate.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all sizes, the formats' own limits among them.
    fn numbers() -> Vec<f32> {
        let mut words = rng(3, Stream::Generate);
        let any = (0..20_000).map(|_| f32::from_bits(words.next_u32()));
        let near = [0.0, -0.0, 1.0, -1.5, 65_504.0, 65_519.0, 6.1e-5, 5.9e-8, 2.9e-8, 1e-9, 3.38e38];
        any.filter(|x| x.is_finite()).chain(near).collect()
    }

    type Round = fn(f32, u32) -> f32;
    type Nearest = fn(f32) -> f32;

    #[test]
    fn stochastic_rounding_gives_one_of_both_neighbours_and_what_is_stored_stays() {
        let formats: [(Round, Nearest, u32); 2] = [
            (bf16, |x| half::bf16::from_f32(x).to_f32(), 16),
            (f16, |x| half::f16::from_f32(x).to_f32(), 19),
        ];
        for (round, nearest, shift) in formats {
            for x in numbers() {
                let (down, up) = (round(x, 0), round(x, u32::MAX));
                for stored in [down, up] {
                    assert!(stored.is_infinite() || nearest(stored) == stored, "{x} {stored}");
                    assert_eq!(round(stored, u32::MAX).to_bits(), stored.to_bits(), "{x} stays");
                }
                // Nothing lies between the two, and the nearest is one of them.
                assert!([down, up].contains(&nearest(x)) || nearest(x).is_infinite(), "{x} {down} {up}");
                let beyond = down.is_infinite() && nearest(x).is_infinite();
                // Nearer to 0 than a millionth of a step of f16, no random bits of ours lead away from it.
                let enclosed = down.abs() <= x.abs() && (x.abs() <= up.abs() || x.abs() < 1e-6 * STEP);
                assert!(beyond || enclosed, "{x} {down} {up}");
            }
            // Every count of random bits once: the mean is the number itself.
            let x = 0.1_f32;
            let all = 1_u32 << (32 - shift);
            let sum: f64 = (0..all).map(|bits| f64::from(round(x, bits << shift))).sum();
            assert!((sum / f64::from(all) / f64::from(x) - 1.0).abs() < 1e-6);
        }
        assert_eq!(f16(65_519.9, u32::MAX), f32::INFINITY);
        assert!(bf16(f32::NAN, u32::MAX).is_nan() && f16(f32::NAN, 7).is_nan());
    }

    #[test]
    fn subnormal_numbers_of_f16_are_right_on_average() {
        let x = 1.3e-7_f32;
        let sum: f64 = (0..8192_u32).map(|bits| f64::from(f16(x, bits << 19))).sum();
        assert!((sum / 8192.0 / f64::from(x) - 1.0).abs() < 1e-3, "{}", sum / 8192.0);
    }

    #[test]
    fn places_of_a_row_have_bits_that_are_even_and_their_own() {
        let (dice, other) = (Dice::of(1, 5), Dice::of(1, 6));
        let mut ones = [0_u32; 32];
        for at in 0..4096 {
            assert_ne!(dice.bits(at), other.bits(at));
            (0..32).for_each(|bit| ones[bit as usize] += (dice.bits(at) >> bit) & 1);
        }
        // Five deviations of a fair coin.
        assert!(ones.iter().all(|count| count.abs_diff(2048) < 160), "{ones:?}");
    }

    #[test]
    fn a_change_below_the_least_one_is_rounded_away_and_one_above_it_is_not() {
        for format in [WeightFormat::Bf16, WeightFormat::F16] {
            let store = Store { format, dice: None };
            for x in numbers() {
                let weight = store.round(0, x);
                if !weight.is_finite() || !(1e-6..1e4).contains(&weight.abs()) {
                    continue;
                }
                for sign in [-1.0, 1.0] {
                    let least = least_change(format, weight, sign) as f32 * sign;
                    assert_eq!(store.round(0, weight + 0.99 * least), weight, "{format:?} {weight} {least}");
                    assert_ne!(store.round(0, weight + 1.01 * least), weight, "{format:?} {weight} {least}");
                }
            }
        }
    }
}
