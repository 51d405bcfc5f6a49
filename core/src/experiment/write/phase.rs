//! A phase of the data as a person would write it.

use super::{Table, float, list, named, span, text};
use crate::data::{SampleOrder, Shift};
use crate::experiment::phase::Phase;

/// The fields of a `[[data.phase]]` section.
pub(super) fn section(phase: &Phase) -> Table {
    let mut table = Table::default();
    table.add("name", text(&phase.name));
    if let Some(length) = &phase.length {
        table.add("for", span(length));
    }
    if let Some(source) = &phase.source {
        table.add("data", text(source));
    }
    if let Some(classes) = &phase.classes {
        table.add("classes", list(classes, u32::to_string));
    }
    if let Some(share) = &phase.label_noise {
        table.add("label_noise", float(share));
    }
    if phase.shift != Shift::default() {
        table.add("shift", shift(&phase.shift).inline());
    }
    table.add_unless(&SampleOrder::Shuffled, "order", &phase.order, |it| named(&SampleOrder::ALL, it));
    if let Some(poison) = &phase.poison {
        table.add("poison", format!("{{ share = {}, to = {} }}", float(&poison.share), poison.to));
    }
    table
}

fn shift(shift: &Shift) -> Table {
    let default = Shift::default();
    let mut table = Table::default();
    table.add_unless(&default.rotate, "rotate", &shift.rotate, float);
    table.add_unless(&default.scale, "scale", &shift.scale, float);
    table.add_unless(&default.noise, "noise", &shift.noise, float);
    table
}
