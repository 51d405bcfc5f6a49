//! Sheets over the window: opening, saving, importing, and unsaved work.

mod help;
mod import;
mod resume;

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{
    Align, Button, Frame as Card, Id, Key, Layout, Margin, Modal, Stroke, TextEdit, Ui, Vec2, vec2,
};

use super::theme::{self, metrics};
use crate::experiment::Experiment;
use crate::lesson::Lesson;
pub use import::{Found, Pasted, Source};
pub use resume::Resume;

/// What goes on when unsaved work is out of the way.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    New,
    Open,
    Resume,
    /// This experiment in place of the one there is; the side panel stays, and training waits.
    Begin(Box<Experiment>),
    /// This file in place of what there is.
    OpenFile(PathBuf),
    /// This lesson's experiment, which waits for a prediction.
    Lesson(Box<Lesson>),
    /// This example, which plays.
    Example(Box<Experiment>),
    /// Unsaved work of an earlier start.
    Restore,
    Quit,
}

/// A sheet on show.
#[derive(Clone, Debug, PartialEq)]
pub enum Sheet {
    Open {
        path: String,
        error: Option<String>,
    },
    Save {
        path: String,
        error: Option<String>,
        then: Option<Then>,
    },
    /// A text or a picture on its way to a file.
    Export {
        title: &'static str,
        path: String,
        content: Arc<[u8]>,
        error: Option<String>,
    },
    Import(Pasted),
    Resume(Resume),
    /// Keys and gestures.
    Help,
    Unsaved {
        then: Then,
    },
}

/// What was decided on a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Cancel,
    /// Ask the system's dialog for a path.
    Browse,
    Open(PathBuf),
    Save(PathBuf),
    /// Read what was pasted, on a thread of its own.
    Read(Source),
    /// Add the imported run.
    Import,
    /// Go on with the training that was found.
    Resume,
    /// The command palette instead.
    Palette,
    /// Save first, then go on.
    SaveFirst,
    /// Go on, and lose the work.
    Discard,
}

impl Sheet {
    pub fn open() -> Self {
        Self::Open { path: String::new(), error: None }
    }

    pub fn import() -> Self {
        Self::Import(Pasted::default())
    }

    /// Asks where to write a text about something of this name.
    pub fn export(name: &str, extension: &str, text: String) -> Self {
        let path = file_name(name, "schedule", extension);
        Self::Export { title: "Save export", path, content: text.into_bytes().into(), error: None }
    }

    /// Asks where to write the report of an experiment of this name.
    pub fn report(name: &str, text: String) -> Self {
        let path = file_name(&format!("{name} report"), "report", "html");
        Self::Export { title: "Save report", path, content: text.into_bytes().into(), error: None }
    }

    /// Asks where to write what a plot or a lesson of this name was made into.
    pub fn made(title: &'static str, name: &str, extension: &str, content: Vec<u8>) -> Self {
        let path = file_name(name, "plot", extension);
        Self::Export { title, path, content: content.into(), error: None }
    }

    /// Shows the sheet. `busy`: the system's dialog is open.
    pub fn show(&mut self, ui: &Ui, name: &str, busy: bool) -> Option<Decision> {
        let tokens = theme::tokens(ui);
        let card = Card::new()
            .fill(tokens.raised)
            .stroke(Stroke::new(metrics::HAIRLINE, tokens.outline))
            .corner_radius(metrics::RADIUS_LARGE)
            .inner_margin(Margin::same(metrics::MARGIN_L));
        let modal =
            Modal::new(Id::unique("sheet")).frame(card).backdrop_color(tokens.scrim).show(ui.ctx(), |ui| {
                ui.set_width(if matches!(self, Self::Help) { metrics::PALETTE } else { metrics::SHEET });
                ui.spacing_mut().item_spacing = Vec2::splat(metrics::S);
                match self {
                    Self::Open { path, error } => {
                        ui.label(theme::title(ui, "Open experiment"));
                        let help = "Or a lesson; or a recording: another program's log, or a folder of logs, is shown beside our runs.";
                        ui.label(theme::caption(ui, help));
                        let entered = file_row(ui, path, busy);
                        explain(ui, error.as_deref(), busy);
                        let ready = !path.trim().is_empty();
                        let decided = buttons(ui, &[("Open", ready, Decision::Open(trimmed(path)))]);
                        entered.or(decided).map(|decision| match decision {
                            Decision::Save(path) => Decision::Open(path),
                            other => other,
                        })
                    }
                    Self::Save { path, error, .. } => {
                        ui.label(theme::title(ui, "Save experiment"));
                        let entered = file_row(ui, path, busy);
                        explain(ui, error.as_deref(), busy);
                        let ready = !path.trim().is_empty();
                        entered.or(buttons(ui, &[("Save", ready, Decision::Save(trimmed(path)))]))
                    }
                    Self::Export { title, path, error, .. } => {
                        ui.label(theme::title(ui, *title));
                        let entered = file_row(ui, path, busy);
                        explain(ui, error.as_deref(), busy);
                        let ready = !path.trim().is_empty();
                        entered.or(buttons(ui, &[("Save", ready, Decision::Save(trimmed(path)))]))
                    }
                    Self::Import(pasted) => pasted.show(ui, busy),
                    Self::Resume(resume) => resume.show(ui, busy),
                    Self::Help => help::show(ui),
                    Self::Unsaved { then } => {
                        ui.label(theme::title(ui, format!("Save the changes to “{name}”?")));
                        let lost = match then {
                            Then::New | Then::Begin(_) | Then::Lesson(_) | Then::Example(_) => {
                                "A new experiment takes its place. Without saving, the changes are lost."
                            }
                            Then::Open | Then::Resume | Then::OpenFile(_) | Then::Restore => {
                                "Another experiment takes its place. Without saving, the changes are lost."
                            }
                            Then::Quit => "Without saving, the changes are lost when the studio closes.",
                        };
                        ui.label(lost);
                        buttons(
                            ui,
                            &[
                                ("Save", true, Decision::SaveFirst),
                                ("Discard changes", true, Decision::Discard),
                            ],
                        )
                    }
                }
            });
        match modal.inner {
            None if modal.should_close() && !busy => Some(Decision::Cancel),
            decision => decision,
        }
    }
}

