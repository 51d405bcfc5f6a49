//! NAdam as in PyTorch: Adam with Nesterov's look-ahead, the momentum warmed up (Dozat 2016).
//!
//! With `mu(t) = beta1·(1 - 0.96^(t·momentum_decay) / 2)` and the product of all of them so far, a step is
//! `lr·((1 - mu(t))·g / (1 - product) + mu(t+1)·m / (1 - product·mu(t+1))) / (sqrt(v / (1 - beta2^t)) + eps)`.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::{Memory, Rule};
use super::step::Step;

pub struct NAdam;

/// What the gradient and the mean gradient are multiplied by, but for the rate; `scalars` is the product of momenta.
fn factors(n: &Numbers, scalars: &mut [f64]) -> (f64, f64) {
    let [beta1, _, _, momentum_decay, _] = n.values();
    let momentum = |step: f64| beta1 * (1.0 - 0.5 * 0.96_f64.powf(step * momentum_decay));
    let (now, next) = (momentum(n.step()), momentum(n.step() + 1.0));
    let [product] = scalars else { return (0.0, 0.0) };
    *product *= now;
    ((1.0 - now) / (1.0 - *product), next / (1.0 - *product * next))
}

impl Rule for NAdam {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        2
    }

    fn scalars(&self) -> usize {
        1
    }

    fn start(&self, _numbers: &Numbers, _weights: &[f32], memory: Memory<'_>) {
        memory.scalars.fill(1.0);
    }

    fn second_moment(&self) -> Option<usize> {
        Some(1)
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let n = row.numbers;
        let (of_gradient, of_mean) = factors(n, row.scalars);
        let [beta1, beta2, eps, _, _] = n.values();
        let [decoupled] = n.options();
        let correction2 = (1.0 - beta2.powf(n.step())).sqrt() as f32;
        let (b2, keep1, keep2) = (beta2 as f32, (1.0 - beta1) as f32, (1.0 - beta2) as f32);
        let eps = eps as f32;
        row.in_shares(|share: Share<'_>| {
            let [along_gradient, along_mean] = [of_gradient, of_mean].map(|of| (share.lr * of) as f32);
            let coupled = if decoupled { 0.0 } else { share.weight_decay as f32 };
            let shrink = if decoupled { (1.0 - share.lr * share.weight_decay) as f32 } else { 1.0 };
            share.pass(|w, g, [a, b]| {
                let g = g + coupled * w;
                let a = a + keep1 * (g - a);
                let b = b2 * b + keep2 * g * g;
                (w * shrink - (along_gradient * g + along_mean * a) / (b.sqrt() / correction2 + eps), [a, b])
            })
        })
    }

    fn step(&self, n: &Numbers, scalars: &mut [f64]) -> Option<Step> {
        let (of_gradient, of_mean) = factors(n, scalars);
        let [beta1, beta2, eps, _, decay] = n.values();
        let [decoupled] = n.options();
        let correction = (1.0 - beta2.powf(n.step())).sqrt();
        let (coupled, shrink) = if decoupled { (0.0, 1.0 - n.lr * decay) } else { (decay, 1.0) };
        let text = "let h = g + $2 * w; a += $4 * (h - a); b = $5 * b + $6 * h * h; \
                    return w * $3 - ($0 * h + $1 * a) / (sqrt(b) / $7 + $8);";
        let [gradient, mean] = [n.lr * of_gradient, n.lr * of_mean];
        let numbers = [gradient, mean, coupled, shrink, 1.0 - beta1, beta2, 1.0 - beta2, correction, eps];
        Some(Step::new(text, numbers))
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [decoupled] = lanes.options();
        let numbers = lanes.each(|n, scalars| {
            let (of_gradient, of_mean) = factors(n, scalars);
            let [beta1, beta2, eps, _, decay] = n.values();
            let correction = 1.0 / (1.0 - beta2.powf(n.step())).sqrt();
            [of_gradient, of_mean, n.lr, decay, 1.0 - beta1, beta2, 1.0 - beta2, correction, eps]
        });
        let [of_gradient, of_mean, lr, decay, keep1, b2, keep2, correction, eps] = lanes.send(&numbers)?;
        let lr = lanes.rate(&lr, w)?;
        let g = if decoupled { g.clone() } else { lanes.coupled(g, w, &decay)? };
        buffers[0] = (&buffers[0] + (&g - &buffers[0])?.broadcast_mul(&keep1)?)?;
        buffers[1] = (buffers[1].broadcast_mul(&b2)? + g.sqr()?.broadcast_mul(&keep2)?)?;
        let scale = buffers[1].sqrt()?.broadcast_mul(&correction)?.broadcast_add(&eps)?;
        let step = (g.broadcast_mul(&of_gradient)? + buffers[0].broadcast_mul(&of_mean)?)?;
        let w = if decoupled { lanes.shrunk(w, &lr, &decay)? } else { w.clone() };
        w - (lr * (step / scale)?)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn nadam_follows_pytorch() {
        follows("nadam", 5);
    }
}
