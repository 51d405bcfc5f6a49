//! A lane's row in one update, as the fused rules see it, and one pass over it.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::numbers::Numbers;
use super::store::{Store, bf16, f16};
use super::vector::{CHUNK, SHARE, Squares, both, half, squares};
use crate::experiment::WeightFormat;
use crate::model::Parameter;

/// The most buffers that any rule keeps.
pub const MOST_BUFFERS: usize = 4;

/// Parameters with a rate and a weight decay of their own: one matrix or vector, or a row of which all are alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Part<'a> {
    /// Where its numbers are in the row.
    pub range: Range<usize>,
    /// The matrix or vector; of a row of which all are alike, none.
    pub parameter: Option<&'a Parameter>,
    pub lr: f64,
    pub weight_decay: f64,
}

/// A lane's row before an update.
pub struct Row<'a> {
    pub arch: Arch,
    /// Cores of the calling pool that may help.
    pub cores: usize,
    pub store: Store,
    pub numbers: &'a Numbers,
    /// They do not overlap, and what none of them covers stays as it is; where the rule is not elementwise, each is a
    /// matrix or vector.
    pub parts: &'a [Part<'a>],
    /// What the rule remembers beside its buffers.
    pub scalars: &'a mut [f64],
    pub weights: &'a mut [f32],
    /// A rule may leave anything in it.
    pub gradient: &'a mut [f32],
    /// Each as long as the weights; those the rule does not have are empty.
    pub buffers: [&'a mut [f32]; MOST_BUFFERS],
}

/// What one update did to a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Applied {
    /// The Euclidean norm of the gradient.
    pub gradient_norm: f64,
    /// The Euclidean norm of the change of the parameters.
    pub update_norm: f64,
    /// Parameters that were to change and did not, because the stored format rounds the change away.
    pub rounded_away: u64,
    /// Parameters that were to change, where the stored format may round a change away; otherwise 0.
    pub wanted: u64,
    /// The rate that the rule made of the run's, where it makes another of it.
    pub effective_lr: Option<f64>,
}

impl Applied {
    /// Both together, of parts of a row; the effective rate is the first one's.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            gradient_norm: self.gradient_norm.hypot(other.gradient_norm),
            update_norm: self.update_norm.hypot(other.update_norm),
            rounded_away: self.rounded_away + other.rounded_away,
            wanted: self.wanted + other.wanted,
            effective_lr: self.effective_lr.or(other.effective_lr),
        }
    }

    /// Of the parameters that were to change, the share that did not.
    pub fn share_rounded_away(&self) -> f32 {
        self.rounded_away as f32 / self.wanted.max(1) as f32
    }
}

/// How far parameters moved along which gradient: the sums of squares, how many were to and did not, and how many were to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    pub gradient: f64,
    pub squares: f64,
    pub rounded_away: u64,
    pub wanted: u64,
}

impl Moved {
    /// The same, along a gradient with this sum of squares.
    #[must_use]
    pub fn along(self, gradient: f64) -> Self {
        Self { gradient, ..self }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient + other.gradient,
            squares: self.squares + other.squares,
            rounded_away: self.rounded_away + other.rounded_away,
            wanted: self.wanted + other.wanted,
        }
    }
}

impl From<Moved> for Applied {
    fn from(moved: Moved) -> Self {
        Self {
            gradient_norm: moved.gradient.sqrt(),
            update_norm: moved.squares.sqrt(),
            rounded_away: moved.rounded_away,
            wanted: moved.wanted,
            effective_lr: None,
        }
    }
}

impl Row<'_> {
    /// The same row, to be updated once more.
    pub fn again(&mut self) -> Row<'_> {
        Row {
            arch: self.arch,
            cores: self.cores,
            store: self.store,
            numbers: self.numbers,
            parts: self.parts,
            scalars: self.scalars,
            weights: self.weights,
            gradient: self.gradient,
            buffers: self.buffers.each_mut().map(|buffer| &mut **buffer),
        }
    }

    /// Updates each part in shares, on several cores where there are many.
    pub fn in_shares(self, rule: impl Fn(Share<'_>) -> Moved + Sync) -> Applied {
        let cores = self.cores;
        self.in_parts(|_, share| share.spread(cores, &rule))
    }

    /// Updates each part as a whole.
    pub fn in_parts(self, mut rule: impl FnMut(&Part<'_>, Share<'_>) -> Moved) -> Applied {
        let Self { arch, store, parts, weights, gradient, mut buffers, .. } = self;
        let mut total = Moved::default();
        for part in parts {
            let range = part.range.clone();
            let share = Share {
                arch,
                store,
                first: range.start,
                lr: part.lr,
                weight_decay: part.weight_decay,
                weights: &mut weights[range.clone()],
                gradient: &mut gradient[range.clone()],
                buffers: buffers.each_mut().map(|buffer| buffer.get_mut(range.clone()).unwrap_or_default()),
            };
            total = total.plus(rule(part, share));
        }
        total.into()
    }
}

