//! Opening and saving, and seeing to it that nothing unsaved is lost.

use std::path::{Path, PathBuf};

use eframe::egui::{Context, Ui, ViewportCommand};

use crate::engine::protocol::Command;
use crate::experiment::{Comments, Experiment};
use crate::govern::{Change, History, Recorded, saving};
use crate::ui::document::{Document, first};
use crate::ui::file_kind::FileKind;
use crate::ui::panels::{data, lesson, live, sweep};
use crate::ui::picker::Ask;
use crate::ui::sheet::{Decision, Resume, Sheet, Source, Then, file_name};

use super::StudioApp;

/// The ending that desktops know experiments by, where the studio is installed: a double click opens them.
const EXTENSION: &str = "anneal.toml";

impl StudioApp {
    pub(super) fn unless_unsaved(&mut self, ctx: &Context, then: Then) {
        if self.studio.document.is_dirty() {
            self.studio.sheet = Some(Sheet::Unsaved { then });
        } else {
            self.go_on(ctx, &then);
        }
    }

    pub(super) fn go_on(&mut self, ctx: &Context, then: &Then) {
        self.studio.sheet = None;
        self.leave_document();
        match then {
            Then::New => match first() {
                Ok(experiment) => self.studio.replace(Document::new(experiment, None)),
                Err(error) => self.studio.toasts.failed(error.to_string()),
            },
            Then::Begin(experiment) => {
                self.studio.replace(Document::new((**experiment).clone(), None));
                self.studio.tell(Command::Pause);
            }
            Then::Lesson(lesson) => lesson::begin(&mut self.studio, (**lesson).clone()),
            Then::Open => self.studio.sheet = Some(Sheet::open()),
            Then::OpenFile(path) => self.open_from(path),
            Then::Example(experiment) => {
                self.studio.replace(Document::new((**experiment).clone(), None));
                self.studio.tell(Command::Play);
            }
            Then::Restore => self.take_up(),
            Then::Resume => self.studio.sheet = Some(Sheet::Resume(Resume::default())),
            Then::Quit => {
                self.leaving = true;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
        }
    }

    pub(super) fn save(&mut self, ctx: &Context, then: Option<Then>) {
        match self.studio.document.path().cloned() {
            Some(path) => self.save_to(ctx, &path, then),
            None => self.ask_where(then),
        }
    }

    pub(super) fn ask_where(&mut self, then: Option<Then>) {
        let document = &self.studio.document;
        let path = document.path().map_or_else(
            || file_name(&document.experiment().name, "experiment", EXTENSION),
            |path| path.display().to_string(),
        );
        self.studio.sheet = Some(Sheet::Save { path, error: None, then });
    }

    fn save_to(&mut self, ctx: &Context, path: &Path, then: Option<Then>) {
        let document = &self.studio.document;
        let change = self.change(path);
        let saved = saving(path, &change, || match document.path() {
            Some(original) => document.experiment().save_like(original, path),
            None => document.experiment().save(path).map(|()| Comments::Kept),
        });
        match saved {
            Ok((comments, recorded)) => {
                self.studio.document.mark_saved(path.to_owned());
                self.note_opened(path);
                self.studio.sheet = None;
                let lost = match comments {
                    Comments::Kept => "",
                    Comments::Lost => ", but its comments and layout could not be kept",
                };
                let version = match &recorded {
                    Ok(Recorded::As(number)) => format!(" as version {number}"),
                    _ => String::new(),
                };
                self.studio.toasts.done(format!("Saved {}{version}{lost}", path.display()));
                if let Err(error) = recorded {
                    self.studio.toasts.failed(format!("The change is saved, but not recorded: {error}"));
                }
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

    /// What a save records: who saves, and what was changed of a training under way, by whom, and from which update on.
    fn change(&self, path: &Path) -> Change {
        let change = Change::new("studio", "");
        let last = History::read(path).ok().and_then(|history| history.entries.last().map(|last| last.at));
        let made = live::made_since(&self.studio, last.map_or(0.0, |at| at as f64));
        let update = made.last().map(|made| made.applied.unwrap_or(made.from));
        let asked = made.iter().filter(|made| made.by != "studio");
        let told = asked.map(|made| {
            let why = if made.why.is_empty() { "no reason given" } else { &made.why };
            format!("{} over the API, from update {}: {why}", made.by, made.applied.unwrap_or(made.from))
        });
        Change { update, why: told.collect::<Vec<_>>().join("; "), ..change }
    }

    /// Opens whatever stands there.
    pub fn open_any(&mut self, ctx: &Context, path: &Path) {
        let kind = FileKind::of(path);
        let asks = matches!(kind, FileKind::Experiment | FileKind::Lesson);
        if !asks && matches!(self.studio.sheet, Some(Sheet::Open { .. })) {
            self.studio.sheet = None;
        }
        match kind {
            FileKind::Line => self.open_line_in(ctx, path),
            FileKind::Lesson => self.open_lesson_in(ctx, path),
            FileKind::Training => {
                self.studio.sheet = Some(Sheet::Resume(Resume::default()));
                self.read_saved(ctx, path);
            }
            FileKind::Sweep => sweep::open_folder(&mut self.studio, path),
            FileKind::Recording => self.open_recording(ctx, path),
            FileKind::Table => {
                data::offer(ctx, &mut self.studio, path);
                self.studio.toasts.done(format!(
                    "{} is a table: click the column to predict, under Experiment.",
                    path.display()
                ));
            }
            FileKind::Script => {
                self.studio.sheet = Some(Sheet::import());
                self.import_from(ctx, Source::File(path.to_owned()));
            }
            // Unsaved changes were asked about before the sheet came.
            FileKind::Experiment if matches!(self.studio.sheet, Some(Sheet::Open { .. })) => {
                self.leave_document();
                self.open_from(path);
            }
            FileKind::Experiment => self.unless_unsaved(ctx, Then::OpenFile(path.to_owned())),
        }
    }

    fn open_from(&mut self, path: &Path) {
        match Experiment::open(path) {
            Ok(experiment) => {
                let document = self.with_history(Document::new(experiment, Some(path.to_owned())));
                self.studio.replace(document);
                self.studio.sheet = None;
                self.note_opened(path);
                self.studio.toasts.done(format!("Opened {}", path.display()));
            }
            Err(error) => {
                let path = path.display().to_string();
                self.studio.sheet = Some(Sheet::Open { path, error: Some(error.to_string()) });
            }
        }
    }

    pub(super) fn sheet(&mut self, ui: &Ui) {
        let Some(mut sheet) = self.studio.sheet.take() else { return };
        let name = self.studio.document.experiment().name.clone();
        let decision = sheet.show(ui, &name, self.picking.is_busy());
        let then = match &sheet {
            Sheet::Save { then, .. } => then.clone(),
            Sheet::Unsaved { then } => Some(then.clone()),
            Sheet::Open { .. } | Sheet::Export { .. } | Sheet::Import(_) | Sheet::Resume(_) | Sheet::Help => {
                None
            }
        };
        let wanted = match &sheet {
            Sheet::Save { path, .. } => Ask::Save(base_name(path)),
            Sheet::Export { path, .. } => Ask::Export(base_name(path)),
            Sheet::Import(_) => Ask::Import,
            Sheet::Resume(_) => Ask::Folder,
            _ => Ask::Open,
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
            Some(Decision::Open(path)) if matches!(self.studio.sheet, Some(Sheet::Resume(_))) => {
                self.read_saved(ctx, &path);
            }
            Some(Decision::Palette) => self.open_palette(ctx),
            Some(Decision::Resume) => self.resume_found(),
            Some(Decision::Open(path)) => self.open_any(ctx, &path),
            Some(Decision::Save(path)) if matches!(self.studio.sheet, Some(Sheet::Export { .. })) => {
                self.write_export(&path);
            }
            Some(Decision::Save(path)) => self.save_to(ctx, &path, then),
            Some(Decision::Read(source)) => self.import_from(ctx, source),
            Some(Decision::Import) => self.add_imported(),
            Some(Decision::SaveFirst) => self.save(ctx, then),
            Some(Decision::Discard) => {
                if let Some(then) = then {
                    self.go_on(ctx, &then);
                }
            }
        }
    }

    /// What the system's dialog answered.
    pub(super) fn picked(&mut self, ctx: &Context) {
        let Some(answer) = self.picking.poll() else { return };
        let Some(path) = answer else { return };
        match self.studio.sheet.clone() {
            Some(Sheet::Open { .. }) => self.open_any(ctx, &path),
            Some(Sheet::Save { then, .. }) => self.save_to(ctx, &with_extension(path), then),
            Some(Sheet::Export { .. }) => self.write_export(&path),
            Some(Sheet::Import(_)) => self.import_from(ctx, Source::File(path)),
            Some(Sheet::Resume(_)) => self.read_saved(ctx, &path),
            _ => {}
        }
    }

    pub(super) fn closing(&mut self, ctx: &Context) {
        let asked = ctx.input(|input| input.viewport().close_requested());
        if asked && !self.leaving && self.studio.document.is_dirty() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.studio.sheet = Some(Sheet::Unsaved { then: Then::Quit });
        }
    }
}

fn base_name(path: &str) -> String {
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| format!("experiment.{EXTENSION}"))
}

fn with_extension(path: PathBuf) -> PathBuf {
    if path.extension().is_some() { path } else { path.with_extension(EXTENSION) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experiments_get_file_names() {
        let name = |name| file_name(name, "experiment", EXTENSION);
        assert_eq!(
            name("Digits: does cosine beat constant?"),
            "digits-does-cosine-beat-constant.anneal.toml"
        );
        assert_eq!(name("?!"), "experiment.anneal.toml");
        assert_eq!(with_extension(PathBuf::from("a/b")), PathBuf::from("a/b.anneal.toml"));
        assert_eq!(base_name("a/b.toml"), "b.toml");
    }
}
