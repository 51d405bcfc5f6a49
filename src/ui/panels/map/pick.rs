//! The numbers of the inspector as the map's: a click on a number's name asks for the map across it or upwards of it.

use eframe::egui::{CursorIcon, Id, Popup, Rect, Sense, SetOpenCommand, Ui, vec2};

use crate::ui::studio::Studio;
use crate::ui::theme::metrics;
use crate::ui::wish::Wish;

use super::state::State;

/// What is offered, in the order of the map's ways.
const WAYS: [&str; 2] = ["Map across", "Map upwards"];

/// Where it lies between a click and [`take`]: the map's way, and the number's path.
fn asked() -> Id {
    Id::unique("number for the map")
}

/// Draws the row of the run's number at a path; its name has a menu.
pub fn mapped<R>(ui: &mut Ui, path: &str, row: impl FnOnce(&mut Ui) -> R) -> R {
    let drawn = ui.scope(row);
    let full = drawn.response.rect;
    let name = Rect::from_min_size(full.min, vec2(metrics::FIELD_LABEL, full.height()));
    // Not in the way of Tab: under Map both numbers are chosen by keys.
    let response = ui.interact(name, Id::unique(("map menu", path)), Sense::CLICK);
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    let entries = |ui: &mut Ui| {
        for (way, words) in WAYS.into_iter().enumerate() {
            if ui.button(words).clicked() {
                ui.data_mut(|data| data.insert_temp(asked(), (way, path.to_owned())));
                ui.close();
            }
        }
    };
    let set = match (response.secondary_clicked(), response.clicked()) {
        (true, _) => Some(SetOpenCommand::Bool(true)),
        (_, true) => Some(SetOpenCommand::Toggle),
        _ => None,
    };
    Popup::menu(&response).open_memory(set).show(entries);
    drawn.inner
}

/// Opens the map along the number that was asked for in this frame.
pub fn take(ui: &Ui, studio: &mut Studio) {
    let Some((way, path)) = ui.data_mut(|data| data.remove_temp::<(usize, String)>(asked())) else { return };
    studio.panels.of::<State>().choose(way, path);
    studio.wish(Wish::Panel(super::PANEL.name));
}