/// A file name for something of this name; for one without letters, `otherwise`.
pub fn file_name(name: &str, otherwise: &str, extension: &str) -> String {
    let plain: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let stem = if parts.is_empty() { otherwise.to_owned() } else { parts.join("-") };
    format!("{stem}.{extension}")
}

fn trimmed(path: &str) -> PathBuf {
    PathBuf::from(path.trim())
}

fn file_row(ui: &mut Ui, path: &mut String, busy: bool) -> Option<Decision> {
    path_row(ui, path, "Path of the file", "experiment.toml", busy)
}

/// A path to type, and the way to the system's dialog.
fn path_row(ui: &mut Ui, path: &mut String, label: &str, hint: &str, busy: bool) -> Option<Decision> {
    let label = ui.label(theme::caption(ui, label));
    let mut decision = None;
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let browse = Button::new("Browse…").min_size(vec2(0.0, metrics::ICON_BUTTON));
            if ui.add_enabled(!busy, browse).on_hover_text("Choose in the system's own dialog.").clicked() {
                decision = Some(Decision::Browse);
            }
            let field = TextEdit::singleline(path)
                .hint_text(hint)
                .desired_width(ui.available_width())
                .margin(Margin::symmetric(metrics::MARGIN_S, metrics::MARGIN_XS + 2));
            let response = ui.add(field).labelled_by(label.id);
            let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if ui.memory(|memory| memory.focused().is_none()) {
                response.request_focus();
            }
            if entered && !path.trim().is_empty() {
                decision = Some(Decision::Save(trimmed(path)));
            }
        });
    });
    decision
}

fn explain(ui: &mut Ui, error: Option<&str>, busy: bool) {
    let tokens = theme::tokens(ui);
    match error {
        Some(error) => {
            ui.colored_label(tokens.danger, error);
        }
        None if busy => {
            ui.label(theme::caption(ui, "The system's dialog is open. A typed path works as well."));
        }
        None => {
            ui.label(theme::caption(
                ui,
                "Type a path, or browse. Where no dialog opens, typing still works.",
            ));
        }
    }
}

/// The decisions from the right, the first one filled; cancelling is on the left of them.
fn buttons(ui: &mut Ui, choices: &[(&str, bool, Decision)]) -> Option<Decision> {
    let tokens = theme::tokens(ui);
    let mut decision = None;
    ui.add_space(metrics::XS);
    let size = vec2(ui.available_width(), metrics::ICON_BUTTON);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        for (index, (label, enabled, choice)) in choices.iter().enumerate() {
            let size = vec2(metrics::FIELD_VALUE, metrics::ICON_BUTTON);
            let button = if index == 0 {
                let text = eframe::egui::RichText::new(*label).font(theme::medium()).color(tokens.on_solid);
                Button::new(text).fill(tokens.solid)
            } else {
                Button::new(*label)
            };
            if ui.add_enabled(*enabled, button.min_size(size)).clicked() {
                decision = Some(choice.clone());
            }
        }
        if ui.add(Button::new("Cancel").min_size(vec2(metrics::FIELD_VALUE, metrics::ICON_BUTTON))).clicked()
        {
            decision = Some(Decision::Cancel);
        }
    });
    decision
}
