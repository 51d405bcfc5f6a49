//! What a frame costs: the real studio, without drawing, over long histories, while the pointer reads, zooms and pans.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::App as _;
use eframe::egui::{
    Context, Event, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, Vec2, vec2,
};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use crate::engine::protocol::{Command, State, Status};
use crate::engine::{LaneView, Shared, Track};
use crate::experiment::{Experiment, Run};
use crate::schedule::{Clock, Span};
use crate::telemetry::{Row, Store};
use crate::train::ids::LaneId;
use crate::ui::app::StudioApp;
use crate::ui::document::{Document, first};
use crate::ui::picker::SystemPicker;
use crate::ui::trainer::Trainer;

/// Bytes of a lane's history, as the engine keeps them.
const HISTORY: usize = 20 << 20;
/// Frames until everything is in its place.
const WARM: usize = 8;
/// Frames without input, none of which may ask for another within this time.
const IDLE: usize = 12;
const AT_ONCE: Duration = Duration::from_millis(500);
/// Seconds between two frames while the pointer moves, and while nothing does.
const MOVING: f32 = 1.0 / 60.0;
const RESTING: f32 = 0.25;
const SCREEN: Vec2 = vec2(1440.0, 900.0);

/// The work of frames, in seconds, the least first: layout and tessellation. What a graphics adapter does with the
/// triangles is not in it.
#[derive(Clone, Debug)]
pub struct Interface {
    pub frames: Vec<f64>,
    /// The same while a screen reader listens, to whom every control is described.
    pub described: Vec<f64>,
    /// Of the frames after the pointer came to rest, those that asked for another one.
    pub idle_repaints: usize,
}

/// Telemetry that stands still.
struct Still(RefCell<Shared>);

impl Trainer for Still {
    fn send(&self, _: Command) -> bool {
        true
    }

    fn read(&self, read: &mut dyn FnMut(&mut Shared)) {
        read(&mut self.0.borrow_mut());
    }
}

/// Measures so many frames over so many runs of so many updates.
///
/// # Errors
/// None, unless the program was built from a broken file.
pub fn interface(
    runs: usize,
    updates: u64,
    frames: usize,
) -> Result<Interface, crate::experiment::FileError> {
    let document = Document::new(experiment(runs, updates)?, None);
    let shared = shared(&document, updates);
    let trainer = Box::new(Still(RefCell::new(shared)));
    let mut harness = Harness::builder().with_size(SCREEN).allow_missing_glyphs().build_eframe(|cc| {
        let mut app = StudioApp::with(cc, document, trainer, Box::new(SystemPicker));
        app.studio_mut().view.still = true;
        app
    });
    harness.run_steps(WARM);
    let plots: Vec<Rect> = ["Learning rate plot", "Loss plot", "Momentum plot"]
        .iter()
        .filter_map(|name| harness.query_all_by_label(name).next().map(|plot| plot.rect()))
        .collect();
    let context = harness.ctx.clone();
    let mut window = Window { context, app: harness.into_state(), frame: eframe::Frame::_new_kittest() };
    let described = window.frames(&plots, frames);
    window.context.disable_accesskit();
    let frames = window.frames(&plots, frames);
    for _ in 0..WARM {
        window.run(Vec::new(), RESTING);
    }
    let idle_repaints = (0..IDLE).filter(|_| window.run(Vec::new(), RESTING) < AT_ONCE).count();
    Ok(Interface { frames, described, idle_repaints })
}

/// The studio as a window runs it: all events since the last frame at once, where the harness of the tests has a frame
/// for each.
struct Window {
    context: Context,
    app: StudioApp,
    frame: eframe::Frame,
}

