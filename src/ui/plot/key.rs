//! What the kinds of line in a plot mean, beside its switches, as far as there is room.

use eframe::egui::{Painter, Rect, Sense, Shape, Stroke, Ui, vec2};

use crate::ui::theme::{self, metrics};

/// Of the loss plot.
pub fn losses(ui: &mut Ui, smoothed: bool, forecast: bool) {
    let tokens = theme::tokens(ui);
    entry(ui, "validation", |painter, rect| {
        painter.hline(rect.x_range(), rect.center().y, (metrics::CURVE_FAINT, tokens.muted));
        painter.circle_filled(rect.center(), metrics::MARKER, tokens.muted);
    });
    if smoothed {
        entry(ui, "smoothed", |painter, rect| {
            painter.hline(rect.x_range(), rect.center().y, (metrics::CURVE, tokens.muted));
        });
    }
    if forecast {
        entry(ui, "forecast", |painter, rect| {
            painter.rect_filled(rect.shrink2(vec2(0.0, metrics::XS)), 0.0, tokens.faded(tokens.muted));
            painter.extend(Shape::dashed_line(
                &[rect.left_center(), rect.right_center()],
                Stroke::new(metrics::CURVE_FAINT, tokens.muted),
                metrics::DASH_GAP,
                metrics::DASH_GAP,
            ));
        });
    }
    entry(ui, "batch", |painter, rect| {
        painter.hline(rect.x_range(), rect.center().y, (metrics::CURVE_FAINT, tokens.faint));
    });
}

/// Of the rate plot, where a smallest useful rate is drawn.
pub fn rates(ui: &mut Ui) {
    let tokens = theme::tokens(ui);
    entry(ui, "smallest useful", |painter, rect| {
        let ends = [rect.left_center(), rect.right_center()];
        painter.extend(Shape::dotted_line(&ends, tokens.muted, metrics::XS, metrics::CURVE / 2.0));
    });
}

fn entry(ui: &mut Ui, name: &str, paint: impl FnOnce(&Painter, Rect)) {
    let tokens = theme::tokens(ui);
    let text = ui.painter().layout_no_wrap(name.to_owned(), theme::small(), tokens.muted);
    if text.size().x + metrics::L + 3.0 * metrics::S > ui.available_width() {
        return;
    }
    ui.label(theme::caption(ui, name));
    let (rect, _) = ui.allocate_exact_size(vec2(metrics::L, metrics::M), Sense::hover());
    paint(ui.painter(), rect);
}
