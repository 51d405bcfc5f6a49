//! What a frame of the interface costs over long histories.

use anyhow::Result;
use serde::Serialize;

use super::Pace;
use crate::ui::offscreen::interface_bench::interface;

/// What is on screen.
const RUNS: usize = 8;
const UPDATES: u64 = 1_000_000;

#[derive(Serialize)]
pub struct Work {
    runs: usize,
    updates: u64,
    frames: usize,
    /// Work of a frame without drawing: the median, and what one in a hundred exceeds.
    median_milliseconds: f64,
    p99_milliseconds: f64,
    /// Frames that a studio at rest asked for by itself.
    idle_repaints: usize,
}

/// Measures while the pointer reads, zooms and pans.
///
/// # Errors
/// None, unless the program was built from a broken file.
pub fn run(pace: Pace, mut progress: impl FnMut(&str)) -> Result<Work> {
    let (updates, frames) = if pace.rounds > 1 { (UPDATES, 1200) } else { (UPDATES / 20, 120) };
    progress(&format!("frames over {RUNS} runs of {updates} updates"));
    let measured = interface(RUNS, updates, frames)?;
    let at = |share: f64| {
        let place = ((measured.frames.len().saturating_sub(1)) as f64 * share).round() as usize;
        1e3 * measured.frames.get(place).copied().unwrap_or(f64::NAN)
    };
    Ok(Work {
        runs: RUNS,
        updates,
        frames: measured.frames.len(),
        median_milliseconds: at(0.5),
        p99_milliseconds: at(0.99),
        idle_repaints: measured.idle_repaints,
    })
}

/// For people.
pub fn table(work: &Work) -> String {
    format!(
        "{} runs of {} updates, {} frames\nwork of a frame: {:.2} ms in the median, {:.2} ms at the 99th percentile\n\
         at rest: {} frames asked for\n",
        work.runs,
        crate::numbers::count(work.updates),
        work.frames,
        work.median_milliseconds,
        work.p99_milliseconds,
        work.idle_repaints
    )
}
