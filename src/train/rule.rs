//! Optimizers as one fused pass over a row: PyTorch's update rules on parameters, gradient and buffers.

use pulp::{Arch, Simd, WithSimd};

use crate::experiment::{OptimizerKind, WeightFormat};

/// An optimizer's numbers for one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    pub lr: f64,
    /// Momentum, or beta1.
    pub momentum: f64,
    /// beta2, or RMSprop's alpha.
    pub second: f64,
    pub eps: f64,
    pub weight_decay: f64,
    pub nesterov: bool,
    /// Schedule-free only: the share of the newest iterate in the average.
    pub share: f64,
    /// Updates done before this one.
    pub update: u64,
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
}

impl Applied {
    /// Of the parameters that were to change, the share that did not.
    pub fn share_rounded_away(&self) -> f32 {
        self.rounded_away as f32 / self.wanted.max(1) as f32
    }
}

/// Buffers a rule keeps beside the parameters, each as long as they are.
pub fn buffers(kind: OptimizerKind) -> usize {
    match kind {
        OptimizerKind::Sgd | OptimizerKind::Adagrad | OptimizerKind::Lion => 1,
        OptimizerKind::Adam
        | OptimizerKind::AdamW
        | OptimizerKind::RmsProp
        | OptimizerKind::ScheduleFreeSgd => 2,
        OptimizerKind::ScheduleFreeAdamW => 3,
    }
}

/// Numbers of a row that one core goes through without help. Longer rows are cut in halves, however many cores
/// there are, so that sums do not depend on their number.
const SHARE: usize = 1 << 13;

/// Where a row longer than a share is cut.
fn half(len: usize) -> usize {
    (len / 2).next_multiple_of(16)
}

