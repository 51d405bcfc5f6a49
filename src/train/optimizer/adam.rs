//! Adam and AdamW as in PyTorch (arXiv 1412.6980, 1711.05101).

use candle_core::{Result, Tensor};

use super::row::{Applied, MOST_BUFFERS, Row, Share};
use super::{Lanes, Numbers, Rule};
use crate::schedule::hypergradient::{AdamDirection, adam_alignment};

pub struct Adam {
    /// Weight decay shrinks the weights and stays out of the gradient.
    pub decoupled: bool,
}

impl Rule for Adam {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        2
    }

    fn second_moment(&self) -> Option<usize> {
        Some(1)
    }

    fn alignment(&self, numbers: &Numbers, gradient: &[f32], buffers: &[&mut [f32]; MOST_BUFFERS]) -> f64 {
        let [beta1, beta2, eps, _] = numbers.values();
        let adam = AdamDirection { beta1, beta2, eps, updates: numbers.update };
        adam_alignment(gradient, buffers[0], buffers[1], adam)
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let (n, decoupled) = (row.numbers, self.decoupled);
        let [beta1, beta2, eps, _] = n.values();
        row.in_shares(|share: Share<'_>| {
            let (b2, eps) = (beta2 as f32, eps as f32);
            let correction2 = (1.0 - beta2.powf(n.step())).sqrt() as f32;
            let size = (share.lr / (1.0 - beta1.powf(n.step()))) as f32;
            let (keep1, keep2) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32);
            let coupled = if decoupled { 0.0 } else { share.weight_decay as f32 };
            let shrink = if decoupled { (1.0 - share.lr * share.weight_decay) as f32 } else { 1.0 };
            share.pass(|w, g, [a, b]| {
                let g = g + coupled * w;
                let a = a + keep1 * (g - a);
                let b = b2 * b + keep2 * g * g;
                (w * shrink - size * a / (b.sqrt() / correction2 + eps), [a, b])
            })
        })
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [lr, size, decay, keep1, b2, keep2, correction, eps] = lanes.columns(|n| {
            let [beta1, beta2, eps, decay] = n.values();
            let size = n.lr / (1.0 - beta1.powf(n.step()));
            let correction = 1.0 / (1.0 - beta2.powf(n.step())).sqrt();
            [n.lr, size, decay, 1.0 - beta1, beta2, 1.0 - beta2, correction, eps]
        })?;
        let g = if self.decoupled { g.clone() } else { lanes.coupled(g, w, &decay)? };
        buffers[0] = (&buffers[0] + (&g - &buffers[0])?.broadcast_mul(&keep1)?)?;
        buffers[1] = (buffers[1].broadcast_mul(&b2)? + g.sqr()?.broadcast_mul(&keep2)?)?;
        let scale = buffers[1].sqrt()?.broadcast_mul(&correction)?.broadcast_add(&eps)?;
        let w = if self.decoupled { lanes.shrunk(w, &lanes.rate(&lr, w)?, &decay)? } else { w.clone() };
        &w - (lanes.rate(&size, &w)? * (&buffers[0] / scale)?)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn adam_follows_pytorch() {
        follows("adam", 2);
    }

    #[test]
    fn adamw_follows_pytorch() {
        follows("adamw", 3);
    }
}
