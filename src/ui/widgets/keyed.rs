//! Arrow keys in a picture that has the focus: from one thing that it shows to the next.

use eframe::egui::{Event, EventFilter, Key, Rect, Response, StrokeKind, Ui};

use crate::ui::theme::{self, metrics};

/// The place, counted from the left and from the top, that the keys have come to among so many columns and rows;
/// they begin at `start`, and nowhere while the picture has no focus or the pointer moves. Enter is a click. A picture
/// of one row leaves up and down to what scrolls it.
pub fn keyed(
    ui: &Ui,
    response: &Response,
    rect: Rect,
    [columns, rows]: [usize; 2],
    start: [usize; 2],
) -> Option<[usize; 2]> {
    if !response.has_focus() || columns == 0 || rows == 0 {
        ui.data_mut(|data| data.remove::<[usize; 2]>(response.id));
        return None;
    }
    let edge = (metrics::HAIRLINE, theme::tokens(ui).text);
    ui.painter().rect_stroke(rect, metrics::RADIUS, edge, StrokeKind::Outside);
    ui.memory_mut(|memory| {
        let filter =
            EventFilter { horizontal_arrows: true, vertical_arrows: rows > 1, ..EventFilter::default() };
        memory.set_focus_lock_filter(response.id, filter);
    });
    let moves = |event: &Event| matches!(event, Event::PointerMoved(_));
    if ui.input(|input| input.events.iter().any(moves)) {
        ui.data_mut(|data| data.remove::<[usize; 2]>(response.id));
        return None;
    }
    let pressed = |key| ui.input(|input| input.num_presses(key));
    let step = |at: usize, more: Key, less: Key, count: usize| {
        (at + pressed(more)).saturating_sub(pressed(less)).min(count - 1)
    };
    let known = ui.data(|data| data.get_temp::<[usize; 2]>(response.id));
    let keys = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Home, Key::End];
    let begins = response.gained_focus() || keys.into_iter().any(|key| pressed(key) > 0);
    let [column, row] = match known {
        Some(known) => known,
        None if begins => start,
        None => return None,
    };
    let mut column = step(column.min(columns - 1), Key::ArrowRight, Key::ArrowLeft, columns);
    if pressed(Key::Home) > 0 {
        column = 0;
    }
    if pressed(Key::End) > 0 {
        column = columns - 1;
    }
    let row = if rows > 1 { step(row.min(rows - 1), Key::ArrowDown, Key::ArrowUp, rows) } else { 0 };
    ui.data_mut(|data| data.insert_temp(response.id, [column, row]));
    Some([column, row])
}
