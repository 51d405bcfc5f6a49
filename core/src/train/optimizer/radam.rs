//! RAdam as in PyTorch: Adam whose steps wait until the mean square is known well enough (arXiv 1908.03265).
//!
//! While `rho(t) = rho_inf - 2t·beta2^t / (1 - beta2^t)` is at most 5, a step is the rate times the mean gradient, as SGD
//! with momentum makes it; after that it is Adam's, times the rectification
//! `sqrt((rho - 4)(rho - 2)·rho_inf / ((rho_inf - 4)(rho_inf - 2)·rho))`, with `rho_inf = 2 / (1 - beta2) - 1`.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::Rule;
use super::step::Step;

pub struct RAdam;

/// What an update's rate is multiplied by; nothing while steps are those of SGD.
fn rectification(n: &Numbers) -> Option<f64> {
    let [_, beta2, _, _] = n.values();
    let longest = 2.0 / (1.0 - beta2) - 1.0;
    let power = beta2.powf(n.step());
    let length = longest - 2.0 * n.step() * power / (1.0 - power);
    (length > 5.0).then(|| {
        let ratio = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
        ratio.sqrt()
    })
}

impl Rule for RAdam {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        2
    }

    fn second_moment(&self) -> Option<usize> {
        Some(1)
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let n = row.numbers;
        let [beta1, beta2, eps, _] = n.values();
        let [decoupled] = n.options();
        let rectified = rectification(n);
        let effective_lr = Some(n.lr * rectified.unwrap_or(1.0));
        let correction2 = (1.0 - beta2.powf(n.step())).sqrt();
        let (b2, keep1, keep2) = (beta2 as f32, (1.0 - beta1) as f32, (1.0 - beta2) as f32);
        let eps = eps as f32;
        let applied = row.in_shares(|share: Share<'_>| {
            let size = share.lr / (1.0 - beta1.powf(n.step()));
            let coupled = if decoupled { 0.0 } else { share.weight_decay as f32 };
            let shrink = if decoupled { (1.0 - share.lr * share.weight_decay) as f32 } else { 1.0 };
            if let Some(rectified) = rectified {
                let size = (size * rectified * correction2) as f32;
                share.pass(|w, g, [a, b]| {
                    let g = g + coupled * w;
                    let a = a + keep1 * (g - a);
                    let b = b2 * b + keep2 * g * g;
                    (w * shrink - size * a / (b.sqrt() + eps), [a, b])
                })
            } else {
                let size = size as f32;
                share.pass(|w, g, [a, b]| {
                    let g = g + coupled * w;
                    let a = a + keep1 * (g - a);
                    (w * shrink - size * a, [a, b2 * b + keep2 * g * g])
                })
            }
        });
        Applied { effective_lr, ..applied }
    }

    fn step(&self, n: &Numbers, _scalars: &mut [f64]) -> Option<Step> {
        let [beta1, beta2, eps, decay] = n.values();
        let [decoupled] = n.options();
        let size = n.lr / (1.0 - beta1.powf(n.step()));
        let (coupled, shrink) = if decoupled { (0.0, 1.0 - n.lr * decay) } else { (decay, 1.0) };
        // Until it is rectified a step is divided by 1: the root is multiplied by 0, and 1 is added.
        let rectified = rectification(n);
        let (size, of_root, eps) = match rectified {
            Some(rectified) => (size * rectified * (1.0 - beta2.powf(n.step())).sqrt(), 1.0, eps),
            None => (size, 0.0, 1.0),
        };
        let text = "let h = g + $1 * w; a += $3 * (h - a); b = $4 * b + $5 * h * h; \
                    return w * $2 - $0 * a / (sqrt(b) * $6 + $7);";
        let numbers = [size, coupled, shrink, 1.0 - beta1, beta2, 1.0 - beta2, of_root, eps];
        let effective_lr = Some(n.lr * rectified.unwrap_or(1.0));
        Some(Step { effective_lr, ..Step::new(text, numbers) })
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [decoupled] = lanes.options();
        lanes.effective_lr = lanes.each(|n, _| Some(n.lr * rectification(n).unwrap_or(1.0)));
        // Until it is rectified a step is divided by 1: the root is multiplied by 0, and 1 is added.
        let [lr, size, decay, keep1, b2, keep2, of_root, eps] = lanes.columns(|n| {
            let [beta1, beta2, eps, decay] = n.values();
            let size = n.lr / (1.0 - beta1.powf(n.step()));
            let correction = (1.0 - beta2.powf(n.step())).sqrt();
            let (size, of_root, eps) = match rectification(n) {
                Some(rectified) => (size * rectified * correction, 1.0, eps),
                None => (size, 0.0, 1.0),
            };
            [n.lr, size, decay, 1.0 - beta1, beta2, 1.0 - beta2, of_root, eps]
        })?;
        let g = if decoupled { g.clone() } else { lanes.coupled(g, w, &decay)? };
        buffers[0] = (&buffers[0] + (&g - &buffers[0])?.broadcast_mul(&keep1)?)?;
        buffers[1] = (buffers[1].broadcast_mul(&b2)? + g.sqr()?.broadcast_mul(&keep2)?)?;
        let scale = buffers[1].sqrt()?.broadcast_mul(&of_root)?.broadcast_add(&eps)?;
        let w = if decoupled { lanes.shrunk(w, &lanes.rate(&lr, w)?, &decay)? } else { w.clone() };
        &w - (lanes.rate(&size, &w)? * (&buffers[0] / scale)?)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn radam_follows_pytorch() {
        follows("radam", 4);
    }
}
