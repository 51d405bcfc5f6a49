//! The sheet into which another framework's schedule is pasted. Text is only ever read.

use std::path::{Path, PathBuf};

use eframe::egui::{Button, Label, Margin, ScrollArea, TextEdit, Ui, vec2};

use crate::import::{Format, ImportError, Imported, Options, import};
use crate::schedule::Span;
use crate::ui::format;
use crate::ui::panels::schedule::sentence;
use crate::ui::theme::{self, metrics};

use super::{Decision, buttons};

/// A text on its way in, and what it says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pasted {
    text: String,
    found: Option<Result<Box<Imported>, String>>,
    /// The file that is being read.
    reading: Option<PathBuf>,
}

impl Pasted {
    /// Waits for what a file says.
    pub fn reads(&mut self, path: &Path) {
        self.found = None;
        self.reading = Some(path.to_owned());
    }

    pub fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Notes what a text or a file turned out to say.
    pub fn found(&mut self, found: Result<Imported, ImportError>) {
        self.reading = None;
        self.found = Some(found.map(Box::new).map_err(|error| error.to_string()));
    }

    /// What is on show, if it can be imported.
    pub fn imported(&self) -> Option<&Imported> {
        self.found.as_ref()?.as_deref().ok()
    }

    pub(super) fn show(&mut self, ui: &mut Ui, busy: bool) -> Option<Decision> {
        ui.label(theme::title(ui, "Import schedule"));
        let formats = Format::ALL.map(|(name, _)| name).join(", ");
        let what = format!("{formats}. It is read, and nothing of it is run.");
        ui.add(Label::new(theme::caption(ui, what)).wrap());
        let label = ui.label(theme::caption(ui, "Code, configuration or log"));
        let field = TextEdit::multiline(&mut self.text)
            .font(theme::small_number())
            .desired_rows(metrics::PASTE_ROWS)
            .desired_width(f32::INFINITY)
            .margin(Margin::same(metrics::MARGIN_S))
            .hint_text("Paste it here");
        let area = ScrollArea::vertical().id_salt("pasted").max_height(metrics::PASTE);
        let response = area.show(ui, |ui| ui.add(field).labelled_by(label.id)).inner;
        if response.changed() {
            self.reading = None;
            if self.text.trim().is_empty() {
                self.found = None;
            } else {
                self.found(import(&self.text, Options::default()));
            }
        } else if ui.memory(|memory| memory.focused().is_none()) {
            response.request_focus();
        }
        let browse = Button::new("Choose file…").min_size(vec2(0.0, metrics::ICON_BUTTON));
        let browse = ui.add_enabled(!busy, browse).on_hover_text("Choose in the system's own dialog.");
        self.outcome(ui);
        let decided = buttons(ui, &[("Import", self.imported().is_some(), Decision::Import)]);
        if browse.clicked() { Some(Decision::Browse) } else { decided }
    }

    /// What the text says, or why it says nothing.
    fn outcome(&self, ui: &mut Ui) {
        match &self.found {
            None => {
                if let Some(file) = &self.reading {
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    ui.add(Label::new(theme::caption(ui, format!("Reading {name}"))).wrap());
                }
            }
            Some(Err(error)) => {
                let text =
                    eframe::egui::RichText::new(format::sentence(error)).color(theme::tokens(ui).danger);
                ui.add(Label::new(text).wrap());
            }
            Some(Ok(imported)) => {
                ui.add(
                    Label::new(format!("“{}” · {}", imported.name, sentence(imported.lr.kind.name()))).wrap(),
                );
                let fit = imported.fit.map(|fit| fit.to_string());
                let left_out = left_out(imported);
                ScrollArea::vertical().id_salt("notes").max_height(metrics::NOTES).show(ui, |ui| {
                    for line in fit.iter().chain(&left_out).chain(&imported.notes) {
                        ui.add(Label::new(theme::caption(ui, format::sentence(line))).wrap());
                    }
                });
            }
        }
    }
}

/// What the text says of the whole experiment: all runs share it, so one that is added cannot bring it.
fn left_out(imported: &Imported) -> Option<String> {
    let length = imported.updates.map(|span| match span {
        Span::Updates(updates) => format!("{} updates", format::count(updates as u64)),
        Span::Epochs(epochs) => format!("{} epochs", format::significant(epochs, 4)),
        Span::Percent(percent) => format!("{}% of the run", format::significant(percent, 4)),
    });
    let accumulate = imported.accumulate.filter(|count| *count > 1);
    let parts: Vec<String> = [
        length.map(|length| format!("a length of {length}")),
        accumulate.map(|count| format!("{count} micro-batches an update")),
        imported.clip_norm.map(|norm| format!("clipping at {}", format::significant(norm, 4))),
        imported.batch_size.map(|size| format!("batches of {}", format::count(size as u64))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| format!("the experiment stays as it is: the text has {}", parts.join(", ")))
}
