//! The studio as an application: drains the engine, lays the panels out, does what was asked for.

mod actions;
mod exchange;
mod files;
mod panels;
mod resume;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use eframe::egui::{Context, Ui, ViewportCommand, Visuals};
use eframe::{CreationContext, Frame as Shell};

use crate::engine::{Engine, Options};
use crate::train::command::{Command, FieldRequest, Speed, State};
use crate::train::place::Choice;

use super::document::Document;
use super::frame::Ask;
use super::panels::{context, field};
use super::picker::{FilePicker, Picking, SystemPicker};
use super::studio::Studio;
use super::theme::{self, metrics};
use super::trainer::Trainer;
use super::view::Context as SidePanel;
use resume::Reading;

/// Between two frames while training: at most 60 a second.
const FRAME: Duration = Duration::from_millis(16);

/// The studio.
pub struct StudioApp {
    studio: Studio,
    trainer: Box<dyn Trainer>,
    picker: Box<dyn FilePicker>,
    picking: Picking,
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
    watch: Option<FieldRequest>,
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
            watch: None,
        };
        Self {
            studio: Studio::new(document),
            trainer,
            picker,
            picking: Picking::default(),
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
        let view = &self.studio.view;
        let playhead = self.studio.frame.status.update;
        let hidden = &view.hidden;
        let begins = self.studio.begins();
        let ask = Ask {
            bounds: view.window.bounds(playhead, clock.updates),
            columns: self.studio.layout.across.span().max(metrics::PLOT_MIN) as usize,
            quantity: view.quantity,
            smoothing: view.smoothing,
            cursor: view.cursor.map(|cursor| cursor.max(0.0) as u64),
            shown: &|run| !hidden.contains(&run),
            begins: &|run| begins.get(&run).copied().unwrap_or_default(),
        };
        let frame = &mut self.studio.frame;
        self.trainer.look(&mut |shared| frame.gather(shared, &ask));
        self.studio.refresh();
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
        let watches = view.context_open && context::current(&self.studio) == SidePanel::Field;
        let watch = field::request(&self.studio).filter(|_| watches);
        if self.sent.watch != watch {
            self.sent.watch.clone_from(&watch);
            self.outbox.push_back(Command::Watch(watch));
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

    /// Whether the side panel waits for a picture from the engine.
    pub fn waits_for_field(&self) -> bool {
        let here = self.studio.frame.field.as_ref().map(|field| &field.request);
        self.sent.watch.is_some() && here != self.sent.watch.as_ref()
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
        self.looked();
        self.gather();
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut Shell) {
        let ctx = ui.ctx().clone();
        self.shortcuts(&ctx);
        panels::show(ui, &mut self.studio);
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
        if (moves && !self.studio.view.still) || self.is_behind() {
            ctx.request_repaint_after(FRAME);
        }
    }

    fn clear_color(&self, visuals: &Visuals) -> [f32; 4] {
        theme::of(visuals).panel.to_normalized_gamma_f32()
    }
}
