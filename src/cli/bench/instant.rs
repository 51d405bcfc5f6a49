//! What one feels of Instant mode: the time from an edit to the whole new curve in telemetry.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use super::Pace;
use super::workload::{WORKLOADS, Workload};
use crate::engine::protocol::{Command, State};
use crate::engine::{Engine, Options};
use crate::train::ids::{Mode, Revision, RunId};
use crate::ui::offscreen::drag_bench::drag;

/// Updates of the curve.
const UPDATES: u64 = 1000;
/// Runs in the experiment, all of them edited.
const RUNS: [u32; 2] = [1, 8];
/// The first edits do not count: they find caches cold.
const WARM: usize = 2;

/// How long a workload's curve takes.
#[derive(Serialize)]
pub struct Feel {
    workload: &'static str,
    runs: u32,
    /// From the command to the end of the curve, the median of several edits.
    milliseconds: f64,
    /// The slowest of them.
    slowest_milliseconds: f64,
    curves_per_second: f64,
    /// With the first run's peak dragged in the studio: whole new curves on screen a second,
    dragged_curves_per_second: f64,
    /// and the interface's work on a frame, drawing excluded: its median,
    frame_milliseconds: f64,
    /// and what 19 of 20 frames stay below.
    busy_frame_milliseconds: f64,
}

/// Edits the schedule of every run of each workload again and again, as a hand on a handle does, and waits for
/// each new curve of 1,000 updates, validations included; then drags the peak of one in the studio. Trains on `threads` threads, or as the studio does on
/// all cores but one.
///
/// # Errors
/// When a workload cannot be trained.
pub fn run(threads: Option<usize>, pace: Pace, mut progress: impl FnMut(&str)) -> Result<Vec<Feel>> {
    let mut feels = Vec::new();
    for workload in WORKLOADS.iter().filter(|workload| workload.name != "wide") {
        for runs in RUNS {
            progress(&format!("{} with {runs} runs", workload.name));
            feels.push(feel(workload, runs, threads, pace)?);
        }
    }
    Ok(feels)
}

fn feel(workload: &Workload, runs: u32, threads: Option<usize>, pace: Pace) -> Result<Feel> {
    let options = Options { threads, mode: Mode::Instant, ..Options::default() };
    let (wake, woken) = sync_channel(1);
    let revision = |generation| edited(workload, runs, generation);
    let engine = Engine::start(revision(0)?, options, move || {
        // One wake that waits is as good as many.
        let _ = wake.try_send(());
    });
    let engine = engine.context("no thread to train on")?;
    complete(&engine, &woken, 0)?;
    let mut times = Vec::new();
    for edit in 1..=(WARM + 2 * pace.rounds + 1) {
        let revision = revision(edit as u64)?;
        let start = Instant::now();
        if !engine.send(Command::Revise(revision, Mode::Instant)) {
            bail!("the training thread is gone");
        }
        complete(&engine, &woken, edit as u64)?;
        if edit > WARM {
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    drop(engine);
    let milliseconds = times[times.len() / 2];
    let dragged = drag(revision(0)?.experiment.clone(), threads, pace.drag)?;
    let frame = |share: f64| {
        let frames = &dragged.frames;
        frames.get((share * frames.len() as f64) as usize).map_or(0.0, |seconds| 1e3 * seconds)
    };
    Ok(Feel {
        workload: workload.name,
        runs,
        milliseconds,
        slowest_milliseconds: times[times.len() - 1],
        curves_per_second: 1e3 / milliseconds,
        dragged_curves_per_second: dragged.curves_per_second,
        frame_milliseconds: frame(0.5),
        busy_frame_milliseconds: frame(0.95),
    })
}

/// The experiment after so many edits, each of them another peak.
fn edited(workload: &Workload, runs: u32, edits: u64) -> Result<Arc<Revision>> {
    let with_peak = |index: u32| {
        let peak = 1e-3 * (1.0 + 1e-3 * edits as f64 + 1e-2 * f64::from(index));
        workload.experiment(UPDATES, 0.2, peak)
    };
    let mut experiment = with_peak(0)?;
    for index in 1..runs {
        for mut run in with_peak(index)?.runs {
            run.name = format!("run {index}");
            experiment.runs.push(run);
        }
    }
    Ok(Arc::new(Revision { generation: edits, experiment, ids: (0..runs).map(RunId).collect() }))
}

/// Waits until every curve of this edit is whole.
fn complete(engine: &Engine, woken: &Receiver<()>, generation: u64) -> Result<()> {
    loop {
        let (status, whole) = engine.read(|shared| {
            let whole = shared.lanes.values().all(|view| view.store.updates() >= UPDATES);
            (shared.status.clone(), whole)
        });
        match status.state {
            State::Failed(message) => bail!(message),
            State::Finished if whole && status.generation == generation => return Ok(()),
            _ => {}
        }
        if woken.recv().is_err() {
            bail!("the training thread is gone");
        }
    }
}

/// The table for people.
pub fn table(feels: &[Feel]) -> String {
    let head = format!(
        "{:<10}{:>6}{:>21}{:>13}{:>12}{:>14}{:>24}\n",
        "workload",
        "runs",
        "edit to whole curve",
        "slowest",
        "curves / s",
        "in a drag / s",
        "frame (95 % below)"
    );
    feels.iter().fold(head, |table, feel| {
        table
            + &format!(
                "{:<10}{:>6}{:>18.1} ms{:>10.1} ms{:>12.1}{:>14.1}{:>11.1} ms ({:>4.1} ms)\n",
                feel.workload,
                feel.runs,
                feel.milliseconds,
                feel.slowest_milliseconds,
                feel.curves_per_second,
                feel.dragged_curves_per_second,
                feel.frame_milliseconds,
                feel.busy_frame_milliseconds
            )
    })
}
