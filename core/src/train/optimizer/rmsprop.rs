//! RMSprop as in PyTorch: the gradient over the root of its mean square, or of its variance where it is centered, with
//! momentum after that.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::Rule;
use super::step::Step;

pub struct RmsProp;

impl Rule for RmsProp {
    fn buffers(&self, numbers: &Numbers) -> usize {
        let [centered] = numbers.options();
        if centered { 3 } else { 2 }
    }

    fn second_moment(&self) -> Option<usize> {
        Some(0)
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let [second, eps, momentum, _] = row.numbers.values();
        let (alpha, keep) = (second as f32, (1.0 - second) as f32);
        let (eps, m) = (eps as f32, momentum as f32);
        let [centered] = row.numbers.options();
        row.in_shares(|share: Share<'_>| {
            let (lr, decay) = (share.lr as f32, share.weight_decay as f32);
            if centered {
                share.pass(|w, g, [a, v, mean]| {
                    let g = g + decay * w;
                    let a = alpha * a + keep * g * g;
                    let mean = mean + keep * (g - mean);
                    // Rounding alone can bring it below 0.
                    let variance = a - mean * mean;
                    let variance = if variance < 0.0 { 0.0 } else { variance };
                    let v = m * v + g / (variance.sqrt() + eps);
                    (w - lr * v, [a, v, mean])
                })
            } else if momentum == 0.0 {
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

    fn step(&self, n: &Numbers, _scalars: &mut [f64]) -> Option<Step> {
        let [alpha, eps, momentum, decay] = n.values();
        let [centered] = n.options();
        let text = if centered {
            "let h = g + $1 * w; a = $2 * a + $3 * h * h; c += $3 * (h - c); \
             b = $4 * b + h / (sqrt(max(a - c * c, 0.0)) + $5); return w - $0 * b;"
        } else {
            "let h = g + $1 * w; a = $2 * a + $3 * h * h; let s = h / (sqrt(a) + $5); \
             if ($4 == 0.0) { return w - $0 * s; } b = $4 * b + s; return w - $0 * b;"
        };
        Some(Step::new(text, [n.lr, decay, alpha, 1.0 - alpha, momentum, eps]))
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
        let [centered] = lanes.options();
        let variance = if centered {
            buffers[2] = (&buffers[2] + (&g - &buffers[2])?.broadcast_mul(&keep)?)?;
            (&buffers[0] - buffers[2].sqr()?)?.relu()?
        } else {
            buffers[0].clone()
        };
        let step = (g / variance.sqrt()?.broadcast_add(&eps)?)?;
        buffers[1] = (buffers[1].broadcast_mul(&m)? + step)?;
        w - (lanes.rate(&lr, w)? * &buffers[1])?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn rmsprop_follows_pytorch() {
        follows("rmsprop", 5);
    }
}
