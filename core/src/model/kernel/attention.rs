//! Causal attention of one window (Vaswani et al. 2017, arXiv 1706.03762), head by head.
//!
//! Everything between scores and mixed values lies with queries along the vectors: a row of scores is
//! a key's, seen by all queries. The softmax then needs no sum across a vector, however few columns a
//! head has. Keys go in blocks of [`WIDTH`]; queries before a block do not see it and are left out.

use pulp::Simd;

use super::matmul::{Left, Right, Start, multiply_shared};
use super::rows::{vector, vector_mut};
use super::softmax::softmax_columns;
use super::transpose::transpose;
use super::{WIDTH, padded};

/// Sizes of one window's attention.
#[derive(Clone, Copy)]
pub struct Heads {
    pub context: usize,
    pub width: usize,
    pub heads: usize,
}

/// Queries, keys and values of a window: a row a position, [`padded`] to whole vectors, and
/// [`WIDTH`] numbers more after the last row.
#[derive(Clone, Copy)]
pub struct Projections<'a> {
    pub queries: &'a [f32],
    pub keys: &'a [f32],
    pub values: &'a [f32],
}

/// Keys from `first` on.
#[derive(Clone, Copy)]
struct Keys {
    first: usize,
    count: usize,
}

impl Heads {
    /// Columns of one head.
    fn head(self) -> usize {
        self.width / self.heads
    }

    /// Numbers from one position's row to the next.
    fn stride(self) -> usize {
        padded(self.width)
    }

    /// Numbers from one key's row of scores to the next: the queries, padded.
    fn span(self) -> usize {
        padded(self.context)
    }

    /// Numbers of a window turned: a row a column, the positions along it.
    pub fn turned_len(self) -> usize {
        self.width * self.span()
    }

    /// Numbers of a window's probabilities.
    pub fn probabilities_len(self) -> usize {
        self.heads * self.scores_len()
    }

    /// Numbers that [`Heads::backward`] works in.
    pub fn room(self) -> usize {
        self.scores_len() + 2 * self.turned_len() + self.context * padded(self.head())
    }

    fn scores_len(self) -> usize {
        self.context * self.span()
    }

    fn blocks(self) -> impl Iterator<Item = Keys> {
        (0..self.context)
            .step_by(WIDTH)
            .map(move |first| Keys { first, count: WIDTH.min(self.context - first) })
    }

    /// Scores of one head: `rows`' columns of it (keys, or values) times those of `turned` (queries,
    /// or the gradient at what was mixed).
    #[inline(always)]
    fn scores<S: Simd>(self, simd: S, head: usize, rows: &[f32], turned: &[f32], scores: &mut [f32]) {
        let (stride, span, column) = (self.stride(), self.span(), head * self.head());
        for Keys { first, count } in self.blocks() {
            let left = Left { data: &rows[first * stride + column..], row: stride, depth: 1 };
            let right = Right { data: &turned[column * span + first..], row: span };
            let sizes = (count, self.head(), span - first);
            multiply_shared(simd, sizes, left, right, Start::Zero, &mut scores[first * span + first..], span);
        }
    }

    /// Mixes one head's columns of `rows` (values, or keys) by `shares`, into the turned `mixed`.
    #[inline(always)]
    fn mix<S: Simd>(self, simd: S, head: usize, rows: &[f32], shares: &[f32], mixed: &mut [f32]) {
        let (stride, span, column) = (self.stride(), self.span(), head * self.head());
        for Keys { first, count } in self.blocks() {
            let left = Left { data: &rows[first * stride + column..], row: 1, depth: stride };
            let right = Right { data: &shares[first * span + first..], row: span };
            let start = if first == 0 { Start::Zero } else { Start::Sum };
            let sizes = (self.head(), count, span - first);
            multiply_shared(simd, sizes, left, right, start, &mut mixed[column * span + first..], span);
        }
    }

    /// The other way: what each key's row gets back, `shares` times one head's columns of `rows`.
    #[inline(always)]
    fn give_back<S: Simd>(
        self,
        simd: S,
        head: usize,
        shares: &[f32],
        rows: &[f32],
        room: &mut [f32],
        out: &mut [f32],
    ) {
        let (stride, span, column) = (self.stride(), self.span(), head * self.head());
        let columns = padded(self.head());
        for Keys { first, count } in self.blocks() {
            let left = Left { data: &shares[first * span + first..], row: span, depth: 1 };
            let right = Right { data: &rows[first * stride + column..], row: stride };
            let sizes = (count, self.context - first, columns);
            multiply_shared(simd, sizes, left, right, Start::Zero, &mut room[first * columns..], columns);
        }
        for (room, out) in room.chunks_exact(columns).zip(out.chunks_exact_mut(stride)) {
            out[column..column + self.head()].copy_from_slice(&room[..self.head()]);
        }
    }

