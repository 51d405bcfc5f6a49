//! What all lanes of a cohort share: the data, the model, and how updates are cut from it.

use std::sync::{Arc, OnceLock};

use super::plan::Plan;
use super::start::Weights;
use super::stream::Phased;
use super::team::Shared;
use super::{Misfit, TrainError};
use crate::data::{self, Dataset, DatasetInfo, Prepared, Shape, Split};
use crate::experiment::team;
use crate::experiment::{
    Attack, BatchSize, Experiment, Loss, LossScale, MicroBatches, Model as ModelSpec, Rounding, Run, Source,
    Stop, Team, WeightFormat,
};
use crate::model::cnn::Cnn;
use crate::model::mlp::Mlp;
use crate::model::surface::Surface;
use crate::model::transformer::{self, Transformer};
use crate::model::{Batch, Inputs, Model, Targets};
use crate::random::{Stream, rng};
use crate::schedule::Clock;

/// Samples scored in one call while validating.
const VALIDATION_BATCH: usize = 128;
/// Windows of a text that a transformer is scored on: it predicts at every position of one.
const VALIDATION_WINDOWS: usize = 128;
/// The same where a window predicts one character.
const VALIDATION_CHARACTERS: usize = 4096;
/// A run is validated at least this often, however long its epochs are,
const LEAST_VALIDATIONS: u64 = 20;
/// and no more often than this, however short they are, unless a controller asks for every epoch.
const MOST_VALIDATIONS: u64 = 500;

/// Data, model and clock of a cohort.
pub struct Task {
    pub prepared: Arc<Prepared>,
    pub model: Box<dyn Model>,
    /// Samples of one micro-batch.
    pub batch: usize,
    pub accumulate: usize,
    /// What updates of a scheduled batch are made of.
    pub micro_batches: MicroBatches,
    pub clip_norm: Option<f64>,
    /// When runs stop before their end.
    pub stop: Option<Stop>,
    /// What models are attacked with.
    pub attack: Option<Attack>,
    pub loss: Loss,
    pub weights: WeightFormat,
    /// How weights are rounded to their format.
    pub rounding: Rounding,
    /// What the gradient of each micro-batch is rounded to.
    pub gradients: WeightFormat,
    /// What keeps such gradients from underflowing.
    pub loss_scale: Option<LossScale>,
    pub seed: u64,
    /// The deviation of the noise added to gradients, for surfaces.
    pub noise: Option<f64>,
    pub clock: Clock,
    /// Every training sample once: what an epoch shuffles.
    pub samples: usize,
    /// Samples of the last batch of an epoch, where it is shorter than the others.
    pub short_batch: Option<usize>,
    /// Characters of a window, of a text.
    pub context: Option<usize>,
    /// Scores the held-out samples after the last update only, where nobody looks at them before.
    pub validates_at_end_only: bool,
    /// Times the held-out samples are scored, at least.
    pub least_validations: u64,
    /// Training samples by whether their label is right, where noise made some wrong.
    pub labels: Option<Labels>,
    /// What updates see where the data has phases.
    pub stream: Option<Phased>,
    /// The weights that lanes begin with, where they are another training's.
    pub start: Option<Weights>,
    /// Who trains a lane together, where several do.
    pub team: Option<Arc<Shared>>,
    validation_rows: Vec<u32>,
    fingerprint: OnceLock<u32>,
}

/// Training samples on which the training accuracy is measured: at most so many of each, evenly spread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    pub clean: Vec<u32>,
    pub wrong: Vec<u32>,
}

impl Labels {
    const MOST: usize = 512;

    fn of(prepared: &Prepared, stream: Option<&Phased>) -> Option<Self> {
        let Prepared::Samples { train, mislabelled, .. } = prepared else { return None };
        if let Some((rows, wrong)) = stream.map(Phased::rows) {
            return Self::among(rows, &wrong);
        }
        Self::among(0..train.len() as u32, mislabelled)
    }

