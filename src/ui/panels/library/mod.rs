//! The library: trainings on disk, to search, sort, mark, compare and open, and three dashboards over them.

mod answer;
mod chosen;
mod debug;
mod details;
mod executive;
mod landing;
mod on_call;
mod state;
mod table;

use eframe::egui::{Label, ScrollArea, TextEdit, Ui};

use crate::experiment::Experiment;
use crate::library::recording_log;
use crate::ui::document::Document;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::sheet::{Sheet, Then};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::view::SidePanel;
use crate::ui::widgets::{check, prose, secondary, tabs};
use crate::ui::wish::Wish as Asked;

use chosen::{Lane, Shown};
pub use state::State;

pub const PANEL: Panel = Panel {
    wide: true,
    poll: landing::poll,
    is_waiting: state::is_waiting,
    ..Panel::new(
        "library",
        "Library",
        Question::Understand,
        "Trainings on disk: searched, compared, and measured by their convergence; each opens as a copy.",
        |ui, studio| show(ui, studio, Shown::Runs),
    )
};

pub const EXECUTIVE: Panel = Panel {
    wide: true,
    is_waiting: state::is_waiting,
    ..Panel::new(
        "executive-dashboard",
        "Executive dashboard",
        Question::Understand,
        "How the library's trainings do as a whole: success, time and cost to convergence, the error budget.",
        |ui, studio| show(ui, studio, Shown::Executive),
    )
};

pub const ON_CALL: Panel = Panel {
    wide: true,
    is_waiting: state::is_waiting,
    ..Panel::new(
        "on-call-dashboard",
        "On-call dashboard",
        Question::LookInside,
        "What of the library trains now and what failed: learning rates, gradient norms, the last checkpoints.",
        |ui, studio| show(ui, studio, Shown::OnCall),
    )
};

pub const DEBUG: Panel = Panel {
    wide: true,
    is_waiting: state::is_waiting,
    ..Panel::new(
        "debug-dashboard",
        "Debug dashboard",
        Question::LookInside,
        "A few of the library's runs update by update: learning rate, losses, gradient norm, what happened.",
        |ui, studio| show(ui, studio, Shown::Debug),
    )
};

/// The panels as tabs of one another.
const TABS: [(Shown, &str, SidePanel); 4] = [
    (Shown::Runs, "Runs", PANEL.name),
    (Shown::Executive, "Executive", EXECUTIVE.name),
    (Shown::OnCall, "On call", ON_CALL.name),
    (Shown::Debug, "Debug", DEBUG.name),
];

/// What to write where there is no library.
const HOW: &str = "A library is a folder of trainings. anneal train, sweep and serve add to it by --library DIR, and any folder in which trainings lie is one already. Name it above.";

/// What a click asks for.
pub enum Wish {
    Toggle(Vec<Lane>),
    Star(String, bool),
    Tag(String, String),
    Untag(String, String),
    Note(String, String),
    Open(String),
    Export(String),
    Continue(String),
    /// A recording, beside the runs.
    Show(String),
}

fn show(ui: &mut Ui, studio: &mut Studio, shown: Shown) {
    state::keep_fresh(studio, ui.ctx(), shown);
    folder(ui, studio);
    let mut tab = shown;
    let names: Vec<(Shown, &str)> = TABS.iter().map(|(shown, name, _)| (*shown, *name)).collect();
    tabs(ui, &mut tab, &names);
    if let Some((.., panel)) = TABS.iter().find(|(to, ..)| *to == tab && tab != shown) {
        studio.view.open(*panel);
    }
    if studio.view.library.trim().is_empty() {
        prose(ui, HOW);
        return;
    }
    if shown == Shown::Runs {
        landing::show(ui, studio);
    }
    let state = studio.panels.of::<State>();
    filter(ui, state, shown);
    ui.add_space(metrics::XS);
    if let Some(error) = state.answers.error() {
        ui.add(
            Label::new(theme::caption(ui, format::sentence(&error)).color(theme::tokens(ui).danger)).wrap(),
        );
        return;
    }
    // The answer of another tab has not what this one shows.
    let newest = state.answers.newest().filter(|(key, _)| key.shown == shown);
    let Some(answer) = newest.and_then(|(_, answer)| answer.as_ref().ok()) else {
        ui.label(theme::caption(ui, "Reading the library…"));
        return;
    };
    for problem in answer.problems.iter().take(3) {
        ui.add(Label::new(theme::caption(ui, format!("Not read: {problem}"))).wrap());
    }
    let wish = match shown {
        Shown::Runs => {
            let details = (metrics::SWEEP + metrics::RIGHT).min(ui.available_height() * 0.55);
            let wish = table::show(ui, answer, &state.chosen, &mut state.filter, details);
            ui.add_space(metrics::S);
            let below = ScrollArea::vertical().id_salt("library details").auto_shrink([false, false]);
            let (tag, note) = (&mut state.tag, &mut state.note);
            wish.or(below.show(ui, |ui| details::show(ui, answer, tag, note)).inner)
        }
        shown => scrolled(ui, |ui| match shown {
            Shown::OnCall => on_call::show(ui, answer),
            Shown::Debug => debug::show(ui, answer),
            _ => executive::show(ui, answer),
        }),
    };
    if let Some(wish) = wish {
        act(studio, wish);
    }
}

