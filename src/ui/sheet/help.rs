//! The sheet of keys and gestures.

use eframe::egui::{Grid, ScrollArea, Ui, vec2};

use crate::ui::action::{Action, Menu};
use crate::ui::theme::{self, metrics};

use super::{Decision, buttons};

/// What a hand does in the plots, and what comes of it.
const GESTURES: [(&str, &str); 19] = [
    ("Drag a handle", "Change the schedule; training answers"),
    ("Arrow keys on a handle", "The same, in small steps (Tab reaches it)"),
    ("Left, Right on a plot", "Read it, with Shift in larger steps (Tab reaches it)"),
    (
        "+, -, PageUp, PageDown on a plot",
        "Zoom, pan; Home and End read its ends, Escape shows all, then leaves",
    ),
    ("Up, Down on a border of plots", "Make the plots higher and lower"),
    ("Left, Right on the timeline", "From mark to mark; Enter goes to a snapshot"),
    ("Drag in a plot", "Pan"),
    ("Scroll in a plot", "Zoom where the pointer is"),
    ("Drag with Shift in a plot", "Zoom into the box; a flat one keeps the heights"),
    ("Right-click in a plot", "Axis, smoothing, second cursor, save, copy"),
    ("Double-click in a plot", "Show the whole run; in a hand-drawn schedule: add a point"),
    ("Enter in the rate plot", "Add a point to a hand-drawn schedule at the cursor"),
    ("Right-click or Delete on a point", "Remove the control point"),
    ("Up, Down in a plot to draw in", "Bend the curve that a lesson asks for, at the cursor"),
    ("Click a diamond on the timeline", "Take all runs back to that snapshot"),
    ("Drag with the pencil (P)", "Draw the selected run's rate"),
    ("Drag a run in the list", "Put it elsewhere, its forks with it"),
    ("Right-click a run", "What can be done with it"),
    ("Drop a file on the window", "Open an experiment, a training, a sweep, a log, code, a table"),
];
/// Shows them in two columns.
pub(super) fn show(ui: &mut Ui) -> Option<Decision> {
    ui.label(theme::title(ui, "Keys and gestures"));
    // What stands above and below the list, and around the sheet.
    let room = ui.ctx().content_rect().height() - 3.0 * metrics::TOP_BAR;
    ScrollArea::vertical().max_height(room).show(ui, |ui| {
        ui.columns(2, |sides| {
            let [left, right] = sides else { return };
            keys(left, &[Menu::File, Menu::Edit]);
            keys(right, &[Menu::Train, Menu::View, Menu::Help]);
        });
        ui.add_space(metrics::XS);
        let gestures = GESTURES.into_iter();
        table(ui, "gestures", gestures.map(|(what, does)| (what.to_owned(), does)));
    });
    buttons(ui, &[("Find anything", true, Decision::Palette)])
}

fn keys(ui: &mut Ui, menus: &[Menu]) {
    for menu in menus {
        let listed = Action::ALL.into_iter().map(Action::about).filter(|about| about.menu == *menu);
        let ctx = ui.ctx().clone();
        let lines =
            listed.filter(|about| about.shortcut.is_some()).map(|about| (about.keys(&ctx), about.label));
        table(ui, menu.title(), lines);
    }
}

fn table(ui: &mut Ui, name: &str, lines: impl Iterator<Item = (String, &'static str)>) {
    let grid = Grid::new(name).num_columns(2).min_row_height(0.0);
    grid.spacing(vec2(metrics::M, metrics::XS / 2.0)).show(ui, |ui| {
        for (what, does) in lines {
            ui.label(theme::value(ui, what));
            ui.label(theme::caption(ui, does));
            ui.end_row();
        }
    });
}
