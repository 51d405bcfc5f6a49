//! What a hand feels: the real studio, without drawing, while the peak is dragged up and down in Instant mode.

use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use eframe::egui::{Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use crate::engine::protocol::State;
use crate::engine::watch::Unfinished;
use crate::engine::{Engine, Options};
use crate::experiment::Experiment;
use crate::telemetry::Column;
use crate::train::ids::Mode;

use crate::ui::app::StudioApp;
use crate::ui::document::Document;
use crate::ui::picker::SystemPicker;

/// Between two frames, as a screen shows them.
const FRAME: Duration = Duration::from_nanos(16_666_667);
/// Pixels by which the hand moves at each frame, and how far it goes from where it began.
const STRIDE: f32 = 3.0;
const REACH: f32 = 45.0;

/// What one saw during a drag.
#[derive(Clone, Debug)]
pub struct Drag {
    /// Whole curves of other schedules that appeared, a second.
    pub curves_per_second: f64,
    /// Work of each frame in seconds, layout and tessellation, the least first. What a graphics adapter does with
    /// the triangles is not in it.
    pub frames: Vec<f64>,
}

/// Why nothing was dragged.
#[derive(Debug, thiserror::Error)]
pub enum DragError {
    #[error("no thread to train on: {0}")]
    Thread(#[from] std::io::Error),
    #[error(transparent)]
    Training(#[from] Unfinished),
    #[error("the schedule has no peak to take hold of")]
    NoPeak,
}

/// Drags the first run's peak for so long, at 60 frames a second.
///
/// # Errors
/// When the experiment cannot be trained, or has no peak to take hold of.
pub fn drag(experiment: Experiment, threads: Option<usize>, length: Duration) -> Result<Drag, DragError> {
    let document = Document::new(experiment, None);
    let options = Options { threads, mode: Mode::Instant, ..Options::default() };
    let engine = Engine::start(document.revision(), options, || {});
    let engine = Rc::new(engine?);
    engine.wait_until(|status| status.state == State::Finished)?;
    // The window shares its engine with who measures.
    let trainer = Box::new(Rc::clone(&engine));
    let mut harness =
        Harness::builder().with_size(vec2(1440.0, 900.0)).allow_missing_glyphs().build_eframe(|cc| {
            let mut app = StudioApp::with(cc, document, trainer, Box::new(SystemPicker));
            app.studio_mut().view.mode = Mode::Instant;
            app
        });
    harness.run_steps(8);
    let place = |label| harness.query_all_by_label(label).next().map(|handle| handle.rect().center());
    let Some(from) = place("Peak handle").or_else(|| place("Peak and warmup end handle")) else {
        return Err(DragError::NoPeak);
    };
    harness.hover_at(from);
    harness.step();
    harness.drag_at(from);
    harness.step();
    let (mut frames, mut curves, mut seen) = (Vec::new(), 0, shown(&engine));
    let (start, mut due) = (Instant::now(), Instant::now());
    for step in 1_u32.. {
        if start.elapsed() >= length {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due = (due + FRAME).max(Instant::now());
        let began = Instant::now();
        harness.hover_at(at(from, step));
        harness.step();
        let output = harness.output();
        harness.ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
        frames.push(began.elapsed().as_secs_f64());
        let now = shown(&engine);
        if now.is_some() && now != seen {
            curves += 1;
            seen = now;
        }
    }
    let elapsed = start.elapsed().as_secs_f64();
    frames.sort_by(f64::total_cmp);
    Ok(Drag { curves_per_second: f64::from(curves) / elapsed, frames })
}

/// Where the hand is at a frame: up and down.
fn at(from: Pos2, step: u32) -> Pos2 {
    let way = (step as f32 * STRIDE) % (4.0 * REACH);
    let height = if way < REACH {
        way
    } else if way < 3.0 * REACH {
        2.0 * REACH - way
    } else {
        way - 4.0 * REACH
    };
    from + vec2(0.0, height)
}

/// The rate by which one knows the first lane's curve from another, if it is whole.
fn shown(engine: &Engine) -> Option<u64> {
    engine.read(|shared| {
        let store = &shared.lanes.values().next()?.store;
        let whole = store.updates() >= shared.status.updates;
        let rate = store.series(Column::Lr).at(shared.status.updates / 2)?;
        whole.then_some(rate.value.to_bits())
    })
}
