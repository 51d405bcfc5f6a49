//! The borders between the plots, which say how high they are: dragged, or moved by the arrow keys.

use eframe::egui::{CursorIcon, EventFilter, Id, Key, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_tiles::{Container, Tile};

use crate::ui::layout::{Layout, Pane};
use crate::ui::theme::{self, metrics};

/// What a key moves a border by, in points.
const STEP: f32 = metrics::S;

/// Shows the border below each plot but the lowest one.
pub(super) fn show(ui: &Ui, layout: &mut Layout, area: Rect) {
    for (at, pane) in Pane::ALL.into_iter().enumerate() {
        let (Some(above), Some(below)) = (layout.places.get(at).copied(), layout.places.get(at + 1).copied())
        else {
            continue;
        };
        let y = f32::midpoint(above.bottom(), below.top());
        let grab = 2.0 * ui.style().interaction.resize_grab_radius_side;
        let line = Rect::from_center_size(pos2(area.center().x, y), vec2(area.width(), grab));
        let response = ui.interact(line, Id::unique(("height of a plot", at)), Sense::click_and_drag());
        let name = format!("Height of the {}", pane.title().to_lowercase());
        response.widget_info(|| WidgetInfo {
            value: Some(f64::from(above.height())),
            ..WidgetInfo::labeled(Role::Splitter, true, &name)
        });
        let mut by = 0.0;
        if response.dragged()
            && let Some(pointer) = response.interact_pointer_pos()
        {
            by = pointer.y - y;
        } else if response.has_focus() {
            by = STEP * arrows(ui, response.id);
        }
        let lit = response.hovered() || response.dragged() || response.has_focus();
        if response.double_clicked() {
            layout.reset();
        } else if by != 0.0 {
            let least = metrics::PLOT_MIN;
            let by = by.clamp((least - above.height()).min(0.0), (below.height() - least).max(0.0));
            move_border(layout, at, by);
            ui.ctx().request_repaint();
        }
        if lit {
            let tokens = theme::tokens(ui);
            let strong = response.dragged() || response.has_focus();
            let ink = if strong { tokens.text } else { tokens.outline };
            let y = ui.painter().round_to_pixel_center(y);
            ui.painter().hline(line.x_range(), y, (metrics::HAIRLINE, ink));
        }
        response.on_hover_cursor(CursorIcon::ResizeVertical);
    }
}

/// How often the keys moved a border that has the focus down.
fn arrows(ui: &Ui, id: Id) -> f32 {
    ui.memory_mut(|memory| {
        let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
        memory.set_focus_lock_filter(id, filter);
    });
    let pressed = |key| ui.input(|input| input.num_presses(key)) as f32;
    pressed(Key::ArrowDown) - pressed(Key::ArrowUp)
}

/// The plot above a border gets higher by so many points, the one below it lower.
fn move_border(layout: &mut Layout, at: usize, by: f32) {
    let heights = layout.places.map(|place| place.height());
    let Some(root) = layout.tree.root() else { return };
    let Some(Tile::Container(Container::Linear(column))) = layout.tree.tiles.get_mut(root) else { return };
    let panes = column.children.clone();
    for (index, (pane, height)) in panes.into_iter().zip(heights).enumerate() {
        let moved = match index {
            _ if index == at => height + by,
            _ if index == at + 1 => height - by,
            _ => height,
        };
        column.shares.set_share(pane, moved.max(1.0));
    }
}
