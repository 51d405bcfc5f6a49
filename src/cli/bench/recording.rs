//! What a recording costs beside our runs: the time until it is drawn, and the interface's work on a frame.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::workload::DIGITS;
use crate::ui::offscreen::recording_bench::{Beside, measure};

/// What one waits for.
#[derive(Serialize)]
pub struct Cost {
    updates: u64,
    opened_seconds: f64,
    /// The median of frames without the recording and with it, drawing excluded,
    frame_milliseconds: f64,
    frame_beside_milliseconds: f64,
    /// and what 99 of 100 frames beside it stay below.
    busy_frame_milliseconds: f64,
}

/// Opens the recording beside a training of `digits`.
///
/// # Errors
/// When it cannot be read.
pub fn run(path: &Path) -> Result<Cost> {
    let Beside { opened, alone, beside, length } = measure(DIGITS.experiment(1000, 0.2, 0.05)?, path)?;
    let at = |frames: &[f64], share: f64| {
        frames.get((share * frames.len() as f64) as usize).map_or(0.0, |seconds| 1e3 * seconds)
    };
    Ok(Cost {
        updates: length,
        opened_seconds: opened,
        frame_milliseconds: at(&alone, 0.5),
        frame_beside_milliseconds: at(&beside, 0.5),
        busy_frame_milliseconds: at(&beside, 0.99),
    })
}

/// The figures for people.
pub fn table(cost: &Cost) -> String {
    format!(
        "a recording of {} updates: drawn after {:.2} s; a frame {:.1} ms without it, {:.1} ms beside it (99 % below {:.1} ms)\n",
        cost.updates,
        cost.opened_seconds,
        cost.frame_milliseconds,
        cost.frame_beside_milliseconds,
        cost.busy_frame_milliseconds
    )
}