/// Both, at once where there are two cores.
fn both<A: Send, B: Send>(
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

fn squares(arch: Arch, cores: usize, row: &[f32]) -> f64 {
    if row.len() > SHARE {
        let (a, b) = row.split_at(half(row.len()));
        let next = cores.div_ceil(2);
        let (a, b) = both(cores, || squares(arch, next, a), || squares(arch, next, b));
        return a + b;
    }
    arch.dispatch(SquaresOf(row))
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

/// A row's buffers, one after the other; what a rule does not have is empty.
pub fn split(kind: OptimizerKind, width: usize, buffers: &mut [f32]) -> [&mut [f32]; 3] {
    let mut rest = buffers;
    let mut count = self::buffers(kind);
    [(); 3].map(|()| {
        let length = if count > 0 { width.min(rest.len()) } else { 0 };
        count = count.saturating_sub(1);
        let (one, others) = std::mem::take(&mut rest).split_at_mut(length);
        rest = others;
        one
    })
}

/// Updates `parameters` (a part of a row, with the same parts of its gradient and buffers).
///
/// The rules are PyTorch 2's: SGD, Adam, AdamW, RMSprop and Adagrad with its defaults; Lion
/// (arXiv 2302.06675); and schedule-free SGD and AdamW (arXiv 2405.15682). A rule may leave anything in
/// `gradient`. The norm of the change comes back in [`Applied`].
///
/// Schedule-free keeps `z`, the plain iterate, and `y`, where gradients are taken; the parameters are
/// `x`, the average, which is what one evaluates.
pub fn apply(
    arch: Arch,
    cores: usize,
    kind: OptimizerKind,
    numbers: Numbers,
    format: WeightFormat,
    parameters: &mut [f32],
    gradient: &mut [f32],
    buffers: [&mut [f32]; 3],
) -> Applied {
    let rule = Rule { arch, kind, numbers, format };
    let Moved { gradient, squares, rounded_away, wanted } = rule.apply(cores, parameters, gradient, buffers);
    Applied { gradient_norm: gradient.sqrt(), update_norm: squares.sqrt(), rounded_away, wanted }
}

/// What is the same for every part of a row.
#[derive(Clone, Copy)]
struct Rule {
    arch: Arch,
    kind: OptimizerKind,
    numbers: Numbers,
    format: WeightFormat,
}

/// How far parameters moved along which gradient: the sums of squares, how many were to and did not, and how many were to.
struct Moved {
    gradient: f64,
    squares: f64,
    rounded_away: u64,
    wanted: u64,
}

impl Rule {
    fn apply(
        self,
        cores: usize,
        parameters: &mut [f32],
        gradient: &mut [f32],
        buffers: [&mut [f32]; 3],
    ) -> Moved {
        if parameters.len() <= SHARE {
            return share(self, parameters, gradient, buffers);
        }
        let at = half(parameters.len());
        let (first, second) = parameters.split_at_mut(at);
        let (first_gradient, second_gradient) = gradient.split_at_mut(at);
        let [(a, d), (b, e), (c, f)] = buffers.map(|buffer| buffer.split_at_mut(at.min(buffer.len())));
        let next = cores.div_ceil(2);
        let (first, second) = both(
            cores,
            || self.apply(next, first, first_gradient, [a, b, c]),
            || self.apply(next, second, second_gradient, [d, e, f]),
        );
        Moved {
            gradient: first.gradient + second.gradient,
            squares: first.squares + second.squares,
            rounded_away: first.rounded_away + second.rounded_away,
            wanted: first.wanted + second.wanted,
        }
    }
}

/// One core's share.
fn share(
    Rule { arch, kind, numbers: n, format }: Rule,
    parameters: &mut [f32],
    gradient: &mut [f32],
    [first, second, third]: [&mut [f32]; 3],
) -> Moved {
    let (lr, decay, eps) = (n.lr as f32, n.weight_decay as f32, n.eps as f32);
    let m = n.momentum as f32;
    // Where the gradient is another by the time of the pass.
    let gradient_squares = (kind == OptimizerKind::ScheduleFreeAdamW).then(|| {
        let squares = squares(arch, 1, gradient);
        precondition(arch, n, gradient, third);
        squares
    });
    let pass = Pass { arch, format, parameters, gradient, first, second };
    let moved = match kind {
        OptimizerKind::Sgd => {
            // PyTorch's buffer starts as the first gradient, which is what 0·m + g gives.
            let nesterov = n.nesterov;
            pass.run(|w, g, v, _| {
                let g = g + decay * w;
                *v = m * *v + g;
                w - lr * if nesterov { g + m * *v } else { *v }
            })
        }
        OptimizerKind::Adam | OptimizerKind::AdamW => {
            let steps = (n.update + 1) as f64;
            let b2 = n.second as f32;
            let correction1 = 1.0 - n.momentum.powf(steps);
            let correction2 = (1.0 - n.second.powf(steps)).sqrt() as f32;
            let size = (n.lr / correction1) as f32;
            let (keep1, keep2) = ((1.0 - n.momentum) as f32, (1.0 - n.second) as f32);
            let coupled = if kind == OptimizerKind::Adam { decay } else { 0.0 };
            let shrink =
                if kind == OptimizerKind::AdamW { (1.0 - n.lr * n.weight_decay) as f32 } else { 1.0 };
            pass.run(|w, g, a, b| {
                let g = g + coupled * w;
                *a += keep1 * (g - *a);
                *b = b2 * *b + keep2 * g * g;
                w * shrink - size * *a / (b.sqrt() / correction2 + eps)
            })
        }
        OptimizerKind::RmsProp => {
            let alpha = n.second as f32;
            let keep = (1.0 - n.second) as f32;
            if n.momentum == 0.0 {
                pass.run(|w, g, a, _| {
                    let g = g + decay * w;
                    *a = alpha * *a + keep * g * g;
                    w - lr * g / (a.sqrt() + eps)
                })
            } else {
                pass.run(|w, g, a, v| {
                    let g = g + decay * w;
                    *a = alpha * *a + keep * g * g;
                    *v = m * *v + g / (a.sqrt() + eps);
                    w - lr * *v
                })
            }
        }
        OptimizerKind::Adagrad => pass.run(|w, g, a, _| {
            let g = g + decay * w;
            *a += g * g;
            w - lr * g / (a.sqrt() + eps)
        }),
        OptimizerKind::Lion => {
            let (keep1, keep2) = ((1.0 - n.momentum) as f32, (1.0 - n.second) as f32);
            let b2 = n.second as f32;
            let shrink = (1.0 - n.lr * n.weight_decay) as f32;
            pass.run(|w, g, a, _| {
                let direction = m * *a + keep1 * g;
                *a = b2 * *a + keep2 * g;
                // sign(0) is 0 here, and NaN stays NaN.
                let sign = if direction == 0.0 { 0.0 } else { direction / direction.abs() };
                w * shrink - lr * sign
            })
        }
        OptimizerKind::ScheduleFreeSgd | OptimizerKind::ScheduleFreeAdamW => {
            let share = n.share as f32;
            pass.run(|x, g, z, y| {
                *z -= lr * (g + decay * *y);
                let x = x + share * (*z - x);
                *y = *z + m * (x - *z);
                x
            })
        }
    };
    Moved { gradient: gradient_squares.unwrap_or(moved.gradient), ..moved }
}

/// Divides a gradient by the root of the debiased mean of its squares, as Adam does.
fn precondition(arch: Arch, n: Numbers, gradient: &mut [f32], squares: &mut [f32]) {
    let (b2, keep) = (n.second as f32, (1.0 - n.second) as f32);
    let correction = (1.0 - n.second.powf((n.update + 1) as f64)).sqrt() as f32;
    let eps = n.eps as f32;
    arch.dispatch(|| {
        for (g, v) in gradient.iter_mut().zip(squares) {
            *v = b2 * *v + keep * *g * *g;
            *g /= v.sqrt() / correction + eps;
        }
    });
}

/// How schedule-free training weighs its iterates: each by the square of the greatest rate so far, so
/// that a warmup counts little (the authors' `weight_lr_power = 2`, `r = 0`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Averaging {
    pub greatest: f64,
    pub sum: f64,
}

impl Averaging {
    /// The share of the iterate that comes of an update at this rate.
    pub fn share(&mut self, lr: f64) -> f64 {
        self.greatest = self.greatest.max(lr);
        let weight = self.greatest * self.greatest;
        self.sum += weight;
        if self.sum > 0.0 { weight / self.sum } else { 0.0 }
    }
}

struct Pass<'a> {
    arch: Arch,
    format: WeightFormat,
    parameters: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Pass<'_> {
    /// Replaces each parameter by `rule(parameter, gradient, first buffer, second buffer)`.
    fn run(self, rule: impl Fn(f32, f32, &mut f32, &mut f32) -> f32) -> Moved {
        match self.format {
            WeightFormat::F32 => self.rounded::<false>(rule, |w| w),
            WeightFormat::Bf16 => self.rounded::<true>(rule, |w| half::bf16::from_f32(w).to_f32()),
            WeightFormat::F16 => self.rounded::<true>(rule, |w| half::f16::from_f32(w).to_f32()),
        }
    }

    /// `COUNTS` is known when this is compiled, for the sake of those who store what is exact.
    fn rounded<const COUNTS: bool>(
        self,
        rule: impl Fn(f32, f32, &mut f32, &mut f32) -> f32,
        round: impl Fn(f32) -> f32,
    ) -> Moved {
        self.arch.dispatch(Sweep::<COUNTS, _, _> { pass: self, rule, round })
    }
}

