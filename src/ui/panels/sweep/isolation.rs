//! The isolation plot: a row for each value of one axis, with its best trial and that trial's seeds.

use eframe::egui::{Align2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::sweep::isolation::Isolated;
use crate::ui::format;
use crate::ui::theme::{self, metrics};

/// The share of the plot that is left free on either side.
const ROOM: f64 = 0.08;

/// Draws the rows, the best on top. The trial whose row was clicked.
pub fn show(ui: &mut Ui, rows: &[Isolated], name: &str) -> Option<usize> {
    let ends = rows.iter().flat_map(|row| row.seeds.iter().copied().chain(row.objective));
    let (low, high) =
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let room = ((high - low) * ROOM).max(high.abs() * 1e-3).max(1e-9);
    let (low, high) = (low - room, high + room);
    let tokens = theme::tokens(ui);
    let mut clicked = None;
    for row in rows {
        let size = vec2(ui.available_width(), metrics::CONTROL);
        let (full, response) = ui.allocate_exact_size(size, Sense::click());
        let said = format!(
            "{}: {}",
            row.label,
            row.objective.map_or("no value".to_owned(), |it| format::significant(it, 4))
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, said.clone()));
        if response.hovered() {
            ui.painter().rect_filled(full, metrics::RADIUS, tokens.hover);
        }
        let plot = Rect::from_min_max(
            full.min + vec2(metrics::FIELD_LABEL, 0.0),
            pos2(full.right() - metrics::COLUMN, full.bottom()),
        );
        let middle = full.center().y;
        ui.painter().with_clip_rect(Rect::from_min_max(full.min, plot.left_bottom())).text(
            pos2(full.left() + metrics::XS, middle),
            Align2::LEFT_CENTER,
            &row.label,
            theme::body(),
            tokens.text,
        );
        ui.painter().hline(plot.x_range(), middle, (metrics::HAIRLINE, tokens.grid));
        let x = |value: f64| plot.left() + ((value - low) / (high - low)) as f32 * plot.width();
        if let Some(best) = row.objective {
            if let Some(deviation) = row.deviation() {
                let band = Rect::from_min_max(
                    pos2(x(best - deviation).max(plot.left()), middle - metrics::XS),
                    pos2(x(best + deviation).min(plot.right()), middle + metrics::XS),
                );
                ui.painter().rect_filled(band, metrics::RADIUS, tokens.faint);
            }
            for &seed in &row.seeds {
                let place = pos2(x(seed), middle);
                ui.painter().circle_stroke(place, metrics::MARKER / 2.0, (metrics::HAIRLINE, tokens.muted));
            }
            ui.painter().circle_filled(pos2(x(best), middle), metrics::MARKER, tokens.text);
            ui.painter().text(
                pos2(full.right() - metrics::XS, middle),
                Align2::RIGHT_CENTER,
                format::significant(best, 4),
                theme::number(),
                tokens.text,
            );
        }
        if response.clicked() {
            clicked = row.best;
        }
        let spread = row.deviation().map_or(String::new(), |it| format!(" ± {}", format::significant(it, 2)));
        response.on_hover_text(format!(
            "{said}{spread}, the best of {} trials.\nClick: load that trial.",
            row.trials
        ));
    }
    axis(ui, (low, high), name);
    clicked
}

/// What the places stand for.
fn axis(ui: &mut Ui, (low, high): (f64, f64), name: &str) {
    let tokens = theme::tokens(ui);
    let (full, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), metrics::L + metrics::XS), Sense::hover());
    let (left, right) = (full.left() + metrics::FIELD_LABEL, full.right() - metrics::COLUMN);
    let line = [pos2(left, full.top()), pos2(right, full.top())];
    ui.painter().add(Shape::line_segment(line, Stroke::new(metrics::HAIRLINE, tokens.hairline)));
    let write = |x: f32, align: Align2, text: String| {
        ui.painter().text(
            pos2(x, full.top() + metrics::XS / 2.0),
            align,
            text,
            theme::small_number(),
            tokens.muted,
        );
    };
    write(left, Align2::LEFT_TOP, format::significant(low, 3));
    write((left + right) / 2.0, Align2::CENTER_TOP, name.to_owned());
    write(right, Align2::RIGHT_TOP, format::significant(high, 3));
}
