//! The studio as an application: drains the engine, lays the panels out, does what was asked for.

mod actions;
mod exchange;
mod files;
mod panels;
mod recordings;
mod resume;

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use eframe::egui::{Context, Ui, ViewportCommand, Visuals};
use eframe::{CreationContext, Frame as Shell};

use crate::engine::protocol::{Command, FieldRequest, Guard, Speed, State, SurveyRequest};
use crate::engine::{Engine, Options};
use crate::train::device::Choice;
use crate::train::ids::LaneId;

use super::document::Document;
use super::frame::Ask;
use super::panels::{context, field, landscape, microscope};
use super::picker::{FilePicker, Picking, SystemPicker};
use super::scenery::Scenery;
use super::sheet::Found;
use super::studio::Studio;
use super::theme::{self, metrics};
use super::trainer::Trainer;
use super::view::Context as SidePanel;
use super::widgets::looked_up;
pub use files::{is_recording, is_saved_training};
use resume::Reading;

/// Between two frames while training: at most 60 a second.
const FRAME: Duration = Duration::from_millis(16);

/// The studio.
pub struct StudioApp {
    studio: Studio,
    trainer: Box<dyn Trainer>,
    picker: Box<dyn FilePicker>,
    picking: Picking,
    /// The text or file that is being read for an import.
    importing: Option<Receiver<Found>>,
    /// The folder that is being looked into for a saved training.
    reading: Option<Reading>,
    /// Commands that found no room yet, oldest first.
    outbox: VecDeque<Command>,
    sent: Sent,
    title: String,
    /// Whether closing was decided on.
    leaving: bool,
}

/// What the engine was told last.
struct Sent {
    generation: u64,
    speed: Speed,
    device: Choice,
    guard: Guard,
    watch: Option<FieldRequest>,
    examine: Vec<LaneId>,
    survey: Option<SurveyRequest>,
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
        let mut app = Self::with(cc, document, Box::new(engine), Box::new(SystemPicker));
        app.studio.view.mode = mode;
        app.studio.view.speed = speed;
        app.studio.view.device = device;
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
            watch: None,
            examine: Vec::new(),
            survey: None,
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
            leaving: false,
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
        let clock = self.studio.clock();
        let shown = self.studio.view.context_open.then(|| context::current(&self.studio));
        let view = &self.studio.view;
        let playhead = self.studio.frame.status.update;
        let hidden = &view.hidden;
        let begins = self.studio.begins();
        let ask = Ask {
            bounds: view.window.bounds(playhead, self.studio.extent()),
            columns: self.studio.layout.across.span().max(metrics::PLOT_MIN) as usize,
            quantity: view.quantity,
            number: view.number,
            smoothing: view.smoothing,
            cursor: view.cursor.map(|cursor| cursor.max(0.0) as u64),
            shown: &|run| !hidden.contains(&run),
            begins: &|run| begins.get(&run).copied().unwrap_or_default(),
            tally: (shown == Some(SidePanel::Report)).then(|| {
                let train = &self.studio.document.experiment().train;
                (train.seed, train.clip_norm)
            }),
        };
        let frame = &mut self.studio.frame;
        self.trainer.read(&mut |shared| frame.gather(shared, &ask));
        self.studio.shelf.gather(frame, &ask, clock);
        self.studio.follow_engine();
        self.studio.refresh();
        self.studio.poll_lab(shown);
    }

    /// Asks for what the side panel is there to show, where it takes a button to ask for it.
    pub fn ask_for_panel(&mut self) {
        match context::current(&self.studio) {
            SidePanel::RangeTest => self.studio.test_range(),
            SidePanel::BatchSize => self.studio.measure_noise(),
            SidePanel::Report => self.studio.tune_baseline(),
            _ => {}
        }
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
        let shown = view.context_open.then(|| context::current(&self.studio));
        let watch = field::request(&self.studio).filter(|_| shown == Some(SidePanel::Field));
        if self.sent.watch != watch {
            self.sent.watch.clone_from(&watch);
            self.outbox.push_back(Command::Watch(watch));
        }
        let examine = match shown {
            Some(SidePanel::Microscope) => microscope::request(&self.studio),
            _ => Vec::new(),
        };
        if self.sent.examine != examine {
            self.sent.examine.clone_from(&examine);
            self.studio.tell(Command::Examine(examine));
        }
        let survey = landscape::request(&self.studio).filter(|_| shown == Some(SidePanel::Landscape));
        if self.sent.survey != survey {
            self.sent.survey.clone_from(&survey);
            self.outbox.push_back(Command::Survey(survey));
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
        let frame = &self.studio.frame;
        let here = frame.field.as_ref().map(|field| &field.request);
        let field = self.sent.watch.is_some() && here != self.sent.watch.as_ref();
        let seen = |lane| frame.examined.iter().any(|seen| seen.lane == lane && seen.complete);
        let looks = !self.sent.examine.iter().all(|lane| seen(*lane));
        let survey = self.sent.survey.is_some() && landscape::is_waiting(&self.studio);
        let shown = self.studio.view.context_open && context::current(&self.studio) == SidePanel::Snapshots;
        let opens = self.studio.shelf.is_opening();
        opens || field || looks || survey || self.studio.lab.is_busy() || shown && self.studio.is_comparing()
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

impl eframe::App for StudioApp {
    fn logic(&mut self, ctx: &Context, _: &mut Shell) {
        self.closing(ctx);
        self.picked(ctx);
        self.imported();
        self.recordings(ctx);
        self.poll_saved();
        self.gather();
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut Shell) {
        let ctx = ui.ctx().clone();
        self.shortcuts(&ctx);
        panels::show(ui, &mut self.studio);
        if let Some(term) = looked_up(&ctx) {
            self.studio.lab.term = term.to_owned();
            self.studio.view.context = Some(SidePanel::Glossary);
            self.studio.view.context_open = true;
        }
        self.sheet(ui);
        self.act(&ctx);
        // A gesture ends with the hand off the button, and with the cursor out of the field.
        if !ctx.input(|input| input.pointer.any_down()) && !ctx.text_edit_focused() {
            self.studio.document.settle();
        }
        self.studio.refresh();
        self.send();
        self.name_window(&ctx);
        let moves = matches!(self.studio.frame.status.state, State::Playing | State::Preparing);
        if (moves && !self.studio.view.still) || self.is_behind() || self.studio.lab.is_busy() {
            ctx.request_repaint_after(FRAME);
        }
    }

    fn clear_color(&self, visuals: &Visuals) -> [f32; 4] {
        theme::of(visuals).panel.to_normalized_gamma_f32()
    }
}
