//! The panels around the plots.

pub mod batch_size;
pub mod context;
pub mod controller;
pub mod courses;
pub mod data;
pub mod diagnosis;
pub mod experiment;
pub mod export;
pub mod field;
pub mod gallery;
pub mod glossary;
pub mod inspector;
pub mod landscape;
pub mod lint;
pub mod microscope;
pub mod model;
pub mod optimizer;
pub mod range_test;
pub mod recordings;
pub mod report;
pub mod results;
pub mod runs;
pub mod schedule;
pub mod snapshots;
mod table_preview;
pub mod timeline;
pub mod top_bar;

use eframe::egui::{Frame, Margin, Stroke, Ui};

use crate::ui::theme::{self, metrics};

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
