//! SGD with momentum as in PyTorch: `v = m·v + g; w -= lr·v`, or `w -= lr·(g + m·v)` with Nesterov's look-ahead.

use candle_core::{Result, Tensor};

use super::row::{Applied, Row, Share};
use super::{Lanes, Numbers, Rule};

pub struct Sgd;

impl Rule for Sgd {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        1
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let [momentum, _] = row.numbers.values();
        let [nesterov] = row.numbers.options();
        let m = momentum as f32;
        row.in_shares(|share: Share<'_>| {
            let (lr, decay) = (share.lr as f32, share.weight_decay as f32);
            // PyTorch's buffer starts as the first gradient, which is what 0·m + g gives.
            share.pass(|w, g, [v]| {
                let g = g + decay * w;
                let v = m * v + g;
                (w - lr * if nesterov { g + m * v } else { v }, [v])
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
        let [lr, decay, m, nesterov] = lanes.columns(|n| {
            let ([momentum, decay], [nesterov]) = (n.values(), n.options());
            [n.lr, decay, momentum, f64::from(u8::from(nesterov))]
        })?;
        let g = lanes.coupled(g, w, &decay)?;
        let v = (buffers[0].broadcast_mul(&m)? + &g)?;
        let ahead = (&g + v.broadcast_mul(&m)?)?;
        let step = (&v + (ahead - &v)?.broadcast_mul(&nesterov)?)?;
        buffers[0] = v;
        w - (lanes.rate(&lr, w)? * step)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn sgd_follows_pytorch() {
        follows("sgd", 8);
    }
}
