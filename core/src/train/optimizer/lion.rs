//! Lion, algorithm 2 of its paper (arXiv 2302.06675): steps of one size, by the sign of a mean gradient; cautious
//! (arXiv 2411.16085) where that is asked for.

use candle_core::{Result, Tensor};

use super::cautious::{agreeing, cautious_tensor, scale_up};
use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::Rule;
use super::step::Step;

pub struct Lion;

/// `sign(0)` is 0 here, and NaN stays NaN.
#[inline(always)]
fn sign(direction: f32) -> f32 {
    if direction == 0.0 { 0.0 } else { direction / direction.abs() }
}

impl Rule for Lion {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        1
    }

    fn is_elementwise(&self, numbers: &Numbers) -> bool {
        let [cautious] = numbers.options();
        !cautious
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let cores = row.cores;
        let [cautious] = row.numbers.options();
        let [beta1, beta2, _] = row.numbers.values();
        let (m, keep1) = (beta1 as f32, (1.0 - beta1) as f32);
        let (b2, keep2) = (beta2 as f32, (1.0 - beta2) as f32);
        if cautious {
            return row.in_parts(|_, mut share: Share<'_>| {
                let gradient = share.again().transform(cores, |_, g, [a]| {
                    (agreeing(sign(m * a + keep1 * g), g), [b2 * a + keep2 * g])
                });
                let size = share.lr * scale_up(share.gradient);
                let (size, shrink) = (size as f32, (1.0 - share.lr * share.weight_decay) as f32);
                let pass = |share: Share<'_>| share.pass(|w, g, []| (w * shrink - size * g, []));
                share.spread(cores, &pass).along(gradient)
            });
        }
        row.in_shares(|share: Share<'_>| {
            let lr = share.lr as f32;
            let shrink = (1.0 - share.lr * share.weight_decay) as f32;
            share.pass(|w, g, [a]| (w * shrink - lr * sign(m * a + keep1 * g), [b2 * a + keep2 * g]))
        })
    }

    fn step(&self, n: &Numbers, _scalars: &mut [f64]) -> Option<Step> {
        let [beta1, beta2, decay] = n.values();
        let [cautious] = n.options();
        let text = "let d = $2 * a + $3 * g; a = $4 * a + $5 * g; return w * $1 - $0 * sign(d);";
        let numbers = [n.lr, 1.0 - n.lr * decay, beta1, 1.0 - beta1, beta2, 1.0 - beta2];
        (!cautious).then(|| Step::new(text, numbers))
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [lr, decay, m, keep1, b2, keep2] = lanes.columns(|n| {
            let [beta1, beta2, decay] = n.values();
            [n.lr, decay, beta1, 1.0 - beta1, beta2, 1.0 - beta2]
        })?;
        let direction = (buffers[0].broadcast_mul(&m)? + g.broadcast_mul(&keep1)?)?;
        buffers[0] = (buffers[0].broadcast_mul(&b2)? + g.broadcast_mul(&keep2)?)?;
        let size = direction.abs()?;
        // sign(0) is 0, and NaN stays NaN.
        let sign = (&direction / (&size + size.eq(0.0)?.to_dtype(size.dtype())?)?)?;
        let [cautious] = lanes.options();
        let sign = if cautious { cautious_tensor(lanes, &sign, g)? } else { sign };
        let lr = lanes.rate(&lr, w)?;
        lanes.shrunk(w, &lr, &decay)? - (lr * sign)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn lion_follows_its_paper() {
        follows("lion", 4);
    }
}
