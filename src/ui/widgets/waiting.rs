//! How far long work has come, how long it still takes, and the way to stop it.

use eframe::egui::{Align, Id, Layout, ProgressBar, Ui};

use super::icon::{Icon, icon_button};
use crate::ui::format;
use crate::ui::theme::{self, metrics};

/// Seconds from which on it is said how many are left, and those before it that a guess needs.
const WORTH_SAYING: f64 = 5.0;
const LOOKED: f64 = 1.0;

/// A bar under what is being done; `true` when it is to stop.
pub fn waiting(ui: &mut Ui, what: &str, share: f32) -> bool {
    let left = left(ui, what, share).map_or_else(String::new, |left| format!(", about {left} left"));
    ui.label(theme::caption(ui, format!("{what}, {:.0}% done{left}", share * 100.0)));
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

/// How long it still takes, by how long it took so far, where that is more than a moment.
fn left(ui: &Ui, what: &str, share: f32) -> Option<String> {
    let now = ui.input(|input| input.time);
    let id = Id::unique(("waiting", what));
    // When it was seen first, and how far it was then; work that is behind that is another.
    let first = ui.data_mut(|data| {
        let first = data.get_temp_mut_or_insert_with(id, || (now, share));
        if share < first.1 {
            *first = (now, share);
        }
        *first
    });
    let seconds = remaining(now - first.0, first.1, share)?;
    (seconds > WORTH_SAYING).then(|| format::duration(seconds))
}

/// Seconds left of work that came from one share to another in so many.
fn remaining(seconds: f64, from: f32, to: f32) -> Option<f64> {
    let done = f64::from(to - from);
    (seconds >= LOOKED && done > 0.0).then(|| seconds / done * f64::from(1.0 - to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_done_since_one_looks() {
        assert_eq!(remaining(10.0, 0.25, 0.5), Some(20.0));
        assert_eq!(remaining(0.5, 0.0, 0.5), None);
        assert_eq!(remaining(10.0, 0.5, 0.5), None);
    }
}
