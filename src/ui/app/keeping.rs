//! What outlives the studio: taking up what was kept, and handing over what is to be.

use std::path::Path;
use std::process;
use std::time::Duration;

use eframe::egui::Context;

use crate::ui::document::Document;
use crate::ui::keeper::{Keeper, Leftover};
use crate::ui::sheet::Then;

use super::StudioApp;

impl StudioApp {
    /// Keeps work, preferences and recent files from now on, and puts what was kept to use.
    pub fn keep(&mut self, ctx: &Context, keeper: Keeper) {
        keeper.preferences().apply(ctx, &mut self.studio.view);
        self.studio.progress = keeper.answers().clone();
        self.studio.misses = keeper.misses().clone();
        self.keeper = Some(keeper);
        // A first document came from the command line: it is as any that is opened.
        if let Some(path) = self.studio.document.path().cloned() {
            let opened = Document::new(self.studio.document.experiment().clone(), Some(path.clone()));
            let with_history = self.with_history(opened);
            if with_history.can_undo() || with_history.can_redo() {
                self.studio.replace(with_history);
            }
            self.note_opened(&path);
        }
        self.offer();
    }

    /// The numbers of the newest work that was handed over, and of the newest that is on the disk.
    pub fn kept(&self) -> Option<(u64, u64)> {
        self.keeper.as_ref().map(Keeper::progress)
    }

    /// Hands over what changed in a frame, and says what could not be kept.
    pub(super) fn keep_on(&mut self, ctx: &Context) {
        let zoom = self.usual_zoom(ctx);
        let Some(keeper) = &mut self.keeper else { return };
        keeper.note(&self.studio.document);
        keeper.note_answers(&self.studio.progress);
        keeper.note_misses(&self.studio.misses);
        if !ctx.input(|input| input.pointer.any_down()) {
            keeper.prefer(keeper.preferences().now(ctx, &self.studio.view, zoom));
        }
        for problem in keeper.problems() {
            self.studio.toasts.failed(problem);
        }
    }

    /// Writes what is still to be kept.
    pub(super) fn keep_at_end(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        keeper.note(&self.studio.document);
        keeper.note_answers(&self.studio.progress);
        keeper.note_misses(&self.studio.misses);
        keeper.leave(&self.studio.document);
        // A window that was closed against its will leaves unsaved work behind.
        keeper.finish(self.studio.document.is_dirty() && !self.leaving);
    }

    /// The history of the document, which another will take the place of.
    pub(super) fn leave_document(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.leave(&self.studio.document);
        }
    }

    /// A document that was just read, with the history it had.
    pub(super) fn with_history(&self, document: Document) -> Document {
        let history = |path| self.keeper.as_ref()?.history_of(path, document.experiment());
        document.path().and_then(|path| history(path)).map_or(document, Document::from_kept)
    }

    /// Notes a file among the recent ones.
    pub(super) fn note_opened(&mut self, path: &Path) {
        if let Some(keeper) = &mut self.keeper {
            keeper.opened(path);
            self.studio.recent = keeper.recent().to_vec();
        }
    }

    pub(super) fn restore_work(&mut self, ctx: &Context) {
        self.unless_unsaved(ctx, Then::Restore);
    }

    pub(super) fn discard_work(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.give_up();
        }
        self.offer();
    }

    /// Takes up the unsaved work on offer.
    pub(super) fn take_up(&mut self) {
        if let Some(kept) = self.keeper.as_mut().and_then(Keeper::take_up) {
            self.studio.replace(Document::from_kept(kept));
            let name = self.studio.document.experiment().name.clone();
            self.studio
                .toasts
                .done(format!("“{name}” is as it was, with its history. It is still not saved."));
        }
        self.offer();
    }

    /// Another studio beside this one.
    pub(super) fn open_window(&mut self) {
        let started = std::env::current_exe().and_then(|program| process::Command::new(program).spawn());
        if let Err(error) = started {
            self.studio.toasts.failed(format!("No other window could be opened: {error}"));
        }
    }

    fn offer(&mut self) {
        let Some(keeper) = &self.keeper else { return };
        self.studio.unsaved = keeper.offer().map(said);
        self.studio.recent = keeper.recent().to_vec();
    }
}

/// Unsaved work, in words.
fn said(leftover: &Leftover) -> String {
    match &leftover.work {
        Ok(work) => {
            let age = leftover.age.map_or_else(String::new, |age| format!(" {}", ago(age)));
            format!("“{}” has edits that were not saved when the studio ended{age}.", work.name())
        }
        Err(why) => format!("Edits of an earlier start cannot be read: {why}"),
    }
}

fn ago(age: Duration) -> String {
    let (number, unit) = match age.as_secs() {
        0..60 => return "just now".to_owned(),
        seconds @ 60..3600 => (seconds / 60, "minute"),
        seconds @ 3600..86_400 => (seconds / 3600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_as_people_do() {
        let said = [10, 60, 3 * 3600 + 5, 86_400 * 2].map(|seconds| ago(Duration::from_secs(seconds)));
        assert_eq!(said, ["just now", "1 minute ago", "3 hours ago", "2 days ago"]);
    }
}
