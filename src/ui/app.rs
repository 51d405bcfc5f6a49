//! The studio as an application: drains the engine, lays the panels out, does what was asked for.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::{
    CentralPanel, Context, Frame as Ground, Margin, Panel, Rect, Sense, Theme, Ui, UiBuilder,
    ViewportCommand, pos2, vec2,
};
use eframe::{CreationContext, Frame as Shell};

use crate::experiment::Experiment;
use crate::train::command::{Command, FieldRequest, Speed, State};
use crate::train::engine::{Engine, Options};

use super::action::Action;
use super::document::{Document, first, presets};
use super::frame::Ask;
use super::panels::{context, field, ground, inspector, rule, runs, timeline, top_bar};
use super::picker::{Ask as Wanted, FilePicker, Picking, SystemPicker};
use super::sheet::{Decision, Sheet, Then};
use super::studio::Studio;
use super::theme::{self, metrics};
use super::trainer::Trainer;
use super::view::{Context as SidePanel, Window};
use super::{plot, view};

/// Between two frames while training: at most 60 a second.
const FRAME: Duration = Duration::from_millis(16);

/// Slow enough to see training happen, and to bend a schedule while it does, in updates a second.
const OPENING_SPEED: f64 = 100.0;

/// The studio.
pub struct StudioApp {
    studio: Studio,
    trainer: Box<dyn Trainer>,
    picker: Box<dyn FilePicker>,
    picking: Picking,
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
    watch: Option<FieldRequest>,
}

