//! The studio as an application: drains the engine, lays the panels out, does what was asked for.

mod actions;
mod borders;
mod exchange;
mod files;
mod follow;
mod keeping;
mod lessons;
mod panels;
mod presenter;
mod recordings;
mod resume;
mod share;
mod take;
mod wishes;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use eframe::egui::{Context, Id, Ui, ViewportCommand, Visuals};
use eframe::{CreationContext, Frame as Shell};

use crate::engine::protocol::{Command, Guard, Speed, State};
use crate::engine::{Engine, Options};
use crate::jobs::Job;
use crate::train::device::Choice;
use crate::train::ids::Mode;

use super::document::Document;
use super::frame::Ask;
use super::gallery::Gallery;
use super::keeper::Keeper;
use super::palette::Palette;
use super::panel::Request;
use super::panels::{PANELS, glossary, side_panel};
use super::picker::{FilePicker, Picking, SystemPicker};
use super::plot::{XAxis, along};
use super::scenery::Scenery;
use super::sheet::Found;
use super::studio::Studio;
use super::theme::{self, metrics};
use super::trainer::Trainer;
use super::widgets::looked_up;
use presenter::Before;
use resume::Reading;
use take::Pictures;

/// Between two frames while training: at most 60 a second.
const FRAME: Duration = Duration::from_millis(16);

/// The studio.
pub struct StudioApp {
    studio: Studio,
    trainer: Box<dyn Trainer>,
    picker: Box<dyn FilePicker>,
    picking: Picking,
    /// The text or file that is being read for an import.
    importing: Option<Job<Found>>,
    /// The folder that is being looked into for a saved training.
    reading: Option<Reading>,
    /// Commands that found no room yet, oldest first.
    outbox: VecDeque<Command>,
    sent: Sent,
    title: String,
    /// Whether a panel has asked for work that is on its way.
    busy: bool,
    /// Whether closing was decided on.
    leaving: bool,
    /// What keeps work and preferences between starts; nothing in pictures and tests.
    keeper: Option<Keeper>,
    palette: Option<Palette>,
    gallery: Option<Gallery>,
    /// How things were before the presenter.
    before: Option<Before>,
    pictures: Pictures,
    /// What had the focus in the last frame.
    focused: Option<Id>,
}

/// What the engine was told last.
struct Sent {
    generation: u64,
    speed: Speed,
    device: Choice,
    guard: Guard,
    request: Request,
    mode: Mode,
}

impl StudioApp {
    /// The studio over an engine of its own.
    ///
    /// # Errors
    /// When the system gives no thread to train on.
    pub fn new(cc: &CreationContext<'_>, document: Document, options: Options) -> io::Result<Self> {
        let ctx = cc.egui_ctx.clone();
        let Options { mode, speed, device, .. } = options;
        let engine = Engine::start(document.revision(), options, move || ctx.request_repaint())?;
        let viewer = engine.viewer();
        let mut app = Self::with(cc, document, Box::new(engine), Box::new(SystemPicker));
        app.studio.viewer = Some(viewer);
        app.studio.view.mode = mode;
        app.studio.view.speed = speed;
        app.studio.view.device = device;
        app.sent.mode = mode;
        app.sent.speed = speed;
        app.sent.device = device;
        Ok(app)
    }

    /// The studio over any trainer and any file dialog.
    pub fn with(
        cc: &CreationContext<'_>,
        document: Document,
        trainer: Box<dyn Trainer>,
        picker: Box<dyn FilePicker>,
    ) -> Self {
        theme::install(&cc.egui_ctx, false);
        let sent = Sent {
            generation: document.generation(),
            speed: Speed::Unlimited,
            device: Choice::Auto,
            guard: Guard::default(),
            request: Request::default(),
            mode: Mode::Live,
        };
        let mut studio = Studio::new(document);
        studio.scenery = Scenery::new(cc.wgpu_render_state.clone());
        Self {
            studio,
            trainer,
            picker,
            picking: Picking::default(),
            importing: None,
            reading: None,
            outbox: VecDeque::new(),
            sent,
            title: String::new(),
            busy: false,
            leaving: false,
            keeper: None,
            palette: None,
            gallery: None,
            before: None,
            pictures: Pictures::default(),
            focused: None,
        }
    }

