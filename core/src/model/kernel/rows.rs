//! Matrices with rows of whole vectors: copying into them, out of them, and summing them.

use pulp::Simd;

/// Copies rows of `from` numbers into longer ones, the rest 0.
#[inline(always)]
pub fn widen(narrow: &[f32], from: usize, wide: &mut [f32], to: usize) {
    for (narrow, wide) in narrow.chunks_exact(from).zip(wide.chunks_exact_mut(to)) {
        let (kept, rest) = wide.split_at_mut(from);
        copy(narrow, kept);
        rest.iter_mut().for_each(|number| *number = 0.0);
    }
}

/// Copies the first `to` numbers of each row.
#[inline(always)]
pub fn narrow(wide: &[f32], from: usize, narrow: &mut [f32], to: usize) {
    for (wide, narrow) in wide.chunks_exact(from).zip(narrow.chunks_exact_mut(to)) {
        copy(&wide[..to], narrow);
    }
}

/// Copies a short row, for which a call of the library's copy would take longer.
#[inline(always)]
pub fn copy(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Adds all rows to `sum`.
#[inline(always)]
pub fn add_rows<S: Simd>(simd: S, rows: &[f32], stride: usize, sum: &mut [f32]) {
    let (sums, _) = S::as_mut_simd_f32s(sum);
    for (v, sum) in sums.iter_mut().enumerate() {
        // Four at a time: a single sum would wait for itself.
        let mut totals = [simd.splat_f32s(0.0); 4];
        for rows in rows.chunks(4 * stride) {
            for (row, total) in rows.chunks_exact(stride).zip(&mut totals) {
                let (row, _) = S::as_simd_f32s(row);
                *total = simd.add_f32s(*total, row[v]);
            }
        }
        let [a, b, c, d] = totals;
        *sum = simd.add_f32s(*sum, simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)));
    }
}

/// Adds one run of numbers to another, both whole vectors.
#[inline(always)]
pub fn add<S: Simd>(simd: S, numbers: &[f32], sum: &mut [f32]) {
    let (numbers, _) = S::as_simd_f32s(numbers);
    let (sum, _) = S::as_mut_simd_f32s(sum);
    for (number, sum) in numbers.iter().zip(sum) {
        *sum = simd.add_f32s(*sum, *number);
    }
}

/// The vector of a row that begins at a column.
#[inline(always)]
pub fn vector<S: Simd>(row: &[f32], column: usize) -> S::f32s {
    S::as_simd_f32s(row).0[column / S::F32_LANES]
}

#[inline(always)]
pub fn vector_mut<S: Simd>(row: &mut [f32], column: usize) -> &mut S::f32s {
    &mut S::as_mut_simd_f32s(row).0[column / S::F32_LANES]
}
