//! Matrices with biases inside a row of parameters, and where their working copies lie.

use pulp::Simd;

use super::Parameter;
use super::kernel::padded;
use super::kernel::rows::{narrow, widen};
use super::kernel::transpose::transpose;

/// `y = x W + b`. A model works on copies whose rows are whole vectors: `W` and `b` in the wide
/// memory, gradients in another of that layout, and `W` transposed in the turned memory.
#[derive(Clone, Copy)]
pub struct Affine {
    pub inputs: usize,
    pub outputs: usize,
    weight: usize,
    wide: usize,
    turned: usize,
    /// The matrix is turned in so many equal groups of rows: the taps of a convolution.
    groups: usize,
}

/// A vector that scales or shifts: one number a column. Or a table of embeddings.
#[derive(Clone, Copy)]
pub struct Column {
    len: usize,
    at: usize,
    wide: usize,
}

/// Lays out a row of parameters and the copies of it, one after the other.
#[derive(Default)]
pub struct Layout {
    pub parameters: Vec<Parameter>,
    affines: Vec<Affine>,
    columns: Vec<Column>,
    width: usize,
    /// Numbers of the wide memory.
    pub wide: usize,
    /// Numbers of the turned memory.
    pub turned: usize,
}

impl Layout {
    /// Returns where it begins in the row.
    fn parameter(&mut self, name: String, layer: usize, shape: &[usize]) -> usize {
        let parameter = Parameter { name, shape: shape.to_vec(), offset: self.width, layer };
        self.width = parameter.range().end;
        self.parameters.push(parameter);
        self.width - shape.iter().product::<usize>()
    }

    /// A matrix and its bias, `name.weight` and `name.bias`. `groups` divides `inputs`.
    pub fn affine(
        &mut self,
        name: &str,
        layer: usize,
        inputs: usize,
        outputs: usize,
        groups: usize,
    ) -> Affine {
        let weight = self.parameter(format!("{name}.weight"), layer, &[inputs, outputs]);
        self.parameter(format!("{name}.bias"), layer, &[outputs]);
        let affine = Affine { inputs, outputs, weight, wide: self.wide, turned: self.turned, groups };
        self.wide += (inputs + 1) * padded(outputs);
        self.turned += groups * affine.turned_len();
        self.affines.push(affine);
        affine
    }

    /// A vector, or a table that nothing is multiplied by.
    pub fn column(&mut self, name: String, layer: usize, shape: &[usize]) -> Column {
        let len = shape.iter().product();
        let column = Column { len, at: self.parameter(name, layer, shape), wide: self.wide };
        self.wide += padded(len);
        self.columns.push(column);
        column
    }

    /// Copies all matrices and vectors of a row into wide memory.
    #[inline(always)]
    pub fn widen(&self, row: &[f32], wide: &mut [f32]) {
        // Loops, not closures: what a closure calls is not compiled for the vectors in use.
        for affine in &self.affines {
            affine.widen(row, wide);
        }
        for column in &self.columns {
            column.widen(row, wide);
        }
    }

    /// Copies all matrices and vectors out of wide memory.
    #[inline(always)]
    pub fn narrow(&self, wide: &[f32], row: &mut [f32]) {
        for affine in &self.affines {
            affine.narrow(wide, row);
        }
        for column in &self.columns {
            column.narrow(wide, row);
        }
    }

    /// Transposes all matrices of a row into turned memory.
    #[inline(always)]
    pub fn turn<S: Simd>(&self, simd: S, row: &[f32], turned: &mut [f32]) {
        for affine in &self.affines {
            affine.turn(simd, row, turned);
        }
    }
}

impl Affine {
    /// Numbers from one row of outputs to the next.
    pub fn stride(&self) -> usize {
        padded(self.outputs)
    }

