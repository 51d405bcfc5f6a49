//! How the cost of a training grows with its updates, lanes and batch: in proportion, if all is well.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::Pace;
use super::workload::DIGITS;
use crate::train::cohort::Cohort;
use crate::train::device::{Choice, TrainDevice};

/// What is measured if nothing is varied: updates, lanes, samples a batch.
const BASE: [usize; 3] = [500, 8, 64];
const VARIED: [&str; 3] = ["updates", "lanes", "batch"];
/// The base is multiplied by these, one number at a time.
const FACTORS: [usize; 3] = [1, 2, 4];

/// One training.
#[derive(Serialize)]
pub struct Cost {
    varied: &'static str,
    updates: usize,
    lanes: usize,
    batch: usize,
    /// The whole training, the median of several.
    milliseconds: f64,
    /// Of one sample in one update of one lane: the same everywhere where the cost grows in proportion.
    nanoseconds_a_sample: f64,
}

/// Trains `digits` with more and more updates, lanes and samples a batch on `threads` threads.
///
/// # Errors
/// When it cannot be trained.
pub fn run(threads: usize, pace: Pace, mut progress: impl FnMut(&str)) -> anyhow::Result<Vec<Cost>> {
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let mut costs = Vec::new();
    for (at, varied) in VARIED.into_iter().enumerate() {
        for factor in FACTORS {
            let mut sizes = BASE;
            sizes[at] *= factor;
            let [updates, lanes, batch] = sizes;
            progress(&format!("{updates} updates of {lanes} lanes with a batch of {batch}"));
            let seconds = seconds(&pool, sizes, pace.rounds)?;
            costs.push(Cost {
                varied,
                updates,
                lanes,
                batch,
                milliseconds: 1e3 * seconds,
                nanoseconds_a_sample: 1e9 * seconds / (updates * lanes * batch) as f64,
            });
        }
    }
    Ok(costs)
}

/// The median time of a training.
fn seconds(
    pool: &Arc<rayon::ThreadPool>,
    [updates, lanes, batch]: [usize; 3],
    rounds: usize,
) -> anyhow::Result<f64> {
    let revision = DIGITS.replicas(lanes, batch)?;
    let task = DIGITS.task(&revision)?;
    let device = TrainDevice::choose(Choice::Cpu, Arc::clone(pool), task.model.flops(batch) * lanes as f64)?;
    let mut cohort = Cohort::with_task(revision, task, device)?;
    let mut times = Vec::new();
    for round in 0..=rounds {
        let start = Instant::now();
        cohort.advance(u64::MAX, updates as u64)?;
        // The first round warms caches.
        if round > 0 {
            times.push(start.elapsed().as_secs_f64());
        }
        cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.rows.clear());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// The table for people.
pub fn table(costs: &[Cost]) -> String {
    let head = format!(
        "{:<10}{:>9}{:>7}{:>7}{:>14}{:>22}\n",
        "varied", "updates", "lanes", "batch", "training", "a sample of a lane"
    );
    costs.iter().fold(head, |table, cost| {
        table
            + &format!(
                "{:<10}{:>9}{:>7}{:>7}{:>11.1} ms{:>19.1} ns\n",
                cost.varied,
                cost.updates,
                cost.lanes,
                cost.batch,
                cost.milliseconds,
                cost.nanoseconds_a_sample
            )
    })
}