impl Window {
    /// A frame `after` the last one, in seconds; when it asks for the next.
    fn run(&mut self, events: Vec<Event>, after: f32) -> Duration {
        let screen = Rect::from_min_size(Pos2::ZERO, SCREEN);
        let input =
            RawInput { screen_rect: Some(screen), predicted_dt: after, events, ..RawInput::default() };
        let output = self.context.run_ui(input, |ui| {
            self.app.logic(ui, &mut self.frame);
            self.app.ui(ui, &mut self.frame);
        });
        self.context.tessellate(output.shapes, output.pixels_per_point);
        let delays = output.viewport_output.values().map(|viewport| viewport.repaint_delay);
        delays.min().unwrap_or(Duration::MAX)
    }

    /// The seconds of so many frames, the least first.
    fn frames(&mut self, plots: &[Rect], frames: usize) -> Vec<f64> {
        let mut seconds = Vec::with_capacity(frames);
        for frame in 0..frames {
            let Some(plot) = plots.get(frame / 40 % plots.len().max(1)) else { break };
            let moved = Event::PointerMoved(pointer(*plot, frame));
            let scrolled = frame.is_multiple_of(5).then(|| wheel(frame));
            let events = [moved].into_iter().chain(scrolled).collect();
            let began = Instant::now();
            self.run(events, MOVING);
            seconds.push(began.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        seconds
    }
}

/// The pointer wanders through a plot.
fn pointer(plot: Rect, frame: usize) -> Pos2 {
    let way = frame as f32 * 0.037;
    plot.lerp_inside(vec2(0.5 + 0.45 * way.sin(), 0.5 + 0.3 * (1.7 * way).cos()))
}

/// In and out again.
fn wheel(frame: usize) -> Event {
    let up = if (frame / 50).is_multiple_of(2) { 40.0 } else { -40.0 };
    Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: Vec2::new(0.0, up),
        phase: TouchPhase::Move,
        source: MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    }
}

fn experiment(runs: usize, updates: u64) -> Result<Experiment, crate::experiment::FileError> {
    let mut experiment = first()?;
    experiment.train.updates = Span::Updates(updates as f64);
    experiment.train.replicas = 1;
    let shipped = experiment.runs.clone();
    let run = |at: usize| {
        let run = &shipped[at % shipped.len()];
        Run { name: format!("{} {at}", run.name), ..run.clone() }
    };
    experiment.runs = (0..runs).map(run).collect();
    Ok(experiment)
}

/// Losses that fall with noise, as of a training that is over.
fn shared(document: &Document, updates: u64) -> Shared {
    let per_epoch = (updates / 100).max(1);
    let clock = Clock { updates, updates_per_epoch: per_epoch };
    let mut shared = Shared {
        status: Status {
            state: State::Finished,
            update: updates,
            updates,
            updates_per_epoch: per_epoch,
            generation: 1,
            chance_loss: Some(2.3),
            ..Status::default()
        },
        ..Shared::default()
    };
    let revision = document.revision();
    for (at, id) in revision.ids.iter().enumerate() {
        let mut store = Store::new(HISTORY);
        let curve = revision.experiment.runs.get(at).and_then(|run| run.lr.resolve(clock).ok());
        for update in 0..updates {
            let noise = ((update * 37 + at as u64 * 11) % 17) as f32;
            let loss = 2.3 / (1.0 + update as f32 * 20.0 / updates as f32) + 0.01 * noise;
            let is_validated = (update + 1).is_multiple_of(per_epoch);
            store.append(&[Row {
                update,
                lr: curve.as_ref().map_or(0.1, |curve| curve.at(update)),
                momentum: 0.9,
                train_loss: loss,
                grad_norm: 1.0,
                update_norm: 0.1,
                val_loss: is_validated.then_some(loss),
                val_accuracy: is_validated.then_some(0.9),
                ..Row::default()
            }]);
        }
        let view = LaneView {
            store,
            ghost: None,
            update: updates,
            diverged_at: None,
            failed: None,
            stopped: None,
            control: None,
            findings: Arc::default(),
            track: Track::default(),
        };
        shared.lanes.insert(LaneId { run: *id, replica: 0 }, view);
    }
    shared
}
