//! Schedules that go to other frameworks, and those that come from them.

use std::io::Write as _;
use std::path::Path;

use eframe::egui::Context;

use crate::files;
use crate::jobs::Job;
use crate::ui::format;
use crate::ui::sheet::{Found, Sheet, Source};

use super::StudioApp;

impl StudioApp {
    /// Writes the export that is on its way to a file.
    pub(super) fn write_export(&mut self, path: &Path) {
        let studio = &mut self.studio;
        let Some(Sheet::Export { path: shown, content, error, .. }) = &mut studio.sheet else { return };
        match files::replace(path, |file| file.write_all(content)) {
            Ok(()) => {
                studio.sheet = None;
                studio.toasts.done(format!("Saved {}", path.display()));
            }
            Err(cause) => {
                *shown = path.display().to_string();
                *error = Some(format!("Not saved: {}: {cause}. Choose another place.", path.display()));
            }
        }
    }

    /// Reads for the sheet that asked for it, on a thread of its own: a log may have millions of rows.
    pub(super) fn import_from(&mut self, ctx: &Context, source: Source) {
        let Some(Sheet::Import(pasted)) = &mut self.studio.sheet else { return };
        let (ctx, of) = (ctx.clone(), source.clone());
        match Job::spawn("import", move || ctx.request_repaint(), move |_| of.read()) {
            Ok(reading) => {
                pasted.reads(source);
                self.importing = Some(reading);
            }
            Err(cause) => pasted.finds(Found::failed(format!("there is no thread to read it: {cause}"))),
        }
    }

    /// Shows what the text or the file turned out to say.
    pub(super) fn imported(&mut self) {
        let Some(found) = self.importing.as_ref().and_then(Job::poll) else { return };
        self.importing = None;
        let found = found.unwrap_or_else(|lost| Found::failed(format!("it could not be read: {lost}")));
        if let Some(Sheet::Import(pasted)) = &mut self.studio.sheet
            && pasted.is_reading()
        {
            pasted.finds(found);
        }
    }

    /// Adds what the sheet shows as a run.
    pub(super) fn add_imported(&mut self) {
        let studio = &mut self.studio;
        let Some(Sheet::Import(pasted)) = &studio.sheet else { return };
        let Some(imported) = pasted.imported().cloned() else { return };
        let Some(selected) = studio.document.run(studio.view.selected) else { return };
        let (run, left_out) = imported.run_on(&selected.optimizer, &studio.document.experiment().model);
        let id = studio.document.add(run);
        studio.view.selected = id;
        studio.sheet = None;
        let name = studio.document.run(id).map(|run| run.name.clone()).unwrap_or_default();
        studio.toasts.done(format!("Imported “{name}”."));
        for sentence in left_out {
            studio.toasts.done(format::sentence(&sentence));
        }
    }
}
