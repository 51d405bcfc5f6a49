//! LAMB, algorithm 2 of its paper (arXiv 1904.00962): Adam's direction, as long as the matrix or vector it moves.
//!
//! With Adam's corrected `r = m / (sqrt(v) + eps)`, each matrix or vector moves by `lr·|w| / |r + decay·w|` times
//! `r + decay·w`; where one of the norms is 0, by `lr` times it.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::Rule;
use super::vector::norm;

pub struct Lamb;

impl Rule for Lamb {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        2
    }

    fn is_elementwise(&self, _numbers: &Numbers) -> bool {
        false
    }

    fn second_moment(&self) -> Option<usize> {
        Some(1)
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let (n, cores) = (row.numbers, row.cores);
        let [beta1, beta2, eps, _] = n.values();
        let correction1 = (1.0 - beta1.powf(n.step())) as f32;
        let correction2 = (1.0 - beta2.powf(n.step())).sqrt() as f32;
        let (b2, keep1, keep2) = (beta2 as f32, (1.0 - beta1) as f32, (1.0 - beta2) as f32);
        let eps = eps as f32;
        row.in_parts(|_, mut share: Share<'_>| {
            let decay = share.weight_decay as f32;
            let gradient = share.again().transform(cores, |w, g, [a, b]| {
                let a = a + keep1 * (g - a);
                let b = b2 * b + keep2 * g * g;
                ((a / correction1) / (b.sqrt() / correction2 + eps) + decay * w, [a, b])
            });
            let [weights, direction] =
                [&*share.weights, &*share.gradient].map(|x| norm(share.arch, cores, x));
            let trust = if weights > 0.0 && direction > 0.0 { weights / direction } else { 1.0 };
            let size = (share.lr * trust) as f32;
            share.spread(cores, &|share: Share<'_>| share.pass(|w, g, []| (w - size * g, []))).along(gradient)
        })
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [lr, decay, correction1, keep1, b2, keep2, correction2, eps] = lanes.columns(|n| {
            let [beta1, beta2, eps, decay] = n.values();
            let correction1 = 1.0 / (1.0 - beta1.powf(n.step()));
            let correction2 = 1.0 / (1.0 - beta2.powf(n.step())).sqrt();
            [n.lr, decay, correction1, 1.0 - beta1, beta2, 1.0 - beta2, correction2, eps]
        })?;
        buffers[0] = (&buffers[0] + (g - &buffers[0])?.broadcast_mul(&keep1)?)?;
        buffers[1] = (buffers[1].broadcast_mul(&b2)? + g.sqr()?.broadcast_mul(&keep2)?)?;
        let scale = buffers[1].sqrt()?.broadcast_mul(&correction2)?.broadcast_add(&eps)?;
        let direction = (buffers[0].broadcast_mul(&correction1)? / scale)?;
        let direction = lanes.coupled(&direction, w, &decay)?;
        let rate = lanes.rate(&lr, w)?;
        lanes.by_parameter([w, &direction, &rate], |_, [w, direction, rate]| {
            let [weights, length] = [w, direction].map(|x| x.sqr()?.sum_keepdim(1)?.sqrt());
            let (weights, length) = (weights?, length?);
            // A norm of 0 leaves the direction as it is.
            let known = (weights.gt(0.0)?.to_dtype(w.dtype())? * length.gt(0.0)?.to_dtype(w.dtype())?)?;
            let safe = (&length + length.eq(0.0)?.to_dtype(w.dtype())?)?;
            let trust = (((weights / safe)? - 1.0)? * known)? + 1.0;
            w - (rate * direction.broadcast_mul(&trust?)?)?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn lamb_follows_timms() {
        follows("lamb", 3);
    }
}