/// Which library.
fn folder(ui: &mut Ui, studio: &mut Studio) {
    let state = studio.panels.of::<State>();
    let mut text = state.typed.clone().unwrap_or_else(|| studio.view.library.clone());
    let (field, again) = ui
        .horizontal(|ui| {
            let room = ui.available_width() - metrics::RUN_LOSS - metrics::L;
            let field = TextEdit::singleline(&mut text).hint_text("Folder of trainings").desired_width(room);
            let field = ui.add(field).accessible_name("Folder of trainings");
            (
                field,
                ui.add(secondary("Look again")).on_hover_text("Read what is new or has changed.").clicked(),
            )
        })
        .inner;
    if field.changed() {
        state.typed = Some(text);
    }
    if (field.lost_focus() || again)
        && let Some(typed) = state.typed.take()
    {
        studio.view.library = typed;
    }
    if again {
        state.look_again();
    }
}

fn scrolled<R>(ui: &mut Ui, show: impl FnOnce(&mut Ui) -> R) -> R {
    let scroll = ScrollArea::vertical().id_salt("dashboard").auto_shrink([false, false]);
    let shown = scroll.show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        show(ui)
    });
    shown.inner
}

/// Which runs are meant.
fn filter(ui: &mut Ui, state: &mut State, shown: Shown) {
    ui.horizontal(|ui| {
        let checks = if shown == Shown::Runs { 2.0 } else { 1.0 };
        let room = ui.available_width() - checks * metrics::RUN_LOSS - metrics::M;
        let field = TextEdit::singleline(&mut state.filter.search)
            .hint_text("Search experiments, runs, tags, notes")
            .desired_width(room);
        ui.add(field).accessible_name("Search");
        check(ui, "Starred", "Only starred trainings.", &mut state.filter.starred);
        if shown == Shown::Runs {
            check(ui, "Group", "Runs that differ in their seed only as one line.", &mut state.grouped);
        }
    });
}

fn act(studio: &mut Studio, wish: Wish) {
    let state = studio.panels.of::<State>();
    let marked = match wish {
        Wish::Toggle(lanes) => {
            state.toggle(lanes);
            return;
        }
        Wish::Star(folder, star) => state.mark(&folder, |marks| marks.star = star),
        Wish::Tag(folder, tag) => {
            state.tag.clear();
            state.mark(&folder, |marks| marks.tags.extend([tag.trim().to_owned()]))
        }
        Wish::Untag(folder, tag) => state.mark(&folder, |marks| marks.tags.retain(|known| *known != tag)),
        Wish::Note(folder, note) => state.mark(&folder, |marks| marks.note = note.trim().to_owned()),
        Wish::Open(folder) => return open(studio, &folder, PANEL.name),
        Wish::Export(folder) => return open(studio, &folder, super::export::PANEL.name),
        Wish::Continue(folder) => {
            let folder = state.library().join(folder);
            studio.wish(Asked::Open(folder));
            return;
        }
        Wish::Show(folder) => {
            match recording_log(&state.library().join(folder)) {
                Ok(log) => studio.wish(Asked::Open(log)),
                Err(error) => studio.toasts.failed(error.to_string()),
            }
            return;
        }
    };
    if let Err(error) = marked {
        studio.toasts.failed(error.to_string());
    }
}

/// Puts a copy of a training's experiment in place of the one there is, which is asked about where it is not saved.
fn open(studio: &mut Studio, folder: &str, panel: SidePanel) {
    let file = studio.panels.of::<State>().library().join(folder).join("experiment.toml");
    let experiment = match Experiment::open(&file) {
        Ok(experiment) => experiment,
        Err(error) => return studio.toasts.failed(error.to_string()),
    };
    if studio.document.is_dirty() {
        studio.sheet = Some(Sheet::Unsaved { then: Then::Begin(Box::new(experiment)) });
        return;
    }
    let name = experiment.name.clone();
    studio.replace(Document::new(experiment, None));
    studio.view.open(panel);
    studio.toasts.done(format!("A copy of “{name}” is open."));
}
