//! Adagrad as in PyTorch: the gradient over the root of the sum of all its squares so far, at the rate
//! `lr / (1 + t·lr_decay)` with `t` updates before.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::{Memory, Rule};
use super::step::Step;

pub struct Adagrad;

impl Rule for Adagrad {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        1
    }

    fn start(&self, numbers: &Numbers, _weights: &[f32], memory: Memory<'_>) {
        let [_, initial, ..] = numbers.values::<4>();
        let [sums, ..] = memory.buffers;
        sums.fill(initial as f32);
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let n = row.numbers;
        let [lr_decay, _, eps, _] = n.values();
        let eps = eps as f32;
        row.in_shares(|share: Share<'_>| {
            let lr = (share.lr / (1.0 + n.update as f64 * lr_decay)) as f32;
            let decay = share.weight_decay as f32;
            share.pass(|w, g, [a]| {
                let g = g + decay * w;
                let a = a + g * g;
                (w - lr * g / (a.sqrt() + eps), [a])
            })
        })
    }

    fn step(&self, n: &Numbers, _scalars: &mut [f64]) -> Option<Step> {
        let [lr_decay, _, eps, decay] = n.values();
        let lr = n.lr / (1.0 + n.update as f64 * lr_decay);
        let text = "let h = g + $1 * w; a += h * h; return w - $0 * h / (sqrt(a) + $2);";
        Some(Step::new(text, [lr, decay, eps]))
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [lr, decay, eps] = lanes.columns(|n| {
            let [lr_decay, _, eps, decay] = n.values();
            [n.lr / (1.0 + n.update as f64 * lr_decay), decay, eps]
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
        follows("adagrad", 4);
    }
}
