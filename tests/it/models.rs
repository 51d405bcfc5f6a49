//! The fused models against candle's autograd, float64 finite differences and PyTorch.

mod cnn;
mod golden;
mod mlp;
mod surface;
mod transformer;

use anneal_studio::model::resident::Resident;
use anneal_studio::model::{Batch, Inputs, Model, Targets};
use anneal_studio::random::{Stream, below, fill_normal, rng};
use candle_core::{DType, Device, Tensor, Var};

/// Random samples with a class each.
struct Samples {
    values: Vec<f32>,
    width: usize,
    labels: Vec<u32>,
}

impl Samples {
    fn new(count: usize, width: usize, classes: usize) -> Self {
        let mut rng = rng(7, Stream::Generate);
        let mut values = vec![0.0; count * width];
        fill_normal(&mut rng, 1.0, &mut values);
        let labels = (0..count).map(|_| below(&mut rng, classes) as u32).collect();
        Self { values, width, labels }
    }

    fn batch<'a>(&'a self, rows: &'a [u32]) -> Batch<'a> {
        let inputs = Inputs::Dense { values: &self.values, width: self.width };
        Batch { inputs, targets: Targets::Classes(&self.labels), rows }
    }
}

/// Initial weights, with biases and gains that are not 0 or 1 as at the start of a training.
fn weights(model: &dyn Model, seed: u64) -> Vec<f32> {
    let mut rng = rng(seed, Stream::Init);
    let mut row = vec![0.0; model.width()];
    model.initialise(&mut rng, &mut row);
    let mut noise = vec![0.0; row.len()];
    fill_normal(&mut rng, 0.05, &mut noise);
    row.iter_mut().zip(noise).for_each(|(weight, noise)| *weight += noise);
    row
}

/// The fused loss and gradient.
fn fused(model: &dyn Model, row: &[f32], batch: Batch<'_>) -> (f32, Vec<f32>) {
    let mut gradient = vec![f32::NAN; row.len()];
    let loss = model.gradient(row, batch, &mut gradient, &mut model.scratch(batch.rows.len()));
    (loss, gradient)
}

/// The data set that a batch is of.
fn resident(model: &dyn Model, batch: Batch<'_>, dtype: DType) -> Resident {
    Resident::new(batch, model.outputs(), &Device::Cpu, dtype).unwrap()
}