    /// What the panels share.
    pub fn studio(&self) -> &Studio {
        &self.studio
    }

    /// What the panels share, to set it from outside.
    pub fn studio_mut(&mut self) -> &mut Studio {
        &mut self.studio
    }

    /// Copies what a frame needs out of the engine.
    fn gather(&mut self) {
        if self.studio.view.mode != self.sent.mode {
            if self.studio.view.mode == Mode::Instant {
                self.studio.begin_mixed();
            }
            self.sent.mode = self.studio.view.mode;
        }
        self.studio.note_begun();
        let clock = self.studio.clock();
        let request = self.request();
        let view = &self.studio.view;
        let playhead = self.studio.frame.status.update;
        let hidden = &view.hidden;
        let begins = self.studio.begins();
        let (across, document) = (&self.studio.along, &self.studio.document);
        let ask = Ask {
            bounds: across
                .updates(across.span(view.window, view.window.bounds(playhead, self.studio.extent()))),
            columns: self.studio.layout.across.span().max(metrics::PLOT_MIN) as usize,
            quantity: view.quantity,
            number: view.number,
            smoothing: view.smoothing.then_some(view.half_life),
            cursor: view.cursor.map(|cursor| cursor.max(0.0) as u64),
            mark: view.mark.map(|mark| mark.max(0.0) as u64),
            shown: &|run| !hidden.contains(&run),
            begins: &|run| begins.get(&run).copied().unwrap_or_default(),
            parts: &|run| document.parts(run),
            tally: request.tally.then(|| {
                let train = &self.studio.document.experiment().train;
                (train.seed, train.clip_norm)
            }),
            used: request.used,
            sums: view.x_axis == XAxis::Rates,
            decades: view.x_axis == XAxis::Log,
        };
        let frame = &mut self.studio.frame;
        self.trainer.read(&mut |shared| frame.gather(shared, &ask));
        self.studio.shelf.gather(frame, &ask, clock);
        self.studio.follow_engine();
        self.studio.refresh();
        self.studio.along = along(&self.studio);
        let shown = side_panel::shown(&self.studio).map(|panel| panel.name);
        self.busy = false;
        for panel in PANELS {
            self.busy |= (panel.poll)(&mut self.studio, shown == Some(panel.name));
        }
    }

    /// What the engine keeps fresh for the panel on screen.
    fn request(&self) -> Request {
        side_panel::shown(&self.studio).map_or_else(Request::default, |panel| (panel.request)(&self.studio))
    }

    /// Asks for what the side panel is there to show, where it takes a button to ask for it.
    pub fn ask_for_panel(&mut self) {
        (side_panel::current(&self.studio).ask)(&mut self.studio);
    }

    /// Tells the engine what changed. What finds no room is sent with the next frame.
    fn send(&mut self) {
        let view = &self.studio.view;
        if self.sent.speed != view.speed {
            self.sent.speed = view.speed;
            self.outbox.push_back(Command::Speed(view.speed));
        }
        if self.sent.device != view.device {
            self.sent.device = view.device;
            self.outbox.push_back(Command::Device(view.device));
        }
        if self.sent.guard != view.guard {
            self.sent.guard = view.guard;
            self.outbox.push_back(Command::Guard(view.guard));
        }
        let request = self.request();
        let sent = std::mem::replace(&mut self.sent.request, request.clone());
        if sent.watch != request.watch {
            self.outbox.push_back(Command::Watch(request.watch));
        }
        if sent.examine != request.examine {
            self.studio.tell(Command::Examine(request.examine));
        }
        if sent.survey != request.survey {
            self.outbox.push_back(Command::Survey(request.survey));
        }
        if !self.post() {
            return;
        }
        let generation = self.studio.document.generation();
        if self.sent.generation != generation {
            if !self.trainer.send(Command::Revise(self.studio.document.revision(), self.studio.view.mode)) {
                return;
            }
            self.sent.generation = generation;
        }
        self.outbox.extend(self.studio.take_told());
        self.post();
    }

