//! Numbers of a live run's optimizer beside the rate: momentum, betas, weight decay.

use std::collections::BTreeMap;

use eframe::egui::{Label, Ui};

use crate::train::ids::RunId;
use crate::ui::format;
use crate::ui::shelf::LiveView;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Amount, amount, secondary};

use super::state::{State, set_number};

pub fn show(ui: &mut Ui, studio: &mut Studio, run: RunId, live: &LiveView) {
    if live.numbers.is_empty() {
        return;
    }
    ui.add_space(metrics::M);
    ui.label(theme::title(ui, "Bend its optimizer"));
    let state = studio.panels.of::<State>();
    for number in &live.numbers {
        let now = number.value.unwrap_or_default();
        let mut value = state.moved.get(&number.name).copied().unwrap_or(now);
        let help = "Of every parameter group that has it, from the next update on.";
        let label = label(&number.name);
        if amount(ui, &range(&label, help, &number.name), &mut value) {
            state.moved.insert(number.name.clone(), value);
        }
        if number.is_bent && !state.moved.contains_key(&number.name) {
            ui.add(
                Label::new(theme::caption(
                    ui,
                    format!("{label} is bent to {}.", format::significant(now, 3)),
                ))
                .wrap(),
            );
        }
    }
    if state.moved.is_empty() {
        return;
    }
    let what: Vec<String> = state
        .moved
        .iter()
        .map(|(name, value)| format!("{name} {}", format::significant(*value, 3)))
        .collect();
    let text = format!("Set {}", what.join(", "));
    let mut send = None;
    ui.horizontal_wrapped(|ui| {
        if ui.add(secondary(&text)).clicked() {
            send = Some(std::mem::take(&mut state.moved));
        }
        if ui.add(secondary("Leave it")).clicked() {
            state.moved.clear();
        }
    });
    let send: BTreeMap<String, f64> = send.unwrap_or_default();
    send.into_iter().for_each(|(name, value)| set_number(studio, run, &name, value));
}

/// A number's name for people.
fn label(name: &str) -> String {
    match name {
        "weight_decay" => "Weight decay".to_owned(),
        "beta1" => "Beta 1".to_owned(),
        "beta2" => "Beta 2".to_owned(),
        other => format::sentence(other).trim_end_matches('.').to_owned(),
    }
}

/// What a number may be: below 1, except of what is added to a gradient.
fn range<'a>(label: &'a str, help: &'a str, name: &str) -> Amount<'a> {
    match name {
        "weight_decay" => Amount::rate(label, help).limits(0.0..=1e6),
        _ => Amount::number(label, help, 0.0..=0.9999),
    }
}
