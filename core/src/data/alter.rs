//! The same data made different for a while: other classes, shifted inputs, wrong labels, another order.

use std::cmp::Ordering;

use super::{Altered, Content, DataError, Dataset, Problem, Samples, Shape, Split, Targets};
use crate::random::{self, Stream};

/// How inputs differ from those of the data set; held-out ones alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// Degrees, counter-clockwise; of images and of points in the plane.
    pub rotate: f64,
    /// What scaled inputs are multiplied by.
    pub scale: f64,
    /// The deviation of normal noise added to every scaled input: 1 is that of an average input.
    pub noise: f64,
}

impl Default for Shift {
    fn default() -> Self {
        Self { rotate: 0.0, scale: 1.0, noise: 0.0 }
    }
}

/// In which order training sees samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleOrder {
    /// Shuffled anew every epoch.
    #[default]
    Shuffled,
    /// In five stages of the same length: from the easiest fifth of the samples to all of them. A sample is easy when
    /// it is near the mean of its own class and far from that of the nearest other one.
    EasyFirst,
    /// The same from the hardest fifth on.
    HardFirst,
}

/// Training samples that an adversary labelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poison {
    /// The share of the training samples, above 0 and at most 1.
    pub share: f64,
    /// The class that all of them are labelled as.
    pub to: u32,
}

/// What is made different.
#[derive(Clone, Debug, PartialEq)]
pub struct Alteration {
    /// Tells the random draws of several alterations of one split apart.
    pub index: u64,
    /// Only samples of these classes; nothing is all of them.
    pub classes: Option<Vec<u32>>,
    /// In place of the split's.
    pub label_noise: f64,
    pub shift: Shift,
    pub order: SampleOrder,
    pub poison: Option<Poison>,
}

impl Dataset {
    /// The parts of a split, altered, and scaled by what the whole training part looks like.
    ///
    /// # Errors
    /// As [`Dataset::prepare`]; and when nothing is left to train on, or the data have nothing that could be altered so.
    pub fn alter(&self, split: &Split, alteration: &Alteration) -> Result<Altered, DataError> {
        let Content::Samples { samples, standard } = &self.content else {
            return Err(Problem::NoPhases.of(&self.name));
        };
        let altered = split.samples(samples).and_then(|(train, validation)| {
            let scaling = standard.fit(&train);
            let mut parts = [train, validation];
            for (at, part) in parts.iter_mut().enumerate() {
                *part = of_classes(part, alteration.classes.as_deref())?;
                rotate(part, alteration.shift.rotate)?;
                scaling.apply(part);
                let index = 2 * alteration.index + at as u64;
                disturb(part, alteration.shift, split.seed, index);
            }
            let [train, validation] = parts;
            if train.is_empty() {
                return Err(Problem::NoneOfClasses);
            }
            let train = arranged(train, alteration.order)?;
            labelled(train, validation, split, alteration)
        });
        altered.map_err(|problem| problem.of(&self.name))
    }
}

fn of_classes(samples: &Samples, classes: Option<&[u32]>) -> Result<Samples, Problem> {
    let Some(classes) = classes else { return Ok(samples.clone()) };
    let Targets::Classes { labels, names } = &samples.targets else { return Err(Problem::NoClassesToChoose) };
    if let Some(class) = classes.iter().find(|class| **class as usize >= names.len()) {
        return Err(Problem::NoSuchClass { class: *class, classes: names.len() });
    }
    let kept = (0..).zip(labels).filter(|(_, label)| classes.contains(label)).map(|(at, _)| at);
    Ok(samples.select(&kept.collect::<Vec<u32>>()))
}

/// Turns every input about its middle. Of an image, what comes in at the edge is as the first pixel, its background.
fn rotate(samples: &mut Samples, degrees: f64) -> Result<(), Problem> {
    if degrees == 0.0 {
        return Ok(());
    }
    let (sin, cos) = degrees.to_radians().sin_cos();
    match samples.shape {
        Shape::Flat(2) => {
            for point in samples.features.chunks_exact_mut(2) {
                let [x, y] = [f64::from(point[0]), f64::from(point[1])];
                point[0] = (cos * x - sin * y) as f32;
                point[1] = (sin * x + cos * y) as f32;
            }
        }
        Shape::Image { height, width } => {
            for image in samples.features.chunks_exact_mut((height * width).max(1)) {
                let turned = turned(image, (height, width), (sin, cos));
                image.copy_from_slice(&turned);
            }
        }
        Shape::Flat(_) | Shape::Sequence => return Err(Problem::NoTurning),
    }
    Ok(())
}

