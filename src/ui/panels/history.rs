//! The change log of the open file: who changed what, whether it is whole, and back to an earlier version.

use std::io::Write;
use std::path::{Path, PathBuf};

use eframe::egui::{Color32, Label, RichText, ScrollArea, TextEdit, Ui};

use crate::experiment::Experiment;
use crate::files;
use crate::govern::{Change, Entry, History, saving};
use crate::jobs::Job;
use crate::plain;
use crate::ui::document::Document;
use crate::ui::format;
use crate::ui::latest::Latest;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{prose, secondary};

pub const PANEL: Panel = Panel {
    poll,
    is_waiting,
    ..Panel::new(
        "history",
        "History",
        Question::TakeAway,
        "The file's versions: who changed its learning rate schedule, when, why, and back to any of them.",
        show,
    )
};

const HOW: &str = "A file that is saved gets a version here each time: what changed, by whom, and the schedule as it was. Save the experiment to begin.";

/// The file, and whether there are changes that are not in it: after a save there is more to read.
type Key = (PathBuf, bool);

#[derive(Default)]
struct State {
    filter: String,
    read: Latest<Key, Result<History, String>>,
}

fn key(studio: &Studio) -> Option<Key> {
    Some((studio.document.path()?.clone(), studio.document.is_dirty()))
}

fn poll(studio: &mut Studio, on_screen: bool) -> bool {
    let state = studio.panels.of::<State>();
    state.read.poll(|| Err("the log was not read to its end".to_owned()));
    on_screen && state.read.is_pending()
}

fn is_waiting(studio: &Studio) -> bool {
    let Some(key) = key(studio) else { return false };
    studio.panels.peek::<State>().is_some_and(|state| state.read.of(&key).is_none())
}

/// Reads the log where what is shown is of another file or of before a save.
fn keep_fresh(ui: &Ui, state: &mut State, key: &Key) {
    if state.read.of(key).is_some() {
        return;
    }
    state.read.cancel_unless(|pending| pending == key);
    if state.read.is_pending() {
        return;
    }
    let (ctx, file) = (ui.ctx().clone(), key.0.clone());
    let work = move |_: &_| History::read(&file).map_err(|error| error.to_string());
    match Job::spawn("history", move || ctx.request_repaint(), work) {
        Ok(job) => state.read.renew(key.clone(), job),
        Err(error) => state.read.set(key.clone(), Err(format!("no thread to read it: {error}"))),
    }
}

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let Some(key) = key(studio) else {
        prose(ui, HOW);
        return;
    };
    let state = studio.panels.of::<State>();
    keep_fresh(ui, state, &key);
    if let Some(error) = state.read.error() {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(&error));
        return;
    }
    let field = TextEdit::singleline(&mut state.filter).hint_text("Only: lr.peak, a name, a word of why");
    ui.add(field.desired_width(ui.available_width())).accessible_name("Only changes with");
    let filter = state.filter.to_lowercase();
    let Some(history) = state.read.answer().filter(|history| history.exists()) else {
        prose(ui, HOW);
        return;
    };
    verdict(ui, history);
    let scroll = ScrollArea::vertical().id_salt("history").auto_shrink([false, false]);
    let wanted = scroll.show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        let mut wanted = None;
        let last = history.entries.last().map_or(0, |entry| entry.number);
        for entry in history.entries.iter().rev().filter(|entry| is_wanted(entry, &filter)) {
            if version(ui, entry, entry.number == last) {
                wanted = Some((entry.number, entry.text.clone()));
            }
        }
        wanted
    });
    if let Some((number, text)) = wanted.inner {
        roll_back(studio, &key.0, number, &text);
    }
}

/// Whether the log is whole.
fn verdict(ui: &mut Ui, history: &History) {
    let tokens = theme::tokens(ui);
    match history.faults.as_slice() {
        [] => {
            let count = history.entries.len();
            let versions = if count == 1 { "version" } else { "versions" };
            ui.label(theme::caption(ui, format!("{count} {versions}, every line as it was written.")));
        }
        faults => {
            for fault in faults {
                let text = RichText::new(format::sentence(&fault.to_string())).color(tokens.danger);
                ui.add(Label::new(text).wrap());
            }
        }
    }
    ui.add_space(metrics::S);
}

fn is_wanted(entry: &Entry, filter: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(filter);
    filter.is_empty()
        || has(&entry.by)
        || has(&entry.why)
        || entry.changes.iter().any(|change| has(&change.path))
}

/// One version; whether it is to be put back.
fn version(ui: &mut Ui, entry: &Entry, is_last: bool) -> bool {
    let mut wanted = false;
    ui.horizontal(|ui| {
        ui.label(theme::title(ui, entry.number.to_string()));
        ui.label(theme::caption(ui, format!("{}, {}", entry.by, files::date(entry.at))));
        if !is_last {
            let layout = eframe::egui::Layout::right_to_left(eframe::egui::Align::Center);
            ui.with_layout(layout, |ui| {
                let help = "The file becomes as it was then. That is a version of its own; nothing is lost.";
                wanted = ui.add(secondary("Put back")).on_hover_text(help).clicked();
            });
        }
    });
    let at = entry.update.map(|update| format!("in effect from update {update}"));
    let why = (!entry.why.is_empty()).then(|| entry.why.clone());
    let about: Vec<String> = [why, at].into_iter().flatten().collect();
    if !about.is_empty() {
        ui.add(Label::new(about.join(", ")).wrap());
    }
    if entry.number == 1 {
        ui.label(theme::caption(ui, "The first that was recorded."));
    } else if entry.changes.is_empty() {
        ui.label(theme::caption(ui, "Comments or layout only."));
    }
    let muted: Color32 = theme::tokens(ui).muted;
    for change in entry.changes.iter().filter(|_| entry.number > 1) {
        let side = |side: &Option<String>| side.as_deref().map_or_else(|| "nothing".to_owned(), plain::name);
        let text = format!("{}: {} → {}", change.path, side(&change.before), side(&change.after));
        ui.add(Label::new(RichText::new(text).font(theme::small_number()).color(muted)).wrap());
    }
    ui.add_space(metrics::M);
    wanted
}

/// Puts a version back into the file and opens it.
fn roll_back(studio: &mut Studio, file: &Path, number: u64, text: &str) {
    if studio.document.is_dirty() {
        return studio.toasts.failed("There are changes that are not saved: save them first.".to_owned());
    }
    let change = Change::new("studio", format!("back to version {number}"));
    let saved = saving(file, &change, || files::replace(file, |out| out.write_all(text.as_bytes())));
    match saved {
        Ok(((), Err(error))) => studio.toasts.failed(format!("Put back, but not recorded: {error}")),
        Ok(_) => studio.toasts.done(format!("Version {number} is back.")),
        Err(error) => return studio.toasts.failed(format!("Not put back: {error}")),
    }
    match Experiment::open(file) {
        Ok(experiment) => {
            studio.replace(Document::new(experiment, Some(file.to_owned())));
            studio.view.open(PANEL.name);
            studio.panels.of::<State>().read = Latest::default();
        }
        Err(error) => studio.toasts.failed(error.to_string()),
    }
}
