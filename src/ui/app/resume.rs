//! Going on with a training that was saved to a folder, which is read on a thread of its own.

use std::path::Path;
use std::sync::Arc;

use eframe::egui::Context;

use crate::engine::protocol::Command;
use crate::jobs::Job;
use crate::train::checkpoint::{Continuation, ContinueError, Forget};
use crate::ui::document::Document;
use crate::ui::sheet::Sheet;

use super::StudioApp;

/// A folder being read.
pub(super) type Reading = Job<Result<Continuation, ContinueError>>;

impl StudioApp {
    /// Begins to read a training's folder for the sheet that asked for it.
    pub(super) fn read_saved(&mut self, ctx: &Context, folder: &Path) {
        if let Some(Sheet::Resume(resume)) = &mut self.studio.sheet {
            resume.path = folder.display().to_string();
            (resume.found, resume.error) = (None, None);
        }
        let (folder, wake) = (folder.to_owned(), ctx.clone());
        let read = move |_: &_| Continuation::read(&folder);
        match Job::spawn("reading a training", move || wake.request_repaint(), read) {
            Ok(reading) => self.reading = Some(reading),
            Err(error) => self.studio.toasts.failed(format!("The folder cannot be read now: {error}")),
        }
    }

    /// Shows what was read.
    pub(super) fn poll_saved(&mut self) {
        let Some(answer) = self.reading.as_ref().and_then(Job::poll) else { return };
        self.reading = None;
        let Some(Sheet::Resume(resume)) = &mut self.studio.sheet else { return };
        match answer {
            Ok(Ok(found)) => resume.found = Some(Arc::new(found)),
            Ok(Err(error)) => resume.error = Some(error.to_string()),
            Err(_) => resume.error = Some("The folder could not be read. Try again.".into()),
        }
    }

    /// Goes on with what the sheet shows.
    pub(super) fn resume_found(&mut self) {
        let Some(Sheet::Resume(resume)) = self.studio.sheet.take() else { return };
        if let Some(found) = resume.found {
            self.resume(found, resume.forget);
        }
    }

    /// Goes on with a saved training, which takes the document's place.
    pub fn resume(&mut self, saved: Arc<Continuation>, forget: Forget) {
        let studio = &mut self.studio;
        let Continuation { checkpoint, .. } = &*saved;
        studio.replace(Document::new(checkpoint.experiment.clone(), None));
        let at = crate::ui::format::count(checkpoint.update());
        studio.toasts.done(format!("“{}” goes on after update {at}.", checkpoint.experiment.name));
        for reason in &saved.refused {
            studio.toasts.failed(format!("Not taken: {reason}. This is the good checkpoint before it."));
        }
        studio.tell(Command::Continue(saved, forget));
    }
}
