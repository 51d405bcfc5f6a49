//! Schedules that go to other frameworks, and those that come from them.

use std::io::Write as _;
use std::path::Path;

use crate::files;
use crate::import::{Options, import_file};
use crate::ui::sheet::Sheet;

use super::StudioApp;

impl StudioApp {
    /// Writes the export that is on its way to a file.
    pub(super) fn write_export(&mut self, path: &Path) {
        let studio = &mut self.studio;
        let Some(Sheet::Export { path: shown, text, error }) = &mut studio.sheet else { return };
        match files::replace(path, |file| file.write_all(text.as_bytes())) {
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

    /// Shows what a file says, in the sheet that asked for it.
    pub(super) fn import_from(&mut self, path: &Path) {
        if let Some(Sheet::Import(pasted)) = &mut self.studio.sheet {
            pasted.found(import_file(path, Options::default()));
        }
    }

    /// Adds what the sheet shows as a run.
    pub(super) fn add_imported(&mut self) {
        let studio = &mut self.studio;
        let Some(Sheet::Import(pasted)) = &studio.sheet else { return };
        let Some(imported) = pasted.imported().cloned() else { return };
        let Some(selected) = studio.document.run(studio.view.selected) else { return };
        let run = imported.run(&selected.optimizer);
        let id = studio.document.add(run);
        studio.view.selected = id;
        studio.sheet = None;
        let name = studio.document.run(id).map(|run| run.name.clone()).unwrap_or_default();
        studio.toasts.done(format!("Imported “{name}”."));
    }
}
