//! Sums and products over rows, of any length and on any number of cores, to the same bits.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

/// Numbers of a row that one core goes through without help. Longer rows are cut in halves, however many cores
/// there are, so that sums do not depend on their number.
pub(super) const SHARE: usize = 1 << 13;

/// Numbers that are gone through together.
pub(super) const CHUNK: usize = 16;

/// Where a row longer than a share is cut.
pub(super) fn half(len: usize) -> usize {
    (len / 2).next_multiple_of(16)
}

/// Both, at once where there are two cores.
pub(super) fn both<A: Send, B: Send>(
    cores: usize,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    if cores > 1 { rayon::join(a, b) } else { (a(), b()) }
}

/// The Euclidean norm of a row, on at most `cores` cores of the pool that calls.
pub fn norm(arch: Arch, cores: usize, row: &[f32]) -> f64 {
    squares(arch, cores, row).sqrt()
}

/// The sum of a row's squares.
pub(super) fn squares(arch: Arch, cores: usize, row: &[f32]) -> f64 {
    if row.len() > SHARE {
        let (a, b) = row.split_at(half(row.len()));
        let next = cores.div_ceil(2);
        let (a, b) = both(cores, || squares(arch, next, a), || squares(arch, next, b));
        return a + b;
    }
    arch.dispatch(SquaresOf(row))
}

/// The sum of `of` over the places of a row, in double precision.
pub(super) fn sum(cores: usize, len: usize, of: &(impl Fn(usize) -> f64 + Sync)) -> f64 {
    sum_of(cores, 0..len, of)
}

fn sum_of(cores: usize, places: Range<usize>, of: &(impl Fn(usize) -> f64 + Sync)) -> f64 {
    if places.len() > SHARE {
        let at = places.start + half(places.len());
        let next = cores.div_ceil(2);
        let (a, b) = both(cores, || sum_of(next, places.start..at, of), || sum_of(next, at..places.end, of));
        return a + b;
    }
    places.map(of).sum()
}

/// Multiplies a row by a number.
pub fn scale(arch: Arch, row: &mut [f32], by: f32) {
    arch.dispatch(|| {
        for x in row {
            *x *= by;
        }
    });
}

/// Adds a row to another.
pub fn add(arch: Arch, sum: &mut [f32], row: &[f32]) {
    arch.dispatch(|| {
        for (sum, x) in sum.iter_mut().zip(row) {
            *sum += x;
        }
    });
}

/// A sum of squares in as many parts as a chunk has numbers, each in single precision.
pub(super) struct Squares<S: Simd> {
    sums: [S::f32s; CHUNK],
    tail: f64,
}

impl<S: Simd> Squares<S> {
    #[inline(always)]
    pub fn new(simd: S) -> Self {
        Self { sums: [simd.splat_f32s(0.0); CHUNK], tail: 0.0 }
    }

    #[inline(always)]
    pub fn add(&mut self, simd: S, chunk: &[f32; CHUNK]) {
        for (sum, numbers) in self.sums.iter_mut().zip(S::as_simd_f32s(chunk).0) {
            *sum = simd.mul_add_e_f32s(*numbers, *numbers, *sum);
        }
    }

    #[inline(always)]
    pub fn add_one(&mut self, number: f32) {
        self.tail += f64::from(number * number);
    }

    #[inline(always)]
    pub fn total(&self) -> f64 {
        let sums = bytemuck::cast_slice::<S::f32s, f32>(&self.sums[..CHUNK / S::F32_LANES]);
        sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() + self.tail
    }
}

struct SquaresOf<'a>(&'a [f32]);

impl WithSimd for SquaresOf<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let mut squares = Squares::new(simd);
        let (chunks, tail) = self.0.as_chunks::<CHUNK>();
        chunks.iter().for_each(|chunk| squares.add(simd, chunk));
        tail.iter().for_each(|number| squares.add_one(*number));
        squares.total()
    }
}
