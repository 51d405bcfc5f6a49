//! The sheet into which another framework's schedule is pasted. Text is only ever read.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{Align, Button, Event, Label, Layout, Margin, RichText, ScrollArea, TextEdit, Ui, vec2};

use crate::files;
use crate::import::{ImportError, Imported, MAX_BYTES, Options, import, import_file};
use crate::lint::{Linted, Warning, lint_text};
use crate::schedule::Span;
use crate::ui::format;
use crate::ui::panels::lint;
use crate::ui::panels::schedule::sentence;
use crate::ui::theme::{self, metrics};

use super::{Decision, buttons};

/// The longest text that goes into the field, and is read while a frame is made.
const AT_ONCE: usize = 64 << 10;
/// How much of the lines of a longer one is on show.
const COLUMNS: usize = 200;

/// What a schedule is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Text(Arc<str>),
    File(PathBuf),
}

impl Source {
    /// Reads it: a log may have millions of rows.
    pub fn read(&self) -> Found {
        match self {
            Self::Text(text) => Found::new(import(text, &Options::default()), text),
            Self::File(path) => {
                let imported = import_file(path, &Options::default());
                // What is longer is no configuration.
                let text = files::read(path, MAX_BYTES).unwrap_or_default();
                Found::new(imported, str::from_utf8(&text).unwrap_or_default())
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Text(text) => format!("{} MB of text", format::significant(text.len() as f64 / 1e6, 2)),
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }
}

/// What a text or a file turned out to say, and what lint says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    imported: Result<Box<Imported>, String>,
    warnings: Vec<Warning>,
}

impl Found {
    fn new(imported: Result<Imported, ImportError>, text: &str) -> Self {
        // An experiment is linted where it is edited.
        let is_experiment = matches!(&imported, Ok(imported) if imported.dialect.id == "anneal");
        let warnings = match Linted::of(text) {
            Ok(Linted::Text(dialect)) if !is_experiment => lint_text(dialect, text),
            _ => Vec::new(),
        };
        Self { imported: imported.map(Box::new).map_err(|error| error.to_string()), warnings }
    }

    /// Nothing was read, for this reason.
    pub fn failed(why: String) -> Self {
        Self { imported: Err(why), warnings: Vec::new() }
    }
}

/// A text on its way in, and what it says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pasted {
    text: String,
    /// What was pasted and is too long for the field.
    long: Option<Arc<str>>,
    found: Option<Found>,
    /// What is being read.
    reading: Option<Source>,
    /// The file that was read, where it was one.
    file: Option<String>,
}

impl Pasted {
    /// Waits for what a text or a file says.
    pub fn reads(&mut self, source: Source) {
        self.found = None;
        self.file = matches!(source, Source::File(_)).then(|| source.name());
        self.reading = Some(source);
    }

    pub fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Notes what was found.
    pub fn finds(&mut self, found: Found) {
        self.reading = None;
        self.found = Some(found);
    }

    /// What is on show, if it can be imported.
    pub fn imported(&self) -> Option<&Imported> {
        self.found.as_ref()?.imported.as_deref().ok()
    }

    pub(super) fn show(&mut self, ui: &mut Ui, busy: bool) -> Option<Decision> {
        ui.label(theme::title(ui, "Import schedule"));
        let what = "Code, a configuration, a command line, a notebook, a model card or a log. It is read, and nothing of it \
                    is run.";
        ui.add(Label::new(theme::caption(ui, what)).wrap());
        let pasted = self.pasted(ui);
        let changed = match &self.long {
            Some(long) => preview(ui, long),
            None => self.field(ui),
        };
        if changed && !pasted {
            self.long = None;
        }
        let read = (pasted || changed).then(|| self.read()).flatten();
        let browse = Button::new("Choose file…").min_size(vec2(0.0, metrics::ICON_BUTTON));
        let browse = ui.add_enabled(!busy, browse).on_hover_text("Choose in the system's own dialog.");
        self.outcome(ui);
        let decided = buttons(ui, &[("Import", self.imported().is_some(), Decision::Import)]);
        if browse.clicked() { Some(Decision::Browse) } else { read.or(decided) }
    }

