//! Adagrad as in PyTorch: the gradient over the root of the sum of all its squares so far.

use candle_core::{Result, Tensor};

use super::row::{Applied, Row, Share};
use super::{Lanes, Numbers, Rule};

pub struct Adagrad;

impl Rule for Adagrad {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        1
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let [eps, _] = row.numbers.values();
        let eps = eps as f32;
        row.in_shares(|share: Share<'_>| {
            let (lr, decay) = (share.lr as f32, share.weight_decay as f32);
            share.pass(|w, g, [a]| {
                let g = g + decay * w;
                let a = a + g * g;
                (w - lr * g / (a.sqrt() + eps), [a])
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
        let [lr, decay, eps] = lanes.columns(|n| {
            let [eps, decay] = n.values();
            [n.lr, decay, eps]
        })?;
        let g = lanes.coupled(g, w, &decay)?;
        buffers[0] = (&buffers[0] + g.sqr()?)?;
        w - (lanes.rate(&lr, w)? * (g / buffers[0].sqrt()?.broadcast_add(&eps)?)?)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn adagrad_follows_pytorch() {
        follows("adagrad", 2);
    }
}