struct Sweep<'a, const COUNTS: bool, F, R> {
    pass: Pass<'a>,
    rule: F,
    round: R,
}

impl<const COUNTS: bool, F, R> WithSimd for Sweep<'_, COUNTS, F, R>
where
    F: Fn(f32, f32, &mut f32, &mut f32) -> f32,
    R: Fn(f32) -> f32,
{
    type Output = Moved;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Moved {
        let Self { pass: Pass { arch: _, format: _, parameters, gradient, first, second }, rule, round } =
            self;
        let (mut wanted, mut lost) = (0, 0);
        // Returns how far the parameter moved.
        let mut one = |w: &mut f32, g: f32, a: &mut f32, b: &mut f32| {
            let exact = rule(*w, g, a, b);
            let stored = round(exact);
            let change = stored - *w;
            if COUNTS {
                wanted += u64::from(exact != *w);
                lost += u64::from(stored == *w && exact != *w);
            }
            *w = stored;
            change
        };
        let (mut moved, mut along) = (Squares::new(simd), Squares::new(simd));
        let (ws, w_tail) = parameters.as_chunks_mut::<CHUNK>();
        let (gs, g_tail) = gradient.as_chunks::<CHUNK>();
        let (firsts, a_tail) = first.as_chunks_mut::<CHUNK>();
        // A rule without a second buffer is handed one that nobody reads.
        let (mut none, mut changes) = ([0.0; CHUNK], [0.0; CHUNK]);
        if second.is_empty() {
            for ((w, g), a) in ws.iter_mut().zip(gs).zip(firsts) {
                for (i, change) in changes.iter_mut().enumerate() {
                    *change = one(&mut w[i], g[i], &mut a[i], &mut none[i]);
                }
                moved.add(simd, &changes);
                along.add(simd, g);
            }
            for ((w, g), a) in w_tail.iter_mut().zip(g_tail).zip(a_tail) {
                moved.add_one(one(w, *g, a, &mut none[0]));
                along.add_one(*g);
            }
        } else {
            let (seconds, b_tail) = second.as_chunks_mut::<CHUNK>();
            for (((w, g), a), b) in ws.iter_mut().zip(gs).zip(firsts).zip(seconds) {
                for (i, change) in changes.iter_mut().enumerate() {
                    *change = one(&mut w[i], g[i], &mut a[i], &mut b[i]);
                }
                moved.add(simd, &changes);
                along.add(simd, g);
            }
            for (((w, g), a), b) in w_tail.iter_mut().zip(g_tail).zip(a_tail).zip(b_tail) {
                moved.add_one(one(w, *g, a, b));
                along.add_one(*g);
            }
        }
        Moved { gradient: along.total(), squares: moved.total(), rounded_away: lost, wanted }
    }
}

