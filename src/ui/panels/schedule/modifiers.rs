//! What is put around a schedule: warmup, cooldown, clamp, and what it counts.

use eframe::egui::Ui;

use crate::schedule::{Clamp, Clock, Cooldown, Joins, Ramp, Schedule, Span, Tick, Warmup};
use crate::ui::panels::map::mapped;
use crate::ui::widgets::{Amount, amount, check, choice};

use super::spans::{Units, span_row};

/// Warmup, cooldown, clamp, and what is counted.
pub fn show(ui: &mut Ui, schedule: &mut Schedule, clock: Clock) {
    let mut on = schedule.warmup.is_some();
    if check(ui, "Warmup", "A climb to the first value of the schedule.", &mut on) {
        schedule.warmup = on.then_some(Warmup::new(Span::Percent(5.0), 0.0, Ramp::Linear));
    }
    if let Some(warmup) = &mut schedule.warmup {
        ui.push_id("warmup", |ui| {
            let mut over = Some(warmup.over);
            mapped(ui, "lr.warmup.over", |ui| {
                span_row(ui, "Length", "How long the climb is.", &mut over, Units::All, clock)
            });
            warmup.over = over.unwrap_or(warmup.over);
            amount(
                ui,
                &Amount::number("From", "The first rate, as a share of the one climbed to.", 0.0..=1.0),
                &mut warmup.from,
            );
            choice(ui, "Shape", "How it climbs.", &mut warmup.shape, &Ramp::ALL);
            let help = "Before the schedule; over its beginning, climbing to its first rate; or into it, climbing to \
                        the rate it has by then.";
            choice(ui, "Joins", help, &mut warmup.joins, &Joins::ALL);
        });
    }
    let mut on = schedule.cooldown.is_some();
    if check(ui, "Cooldown", "A descent at the end of the run.", &mut on) {
        schedule.cooldown =
            on.then_some(Cooldown { over: Span::Percent(10.0), to: 0.0, shape: Ramp::Linear });
    }
    if let Some(cooldown) = &mut schedule.cooldown {
        ui.push_id("cooldown", |ui| {
            let mut over = Some(cooldown.over);
            mapped(ui, "lr.cooldown.over", |ui| {
                span_row(ui, "Length", "How long the descent is.", &mut over, Units::All, clock)
            });
            cooldown.over = over.unwrap_or(cooldown.over);
            amount(
                ui,
                &Amount::number("To", "The last rate, as a share of the one before.", 0.0..=1.0),
                &mut cooldown.to,
            );
            choice(ui, "Shape", "How it falls.", &mut cooldown.shape, &Ramp::ALL);
        });
    }
    let mut on = schedule.clamp.is_some();
    if check(ui, "Clamp", "Bounds on the final rate.", &mut on) {
        let range = schedule.resolve(clock).map_or((0.0, 1.0), |curve| curve.range());
        schedule.clamp = on.then_some(Clamp { min: range.0, max: range.1 });
    }
    if let Some(clamp) = &mut schedule.clamp {
        ui.push_id("clamp", |ui| {
            if amount(ui, &Amount::rate("At least", "The lowest rate."), &mut clamp.min) {
                clamp.max = clamp.max.max(clamp.min);
            }
            if amount(ui, &Amount::rate("At most", "The highest rate."), &mut clamp.max) {
                clamp.min = clamp.min.min(clamp.max);
            }
        });
    }
    let mut staircase = schedule.tick == Tick::Epoch;
    if check(ui, "Change once an epoch", "Count epochs instead of updates: a staircase.", &mut staircase) {
        schedule.tick = if staircase { Tick::Epoch } else { Tick::Update };
    }
}
