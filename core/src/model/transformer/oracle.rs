//! The transformer in candle's operations, all lanes at once.

use candle_core::{D, Result, Tensor};

use super::{NormLayer, Transformer};
use crate::experiment::{Loss, Norm};
use crate::model::affine::Column;
use crate::model::kernel::layer_norm::EPS;
use crate::model::resident::Resident;
use crate::model::tensor::{affine, mean_loss};
use crate::model::{Batch, Inputs};

/// The mean loss of each lane, `[L]`.
pub fn loss(model: &Transformer, rows: &Tensor, data: &Resident, batches: &[Batch<'_>]) -> Result<Tensor> {
    let lanes = rows.dim(0)?;
    let (width, context, vocabulary) = (model.size.width, model.size.context, model.size.vocabulary);
    let (tokens, next) = characters(model, batches)?;
    let windows = tokens.len() / (lanes * context).max(1);
    let positions = windows * context;

    let table = rows
        .narrow(1, model.tokens.range().start, vocabulary * width)?
        .reshape((lanes * vocabulary, width))?;
    let tokens = Tensor::from_vec(tokens, lanes * positions, rows.device())?;
    let mut x = table.index_select(&tokens, 0)?.reshape((lanes, windows, context, width))?;
    let places = rows
        .narrow(1, model.positions.range().start, context * width)?
        .reshape((lanes, 1, context, width))?;
    x = x.broadcast_add(&places)?.reshape((lanes, positions, width))?;

    for layer in &model.layers {
        let attention = |x: &Tensor| -> Result<Tensor> {
            let heads = model.size.heads;
            let split = |x: Tensor| {
                x.reshape((lanes * windows, context, heads, width / heads))?.transpose(1, 2)?.contiguous()
            };
            let queries = split(affine(rows, x, layer.queries)?)?;
            let keys = split(affine(rows, x, layer.keys)?)?;
            let values = split(affine(rows, x, layer.values)?)?;
            let scores = queries.matmul(&keys.transpose(2, 3)?.contiguous()?)?;
            let scores = (scores / ((width / heads) as f64).sqrt())?.broadcast_add(&later(rows, context)?)?;
            let top = scores.max_keepdim(D::Minus1)?.detach();
            let shares = scores.broadcast_sub(&top)?.exp()?;
            let shares = shares.broadcast_div(&shares.sum_keepdim(D::Minus1)?)?;
            let mixed = shares.matmul(&values)?.transpose(1, 2)?.contiguous()?;
            affine(rows, &mixed.reshape((lanes, positions, width))?, layer.mixed)
        };
        let feed_forward = |x: &Tensor| affine(rows, &affine(rows, x, layer.up)?.relu()?, layer.down);
        let [first, second] = layer.norms;
        x = match model.size.norm {
            Norm::Pre => {
                let x = (&x + attention(&norm(rows, &x, first)?)?)?;
                (&x + feed_forward(&norm(rows, &x, second)?)?)?
            }
            Norm::Post => {
                let x = norm(rows, &(&x + attention(&x)?)?, first)?;
                norm(rows, &(&x + feed_forward(&x)?)?, second)?
            }
        };
    }
    if let Some(last) = model.last {
        x = norm(rows, &x, last)?;
    }
    let next = data.characters(next)?.reshape((lanes, positions, vocabulary))?;
    mean_loss(Loss::CrossEntropy, &affine(rows, &x, model.head)?, &next)
}

/// Every window's characters as rows of all lanes' tables, one after the other, and the next ones.
fn characters(model: &Transformer, batches: &[Batch<'_>]) -> Result<(Vec<u32>, Vec<u32>)> {
    let (mut here, mut next) = (Vec::new(), Vec::new());
    for (lane, batch) in batches.iter().enumerate() {
        let Inputs::Characters { tokens } = batch.inputs else {
            candle_core::bail!("a transformer reads characters");
        };
        for &start in batch.rows {
            let window = &tokens[start as usize..=start as usize + model.size.context];
            let table = (lane * model.size.vocabulary) as u32;
            here.extend(window[..model.size.context].iter().map(|token| table + u32::from(*token)));
            next.extend(window[1..].iter().map(|token| u32::from(*token)));
        }
    }
    Ok((here, next))
}

/// 0 where a query sees a key, minus infinity where the key comes later.
fn later(rows: &Tensor, context: usize) -> Result<Tensor> {
    let mask =
        (0..context * context).map(|at| if at % context > at / context { f32::NEG_INFINITY } else { 0.0 });
    Tensor::from_vec(mask.collect(), (context, context), rows.device())?.to_dtype(rows.dtype())
}

fn norm(rows: &Tensor, x: &Tensor, norm: NormLayer) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_div(&(variance + f64::from(EPS))?.sqrt()?)?;
    let column = |column: Column| {
        let range = column.range();
        rows.narrow(1, range.start, range.len())?.reshape((rows.dim(0)?, 1, range.len()))
    };
    normal.broadcast_mul(&column(norm.gain)?)?.broadcast_add(&column(norm.bias)?)
}