/// Numbers that are gone through together.
const CHUNK: usize = 16;

/// A sum of squares in as many parts as a chunk has numbers, each in single precision.
struct Squares<S: Simd> {
    sums: [S::f32s; CHUNK],
    tail: f64,
}

impl<S: Simd> Squares<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        Self { sums: [simd.splat_f32s(0.0); CHUNK], tail: 0.0 }
    }

    #[inline(always)]
    fn add(&mut self, simd: S, chunk: &[f32; CHUNK]) {
        for (sum, numbers) in self.sums.iter_mut().zip(S::as_simd_f32s(chunk).0) {
            *sum = simd.mul_add_e_f32s(*numbers, *numbers, *sum);
        }
    }

    #[inline(always)]
    fn add_one(&mut self, number: f32) {
        self.tail += f64::from(number * number);
    }

    #[inline(always)]
    fn total(&self) -> f64 {
        let sums = bytemuck::cast_slice::<S::f32s, f32>(&self.sums[..CHUNK / S::F32_LANES]);
        sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() + self.tail
    }
}

/// The sum of a row's squares.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernel::every_width;

    #[test]
    fn weights_do_not_depend_on_the_width_of_vectors() {
        let n = 333;
        let numbers = Numbers {
            lr: 0.01,
            momentum: 0.9,
            second: 0.99,
            eps: 1e-8,
            weight_decay: 0.01,
            nesterov: false,
            share: 0.1,
            update: 3,
        };
        let number = |i: usize| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0;
        for (_, kind) in OptimizerKind::ALL {
            let mut found = every_width().into_iter().map(|arch| {
                let mut parameters: Vec<f32> = (0..n).map(number).collect();
                let mut gradient: Vec<f32> = (0..n).map(|i| number(i + 5)).collect();
                let mut buffers: Vec<f32> = (0..n * buffers(kind)).map(|i| number(i).abs()).collect();
                let norm = norm(arch, 1, &gradient);
                let split = split(kind, n, &mut buffers);
                let applied =
                    apply(arch, 1, kind, numbers, WeightFormat::F32, &mut parameters, &mut gradient, split);
                let rows: Vec<u32> =
                    parameters.iter().chain(&buffers).map(|number| number.to_bits()).collect();
                (rows, [applied.gradient_norm, applied.update_norm, norm])
            });
            let (rows, norms) = found.next().unwrap();
            assert!((norms[0] - norms[2]).abs() < 1e-5 * norms[0]);
            for (other_rows, other_norms) in found {
                assert!(rows == other_rows, "{kind:?}");
                assert!(norms.iter().zip(other_norms).all(|(a, b)| (a - b).abs() < 1e-5 * a), "{kind:?}");
            }
        }
    }
}
