//! SGD with momentum as in PyTorch: `v = m·v + (1 - dampening)·g; w -= lr·v`, or `w -= lr·(g + m·v)` with Nesterov's
//! look-ahead. The first gradient, and any without momentum, is not dampened.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::Rule;
use super::step::Step;

pub struct Sgd;

/// The share of the gradient that enters the buffer.
fn kept(n: &Numbers) -> f64 {
    let [momentum, dampening, _] = n.values();
    if n.update == 0 || momentum == 0.0 { 1.0 } else { 1.0 - dampening }
}

impl Rule for Sgd {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        1
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let [momentum, ..] = row.numbers.values::<3>();
        let [nesterov] = row.numbers.options();
        let (m, keep) = (momentum as f32, kept(row.numbers) as f32);
        row.in_shares(|share: Share<'_>| {
            let (lr, decay) = (share.lr as f32, share.weight_decay as f32);
            // PyTorch's buffer starts as the first gradient, which is what 0·m + g gives.
            share.pass(|w, g, [v]| {
                let g = g + decay * w;
                let v = m * v + keep * g;
                (w - lr * if nesterov { g + m * v } else { v }, [v])
            })
        })
    }

    fn step(&self, n: &Numbers, _scalars: &mut [f64]) -> Option<Step> {
        let [momentum, _, decay] = n.values();
        let [nesterov] = n.options();
        let text = if nesterov {
            "let h = g + $1 * w; a = $2 * a + $3 * h; return w - $0 * (h + $2 * a);"
        } else {
            "let h = g + $1 * w; a = $2 * a + $3 * h; return w - $0 * a;"
        };
        Some(Step::new(text, [n.lr, decay, momentum, kept(n)]))
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [nesterov] = lanes.options();
        let [lr, decay, m, keep] = lanes.columns(|n| {
            let [momentum, _, decay] = n.values();
            [n.lr, decay, momentum, kept(n)]
        })?;
        let g = lanes.coupled(g, w, &decay)?;
        buffers[0] = (buffers[0].broadcast_mul(&m)? + g.broadcast_mul(&keep)?)?;
        let step = if nesterov { (g + buffers[0].broadcast_mul(&m)?)? } else { buffers[0].clone() };
        w - (lanes.rate(&lr, w)? * step)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn sgd_follows_pytorch() {
        follows("sgd", 10);
    }
}