    fn among(rows: impl Iterator<Item = u32>, mislabelled: &[u32]) -> Option<Self> {
        if mislabelled.is_empty() {
            return None;
        }
        let is_wrong = |at: &u32| mislabelled.binary_search(at).is_ok();
        let (wrong, clean): (Vec<u32>, Vec<u32>) = rows.partition(is_wrong);
        let some = |all: Vec<u32>| {
            let count = all.len().min(Self::MOST);
            (0..count).map(|at| all[at * all.len() / count]).collect()
        };
        Some(Self { clean: some(clean), wrong: some(wrong) })
    }
}

/// Reads and splits the data of an experiment.
///
/// # Errors
/// When the data cannot be read, or cannot be split as asked.
pub fn prepare(experiment: &Experiment) -> Result<Arc<Prepared>, TrainError> {
    let phases = &experiment.data.phases;
    let dataset = match &experiment.data.source {
        Source::Shipped(name) => Dataset::load(name)?,
        Source::File { path, label } => Dataset::from_table_file(path, label, &experiment.data.columns)?,
        Source::None => return Ok(Arc::new(nothing())),
    };
    let split = Split {
        seed: experiment.train.seed,
        validation: experiment.data.validation,
        label_noise: experiment.data.label_noise,
        limit: experiment.data.limit,
    };
    let prepared = dataset.prepare(&split)?;
    let altered = phases.iter().enumerate().map(|(at, phase)| {
        let alteration = phase.alteration(at, split.label_noise);
        match &phase.source {
            Some(name) => Dataset::load(name)?.alter(&split, &alteration),
            None => dataset.alter(&split, &alteration),
        }
    });
    Ok(Arc::new(prepared.with_phases(altered.collect::<Result<_, _>>()?)))
}

/// What a surface learns from: one sample that says nothing.
fn nothing() -> Prepared {
    let samples = |values: Vec<f32>| data::Samples {
        shape: Shape::Flat(1),
        features: values.clone(),
        feature_names: Arc::new([]),
        targets: data::Targets::Values { values, width: 1 },
    };
    let scaling =
        data::Scaling { features: vec![data::Affine::IDENTITY], values: vec![data::Affine::IDENTITY] };
    Prepared::Samples {
        train: samples(vec![0.0]),
        validation: samples(Vec::new()),
        scaling,
        mislabelled: Arc::new([]),
        phases: Arc::default(),
        table: None,
    }
}

