//! The picker of schedules: each with its picture.

use eframe::egui::{
    Align2, Popup, PopupCloseBehavior, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::experiment::Run;
use crate::schedule::Clock;
use crate::ui::document::{Preset, name_of, presets};
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, curve_points, paint_icon};

/// Cards in a row.
const COLUMNS: usize = 4;

/// A button with the run's schedule, that opens the gallery.
pub fn show(ui: &mut Ui, studio: &mut Studio, run: &Run) {
    let clock = studio.clock();
    let name = name_of(run);
    let response = button(ui, studio, &name);
    Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClick).gap(metrics::XS).show(|ui| {
        ui.spacing_mut().item_spacing = vec2(metrics::XS, metrics::XS);
        for presets in presets().chunks(COLUMNS) {
            ui.horizontal(|ui| {
                for preset in presets {
                    if card(ui, preset, clock, preset.name == name).clicked() {
                        let id = studio.view.selected;
                        studio.document.edit_run(id, |run| preset.apply(run, clock));
                    }
                }
            });
        }
    });
}

fn button(ui: &mut Ui, studio: &Studio, name: &str) -> Response {
    let size = vec2(ui.available_width(), metrics::CONTROL + metrics::L);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let label = format!("Schedule: {name}");
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &label));
    let tokens = theme::tokens(ui);
    let (fill, edge) =
        if response.hovered() { (tokens.hover, tokens.outline) } else { (tokens.raised, tokens.hairline) };
    let edge = if response.has_focus() { tokens.text } else { edge };
    ui.painter().rect(rect, metrics::RADIUS, fill, (metrics::HAIRLINE, edge), StrokeKind::Inside);
    let inner = rect.shrink2(vec2(metrics::M, metrics::S));
    let row = studio.document.runs().map(|(row, _)| row).find(|row| row.id == studio.view.selected);
    if let (Some(row), Some(curve)) = (row, studio.curve(studio.view.selected)) {
        let picture = Rect::from_min_size(inner.min, vec2(metrics::SPARKLINE, inner.height()));
        let points = curve_points(curve, studio.clock().updates, picture);
        ui.painter().add(Shape::line(points, Stroke::new(metrics::CURVE, tokens.run(row.slot))));
    }
    let at = pos2(inner.left() + metrics::SPARKLINE + metrics::M, inner.center().y);
    ui.painter().text(at, Align2::LEFT_CENTER, name, theme::medium(), tokens.text);
    paint_icon(ui.painter(), Icon::Down, inner.right_center() - vec2(metrics::XS, 0.0), tokens.muted);
    response.on_hover_text("Choose another schedule.")
}

fn card(ui: &mut Ui, preset: &Preset, clock: Clock, chosen: bool) -> Response {
    let (rect, response) =
        ui.allocate_exact_size(vec2(metrics::CARD_WIDTH, metrics::CARD_HEIGHT), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::MenuItemRadio, true, chosen, preset.name));
    let tokens = theme::tokens(ui);
    let lit = response.hovered() || response.has_focus();
    let fill = if lit { tokens.hover } else { tokens.ground };
    let edge = if chosen { tokens.text } else { tokens.hairline };
    ui.painter().rect(rect, metrics::RADIUS, fill, (metrics::HAIRLINE, edge), StrokeKind::Inside);
    let picture = Rect::from_min_max(
        rect.min + vec2(metrics::M, metrics::M),
        rect.max - vec2(metrics::M, metrics::M + metrics::L),
    );
    if let Ok(curve) = preset.schedule(1.0, clock).resolve(clock) {
        let color = if lit || chosen { tokens.text } else { tokens.muted };
        let points =
            if preset.plateau { steps(picture) } else { curve_points(&curve, clock.updates, picture) };
        ui.painter().add(Shape::line(points, Stroke::new(metrics::CURVE * 0.75, color)));
    }
    let place = rect.center_bottom() - vec2(0.0, metrics::S);
    let color = if lit || chosen { tokens.text } else { tokens.muted };
    ui.painter().text(place, Align2::CENTER_BOTTOM, preset.name, theme::small(), color);
    response.on_hover_text(format!("{}\n{}", preset.about, format::about_kind(preset.kind)))
}

/// What a plateau controller tends to do: nobody knows when.
fn steps(rect: Rect) -> Vec<eframe::egui::Pos2> {
    [(0.0, 0.0), (0.45, 0.0), (0.45, 0.6), (0.75, 0.6), (0.75, 0.9), (1.0, 0.9)]
        .map(|(x, y): (f32, f32)| pos2(rect.left() + x * rect.width(), rect.top() + y * rect.height()))
        .to_vec()
}