impl StudioApp {
    /// The studio over an engine of its own.
    ///
    /// # Errors
    /// When the system gives no thread to train on.
    pub fn new(cc: &CreationContext<'_>, document: Document, options: Options) -> io::Result<Self> {
        let ctx = cc.egui_ctx.clone();
        let mode = options.mode;
        let engine = Engine::start(document.revision(), options, move || ctx.request_repaint())?;
        let mut app = Self::with(cc, document, Box::new(engine), Box::new(SystemPicker));
        app.studio.view.mode = mode;
        app.studio.view.speed = Speed::Limited(OPENING_SPEED);
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
        let sent = Sent { generation: document.generation(), speed: Speed::Unlimited, watch: None };
        Self {
            studio: Studio::new(document),
            trainer,
            picker,
            picking: Picking::default(),
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
        let ask = Ask {
            bounds: view.window.bounds(playhead, clock.updates),
            columns: self.studio.layout.across.span().max(metrics::PLOT_MIN) as usize,
            quantity: view.quantity,
            smoothing: view.smoothing,
            cursor: view.cursor.map(|cursor| cursor.max(0.0) as u64),
            shown: &|run| !hidden.contains(&run),
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
        let watches = view.context_open && context::current(&self.studio) == SidePanel::Field;
        let watch = field::request(&self.studio).filter(|_| watches);
        if self.sent.watch != watch {
            self.sent.watch.clone_from(&watch);
            self.outbox.push_back(Command::Watch(watch));
        }
        while let Some(command) = self.outbox.front() {
            if !self.trainer.send(command.clone()) {
                return;
            }
            self.outbox.pop_front();
        }
        let generation = self.studio.document.generation();
        if self.sent.generation != generation
            && self.trainer.send(Command::Revise(self.studio.document.revision(), self.studio.view.mode))
        {
            self.sent.generation = generation;
        }
    }

    /// Whether the side panel waits for a picture from the engine.
    pub fn waits_for_field(&self) -> bool {
        let here = self.studio.frame.field.as_ref().map(|field| &field.request);
        self.sent.watch.is_some() && here != self.sent.watch.as_ref()
    }

    fn is_behind(&self) -> bool {
        !self.outbox.is_empty() || self.sent.generation != self.studio.document.generation()
    }

    fn shortcuts(&mut self, ctx: &Context) {
        if self.studio.sheet.is_some() {
            return;
        }
        let mut actions = Action::ALL;
        // Keys with more modifiers first: Shift would otherwise be overlooked.
        actions.sort_by_key(|action| {
            let modifiers = action.about().shortcut.modifiers;
            std::cmp::Reverse(usize::from(modifiers.shift) + usize::from(modifiers.command))
        });
        let typing = ctx.text_edit_focused();
        let focused = ctx.memory(|memory| memory.focused().is_some());
        for action in actions {
            let shortcut = action.about().shortcut;
            let plain = shortcut.modifiers.is_none();
            let taken = typing && (plain || shortcut.conflicts_with_text_editing()) || focused && plain;
            if !taken && ctx.input_mut(|input| input.consume_shortcut(&shortcut)) {
                self.studio.ask(action);
            }
        }
    }

    fn panels(&mut self, ui: &mut Ui) {
        let studio = &mut self.studio;
        let tokens = theme::tokens(ui);
        let bar = ground(ui, Margin::symmetric(metrics::MARGIN_M, 0));
        Panel::top("top bar").exact_size(metrics::TOP_BAR).resizable(false).frame(bar).show(ui, |ui| {
            top_bar::show(ui, studio);
        });
        let strip = ground(ui, Margin::symmetric(metrics::MARGIN_M, 0));
        Panel::bottom("timeline").exact_size(metrics::TIMELINE).resizable(false).frame(strip).show(
            ui,
            |ui| {
                timeline::show(ui, studio);
            },
        );
        let side = ground(ui, Margin::symmetric(metrics::MARGIN_M, metrics::MARGIN_S));
        Panel::left("runs")
            .resizable(true)
            .default_size(metrics::LEFT)
            .size_range(metrics::LEFT_MIN..=metrics::LEFT_MAX)
            .frame(side)
            .show(ui, |ui| filled(ui, |ui| left(ui, studio)));
        if studio.view.context_open {
            Panel::right("side panel")
                .resizable(true)
                .default_size(metrics::RIGHT)
                .size_range(metrics::RIGHT_MIN..=metrics::RIGHT_MAX)
                .frame(side)
                .show(ui, |ui| filled(ui, |ui| context::show(ui, studio)));
        } else {
            let margin = Margin::symmetric(metrics::MARGIN_XS, metrics::MARGIN_S);
            Panel::right("folded side panel")
                .exact_size(metrics::RIGHT_FOLDED)
                .resizable(false)
                .frame(ground(ui, margin))
                .show(ui, |ui| context::folded(ui, studio));
        }
        let field = Ground::new().fill(tokens.ground).inner_margin(Margin {
            left: 0,
            right: metrics::MARGIN_S,
            top: metrics::MARGIN_XS,
            bottom: metrics::MARGIN_XS,
        });
        CentralPanel::default().frame(field).show(ui, |ui| {
            if let State::Failed(message) = studio.frame.status.state.clone() {
                failure(ui, &message);
            }
            plot::show(ui, studio);
        });
        studio.toasts.show(ui);
    }

    /// Does what was asked for in this frame.
    fn act(&mut self, ctx: &Context) {
        for action in self.studio.take_asked() {
            self.one(ctx, action);
        }
    }

    fn one(&mut self, ctx: &Context, action: Action) {
        let studio = &mut self.studio;
        let selected = studio.view.selected;
        match action {
            Action::New => self.unless_unsaved(ctx, Then::New),
            Action::Open => self.unless_unsaved(ctx, Then::Open),
            Action::Quit => self.unless_unsaved(ctx, Then::Quit),
            Action::Save => self.save(ctx, None),
            Action::SaveAs => self.ask_where(None),
            Action::Undo => studio.document.undo(),
            Action::Redo => studio.document.redo(),
            Action::AddRun => self.add_run(),
            Action::DuplicateRun => {
                if let Some(copy) = studio.document.duplicate(selected) {
                    studio.view.selected = copy;
                }
            }
            Action::RenameRun => {
                let name = studio.document.run(selected).map(|run| run.name.clone());
                studio.view.renaming = name.map(|name| (selected, name));
            }
            Action::HideRun => {
                if !studio.view.hidden.remove(&selected) {
                    studio.view.hidden.insert(selected);
                }
            }
            Action::DeleteRun => {
                let name = studio.document.run(selected).map(|run| run.name.clone()).unwrap_or_default();
                studio.document.remove(selected);
                if studio.document.run(selected).is_none() {
                    let keys = ctx.format_shortcut(&Action::Undo.about().shortcut);
                    studio.toasts.done(format!("Deleted “{name}”. {keys} brings it back."));
                } else {
                    studio.toasts.done("The last run stays: an experiment has at least one.");
                }
            }
            Action::PlayPause => {
                let playing = studio.frame.status.state == State::Playing;
                self.outbox.push_back(if playing { Command::Pause } else { Command::Play });
            }
            Action::Step => self.outbox.push_back(Command::Step),
            Action::Restart => self.outbox.push_back(Command::Restart),
            Action::SwitchMode => {
                use crate::train::command::Mode;
                studio.view.mode = match studio.view.mode {
                    Mode::Live => Mode::Instant,
                    Mode::Instant => Mode::Live,
                };
            }
            Action::Fit => studio.view.window = Window::Whole,
            Action::Follow => {
                studio.view.window = match studio.view.window {
                    Window::Follow { .. } => Window::Whole,
                    _ => view::following(studio.clock().updates),
                };
            }
            Action::SwitchContext => studio.view.context_open = !studio.view.context_open,
            Action::SwitchTheme => {
                let dark = ctx.theme() == Theme::Dark;
                ctx.set_theme(if dark { Theme::Light } else { Theme::Dark });
            }
            Action::ReduceMotion => {
                studio.view.reduced_motion = !studio.view.reduced_motion;
                theme::install(ctx, studio.view.reduced_motion);
            }
        }
        ctx.request_repaint();
    }

    /// A run beside the others: the schedule that none of them has yet, with the selected one's optimizer.
    fn add_run(&mut self) {
        let studio = &mut self.studio;
        let clock = studio.clock();
        let taken: Vec<&str> = studio.document.runs().map(|(_, run)| run.lr.kind.name()).collect();
        let fresh =
            presets().iter().filter(|preset| !preset.plateau).find(|preset| !taken.contains(&preset.kind));
        let Some(preset) = fresh.or_else(|| presets().first()) else { return };
        let Some(mut run) = studio.document.run(studio.view.selected).cloned() else { return };
        run.name = preset.name.to_lowercase();
        preset.apply(&mut run, clock);
        studio.view.selected = studio.document.add(run);
    }

    fn unless_unsaved(&mut self, ctx: &Context, then: Then) {
        if self.studio.document.is_dirty() {
            self.studio.sheet = Some(Sheet::Unsaved { then });
        } else {
            self.go_on(ctx, &then);
        }
    }

    fn go_on(&mut self, ctx: &Context, then: &Then) {
        self.studio.sheet = None;
        match then {
            Then::New => match first() {
                Ok(experiment) => self.studio.replace(Document::new(experiment, None)),
                Err(error) => self.studio.toasts.failed(error.to_string()),
            },
            Then::Open => self.studio.sheet = Some(Sheet::open()),
            Then::Quit => {
                self.leaving = true;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
        }
    }

    fn save(&mut self, ctx: &Context, then: Option<Then>) {
        match self.studio.document.path().cloned() {
            Some(path) => self.save_to(ctx, &path, then),
            None => self.ask_where(then),
        }
    }

    fn ask_where(&mut self, then: Option<Then>) {
        let document = &self.studio.document;
        let path = document
            .path()
            .map_or_else(|| file_name(&document.experiment().name), |path| path.display().to_string());
        self.studio.sheet = Some(Sheet::Save { path, error: None, then });
    }

    fn save_to(&mut self, ctx: &Context, path: &Path, then: Option<Then>) {
        match self.studio.document.experiment().save(path) {
            Ok(()) => {
                self.studio.document.mark_saved(path.to_owned());
                self.studio.sheet = None;
                self.studio.toasts.done(format!("Saved {}", path.display()));
                if let Some(then) = then {
                    self.go_on(ctx, &then);
                }
            }
            Err(error) => {
                let error = format!("Not saved: {error}. Your changes are still here.");
                if !matches!(self.studio.sheet, Some(Sheet::Save { .. })) {
                    self.studio.toasts.failed(error.clone());
                }
                let path = path.display().to_string();
                self.studio.sheet = Some(Sheet::Save { path, error: Some(error), then });
            }
        }
    }

    fn open_from(&mut self, path: &Path) {
        match Experiment::open(path) {
            Ok(experiment) => {
                self.studio.replace(Document::new(experiment, Some(path.to_owned())));
                self.studio.sheet = None;
                self.studio.toasts.done(format!("Opened {}", path.display()));
            }
            Err(error) => {
                let path = path.display().to_string();
                self.studio.sheet = Some(Sheet::Open { path, error: Some(error.to_string()) });
            }
        }
    }

    fn sheet(&mut self, ui: &Ui) {
        let Some(mut sheet) = self.studio.sheet.take() else { return };
        let name = self.studio.document.experiment().name.clone();
        let decision = sheet.show(ui, &name, self.picking.is_busy());
        let then = match &sheet {
            Sheet::Save { then, .. } => then.clone(),
            Sheet::Unsaved { then } => Some(then.clone()),
            Sheet::Open { .. } => None,
        };
        let wanted = match &sheet {
            Sheet::Save { path, .. } => Wanted::Save(base_name(path)),
            _ => Wanted::Open,
        };
        self.studio.sheet = Some(sheet);
        let ctx = ui.ctx();
        match decision {
            None => {}
            Some(Decision::Cancel) => self.studio.sheet = None,
            Some(Decision::Browse) => {
                let wake = ctx.clone();
                self.picking.start(&*self.picker, wanted, move || wake.request_repaint());
            }
            Some(Decision::Open(path)) => self.open_from(&path),
            Some(Decision::Save(path)) => self.save_to(ctx, &path, then),
            Some(Decision::SaveFirst) => self.save(ctx, then),
            Some(Decision::Discard) => {
                if let Some(then) = then {
                    self.go_on(ctx, &then);
                }
            }
        }
    }

    /// What the system's dialog answered.
    fn picked(&mut self, ctx: &Context) {
        let Some(answer) = self.picking.poll() else { return };
        let Some(path) = answer else { return };
        match self.studio.sheet.clone() {
            Some(Sheet::Open { .. }) => self.open_from(&path),
            Some(Sheet::Save { then, .. }) => self.save_to(ctx, &with_extension(path), then),
            _ => {}
        }
    }

    fn closing(&mut self, ctx: &Context) {
        let asked = ctx.input(|input| input.viewport().close_requested());
        if asked && !self.leaving && self.studio.document.is_dirty() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.studio.sheet = Some(Sheet::Unsaved { then: Then::Quit });
        }
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
        self.gather();
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut Shell) {
        let ctx = ui.ctx().clone();
        self.shortcuts(&ctx);
        self.panels(ui);
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

    fn clear_color(&self, visuals: &eframe::egui::Visuals) -> [f32; 4] {
        theme::of(visuals).panel.to_normalized_gamma_f32()
    }
}

/// Content that takes all of a panel, whatever room it needs: a panel is as wide as the hand that drew it.
fn filled(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let full = ui.available_rect_before_wrap();
    ui.allocate_rect(full, Sense::hover());
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(full));
    ui.set_clip_rect(full.expand(f32::from(metrics::MARGIN_M)).intersect(ui.clip_rect()));
    content(ui);
}

/// Runs above, what is set for the selected one below.
fn left(ui: &mut Ui, studio: &mut Studio) {
    let full = ui.available_rect_before_wrap();
    let rows = studio.document.runs().count() as f32;
    let wanted =
        metrics::ICON_BUTTON + metrics::XS + rows * (metrics::RUN_ROW + metrics::XS / 2.0) + metrics::XS;
    let height = wanted.min(full.height() * 0.45);
    let list = Rect::from_min_size(full.min, vec2(full.width(), height));
    runs::show(&mut ui.new_child(UiBuilder::new().max_rect(list)), studio);
    let below = Rect::from_min_max(pos2(full.left(), list.bottom()), full.max);
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(below));
    rule(ui);
    inspector::show(ui, studio);
}

/// Why nothing trains, where the loss would be.
fn failure(ui: &mut Ui, message: &str) {
    let tokens = theme::tokens(ui);
    Ground::new()
        .fill(tokens.panel)
        .stroke((metrics::HAIRLINE, tokens.danger))
        .corner_radius(metrics::RADIUS)
        .inner_margin(Margin::same(metrics::MARGIN_M))
        .outer_margin(Margin { left: metrics::MARGIN_M, ..Margin::same(metrics::MARGIN_XS) })
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(theme::title(ui, "Training cannot go on").color(tokens.danger));
            ui.add(eframe::egui::Label::new(message).wrap());
            ui.label(theme::caption(ui, "Nothing is lost. The next change of the experiment tries again."));
        });
}

/// A file name for an experiment.
fn file_name(name: &str) -> String {
    let plain: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let stem = if parts.is_empty() { "experiment".to_owned() } else { parts.join("-") };
    format!("{stem}.toml")
}

fn base_name(path: &str) -> String {
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "experiment.toml".to_owned())
}

fn with_extension(path: PathBuf) -> PathBuf {
    if path.extension().is_some() { path } else { path.with_extension("toml") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experiments_get_file_names() {
        assert_eq!(file_name("Digits: does cosine beat constant?"), "digits-does-cosine-beat-constant.toml");
        assert_eq!(file_name("?!"), "experiment.toml");
        assert_eq!(with_extension(PathBuf::from("a/b")), PathBuf::from("a/b.toml"));
        assert_eq!(base_name("a/b.toml"), "b.toml");
    }
}
