//! Matrices turned, a square of numbers at a time.

use pulp::Simd;

/// A square this many numbers wide is turned in registers.
const SIDE: usize = 8;

type Square = [[f32; SIDE]; SIDE];

/// Turns `rows` rows (`row` apart) into columns of rows `stride` long, a row a column of `matrix`
/// for as many as `turned` holds; what lies past the last is 0. `stride` is at least `rows`, in whole vectors.
#[inline(always)]
pub fn transpose<S: Simd>(
    simd: S,
    matrix: &[f32],
    row: usize,
    rows: usize,
    turned: &mut [f32],
    stride: usize,
) {
    let columns = turned.len() / stride;
    for at in (0..rows).step_by(SIDE) {
        for column in (0..columns).step_by(SIDE) {
            let (height, width) = ((rows - at).min(SIDE), (columns - column).min(SIDE));
            let from = &matrix[at * row + column..];
            let into = &mut turned[column * stride + at..];
            // Numbers past the last column are read where there are any: they are not written.
            let square = if height == SIDE && from.len() >= (SIDE - 1) * row + SIDE {
                std::array::from_fn(|r| whole(&from[r * row..]))
            } else {
                part(from, row, (height, width))
            };
            let square = turn(simd, square);
            if width == SIDE {
                for (c, line) in square.iter().enumerate() {
                    into[c * stride..][..SIDE].copy_from_slice(line);
                }
            } else {
                for (line, into) in square.iter().zip(into.chunks_mut(stride)).take(width) {
                    into[..SIDE].copy_from_slice(line);
                }
            }
        }
    }
    let written = rows.next_multiple_of(SIDE);
    if written < stride {
        turned.chunks_exact_mut(stride).for_each(|line| line[written..].fill(0.0));
    }
}

/// The first numbers of a row that has enough.
#[inline(always)]
fn whole(row: &[f32]) -> [f32; SIDE] {
    let mut line = [0.0; SIDE];
    line.copy_from_slice(&row[..SIDE]);
    line
}

/// What there is of a square, the rest 0.
#[inline(always)]
fn part(from: &[f32], row: usize, (height, width): (usize, usize)) -> Square {
    let mut square = [[0.0; SIDE]; SIDE];
    for (line, from) in square.iter_mut().zip(from.chunks(row)).take(height) {
        line.iter_mut().zip(from).take(width).for_each(|(to, from)| *to = *from);
    }
    square
}

/// The square with its rows for columns.
#[inline(always)]
fn turn<S: Simd>(simd: S, square: Square) -> Square {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = avx(simd) {
        return turn_with_avx(simd, square);
    }
    let _ = simd;
    std::array::from_fn(|c| std::array::from_fn(|r| square[r][c]))
}

/// The processor's AVX, where the vectors in use have it. Known when this is compiled.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn avx<S: Simd>(simd: S) -> Option<pulp::x86::V3> {
    let simd: &dyn std::any::Any = &simd;
    let wider = || simd.downcast_ref::<pulp::x86::V4>().map(|wider| **wider);
    simd.downcast_ref::<pulp::x86::V3>().copied().or_else(wider)
}

/// Pairs of rows, pairs of pairs, then halves are exchanged.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn turn_with_avx(simd: pulp::x86::V3, square: Square) -> Square {
    let avx = simd.avx;
    let [a, b, c, d, e, f, g, h]: [std::arch::x86_64::__m256; SIDE] = bytemuck::cast(square);
    let pair = |a, b| (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpackhi_ps(a, b));
    let ((ab, ab_high), (cd, cd_high)) = (pair(a, b), pair(c, d));
    let ((ef, ef_high), (gh, gh_high)) = (pair(e, f), pair(g, h));
    let four = |x, y| [avx._mm256_shuffle_ps::<0x44>(x, y), avx._mm256_shuffle_ps::<0xee>(x, y)];
    let ([a, b], [c, d]) = (four(ab, cd), four(ab_high, cd_high));
    let ([e, f], [g, h]) = (four(ef, gh), four(ef_high, gh_high));
    let low = |x, y| bytemuck::cast(avx._mm256_permute2f128_ps::<0x20>(x, y));
    let high = |x, y| bytemuck::cast(avx._mm256_permute2f128_ps::<0x31>(x, y));
    [low(a, e), low(b, f), low(c, g), low(d, h), high(a, e), high(b, f), high(c, g), high(d, h)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernel::{every_width, padded};
    use pulp::WithSimd;

    struct Transpose<'a> {
        matrix: &'a [f32],
        row: usize,
        rows: usize,
        turned: &'a mut [f32],
        stride: usize,
    }

    impl WithSimd for Transpose<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            transpose(simd, self.matrix, self.row, self.rows, self.turned, self.stride);
        }
    }

    #[test]
    fn rows_become_columns_and_the_rest_is_nothing() {
        for arch in every_width() {
            for (rows, columns, row) in
                [(8, 8, 8), (32, 2, 2), (64, 10, 10), (5, 3, 16), (17, 33, 40), (1, 1, 1), (16, 9, 16)]
            {
                let matrix: Vec<f32> = (0..(rows - 1) * row + columns).map(|at| 1.0 + at as f32).collect();
                let stride = padded(rows);
                let mut turned = vec![f32::NAN; columns * stride];
                arch.dispatch(Transpose { matrix: &matrix, row, rows, turned: &mut turned, stride });
                for (column, line) in turned.chunks_exact(stride).enumerate() {
                    for (at, number) in line.iter().enumerate() {
                        let right = if at < rows { matrix[at * row + column] } else { 0.0 };
                        assert_eq!(*number, right, "{rows} x {columns}: {at}, {column}");
                    }
                }
            }
        }
    }
}
