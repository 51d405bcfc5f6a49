//! Transformers over characters, fused: forward, loss and backward of one lane in one call.

mod block;
mod oracle;

use candle_core::Tensor;
use pulp::{Arch, Simd};
use rand_chacha::ChaCha8Rng;

use super::affine::{Affine, Column, Layout};
use super::blocks::{self, Blocks, Weights};
use super::init::normal_fill;
use super::kernel::attention::Heads;
use super::kernel::scratch::Scratch;
use super::readout::{Answer, Job, read_out};
use super::resident::Resident;
use super::{Batch, Inputs, Model, Parameter, Score};
use crate::experiment::{Loss, Norm};
use block::{Block, Sizes};

/// Rows (windows times context) that go through all layers together: few enough for a core's own cache, and for
/// several cores to have some of a small batch.
const BLOCK_ROWS: usize = 64;

/// A decoder: characters in, the next character out at every position of a window.
///
/// Token and position embeddings are added; each block is causal attention and a feed-forward layer
/// four times as wide with ReLU, both with a residual sum. Pre-norm blocks are `x += f(norm(x))` with one
/// more norm before the head (Xiong et al. 2020, arXiv 2002.04745), post-norm blocks `x = norm(x + f(x))`
/// as Vaswani et al. wrote it in 2017. The head is a matrix of its own.
pub struct Transformer {
    size: Size,
    /// The embeddings, a row a token or position.
    tokens: Column,
    positions: Column,
    layers: Vec<Layer>,
    /// The last norm of a pre-norm model.
    last: Option<NormLayer>,
    head: Affine,
    layout: Layout,
    arch: Arch,
}

/// The shape of a [`Transformer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub layers: usize,
    pub width: usize,
    /// Divides the width.
    pub heads: usize,
    /// Characters of a window.
    pub context: usize,
    pub norm: Norm,
    /// Different characters.
    pub vocabulary: usize,
}

/// One block's parameters.
struct Layer {
    norms: [NormLayer; 2],
    queries: Affine,
    keys: Affine,
    values: Affine,
    mixed: Affine,
    up: Affine,
    down: Affine,
}

#[derive(Clone, Copy)]
struct NormLayer {
    gain: Column,
    bias: Column,
}

impl NormLayer {
    fn new(layout: &mut Layout, name: &str, layer: usize, width: usize) -> Self {
        let gain = layout.column(format!("{name}.gain"), layer, &[width]);
        Self { gain, bias: layout.column(format!("{name}.bias"), layer, &[width]) }
    }
}

/// Widths are refused that heads do not share alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{heads} heads cannot share a width of {width}: choose a number that divides it")]
pub struct UnevenHeads {
    heads: usize,
    width: usize,
}

impl Transformer {
    /// # Errors
    /// When the heads do not divide the width.
    pub fn new(size: Size) -> Result<Self, UnevenHeads> {
        let Size { width, heads, vocabulary, .. } = size;
        if heads == 0 || !width.is_multiple_of(heads) {
            return Err(UnevenHeads { heads, width });
        }
        let mut layout = Layout::default();
        let tokens = layout.column("tokens".into(), 0, &[vocabulary, width]);
        let positions = layout.column("positions".into(), 0, &[size.context, width]);
        let layers = (0..size.layers).map(|at| {
            let depth = at + 1;
            let first = NormLayer::new(&mut layout, &format!("block{at}.norm1"), depth, width);
            let mut affine = |name: &str, inputs: usize, outputs: usize| {
                layout.affine(&format!("block{at}.{name}"), depth, inputs, outputs, 1)
            };
            let [queries, keys, values, mixed] = ["q", "k", "v", "o"].map(|name| affine(name, width, width));
            let second = NormLayer::new(&mut layout, &format!("block{at}.norm2"), depth, width);
            let up = layout.affine(&format!("block{at}.up"), depth, width, 4 * width, 1);
            let down = layout.affine(&format!("block{at}.down"), depth, 4 * width, width, 1);
            Layer { norms: [first, second], queries, keys, values, mixed, up, down }
        });
        let layers = layers.collect();
        let depth = size.layers + 1;
        let last = match size.norm {
            Norm::Pre => Some(NormLayer::new(&mut layout, "norm", depth, width)),
            Norm::Post => None,
        };
        let head = layout.affine("head", depth, width, vocabulary, 1);
        Ok(Self { size, tokens, positions, layers, last, head, layout, arch: Arch::new() })
    }

    fn heads(&self) -> Heads {
        Heads { context: self.size.context, width: self.size.width, heads: self.size.heads }
    }
}

