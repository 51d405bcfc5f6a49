//! Where the panels are.

use eframe::egui::{
    CentralPanel, Frame, Id, Label, LayerId, Margin, Order, Panel, Rect, Sense, Ui, UiBuilder, pos2, vec2,
};

use crate::engine::protocol::State;
use crate::ui::panels::{ground, inspector, restore_bar, rule, runs, side_panel, timeline, top_bar};
use crate::ui::plot;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

use super::borders::Border;

/// Shows everything.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio) {
    if studio.view.presenting {
        presented(ui, studio);
        return;
    }
    let tokens = theme::tokens(ui);
    let bar = ground(ui, Margin::symmetric(metrics::MARGIN_M, 0));
    Panel::top("top bar").exact_size(metrics::TOP_BAR).resizable(false).frame(bar).show(ui, |ui| {
        top_bar::show(ui, studio);
    });
    restore_bar::show(ui, studio);
    let strip = ground(ui, Margin::symmetric(metrics::MARGIN_M, 0));
    Panel::bottom("timeline").exact_size(metrics::TIMELINE).resizable(false).frame(strip).show(ui, |ui| {
        timeline::show(ui, studio);
    });
    let side = ground(ui, Margin::symmetric(metrics::MARGIN_M, metrics::MARGIN_S));
    let border = Border::left(ui, "runs", "Width of the runs");
    border.keys(ui);
    Panel::left("runs")
        .resizable(true)
        .default_size(metrics::LEFT)
        .size_range(metrics::LEFT_MIN..=metrics::LEFT_MAX)
        .frame(side)
        .show(ui, |ui| filled(ui, |ui| left(ui, studio)));
    border.name(ui);
    if let Some(panel) = side_panel::shown(studio) {
        // Each width is kept for itself.
        let wide = panel.wide;
        let (name, width) =
            if wide { ("wide side panel", metrics::RIGHT_WIDE) } else { ("side panel", metrics::RIGHT) };
        // In a small window the plots keep the room that they need.
        let most = (ui.available_width() - metrics::PLOTS).clamp(metrics::RIGHT_MIN, metrics::RIGHT_MAX);
        let border = Border::right(ui, name, "Width of the side panel");
        border.keys(ui);
        Panel::right(name)
            .resizable(true)
            .default_size(width.min(most))
            .size_range(metrics::RIGHT_MIN..=most)
            .frame(side)
            .show(ui, |ui| filled(ui, |ui| side_panel::show(ui, studio)));
        border.name(ui);
    } else {
        let margin = Margin::symmetric(metrics::MARGIN_XS, metrics::MARGIN_S);
        Panel::right("folded side panel")
            .exact_size(metrics::RIGHT_FOLDED)
            .resizable(false)
            .frame(ground(ui, margin))
            .show(ui, |ui| side_panel::folded(ui, studio));
    }
    let field = Frame::new().fill(tokens.ground).inner_margin(Margin {
        left: 0,
        right: metrics::MARGIN_S,
        top: metrics::MARGIN_XS,
        bottom: metrics::MARGIN_XS,
    });
    CentralPanel::default().frame(field).show(ui, |ui| {
        if let State::Failed(message) = studio.frame.status.state.clone() {
            failure(ui, &message);
        }
        plot::show(ui, studio);
    });
    studio.toasts.show(ui);
}

/// The plots, the timeline, and which run is which: what a lecture hall looks at.
fn presented(ui: &mut Ui, studio: &mut Studio) {
    let tokens = theme::tokens(ui);
    let bar = ground(ui, Margin::symmetric(metrics::MARGIN_M, 0));
    Panel::top("presented runs").exact_size(metrics::TOP_BAR).resizable(false).frame(bar).show(ui, |ui| {
        runs::legend(ui, studio);
    });
    let strip = ground(ui, Margin::symmetric(metrics::MARGIN_M, 0));
    Panel::bottom("timeline").exact_size(metrics::TIMELINE).resizable(false).frame(strip).show(ui, |ui| {
        timeline::show(ui, studio);
    });
    let field = Frame::new().fill(tokens.ground).inner_margin(Margin::same(metrics::MARGIN_XS));
    CentralPanel::default().frame(field).show(ui, |ui| plot::show(ui, studio));
    studio.toasts.show(ui);
    let Some(pointer) = ui.ctx().pointer_latest_pos() else { return };
    let layer = LayerId::new(Order::Tooltip, Id::unique("presenter's pointer"));
    let ring = (2.0 * metrics::HAIRLINE, tokens.warning);
    ui.ctx().layer_painter(layer).circle(pointer, metrics::POINTER, tokens.faded(tokens.warning), ring);
}

/// Content that takes all of a panel, whatever room it needs: a panel is as wide as the hand that drew it.
fn filled(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let full = ui.available_rect_before_wrap();
    ui.allocate_rect(full, Sense::hover());
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(full));
    ui.set_clip_rect(full.expand(f32::from(metrics::MARGIN_M)).intersect(ui.clip_rect()));
    content(ui);
}

/// Runs above, what is set for the selected one below.
fn left(ui: &mut Ui, studio: &mut Studio) {
    let full = ui.available_rect_before_wrap();
    let rows = (studio.document.runs().count() + studio.shelf.guests().len()) as f32;
    let wanted =
        metrics::ICON_BUTTON + metrics::XS + rows * (metrics::RUN_ROW + metrics::XS / 2.0) + metrics::XS;
    let height = wanted.min(full.height() * 0.45);
    let list = Rect::from_min_size(full.min, vec2(full.width(), height));
    runs::show(&mut ui.new_child(UiBuilder::new().max_rect(list)), studio);
    let below = Rect::from_min_max(pos2(full.left(), list.bottom()), full.max);
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(below));
    rule(ui);
    inspector::show(ui, studio);
}

/// Why nothing trains, where the loss would be.
fn failure(ui: &mut Ui, message: &str) {
    let tokens = theme::tokens(ui);
    Frame::new()
        .fill(tokens.panel)
        .stroke((metrics::HAIRLINE, tokens.danger))
        .corner_radius(metrics::RADIUS)
        .inner_margin(Margin::same(metrics::MARGIN_M))
        .outer_margin(Margin { left: metrics::MARGIN_M, ..Margin::same(metrics::MARGIN_XS) })
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(theme::title(ui, "Training cannot go on").color(tokens.danger));
            ui.add(Label::new(message).wrap());
            ui.label(theme::caption(ui, "Nothing is lost. The next change of the experiment tries again."));
        });
}
