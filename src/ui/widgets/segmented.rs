//! One of a few, always plain which.

use eframe::egui::{
    Align2, Color32, FontFamily, FontId, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    pos2, vec2,
};

use crate::ui::theme::{self, MEDIUM, metrics};

/// A switch: the chosen segment is filled. Each option is a label and what it means.
pub fn segmented<T: Copy + PartialEq>(ui: &mut Ui, chosen: &mut T, options: &[(T, &str, &str)]) -> bool {
    let font = FontId::new(metrics::TEXT, FontFamily::Name(MEDIUM.into()));
    let widths: Vec<f32> = options
        .iter()
        .map(|(_, label, _)| {
            let galley = ui.painter().layout_no_wrap((*label).to_owned(), font.clone(), Color32::PLACEHOLDER);
            galley.size().x + 2.0 * metrics::M
        })
        .collect();
    let size = vec2(widths.iter().sum(), metrics::ICON_BUTTON);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let tokens = theme::tokens(ui);
    ui.painter().rect(
        rect,
        metrics::RADIUS,
        tokens.ground,
        Stroke::new(metrics::HAIRLINE, tokens.hairline),
        StrokeKind::Inside,
    );
    let mut changed = false;
    let mut left = rect.left();
    for ((value, label, help), width) in options.iter().zip(widths) {
        let segment = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
        left += width;
        let response = segment_ui(ui, segment, *chosen == *value, label, &font);
        let response = if help.is_empty() { response } else { response.on_hover_text(*help) };
        if response.clicked() && *chosen != *value {
            *chosen = *value;
            changed = true;
        }
    }
    changed
}

fn segment_ui(ui: &mut Ui, rect: Rect, on: bool, label: &str, font: &FontId) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(("segment", label)), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, enabled, on, label));
    let tokens = theme::tokens(ui);
    let inner = rect.shrink(metrics::XS / 2.0);
    let (fill, text) = match (on, response.hovered()) {
        (true, _) => (tokens.solid, tokens.on_solid),
        (false, true) => (tokens.hover, tokens.text),
        (false, false) => (Color32::TRANSPARENT, tokens.muted),
    };
    ui.painter().rect_filled(inner, metrics::RADIUS - 1, fill);
    if response.has_focus() {
        let stroke = Stroke::new(metrics::HAIRLINE, tokens.text);
        ui.painter().rect_stroke(rect, metrics::RADIUS, stroke, StrokeKind::Outside);
    }
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, label, font.clone(), text);
    response
}

/// Tabs over a panel: the chosen one is underlined.
pub fn tabs<T: Copy + PartialEq>(ui: &mut Ui, chosen: &mut T, options: &[(T, &str)]) -> bool {
    let mut changed = false;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = metrics::L;
        for (value, label) in options {
            let on = *chosen == *value;
            let tokens = theme::tokens(ui);
            let galley =
                ui.painter().layout_no_wrap((*label).to_owned(), theme::medium(), Color32::PLACEHOLDER);
            let size = vec2(galley.size().x, metrics::ICON_BUTTON);
            let (rect, response) = ui.allocate_exact_size(size, Sense::click());
            let enabled = ui.is_enabled();
            response.widget_info(|| WidgetInfo::selected(Role::Tab, enabled, on, *label));
            let color = if on || response.hovered() { tokens.text } else { tokens.muted };
            let place = Align2::LEFT_CENTER.anchor_size(rect.left_center(), galley.size()).min;
            ui.painter().galley(place, galley, color);
            if on || response.has_focus() {
                let stroke = Stroke::new(metrics::CURVE, if on { tokens.text } else { tokens.outline });
                ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, stroke);
            }
            if response.clicked() && !on {
                *chosen = *value;
                changed = true;
            }
        }
    });
    changed
}
