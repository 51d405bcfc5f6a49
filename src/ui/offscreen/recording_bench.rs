//! What a recording costs: how long it takes to be read, and the work of a frame beside it, without drawing.

use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use eframe::egui::{pos2, vec2};
use egui_kittest::Harness;

use crate::engine::protocol::State;
use crate::engine::watch::Unfinished;
use crate::engine::{Engine, Options};
use crate::experiment::Experiment;
use crate::train::ids::Mode;
use crate::ui::app::StudioApp;
use crate::ui::document::Document;
use crate::ui::picker::SystemPicker;

/// Frames that count, after as many that find caches cold.
const FRAMES: usize = 200;
/// How long a recording may take to be read.
const PATIENCE: Duration = Duration::from_secs(300);

/// What was measured, in seconds.
#[derive(Clone, Debug)]
pub struct Beside {
    /// From the choice of the file to its curves.
    pub opened: f64,
    /// Work of each frame while the pointer moves over the plots, layout and tessellation, the least first: without
    /// the recording, and with it.
    pub alone: Vec<f64>,
    pub beside: Vec<f64>,
    /// Updates of the recording.
    pub length: u64,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum RecordingBenchError {
    #[error("no thread to train on: {0}")]
    Thread(#[from] std::io::Error),
    #[error(transparent)]
    Training(#[from] Unfinished),
    #[error("the recording cannot be read: `anneal diagnose` says why")]
    Unreadable,
}

/// Opens a recording beside an experiment that is trained, and moves the pointer over the plots before and after.
///
/// # Errors
/// When the experiment cannot be trained, or the recording cannot be read.
pub fn measure(experiment: Experiment, recording: &Path) -> Result<Beside, RecordingBenchError> {
    let document = Document::new(experiment, None);
    let engine =
        Engine::start(document.revision(), Options { mode: Mode::Live, ..Options::default() }, || {});
    let engine = Rc::new(engine?);
    engine.wait_until(|status| status.state == State::Finished)?;
    let trainer = Box::new(Rc::clone(&engine));
    let mut harness = Harness::builder()
        .with_size(vec2(1440.0, 900.0))
        .allow_missing_glyphs()
        .build_eframe(|cc| StudioApp::with(cc, document, trainer, Box::new(SystemPicker)));
    harness.run_steps(8);
    let alone = frames(&mut harness);
    let ctx = harness.ctx.clone();
    let start = Instant::now();
    harness.state_mut().open_recording(&ctx, recording);
    while harness.state().studio().shelf.guests().is_empty() {
        if !harness.state().studio().shelf.is_opening() || start.elapsed() > PATIENCE {
            return Err(RecordingBenchError::Unreadable);
        }
        thread::sleep(Duration::from_millis(1));
        harness.step();
    }
    let opened = start.elapsed().as_secs_f64();
    let beside = frames(&mut harness);
    let length = harness.state().studio().shelf.guests().iter().map(|guest| guest.length).max();
    Ok(Beside { opened, alone, beside, length: length.unwrap_or_default() })
}

/// The work of frames while the pointer moves over the plots.
fn frames(harness: &mut Harness<'_, StudioApp>) -> Vec<f64> {
    let mut frames: Vec<f64> = (0..2 * FRAMES)
        .map(|at| {
            harness.hover_at(pos2(400.0 + (3 * at % 600) as f32, 200.0));
            let began = Instant::now();
            harness.step();
            let output = harness.output();
            harness.ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
            began.elapsed().as_secs_f64()
        })
        .skip(FRAMES)
        .collect();
    frames.sort_by(f64::total_cmp);
    frames
}
