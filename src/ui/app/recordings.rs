//! Recordings that are opened beside our runs, from the dialog or dropped on the window.

use std::path::{Path, PathBuf};

use eframe::egui::Context;

use super::StudioApp;
use crate::ui::panels::live;

impl StudioApp {
    /// Begins to read a recording, whose runs then stand beside ours.
    pub fn open_recording(&mut self, ctx: &Context, path: &Path) {
        let wake = ctx.clone();
        if let Err(error) = self.studio.shelf.open(path, move || wake.request_repaint()) {
            self.studio.toasts.failed(format!("There is no thread to read {}: {error}", path.display()));
        } else {
            self.note_opened(path);
        }
    }

    /// Switches the API on, and shows where it is.
    pub fn let_programs_in(&mut self, ctx: &Context) {
        live::start(&mut self.studio, ctx);
        self.studio.view.open(live::PANEL.name);
    }

    /// Takes in what was read, and what was dropped on the window.
    pub(super) fn recordings(&mut self, ctx: &Context) {
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        for path in dropped {
            self.open_any(ctx, &path);
        }
        let clock = self.studio.clock();
        let taken: Vec<usize> = self.studio.document.runs().map(|(row, _)| row.slot).collect();
        for error in self.studio.shelf.poll(&taken, clock) {
            self.studio.toasts.failed(error);
        }
    }
}
