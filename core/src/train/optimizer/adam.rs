//! Adam and AdamW as in PyTorch (arXiv 1412.6980, 1711.05101), AMSGrad (arXiv 1904.09237), cautious steps
//! (arXiv 2411.16085) and GI-Adam's start (arXiv 2406.09405) included.

use candle_core::{Result, Tensor};

use super::cautious::{agreeing, cautious_tensor, scale_up};
use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, MOST_BUFFERS, Row, Share};
use super::rule::Rule;
use super::step::Step;
use crate::schedule::hypergradient::{AdamDirection, adam_alignment};

pub struct Adam {
    /// Weight decay shrinks the weights and stays out of the gradient.
    pub decoupled: bool,
}

/// How much of the mean squared gradient an update keeps: beta2. With GI-Adam's start the mean begins as the square of the
/// first gradient, so that the first update makes it that square whole. The correction for a mean that began at zero stays
/// as Adam's: it now shortens the first steps, by the root of `1 - beta2^t`.
fn kept(n: &Numbers, beta2: f64) -> f64 {
    let [_, gradient_start, _] = n.options();
    if gradient_start && n.update == 0 { 0.0 } else { beta2 }
}

impl Rule for Adam {
    fn buffers(&self, numbers: &Numbers) -> usize {
        let [amsgrad, ..] = numbers.options::<3>();
        if amsgrad { 3 } else { 2 }
    }

    fn is_elementwise(&self, numbers: &Numbers) -> bool {
        let [_, _, cautious] = numbers.options();
        !cautious
    }

    fn second_moment(&self) -> Option<usize> {
        Some(1)
    }

