//! Muon as in PyTorch (Keller Jordan 2024): the momentum of a matrix made orthogonal by Newton-Schulz; embeddings and
//! vectors have AdamW.
//!
//! `m` follows the gradient by `1 - momentum`; `u = g + momentum·(m - g)` with Nesterov's look-ahead, or `m`. `u` over its
//! norm goes through `ns_steps` of `x = a·x + (b·xxᵀ + c·(xxᵀ)²)·x`, which brings its singular values near 1; then
//! `w = w·(1 - lr·decay) - lr·f·x`, with `f = sqrt(max(1, out/in))`, or `0.2·sqrt(max(out, in))` to move by AdamW's root
//! mean square. PyTorch works in bfloat16 there; this does in f32.

use candle_core::{Result, Tensor};
use pulp::{Arch, Simd, WithSimd};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::Rule;
use super::vector::norm;
use crate::model::Parameter;
use crate::model::kernel::matmul::{Left, Right, Start, multiply_shared};
use crate::model::kernel::padded;

pub struct Muon;

/// The quintic's coefficients.
const A: f32 = 3.4445;
const B: f32 = -4.7750;
const C: f32 = 2.0315;
/// The least norm that a matrix is divided by.
const LEAST: f64 = 1e-7;

/// What a matrix's rate is multiplied by.
fn factor(match_rms_adamw: bool, rows: usize, columns: usize) -> f64 {
    let (inputs, outputs) = (rows as f64, columns as f64);
    if match_rms_adamw { 0.2 * inputs.max(outputs).sqrt() } else { (outputs / inputs).max(1.0).sqrt() }
}

impl Rule for Muon {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        2
    }

    fn is_elementwise(&self, _numbers: &Numbers) -> bool {
        false
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let (n, cores) = (row.numbers, row.cores);
        let [momentum, ns_steps, beta1, beta2, eps, _] = n.values();
        let [nesterov, match_rms_adamw] = n.options();
        let (m, keep) = (momentum as f32, (1.0 - momentum) as f32);
        let correction1 = 1.0 - beta1.powf(n.step());
        let correction2 = (1.0 - beta2.powf(n.step())).sqrt() as f32;
        let (b2, keep1, keep2) = (beta2 as f32, (1.0 - beta1) as f32, (1.0 - beta2) as f32);
        let eps = eps as f32;
        row.in_parts(|part, mut share: Share<'_>| {
            let shrink = (1.0 - share.lr * share.weight_decay) as f32;
            let Some([rows, columns]) = part.parameter.and_then(Parameter::matrix) else {
                let size = (share.lr / correction1) as f32;
                return share.spread(cores, &|share: Share<'_>| {
                    share.pass(|w, g, [a, b]| {
                        let a = a + keep1 * (g - a);
                        let b = b2 * b + keep2 * g * g;
                        (w * shrink - size * a / (b.sqrt() / correction2 + eps), [a, b])
                    })
                });
            };
            let gradient = share.again().transform(cores, |_, g, [v]| {
                let v = v + keep * (g - v);
                (if nesterov { g + m * (v - g) } else { v }, [v])
            });
            let length = norm(share.arch, cores, share.gradient).max(LEAST) as f32;
            orthogonalize(share.arch, share.gradient, [rows, columns], length, ns_steps as usize);
            let size = (share.lr * factor(match_rms_adamw, rows, columns)) as f32;
            let pass = |share: Share<'_>| share.pass(|w, g, []| (w * shrink - size * g, []));
            share.spread(cores, &pass).along(gradient)
        })
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [nesterov, match_rms_adamw] = lanes.options();
        let steps: Vec<usize> = lanes.each(|n, _| {
            let [_, ns_steps, ..] = n.values::<6>();
            ns_steps as usize
        });
        let [lr, size, decay, m, keep, keep1, b2, keep2, correction, eps] = lanes.columns(|n| {
            let [momentum, _, beta1, beta2, eps, decay] = n.values();
            let size = n.lr / (1.0 - beta1.powf(n.step()));
            let correction = 1.0 / (1.0 - beta2.powf(n.step())).sqrt();
            [n.lr, size, decay, momentum, 1.0 - momentum, 1.0 - beta1, beta2, 1.0 - beta2, correction, eps]
        })?;
        let (rate, size) = (lanes.rate(&lr, w)?, lanes.rate(&size, w)?);
        let shrunk = lanes.shrunk(w, &rate, &decay)?;
        let [first, second] = [buffers[0].clone(), buffers[1].clone()];
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        let all = [&shrunk, g, &rate, &size, &first, &second];
        let weights = lanes.by_parameter(all, |parameter, [w, g, rate, size, first, second]| {
            let follow =
                |old: &Tensor, keep: &Tensor| -> Result<Tensor> { old + (g - old)?.broadcast_mul(keep)? };
            let Some([rows, columns]) = parameter.matrix() else {
                let mean = follow(first, &keep1)?;
                let square = (second.broadcast_mul(&b2)? + g.sqr()?.broadcast_mul(&keep2)?)?;
                let scale = square.sqrt()?.broadcast_mul(&correction)?.broadcast_add(&eps)?;
                let step = (size * (&mean / scale)?)?;
                firsts.push(mean);
                seconds.push(square);
                return w - step;
            };
            let mean = follow(first, &keep)?;
            let ahead = if nesterov { (g + (&mean - g)?.broadcast_mul(&m)?)? } else { mean.clone() };
            firsts.push(mean);
            seconds.push(second.clone());
            let length = ahead.sqr()?.sum_keepdim(1)?.sqrt()?.maximum(LEAST)?;
            let ahead = ahead.broadcast_div(&length)?.reshape((steps.len(), rows, columns))?;
            // Lanes may differ in their steps.
            let each = steps.iter().enumerate().map(|(lane, steps)| {
                let mut x = ahead.get(lane)?;
                let is_tall = rows > columns;
                x = if is_tall { x.t()?.contiguous()? } else { x };
                for _ in 0..*steps {
                    let gram = x.matmul(&x.t()?.contiguous()?)?;
                    let quintic = ((&gram * f64::from(B))? + (gram.matmul(&gram)? * f64::from(C))?)?;
                    x = ((&x * f64::from(A))? + quintic.matmul(&x)?)?;
                }
                if is_tall { x.t()?.contiguous() } else { Ok(x) }
            });
            let x = Tensor::stack(&each.collect::<Result<Vec<_>>>()?, 0)?
                .reshape((steps.len(), rows * columns))?;
            w - (rate * (x * factor(match_rms_adamw, rows, columns))?)?
        })?;
        (buffers[0], buffers[1]) = (Tensor::cat(&firsts, 1)?, Tensor::cat(&seconds, 1)?);
        Ok(weights)
    }
}