impl Blocks for Transformer {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn block_samples(&self) -> usize {
        (BLOCK_ROWS / self.size.context).max(1)
    }

    fn losses_of_a_sample(&self) -> usize {
        self.size.context
    }

    fn block_len(&self, samples: usize) -> usize {
        Sizes::new(self, samples).total()
    }

    #[inline(always)]
    fn block<S: Simd>(
        &self,
        simd: S,
        weights: Weights<'_>,
        batch: Batch<'_>,
        scale: f32,
        mut job: Job<'_>,
        losses: &mut [f32],
        mut memory: &mut [f32],
    ) -> u64 {
        let Inputs::Characters { tokens } = batch.inputs else {
            return 0;
        };
        let (windows, context) = (batch.rows, self.size.context);
        let mut block = Block::cut(self, windows.len(), &mut memory);
        block.embed(self, weights.wide, tokens, windows);
        block.forward(simd, self, weights.wide);
        let answer = |row: usize| {
            let at = windows[row / context] as usize + row % context;
            Answer::Class(usize::from(tokens[at + 1]))
        };
        let (outputs, loss) = (self.head.outputs, (Loss::CrossEntropy, scale));
        let correct = read_out(simd, block.logits, outputs, answer, loss, &mut job, losses, block.room);
        if let Job::Gradient { into: gradients, .. } = job {
            block.backward(simd, self, weights, gradients);
            block.embed_back(self, tokens, windows, gradients);
        }
        correct
    }
}

impl Model for Transformer {
    fn parameters(&self) -> &[Parameter] {
        &self.layout.parameters
    }

    fn outputs(&self) -> usize {
        self.head.outputs
    }

    fn initialise(&self, rng: &mut ChaCha8Rng, row: &mut [f32]) {
        for parameter in self.parameters() {
            let weights = &mut row[parameter.range()];
            match (parameter.name.as_str(), parameter.shape.as_slice()) {
                ("tokens", _) => normal_fill(rng, weights, 1.0),
                ("positions", _) => normal_fill(rng, weights, 0.01),
                // Xavier, Glorot and Bengio 2010.
                (_, [inputs, outputs]) => normal_fill(rng, weights, 2.0 / (inputs + outputs) as f64),
                (name, _) => weights.fill(if name.ends_with("gain") { 1.0 } else { 0.0 }),
            }
        }
    }

    fn scratch_numbers(&self, samples: usize) -> (usize, usize) {
        blocks::scratch_numbers(self, samples)
    }

    fn pass(&self, row: &[f32], batch: Batch<'_>, job: Job<'_>, scratch: &mut Scratch) -> Score {
        blocks::pass(self.arch, self, row, batch, job, scratch)
    }

    fn loss_tensor(
        &self,
        rows: &Tensor,
        data: &Resident,
        batches: &[Batch<'_>],
    ) -> candle_core::Result<Tensor> {
        oracle::loss(self, rows, data, batches)
    }

    fn most_cores(&self, samples: usize) -> usize {
        blocks::most_cores(self, samples)
    }

    fn flops(&self, samples: usize) -> f64 {
        let Size { layers, width, context, vocabulary, .. } = self.size;
        // Forward, the weights' gradients, and the inputs'.
        let matrices = 3 * context * (layers * 12 * width * width + width * vocabulary);
        // Scores and mixing; backward two products for each. A query sees the keys up to itself.
        let attention = 6 * layers * width * context * (context + 1) / 2;
        2.0 * samples as f64 * (matrices + attention) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Targets;
    use crate::model::kernel::every_width;
    use crate::random::{Stream, rng};

    #[test]
    fn gradients_do_not_depend_on_the_width_of_vectors() {
        let size = Size { layers: 1, width: 24, heads: 3, context: 21, norm: Norm::Pre, vocabulary: 19 };
        let mut model = Transformer::new(size).unwrap();
        let tokens: Vec<u8> = (0..60).map(|at: u8| at * 7 % 19).collect();
        let inputs = Inputs::Characters { tokens: &tokens };
        let batch = Batch { inputs, targets: Targets::NextCharacter, rows: &[0, 9, 30] };
        let mut row = vec![0.0; model.width()];
        model.initialise(&mut rng(0, Stream::Init), &mut row);
        let mut found = every_width().into_iter().map(|arch| {
            model.arch = arch;
            let mut gradient = vec![0.0; row.len()];
            let loss = model.gradient(&row, batch, &mut gradient, &mut model.scratch(batch.rows.len()));
            (loss, gradient)
        });
        let (loss, gradient) = found.next().unwrap();
        for (other_loss, other) in found {
            assert!((loss - other_loss).abs() < 1e-5);
            assert!(gradient.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }
}
