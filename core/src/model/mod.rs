//! Lane-batched models: a row of numbers is a model's parameters, and a model is the arithmetic on rows.

mod affine;
mod blocks;
pub mod cnn;
pub mod init;
pub mod kernel;
pub mod mlp;
pub mod readout;
pub mod resident;
pub mod surface;
pub mod tensor;
pub mod transformer;

use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use kernel::scratch::Scratch;
use readout::Job;
use resident::Resident;

/// The samples of one micro-batch: which rows of the data set, and what they are to become.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    pub inputs: Inputs<'a>,
    pub targets: Targets<'a>,
    /// The samples, by index.
    pub rows: &'a [u32],
}

/// Inputs of a whole data set.
#[derive(Clone, Copy, Debug)]
pub enum Inputs<'a> {
    /// Row-major numbers, so many a sample.
    Dense { values: &'a [f32], width: usize },
    /// A text; a sample is a window that starts at its index.
    Characters { tokens: &'a [u8] },
}

/// What the samples of a whole data set are to become.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    Classes(&'a [u32]),
    /// Row-major numbers, so many a sample.
    Values {
        values: &'a [f32],
        width: usize,
    },
    /// Each character is to become the next one.
    NextCharacter,
}

/// How well a batch was predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// The loss summed over samples (over characters, for text).
    pub loss: f64,
    /// How many were predicted right, where right and wrong exist.
    pub correct: u64,
    /// How many there were.
    pub count: u64,
}

impl Score {
    /// Of samples with these losses, some of them predicted right.
    fn of(losses: &[f32], correct: u64) -> Self {
        Self { loss: losses.iter().map(|loss| f64::from(*loss)).sum(), correct, count: losses.len() as u64 }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            loss: self.loss + other.loss,
            correct: self.correct + other.correct,
            count: self.count + other.count,
        }
    }

    pub fn mean_loss(self) -> f64 {
        self.loss / self.count as f64
    }

    pub fn accuracy(self) -> f64 {
        self.correct as f64 / self.count as f64
    }
}

/// A matrix or vector inside a row of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    /// `[in, out]` for a matrix that is multiplied from the right.
    pub shape: Vec<usize>,
    /// Where it begins in the row.
    pub offset: usize,
    /// Counted from the input, the head last: what `layer_decay` counts.
    pub layer: usize,
}

impl Parameter {
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// Inputs and outputs of a matrix that samples are multiplied by; nothing of vectors and of tables of embeddings.
    pub fn matrix(&self) -> Option<[usize; 2]> {
        match *self.shape {
            [inputs, outputs] if self.name.ends_with(".weight") => Some([inputs, outputs]),
            _ => None,
        }
    }
}

/// A model's arithmetic in WGSL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wgsl {
    /// Declarations among which is `loss_and_gradient`, as `shaders/train_lane.wgsl` calls it.
    pub text: String,
    /// Numbers of working memory that it needs at the beginning of a lane's scratch.
    pub scratch: usize,
}

/// The arithmetic of one architecture on rows of parameters.
///
/// The fused functions train one lane without allocating, on the calling thread and as many others of its pool
/// as the scratch allows, to the same bits; [`Model::loss_tensor`] is
/// the same loss for all lanes at once in candle's own operations, for any device and as the oracle.
pub trait Model: Send + Sync {
    /// Where each matrix and vector lies in a row. They cover the row without gaps.
    fn parameters(&self) -> &[Parameter];

    /// Numbers of one output: classes, regression targets, or the vocabulary.
    fn outputs(&self) -> usize;

    /// Fresh weights, drawn from `rng` in the order of the row.
    fn initialise(&self, rng: &mut ChaCha8Rng, row: &mut [f32]);

    /// Working memory for batches of up to `samples`.
    fn scratch(&self, samples: usize) -> Scratch {
        let (shared, own) = self.scratch_numbers(samples);
        Scratch::new(shared, own)
    }

    /// The numbers of that memory: those that all cores share, and those that each core needs.
    fn scratch_numbers(&self, samples: usize) -> (usize, usize);

    /// Takes a batch through the model and does the job with its outputs.
    fn pass(&self, row: &[f32], batch: Batch<'_>, job: Job<'_>, scratch: &mut Scratch) -> Score;

    /// The mean loss of a batch; `gradient` is overwritten with its gradient.
    fn gradient(&self, row: &[f32], batch: Batch<'_>, gradient: &mut [f32], scratch: &mut Scratch) -> f32 {
        let job = Job::Gradient { into: gradient, counts: false };
        self.pass(row, batch, job, scratch).mean_loss() as f32
    }

    /// The same gradient, and how well the batch was predicted.
    fn gradient_and_score(
        &self,
        row: &[f32],
        batch: Batch<'_>,
        gradient: &mut [f32],
        scratch: &mut Scratch,
    ) -> Score {
        self.pass(row, batch, Job::Gradient { into: gradient, counts: true }, scratch)
    }

    /// How well a batch is predicted.
    fn score(&self, row: &[f32], batch: Batch<'_>, scratch: &mut Scratch) -> Score {
        self.pass(row, batch, Job::Score, scratch)
    }

    /// The outputs of a batch (probabilities of classes, or values), `outputs()` a sample (a character, for text).
    fn predict(&self, row: &[f32], batch: Batch<'_>, predictions: &mut [f32], scratch: &mut Scratch) {
        let classes = !matches!(batch.targets, Targets::Values { .. });
        self.pass(row, batch, Job::Predict { outputs: predictions, classes }, scratch);
    }

    /// The mean loss of each lane, `[L]`, for rows `[L, P]` and each lane's own batch of the `data`, which lies
    /// on the device of `rows`.
    ///
    /// # Errors
    /// When candle cannot run an operation on that device.
    fn loss_tensor(
        &self,
        rows: &Tensor,
        data: &Resident,
        batches: &[Batch<'_>],
    ) -> candle_core::Result<Tensor>;

    /// The share of each lane's batch that is predicted right, `[L]`; nothing where no phases of the data need it.
    ///
    /// # Errors
    /// When candle cannot run an operation on that device.
    fn right_tensor(
        &self,
        _rows: &Tensor,
        _data: &Resident,
        _batches: &[Batch<'_>],
    ) -> candle_core::Result<Option<Tensor>> {
        Ok(None)
    }

    /// The loss and the gradient of batches of so many samples in WGSL, for a graphics adapter; nothing where nobody
    /// has written them. The answers are of the kind of `targets`.
    fn wgsl(&self, _batch: usize, _targets: Targets<'_>) -> Option<Wgsl> {
        None
    }

    /// Numbers in a row.
    fn width(&self) -> usize {
        self.parameters().last().map_or(0, |last| last.range().end)
    }

    /// The most cores that could share a batch of so many samples with any use; fewer may be faster.
    fn most_cores(&self, samples: usize) -> usize;

    /// Multiplications and additions of one update of one lane, for figures of merit.
    fn flops(&self, samples: usize) -> f64;
}
