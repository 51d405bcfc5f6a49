//! Rings on the planned curve of a live run: dragging one bends what lies ahead.

use eframe::egui::{CursorIcon, EventFilter, Id, Key, Rect, Sense, Stroke, Ui, Vec2, WidgetInfo, pos2};

use crate::api::change::Future;
use crate::train::ids::RunId;
use crate::ui::format;
use crate::ui::panels::live::{Draft, PANEL, State, bend, chosen, planned};
use crate::ui::panels::side_panel;
use crate::ui::theme::{self, metrics};

use super::Scale;
use super::chart::Drawn;
use super::grips::KEY_FACTOR;
use super::lines::Strokes;
use super::overlay::position;
use super::panel::Plots;

/// Rings on the curve ahead.
const RINGS: u64 = 6;
/// Rates that a bent future is sent as: straight lines lie between them.
const SENT: u64 = 2000;

/// The curve ahead, from an update to the last one.
struct Ahead {
    run: RunId,
    from: u64,
    last: u64,
    stretch: f64,
}

impl Ahead {
    /// Where a ring is.
    fn ring(&self, at: u64) -> u64 {
        self.from + (self.last - self.from) * at / (RINGS - 1)
    }

    /// Where one of the run's own updates is in a plot.
    fn place(&self, drawn: &Drawn, update: u64, height: f64) -> (f64, f64) {
        (drawn.along.beside(self.run, update as f64 * self.stretch), height)
    }
}

/// How often the keys moved a ring that has the focus up.
fn arrows(ui: &Ui, id: Id) -> f64 {
    ui.memory_mut(|memory| {
        let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
        memory.set_focus_lock_filter(id, filter);
    });
    let pressed = |key| ui.input(|input| input.num_presses(key)) as f64;
    pressed(Key::ArrowUp) - pressed(Key::ArrowDown)
}

