//! Schedule-free SGD and AdamW (arXiv 2405.15682), as in their authors' package `schedulefree`.
//!
//! The first buffer is `z`, the plain iterate; the second `y`, where gradients are taken; the weights are `x`, the
//! average, which is what one evaluates. AdamW's third is the mean of squared gradients.

use candle_core::{Result, Tensor};
use pulp::Arch;

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Moved, Row, Share};
use super::rule::{Memory, Rule};
use super::step::Step;
use super::vector::squares;

pub struct ScheduleFree {
    /// AdamW's: the gradient is divided by the root of its mean square.
    pub adaptive: bool,
}

/// `momentum` or beta1, beta2 and eps.
fn settings(n: &Numbers, adaptive: bool) -> (f64, f64, f64) {
    if adaptive {
        let [beta1, beta2, eps, _] = n.values();
        (beta1, beta2, eps)
    } else {
        let [momentum, _] = n.values();
        (momentum, 0.0, 0.0)
    }
}

/// The share of the newest iterate in the average. Each is weighed by the square of the greatest rate so far, so that
/// a warmup counts little (the authors' `weight_lr_power = 2`, `r = 0`); `scalars` are that rate and the sum of weights.
fn share_of_newest(scalars: &mut [f64], lr: f64) -> f64 {
    let [greatest, sum] = scalars else { return 0.0 };
    *greatest = greatest.max(lr);
    let weight = *greatest * *greatest;
    *sum += weight;
    if *sum > 0.0 { weight / *sum } else { 0.0 }
}

impl Rule for ScheduleFree {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        if self.adaptive { 3 } else { 2 }
    }

    fn scalars(&self) -> usize {
        2
    }

    fn start(&self, _numbers: &Numbers, weights: &[f32], memory: Memory<'_>) {
        for iterate in memory.buffers.into_iter().take(2) {
            iterate.copy_from_slice(weights);
        }
    }

    fn ahead(&self) -> Option<usize> {
        Some(1)
    }

    /// What it remembers is of all parameters together, and so is its count of steps.
    fn is_separable(&self) -> bool {
        false
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let n = row.numbers;
        let newest = share_of_newest(row.scalars, n.lr) as f32;
        let (momentum, beta2, eps) = settings(n, self.adaptive);
        let correction = (1.0 - beta2.powf(n.step())).sqrt() as f32;
        let m = momentum as f32;
        row.in_shares(|mut share: Share<'_>| {
            let (lr, decay) = (share.lr as f32, share.weight_decay as f32);
            // The gradient of the pass is another one.
            let gradient = self.adaptive.then(|| {
                let squares = squares(share.arch, 1, share.gradient);
                let [_, _, mean, _] = &mut share.buffers;
                precondition(share.arch, (beta2, eps), correction, share.gradient, mean);
                squares
            });
            let moved = share.pass(|x, g, [z, y]| {
                let z = z - lr * (g + decay * y);
                let x = x + newest * (z - x);
                (x, [z, z + m * (x - z)])
            });
            Moved { gradient: gradient.unwrap_or(moved.gradient), ..moved }
        })
    }

    fn step(&self, n: &Numbers, scalars: &mut [f64]) -> Option<Step> {
        let newest = share_of_newest(scalars, n.lr);
        let (momentum, beta2, eps) = settings(n, self.adaptive);
        let correction = (1.0 - beta2.powf(n.step())).sqrt();
        let text = if self.adaptive {
            "c = $4 * c + $5 * g * g; let h = g / (sqrt(c) / $6 + $7); a = a - $0 * (h + $1 * b); \
             let x = w + $2 * (a - w); b = a + $3 * (x - a); return x;"
        } else {
            "a = a - $0 * (g + $1 * b); let x = w + $2 * (a - w); b = a + $3 * (x - a); return x;"
        };
        let numbers = [n.lr, n.weight_decay(), newest, momentum, beta2, 1.0 - beta2, correction, eps];
        Some(Step::new(text, numbers))
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let numbers = lanes.each(|n, scalars| {
            let (momentum, beta2, eps) = settings(n, self.adaptive);
            let correction = 1.0 / (1.0 - beta2.powf(n.step())).sqrt();
            let newest = share_of_newest(scalars, n.lr);
            [newest, n.lr, n.weight_decay(), momentum, beta2, 1.0 - beta2, correction, eps]
        });
        let [newest, lr, decay, m, b2, keep, correction, eps] = lanes.send(&numbers)?;
        let mut g = g.clone();
        if self.adaptive {
            buffers[2] = (buffers[2].broadcast_mul(&b2)? + g.sqr()?.broadcast_mul(&keep)?)?;
            g = (g / buffers[2].sqrt()?.broadcast_mul(&correction)?.broadcast_add(&eps)?)?;
        }
        let g = lanes.coupled(&g, &buffers[1], &decay)?;
        buffers[0] = (&buffers[0] - (lanes.rate(&lr, w)? * g)?)?;
        let x = (w + (&buffers[0] - w)?.broadcast_mul(&newest)?)?;
        buffers[1] = (&buffers[0] + (&x - &buffers[0])?.broadcast_mul(&m)?)?;
        Ok(x)
    }
}

/// Divides a gradient by the root of the debiased mean of its squares, as Adam does.
fn precondition(
    arch: Arch,
    (beta2, eps): (f64, f64),
    correction: f32,
    gradient: &mut [f32],
    squares: &mut [f32],
) {
    let (b2, keep, eps) = (beta2 as f32, (1.0 - beta2) as f32, eps as f32);
    arch.dispatch(|| {
        for (g, v) in gradient.iter_mut().zip(squares) {
            *v = b2 * *v + keep * *g * *g;
            *g /= v.sqrt() / correction + eps;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn schedule_free_sgd_follows_its_authors() {
        follows("schedule_free_sgd", 8);
    }

    #[test]
    fn schedule_free_adamw_follows_its_authors() {
        follows("schedule_free_adamw", 8);
    }
}
