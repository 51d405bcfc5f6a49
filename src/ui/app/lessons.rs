//! Lessons that begin: shipped ones, and those in files of one's own.

use std::path::Path;

use eframe::egui::Context;

use crate::lesson::{Lesson, SHIPPED, Shipped};
use crate::ui::panels::lesson;
use crate::ui::sheet::{Sheet, Then};

use super::StudioApp;

impl StudioApp {
    /// Begins the lesson of this row of [`SHIPPED`], after asking about unsaved work.
    pub(super) fn begin_shipped(&mut self, ctx: &Context, at: usize) {
        match SHIPPED.get(at).map(Shipped::read) {
            Some(Ok(lesson)) => self.unless_unsaved(ctx, Then::Lesson(Box::new(lesson))),
            Some(Err(error)) => self.studio.toasts.failed(error.to_string()),
            None => {}
        }
    }

    /// Begins the lesson in a file.
    pub(super) fn open_lesson_in(&mut self, ctx: &Context, path: &Path) {
        match Lesson::read(path, &lesson::stage()) {
            Ok(lesson) => {
                self.note_opened(path);
                let then = Then::Lesson(Box::new(lesson));
                if matches!(self.studio.sheet, Some(Sheet::Open { .. })) {
                    // Unsaved changes were asked about before the sheet came.
                    self.go_on(ctx, &then);
                } else {
                    self.unless_unsaved(ctx, then);
                }
            }
            Err(error) => {
                let path = path.display().to_string();
                self.studio.sheet = Some(Sheet::Open { path, error: Some(error.to_string()) });
            }
        }
    }
}