impl Plots<'_> {
    /// The rings of the live run that is chosen, while its panel is open.
    pub fn bends(&mut self, ui: &mut Ui, drawn: &Drawn) {
        let studio = &*self.studio;
        if side_panel::shown(studio).is_none_or(|panel| panel.name != PANEL.name) {
            return;
        }
        let Some((run, live)) = chosen(studio) else { return };
        let Some(total) = live.total.filter(|total| live.has_future() && live.update + RINGS < *total) else {
            return;
        };
        let Some(lane) = studio.frame.lane(run).filter(|_| studio.is_shown(run)) else { return };
        let ahead = Ahead { run, from: live.update, last: total - 1, stretch: lane.stretch };
        let group = studio.panels.peek::<State>().and_then(|state| state.group.clone());
        let row = studio.shown().into_iter().find(|row| row.id == run);
        let Some(color) = row.map(|row| studio.color(row, theme::tokens(ui))) else { return };
        let scale = studio.view.rate_scale;
        let mut dropped = false;
        for at in 0..RINGS {
            let update = ahead.ring(at);
            let Some(rate) = planned(self.studio, run, group.as_deref(), update) else { continue };
            let drafted = self.drafted(run).and_then(|points| {
                points.iter().min_by_key(|(point, _)| point.abs_diff(update)).map(|(_, rate)| *rate)
            });
            let bottom = drawn.transform.bounds().min()[1];
            let height = scale.height(drafted.unwrap_or(rate)).unwrap_or(bottom);
            let place = position(drawn, ahead.place(drawn, update, height));
            if !drawn.rect.x_range().expand(1.0).contains(place.x) {
                continue;
            }
            let inside = drawn.rect.shrink(metrics::HANDLE);
            let place = pos2(place.x, place.y.clamp(inside.top(), inside.bottom()));
            let area = Rect::from_center_size(place, Vec2::splat(2.0 * metrics::HANDLE_GRAB));
            let response = ui.interact(area, Id::unique(("bend", run, at)), Sense::drag());
            let name = format!("Rate ahead {} of {RINGS}", at + 1);
            response.widget_info(|| WidgetInfo::slider(true, rate, &name));
            if response.hovered() || response.dragged() {
                self.busy = true;
                ui.ctx().set_cursor_icon(CursorIcon::ResizeVertical);
                let text = format!("{name}: {}", format::rate(drafted.unwrap_or(rate)));
                ui.painter().text(
                    place - Vec2::new(0.0, metrics::M),
                    eframe::egui::Align2::CENTER_BOTTOM,
                    text,
                    theme::small(),
                    theme::tokens(ui).text,
                );
            }
            if response.dragged()
                && let Some(pointer) = response.interact_pointer_pos()
            {
                let value = drawn.value(pointer);
                let target = if scale == Scale::Log && pointer.y >= drawn.rect.bottom() {
                    0.0
                } else {
                    format::round_to(scale.value(value.y), 3).max(0.0)
                };
                let points = self.bent(&ahead, group.as_deref(), at, rate, target, scale);
                self.studio.panels.of::<State>().draft = Some(Draft { run, points });
            }
            dropped |= response.drag_stopped();
            if response.has_focus() {
                let up = arrows(ui, response.id);
                if up != 0.0 {
                    let target = format::round_to(drafted.unwrap_or(rate) * KEY_FACTOR.powf(up), 4);
                    let points = self.bent(&ahead, group.as_deref(), at, rate, target, scale);
                    self.studio.panels.of::<State>().draft = Some(Draft { run, points });
                    dropped = true;
                }
            }
            let lit = response.hovered() || response.dragged() || response.has_focus();
            let fill = if lit { color } else { theme::tokens(ui).ground };
            ui.painter().circle(place, metrics::HANDLE, fill, Stroke::new(metrics::CURVE, color));
        }
        self.draw(ui, drawn, &ahead, color, scale);
        if dropped && let Some(draft) = self.studio.panels.of::<State>().draft.take() {
            bend(self.studio, run, group, "bent by hand", Future::Points(draft.points));
        }
    }

    fn drafted(&self, run: RunId) -> Option<&[(u64, f64)]> {
        let draft = self.studio.panels.peek::<State>()?.draft.as_ref().filter(|draft| draft.run == run)?;
        Some(&draft.points)
    }

    /// What is planned, moved so that it goes through `target` at a ring and stays as it is at its
    /// neighbours; the last ring takes what follows with it, the first one what comes before.
    fn bent(
        &self,
        ahead: &Ahead,
        group: Option<&str>,
        ring: u64,
        rate: f64,
        target: f64,
        scale: Scale,
    ) -> Vec<(u64, f64)> {
        let step = ((ahead.last - ahead.from) / SENT).max(1);
        let rings: Vec<u64> = (0..RINGS).map(|at| ahead.ring(at)).collect();
        let center = ahead.ring(ring);
        let width = ((ahead.last - ahead.from) as f64 / (RINGS - 1) as f64).max(1.0);
        let updates = (ahead.from..=ahead.last).step_by(step as usize).chain(rings).chain([ahead.last]);
        let mut updates: Vec<u64> = updates.collect();
        updates.sort_unstable();
        updates.dedup();
        let by_factor = scale == Scale::Log && rate > 0.0 && target > 0.0;
        let moved = |update: u64| {
            let before = planned(self.studio, ahead.run, group, update)?;
            let share = (1.0 - update.abs_diff(center) as f64 / width).max(0.0);
            let after = if by_factor {
                before * (target / rate).powf(share)
            } else {
                (before + (target - rate) * share).max(0.0)
            };
            Some((update, after))
        };
        updates.into_iter().filter_map(moved).collect()
    }

    /// What is being drawn.
    fn draw(&self, ui: &Ui, drawn: &Drawn, ahead: &Ahead, color: eframe::egui::Color32, scale: Scale) {
        let Some(points) = self.drafted(ahead.run) else { return };
        let clipped = ui.painter().with_clip_rect(drawn.rect);
        for line in Strokes::points(points, scale).into_lines() {
            let line = line.into_iter();
            let line = line.map(|point| position(drawn, ahead.place(drawn, point.x as u64, point.y)));
            clipped.line(line.collect(), Stroke::new(metrics::CURVE, color));
        }
    }
}
