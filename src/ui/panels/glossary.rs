//! The words of the trade, to look up.

use eframe::egui::{Id, Label, ScrollArea, TextEdit, Ui};

use crate::analysis::glossary::search;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

pub const PANEL: Panel = Panel::new(
    "glossary",
    "Glossary",
    Question::Understand,
    "Annealing, weight decay and other words of the trade, in a sentence or two.",
    show,
);

/// What is searched for.
#[derive(Default)]
pub struct Sought(pub String);

/// Opens the glossary at a term.
pub fn look_up(studio: &mut Studio, term: &str) {
    studio.panels.of::<Sought>().0 = term.to_owned();
    studio.view.open(PANEL.name);
}

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let label = ui.label(theme::caption(ui, "Search names and meanings"));
    let field = TextEdit::singleline(&mut studio.panels.of::<Sought>().0)
        .id(Id::unique("glossary search"))
        .hint_text("warmup")
        .desired_width(ui.available_width());
    ui.add(field).labelled_by(label.id);
    ui.add_space(metrics::S);
    let found = search(&studio.panels.of::<Sought>().0);
    if found.is_empty() {
        ui.label("No term like that.");
        ui.label(theme::caption(ui, "Try a part of the word, or a word of its meaning."));
        return;
    }
    ScrollArea::vertical().id_salt("glossary").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        for term in found {
            ui.label(theme::title(ui, term.name));
            ui.add(Label::new(theme::caption(ui, term.meaning)).wrap());
            ui.add_space(metrics::S);
        }
    });
}
