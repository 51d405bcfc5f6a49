//! Brushes: intervals on rulers, and the trials that lie within all of them. Views fade the others.

use eframe::egui::{
    Color32, CursorIcon, EventFilter, Id, Key, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
};

use super::found::{Found, place};
use crate::sweep::Trial;
use crate::ui::plot::Ruler;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::secondary;

/// A key moves an interval by this share of its ruler.
const KEY: f32 = 0.05;
/// What a key begins with, in shares of the ruler.
const BEGIN: (f32, f32) = (0.25, 0.75);
/// A shorter interval holds nothing that one could have aimed at.
const LEAST: f32 = 0.01;
/// What the rulers say of themselves.
const HELP: &str = "Drag: only the trials within. Click: all of them again.\nKeys: arrows move the interval, with Shift its upper end; Delete removes it.";

/// An interval on the ruler of this name.
#[derive(Clone, Debug, PartialEq)]
struct Brush {
    name: String,
    from: f64,
    to: f64,
}

/// A drag on its way.
#[derive(Clone, Copy, Debug)]
struct Grab {
    /// The share of the ruler where it began.
    origin: f32,
    /// The interval that is moved; a new one is drawn where there is none.
    moved: Option<(f32, f32)>,
}

/// The intervals that were drawn.
#[derive(Clone, Debug, Default)]
pub struct Brushes {
    all: Vec<Brush>,
    grab: Option<Grab>,
}

impl Brushes {
    /// Whether a trial lies within every interval. One that has no such number lies within none.
    pub fn hold(&self, found: &Found, trial: &Trial) -> bool {
        self.all.iter().all(|brush| {
            let axis = found.sweep.over.iter().find(|axis| axis.path == brush.name);
            let value = match axis {
                Some(axis) => place(axis, trial),
                None => {
                    let at = found.sweep.objectives.iter().position(|it| it.name() == brush.name);
                    at.and_then(|at| trial.objectives.get(at).copied().flatten())
                }
            };
            value.is_some_and(|value| (brush.from..=brush.to).contains(&value))
        })
    }

    /// The colour of a trial of this rank, faded where it lies outside.
    pub fn shade(&self, ui: &Ui, found: &Found, trial: &Trial, rank: Option<f64>) -> Color32 {
        let color = found.color(ui, rank);
        if self.hold(found, trial) { color } else { theme::tokens(ui).band(color) }
    }

    /// How many trials are within, and the way back to all of them. Nothing without a brush.
    pub fn show(&mut self, ui: &mut Ui, found: &Found) {
        if self.all.is_empty() {
            return;
        }
        let held = found.trials.iter().filter(|trial| self.hold(found, trial)).count();
        ui.horizontal_wrapped(|ui| {
            let said = format!(
                "{held} of {} trials are within the intervals on parallel coordinates; the others are faded. \
                 “Importance” and “Each at its own best” are of all of them.",
                found.trials.len()
            );
            ui.label(theme::caption(ui, said));
            if ui.add(secondary("Show all")).clicked() {
                self.all.clear();
            }
        });
        ui.add_space(metrics::XS);
    }

    /// The interval on a ruler, from the lower share to the upper.
    fn on(&self, name: &str, ruler: &Ruler) -> Option<(f32, f32)> {
        let brush = self.all.iter().find(|brush| brush.name == name)?;
        Some((ruler.share(brush.from), ruler.share(brush.to)))
    }

    /// Sets, or with nothing removes, the interval on a ruler.
    fn set(&mut self, name: &str, ruler: &Ruler, interval: Option<(f32, f32)>) {
        self.all.retain(|brush| brush.name != name);
        if let Some((from, to)) = interval {
            self.all.push(Brush { name: name.to_owned(), from: ruler.at(from), to: ruler.at(to) });
        }
    }

