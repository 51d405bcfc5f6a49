//! The curves of parameter groups on the rate plot: thin, and telling whose they are under the pointer.

use eframe::egui::{Align2, Color32, Ui, vec2};
use egui_plot::{Line, LineStyle};

use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::view::HotGroup;

use super::chart::Drawn;
use super::lines::Strokes;
use super::panel::Plots;
use super::{Scale, overlay};

impl Plots<'_> {
    /// The rates of a run's parameter groups, as they were used and as they are planned.
    pub(super) fn group_lines(
        &self,
        row: Row,
        (from, to): (u64, u64),
        done: u64,
        columns: usize,
        scale: Scale,
        (color, tokens): (Color32, &Tokens),
    ) -> Vec<Line<'static>> {
        let studio = &*self.studio;
        let width = |name: &str| {
            let is_hot = studio.view.hot_group.as_ref().is_some_and(|hot| hot.is(row.id, name));
            if is_hot { metrics::CURVE } else { metrics::CURVE_FAINT }
        };
        let mut lines = Vec::new();
        let begin = studio.begins().get(&row.id).map_or(from, |at| from.max(at.saturating_sub(1)));
        let begin = begin.max(done.saturating_sub(1));
        if let (Some(curve), Some(names)) = (studio.curve(row.id), studio.group_names(row.id, to)) {
            for name in &**names {
                let rate = |update| studio.group_rate(row.id, name, update).unwrap_or_default();
                let ahead =
                    Strokes::curve(curve, rate, (begin, to), (columns, &studio.along), scale).into_lines();
                let dashed = LineStyle::Dashed { length: metrics::DASH };
                lines.extend(
                    ahead.map(|line| self.line(row.id, line, tokens.ahead(color), width(name)).style(dashed)),
                );
            }
        }
        for group in studio.frame.lane(row.id).iter().flat_map(|lane| &lane.groups) {
            let used = Strokes::raw(&group.rates, scale).into_lines();
            lines.extend(used.map(|line| self.line(row.id, line, color, width(&group.name))));
        }
        lines
    }

    /// Finds the group whose curve the pointer is on, and names it there. A run's own curve comes first.
    pub(super) fn over_groups(&mut self, ui: &Ui, drawn: &Drawn, scale: Scale) {
        let studio = &*self.studio;
        let pointer = drawn.response.hover_pos().filter(|_| drawn.response.contains_pointer() && !self.busy);
        let found = pointer.zip(studio.view.cursor).and_then(|(pointer, cursor)| {
            let distance = |rate: f64| {
                let height = scale.height(rate)?;
                let y = drawn.transform.position_from_point_y(height);
                Some((y - pointer.y).abs()).filter(|distance| *distance <= metrics::S)
            };
            let at = cursor as u64;
            let mut nearest: Option<(f32, HotGroup, f64)> = None;
            for row in studio.shown() {
                let own = studio.rate(row.id, at).and_then(distance);
                let lane = studio.frame.lane(row.id);
                for name in studio.group_names(row.id, at).iter().flat_map(|names| names.iter()) {
                    let used = lane.and_then(|lane| lane.groups.iter().find(|group| group.name == *name));
                    let rate = used.and_then(|group| group.at_cursor);
                    let Some(rate) = rate.or_else(|| studio.group_rate(row.id, name, at)) else { continue };
                    let Some(distance) = distance(rate) else { continue };
                    let is_nearer = nearest.as_ref().is_none_or(|(least, ..)| distance < *least);
                    if is_nearer && own.is_none_or(|own| distance < own) {
                        nearest = Some((distance, HotGroup { run: row.id, name: name.clone() }, rate));
                    }
                }
            }
            nearest
        });
        if let (Some((_, hot, rate)), Some(cursor)) = (&found, studio.view.cursor) {
            let tokens = theme::tokens(ui);
            if let Some(row) = studio.shown().into_iter().find(|row| row.id == hot.run)
                && let Some(height) = scale.height(*rate)
            {
                let at = (drawn.along.beside(row.id, cursor), height);
                let place = overlay::position(drawn, at);
                overlay::dot(ui, drawn, at, studio.color(row, tokens));
                // Beside the pointer, on the side where there is room.
                let is_right = place.x > drawn.rect.center().x;
                let (anchor, side) =
                    if is_right { (Align2::RIGHT_BOTTOM, -1.0) } else { (Align2::LEFT_BOTTOM, 1.0) };
                let text = format!("{} {}", hot.name, format::significant(*rate, 3));
                let at = place + vec2(side * metrics::S, -metrics::XS);
                let painter = ui.painter().with_clip_rect(drawn.rect);
                let galley = painter.layout_no_wrap(text, theme::small(), tokens.text);
                let area = anchor.anchor_size(at, galley.size()).expand(metrics::XS);
                painter.rect_filled(area, metrics::XS, tokens.ground);
                painter.galley(area.shrink(metrics::XS).min, galley, tokens.text);
            }
        }
        let hot = found.map(|(_, hot, _)| hot);
        if self.studio.view.hot_group != hot {
            ui.ctx().request_repaint();
            self.studio.view.hot_group = hot;
        }
    }
}