/// Brings the singular values of `matrix / length`, row-major, near 1.
fn orthogonalize(arch: Arch, matrix: &mut [f32], [rows, columns]: [usize; 2], length: f32, steps: usize) {
    arch.dispatch(NewtonSchulz { matrix, rows, columns, length, steps });
}

struct NewtonSchulz<'a> {
    matrix: &'a mut [f32],
    rows: usize,
    columns: usize,
    length: f32,
    steps: usize,
}

impl WithSimd for NewtonSchulz<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { matrix, rows, columns, length, steps } = self;
        // The shorter side first: the products are then smaller.
        let is_tall = rows > columns;
        let (short, long) = if is_tall { (columns, rows) } else { (rows, columns) };
        let (wide, square) = (padded(long), padded(short));
        let at =
            |row: usize, column: usize| if is_tall { column * columns + row } else { row * columns + column };
        let mut x = vec![0.0; short * wide];
        for (row, numbers) in x.chunks_exact_mut(wide).enumerate() {
            for (column, number) in numbers[..long].iter_mut().enumerate() {
                *number = matrix[at(row, column)] / length;
            }
        }
        let (mut turned, mut moved) = (vec![0.0; long * square], vec![0.0; short * wide]);
        let (mut gram, mut quintic) = (vec![0.0; short * square], vec![0.0; short * square]);
        for _ in 0..steps {
            for (column, numbers) in turned.chunks_exact_mut(square).enumerate() {
                for (row, number) in numbers[..short].iter_mut().enumerate() {
                    *number = x[row * wide + column];
                }
            }
            let left = |data, row| Left { data, row, depth: 1 };
            let right = |data, row| Right { data, row };
            let sizes = (short, long, square);
            multiply_shared(
                simd,
                sizes,
                left(&x, wide),
                right(&turned, square),
                Start::Zero,
                &mut gram,
                square,
            );
            let sizes = (short, short, square);
            let both = (left(&gram, square), right(&gram, square));
            multiply_shared(simd, sizes, both.0, both.1, Start::Zero, &mut quintic, square);
            for (quintic, gram) in quintic.iter_mut().zip(&gram) {
                *quintic = B * gram + C * *quintic;
            }
            let sizes = (short, short, wide);
            let both = (left(&quintic, square), right(&x, wide));
            multiply_shared(simd, sizes, both.0, both.1, Start::Zero, &mut moved, wide);
            for (x, moved) in x.iter_mut().zip(&moved) {
                *x = A * *x + moved;
            }
        }
        for (row, numbers) in x.chunks_exact(wide).enumerate() {
            for (column, number) in numbers[..long].iter().enumerate() {
                matrix[at(row, column)] = *number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn muon_follows_pytorch() {
        follows("muon", 4);
    }
}
