//! Lengths, in updates, epochs or a share of the run.

use eframe::egui::{Align, DragValue, Layout, Ui, vec2};

use crate::schedule::{Clock, Span};
use crate::ui::format;
use crate::ui::theme::metrics;
use crate::ui::widgets::{combo, row, slide};

/// What a length may be given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Updates, epochs, or a share of the run.
    All,
    /// Those, or left open: to the end.
    OrOpen,
    /// Updates or epochs.
    Absolute,
}

const UNITS: [&str; 3] = ["updates", "epochs", "%"];

pub(super) fn unit_of(span: Span) -> usize {
    match span {
        Span::Updates(_) => 0,
        Span::Epochs(_) => 1,
        Span::Percent(_) => 2,
    }
}

pub(super) fn in_unit(span: Span, unit: usize, clock: Clock) -> Span {
    let updates = span.updates(clock);
    let same = match unit {
        0 => Span::Updates(updates),
        1 => Span::Epochs(updates / clock.updates_per_epoch.max(1) as f64),
        _ => Span::Percent(updates / clock.updates.max(1) as f64 * 100.0),
    };
    same.with_amount(if unit == 0 {
        same.amount().round().max(1.0)
    } else {
        format::round_to(same.amount(), 4)
    })
}

/// A length: a slider, its amount, its unit, and where that is allowed the rest of the run.
pub fn span_row(
    ui: &mut Ui,
    label: &str,
    help: &str,
    span: &mut Option<Span>,
    units: Units,
    clock: Clock,
) -> bool {
    let before = *span;
    row(ui, label, help, |ui, id| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let unit = span.map_or(3, unit_of);
            let mut chosen = unit;
            combo(("unit", label.to_owned()))
                .selected_text(UNITS.get(unit).copied().unwrap_or("to the end"))
                .width(metrics::FIELD_UNIT)
                .show_ui(ui, |ui| {
                    let count = if units == Units::Absolute { 2 } else { UNITS.len() };
                    for (index, name) in UNITS.iter().enumerate().take(count) {
                        ui.selectable_value(&mut chosen, index, *name);
                    }
                    if units == Units::OrOpen {
                        ui.selectable_value(&mut chosen, 3, "to the end");
                    }
                })
                .response
                .accessible_name(format!("Unit of {}", label.to_lowercase()));
            if chosen != unit {
                let length = span.unwrap_or(Span::Percent(100.0));
                *span = (chosen < 3).then(|| in_unit(length, chosen, clock));
            }
            if let Some(span) = span {
                *span = span_amount(ui, *span, id, clock);
            }
        });
    });
    *span != before
}

fn span_amount(ui: &mut Ui, span: Span, label: eframe::egui::Id, clock: Clock) -> Span {
    let most = match span {
        Span::Updates(_) => clock.updates as f64,
        Span::Epochs(_) => clock.updates as f64 / clock.updates_per_epoch.max(1) as f64,
        Span::Percent(_) => 100.0,
    };
    let whole = matches!(span, Span::Updates(_));
    let least = if whole { 1.0 } else { format::round_to(most / clock.updates.max(1) as f64, 2) };
    let mut number = span.amount();
    let field = DragValue::new(&mut number)
        .range(least.min(most)..=1e12)
        .clamp_existing_to_range(false)
        .speed(most / 400.0)
        .update_while_editing(false)
        .custom_formatter(|number, _| format::significant(number, 5))
        .custom_parser(format::parse);
    ui.add_sized(vec2(metrics::FIELD_VALUE - metrics::L, metrics::CONTROL), field).labelled_by(label);
    if ui.available_width() > metrics::XL {
        slide(ui, &mut number, least.min(most)..=most, label);
    }
    if number == span.amount() {
        return span;
    }
    span.with_amount(if whole { number.round().max(1.0) } else { format::round_to(number, 4) })
}
