//! One small matrix product for all that the models need: c = a·b, a's numbers broadcast, b's and c's
//! rows in vectors, a tile of c held in registers.

use pulp::{Simd, WithSimd};

use super::WIDTH;

/// Rows of the tallest tile.
const TILE_ROWS: usize = 8;

/// From so many rows and so deep a product on, b is brought together first: its rows lie apart, often by a power of two,
/// so that they push each other out of the cache, and every tile reads them again.
const PACKED_ROWS: usize = 64;
const PACKED_DEPTH: usize = 128;
/// Numbers of b that are brought together at once: half of a small first-level cache.
const PANEL: usize = 1 << 12;

/// The left factor: `a(m, k)` is `data[m * row + k * depth]`. Transposing is swapping the strides.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    pub data: &'a [f32],
    pub row: usize,
    pub depth: usize,
}

/// The right factor, row-major over k; each row is at least as long as c's padded rows.
#[derive(Clone, Copy)]
pub struct Right<'a> {
    pub data: &'a [f32],
    pub row: usize,
}

/// What the product is added to.
#[derive(Clone, Copy)]
pub enum Start<'a> {
    Zero,
    /// The same row for every row of c, as long as c's padded rows.
    Row(&'a [f32]),
    /// What c holds.
    Sum,
}

/// One product of a sum: where its factors begin.
#[derive(Clone, Copy, Default)]
pub struct Term {
    /// Added to every index into the left factor's numbers.
    pub left: usize,
    /// Added to every index into the right factor's numbers.
    pub right: usize,
}

/// c = start + a·b with c of `rows` rows, `columns` columns (whole vectors of [`WIDTH`]), and row stride `c_row`.
///
/// # Panics
/// When a slice is too short for the sizes given; that is a mistake in the program, and is checked
/// here once so that the loops below need not check it again.
#[inline(always)]
pub fn multiply<S: Simd>(
    simd: S,
    sizes: (usize, usize, usize),
    a: Left<'_>,
    b: Right<'_>,
    start: Start<'_>,
    c: &mut [f32],
    c_row: usize,
) {
    if sizes.0 >= PACKED_ROWS && sizes.1 >= PACKED_DEPTH {
        return simd.vectorize(Packed { sizes, a, b, start, c, c_row });
    }
    multiply_terms(simd, sizes, a, b, &[Term::default()], start, c, c_row);
}

/// c = start + the sum over `terms` of a·b, each product of factors that begin elsewhere. What a
/// convolution is: a product a tap, summed without leaving the registers.
///
/// # Panics
/// As [`multiply`].
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the arguments of a product, and its terms")]
pub fn multiply_terms<S: Simd>(
    simd: S,
    (rows, depth, columns): (usize, usize, usize),
    a: Left<'_>,
    b: Right<'_>,
    terms: &[Term],
    start: Start<'_>,
    c: &mut [f32],
    c_row: usize,
) {
    let sizes = (rows, depth, columns);
    let Some(product) = Product::checked(sizes, a, b, terms, start, c, c_row) else { return };
    let pair = 2 * S::F32_LANES;
    let mut column = 0;
    while column + pair <= columns {
        product.strip::<S, 4, 2>(simd, rows, column);
        column += pair;
    }
    if column < columns {
        product.strip::<S, 4, 1>(simd, rows, column);
    }
}

/// [`multiply`] of a large product, compiled once.
struct Packed<'a> {
    sizes: (usize, usize, usize),
    a: Left<'a>,
    b: Right<'a>,
    start: Start<'a>,
    c: &'a mut [f32],
    c_row: usize,
}

impl WithSimd for Packed<'_> {
    type Output = ();

    /// Each number is summed in the same order as elsewhere: what a panel came to is what the next one begins with.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sizes: (rows, depth, columns), a, b, start, c, c_row } = self;
        let terms = [Term::default()];
        let Some(whole) = Product::checked(self.sizes, a, b, &terms, start, c, c_row) else { return };
        let pair = 2 * S::F32_LANES;
        let mut panel = [0.0; PANEL];
        let mut column = 0;
        while column + pair <= columns {
            for from in (0..depth).step_by(PANEL / pair) {
                let depth = (depth - from).min(PANEL / pair);
                for (to, k) in panel.chunks_exact_mut(pair).zip(from..from + depth) {
                    to.copy_from_slice(&b.data[k * b.row + column..][..pair]);
                }
                let start = match start {
                    _ if from > 0 => Start::Sum,
                    Start::Row(row) => Start::Row(&row[column..]),
                    start => start,
                };
                let a = Left { data: &a.data[from * a.depth..], ..a };
                let b = Right { data: &panel, row: pair };
                let c = whole.c.wrapping_add(column);
                Product { depth, a, b, terms: &terms, start, c, c_row }.strip::<S, 6, 2>(simd, rows, 0);
            }
            column += pair;
        }
        if column < columns {
            whole.strip::<S, 4, 1>(simd, rows, column);
        }
    }
}

