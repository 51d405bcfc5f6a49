//! Milestones, and points drawn by hand.

use eframe::egui::{Align, Button, DragValue, Label, Ui, vec2};

use crate::schedule::{Clock, Schedule, Span};
use crate::ui::format;
use crate::ui::handles::remove_point;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, icon_button};

use super::spans::{Units, in_unit, span_row, unit_of};

pub(super) fn milestones(ui: &mut Ui, mut spans: Vec<Span>, clock: Clock) -> Option<Vec<Span>> {
    let before = spans.clone();
    let mut gone = None;
    let alone = spans.len() < 2;
    for (index, span) in spans.iter_mut().enumerate() {
        let label = format!("Milestone {}", index + 1);
        let mut length = Some(*span);
        span_row(ui, &label, "Where the rate drops.", &mut length, Units::All, clock);
        *span = length.unwrap_or(*span);
    }
    ui.horizontal(|ui| {
        ui.add_space(metrics::FIELD_LABEL);
        if ui.button("Add milestone").clicked() {
            let last = spans.iter().map(|span| span.updates(clock)).fold(0.0, f64::max);
            let next = f64::midpoint(last, clock.updates as f64);
            let unit = spans.last().copied().unwrap_or(Span::Percent(50.0));
            spans.push(in_unit(Span::Updates(next), unit_of(unit), clock));
        }
        if ui.add_enabled(!alone, Button::new("Remove last")).clicked() {
            gone = spans.len().checked_sub(1);
        }
    });
    if let Some(gone) = gone {
        spans.remove(gone);
    }
    (spans != before).then_some(spans)
}

pub(super) fn control_points(
    ui: &mut Ui,
    mut points: Vec<(Span, f64)>,
    schedule: &Schedule,
    clock: Clock,
) -> Option<Vec<(Span, f64)>> {
    let before = points.clone();
    let mut removed = None;
    for (index, (at, rate)) in points.iter_mut().enumerate() {
        let label = format!("Point {}", index + 1);
        ui.horizontal(|ui| {
            let size = vec2(metrics::FIELD_LABEL, metrics::CONTROL);
            let caption =
                ui.add_sized(size, Label::new(theme::caption(ui, label.as_str())).halign(Align::LEFT));
            let mut update = at.updates(clock);
            let position = DragValue::new(&mut update)
                .range(0.0..=clock.updates as f64)
                .clamp_existing_to_range(false)
                .speed(clock.updates as f64 / 400.0)
                .update_while_editing(false)
                .custom_formatter(|number, _| format::count(number.round().max(0.0) as u64))
                .custom_parser(format::parse);
            let name = format!("{label} position");
            if ui
                .add_sized(vec2(metrics::FIELD_VALUE, metrics::CONTROL), position)
                .accessible_name(name)
                .changed()
            {
                *at = at.with_updates(update, clock);
            }
            let speed = (*rate * 0.01).max(1e-9);
            let field = DragValue::new(rate)
                .range(0.0..=1e30)
                .clamp_existing_to_range(false)
                .speed(speed)
                .update_while_editing(false)
                .custom_formatter(|number, _| format::rate(number))
                .custom_parser(format::parse);
            ui.add_sized(vec2(metrics::FIELD_VALUE, metrics::CONTROL), field).labelled_by(caption.id);
            if icon_button(ui, Icon::Close, &format!("Remove point {}", index + 1)).clicked() {
                removed = Some(index);
            }
        });
    }
    ui.label(theme::caption(ui, "Double-click the curve to add a point, right-click one to remove it."));
    if let Some(index) = removed
        && remove_point(schedule, index).is_some()
    {
        points.remove(index);
    }
    (points != before).then_some(points)
}
