//! An experiment as one line on the clipboard, and lines that come from there.

use std::path::Path;

use eframe::egui::{Context, Event};

use crate::experiment::{Experiment, is_line};
use crate::files;
use crate::ui::sheet::Then;

use super::StudioApp;

/// A file that holds a line is not longer than this.
const MAX_BYTES: u64 = 512 << 10;

impl StudioApp {
    pub(super) fn copy_line(&mut self, ctx: &Context) {
        match self.studio.document.experiment().to_line() {
            Ok(line) => {
                let letters = crate::ui::format::count(line.len() as u64);
                ctx.copy_text(line);
                let toasts = &mut self.studio.toasts;
                toasts.done(format!(
                    "Copied as one line of {letters} letters: paste it here, or run anneal with it."
                ));
            }
            Err(error) => self.studio.toasts.failed(format!("Not copied: {error}.")),
        }
    }

    /// Takes in a line that was pasted where no field took it.
    pub(super) fn pasted(&mut self, ctx: &Context) {
        if ctx.text_edit_focused() || self.studio.sheet.is_some() {
            return;
        }
        let line = ctx.input(|input| {
            let mut texts = input.events.iter().filter_map(|event| match event {
                Event::Paste(text) => Some(text),
                _ => None,
            });
            texts.rfind(|text| is_line(text)).cloned()
        });
        if let Some(line) = line {
            self.open_line(ctx, &line);
        }
    }

    /// Opens what a line says, after asking about unsaved work.
    pub(super) fn open_line(&mut self, ctx: &Context, line: &str) {
        match Experiment::from_line(line) {
            Ok(experiment) => self.unless_unsaved(ctx, Then::Example(Box::new(experiment))),
            Err(error) => self.studio.toasts.failed(format!("The line cannot be opened: {error}.")),
        }
    }

    /// Opens the line in a file.
    pub(super) fn open_line_in(&mut self, ctx: &Context, path: &Path) {
        let bytes = files::read(path, MAX_BYTES).map_err(|error| error.to_string());
        match bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string())) {
            Ok(line) => self.open_line(ctx, &line),
            Err(error) => self.studio.toasts.failed(format!("{}: {error}", path.display())),
        }
    }
}