impl Task {
    /// # Errors
    /// When the model does not fit the data, or an update would need more samples than there are.
    pub fn new(experiment: &Experiment, prepared: Arc<Prepared>) -> Result<Self, TrainError> {
        if experiment.team.is_some()
            && let Some(needs) = team::conflict(&experiment.data, &experiment.model, &experiment.train)
        {
            return Err(Misfit::Team { needs }.into());
        }
        let model = model(experiment, &prepared)?;
        let (samples, validation_rows) = match (&*prepared, &experiment.model) {
            (Prepared::Samples { train, validation, .. }, _) => {
                (train.len(), (0..validation.len() as u32).collect())
            }
            (Prepared::Text { train, validation }, ModelSpec::Transformer { context, .. }) => {
                let windows = validation.windows(*context);
                (train.windows(*context), spread(windows, windows / (*context).max(1), VALIDATION_WINDOWS))
            }
            (Prepared::Text { train, validation }, ModelSpec::Mlp { window: Some(window), .. }) => {
                let windows = validation.windows(window.context);
                (train.windows(window.context), spread(windows, windows, VALIDATION_CHARACTERS))
            }
            (Prepared::Text { .. }, _) => (0, Vec::new()),
        };
        let accumulate = experiment.train.accumulate;
        let noise = match &experiment.model {
            ModelSpec::Surface { noise, .. } => Some(*noise),
            _ => None,
        };
        let batch = match experiment.data.batch_size {
            _ if noise.is_some() => 1,
            BatchSize::Samples(batch) => batch,
            BatchSize::All => samples / accumulate,
        };
        // Workers share the samples of an epoch.
        let workers = match &experiment.team {
            Some(Team::Parallel(it)) => it.workers,
            Some(Team::Federated(_)) | None => 1,
        };
        let update = (batch * accumulate * workers).max(1);
        let short_batch = (!experiment.data.drop_last).then_some(samples % update).filter(|rest| *rest > 0);
        if short_batch.is_some() && accumulate > 1 {
            return Err(Misfit::LastBatch { why: "several micro-batches" }.into());
        }
        let updates_per_epoch = samples / update + usize::from(short_batch.is_some());
        if batch == 0 || updates_per_epoch == 0 {
            let needs = batch * accumulate * workers;
            return Err(Misfit::Batch { needs, batch, accumulate, workers, samples }.into());
        }
        let one_update = Clock { updates: 1, updates_per_epoch: updates_per_epoch as u64 };
        let updates = experiment.train.updates.whole_updates(one_update);
        let clock = Clock { updates, ..one_update };
        let start =
            experiment.start.as_ref().map(|start| Weights::load(start, model.parameters())).transpose()?;
        let shared = Shared::new(experiment, &prepared, clock)?;
        let stream = Phased::new(experiment, &prepared, clock, batch)?;
        Ok(Self {
            model,
            batch,
            accumulate,
            loss: Loss::of(experiment.train.loss, prepared.is_regression()),
            micro_batches: MicroBatches::new(batch, accumulate, clock),
            clip_norm: experiment.train.clip_norm,
            stop: experiment.train.stop,
            attack: experiment.train.attack,
            weights: experiment.train.weights,
            rounding: experiment.train.rounding,
            gradients: experiment.train.gradients,
            loss_scale: experiment.train.loss_scale,
            seed: experiment.train.seed,
            noise: noise.filter(|deviation| *deviation > 0.0),
            clock,
            samples,
            short_batch,
            context: match &experiment.model {
                ModelSpec::Transformer { context, .. } => Some(*context),
                ModelSpec::Mlp { window, .. } => window.map(|window| window.context),
                ModelSpec::Cnn { .. } | ModelSpec::Surface { .. } => None,
            },
            validates_at_end_only: false,
            least_validations: LEAST_VALIDATIONS,
            labels: Labels::of(&prepared, stream.as_ref()),
            stream,
            start,
            team: shared,
            validation_rows,
            fingerprint: OnceLock::new(),
            prepared,
        })
    }

    /// The weights that a replica begins with, which has this seed.
    pub fn initialise(&self, seed: u64, replica: u32, weights: &mut [f32]) {
        self.model.initialise(&mut rng(seed, Stream::Init), weights);
        if let Some(start) = &self.start {
            start.put(replica, weights);
        }
    }

    /// Micro-batches whose mean gradient makes this update of the plan's schedules.
    pub fn micro_batches_at(&self, plan: &Plan, update: u64) -> u64 {
        plan.batch.as_ref().map_or(self.accumulate as u64, |batch| self.micro_batches.of(batch.at(update)))
    }

    /// The samples over which that update averages, where all its micro-batches are full.
    pub fn samples_at(&self, plan: &Plan, update: u64) -> u64 {
        self.micro_batches_at(plan, update) * self.batch as u64
    }

    /// The samples of the micro-batch of this number, counted from the beginning of the run.
    pub fn samples_of(&self, micro_batch: u64) -> usize {
        match self.short_batch {
            Some(short) if (micro_batch + 1).is_multiple_of(self.micro_batches.per_epoch) => short,
            _ => self.batch,
        }
    }

