//! The selected run's schedule: its kind, its numbers, and what is put around it.

use eframe::egui::{Align, DragValue, Layout, Ui, vec2};

use crate::experiment::{Metric, Plateau, PlateauMode, Run, ThresholdMode};
use crate::schedule::kind::{Field, Kind, Role, Value};
use crate::schedule::{Clamp, Clock, Cooldown, Ramp, Schedule, Span, Tick, Warmup};
use crate::ui::format;
use crate::ui::handles::remove_point;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Amount, Icon, amount, check, choice, combo, icon_button, row, whole};

use super::{gallery, lint, rule};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let id = studio.view.selected;
    let clock = studio.clock();
    let Some(run) = studio.document.run(id).cloned() else { return };
    gallery::show(ui, studio, &run);
    let mut next = run.clone();
    ui.add_space(metrics::XS);
    ui.label(theme::caption(ui, Kind::about(next.lr.kind.name())));
    ui.add_space(metrics::XS);
    fields(ui, &mut next.lr, clock);
    if let Some(error) = studio.curve_error(id) {
        ui.colored_label(theme::tokens(ui).danger, error.to_string());
    }
    lint::show(ui, studio);
    rule(ui);
    modifiers(ui, &mut next.lr, clock);
    rule(ui);
    plateau(ui, &mut next.plateau);
    if next.plateau.is_some() {
        // Two controllers would pull at one rate.
        next.greedy = None;
    }
    others(ui, &mut next);
    if next != run {
        studio.document.edit_run(id, |run| *run = next);
    }
}

/// The kind's own fields.
fn fields(ui: &mut Ui, schedule: &mut Schedule, clock: Clock) {
    for field in Kind::fields(schedule.kind.name()).unwrap_or_default() {
        let Some(value) = schedule.kind.get(field.name) else { continue };
        let label = label(&field);
        if let Some(value) = edit(ui, &label, &field, value, schedule, clock) {
            schedule.kind.set(field.name, value);
        }
    }
}

/// A field's name for people.
fn label(field: &Field) -> String {
    let known = match field.name {
        "gamma" => "Factor γ",
        "pct_start" => "Climb share",
        "div_factor" => "Start divisor",
        "final_div_factor" => "End divisor",
        "d_model" => "Width",
        "peak_decay" => "Peak decay",
        "three_phase" => "Three phases",
        "mult" => "Growth",
        "first" => "First cycle",
        "over" => "Length",
        name => return sentence(name),
    };
    known.to_owned()
}

/// A name from the experiment file as people write it.
pub fn sentence(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// One field; its new value if it was changed.
fn edit(
    ui: &mut Ui,
    label: &str,
    field: &Field,
    value: Value,
    schedule: &Schedule,
    clock: Clock,
) -> Option<Value> {
    match (field.role, value) {
        (Role::Rate, Value::Number(mut number)) => {
            amount(ui, &Amount::rate(label, field.help), &mut number).then_some(Value::Number(number))
        }
        (Role::Number { min, max }, Value::Number(mut number)) => {
            let spec = number_spec(label, field, min, max);
            amount(ui, &spec, &mut number).then_some(Value::Number(number))
        }
        (Role::Span, Value::Span(mut span)) => {
            let open = field.default.as_ref().is_some_and(|default| *default == Value::Span(None));
            let units = if open { Units::OrOpen } else { Units::All };
            span_row(ui, label, field.help, &mut span, units, clock).then_some(Value::Span(span))
        }
        (Role::Flag, Value::Flag(mut on)) => check(ui, label, field.help, &mut on).then_some(Value::Flag(on)),
        (Role::Choice(names), Value::Choice(mut chosen)) => {
            let options: Vec<(&str, &'static str)> = names.iter().map(|name| (*name, *name)).collect();
            choice(ui, label, field.help, &mut chosen, &options).then_some(Value::Choice(chosen))
        }
        (Role::Milestones, Value::Milestones(spans)) => milestones(ui, spans, clock).map(Value::Milestones),
        (Role::Points, Value::Points(points)) => {
            control_points(ui, points, schedule, clock).map(Value::Points)
        }
        (_, Value::Values(table)) => {
            let count = format::count(table.values.len() as u64);
            ui.label(format!("{count} rates, one a tick. The list is edited in the experiment file."));
            None
        }
        (_, Value::Parts(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                let length = part.length.map_or_else(|| "to the end".to_owned(), |length| length.to_string());
                ui.label(format!("{}. {} · {length}", index + 1, sentence(part.schedule.kind.name())));
            }
            ui.label(theme::caption(
                ui,
                "Drag the handles to move where parts end. Parts are added in the experiment file.",
            ));
            None
        }
        (_, Value::Factors(factors)) => {
            for factor in &factors {
                ui.label(format!("× {}", sentence(factor.kind.name())));
            }
            ui.label(theme::caption(ui, "Factors are edited in the experiment file."));
            None
        }
        _ => None,
    }
}

/// A slider that reaches what is usual, for a number that may be anything allowed.
fn number_spec<'a>(label: &'a str, field: &Field, min: f64, max: f64) -> Amount<'a> {
    let help = field.help;
    let (low, high, logarithmic) = match field.name {
        "gamma" => (0.0, 1.0, false),
        "power" => (0.0, 5.0, false),
        "mult" => (1.0, 4.0, false),
        "div_factor" => (1.0, 1e3, true),
        "final_div_factor" => (1.0, 1e6, true),
        "d_model" => (16.0, 4096.0, true),
        "from" | "to" => (0.0, 2.0, false),
        _ => (min, max.min(1.0), false),
    };
    let spec = Amount::number(label, help, low..=high).limits(min..=max);
    if logarithmic { spec.logarithmic() } else { spec }
}

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

