//! Prodigy, as in its authors' package `prodigyopt` (arXiv 2306.06101): AdamW that estimates the distance to the solution,
//! by which it multiplies the rate.
//!
//! The estimate is `d_coef·numerator / |s|_1`, where `s` sums `d/d0·d·lr` times gradients and the numerator `d/d0·d·lr` times
//! the gradient along the way from the first weights, both forgetting by `sqrt(beta2)`; it only grows. The buffers are the
//! means of `d·g` and of its square, `s`, and the first weights.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::{Memory, Rule};
use super::vector::{norm, sum};

pub struct Prodigy;

/// The estimated distance and what it comes from.
struct Distance<'a> {
    /// The estimate, its greatest value, the numerator, and how many updates had a rate.
    scalars: &'a mut [f64; 4],
    /// The rate times the estimate, before this update changes it.
    rate: f64,
}

impl<'a> Distance<'a> {
    /// Nothing where the rate is 0: the update then changes nothing.
    fn of(n: &Numbers, scalars: &'a mut [f64]) -> Option<Self> {
        let [beta1, beta2, _, _, _, _] = n.values();
        let [use_bias_correction, _] = n.options();
        let scalars: &mut [f64; 4] = scalars.try_into().ok()?;
        let [d, _, _, updates] = *scalars;
        let correction = if use_bias_correction {
            (1.0 - beta2.powf(updates + 1.0)).sqrt() / (1.0 - beta1.powf(updates + 1.0))
        } else {
            1.0
        };
        (n.lr > 0.0).then_some(Self { scalars, rate: d * n.lr * correction })
    }

    /// What a gradient is multiplied by in `s`.
    fn weight(&self, n: &Numbers) -> f64 {
        let [_, _, d0, _, _, _] = n.values();
        let [_, safeguard_warmup] = n.options();
        let d = self.scalars[0];
        d / d0 * if safeguard_warmup { d } else { self.rate }
    }

    /// Takes in the gradient along the way from the first weights, and the sum of `s`. Returns the new estimate; nothing
    /// where there has been no gradient yet.
    fn learn(&mut self, n: &Numbers, along: f64, total: f64) -> Option<f64> {
        let [_, beta2, d0, d_coef, _, _] = n.values();
        let [d, greatest, numerator, updates] = self.scalars;
        if total == 0.0 {
            return None;
        }
        *numerator = *numerator * beta2.sqrt() + *d / d0 * self.rate * along;
        let estimate = d_coef * *numerator / total;
        if *d == d0 {
            *d = d.max(estimate);
        }
        *greatest = greatest.max(estimate);
        *d = *greatest;
        *updates += 1.0;
        Some(*d)
    }
}

impl Rule for Prodigy {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        4
    }

    fn scalars(&self) -> usize {
        4
    }

    fn start(&self, numbers: &Numbers, weights: &[f32], memory: Memory<'_>) {
        let [_, _, d0, _, _, _] = numbers.values();
        memory.scalars[..2].fill(d0);
        let [_, _, _, first] = memory.buffers;
        first.copy_from_slice(weights);
    }

    /// What it remembers is of all parameters together, and so is its count of steps.
    fn is_separable(&self) -> bool {
        false
    }

    fn update(&self, mut row: Row<'_>) -> Applied {
        let (arch, cores, n) = (row.arch, row.cores, row.numbers);
        let [beta1, beta2, _, _, eps, _] = n.values();
        let scalars = std::mem::take(&mut row.scalars);
        let Some(mut distance) = Distance::of(n, scalars) else {
            let gradient_norm = norm(arch, cores, row.gradient);
            return Applied { gradient_norm, effective_lr: Some(0.0), ..Applied::default() };
        };
        let (d, rate) = (distance.scalars[0], distance.rate);
        let (g, w, first) = (&*row.gradient, &*row.weights, &*row.buffers[3]);
        let along = sum(cores, w.len(), &|at| f64::from(g[at]) * f64::from(first[at] - w[at]));
        let (b1, b2, b3) = (beta1 as f32, beta2 as f32, beta2.sqrt() as f32);
        let (of_mean, of_square) = ((d * (1.0 - beta1)) as f32, (d * d * (1.0 - beta2)) as f32);
        let of_sum = distance.weight(n) as f32;
        let gathered = row.again().in_shares(|share: Share<'_>| {
            share.pass(|w, g, [m, v, s]| {
                (w, [b1 * m + of_mean * g, b2 * v + of_square * g * g, b3 * s + of_sum * g])
            })
        });
        let s = &*row.buffers[2];
        let total = sum(cores, s.len(), &|at| f64::from(s[at].abs()));
        let effective_lr = Some(rate);
        let Some(d) = distance.learn(n, along, total) else {
            return Applied { effective_lr, ..gathered };
        };
        let eps = (d * eps) as f32;
        let moved = row.in_shares(|share: Share<'_>| {
            let rate = rate * (share.lr / n.lr);
            let (size, shrink) = (rate as f32, (1.0 - rate * share.weight_decay) as f32);
            share.pass(|w, _, [m, v]| (w * shrink - size * m / (v.sqrt() + eps), [m, v]))
        });
        Applied { effective_lr, ..moved }
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        // The estimate is made on this side: every update waits for the device.
        let read = |column: Tensor| column.to_vec1::<f32>();
        let along = read((g * (&buffers[3] - w)?)?.sum(1)?)?;
        // Lanes whose rate is 0 keep their buffers: nothing is added, and nothing forgotten.
        let gather = lanes.each(|n, scalars| {
            let [beta1, beta2, _, _, _, _] = n.values();
            match Distance::of(n, scalars) {
                None => [1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
                Some(distance) => {
                    let d = distance.scalars[0];
                    let of_sum = distance.weight(n);
                    [beta1, d * (1.0 - beta1), beta2, d * d * (1.0 - beta2), beta2.sqrt(), of_sum]
                }
            }
        });
        let [b1, of_mean, b2, of_square, b3, of_sum] = lanes.send(&gather)?;
        buffers[0] = (buffers[0].broadcast_mul(&b1)? + g.broadcast_mul(&of_mean)?)?;
        buffers[1] = (buffers[1].broadcast_mul(&b2)? + g.sqr()?.broadcast_mul(&of_square)?)?;
        buffers[2] = (buffers[2].broadcast_mul(&b3)? + g.broadcast_mul(&of_sum)?)?;
        let total = read(buffers[2].abs()?.sum(1)?)?;
        let mut measured =
            along.into_iter().zip(total).map(|(along, total)| (f64::from(along), f64::from(total)));
        let steps = lanes.each(|n, scalars| {
            let [_, _, _, _, eps, decay] = n.values();
            let (along, total) = measured.next().unwrap_or_default();
            let Some(mut distance) = Distance::of(n, scalars) else { return ([0.0, 0.0, 1.0], Some(0.0)) };
            let rate = distance.rate;
            let step = match distance.learn(n, along, total) {
                Some(d) => [rate, decay, d * eps],
                None => [0.0, 0.0, 1.0],
            };
            (step, Some(rate))
        });
        lanes.effective_lr = steps.iter().map(|(_, rate)| *rate).collect();
        let [rate, decay, eps] = lanes.send(&steps.iter().map(|(step, _)| *step).collect::<Vec<_>>())?;
        let rate = lanes.rate(&rate, w)?;
        let scale = buffers[1].sqrt()?.broadcast_add(&eps)?;
        lanes.shrunk(w, &rate, &decay)? - (rate * (&buffers[0] / scale)?)?
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn prodigy_follows_its_authors() {
        follows("prodigy", 5);
    }
}