    /// Sends what waits, as far as there is room; whether all of it was sent.
    fn post(&mut self) -> bool {
        while let Some(command) = self.outbox.front() {
            if !self.trainer.send(command.clone()) {
                return false;
            }
            self.outbox.pop_front();
        }
        true
    }

    /// Whether the side panel waits for something from the engine.
    pub fn is_waiting(&self) -> bool {
        let panel = side_panel::shown(&self.studio);
        self.busy
            || self.studio.shelf.is_opening()
            || panel.is_some_and(|panel| (panel.is_waiting)(&self.studio))
    }

    fn is_behind(&self) -> bool {
        !self.outbox.is_empty() || self.sent.generation != self.studio.document.generation()
    }

    fn name_window(&mut self, ctx: &Context) {
        let document = &self.studio.document;
        let mark = if document.is_dirty() { "• " } else { "" };
        let title = format!("{mark}{} – Anneal Studio", document.experiment().name);
        if self.title != title {
            self.title.clone_from(&title);
            ctx.send_viewport_cmd(ViewportCommand::Title(title));
        }
    }
}

/// Frames after the start in which the window's place is still being decided.
const SETTLING: u64 = 30;

/// A new window of which the screen cannot show all takes the whole screen: its title bar counts, too, and the
/// timeline is what would be cut.
fn fit_screen(ctx: &Context) {
    if ctx.cumulative_pass_nr() > SETTLING {
        return;
    }
    let cut = ctx.input(|input| {
        let viewport = input.viewport();
        let size = viewport.outer_rect.map(|rect| rect.size()).zip(viewport.monitor_size);
        let whole = viewport.maximized == Some(true) || viewport.fullscreen == Some(true);
        !whole && size.is_some_and(|(window, screen)| window.x > screen.x || window.y > screen.y)
    });
    if cut {
        ctx.send_viewport_cmd(ViewportCommand::Maximized(true));
    }
}

impl eframe::App for StudioApp {
    fn logic(&mut self, ctx: &Context, _: &mut Shell) {
        fit_screen(ctx);
        self.closing(ctx);
        self.picked(ctx);
        self.imported();
        self.recordings(ctx);
        self.poll_saved();
        self.pasted(ctx);
        self.pictures(ctx);
        self.gather();
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut Shell) {
        let ctx = ui.ctx().clone();
        self.shortcuts(&ctx);
        self.follow_focus(&ctx);
        self.fit_presentation(&ctx);
        panels::show(ui, &mut self.studio);
        if let Some(term) = looked_up(&ctx) {
            glossary::look_up(&mut self.studio, term);
        }
        self.sheet(ui);
        self.show_palette(&ctx);
        self.show_gallery(&ctx);
        self.fulfil(&ctx);
        self.act(&ctx);
        // A gesture ends with the hand off the button, and with the cursor out of the field.
        if !ctx.input(|input| input.pointer.any_down()) && !ctx.text_edit_focused() {
            self.studio.document.settle();
        }
        self.studio.refresh();
        self.send();
        self.keep_on(&ctx);
        self.name_window(&ctx);
        let moves = matches!(self.studio.frame.status.state, State::Playing | State::Preparing);
        if (moves && !self.studio.view.still) || self.is_behind() || self.busy {
            ctx.request_repaint_after(FRAME);
        }
    }

    fn on_exit(&mut self) {
        self.keep_at_end();
    }

    fn clear_color(&self, visuals: &Visuals) -> [f32; 4] {
        theme::of(visuals).panel.to_normalized_gamma_f32()
    }
}
