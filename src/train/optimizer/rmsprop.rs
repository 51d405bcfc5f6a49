//! RMSprop as in PyTorch: the gradient over the root of its mean square, with momentum after that.

use candle_core::{Result, Tensor};

use super::row::{Applied, Row, Share};
use super::{Lanes, Numbers, Rule};

pub struct RmsProp;

impl Rule for RmsProp {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        2
    }

    fn second_moment(&self) -> Option<usize> {
        Some(0)
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let [second, eps, momentum, _] = row.numbers.values();
        let (alpha, keep) = (second as f32, (1.0 - second) as f32);
        let (eps, m) = (eps as f32, momentum as f32);
        row.in_shares(|share: Share<'_>| {
            let (lr, decay) = (share.lr as f32, share.weight_decay as f32);
            if momentum == 0.0 {
                share.pass(|w, g, [a]| {
                    let g = g + decay * w;
                    let a = alpha * a + keep * g * g;
                    (w - lr * g / (a.sqrt() + eps), [a])
                })
            } else {
                share.pass(|w, g, [a, v]| {
                    let g = g + decay * w;
                    let a = alpha * a + keep * g * g;
                    let v = m * v + g / (a.sqrt() + eps);
                    (w - lr * v, [a, v])
                })
            }
        })
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [lr, decay, m, alpha, keep, eps] = lanes.columns(|n| {
            let [alpha, eps, momentum, decay] = n.values();
            [n.lr, decay, momentum, alpha, 1.0 - alpha, eps]
        })?;
        let g = lanes.coupled(g, w, &decay)?;
        buffers[0] = (buffers[0].broadcast_mul(&alpha)? + g.sqr()?.broadcast_mul(&keep)?)?;
        let step = (g / buffers[0].sqrt()?.broadcast_add(&eps)?)?;
        buffers[1] = (buffers[1].broadcast_mul(&m)? + step)?;
        w - (lanes.rate(&lr, w)? * &buffers[1])?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn rmsprop_follows_pytorch() {
        follows("rmsprop", 3);
    }
}
