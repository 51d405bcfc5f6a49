//! Doing what was asked for by name.

use eframe::egui::{Context, Key, Modifiers, Theme, gui_zoom};

use crate::engine::protocol::{Command, State};
use crate::train::ids::{Mode, RunId};
use crate::ui::action::Action;
use crate::ui::document::{Document, presets};
use crate::ui::panels::{export, glossary, lesson};
use crate::ui::sheet::{Sheet, Then};
use crate::ui::theme;
use crate::ui::view::{Window, following};

use super::StudioApp;

impl StudioApp {
    pub(super) fn shortcuts(&mut self, ctx: &Context) {
        if self.studio.sheet.is_some() || self.palette.is_some() || self.gallery.is_some() {
            return;
        }
        let focused = ctx.memory(|memory| memory.focused().is_some());
        let escaped = || !focused && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        if self.studio.view.presenting && escaped() {
            self.studio.ask(Action::Present);
        }
        if self.studio.view.pencil && escaped() {
            self.studio.ask(Action::Pencil);
        }
        let mut actions = Action::ALL;
        // Keys with more modifiers first: Shift would otherwise be overlooked.
        actions.sort_by_key(|action| {
            let modifiers = action.about().shortcut.map(|shortcut| shortcut.modifiers).unwrap_or_default();
            std::cmp::Reverse(usize::from(modifiers.shift) + usize::from(modifiers.command))
        });
        let typing = ctx.text_edit_focused();
        for (action, shortcut) in Action::ALSO {
            if !typing && ctx.input_mut(|input| input.consume_shortcut(&shortcut)) {
                self.studio.ask(action);
            }
        }
        let on_plot = self.studio.view.plot_has_focus;
        for action in actions {
            let Some(shortcut) = action.about().shortcut else { continue };
            let plain = shortcut.modifiers.is_none();
            let taken = typing && (plain || shortcut.conflicts_with_text_editing())
                || focused && plain && is_for_widgets(shortcut.logical_key, on_plot);
            if !taken && ctx.input_mut(|input| input.consume_shortcut(&shortcut)) {
                self.studio.ask(action);
            }
        }
    }