/// As [`multiply`], compiled once for all who call it: the many products of a large model would be as
/// many copies of the loops.
///
/// # Panics
/// As [`multiply`].
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "as `multiply`")]
pub fn multiply_shared<S: Simd>(
    simd: S,
    sizes: (usize, usize, usize),
    a: Left<'_>,
    b: Right<'_>,
    start: Start<'_>,
    c: &mut [f32],
    c_row: usize,
) {
    simd.vectorize(Shared { sizes, a, b, start, c, c_row });
}

struct Shared<'a> {
    sizes: (usize, usize, usize),
    a: Left<'a>,
    b: Right<'a>,
    start: Start<'a>,
    c: &'a mut [f32],
    c_row: usize,
}

impl WithSimd for Shared<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        multiply(simd, self.sizes, self.a, self.b, self.start, self.c, self.c_row);
    }
}

/// A product whose sizes have been checked.
struct Product<'a> {
    depth: usize,
    a: Left<'a>,
    b: Right<'a>,
    terms: &'a [Term],
    start: Start<'a>,
    c: *mut f32,
    c_row: usize,
}

impl<'a> Product<'a> {
    /// `None` where there is nothing to make; otherwise every address of the loops lies inside its slice.
    ///
    /// # Panics
    /// As [`multiply`].
    #[inline(always)]
    fn checked(
        (rows, depth, columns): (usize, usize, usize),
        a: Left<'a>,
        b: Right<'a>,
        terms: &'a [Term],
        start: Start<'a>,
        c: &mut [f32],
        c_row: usize,
    ) -> Option<Self> {
        if rows == 0 || columns == 0 {
            return None;
        }
        assert!(columns.is_multiple_of(WIDTH) && columns <= c_row && c.len() >= (rows - 1) * c_row + columns);
        for term in terms {
            assert!(depth == 0 || a.data.len() > term.left + (rows - 1) * a.row + (depth - 1) * a.depth);
            assert!(depth == 0 || b.data.len() >= term.right + (depth - 1) * b.row + columns);
        }
        if let Start::Row(row) = start {
            assert!(row.len() >= columns);
        }
        Some(Self { depth, a, b, terms, start, c: c.as_mut_ptr(), c_row })
    }

    /// All rows of `V` vectors of columns, in tiles of `H` rows, or as tall as many registers allow.
    #[inline(always)]
    fn strip<S: Simd, const H: usize, const V: usize>(&self, simd: S, rows: usize, column: usize) {
        let tall = S::REGISTER_COUNT >= 32;
        let mut row = 0;
        if tall {
            while row + TILE_ROWS <= rows {
                self.tile::<S, TILE_ROWS, V>(simd, row, column);
                row += TILE_ROWS;
            }
        } else if H > 4 {
            while row + H <= rows {
                self.tile::<S, H, V>(simd, row, column);
                row += H;
            }
        }
        while row + 4 <= rows {
            self.tile::<S, 4, V>(simd, row, column);
            row += 4;
        }
        match rows - row {
            1 => self.tile::<S, 1, V>(simd, row, column),
            2 => self.tile::<S, 2, V>(simd, row, column),
            3 => self.tile::<S, 3, V>(simd, row, column),
            _ => {}
        }
    }

