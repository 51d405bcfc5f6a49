//! What a frame of the interface costs over long histories, and while something trains.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde::Serialize;

use super::Pace;
use super::workload::WORKLOADS;
use crate::train::cohort::Cohort;
use crate::train::device::{Choice, TrainDevice};
use crate::ui::offscreen::interface_bench::interface;

/// What is on screen.
const RUNS: usize = 8;
const UPDATES: u64 = 1_000_000;
/// Lanes of the first workload that train beside it, in chunks as long as the engine's.
const LANES: usize = 1024;
const CHUNK: Duration = Duration::from_millis(4);

#[derive(Serialize)]
pub struct Work {
    runs: usize,
    updates: u64,
    frames: usize,
    /// Work of a frame without drawing: the median, and what one in a hundred exceeds.
    median_milliseconds: f64,
    p99_milliseconds: f64,
    /// The same while a screen reader listens.
    described_median_milliseconds: f64,
    described_p99_milliseconds: f64,
    /// Frames that a studio at rest asked for by itself.
    idle_repaints: usize,
    /// The same while lanes train.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
}

#[derive(Serialize)]
struct Beside {
    device: String,
    lanes: usize,
    lane_updates_per_second: f64,
    median_milliseconds: f64,
    p99_milliseconds: f64,
}

/// Measures while the pointer reads, zooms and pans; once more while lanes train `beside` it.
///
/// # Errors
/// When nothing trains there, or the program was built from a broken file.
pub fn run(
    beside: Option<Choice>,
    threads: usize,
    pace: Pace,
    mut progress: impl FnMut(&str),
) -> Result<Work> {
    let (updates, frames) = if pace.rounds > 1 { (UPDATES, 1200) } else { (UPDATES / 20, 120) };
    progress(&format!("frames over {RUNS} runs of {updates} updates"));
    let measured = interface(RUNS, updates, frames)?;
    let beside = match beside {
        Some(choice) => {
            progress(&format!("the same while {LANES} lanes train"));
            Some(trained(choice, threads, || Ok(interface(RUNS, updates, frames)?.frames))?)
        }
        None => None,
    };
    Ok(Work {
        runs: RUNS,
        updates,
        frames: measured.frames.len(),
        median_milliseconds: at(&measured.frames, 0.5),
        p99_milliseconds: at(&measured.frames, 0.99),
        described_median_milliseconds: at(&measured.described, 0.5),
        described_p99_milliseconds: at(&measured.described, 0.99),
        idle_repaints: measured.idle_repaints,
        beside,
    })
}

/// The milliseconds that this share of the frames did not exceed.
fn at(frames: &[f64], share: f64) -> f64 {
    let place = ((frames.len().saturating_sub(1)) as f64 * share).round() as usize;
    1e3 * frames.get(place).copied().unwrap_or(f64::NAN)
}

/// Does the work while a thread trains.
fn trained(choice: Choice, threads: usize, work: impl FnOnce() -> Result<Vec<f64>>) -> Result<Beside> {
    let workload = &WORKLOADS[0];
    let revision = workload.replicas(LANES, workload.batch)?;
    let task = workload.task(&revision)?;
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let device = TrainDevice::choose(choice, pool, task.model.flops(task.batch) * LANES as f64)?;
    let mut cohort = Cohort::with_task(revision, task, device)?;
    cohort.advance(u64::MAX, 1)?;
    let device = cohort.device();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let training = scope.spawn(|| -> Result<f64> {
            let (start, begun, mut chunk) = (Instant::now(), cohort.update(), 1);
            while !done.load(Ordering::Relaxed) {
                let before = Instant::now();
                cohort.advance(u64::MAX, chunk)?;
                cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.rows.clear());
                let fits = CHUNK.as_secs_f64() / before.elapsed().as_secs_f64();
                chunk = ((chunk as f64 * fits.min(4.0)) as u64).max(1);
            }
            Ok((cohort.update() - begun) as f64 * LANES as f64 / start.elapsed().as_secs_f64())
        });
        let frames = work();
        done.store(true, Ordering::Relaxed);
        let rate = training.join().map_err(|_| anyhow!("the training beside the interface panicked"))??;
        let frames = frames?;
        Ok(Beside {
            device,
            lanes: LANES,
            lane_updates_per_second: rate,
            median_milliseconds: at(&frames, 0.5),
            p99_milliseconds: at(&frames, 0.99),
        })
    })
}

/// For people.
pub fn table(work: &Work) -> String {
    let mut text = format!(
        "{} runs of {} updates, {} frames\nwork of a frame: {:.2} ms in the median, {:.2} ms at the 99th percentile\n\
         with a screen reader: {:.2} ms in the median, {:.2} ms at the 99th percentile\n\
         at rest: {} frames asked for\n",
        work.runs,
        crate::numbers::count(work.updates),
        work.frames,
        work.median_milliseconds,
        work.p99_milliseconds,
        work.described_median_milliseconds,
        work.described_p99_milliseconds,
        work.idle_repaints
    );
    if let Some(beside) = &work.beside {
        text += &format!(
            "while {} lanes train on the {}, {:.0} lane-updates a second: {:.2} ms in the median, {:.2} ms at the 99th \
             percentile\n",
            crate::numbers::count(beside.lanes as u64),
            beside.device,
            beside.lane_updates_per_second,
            beside.median_milliseconds,
            beside.p99_milliseconds
        );
    }
    text
}