    /// # Errors
    /// When an update of the run would need more samples than there are, or a group of it holds no parameter.
    pub fn holds(&self, run: &Run, plan: &Plan) -> Result<(), TrainError> {
        if let (Some(_), Some(needs)) = (&self.team, team::unfit(run)) {
            return Err(Misfit::Team { needs }.into());
        }
        if let Some(group) = plan.idle_group(self.model.parameters()) {
            return Err(Misfit::Group { run: run.name.clone(), group: group.to_owned() }.into());
        }
        if self.short_batch.is_some() && plan.batch.is_some() {
            return Err(Misfit::LastBatch { why: "batches of a schedule" }.into());
        }
        let most = self.micro_batches.samples_per_epoch();
        match plan.batch.as_ref().map(|batch| batch.range().1) {
            // What is rounded down to all samples fits.
            Some(wanted) if wanted >= most as f64 + self.batch as f64 / 2.0 => {
                Err(Misfit::ScheduledBatch { run: run.name.clone(), wanted, most }.into())
            }
            _ => Ok(()),
        }
    }

    /// The CRC-32 of all data, by which a checkpoint knows whether they are still the same.
    pub fn fingerprint(&self) -> u32 {
        *self.fingerprint.get_or_init(|| {
            let mut crc = flate2::Crc::new();
            let mut samples = |samples: &data::Samples| {
                crc.update(bytemuck::cast_slice(&samples.features));
                match &samples.targets {
                    data::Targets::Classes { labels, .. } => crc.update(bytemuck::cast_slice(labels)),
                    data::Targets::Values { values, .. } => crc.update(bytemuck::cast_slice(values)),
                }
            };
            match &*self.prepared {
                Prepared::Samples { train, validation, phases, .. } => {
                    samples(train);
                    samples(validation);
                    for altered in phases.iter() {
                        samples(&altered.train);
                        samples(&altered.validation);
                    }
                }
                Prepared::Text { train, validation } => {
                    crc.update(&train.tokens);
                    crc.update(&validation.tokens);
                }
            }
            crc.sum()
        })
    }

    /// A batch of training samples.
    pub fn training<'a>(&'a self, rows: &'a [u32]) -> Batch<'a> {
        if let Some(stream) = &self.stream {
            return samples(&stream.train, rows);
        }
        match &*self.prepared {
            Prepared::Samples { train, .. } => samples(train, rows),
            Prepared::Text { train, .. } => text(train, rows),
        }
    }

    /// The held-out samples, in batches of at most [`Task::scratch_samples`].
    pub fn validation(&self) -> impl Iterator<Item = Batch<'_>> {
        self.validation_rows.chunks(VALIDATION_BATCH).map(|rows| match &*self.prepared {
            Prepared::Samples { validation, .. } => samples(validation, rows),
            Prepared::Text { validation, .. } => text(validation, rows),
        })
    }

    /// At most so many held-out samples, the first ones of their shuffled order, in batches.
    pub fn some_held_out(&self, most: usize) -> impl Iterator<Item = Batch<'_>> {
        self.validation().take(most.div_ceil(VALIDATION_BATCH))
    }

    /// Held-out samples that phases have of their own, as rows of the stream's, in batches.
    pub fn held_out<'a>(&'a self, rows: &'a [u32]) -> impl Iterator<Item = Batch<'a>> {
        let held_out = self.stream.as_ref().map(|stream| &stream.validation);
        held_out
            .into_iter()
            .flat_map(move |all| rows.chunks(VALIDATION_BATCH).map(move |rows| samples(all, rows)))
    }

    /// Whether right and wrong exist.
    pub fn has_accuracy(&self) -> bool {
        !self.prepared.is_regression()
    }

    /// Samples of the largest batch a lane handles.
    pub fn scratch_samples(&self) -> usize {
        self.batch.max(VALIDATION_BATCH)
    }

    /// Whether there are held-out samples.
    pub fn validates(&self) -> bool {
        !self.validation_rows.is_empty()
    }

    /// Whether the held-out samples are scored after this many updates.
    pub fn validates_after(&self, updates: u64, every_epoch: bool) -> bool {
        if !self.validates() {
            return false;
        }
        let Clock { updates: total, updates_per_epoch: epoch } = self.clock;
        if self.validates_at_end_only && !every_epoch {
            return updates == total;
        }
        if every_epoch && updates.is_multiple_of(epoch) {
            return true;
        }
        let longest = (total / self.least_validations.max(1)).max(1);
        let shortest = (total / MOST_VALIDATIONS).max(1);
        let epochs = epoch * shortest.div_ceil(epoch);
        updates == total
            || updates.is_multiple_of(epochs)
            || (epoch > longest && updates.is_multiple_of(longest))
    }
}

