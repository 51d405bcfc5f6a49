//! Fully connected layers, fused: forward, loss and backward of one lane in one call.

mod gradients;
mod input;
mod samples;
mod wgsl;

use candle_core::Tensor;
use pulp::{Arch, Simd, WithSimd};
use rand_chacha::ChaCha8Rng;

use super::init::normal_fill;
use super::kernel::padded;
use super::kernel::scratch::{Memory, Scratch};
use super::readout::Job;
use super::resident::Resident;
use super::{Batch, Model, Parameter, Score, Targets, Wgsl};
use crate::experiment::{Activation, Loss, Window};
use gradients::collect;
use input::{Embedding, Source};
use samples::{Kept, Samples, kept_len, own_len, through};

/// A multilayer perceptron: `y = x W + b` a layer, an activation between layers. Of a text, `x` is the
/// characters of a window, each as its row of a table, one after the other (Bengio et al. 2003).
pub struct Mlp {
    embedding: Option<Embedding>,
    layers: Vec<Layer>,
    activation: Activation,
    loss: Loss,
    parameters: Vec<Parameter>,
    arch: Arch,
}

/// One matrix and bias, and where they lie in the row.
#[derive(Clone, Copy)]
struct Layer {
    inputs: usize,
    outputs: usize,
    weight: usize,
    bias: usize,
}

impl Layer {
    fn weight<'a>(&self, row: &'a [f32]) -> &'a [f32] {
        &row[self.weight..self.weight + self.inputs * self.outputs]
    }

    fn bias<'a>(&self, row: &'a [f32]) -> &'a [f32] {
        &row[self.bias..self.bias + self.outputs]
    }

    /// Whether rows of the weight matrix are whole vectors and can be used where they lie.
    fn aligned(&self) -> bool {
        self.outputs == self.stride()
    }

    /// Numbers from one sample's outputs to the next.
    fn stride(&self) -> usize {
        padded(self.outputs)
    }
}

impl Mlp {
    /// Layers of `sizes[0]` inputs, hidden sizes, and the last size as outputs.
    pub fn new(sizes: &[usize], activation: Activation, loss: Loss) -> Self {
        Self::after(None, sizes, activation, loss)
    }

    /// Reads a window of characters and predicts the one after it: an embedding, hidden layers, and a score
    /// for each of the `vocabulary`'s characters.
    pub fn of_text(
        window: Window,
        hidden: &[usize],
        vocabulary: usize,
        activation: Activation,
        loss: Loss,
    ) -> Self {
        let Window { context, embedding } = window;
        let sizes = [&[context * embedding], hidden, &[vocabulary]].concat();
        Self::after(Some(Embedding { context, width: embedding, vocabulary }), &sizes, activation, loss)
    }

    fn after(embedding: Option<Embedding>, sizes: &[usize], activation: Activation, loss: Loss) -> Self {
        let mut layers = Vec::new();
        let mut parameters: Vec<Parameter> = embedding.iter().map(Embedding::parameter).collect();
        let (mut offset, below) = (parameters.iter().map(Parameter::len).sum(), parameters.len());
        for (at, pair) in sizes.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let (weight, bias) = (offset, offset + inputs * outputs);
            offset = bias + outputs;
            layers.push(Layer { inputs, outputs, weight, bias });
            parameters.push(Parameter {
                name: format!("layer{at}.weight"),
                shape: vec![inputs, outputs],
                offset: weight,
                layer: below + at,
            });
            parameters.push(Parameter {
                name: format!("layer{at}.bias"),
                shape: vec![outputs],
                offset: bias,
                layer: below + at,
            });
        }
        Self { embedding, layers, activation, loss, parameters, arch: Arch::new() }
    }

    /// Numbers of a sample.
    fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    fn needs_slopes(&self) -> bool {
        self.activation == Activation::Gelu
    }

    /// What leaves the last layer in candle's operations, `[L, B, outputs]`, and what it is to become.
    fn outputs_tensor(
        &self,
        rows: &Tensor,
        data: &Resident,
        batches: &[Batch<'_>],
    ) -> candle_core::Result<(Tensor, Tensor)> {
        let (lanes, _) = rows.dims2()?;
        let (mut x, targets) = match &self.embedding {
            Some(embedding) => embedding.gather(rows, data, batches)?,
            None => data.gather(batches)?,
        };
        let last = self.layers.len() - 1;
        for (at, layer) in self.layers.iter().enumerate() {
            let weight = rows.narrow(1, layer.weight, layer.inputs * layer.outputs)?.reshape((
                lanes,
                layer.inputs,
                layer.outputs,
            ))?;
            let bias = rows.narrow(1, layer.bias, layer.outputs)?.reshape((lanes, 1, layer.outputs))?;
            x = x.matmul(&weight)?.broadcast_add(&bias)?;
            if at < last {
                x = match self.activation {
                    Activation::Tanh => x.tanh()?,
                    Activation::Relu => x.relu()?,
                    Activation::Gelu => x.gelu_erf()?,
                };
            }
        }
        Ok((x, targets))
    }
}

/// Multiplications of a core below which its help costs more than it saves, on any machine.
const WORTH_SHARING: usize = 1 << 18;