    /// Where the matrix and the bias lie in a row.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.weight..self.weight + (self.inputs + 1) * self.outputs
    }

    /// Where the matrix lies in a row.
    pub fn weight_range(&self) -> std::ops::Range<usize> {
        self.weight..self.weight + self.inputs * self.outputs
    }

    /// Copies the matrix and bias of a row into wide memory.
    #[inline(always)]
    fn widen(&self, row: &[f32], wide: &mut [f32]) {
        let len = (self.inputs + 1) * self.stride();
        widen(&row[self.range()], self.outputs, &mut wide[self.wide..self.wide + len], self.stride());
    }

    /// Copies matrix and bias out of wide memory.
    #[inline(always)]
    fn narrow(&self, wide: &[f32], row: &mut [f32]) {
        narrow(&wide[self.wide..], self.stride(), &mut row[self.range()], self.outputs);
    }

    /// Transposes the matrix of a row, group by group.
    #[inline(always)]
    fn turn<S: Simd>(&self, simd: S, row: &[f32], turned: &mut [f32]) {
        let (rows, len) = (self.inputs / self.groups, self.turned_len());
        let groups = turned[self.turned..].chunks_exact_mut(len).take(self.groups);
        for (group, turned) in groups.enumerate() {
            let matrix = &row[self.weight + group * rows * self.outputs..];
            transpose(simd, matrix, self.outputs, rows, turned, padded(rows));
        }
    }

    /// The matrix in wide memory, rows of [`Affine::stride`].
    #[inline(always)]
    pub fn weight<'a>(&self, wide: &'a [f32]) -> &'a [f32] {
        &wide[self.wide..self.wide + self.inputs * self.stride()]
    }

    /// The bias in wide memory.
    #[inline(always)]
    pub fn bias<'a>(&self, wide: &'a [f32]) -> &'a [f32] {
        &wide[self.wide + self.inputs * self.stride()..][..self.stride()]
    }

    /// The matrix and the bias in wide memory, to be written.
    #[inline(always)]
    pub fn both<'a>(&self, wide: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
        wide[self.wide..self.wide + (self.inputs + 1) * self.stride()]
            .split_at_mut(self.inputs * self.stride())
    }

    /// The transposed matrix: each group has a row an output, and [`Affine::turned_len`] numbers.
    #[inline(always)]
    pub fn turned<'a>(&self, turned: &'a [f32]) -> &'a [f32] {
        &turned[self.turned..self.turned + self.groups * self.turned_len()]
    }

    /// Numbers of one transposed group.
    pub fn turned_len(&self) -> usize {
        self.outputs * padded(self.inputs / self.groups)
    }
}

impl Column {
    /// Where it lies in a row.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.at..self.at + self.len
    }

    /// Where it lies in wide memory.
    fn wide_range(&self) -> std::ops::Range<usize> {
        self.wide..self.wide + padded(self.len)
    }

    /// The vector in wide memory.
    #[inline(always)]
    pub fn values<'a>(&self, wide: &'a [f32]) -> &'a [f32] {
        &wide[self.wide_range()]
    }

    /// The vector in wide memory, to be written.
    #[inline(always)]
    pub fn values_mut<'a>(&self, wide: &'a mut [f32]) -> &'a mut [f32] {
        &mut wide[self.wide_range()]
    }

    /// This vector and the one laid out after it in wide memory, to be written.
    #[inline(always)]
    pub fn with_next<'a>(&self, next: Self, wide: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
        wide[self.wide..next.wide_range().end].split_at_mut(next.wide - self.wide)
    }

    /// Copies it into wide memory.
    #[inline(always)]
    fn widen(&self, row: &[f32], wide: &mut [f32]) {
        widen(&row[self.range()], self.len, &mut wide[self.wide_range()], padded(self.len));
    }

    /// Copies it out of wide memory.
    #[inline(always)]
    fn narrow(&self, wide: &[f32], row: &mut [f32]) {
        row[self.range()].copy_from_slice(&wide[self.wide..self.wide + self.len]);
    }
}