    /// Each query's probabilities over the keys up to itself, from the scores, in place.
    #[inline(always)]
    fn softmax<S: Simd>(self, simd: S, scores: &mut [f32]) {
        let span = self.span();
        for Keys { first, count } in self.blocks() {
            for key in first..first + count {
                scores[key * span + first..key * span + key].fill(f32::NEG_INFINITY);
            }
            let keys = first + count;
            for column in (first..first + WIDTH).step_by(S::F32_LANES) {
                softmax_columns(simd, scores, (span, keys, column), self.scale(), 1.0);
            }
        }
    }

    /// Turns the gradient at probabilities into that at the scores, in place.
    #[inline(always)]
    fn softmax_back<S: Simd>(self, simd: S, probabilities: &[f32], gradient: &mut [f32]) {
        let span = self.span();
        let scale = simd.splat_f32s(self.scale());
        for Keys { first, count } in self.blocks() {
            let keys = first + count;
            for column in (first..first + WIDTH).step_by(S::F32_LANES) {
                let rows = || probabilities.chunks_exact(span).take(keys);
                let mut mean = simd.splat_f32s(0.0);
                for (p, g) in rows().zip(gradient.chunks_exact(span)) {
                    mean = simd.mul_add_e_f32s(vector::<S>(p, column), vector::<S>(g, column), mean);
                }
                for (p, g) in rows().zip(gradient.chunks_exact_mut(span)) {
                    let g = vector_mut::<S>(g, column);
                    let share = simd.mul_f32s(vector::<S>(p, column), scale);
                    *g = simd.mul_f32s(share, simd.sub_f32s(*g, mean));
                }
            }
        }
    }

    /// What scores are multiplied by: one over the root of a head's columns.
    fn scale(self) -> f32 {
        1.0 / (self.head() as f32).sqrt()
    }

    /// Attends: probabilities of every head, and the mixed values turned. `turned` is room for the
    /// queries turned.
    #[inline(always)]
    pub fn forward<S: Simd>(
        self,
        simd: S,
        projections: Projections<'_>,
        probabilities: &mut [f32],
        mixed: &mut [f32],
        turned: &mut [f32],
    ) {
        transpose(simd, projections.queries, self.stride(), self.context, turned, self.span());
        for (head, scores) in probabilities.chunks_exact_mut(self.scores_len()).enumerate() {
            self.scores(simd, head, projections.keys, turned, scores);
            self.softmax(simd, scores);
            self.mix(simd, head, projections.values, scores, mixed);
        }
    }

    /// The gradients of queries, keys and values, from the gradient at what was mixed, which has
    /// [`WIDTH`] numbers more after its last row, as projections have.
    #[inline(always)]
    #[allow(
        clippy::too_many_arguments,
        reason = "what the forward pass takes and makes, and three gradients"
    )]
    pub fn backward<S: Simd>(
        self,
        simd: S,
        projections: Projections<'_>,
        probabilities: &[f32],
        mixed: &[f32],
        room: &mut [f32],
        [queries, keys, values]: [&mut [f32]; 3],
    ) {
        let (scores, room) = room.split_at_mut(self.scores_len());
        let (mixed_turned, room) = room.split_at_mut(self.turned_len());
        let (queries_turned, room) = room.split_at_mut(self.turned_len());
        transpose(simd, mixed, self.stride(), self.context, mixed_turned, self.span());
        for (head, probabilities) in probabilities.chunks_exact(self.scores_len()).enumerate() {
            self.give_back(simd, head, probabilities, mixed, room, values);
            self.scores(simd, head, projections.values, mixed_turned, scores);
            self.softmax_back(simd, probabilities, scores);
            self.give_back(simd, head, scores, projections.queries, room, keys);
            self.mix(simd, head, projections.keys, scores, queries_turned);
        }
        transpose(simd, queries_turned, self.span(), self.width, queries, self.stride());
    }
}
