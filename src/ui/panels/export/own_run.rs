//! For which run the export is: the length, the batch and the peak of a person's own.

use eframe::egui::{CollapsingHeader, Ui};

use crate::experiment::BatchSize;
use crate::ui::studio::Studio;
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount, check, whole};

use super::state::State;

/// Longer runs are not predicted update by update.
const LONGEST: f64 = crate::export::MAX_UPDATES as f64;

pub(super) fn show(ui: &mut Ui, studio: &mut Studio) {
    let clock = studio.clock();
    let peak = studio.curve(studio.view.selected).map_or(0.1, |curve| curve.range().1);
    let experiment = studio.document.experiment();
    let batch = match experiment.data.batch_size {
        BatchSize::Samples(samples) => samples,
        BatchSize::All => studio.frame.status.batch.max(1),
    };
    let samples = (batch * experiment.train.accumulate) as u64;
    let real = &mut studio.panels.of::<State>().real;
    let title = if *real == Default::default() { "My run" } else { "My run: rescaled" };
    CollapsingHeader::new(theme::caption(ui, title)).id_salt("my run").show(ui, |ui| {
        let mut has = real.length.is_some();
        if check(ui, "Length", "Updates of your own run: every length keeps its share of it.", &mut has) {
            real.length = has.then_some(clock.updates);
        }
        if let Some(length) = &mut real.length {
            let spec = Amount::whole("Updates", "Of your own run.", 1.0..=LONGEST).logarithmic();
            whole(ui, &spec.limits(1.0..=LONGEST), length);
        }
        let mut has = real.batch.is_some();
        let help = "Samples an update of your own run: the rates follow by the batch helper's rule.";
        if check(ui, "Batch", help, &mut has) {
            real.batch = has.then_some(samples);
        }
        if let Some(batch) = &mut real.batch {
            let spec =
                Amount::whole("Samples", "Of one update, on all machines.", 1.0..=65_536.0).logarithmic();
            whole(ui, &spec.limits(1.0..=1e9), batch);
        }
        let mut has = real.peak.is_some();
        if check(ui, "Peak", "The highest rate of your own run, whatever its batch.", &mut has) {
            real.peak = has.then_some(peak);
        }
        if let Some(peak) = &mut real.peak {
            amount(ui, &Amount::rate("Rate", "The highest rate of your own run."), peak);
            // Nothing is a rate of nothing.
            *peak = peak.max(f64::MIN_POSITIVE);
        }
    });
}
