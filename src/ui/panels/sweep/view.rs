//! What a view of a sweep is, how it is looked at, and what views share.

use eframe::egui::Ui;

use crate::ui::plot::cloud::Touch;
use crate::ui::theme::metrics;
use crate::ui::widgets::{combo, row};

use super::brush::Brushes;
use super::found::Found;

/// A way to look at trials.
#[derive(Clone, Copy)]
pub struct View {
    /// In sentence case.
    pub title: &'static str,
    /// What is seen in it.
    pub sentence: &'static str,
    /// Draws it; the trial that is pointed at.
    pub show: fn(&mut Ui, &Found, &mut Options) -> Touch,
}

/// How a view is looked at.
#[derive(Clone, Debug)]
pub struct Options {
    /// The axis whose values are compared.
    pub isolated: Option<String>,
    /// The two axes of a plane.
    pub plane: [Option<String>; 2],
    /// Which two measures of a trial a front is of, across and up, by their places.
    pub front: [usize; 2],
    /// The share of trials, from the best on, that is shown.
    pub best: f64,
    /// Intervals on rulers: trials outside are faded.
    pub brushes: Brushes,
    /// The trial that was pointed at last.
    pub marked: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            isolated: None,
            plane: [None, None],
            front: [1, 0],
            best: 1.0,
            brushes: Brushes::default(),
            marked: None,
        }
    }
}

/// Shares of trials to choose from.
const SHARES: [(f64, &str); 5] = [
    (1.0, "all trials"),
    (0.5, "the best 50 %"),
    (0.25, "the best 25 %"),
    (0.1, "the best 10 %"),
    (0.05, "the best 5 %"),
];

/// Which share of the trials is shown.
pub fn shares(ui: &mut Ui, options: &mut Options) {
    row(ui, "Show", "Only the best trials, so that bad ones do not hide them.", |ui, id| {
        let chosen = SHARES.iter().find(|(share, _)| *share == options.best).map_or("", |(_, name)| *name);
        let combo = combo("best share").selected_text(chosen).width(ui.available_width());
        let shown = combo.show_ui(ui, |ui| {
            for (share, name) in SHARES {
                ui.selectable_value(&mut options.best, share, name);
            }
        });
        shown.response.labelled_by(id);
    });
}

/// One of the sweep's axes; `usual` where none was chosen.
pub fn axis(
    ui: &mut Ui,
    found: &Found,
    label: &str,
    help: &str,
    chosen: &mut Option<String>,
    usual: usize,
) -> Option<usize> {
    let over = &found.sweep.over;
    let at = over.iter().position(|axis| Some(&axis.path) == chosen.as_ref()).unwrap_or(usual);
    let axis = over.get(at)?;
    row(ui, label, help, |ui, id| {
        let combo = combo(label).selected_text(&axis.path).width(ui.available_width());
        let shown = combo.show_ui(ui, |ui| {
            for other in over {
                if ui.selectable_label(other.path == axis.path, &other.path).clicked() {
                    *chosen = Some(other.path.clone());
                }
            }
        });
        shown.response.labelled_by(id);
    });
    ui.add_space(metrics::XS);
    Some(at)
}
