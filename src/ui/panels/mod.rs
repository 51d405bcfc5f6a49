//! The panels around the plots. A side panel is a file with its row, and the row's line in [`PANELS`].

mod attack;
pub mod batch_size;
pub mod controller;
pub mod courses;
pub mod data;
pub mod diagnosis;
pub mod experiment;
pub mod export;
pub mod field;
pub mod forecast;
pub mod gallery;
pub mod glossary;
pub mod groups;
pub mod history;
pub mod inspector;
pub mod landscape;
pub mod lesson;
pub mod library;
pub mod lint;
pub mod live;
pub mod map;
pub mod members;
pub mod microscope;
pub mod model;
pub mod optimizer;
pub mod phases;
mod precision;
pub mod range_test;
pub mod recorded;
pub mod recordings;
pub mod report;
pub mod restore_bar;
pub mod results;
pub mod runs;
pub mod schedule;
pub mod side_panel;
pub mod snapshots;
mod suited;
pub mod sweep;
mod table_preview;
pub mod team;
pub mod timeline;
pub mod top_bar;
pub mod update_weights;

use eframe::egui::{Frame, Margin, Stroke, Ui};

use crate::ui::panel::Panel;
use crate::ui::theme::{self, metrics};
use crate::ui::view::SidePanel;

/// Every side panel, in the order the chooser lists those of one question.
pub const PANELS: &[Panel] = &[
    results::PANEL,
    report::PANEL,
    library::PANEL,
    library::EXECUTIVE,
    lesson::PANEL,
    glossary::PANEL,
    range_test::PANEL,
    map::PANEL,
    sweep::PANEL,
    forecast::PANEL,
    batch_size::PANEL,
    diagnosis::PANEL,
    library::ON_CALL,
    library::DEBUG,
    microscope::PANEL,
    phases::PANEL,
    members::PANEL,
    update_weights::PANEL,
    snapshots::PANEL,
    landscape::PANEL,
    field::PANEL,
    live::PANEL,
    recorded::PANEL,
    export::PANEL,
    history::PANEL,
];

/// The panel of this name; a name comes from a row, so there always is one.
pub fn find(name: SidePanel) -> &'static Panel {
    PANELS.iter().find(|panel| panel.name == name).unwrap_or(&results::PANEL)
}

/// The panel of a name that was typed, whatever its case; hyphens may be spaces.
pub fn named(typed: &str) -> Option<SidePanel> {
    let plain = hyphened(typed);
    PANELS.iter().map(|panel| panel.name).find(|name| name.0 == plain)
}

/// The place of a panel's view whose title was typed.
pub fn view_named(panel: &Panel, typed: &str) -> Option<usize> {
    let plain = hyphened(typed);
    panel.views.iter().position(|title| hyphened(title) == plain)
}

/// In lower case, with hyphens.
pub fn hyphened(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

/// The ground of a panel.
pub fn ground(ui: &Ui, margin: Margin) -> Frame {
    Frame::new().fill(theme::tokens(ui).panel).inner_margin(margin).stroke(Stroke::NONE)
}

/// A hairline across a panel, with room around it.
pub fn rule(ui: &mut Ui) {
    ui.add_space(metrics::S);
    let left = ui.max_rect().left() - f32::from(metrics::MARGIN_M);
    let right = ui.max_rect().right() + f32::from(metrics::MARGIN_M);
    let y = ui.painter().round_to_pixel_center(ui.cursor().top());
    ui.painter().hline(left..=right, y, (metrics::HAIRLINE, theme::tokens(ui).hairline));
    ui.add_space(metrics::S + 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_panels_are_found_by_name() {
        assert_eq!(named("decision-field"), Some(field::PANEL.name));
        assert_eq!(named("Decision field"), Some(field::PANEL.name));
        assert_eq!(named("nothing"), None);
        for panel in PANELS {
            assert_eq!(named(panel.title), Some(panel.name), "a name is its title with hyphens");
            assert_eq!(find(panel.name).title, panel.title, "no two panels have one name");
            for (at, view) in panel.views.iter().enumerate() {
                assert_eq!(view_named(panel, &hyphened(view)), Some(at), "no two views have one name");
            }
        }
    }
}