    /// Does what was asked for in this frame.
    pub(super) fn act(&mut self, ctx: &Context) {
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
            Action::Continue => self.unless_unsaved(ctx, Then::Resume),
            Action::NewWindow => self.open_window(),
            Action::RestoreWork => self.restore_work(ctx),
            Action::DiscardWork => self.discard_work(),
            Action::Quit => self.unless_unsaved(ctx, Then::Quit),
            Action::Save => self.save(ctx, None),
            Action::SaveAs => self.ask_where(None),
            Action::ImportSchedule => studio.sheet = Some(Sheet::import()),
            Action::CopyLine => self.copy_line(ctx),
            Action::CopyPicture => self.copy_picture(ctx),
            Action::SavePage => self.save_page(),
            Action::ShowExport => {
                studio.view.open(export::PANEL.name);
            }
            Action::Undo => studio.document.undo(),
            Action::Redo => studio.document.redo(),
            Action::AddRun => self.add_run(),
            Action::DuplicateRun => {
                if let Some(copy) = studio.document.duplicate(selected) {
                    studio.view.selected = copy;
                }
            }
            Action::ForkRun => self.fork_run(),
            Action::RenameRun => {
                let name = studio.document.run(selected).map(|run| run.name.clone());
                studio.view.renaming = name.map(|name| (selected, name));
            }
            Action::HideRun => {
                if !studio.view.hidden.remove(&selected) {
                    studio.view.hidden.insert(selected);
                }
            }
            Action::MoveUp | Action::MoveDown => {
                move_run(&mut studio.document, selected, action == Action::MoveDown);
            }
            Action::Pencil => studio.view.pencil = !studio.view.pencil,
            Action::DeleteRun => {
                let name = studio.document.run(selected).map(|run| run.name.clone()).unwrap_or_default();
                let fork = studio.document.fork_of(selected).map(|fork| fork.name.clone());
                let had_sweep = studio.document.experiment().sweep.is_some();
                studio.document.remove(selected);
                let lost = had_sweep && studio.document.experiment().sweep.is_none();
                if let Some(fork) = fork {
                    let text = format!("“{name}” stays: “{fork}” shares its past. Delete the fork first.");
                    studio.toasts.done(text);
                } else if studio.document.run(selected).is_none() {
                    let keys = Action::Undo.about().keys(ctx);
                    let sweep = if lost { " and the [sweep] of it" } else { "" };
                    studio.toasts.done(format!("Deleted “{name}”{sweep}. {keys} brings it back."));
                } else {
                    studio.toasts.done("The last run stays: an experiment has at least one.");
                }
            }
            Action::PlayPause => {
                let playing = studio.frame.status.state == State::Playing;
                self.outbox.push_back(if playing { Command::Pause } else { Command::Play });
            }
            Action::Step => self.outbox.push_back(Command::Step),
            Action::Restart => {
                studio.forget_begun();
                self.outbox.push_back(Command::Restart);
            }
            Action::GoBack => self.studio.step(false),
            Action::GoForward => self.studio.step(true),
            Action::Capture => self.outbox.push_back(Command::Capture),
            Action::SwitchMode => {
                studio.view.mode = match studio.view.mode {
                    Mode::Live => Mode::Instant,
                    Mode::Instant => Mode::Live,
                };
            }
            Action::Fit => studio.view.fit(),
            Action::Mark => {
                // At the same place again, or where no cursor is, it goes.
                let cursor = studio.view.cursor.map(f64::round);
                studio.view.mark = cursor.filter(|cursor| studio.view.mark != Some(*cursor));
            }
            Action::Follow => {
                studio.view.window = match studio.view.window {
                    Window::Follow { .. } => Window::Whole,
                    _ => following(studio.clock().updates),
                };
            }
            Action::SwitchPanel => studio.view.panel_open = !studio.view.panel_open,
            Action::SwitchTheme => {
                let dark = ctx.theme() == Theme::Dark;
                ctx.set_theme(if dark { Theme::Light } else { Theme::Dark });
            }
            Action::ReduceMotion => {
                studio.view.reduced_motion = !studio.view.reduced_motion;
                theme::install(ctx, studio.view.reduced_motion);
            }
            Action::Present => self.present(ctx),
            // A presentation is as large as its window allows.
            Action::ZoomIn | Action::ZoomOut | Action::ZoomReset if studio.view.presenting => {}
            Action::ZoomIn => gui_zoom::zoom_in(ctx),
            Action::ZoomOut => gui_zoom::zoom_out(ctx),
            Action::ZoomReset => ctx.set_zoom_factor(1.0),
            Action::ShowPalette => self.open_palette(ctx),
            Action::ShowGallery => self.open_gallery(),
            Action::ShowHelp => studio.sheet = Some(Sheet::Help),
            Action::ShowGlossary => studio.view.open(glossary::PANEL.name),
            Action::ShowLessons => studio.view.open(lesson::PANEL.name),
        }
        ctx.request_repaint();
    }

    /// A fork of the selected run where it is now.
    fn fork_run(&mut self) {
        let studio = &mut self.studio;
        let selected = studio.view.selected;
        let at = studio.frame.lane(selected).map_or(0, |lane| lane.update);
        if at == 0 {
            studio.toasts.done("There is no past to share yet: train first, then fork.");
        } else if at >= studio.clock().updates {
            studio.toasts.done("This run is over: go back to a snapshot, then fork.");
        } else {
            self.outbox.push_back(Command::Capture);
            self.studio.fork(selected, at);
        }
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
}

/// Whether a key without others belongs to what has the focus: a plot needs none that plays, deletes or confirms.
fn is_for_widgets(key: Key, on_plot: bool) -> bool {
    match key {
        Key::Space | Key::Enter | Key::Delete | Key::Backspace => !on_plot,
        Key::ArrowUp | Key::ArrowDown | Key::ArrowLeft | Key::ArrowRight => true,
        Key::Home | Key::End | Key::PageUp | Key::PageDown => true,
        Key::Plus | Key::Equals | Key::Minus | Key::Escape | Key::Tab => true,
        _ => false,
    }
}

/// Puts a run before the one above it, or after the one below it.
fn move_run(document: &mut Document, id: RunId, down: bool) {
    document.settle();
    let neighbour = document.neighbour(id, down);
    match neighbour {
        // Before the one after the next.
        Some(next) if down => document.move_run(id, document.neighbour(next, true)),
        Some(above) => document.move_run(id, Some(above)),
        None => {}
    }
    document.settle();
}
