//! A heat map: a row a layer or bin, a column an update.

use eframe::egui::{Align2, Color32, Mesh, Rect, Role, Sense, Shape, Ui, WidgetInfo, pos2, vec2};

use crate::ui::theme::{self, metrics};

use super::keyed;

/// What a heat map shows.
pub struct Heat<'a> {
    pub name: &'a str,
    pub columns: usize,
    pub rows: usize,
    /// The height of a row, in points.
    pub row: f32,
    /// What is written beside a row, the first row on top.
    pub label: &'a dyn Fn(usize) -> String,
    /// The colour at a column and row.
    pub color: &'a dyn Fn(usize, usize) -> Color32,
    /// The row that is chosen, if one is.
    pub chosen: Option<usize>,
}

impl Heat<'_> {
    /// Draws it as wide as there is room, the labels where plots have theirs. Returns the cell under the
    /// pointer, or where the arrow keys are, with what happens to it there.
    pub fn show(self, ui: &mut Ui) -> (eframe::egui::Response, Option<(usize, usize)>) {
        let size = vec2(ui.available_width(), self.row * self.rows as f32);
        let (full, response) = ui.allocate_exact_size(size, Sense::click());
        let name = self.name.to_owned();
        response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, format!("{name} heat map")));
        let tokens = theme::tokens(ui);
        let rect = Rect::from_min_max(full.min + vec2(metrics::AXIS_WIDTH, 0.0), full.max);
        let painter = ui.painter();
        painter.rect_filled(rect, 0.0, tokens.ground);
        // No more columns than can be told apart.
        let shown = self.columns.min((rect.width() / 2.0).max(1.0) as usize);
        let mut mesh = Mesh::default();
        for column in 0..shown {
            let at = column * self.columns / shown.max(1);
            let x = |column: usize| rect.left() + rect.width() * column as f32 / shown as f32;
            for row in 0..self.rows {
                let top = rect.top() + self.row * row as f32;
                let cell = Rect::from_min_max(pos2(x(column), top), pos2(x(column + 1), top + self.row));
                mesh.add_colored_rect(cell, (self.color)(at, row));
            }
        }
        painter.add(Shape::mesh(mesh));
        for row in 0..self.rows {
            let text = (self.label)(row);
            let place = pos2(rect.left() - metrics::XS, rect.top() + self.row * (row as f32 + 0.5));
            let color = if self.chosen == Some(row) { tokens.text } else { tokens.muted };
            painter.text(place, Align2::RIGHT_CENTER, text, theme::small(), color);
        }
        let place = response.hover_pos().filter(|pointer| rect.contains(*pointer)).map(|pointer| {
            let across = ((pointer.x - rect.left()) / rect.width() * self.columns as f32) as usize;
            let down = ((pointer.y - rect.top()) / self.row) as usize;
            (across.min(self.columns.saturating_sub(1)), down.min(self.rows.saturating_sub(1)))
        });
        let start = [0, self.chosen.unwrap_or_default()];
        let keys = keyed(ui, &response, rect, [shown, self.rows], start);
        let keys = keys.map(|[column, row]| (column * self.columns / shown.max(1), row));
        (response, place.filter(|_| self.columns > 0).or(keys))
    }
}
