//! Data sets: what is shipped is what it was, tables are read or refused with a reason, and splits
//! follow from their seed.

mod messy_tables;
mod order;
mod shipped;
mod splits;
mod tables;

use anneal_studio::data::{
    CATALOGUE, CellKind, ColumnRole, ColumnUse, ColumnUses, Content, Dataset, NAMES, Prepared, Samples,
    Shape, Split, Standard, Targets, Task, Text, epoch_order, info,
};
use proptest::prelude::*;

/// No label noise, no limit, a fifth held out.
const PLAIN: Split = Split { seed: 0, validation: 0.2, label_noise: 0.0, limit: None };

fn samples(name: &str) -> Samples {
    match Dataset::load(name).unwrap().content {
        Content::Samples { samples, .. } => samples,
        Content::Text(_) => panic!("{name} is a text"),
    }
}

fn shakespeare() -> Text {
    match Dataset::load("shakespeare").unwrap().content {
        Content::Text(text) => text,
        Content::Samples { .. } => panic!("shakespeare is a text"),
    }
}

/// Training part and validation part.
fn parts(name: &str, split: Split) -> (Samples, Samples) {
    match Dataset::load(name).unwrap().prepare(&split).unwrap() {
        Prepared::Samples { train, validation, .. } => (train, validation),
        Prepared::Text { .. } => panic!("{name} is a text"),
    }
}

fn labels(samples: &Samples) -> &[u32] {
    match &samples.targets {
        Targets::Classes { labels, .. } => labels,
        Targets::Values { .. } => panic!("a regression has no labels"),
    }
}

fn class_names(samples: &Samples) -> &[String] {
    match &samples.targets {
        Targets::Classes { names, .. } => names,
        Targets::Values { .. } => panic!("a regression has no classes"),
    }
}

fn values(samples: &Samples) -> &[f32] {
    match &samples.targets {
        Targets::Values { values, .. } => values,
        Targets::Classes { .. } => panic!("classes are no values"),
    }
}

fn class_counts(samples: &Samples) -> Vec<usize> {
    let mut counts = vec![0; class_names(samples).len()];
    for &label in labels(samples) {
        counts[label as usize] += 1;
    }
    counts
}

fn mean_and_deviation(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let square = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    (mean, square.sqrt())
}

fn crc(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(&bytes.into_iter().collect::<Vec<u8>>());
    crc.sum()
}
