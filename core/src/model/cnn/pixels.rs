//! Operations on images that lie pixel by pixel, `samples` rows of padded channels at each.

use pulp::Simd;

use crate::model::kernel::matmul::{Left, Right, Start, Term, multiply_shared, multiply_terms};
use crate::model::kernel::padded;

/// Pixels that a kernel sees: three by three.
pub const TAPS: usize = 9;

/// The pixels of an image.
#[derive(Clone, Copy)]
pub struct Grid {
    pub height: usize,
    pub width: usize,
}

impl Grid {
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Half as high and wide; an odd last line is dropped.
    pub fn pooled(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2 }
    }

    /// Pairs of a pixel and a neighbour that lies inside.
    pub fn taps_inside(self) -> usize {
        let pairs = |side: usize| (3 * side).saturating_sub(2);
        pairs(self.height) * pairs(self.width)
    }

    /// Copies single-channel images into nine planes, one a tap: the plane's pixels are each pixel's
    /// neighbour there, 0 outside. In a plane lies pixel after pixel, a number a sample.
    #[inline(always)]
    pub fn patches(self, values: &[f32], width: usize, rows: &[u32], patches: &mut [f32]) {
        let n = rows.len();
        let line = self.width * n;
        let (before, rest) = patches.split_at_mut(4 * self.height * line);
        let (centre, after) = rest.split_at_mut(self.height * line);
        for (sample, &at) in rows.iter().enumerate() {
            let image = &values[at as usize * width..][..width];
            for (number, pixel) in centre[sample..].iter_mut().step_by(n).zip(image) {
                *number = *pixel;
            }
        }
        let planes = before.chunks_exact_mut(self.height * line).enumerate();
        let planes = planes.chain((5..).zip(after.chunks_exact_mut(self.height * line)));
        for (tap, plane) in planes {
            for (y, out) in plane.chunks_exact_mut(line).enumerate() {
                let Some(y) = (y + tap / 3).checked_sub(1).filter(|&y| y < self.height) else {
                    out.fill(0.0);
                    continue;
                };
                let source = &centre[y * line..][..line];
                match tap % 3 {
                    0 => {
                        out[..n].fill(0.0);
                        out[n..].copy_from_slice(&source[..line - n]);
                    }
                    1 => out.copy_from_slice(source),
                    _ => {
                        out[..line - n].copy_from_slice(&source[n..]);
                        out[line - n..].fill(0.0);
                    }
                }
            }
        }
    }

    /// The products that make one pixel of a convolution: from each neighbour's pixel in the source
    /// (`pixel` numbers each) and each tap's part of the kernel (`tap` numbers each).
    #[inline(always)]
    fn terms(
        self,
        (y, x): (usize, usize),
        pixel: usize,
        tap: impl Fn(usize) -> usize,
    ) -> ([Term; TAPS], usize) {
        let mut terms = [Term::default(); TAPS];
        let mut count = 0;
        for at in 0..TAPS {
            let (y, x) = ((y + at / 3).wrapping_sub(1), (x + at % 3).wrapping_sub(1));
            if y < self.height && x < self.width {
                terms[count] = Term { left: (y * self.width + x) * pixel, right: tap(at) };
                count += 1;
            }
        }
        (terms, count)
    }

    /// `map = bias + source * kernel`, the kernel's taps one after the other, each a matrix of as many
    /// rows as the source has `channels`.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "the factors of a convolution and their sizes")]
    pub fn convolve<S: Simd>(
        self,
        simd: S,
        samples: usize,
        source: &[f32],
        channels: usize,
        kernel: Right<'_>,
        bias: &[f32],
        map: &mut [f32],
    ) {
        let (from, to) = (padded(channels), kernel.row);
        let left = Left { data: source, row: from, depth: 1 };
        for (pixel, out) in map.chunks_exact_mut(samples * to).enumerate() {
            let at = (pixel / self.width, pixel % self.width);
            let (terms, count) = self.terms(at, samples * from, |tap| tap * channels * to);
            let sizes = (samples, channels, to);
            multiply_terms(simd, sizes, left, kernel, &terms[..count], Start::Row(bias), out, to);
        }
    }

    /// The gradient at a convolution's source, from the gradient at its map of so many `channels` and
    /// the transposed taps.
    #[inline(always)]
    pub fn convolve_back<S: Simd>(
        self,
        simd: S,
        samples: usize,
        map: &[f32],
        channels: usize,
        turned: Right<'_>,
        source: &mut [f32],
    ) {
        let (from, to) = (padded(channels), turned.row);
        let left = Left { data: map, row: from, depth: 1 };
        let pixels = source.chunks_exact_mut(samples * to).take(self.pixels());
        for (pixel, out) in pixels.enumerate() {
            let at = (pixel / self.width, pixel % self.width);
            // The neighbour that sees this pixel through a tap lies on the other side.
            let (terms, count) = self.terms(at, samples * from, |tap| (TAPS - 1 - tap) * channels * to);
            let sizes = (samples, channels, to);
            multiply_terms(simd, sizes, left, turned, &terms[..count], Start::Zero, out, to);
        }
    }

    /// Adds the gradient of the kernel, tap by tap: source transposed times the gradient at the map.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "the factors of a convolution and their sizes")]
    pub fn kernel_gradient<S: Simd>(
        self,
        simd: S,
        samples: usize,
        source: &[f32],
        channels: usize,
        map: &[f32],
        stride: usize,
        kernel: &mut [f32],
    ) {
        let from = padded(channels);
        for (tap, kernel) in kernel.chunks_exact_mut(channels * stride).enumerate() {
            // The pixels of a line whose neighbour is in it lie one after the other, here and there.
            let (here, there) = (usize::from(tap % 3 == 0), usize::from(tap % 3 == 2));
            let run = self.width - here - there;
            for y in 0..self.height {
                let Some(neighbour) = (y + tap / 3).checked_sub(1).filter(|&y| y < self.height) else {
                    continue;
                };
                let left = &source[(neighbour * self.width + there) * samples * from..];
                let right = &map[(y * self.width + here) * samples * stride..];
                multiply_shared(
                    simd,
                    (channels, run * samples, stride),
                    Left { data: left, row: 1, depth: from },
                    Right { data: right, row: stride },
                    Start::Sum,
                    kernel,
                    stride,
                );
            }
        }
    }

    /// The four pixels of each pooled one, as offsets of `pixel` numbers each.
    #[inline(always)]
    fn squares(self, pixel: usize) -> impl Iterator<Item = [usize; 4]> {
        let pooled = self.pooled();
        (0..pooled.pixels()).map(move |at| {
            let corner = 2 * (at / pooled.width) * self.width + 2 * (at % pooled.width);
            [corner, corner + 1, corner + self.width, corner + self.width + 1].map(|at| at * pixel)
        })
    }

    /// Takes the map's negative numbers to 0, in place, and averages 2x2 pixels of `pixel` numbers each.
    #[inline(always)]
    pub fn relu_and_pool<S: Simd>(self, simd: S, pixel: usize, map: &mut [f32], pooled: &mut [f32]) {
        let (zero, quarter) = (simd.splat_f32s(0.0), simd.splat_f32s(0.25));
        for (square, pooled) in self.squares(pixel).zip(pooled.chunks_exact_mut(pixel)) {
            let (pooled, _) = S::as_mut_simd_f32s(pooled);
            for (corner, at) in square.into_iter().enumerate() {
                let (map, _) = S::as_mut_simd_f32s(&mut map[at..at + pixel]);
                for (y, pooled) in map.iter_mut().zip(&mut *pooled) {
                    // Not max: a NaN has to show.
                    *y = simd.select_f32s(simd.less_than_f32s(*y, zero), zero, *y);
                    let before = if corner == 0 { zero } else { *pooled };
                    *pooled = simd.mul_add_e_f32s(*y, quarter, before);
                }
            }
        }
    }

    /// Replaces the map by the gradient at what went into its ReLU, from the gradient at the pooled
    /// pixels. A pixel that pooling dropped gets 0.
    #[inline(always)]
    pub fn unpool<S: Simd>(self, simd: S, pixel: usize, arriving: &[f32], map: &mut [f32]) {
        let (zero, quarter) = (simd.splat_f32s(0.0), simd.splat_f32s(0.25));
        for (square, arriving) in self.squares(pixel).zip(arriving.chunks_exact(pixel)) {
            let (arriving, _) = S::as_simd_f32s(arriving);
            for at in square {
                let (map, _) = S::as_mut_simd_f32s(&mut map[at..at + pixel]);
                for (y, g) in map.iter_mut().zip(arriving) {
                    let share = simd.mul_f32s(*g, quarter);
                    *y = simd.select_f32s(simd.greater_than_f32s(*y, zero), share, zero);
                }
            }
        }
        let pooled = self.pooled();
        for (at, pixel) in map.chunks_exact_mut(pixel).enumerate() {
            if at / self.width >= 2 * pooled.height || at % self.width >= 2 * pooled.width {
                pixel.fill(0.0);
            }
        }
    }
}