/// The experiment's model for the data.
fn model(experiment: &Experiment, prepared: &Prepared) -> Result<Box<dyn Model>, TrainError> {
    let loss = Loss::of(experiment.train.loss, prepared.is_regression());
    if let ModelSpec::Surface { function, start, .. } = &experiment.model {
        return match experiment.data.source {
            Source::None => Ok(Box::new(Surface::new(*function, *start))),
            _ => Err(Misfit::SurfaceWithData.into()),
        };
    }
    if experiment.data.source == Source::None {
        return Err(Misfit::NoData.into());
    }
    if prepared.is_regression() && loss == Loss::CrossEntropy {
        return Err(Misfit::NoClasses.into());
    }
    let outputs = prepared.outputs();
    match (&experiment.model, prepared.shape()) {
        (ModelSpec::Mlp { hidden, activation, window: Some(window) }, Shape::Sequence) => {
            Ok(Box::new(Mlp::of_text(*window, hidden, outputs, *activation, loss)))
        }
        (ModelSpec::Mlp { .. } | ModelSpec::Cnn { .. }, Shape::Sequence) => Err(Misfit::TextModel.into()),
        (&ModelSpec::Transformer { layers, width, heads, context, norm }, Shape::Sequence) => {
            let size = transformer::Size { layers, width, heads, context, vocabulary: outputs, norm };
            let transformer = Transformer::new(size);
            Ok(Box::new(transformer.map_err(Misfit::Transformer)?))
        }
        (ModelSpec::Mlp { window: Some(_), .. } | ModelSpec::Transformer { .. }, _) => {
            Err(Misfit::NoText { known: data::listed(DatasetInfo::is_text) }.into())
        }
        (ModelSpec::Mlp { hidden, activation, window: None }, shape) => {
            let mut sizes = vec![shape.features()];
            sizes.extend(hidden);
            sizes.push(outputs);
            Ok(Box::new(Mlp::new(&sizes, *activation, loss)))
        }
        (ModelSpec::Cnn { channels }, Shape::Image { height, width }) => {
            let cnn = Cnn::new((height, width), channels, outputs, loss);
            Ok(Box::new(cnn.map_err(Misfit::Cnn)?))
        }
        (ModelSpec::Cnn { .. }, Shape::Flat(_)) => {
            Err(Misfit::NoImages { known: data::listed(DatasetInfo::is_images) }.into())
        }
        (ModelSpec::Surface { .. }, _) => Err(Misfit::SurfaceWithData.into()),
    }
}

/// Some of `windows` windows, evenly spread, as many as have room and at most `most`: enough to tell a loss to
/// about a hundredth of a nat, few enough to be scored often.
fn spread(windows: usize, room: usize, most: usize) -> Vec<u32> {
    let count = room.clamp(usize::from(windows > 0), most);
    (0..count).map(|at| (at * windows / count) as u32).collect()
}

fn samples<'a>(samples: &'a data::Samples, rows: &'a [u32]) -> Batch<'a> {
    let targets = match &samples.targets {
        data::Targets::Classes { labels, .. } => Targets::Classes(labels),
        data::Targets::Values { values, width } => Targets::Values { values, width: *width },
    };
    let inputs = Inputs::Dense { values: &samples.features, width: samples.shape.features() };
    Batch { inputs, targets, rows }
}

fn text<'a>(text: &'a data::Text, rows: &'a [u32]) -> Batch<'a> {
    Batch { inputs: Inputs::Characters { tokens: &text.tokens }, targets: Targets::NextCharacter, rows }
}
