//! How far long work has come, and the way to stop it.

use eframe::egui::{Align, Layout, ProgressBar, Ui};

use super::icon::{Icon, icon_button};
use crate::ui::theme::{self, metrics};

/// A bar under what is being done; `true` when it is to stop.
pub fn waiting(ui: &mut Ui, what: &str, share: f32) -> bool {
    ui.label(theme::caption(ui, format!("{what}, {:.0}% done", share * 100.0)));
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let stop = icon_button(ui, Icon::Close, "Stop").clicked();
            let bar = ProgressBar::new(share).desired_height(metrics::XS).fill(theme::tokens(ui).muted);
            ui.add(bar.desired_width(ui.available_width()));
            stop
        })
        .inner
    })
    .inner
}