/// A stretch of a row with one rate and one weight decay.
pub struct Share<'a> {
    pub arch: Arch,
    pub store: Store,
    /// Where it begins in the row.
    pub first: usize,
    pub lr: f64,
    pub weight_decay: f64,
    pub weights: &'a mut [f32],
    pub gradient: &'a mut [f32],
    /// Those the rule does not have are empty.
    pub buffers: [&'a mut [f32]; MOST_BUFFERS],
}

impl Share<'_> {
    /// The same share, to be gone through once more.
    pub fn again(&mut self) -> Share<'_> {
        Share {
            arch: self.arch,
            store: self.store,
            first: self.first,
            lr: self.lr,
            weight_decay: self.weight_decay,
            weights: self.weights,
            gradient: self.gradient,
            buffers: self.buffers.each_mut().map(|buffer| &mut **buffer),
        }
    }

    /// Replaces each number of the gradient and of the first `N` buffers by `rule(weight, gradient, buffers)`. Returns
    /// the sum of the squares of the gradient that was.
    pub fn transform<const N: usize>(
        self,
        cores: usize,
        rule: impl Fn(f32, f32, [f32; N]) -> (f32, [f32; N]) + Sync,
    ) -> f64 {
        let moved = self.spread(cores, &|share: Share<'_>| {
            let gradient = squares(share.arch, 1, share.gradient);
            let Share { arch, weights, gradient: changed, buffers, .. } = share;
            let mut buffers = buffers.into_iter();
            let mut buffers = [(); N].map(|()| buffers.next().unwrap_or_default());
            arch.dispatch(|| {
                for (at, (w, g)) in weights.iter().zip(changed).enumerate() {
                    let (new, kept) = rule(*w, *g, std::array::from_fn(|buffer| buffers[buffer][at]));
                    *g = new;
                    for (buffer, kept) in buffers.iter_mut().zip(kept) {
                        buffer[at] = kept;
                    }
                }
            });
            Moved::default().along(gradient)
        });
        moved.gradient
    }

    /// The rule on stretches that are short enough for one core.
    pub fn spread(self, cores: usize, rule: &(impl Fn(Share<'_>) -> Moved + Sync)) -> Moved {
        if self.weights.len() <= SHARE {
            return rule(self);
        }
        let at = half(self.weights.len());
        let Self { arch, store, first, lr, weight_decay, weights, gradient, buffers } = self;
        let (first_weights, weights) = weights.split_at_mut(at);
        let (first_gradient, gradient) = gradient.split_at_mut(at);
        let mut first_buffers = [(); MOST_BUFFERS].map(|()| &mut [][..]);
        let mut later_buffers = [(); MOST_BUFFERS].map(|()| &mut [][..]);
        for (at_buffer, buffer) in buffers.into_iter().enumerate() {
            let at = at.min(buffer.len());
            (first_buffers[at_buffer], later_buffers[at_buffer]) = buffer.split_at_mut(at);
        }
        let former = Share {
            arch,
            store,
            first,
            lr,
            weight_decay,
            weights: first_weights,
            gradient: first_gradient,
            buffers: first_buffers,
        };
        let later = Share {
            arch,
            store,
            first: first + at,
            lr,
            weight_decay,
            weights,
            gradient,
            buffers: later_buffers,
        };
        let next = cores.div_ceil(2);
        let (former, later) = both(cores, || former.spread(next, rule), || later.spread(next, rule));
        former.plus(later)
    }

    /// Replaces each weight and the first `N` buffers by `rule(weight, gradient, buffers)`.
    pub fn pass<const N: usize>(self, rule: impl Fn(f32, f32, [f32; N]) -> (f32, [f32; N])) -> Moved {
        match (self.store.format, self.store.dice) {
            (WeightFormat::F32, _) => self.rounded::<false, N>(rule, |_, w| w),
            (WeightFormat::Bf16, None) => {
                self.rounded::<true, N>(rule, |_, w| half::bf16::from_f32(w).to_f32())
            }
            (WeightFormat::F16, None) => {
                self.rounded::<true, N>(rule, |_, w| half::f16::from_f32(w).to_f32())
            }
            (WeightFormat::Bf16, Some(dice)) => self.rounded::<true, N>(rule, |at, w| bf16(w, dice.bits(at))),
            (WeightFormat::F16, Some(dice)) => self.rounded::<true, N>(rule, |at, w| f16(w, dice.bits(at))),
        }
    }

    /// `COUNTS` is known when this is compiled, for the sake of those who store what is exact.
    fn rounded<const COUNTS: bool, const N: usize>(
        self,
        rule: impl Fn(f32, f32, [f32; N]) -> (f32, [f32; N]),
        round: impl Fn(u32, f32) -> f32,
    ) -> Moved {
        let Self { arch, first, weights, gradient, buffers, .. } = self;
        let first = first as u32;
        let mut buffers = buffers.into_iter();
        let buffers = [(); N].map(|()| buffers.next().unwrap_or_default());
        arch.dispatch(Pass::<COUNTS, N, _, _> { first, weights, gradient, buffers, rule, round })
    }
}

/// One pass over a share.
struct Pass<'a, const COUNTS: bool, const N: usize, F, R> {
    first: u32,
    weights: &'a mut [f32],
    gradient: &'a [f32],
    buffers: [&'a mut [f32]; N],
    rule: F,
    round: R,
}

impl<const COUNTS: bool, const N: usize, F, R> WithSimd for Pass<'_, COUNTS, N, F, R>
where
    F: Fn(f32, f32, [f32; N]) -> (f32, [f32; N]),
    R: Fn(u32, f32) -> f32,
{
    type Output = Moved;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Moved {
        let Self { first, weights, gradient, buffers, rule, round } = self;
        let (mut wanted, mut lost) = (0, 0);
        // The stored weight, how far it moved, and the buffers.
        let mut one = |at: u32, w: f32, g: f32, buffers: [f32; N]| {
            let (exact, buffers) = rule(w, g, buffers);
            let stored = round(at, exact);
            if COUNTS {
                wanted += u64::from(exact != w);
                lost += u64::from(stored == w && exact != w);
            }
            (stored, stored - w, buffers)
        };
        let (mut moved, mut along) = (Squares::new(simd), Squares::new(simd));
        let (ws, w_tail) = weights.as_chunks_mut::<CHUNK>();
        let (gs, g_tail) = gradient.as_chunks::<CHUNK>();
        let tails = buffers.map(<[f32]>::as_chunks_mut::<CHUNK>);
        for (at, (w, g)) in ws.iter_mut().zip(gs).enumerate() {
            // Copies, since the compiler cannot know that the buffers do not overlap.
            let olds: [[f32; CHUNK]; N] = std::array::from_fn(|buffer| tails[buffer].0[at]);
            let mut news = [[0.0; CHUNK]; N];
            let (mut stored, mut changes) = ([0.0; CHUNK], [0.0; CHUNK]);
            let first = first.wrapping_add((at * CHUNK) as u32);
            for i in 0..CHUNK {
                let place = first.wrapping_add(i as u32);
                let (weight, change, new) =
                    one(place, w[i], g[i], std::array::from_fn(|buffer| olds[buffer][i]));
                (stored[i], changes[i]) = (weight, change);
                for buffer in 0..N {
                    news[buffer][i] = new[buffer];
                }
            }
            *w = stored;
            for buffer in 0..N {
                tails[buffer].0[at] = news[buffer];
            }
            moved.add(simd, &changes);
            along.add(simd, g);
        }
        let first = first.wrapping_add((ws.len() * CHUNK) as u32);
        for (at, (w, g)) in w_tail.iter_mut().zip(g_tail).enumerate() {
            let (stored, change, new) =
                one(first.wrapping_add(at as u32), *w, *g, std::array::from_fn(|buffer| tails[buffer].1[at]));
            *w = stored;
            for buffer in 0..N {
                tails[buffer].1[at] = new[buffer];
            }
            moved.add_one(change);
            along.add_one(*g);
        }
        Moved { gradient: along.total(), squares: moved.total(), rounded_away: lost, wanted }
    }
}
