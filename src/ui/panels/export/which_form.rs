//! The choice between the two forms of a run that was edited while it trained.

use eframe::egui::{Label, RichText, Ui};

use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme;
use crate::ui::widgets::segmented;

use super::form::{Form, farthest};
use super::state::State;

/// The choice, and how the two differ.
pub(super) fn choose(ui: &mut Ui, studio: &mut Studio) {
    let selected = studio.view.selected;
    if !studio.is_mixed(selected) {
        return;
    }
    segmented(
        ui,
        &mut studio.panels.of::<State>().form,
        &[
            (Form::Planned, "As planned", "The schedule as it is now, for the whole run."),
            (
                Form::Trained,
                "As trained",
                "The rate that each update really used, and the plan for those to come.",
            ),
        ],
    );
    let run = studio.document.run(selected);
    let used = &studio.frame.used;
    let text = match run.and_then(|run| farthest(run, studio.clock(), &used.rates)) {
        Some((update, was, is)) => format!(
            "This run was edited while it trained. The two differ most at update {}: it used {}, the plan says {}.",
            format::count(update),
            format::rate(was),
            format::rate(is)
        ),
        None => "This run was edited while it trained, but the rates it used are the planned ones. Other numbers, such \
                 as its momentum, are exported as planned."
            .to_owned(),
    };
    ui.add(Label::new(RichText::new(text).color(theme::tokens(ui).warning)).wrap());
    if !used.exact && !used.rates.is_empty() {
        let text = "Of a run this long not every rate is kept: those in between are straight lines.";
        ui.add(Label::new(theme::caption(ui, text)).wrap());
    }
}