/// An image turned about its middle, with values between pixels interpolated linearly.
fn turned(image: &[f32], (height, width): (usize, usize), (sin, cos): (f64, f64)) -> Vec<f32> {
    let background = image.first().copied().unwrap_or(0.0);
    let pixel = |row: f64, column: f64| {
        let inside = row >= 0.0 && column >= 0.0 && row < height as f64 && column < width as f64;
        let at = || image.get(row as usize * width + column as usize).copied();
        f64::from(inside.then(at).flatten().unwrap_or(background))
    };
    let middle = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
    let from = |at: usize| {
        let (down, right) = ((at / width) as f64 - middle.0, (at % width) as f64 - middle.1);
        // Rows run downwards, so this is the turn back of a counter-clockwise one.
        let (row, column) = (middle.0 + cos * down + sin * right, middle.1 - sin * down + cos * right);
        let (top, left) = (row.floor(), column.floor());
        let (below, beside) = (row - top, column - left);
        let upper = pixel(top, left) * (1.0 - beside) + pixel(top, left + 1.0) * beside;
        let lower = pixel(top + 1.0, left) * (1.0 - beside) + pixel(top + 1.0, left + 1.0) * beside;
        (upper * (1.0 - below) + lower * below) as f32
    };
    (0..image.len()).map(from).collect()
}

/// Scales inputs and adds noise to them.
fn disturb(samples: &mut Samples, shift: Shift, seed: u64, index: u64) {
    if shift.scale != 1.0 {
        samples.features.iter_mut().for_each(|value| *value = (f64::from(*value) * shift.scale) as f32);
    }
    if shift.noise > 0.0 {
        let mut rng = random::rng(seed, Stream::Shift { index });
        for value in &mut samples.features {
            *value = (f64::from(*value) + shift.noise * random::normal(&mut rng)) as f32;
        }
    }
}

/// The samples in the order of their difficulty, where one is asked for.
fn arranged(samples: Samples, order: SampleOrder) -> Result<Samples, Problem> {
    if order == SampleOrder::Shuffled {
        return Ok(samples);
    }
    let hardness = difficulty(&samples)?;
    let mut rows: Vec<u32> = (0..samples.len() as u32).collect();
    let easier = |a: &u32, b: &u32| {
        let of = |row: &u32| hardness.get(*row as usize).copied().unwrap_or(0.0);
        of(a).partial_cmp(&of(b)).unwrap_or(Ordering::Equal)
    };
    rows.sort_by(easier);
    if order == SampleOrder::HardFirst {
        rows.reverse();
    }
    Ok(samples.select(&rows))
}

/// Of each sample, how much nearer it is to the mean of its own class than to that of the nearest other one, in squared
/// distances: the greater, the harder.
pub fn difficulty(samples: &Samples) -> Result<Vec<f64>, Problem> {
    let Targets::Classes { labels, names } = &samples.targets else { return Err(Problem::NoClassesToChoose) };
    let width = samples.shape.features().max(1);
    let mut means = vec![vec![0.0; width]; names.len()];
    let mut counts = vec![0.0; names.len()];
    for (row, label) in samples.features.chunks_exact(width).zip(labels) {
        counts[*label as usize] += 1.0;
        means[*label as usize].iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    for (mean, count) in means.iter_mut().zip(&counts) {
        mean.iter_mut().for_each(|sum| *sum /= f64::max(*count, 1.0));
    }
    let far = |row: &[f32], mean: &[f64]| -> f64 {
        row.iter().zip(mean).map(|(value, mean)| (f64::from(*value) - mean).powi(2)).sum()
    };
    let hardness = |(row, label): (&[f32], &u32)| {
        let others = (0..).zip(&means).zip(&counts);
        let others = others.filter(|((class, _), count)| *class != *label && **count > 0.0);
        let nearest = others.map(|((_, mean), _)| far(row, mean)).reduce(f64::min).unwrap_or(0.0);
        far(row, &means[*label as usize]) - nearest
    };
    Ok(samples.features.chunks_exact(width).zip(labels).map(hardness).collect())
}

/// Replaces training labels: some by noise, and then some by poison.
fn labelled(
    mut train: Samples,
    validation: Samples,
    split: &Split,
    alteration: &Alteration,
) -> Result<Altered, Problem> {
    let own = match &train.targets {
        Targets::Classes { labels, .. } => labels.clone(),
        Targets::Values { .. } => Vec::new(),
    };
    let noisy = Split { label_noise: alteration.label_noise, ..*split };
    noisy.check()?;
    noisy.add_label_noise(&mut train.targets);
    if let Some(Poison { share, to }) = alteration.poison {
        let Targets::Classes { labels, names } = &mut train.targets else {
            return Err(Problem::NoClassesToChoose);
        };
        if to as usize >= names.len() {
            return Err(Problem::NoSuchClass { class: to, classes: names.len() });
        }
        let mut rows: Vec<usize> = (0..labels.len()).collect();
        random::shuffle(&mut random::rng(split.seed, Stream::Poison { index: alteration.index }), &mut rows);
        rows.truncate((share * labels.len() as f64).round() as usize);
        for row in rows {
            labels[row] = to;
        }
    }
    let mislabelled = match &train.targets {
        Targets::Classes { labels, .. } => {
            let other = (0..).zip(labels.iter().zip(&own)).filter(|(_, (label, own))| label != own);
            other.map(|(at, _)| at).collect()
        }
        Targets::Values { .. } => Vec::new(),
    };
    Ok(Altered { train, validation, mislabelled })
}
