//! Which numbers matter, by the best trials of each of their values.

use eframe::egui::{Align2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::ui::format;
use crate::ui::panels::sweep::found::Found;
use crate::ui::panels::sweep::view::{Options, View};
use crate::ui::plot::cloud::Touch;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::prose;

pub const VIEW: View = View {
    title: "Importance",
    sentence: "What a wrong value costs although every other number is tuned to it; the thin bar tunes nothing.",
    show,
};

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    if found.importance.is_empty() {
        prose(ui, "No trial has a value yet.");
        return Touch::default();
    }
    let tokens = theme::tokens(ui);
    let most = found.importance.iter().map(|one| one.lost).fold(f64::MIN_POSITIVE, f64::max);
    for one in &found.importance {
        let size = vec2(ui.available_width(), metrics::CONTROL + metrics::S);
        let (full, response) = ui.allocate_exact_size(size, Sense::click());
        let said = format!(
            "{}: a wrong value costs {} on average, with everything else at its best; {} of the spread of ranks lies between its values.",
            one.path,
            format::significant(one.lost, 3),
            format::percent(one.explained)
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, said.clone()));
        if response.hovered() {
            ui.painter().rect_filled(full, metrics::RADIUS, tokens.hover);
        }
        let left = full.left() + metrics::FIELD_LABEL + metrics::FIELD_UNIT;
        let rail =
            Rect::from_min_max(pos2(left, full.top()), pos2(full.right() - metrics::COLUMN, full.bottom()));
        let middle = full.center().y;
        ui.painter()
            .with_clip_rect(Rect::from_min_max(full.min, pos2(left - metrics::XS, full.bottom())))
            .text(
                pos2(full.left() + metrics::XS, middle),
                Align2::LEFT_CENTER,
                &one.path,
                theme::body(),
                tokens.text,
            );
        let bar = |top: f32, height: f32, share: f64, color| {
            let width = rail.width() * share.clamp(0.0, 1.0) as f32;
            let bar = Rect::from_min_size(pos2(rail.left(), top), vec2(width.max(metrics::HAIRLINE), height));
            ui.painter().rect_filled(bar, 1.0, color);
        };
        bar(middle - metrics::S, metrics::S, one.lost / most, tokens.text);
        bar(middle + metrics::XS / 2.0, metrics::XS, one.explained, tokens.faint);
        ui.painter().text(
            pos2(full.right() - metrics::XS, middle),
            Align2::RIGHT_CENTER,
            format::significant(one.lost, 3),
            theme::number(),
            tokens.text,
        );
        if response.clicked() {
            options.isolated = Some(one.path.clone());
        }
        response.on_hover_text(said + "\nClick: compare its values under “Each at its own best”.");
    }
    Touch::default()
}
