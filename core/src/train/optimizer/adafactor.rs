//! Adafactor as in PyTorch (arXiv 1804.04235): the mean square of a matrix's gradient kept as a row and a column, the step
//! in proportion to the weights.
//!
//! With `keep = t^beta2_decay` the mean squares of a matrix's rows and columns follow those of the gradient;
//! `v = rows · columns / mean(rows)`, of a vector its own mean square; `u = g / sqrt(v)`, shortened to a root mean square
//! of at most `d`; a step is `max(eps2, rms(w))·min(lr, 1/sqrt(t))` times it.

use candle_core::{Result, Tensor};

use super::lanes::Lanes;
use super::numbers::Numbers;
use super::row::{Applied, Row, Share};
use super::rule::Rule;
use super::vector::norm;

pub struct Adafactor;

/// Moves a mean of squares a share of the way to the mean over `gradients`.
fn toward<'a>(mean: &mut f32, keep: f32, gradients: impl ExactSizeIterator<Item = &'a f32>) {
    let count = gradients.len() as f64;
    let sum: f64 = gradients.map(|g| f64::from(*g) * f64::from(*g)).sum();
    *mean += keep * ((sum / count) as f32 - *mean);
}

/// Replaces a matrix's gradient by itself over the root of its estimated mean square. The means of rows begin the
/// first buffer, those of columns the second.
fn divide_matrix(share: &mut Share<'_>, columns: usize, keep: f32, eps: f32) {
    let count = share.gradient.len() / columns;
    let [rows_mean, columns_mean, ..] = &mut share.buffers;
    let (rows_mean, columns_mean) = (&mut rows_mean[..count], &mut columns_mean[..columns]);
    for (mean, row) in rows_mean.iter_mut().zip(share.gradient.chunks_exact(columns)) {
        toward(mean, keep, row.iter());
    }
    for (at, mean) in columns_mean.iter_mut().enumerate() {
        toward(mean, keep, share.gradient[at..].iter().step_by(columns));
    }
    let whole = rows_mean.iter().map(|mean| f64::from(*mean)).sum::<f64>() / count as f64;
    let whole = (whole as f32).max(eps);
    for (mean, row) in rows_mean.iter().zip(share.gradient.chunks_exact_mut(columns)) {
        for (g, column) in row.iter_mut().zip(&*columns_mean) {
            *g /= (mean * column / whole).max(eps * eps).sqrt();
        }
    }
}

impl Rule for Adafactor {
    fn buffers(&self, _numbers: &Numbers) -> usize {
        2
    }

    fn is_elementwise(&self, _numbers: &Numbers) -> bool {
        false
    }

    fn update(&self, row: Row<'_>) -> Applied {
        let (n, cores) = (row.numbers, row.cores);
        let [beta2_decay, eps1, eps2, d, _] = n.values();
        let (keep, eps1) = (n.step().powf(beta2_decay) as f32, eps1 as f32);
        row.in_parts(|part, mut share: Share<'_>| {
            let count = share.weights.len() as f64;
            let before = norm(share.arch, cores, share.gradient);
            let size = norm(share.arch, cores, share.weights) / count.sqrt();
            match part.parameter.map(|parameter| &*parameter.shape) {
                Some(&[_, columns]) => divide_matrix(&mut share, columns, keep, eps1),
                _ => {
                    share.again().transform(cores, |_, g, [v]| {
                        let v = v + keep * (g * g - v);
                        (g / v.max(eps1 * eps1).sqrt(), [v])
                    });
                }
            }
            let longer = norm(share.arch, cores, share.gradient) / (count.sqrt() * d);
            let step = size.max(eps2) * share.lr.min(1.0 / n.step().sqrt()) / longer.max(1.0);
            let (step, shrink) = (step as f32, (1.0 - share.lr * share.weight_decay) as f32);
            let pass = |share: Share<'_>| share.pass(|w, g, []| (w * shrink - step * g, []));
            share.spread(cores, &pass).along(before * before)
        })
    }

    fn update_tensor(
        &self,
        lanes: &mut Lanes<'_>,
        w: &Tensor,
        g: &Tensor,
        buffers: &mut [Tensor],
    ) -> Result<Tensor> {
        let [lr, most, decay, keep, eps1, eps2, d] = lanes.columns(|n| {
            let [beta2_decay, eps1, eps2, d, decay] = n.values();
            [n.lr, 1.0 / n.step().sqrt(), decay, n.step().powf(beta2_decay), eps1, eps2, d]
        })?;
        let rate = lanes.rate(&lr, w)?;
        let [first, second] = [buffers[0].clone(), buffers[1].clone()];
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        let eps1_squared = eps1.sqr()?;
        let shrunk = lanes.shrunk(w, &rate, &decay)?;
        let weights = lanes.by_parameter(
            [w, &shrunk, g, &rate, &first, &second],
            |parameter, [w, shrunk, g, rate, first, second]| {
                let mean_of = |x: &Tensor| x.sqr()?.mean_keepdim(1)?.sqrt();
                let estimate = match *parameter.shape {
                    [rows, columns] => {
                        let lanes = g.dim(0)?;
                        let squares = g.reshape((lanes, rows, columns))?.sqr()?;
                        let follow = |buffer: &Tensor, means: Tensor| -> Result<(Tensor, Tensor)> {
                            let length = means.dim(1)?;
                            let old = buffer.narrow(1, 0, length)?;
                            let new = (&old + (means - &old)?.broadcast_mul(&keep)?)?;
                            let rest = buffer.narrow(1, length, buffer.dim(1)? - length)?;
                            Ok((new.clone(), Tensor::cat(&[new, rest], 1)?))
                        };
                        let (by_row, kept) = follow(first, squares.mean(2)?)?;
                        firsts.push(kept);
                        let (by_column, kept) = follow(second, squares.mean(1)?)?;
                        seconds.push(kept);
                        let whole = by_row.mean_keepdim(1)?.broadcast_maximum(&eps1)?;
                        let by_row = by_row.broadcast_div(&whole)?.unsqueeze(2)?;
                        by_row.broadcast_mul(&by_column.unsqueeze(1)?)?.reshape((lanes, rows * columns))?
                    }
                    _ => {
                        let new = (first + (g.sqr()? - first)?.broadcast_mul(&keep)?)?;
                        firsts.push(new.clone());
                        seconds.push(second.clone());
                        new
                    }
                };
                let update = (g / estimate.broadcast_maximum(&eps1_squared)?.sqrt()?)?;
                let longer = mean_of(&update)?.broadcast_div(&d)?.maximum(1.0)?;
                // The weights of one matrix or vector have one rate.
                let own = rate.narrow(1, 0, 1)?;
                let size = mean_of(w)?.broadcast_maximum(&eps2)?;
                let step = (size * own.broadcast_minimum(&most)?)?.broadcast_div(&longer)?;
                shrunk - update.broadcast_mul(&step)?
            },
        )?;
        (buffers[0], buffers[1]) = (Tensor::cat(&firsts, 1)?, Tensor::cat(&seconds, 1)?);
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::follows;

    #[test]
    fn adafactor_follows_pytorch() {
        follows("adafactor", 4);
    }
}
