//! The rows of an inspector: a label, a slider, a value to type, a unit.

use std::ops::RangeInclusive;

use eframe::egui::{
    Align, AsIdSalt, Checkbox, ComboBox, DragValue, Label, Layout, Slider, SliderClamping, TextWrapMode, Ui,
    Vec2, WidgetText, vec2,
};

use super::icon::{Icon, paint};
use super::term::explained;
use crate::ui::{
    format,
    theme::{self, metrics},
};

/// A number to slide and to type.
#[derive(Clone, Debug)]
pub struct Amount<'a> {
    pub label: &'a str,
    pub help: &'a str,
    /// What the slider reaches; a typed number may go to the ends of `limits`.
    pub range: RangeInclusive<f64>,
    pub limits: RangeInclusive<f64>,
    pub logarithmic: bool,
    pub integer: bool,
    pub unit: &'a str,
}

impl<'a> Amount<'a> {
    /// A rate: logarithmic, from nothing to ten.
    pub fn rate(label: &'a str, help: &'a str) -> Self {
        Self {
            label,
            help,
            range: 0.0..=10.0,
            limits: 0.0..=1e30,
            logarithmic: true,
            integer: false,
            unit: "",
        }
    }

    /// A plain number in a range.
    pub fn number(label: &'a str, help: &'a str, range: RangeInclusive<f64>) -> Self {
        Self { label, help, limits: range.clone(), range, logarithmic: false, integer: false, unit: "" }
    }

    /// A whole number in a range.
    pub fn whole(label: &'a str, help: &'a str, range: RangeInclusive<f64>) -> Self {
        Self { integer: true, ..Self::number(label, help, range) }
    }

    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.logarithmic = true;
        self
    }

    #[must_use]
    pub fn limits(mut self, limits: RangeInclusive<f64>) -> Self {
        self.limits = limits;
        self
    }

    #[must_use]
    pub fn unit(mut self, unit: &'a str) -> Self {
        self.unit = unit;
        self
    }
}

/// A label on the left, and what sets it in the rest of the row. Without `help` it says what the term means.
pub fn row<R>(
    ui: &mut Ui,
    name: &str,
    help: &str,
    content: impl FnOnce(&mut Ui, eframe::egui::Id) -> R,
) -> R {
    ui.horizontal(|ui| {
        let size = vec2(metrics::FIELD_LABEL, metrics::CONTROL);
        let text = WidgetText::from(name).color(theme::tokens(ui).muted);
        let label = ui
            .allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_size(size);
                let label = Label::new(text).wrap_mode(TextWrapMode::Truncate);
                if help.is_empty() { explained(ui, label, name) } else { ui.add(label).on_hover_text(help) }
            })
            .inner;
        content(ui, label.id)
    })
    .inner
}

/// A number with a slider and a field; `true` when it changed.
pub fn amount(ui: &mut Ui, spec: &Amount<'_>, value: &mut f64) -> bool {
    row(ui, spec.label, spec.help, |ui, label| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let mut changed = false;
            if !spec.unit.is_empty() {
                ui.label(theme::caption(ui, spec.unit));
            }
            changed |= typed(ui, spec, value, label);
            let mut slid = *value;
            let slider = Slider::new(&mut slid, spec.range.clone()).logarithmic(spec.logarithmic);
            let slider = if spec.integer { slider.step_by(1.0) } else { slider };
            if rail(ui, slider, label) {
                *value = if spec.integer { slid.round() } else { format::round_to(slid, 3) };
                changed = true;
            }
            changed
        })
        .inner
    })
}

/// A whole number with a slider and a field; `true` when it changed.
pub fn whole(ui: &mut Ui, spec: &Amount<'_>, value: &mut u64) -> bool {
    let mut number = *value as f64;
    let changed = amount(ui, spec, &mut number);
    if changed {
        *value = number.round().max(0.0) as u64;
    }
    changed
}

/// The field a number is typed into.
fn typed(ui: &mut Ui, spec: &Amount<'_>, value: &mut f64, label: eframe::egui::Id) -> bool {
    let integer = spec.integer;
    let speed = if integer { 0.2 } else { (value.abs() * 0.01).max(1e-9) };
    let field = DragValue::new(value)
        .range(spec.limits.clone())
        .clamp_existing_to_range(false)
        .speed(speed)
        .update_while_editing(false)
        .custom_formatter(move |number, _| {
            if integer {
                format::count(number.round().max(0.0) as u64)
            } else {
                format::significant(number, 4)
            }
        })
        .custom_parser(format::parse);
    ui.add_sized(vec2(metrics::FIELD_VALUE, metrics::CONTROL), field).labelled_by(label).changed()
}

/// A slider in the room that is left; `true` when it was moved.
pub fn slide(ui: &mut Ui, value: &mut f64, range: RangeInclusive<f64>, label: eframe::egui::Id) -> bool {
    rail(ui, Slider::new(value, range), label)
}

fn rail(ui: &mut Ui, slider: Slider<'_>, label: eframe::egui::Id) -> bool {
    ui.spacing_mut().slider_width = (ui.available_width() - metrics::XS).max(metrics::XL);
    style_slider(ui);
    let slider =
        slider.show_value(false).smallest_positive(1e-7).clamping(SliderClamping::Edits).smart_aim(false);
    ui.add(slider).labelled_by(label).changed()
}

/// A count of at least one; `true` when it changed.
pub fn count(ui: &mut Ui, spec: &Amount<'_>, size: &mut usize) -> bool {
    let mut number = *size as u64;
    let changed = whole(ui, spec, &mut number);
    if changed {
        *size = usize::try_from(number.max(1)).unwrap_or(usize::MAX);
    }
    changed
}

/// A rail and a ring, in greys.
fn style_slider(ui: &mut Ui) {
    let tokens = theme::tokens(ui);
    let visuals = ui.visuals_mut();
    visuals.widgets.inactive.bg_fill = tokens.press;
    visuals.widgets.hovered.bg_fill = tokens.text;
    visuals.widgets.active.bg_fill = tokens.text;
    visuals.widgets.inactive.fg_stroke.color = tokens.muted;
    visuals.selection.bg_fill = tokens.faint;
    ui.spacing_mut().interact_size = Vec2::splat(metrics::L);
}

/// A drop-down in the studio's look.
pub fn combo(salt: impl AsIdSalt) -> ComboBox<'static> {
    ComboBox::from_id_salt(salt).icon(|ui, rect, visuals, _| {
        paint(ui.painter(), Icon::Down, rect.center(), visuals.fg_stroke.color);
    })
}

/// One of several names; `true` when another was chosen.
pub fn choice<T: Copy + PartialEq>(
    ui: &mut Ui,
    label: &str,
    help: &str,
    chosen: &mut T,
    options: &[(&str, T)],
) -> bool {
    row(ui, label, help, |ui, id| {
        let selected = options.iter().find(|(_, value)| value == chosen).map_or("", |(name, _)| *name);
        let mut changed = false;
        combo(label)
            .selected_text(selected)
            .width(ui.available_width())
            .show_ui(ui, |ui| {
                for (name, value) in options {
                    changed |= ui.selectable_value(chosen, *value, *name).changed();
                }
            })
            .response
            .labelled_by(id);
        changed
    })
}

/// A box to tick; `true` when it changed.
pub fn check(ui: &mut Ui, label: &str, help: &str, on: &mut bool) -> bool {
    let response = ui.add(Checkbox::new(on, label));
    if help.is_empty() { response.changed() } else { response.on_hover_text(help).changed() }
}
