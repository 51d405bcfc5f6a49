//! The record: how far forecasts missed the runs that came, kept between starts.

use eframe::egui::{Label, Ui};

use crate::ui::format;
use crate::ui::misses::Miss;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Figures, figures, secondary};

/// The newest misses that are listed.
const SHOWN: usize = 8;
/// What the columns mean.
const COLUMNS: [(&str, &str); 3] = [
    ("Forecast", "The loss that was expected at the end. The first forecast of a run counts."),
    ("Measured", "The loss that the run came to."),
    ("Miss", "Forecast minus measured."),
];

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let Some((off, within)) = studio.misses.sum() else { return };
    let all = studio.misses.all();
    ui.add_space(metrics::M);
    ui.label(theme::title(ui, "The record"));
    let count = all.len();
    let runs = if count == 1 { "run" } else { "runs" };
    let text = format!(
        "{count} {runs} came after a forecast: it missed by {} in the mean, and {within} of {count} lay within the band.",
        format::metric(off)
    );
    ui.add(Label::new(theme::caption(ui, text)).wrap());
    let row = |miss: &Miss| {
        let mut cells: Vec<String> = [miss.predicted, miss.measured].map(format::metric).to_vec();
        cells.push(super::signed(miss.by()));
        let name = match miss.experiment.as_str() {
            "" => miss.run.clone(),
            experiment => format!("{} ({experiment})", miss.run),
        };
        Figures { name, slot: None, cells, note: None }
    };
    let rows: Vec<Figures> = all.iter().rev().take(SHOWN).map(row).collect();
    figures(ui, &COLUMNS, &rows);
    ui.add_space(metrics::XS);
    if ui
        .add(secondary("Clear the record"))
        .on_hover_text("Forgets all of them, those not listed too.")
        .clicked()
    {
        studio.misses.clear();
    }
}