    /// An upright ruler's part of a drawing, where an interval is dragged; drawn where there is one.
    pub fn upright(&mut self, ui: &mut Ui, name: &str, ruler: &Ruler, (rect, x): (Rect, f32)) {
        let area = Rect::from_min_max(
            pos2(x - metrics::S, rect.top() - metrics::XS),
            pos2(x + metrics::S, rect.bottom() + metrics::XS),
        );
        let id = Id::unique(("sweep brush", name));
        let response = ui.interact(area, id, Sense::click_and_drag());
        let before = self.on(name, ruler);
        let share = |y: f32| ((rect.bottom() - y) / rect.height()).clamp(0.0, 1.0);
        let mut after = before;
        if response.drag_started()
            && let Some(origin) = ui.input(|input| input.pointer.press_origin())
        {
            let origin = share(origin.y);
            let moved = before.filter(|(from, to)| (*from..=*to).contains(&origin));
            self.grab = Some(Grab { origin, moved });
        }
        if response.dragged()
            && let (Some(grab), Some(pointer)) = (self.grab, response.interact_pointer_pos())
        {
            let now = share(pointer.y);
            after = Some(match grab.moved {
                Some(interval) => shifted(interval, now - grab.origin),
                None => (grab.origin.min(now), grab.origin.max(now).max(grab.origin.min(now) + LEAST)),
            });
        }
        if response.clicked() {
            after = None;
        }
        if response.has_focus() {
            after = by_keys(ui, id, after);
        }
        if after != before {
            self.set(name, ruler, after);
        }
        let said = self.all.iter().find(|brush| brush.name == name).map_or("all".to_owned(), |brush| {
            let Ruler::Words(words) = ruler else {
                return format!("{} to {}", ruler.word(brush.from), ruler.word(brush.to));
            };
            let within = |at: usize| (brush.from..=brush.to).contains(&(at as f64));
            let words = words.iter().enumerate().filter(|(at, _)| within(*at)).map(|(_, word)| word.as_str());
            words.collect::<Vec<_>>().join(", ")
        });
        response.widget_info(|| WidgetInfo {
            current_text_value: Some(said.clone()),
            ..WidgetInfo::slider(
                true,
                f64::from(after.map_or(1.0, |(_, to)| to)),
                format!("Interval of {name}"),
            )
        });
        let tokens = theme::tokens(ui);
        let is_hot = response.hovered() || response.dragged() || response.has_focus();
        if is_hot {
            ui.ctx().set_cursor_icon(CursorIcon::ResizeVertical);
        }
        let y = |share: f32| rect.bottom() - share * rect.height();
        let stroke = Stroke::new(metrics::HAIRLINE, if is_hot { tokens.text } else { tokens.muted });
        match after {
            Some((from, to)) => {
                let bar = Rect::from_min_max(pos2(x - metrics::XS, y(to)), pos2(x + metrics::XS, y(from)));
                ui.painter().rect(bar, 0.0, tokens.band(tokens.text), stroke, StrokeKind::Middle);
            }
            None if is_hot => {
                ui.painter().vline(x, rect.y_range(), stroke);
            }
            None => {}
        }
        response.on_hover_text(HELP);
    }
}

/// An interval moved along its ruler, as far as there is room.
fn shifted((from, to): (f32, f32), by: f32) -> (f32, f32) {
    let by = by.clamp(-from.max(0.0), (1.0 - to).max(0.0));
    (from + by, to + by)
}

/// The interval after the keys of a frame.
fn by_keys(ui: &Ui, id: Id, interval: Option<(f32, f32)>) -> Option<(f32, f32)> {
    ui.memory_mut(|memory| {
        let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
        memory.set_focus_lock_filter(id, filter);
    });
    let pressed = |key| ui.input(|input| input.num_presses(key)) as f32;
    if pressed(Key::Delete) + pressed(Key::Backspace) > 0.0 {
        return None;
    }
    let up = KEY * (pressed(Key::ArrowUp) - pressed(Key::ArrowDown));
    if up == 0.0 {
        return interval;
    }
    let Some((from, to)) = interval else { return Some(BEGIN) };
    if ui.input(|input| input.modifiers.shift) {
        return Some((from, (to + up).clamp(from + LEAST, 1.0_f32.max(from + LEAST))));
    }
    Some(shifted((from, to), up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_moved_as_far_as_there_is_room() {
        let near = |a: (f32, f32), b: (f32, f32)| (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6;
        assert!(near(shifted((0.2, 0.5), 0.1), (0.3, 0.6)));
        assert!(near(shifted((0.2, 0.5), 0.9), (0.7, 1.0)));
        assert!(near(shifted((0.2, 0.5), -0.9), (0.0, 0.3)));
    }
}