struct Pass<'a> {
    model: &'a Mlp,
    row: &'a [f32],
    batch: Batch<'a>,
    job: Job<'a>,
    memory: Memory<'a>,
}

impl WithSimd for Pass<'_> {
    type Output = Score;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Score {
        let Self { model, row, batch: Batch { inputs, targets, rows }, mut job, memory } = self;
        let Memory { mut shared, own, cores } = memory;
        let Some(source) = Source::of(model, row, inputs) else {
            return Score::default();
        };
        let gradient = job.take_gradient();
        let each = own.len() / cores;
        let cores = cores.min(model.most_cores(rows.len()));
        let own = &mut own[..cores * each];
        let mut kept = Kept::cut(model, rows.len(), &mut shared);
        let scale = 1.0 / rows.len() as f32;
        let samples = Samples { model, row, source, targets, rows, scale, job };
        let correct = through(simd, cores, samples, &mut kept, own);
        if let Some(gradient) = gradient {
            let embedded = model.layers.first().map_or(0, |layer| layer.weight);
            let (embedding, gradient) = gradient.split_at_mut(embedded);
            source.collect(rows, kept.input_deltas, embedding);
            collect(simd, cores, model, &kept, gradient, own);
        }
        Score::of(kept.losses, correct)
    }
}

impl Model for Mlp {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    fn initialise(&self, rng: &mut ChaCha8Rng, row: &mut [f32]) {
        if let Some(embedding) = &self.embedding {
            normal_fill(rng, &mut row[embedding.range()], 1.0);
        }
        let gain = if self.activation == Activation::Tanh { 1.0 } else { 2.0 };
        for layer in &self.layers {
            let (weight, bias) = (layer.weight..layer.bias, layer.bias..layer.bias + layer.outputs);
            normal_fill(rng, &mut row[weight], gain / layer.inputs as f64);
            row[bias].fill(0.0);
        }
    }

    fn scratch_numbers(&self, samples: usize) -> (usize, usize) {
        (kept_len(self, samples), own_len(self))
    }

    fn pass(&self, row: &[f32], batch: Batch<'_>, job: Job<'_>, scratch: &mut Scratch) -> Score {
        self.arch.dispatch(Pass { model: self, row, batch, job, memory: scratch.all() })
    }

    fn loss_tensor(
        &self,
        rows: &Tensor,
        data: &Resident,
        batches: &[Batch<'_>],
    ) -> candle_core::Result<Tensor> {
        let (outputs, targets) = self.outputs_tensor(rows, data, batches)?;
        super::tensor::mean_loss(self.loss, &outputs, &targets)
    }

    fn right_tensor(
        &self,
        rows: &Tensor,
        data: &Resident,
        batches: &[Batch<'_>],
    ) -> candle_core::Result<Option<Tensor>> {
        let (outputs, targets) = self.outputs_tensor(rows, data, batches)?;
        super::tensor::share_right(&outputs, &targets).map(Some)
    }

    fn wgsl(&self, batch: usize, targets: Targets<'_>) -> Option<Wgsl> {
        self.embedding.is_none().then(|| self.wgsl_of(batch, targets))
    }

    fn most_cores(&self, samples: usize) -> usize {
        let products = self.layers.iter().map(|layer| layer.inputs * layer.outputs).sum::<usize>();
        (samples * products / WORTH_SHARING).max(1)
    }

    fn flops(&self, samples: usize) -> f64 {
        let forward: usize = self.layers.iter().map(|layer| layer.inputs * layer.outputs).sum();
        let first = self.layers.first().map_or(0, |layer| layer.inputs * layer.outputs);
        // Forward, the weights' gradients, and the inputs' of every layer but the first, unless that is embedded.
        let fixed = if self.embedding.is_some() { 0 } else { first };
        2.0 * samples as f64 * (3 * forward - fixed) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernel::every_width;
    use crate::model::{Inputs, Targets};
    use crate::random::{Stream, fill_normal, rng};

    #[test]
    fn gradients_do_not_depend_on_the_width_of_vectors() {
        for activation in [Activation::Tanh, Activation::Relu, Activation::Gelu] {
            let mut model = Mlp::new(&[21, 40, 33, 5], activation, Loss::CrossEntropy);
            let mut values = [0.0; 19 * 21];
            fill_normal(&mut rng(0, Stream::Generate), 1.0, &mut values);
            let labels: Vec<u32> = (0..19).map(|at| at % 5).collect();
            let rows: Vec<u32> = (0..19).collect();
            let inputs = Inputs::Dense { values: &values, width: 21 };
            let batch = Batch { inputs, targets: Targets::Classes(&labels), rows: &rows };
            let mut row = vec![0.0; model.width()];
            model.initialise(&mut rng(0, Stream::Init), &mut row);
            let mut found = every_width().into_iter().map(|arch| {
                model.arch = arch;
                let mut gradient = vec![0.0; row.len()];
                let loss = model.gradient(&row, batch, &mut gradient, &mut model.scratch(rows.len()));
                (loss, gradient)
            });
            let (loss, gradient) = found.next().unwrap();
            for (other_loss, other) in found {
                assert!((loss - other_loss).abs() < 1e-5);
                assert!(gradient.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-5));
            }
        }
    }
}