    fn alignment(&self, numbers: &Numbers, gradient: &[f32], buffers: &[&mut [f32]; MOST_BUFFERS]) -> f64 {
        let [beta1, beta2, eps, _] = numbers.values();
        let [amsgrad, ..] = numbers.options::<3>();
        let adam = AdamDirection { beta1, beta2, eps, updates: numbers.update };
        adam_alignment(gradient, buffers[0], buffers[if amsgrad { 2 } else { 1 }], adam)
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let (n, cores, decoupled) = (row.numbers, row.cores, self.decoupled);
        let [beta1, beta2, eps, _] = n.values();
        let [amsgrad, _, cautious] = n.options();
        let kept = kept(n, beta2);
        let (b2, eps) = (kept as f32, eps as f32);
        let (keep1, keep2) = ((1.0 - beta1) as f32, (1.0 - kept) as f32);
        let correction1 = 1.0 - beta1.powf(n.step());
        let correction2 = (1.0 - beta2.powf(n.step())).sqrt() as f32;
        let moments = |g: f32, a: f32, b: f32| (a + keep1 * (g - a), b2 * b + keep2 * g * g);
        let step = |a: f32, b: f32| a / (b.sqrt() / correction2 + eps);
        // Size of a step, decay within the gradient, and apart from it.
        let settings = |share: &Share<'_>| {
            let coupled = if decoupled { 0.0 } else { share.weight_decay as f32 };
            let shrink = if decoupled { (1.0 - share.lr * share.weight_decay) as f32 } else { 1.0 };
            ((share.lr / correction1) as f32, coupled, shrink)
        };
        if cautious {
            return row.in_parts(|_, mut share: Share<'_>| {
                let (size, coupled, shrink) = settings(&share);
                let gradient = if amsgrad {
                    share.again().transform(cores, |w, g, [a, b, c]| {
                        let g = g + coupled * w;
                        let (a, b) = moments(g, a, b);
                        (agreeing(step(a, c.max(b)), g), [a, b, c.max(b)])
                    })
                } else {
                    share.again().transform(cores, |w, g, [a, b]| {
                        let g = g + coupled * w;
                        let (a, b) = moments(g, a, b);
                        (agreeing(step(a, b), g), [a, b])
                    })
                };
                let size = (f64::from(size) * scale_up(share.gradient)) as f32;
                let pass = |share: Share<'_>| share.pass(|w, g, []| (w * shrink - size * g, []));
                share.spread(cores, &pass).along(gradient)
            });
        }
        row.in_shares(|share: Share<'_>| {
            let (size, coupled, shrink) = settings(&share);
            if amsgrad {
                return share.pass(|w, g, [a, b, c]| {
                    let (a, b) = moments(g + coupled * w, a, b);
                    let c = c.max(b);
                    (w * shrink - size * a / (c.sqrt() / correction2 + eps), [a, b, c])
                });
            }
            share.pass(|w, g, [a, b]| {
                let (a, b) = moments(g + coupled * w, a, b);
                (w * shrink - size * a / (b.sqrt() / correction2 + eps), [a, b])
            })
        })
    }

    fn step(&self, n: &Numbers, _scalars: &mut [f64]) -> Option<Step> {
        let [beta1, beta2, eps, decay] = n.values();
        let [amsgrad, _, cautious] = n.options();
        let size = n.lr / (1.0 - beta1.powf(n.step()));
        let correction = (1.0 - beta2.powf(n.step())).sqrt();
        let (coupled, shrink) = if self.decoupled { (0.0, 1.0 - n.lr * decay) } else { (decay, 1.0) };
        let text = if amsgrad {
            "let h = g + $1 * w; a += $3 * (h - a); b = $4 * b + $5 * h * h; c = max(c, b); \
             return w * $2 - $0 * a / (sqrt(c) / $6 + $7);"
        } else {
            "let h = g + $1 * w; a += $3 * (h - a); b = $4 * b + $5 * h * h; \
             return w * $2 - $0 * a / (sqrt(b) / $6 + $7);"
        };
        let kept = kept(n, beta2);
        let numbers = [size, coupled, shrink, 1.0 - beta1, kept, 1.0 - kept, correction, eps];
        (!cautious).then(|| Step::new(text, numbers))
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [amsgrad, _, cautious] = lanes.options();
        let [lr, size, decay, keep1, b2, keep2, correction, eps] = lanes.columns(|n| {
            let [beta1, beta2, eps, decay] = n.values();
            let size = n.lr / (1.0 - beta1.powf(n.step()));
            let correction = 1.0 / (1.0 - beta2.powf(n.step())).sqrt();
            let kept = kept(n, beta2);
            [n.lr, size, decay, 1.0 - beta1, kept, 1.0 - kept, correction, eps]
        })?;
        let g = if self.decoupled { g.clone() } else { lanes.coupled(g, w, &decay)? };
        buffers[0] = (&buffers[0] + (&g - &buffers[0])?.broadcast_mul(&keep1)?)?;
        buffers[1] = (buffers[1].broadcast_mul(&b2)? + g.sqr()?.broadcast_mul(&keep2)?)?;
        if amsgrad {
            buffers[2] = buffers[2].maximum(&buffers[1])?;
        }
        let squares = &buffers[if amsgrad { 2 } else { 1 }];
        let scale = squares.sqrt()?.broadcast_mul(&correction)?.broadcast_add(&eps)?;
        let step = (&buffers[0] / scale)?;
        let step = if cautious { cautious_tensor(lanes, &step, &g)? } else { step };
        let w = if self.decoupled { lanes.shrunk(w, &lanes.rate(&lr, w)?, &decay)? } else { w.clone() };
        &w - (lanes.rate(&size, &w)? * step)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{follows, follows_as};
    use crate::experiment::OptimizerKind;

    #[test]
    fn adam_follows_pytorch() {
        follows("adam", 4);
    }

    /// The first steps are sqrt(1 - beta2^t) as long as the gradients' signs, and what follows is Adam on a mean that began
    /// at the square of the first gradient.
    #[test]
    fn a_start_at_the_gradient_is_gi_adam() {
        follows_as(OptimizerKind::Adam, "gi_adam", 3);
    }

    #[test]
    fn adamw_follows_pytorch() {
        follows("adamw", 6);
    }
}