    /// `M` rows by `V` vectors of c.
    #[expect(
        unsafe_code,
        reason = "the tile's addresses are checked once, in `checked`, not at every number"
    )]
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const V: usize>(&self, simd: S, row: usize, column: usize) {
        let lanes = S::F32_LANES;
        // SAFETY: `checked` has seen that from each term's beginning a holds (rows-1)·row +
        // (depth-1)·depth + 1 numbers, that every row of b, of c and of the start row reaches `columns`,
        // and those who call come with row + M <= rows and column + V·lanes <= columns; where b and the start row are panels of
        // the whole, column is 0, they are as wide as the tile, and c begins at the panel's column. So each address below lies
        // inside its slice. The reads and writes are unaligned ones, and c is borrowed exclusively while it is written.
        unsafe {
            let mut sums = [[simd.splat_f32s(0.0); V]; M];
            match self.start {
                Start::Zero => {}
                Start::Row(start) => {
                    for v in 0..V {
                        let value = start.as_ptr().add(column + v * lanes).cast::<S::f32s>().read_unaligned();
                        for sums in &mut sums {
                            sums[v] = value;
                        }
                    }
                }
                Start::Sum => {
                    for (m, sums) in sums.iter_mut().enumerate() {
                        for (v, sum) in sums.iter_mut().enumerate() {
                            let at = (row + m) * self.c_row + column + v * lanes;
                            *sum = self.c.add(at).cast::<S::f32s>().read_unaligned();
                        }
                    }
                }
            }
            for term in self.terms {
                let mut a = self.a.data.as_ptr().wrapping_add(term.left + row * self.a.row);
                let mut b = self.b.data.as_ptr().wrapping_add(term.right + column);
                for _ in 0..self.depth {
                    let mut vectors = [simd.splat_f32s(0.0); V];
                    for (v, vector) in vectors.iter_mut().enumerate() {
                        *vector = b.add(v * lanes).cast::<S::f32s>().read_unaligned();
                    }
                    for (m, sums) in sums.iter_mut().enumerate() {
                        let factor = simd.splat_f32s(*a.add(m * self.a.row));
                        for (sum, vector) in sums.iter_mut().zip(vectors) {
                            *sum = simd.mul_add_e_f32s(factor, vector, *sum);
                        }
                    }
                    a = a.wrapping_add(self.a.depth);
                    b = b.wrapping_add(self.b.row);
                }
            }
            for (m, sums) in sums.iter().enumerate() {
                for (v, sum) in sums.iter().enumerate() {
                    let at = (row + m) * self.c_row + column + v * lanes;
                    self.c.add(at).cast::<S::f32s>().write_unaligned(*sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernel::padded;
    use pulp::Arch;

    struct Multiply<'a> {
        sizes: (usize, usize, usize),
        a: Left<'a>,
        b: Right<'a>,
        start: Start<'a>,
        c: &'a mut [f32],
    }

    impl WithSimd for Multiply<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            multiply(simd, self.sizes, self.a, self.b, self.start, self.c, self.sizes.2);
        }
    }

    struct InPlace<'a>(Multiply<'a>);

    impl WithSimd for InPlace<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Multiply { sizes, a, b, start, c } = self.0;
            multiply_terms(simd, sizes, a, b, &[Term::default()], start, c, sizes.2);
        }
    }

    #[test]
    fn a_large_product_has_the_bits_of_one_whose_factor_stays_where_it_is() {
        let number = |i: usize| ((i * 37 + 11) % 1_009) as f32 / 500.0 - 1.0;
        for (rows, depth, columns) in
            [(PACKED_ROWS, PACKED_DEPTH, 16), (71, 300, 48), (128, 784, 64), (67, 257, 8)]
        {
            let columns = padded(columns);
            let a: Vec<f32> = (0..rows * depth).map(number).collect();
            let b: Vec<f32> = (0..depth * columns).map(|i| number(i + 7)).collect();
            let row: Vec<f32> = (0..columns).map(|i| number(i + 3)).collect();
            for a in [Left { data: &a, row: 1, depth: rows }, Left { data: &a, row: depth, depth: 1 }] {
                for start in [Start::Zero, Start::Row(&row), Start::Sum] {
                    let (b, sizes) = (Right { data: &b, row: columns }, (rows, depth, columns));
                    let mut packed: Vec<f32> = (0..rows * columns).map(number).collect();
                    let mut plain = packed.clone();
                    Arch::new().dispatch(Multiply { sizes, a, b, start, c: &mut packed });
                    Arch::new().dispatch(InPlace(Multiply { sizes, a, b, start, c: &mut plain }));
                    assert!(packed.iter().zip(&plain).all(|(a, b)| a.to_bits() == b.to_bits()));
                }
            }
        }
    }

    #[test]
    fn equals_the_sum_written_out() {
        for (rows, depth, columns) in
            [(1, 1, 1), (3, 5, 10), (8, 2, 32), (13, 40, 50), (33, 7, 17), (5, 0, 16)]
        {
            let stride = padded(columns);
            let number = |i: usize| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0;
            let a: Vec<f32> = (0..rows * depth).map(number).collect();
            let b: Vec<f32> = (0..depth * stride).map(|i| number(i + 7)).collect();
            let start: Vec<f32> = (0..stride).map(|i| number(i + 3)).collect();
            for transposed in [false, true] {
                let a = if transposed {
                    Left { data: &a, row: 1, depth: rows }
                } else {
                    Left { data: &a, row: depth, depth: 1 }
                };
                let mut c = vec![9.0; rows * stride];
                let sizes = (rows, depth, stride);
                let b = Right { data: &b, row: stride };
                Arch::new().dispatch(Multiply { sizes, a, b, start: Start::Row(&start), c: &mut c });
                let again = c.clone();
                Arch::new().dispatch(Multiply { sizes, a, b, start: Start::Sum, c: &mut c });
                for m in 0..rows {
                    for n in 0..stride {
                        let product: f64 = (0..depth)
                            .map(|k| {
                                f64::from(a.data[m * a.row + k * a.depth]) * f64::from(b.data[k * stride + n])
                            })
                            .sum();
                        let once = f64::from(again[m * stride + n]);
                        assert!((once - product - f64::from(start[n])).abs() < 1e-4);
                        assert!((f64::from(c[m * stride + n]) - once - product).abs() < 1e-4);
                    }
                }
            }
        }
    }
}
