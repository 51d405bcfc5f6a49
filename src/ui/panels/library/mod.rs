//! The library: trainings on disk, to search, sort, mark, compare and open, with three dashboards over them.

mod dashboards;
mod details;
mod state;
mod table;

use eframe::egui::{Label, ScrollArea, TextEdit, Ui};

use crate::experiment::Experiment;
use crate::ui::document::Document;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::sheet::{Sheet, Then};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{check, prose, secondary, tabs};

pub use state::State;
use state::Tab;

pub const PANEL: Panel = Panel {
    wide: true,
    poll: state::poll,
    is_waiting: state::is_waiting,
    ..Panel::new(
        "library",
        "Library",
        Question::Understand,
        "Trainings on disk: searched, compared, and measured by their convergence; each opens as a copy.",
        show,
    )
};

/// What to write where there is no library.
const HOW: &str = "A library is a folder of trainings. anneal train FILE --library DIR adds one, and any folder in which trainings lie is one already. Name it above.";

/// What a click asks for.
pub enum Wish {
    Toggle(state::Lane),
    Star(String, bool),
    Tag(String, String),
    Untag(String, String),
    Open(String),
}

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    state::keep_fresh(studio, ui.ctx());
    let state = studio.panels.of::<State>();
    let again = ui
        .horizontal(|ui| {
            let room = ui.available_width() - metrics::RUN_LOSS - metrics::L;
            let hint = "Folder of trainings";
            ui.add(TextEdit::singleline(&mut state.folder).hint_text(hint).desired_width(room));
            ui.add(secondary("Look again")).on_hover_text("Read what is new or has changed.").clicked()
        })
        .inner;
    if again {
        state.look_again();
    }
    if state.folder.trim().is_empty() {
        prose(ui, HOW);
        return;
    }
    let all =
        [(Tab::Runs, "Runs"), (Tab::Executive, "Executive"), (Tab::OnCall, "On call"), (Tab::Debug, "Debug")];
    tabs(ui, &mut state.tab, &all);
    ui.horizontal(|ui| {
        let room = ui.available_width() - metrics::RUN_LOSS - metrics::L;
        let field = TextEdit::singleline(&mut state.filter.search)
            .hint_text("Search experiments, runs, tags, notes")
            .desired_width(room);
        ui.add(field);
        check(ui, "Starred", "Only starred trainings.", &mut state.filter.starred);
    });
    if let Some(error) = state.answers.error() {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(&error));
        return;
    }
    let Some(answer) = state.answers.answer() else {
        ui.label(theme::caption(ui, "Reading the library…"));
        return;
    };
    for problem in answer.problems.iter().take(3) {
        ui.add(Label::new(theme::caption(ui, format!("Not read: {problem}"))).wrap());
    }
    let wish = match state.tab {
        Tab::Runs => {
            let details = if answer.chosen.is_empty() { 0.0 } else { metrics::RIGHT };
            let wish = table::show(ui, answer, &state.chosen, &mut state.filter, details);
            let below = ScrollArea::vertical().id_salt("library details").auto_shrink([false, false]);
            wish.or(below.show(ui, |ui| details::show(ui, answer, &mut state.tag)).inner)
        }
        tab => {
            let scroll = ScrollArea::vertical().id_salt("dashboard").auto_shrink([false, false]);
            scroll
                .show(ui, |ui| {
                    // Room for the bar on the right, which floats.
                    ui.set_max_width(ui.available_width() - metrics::S);
                    match tab {
                        Tab::OnCall => dashboards::on_call(ui, answer),
                        Tab::Debug => dashboards::debug(ui, answer),
                        _ => dashboards::executive(ui, answer),
                    }
                })
                .inner
        }
    };
    if let Some(wish) = wish {
        act(studio, wish);
    }
}

fn act(studio: &mut Studio, wish: Wish) {
    let state = studio.panels.of::<State>();
    let marked = match wish {
        Wish::Toggle(lane) => {
            state.toggle(lane);
            return;
        }
        Wish::Star(folder, star) => state.mark(&folder, |marks| marks.star = star),
        Wish::Tag(folder, tag) => {
            state.tag.clear();
            state.mark(&folder, |marks| marks.tags.extend([tag.trim().to_owned()]))
        }
        Wish::Untag(folder, tag) => state.mark(&folder, |marks| marks.tags.retain(|known| *known != tag)),
        Wish::Open(folder) => {
            let file = std::path::Path::new(state.folder.trim()).join(folder).join("experiment.toml");
            match Experiment::open(&file) {
                Ok(experiment) => open(studio, experiment),
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
fn open(studio: &mut Studio, experiment: Experiment) {
    if studio.document.is_dirty() {
        studio.sheet = Some(Sheet::Unsaved { then: Then::Begin(Box::new(experiment)) });
        return;
    }
    let name = experiment.name.clone();
    studio.replace(Document::new(experiment, None));
    studio.view.open(PANEL.name);
    studio.toasts.done(format!("A copy of “{name}” is open."));
}