fn unit_of(span: Span) -> usize {
    match span {
        Span::Updates(_) => 0,
        Span::Epochs(_) => 1,
        Span::Percent(_) => 2,
    }
}

fn in_unit(span: Span, unit: usize, clock: Clock) -> Span {
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
        crate::ui::widgets::slide(ui, &mut number, least.min(most)..=most, label);
    }
    if number == span.amount() {
        return span;
    }
    span.with_amount(if whole { number.round().max(1.0) } else { format::round_to(number, 4) })
}

fn milestones(ui: &mut Ui, mut spans: Vec<Span>, clock: Clock) -> Option<Vec<Span>> {
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
        if ui.add_enabled(!alone, eframe::egui::Button::new("Remove last")).clicked() {
            gone = spans.len().checked_sub(1);
        }
    });
    if let Some(gone) = gone {
        spans.remove(gone);
    }
    (spans != before).then_some(spans)
}

fn control_points(
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
            let caption = ui.add_sized(
                size,
                eframe::egui::Label::new(theme::caption(ui, label.as_str())).halign(Align::LEFT),
            );
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

/// Warmup, cooldown, clamp, and what is counted.
fn modifiers(ui: &mut Ui, schedule: &mut Schedule, clock: Clock) {
    let mut on = schedule.warmup.is_some();
    if check(ui, "Warmup", "A climb to the first value of the schedule.", &mut on) {
        schedule.warmup = on.then_some(Warmup { over: Span::Percent(5.0), from: 0.0, shape: Ramp::Linear });
    }
    if let Some(warmup) = &mut schedule.warmup {
        ui.push_id("warmup", |ui| {
            let mut over = Some(warmup.over);
            span_row(ui, "Length", "How long the climb is.", &mut over, Units::All, clock);
            warmup.over = over.unwrap_or(warmup.over);
            amount(
                ui,
                &Amount::number("From", "The first rate, as a share of the one climbed to.", 0.0..=1.0),
                &mut warmup.from,
            );
            choice(ui, "Shape", "How it climbs.", &mut warmup.shape, &Ramp::ALL);
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
            span_row(ui, "Length", "How long the descent is.", &mut over, Units::All, clock);
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

/// Controllers that only the experiment file can give a run.
fn others(ui: &mut Ui, run: &mut Run) {
    if run.greedy.is_some() && check(ui, "Greedy controller", "Set in the experiment file.", &mut true) {
        run.greedy = None;
    }
    if run.hypergradient.is_some() && check(ui, "Hypergradient", "Set in the experiment file.", &mut true) {
        run.hypergradient = None;
    }
}

/// The controller that lowers the rate when a metric stalls.
fn plateau(ui: &mut Ui, plateau: &mut Option<Plateau>) {
    let mut on = plateau.is_some();
    if check(
        ui,
        "Lower on a plateau",
        "Multiplies the schedule when a metric stops improving (ReduceLROnPlateau).",
        &mut on,
    ) {
        *plateau = on.then(Plateau::default);
    }
    let Some(plateau) = plateau else { return };
    ui.push_id("plateau", |ui| {
        let metrics = [
            ("Training loss", Metric::TrainLoss),
            ("Validation loss", Metric::ValLoss),
            ("Validation accuracy", Metric::ValAccuracy),
        ];
        if choice(ui, "Metric", "What is watched, once an epoch.", &mut plateau.metric, &metrics) {
            plateau.mode =
                if plateau.metric == Metric::ValAccuracy { PlateauMode::Max } else { PlateauMode::Min };
        }
        amount(
            ui,
            &Amount::number("Factor", "What each cut multiplies by.", 0.01..=0.99).limits(0.0..=1.0),
            &mut plateau.factor,
        );
        whole(
            ui,
            &Amount::whole("Patience", "Epochs without improvement that are tolerated.", 0.0..=20.0)
                .limits(0.0..=1e6)
                .unit("epochs"),
            &mut plateau.patience,
        );
        whole(
            ui,
            &Amount::whole("Cooldown", "Epochs after a cut in which nothing counts.", 0.0..=20.0)
                .limits(0.0..=1e6)
                .unit("epochs"),
            &mut plateau.cooldown,
        );
        amount(
            ui,
            &Amount::number("Threshold", "How much better counts as better.", 0.0..=0.1).limits(0.0..=1e6),
            &mut plateau.threshold,
        );
        let modes = [("of the best", ThresholdMode::Rel), ("absolute", ThresholdMode::Abs)];
        choice(
            ui,
            "Threshold is",
            "Relative to the best value, or absolute.",
            &mut plateau.threshold_mode,
            &modes,
        );
        amount(ui, &Amount::rate("Lowest rate", "The controller goes no lower."), &mut plateau.min_lr);
    });
}