    /// Takes what was pasted where the field cannot: laying out a log of a million rows would stop the window.
    fn pasted(&mut self, ui: &Ui) -> bool {
        let is_ours = |event: &Event| matches!(event, Event::Paste(text) if self.long.is_some() || text.len() > AT_ONCE);
        let pasted = ui.input_mut(|input| {
            let at = input.events.iter().rposition(is_ours)?;
            match input.events.remove(at) {
                Event::Paste(text) => Some(text),
                _ => None,
            }
        });
        let Some(text) = pasted else { return false };
        if text.len() > AT_ONCE {
            self.text.clear();
            self.long = Some(text.into());
        } else {
            self.text = text;
            self.long = None;
        }
        true
    }

    /// The text to edit; whether it was.
    fn field(&mut self, ui: &mut Ui) -> bool {
        let label = ui.label(theme::caption(ui, "Code, configuration or log"));
        let field = TextEdit::multiline(&mut self.text)
            .font(theme::small_number())
            .desired_rows(metrics::PASTE_ROWS)
            .desired_width(f32::INFINITY)
            .margin(Margin::same(metrics::MARGIN_S))
            .hint_text("Paste it here");
        let area = ScrollArea::vertical().id_salt("pasted").max_height(metrics::PASTE);
        let response = area.show(ui, |ui| ui.add(field).labelled_by(label.id)).inner;
        if !response.changed() && ui.memory(|memory| memory.focused().is_none()) {
            response.request_focus();
        }
        response.changed()
    }

    /// Reads the text; a long one has to be read beside the frames.
    fn read(&mut self) -> Option<Decision> {
        (self.found, self.reading, self.file) = (None, None, None);
        let source = Source::Text(self.long.clone().unwrap_or_else(|| self.text.as_str().into()));
        match &source {
            Source::Text(text) if text.len() > AT_ONCE => return Some(Decision::Read(source)),
            Source::Text(text) if text.trim().is_empty() => {}
            _ => self.found = Some(source.read()),
        }
        None
    }

    /// What the text says, or why it says nothing.
    fn outcome(&self, ui: &mut Ui) {
        let Some(found) = &self.found else {
            if let Some(source) = &self.reading {
                ui.add(Label::new(theme::caption(ui, format!("Reading {}…", source.name()))).wrap());
            }
            return;
        };
        match &found.imported {
            Err(error) => {
                let file = self.file.iter().map(|file| format!("{file}: ")).collect::<String>();
                let text = RichText::new(file + &format::sentence(error)).color(theme::tokens(ui).danger);
                ui.add(Label::new(text).wrap());
            }
            Ok(imported) => {
                let file = self.file.iter().map(|file| format!("{file}: ")).collect::<String>();
                let kind = sentence(imported.lr.kind.name());
                ui.add(Label::new(format!("{file}“{}” · {kind}", imported.name)).wrap());
            }
        }
        ScrollArea::vertical().id_salt("notes").max_height(metrics::NOTES).show(ui, |ui| {
            if let Ok(imported) = &found.imported {
                let fit = imported.fit.map(|fit| fit.to_string());
                let left_out = left_out(imported);
                let assumed = imported.assumed.iter().map(|sentence| format!("Assumed: {sentence}"));
                let unread = imported.unread.iter().filter(|unread| unread.matters);
                let unread = unread.map(|unread| format!("Not read: {unread}"));
                let idle = imported.unread.iter().filter(|unread| !unread.matters).count();
                let idle = (idle > 0)
                    .then(|| format!("{idle} settings that do not shape the schedule were not read"));
                let told = fit.into_iter().chain(left_out).chain(assumed).chain(unread);
                for line in told.chain(imported.notes.iter().cloned()).chain(idle) {
                    ui.add(Label::new(theme::caption(ui, format::sentence(&line))).wrap());
                }
            }
            // That it cannot be read is said already.
            for warning in found.warnings.iter().filter(|warning| warning.code != "cannot-be-read") {
                lint::line(ui, warning);
            }
        });
    }
}

/// The first lines of a text that is too long for the field; whether it is to go.
fn preview(ui: &mut Ui, text: &str) -> bool {
    let clear = ui.horizontal(|ui| {
        let size = format::significant(text.len() as f64 / 1e6, 2);
        ui.label(theme::caption(ui, format!("The first lines of {size} MB of text")));
        let layout = Layout::right_to_left(Align::Center);
        ui.with_layout(layout, |ui| ui.button("Clear").on_hover_text("Paste or type something else."))
            .inner
            .clicked()
    });
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for line in text.lines().take(metrics::PASTE_ROWS) {
            let start: String = line.chars().take(COLUMNS).collect();
            ui.add(Label::new(RichText::new(start).font(theme::small_number())).truncate());
        }
    });
    clear.inner
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