/// The losses of each row with each batch, by candle's operations.
fn losses(model: &dyn Model, rows: &[&[f32]], batches: &[Batch<'_>], dtype: DType) -> Vec<f64> {
    let flat: Vec<f32> = rows.concat();
    let rows = Tensor::from_vec(flat, (rows.len(), model.width()), &Device::Cpu).unwrap();
    let data = resident(model, batches[0], dtype);
    let losses = model.loss_tensor(&rows.to_dtype(dtype).unwrap(), &data, batches).unwrap();
    losses.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// The gradient by candle's autograd.
fn autograd(model: &dyn Model, row: &[f32], batch: Batch<'_>, dtype: DType) -> Vec<f64> {
    let tensor = Tensor::new(row, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    let rows = Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap();
    let data = resident(model, batch, dtype);
    let loss = model.loss_tensor(rows.as_tensor(), &data, &[batch]).unwrap().sum_all().unwrap();
    let gradient = loss.backward().unwrap().remove(rows.as_tensor()).unwrap();
    gradient.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// The largest difference, as a share of the largest number of `right` in the same parameter.
fn worst(model: &dyn Model, found: &[f32], right: &[f64]) -> (f64, String) {
    assert_eq!(found.len(), right.len());
    let overall = right.iter().fold(0.0, |top: f64, x| top.max(x.abs()));
    let errors = model.parameters().iter().map(|parameter| {
        let (found, right) = (&found[parameter.range()], &right[parameter.range()]);
        // A gradient that is 0 in exact arithmetic is compared with the others' size.
        let top = right.iter().fold(0.01 * overall, |top, x| top.max(x.abs()));
        let error = found.iter().zip(right).map(|(a, b)| (f64::from(*a) - b).abs());
        // A NaN is the worst error there is.
        (
            error.map(|e| if e.is_nan() { f64::INFINITY } else { e }).fold(0.0, f64::max) / top,
            parameter.name.clone(),
        )
    });
    errors.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

/// Checks the fused loss, gradient, score and predictions of one batch.
fn check(model: &dyn Model, batch: Batch<'_>) {
    let row = weights(model, 1);
    let (loss, gradient) = fused(model, &row, batch);
    let exact = losses(model, &[&row], &[batch], DType::F64)[0];
    assert!((f64::from(loss) - exact).abs() < 1e-5 * exact.abs().max(1.0), "{loss} and {exact}");
    for (dtype, tolerance) in [(DType::F64, 2e-5), (DType::F32, 4e-5)] {
        let (error, name) = worst(model, &gradient, &autograd(model, &row, batch, dtype));
        assert!(
            error < tolerance,
            "{dtype:?} autograd, {} samples: {name} is off by {error}",
            batch.rows.len()
        );
    }
    finite_differences(model, &row, batch, &gradient);
    let score = model.score(&row, batch, &mut model.scratch(batch.rows.len()));
    assert!((score.mean_loss() - exact).abs() < 1e-5 * exact.abs().max(1.0));
    assert!(score.correct <= score.count);
}

/// Slopes of the float64 loss along some coordinates and along the gradient itself.
fn finite_differences(model: &dyn Model, row: &[f32], batch: Batch<'_>, gradient: &[f32]) {
    let tensor = Tensor::new(row, &Device::Cpu).unwrap().unsqueeze(0).unwrap().to_dtype(DType::F64).unwrap();
    let data = resident(model, batch, DType::F64);
    let slope = |direction: Vec<f64>| -> f64 {
        let step = 1e-6;
        let direction = Tensor::from_vec(direction, (1, row.len()), &Device::Cpu).unwrap();
        let at = |step: f64| {
            let moved = (&tensor + (&direction * step).unwrap()).unwrap();
            model.loss_tensor(&moved, &data, &[batch]).unwrap().to_vec1::<f64>().unwrap()[0]
        };
        (at(step) - at(-step)) / (2.0 * step)
    };
    let norm = gradient.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
    let along = slope(gradient.iter().map(|g| f64::from(*g) / norm).collect());
    assert!((along - norm).abs() < 1e-4 * norm, "{along} and {norm}");
    for parameter in model.parameters() {
        let at = parameter.offset + parameter.len() / 2;
        let mut direction = vec![0.0; row.len()];
        direction[at] = 1.0;
        let (right, found) = (slope(direction), f64::from(gradient[at]));
        assert!((right - found).abs() < 1e-4 * norm, "{}: {right} and {found}", parameter.name);
    }
}

/// Lanes do not see each other, and what a lane computes does not depend on the memory it is given.
fn check_lanes(model: &dyn Model, batches: &[Batch<'_>]) {
    let rows: Vec<Vec<f32>> = (0..batches.len() as u64).map(|seed| weights(model, seed)).collect();
    let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    let mut used = model.scratch(batches[0].rows.len());
    for ((row, batch), together) in rows.iter().zip(batches).zip(losses(model, &rows, batches, DType::F64)) {
        let (alone, gradient) = fused(model, row, *batch);
        assert!((together - f64::from(alone)).abs() < 1e-5 * together.abs().max(1.0));
        let mut again = vec![0.0; row.len()];
        assert_eq!(model.gradient(row, *batch, &mut again, &mut used).to_bits(), alone.to_bits());
        assert_eq!(again, gradient);
    }
}

/// Whatever is asked, the bits do not depend on how many cores help; and the batch is large enough for them to.
fn check_cores(model: &dyn Model, batch: Batch<'_>, predictions: usize) {
    let row = weights(model, 2);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let on = |cores: usize| {
        let mut scratch = model.scratch(batch.rows.len());
        scratch.spread(cores);
        let (mut gradient, mut outputs) = (vec![0.0; row.len()], vec![0.0; predictions]);
        pool.install(|| {
            let loss = model.gradient(&row, batch, &mut gradient, &mut scratch);
            let score = model.score(&row, batch, &mut scratch);
            model.predict(&row, batch, &mut outputs, &mut scratch);
            let numbers = [&[loss], gradient.as_slice(), &outputs].concat();
            (score, numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>())
        })
    };
    let alone = on(1);
    for cores in [2, 3, 7] {
        assert!(on(cores) == alone, "{cores} cores");
    }
}

/// A weight that is no number shows in the loss, wherever it is.
fn check_nan(model: &dyn Model, batch: Batch<'_>) {
    for parameter in model.parameters() {
        let mut row = weights(model, 0);
        row[parameter.range()].fill(f32::NAN);
        let mut scratch = model.scratch(batch.rows.len());
        assert!(fused(model, &row, batch).0.is_nan(), "{}", parameter.name);
        assert!(model.score(&row, batch, &mut scratch).mean_loss().is_nan(), "{}", parameter.name);
        let mut predictions = vec![0.0; batch.rows.len() * model.outputs() * 64];
        model.predict(&row, batch, &mut predictions, &mut scratch);
    }
}

/// Probabilities are some, and those of `count` rows of outputs.
fn check_probabilities(model: &dyn Model, batch: Batch<'_>, count: usize) {
    let mut predictions = vec![f32::NAN; count * model.outputs()];
    let row = weights(model, 3);
    model.predict(&row, batch, &mut predictions, &mut model.scratch(batch.rows.len()));
    for row in predictions.chunks_exact(model.outputs()) {
        assert!(row.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

/// Samples that nobody labelled are predicted too: as many as the inputs are.
fn check_unlabelled(model: &dyn Model, samples: &Samples) {
    let rows: Vec<u32> = (0..samples.labels.len() as u32).collect();
    let row = weights(model, 3);
    let predict = |batch| {
        let mut predictions = vec![f32::NAN; rows.len() * model.outputs()];
        model.predict(&row, batch, &mut predictions, &mut model.scratch(rows.len()));
        predictions
    };
    let labelled = samples.batch(&rows);
    assert_eq!(predict(Batch { targets: Targets::Classes(&[]), ..labelled }), predict(labelled));
}

/// The loss before and after so many updates of plain gradient descent on one batch.
fn train(model: &dyn Model, batch: Batch<'_>, rate: f32, updates: usize) -> (f32, f32) {
    let mut row = vec![0.0; model.width()];
    model.initialise(&mut rng(0, Stream::Init), &mut row);
    let mut gradient = vec![0.0; row.len()];
    let mut scratch = model.scratch(batch.rows.len());
    let first = model.gradient(&row, batch, &mut gradient, &mut scratch);
    let mut last = first;
    for _ in 0..updates {
        row.iter_mut().zip(&gradient).for_each(|(weight, g)| *weight -= rate * g);
        last = model.gradient(&row, batch, &mut gradient, &mut scratch);
    }
    (first, last)
}
