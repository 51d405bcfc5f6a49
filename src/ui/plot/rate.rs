//! The rate plot: what was used, what is planned, and the handles on it.

use eframe::egui::{Align2, Key, Label, Modifiers, Ui};
use egui_plot::{Line, LineStyle};

use crate::schedule::{Curve, Kind};
use crate::telemetry::Bucket;
use crate::train::ids::Mode;
use crate::ui::action::Action;
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::handles::add_point;
use crate::ui::layout::Pane;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::view::Window;
use crate::ui::widgets::{Icon, icon_toggle};

use super::band::parted;
use super::chart::{Chart, Drawn, note};
use super::lines::Strokes;
use super::menu::Menu;
use super::panel::Plots;
use super::switch::scale_switch;
use super::thin::Grain;
use super::{Scale, bounds, grips, legend, overlay, pencil, phases};

/// Looks at a planned curve, to see how high it is in view.
const LOOKS: u64 = 200;

impl Plots<'_> {
    pub fn rate(&mut self, ui: &mut Ui) {
        let tokens = theme::tokens(ui);
        let studio = &*self.studio;
        let scale = studio.view.rate_scale;
        let rows = studio.shown();
        let (x, window) = (self.across(), self.window());
        let whole = studio.view.window == Window::Whole;
        let ranges = rows.iter().flat_map(|row| {
            if !whole {
                return self.rates_in_view(*row, window);
            }
            let planned = studio.curve(row.id).map(Curve::range);
            let used = studio.frame.replicas(row.id).filter_map(|lane| lane.rates);
            planned.into_iter().chain(used).chain(studio.group_ranges(row.id)).collect()
        });
        let y = studio.view.drag.map(|drag| drag.axis).or(studio.view.heights.of(Pane::Rate));
        let y = y.unwrap_or_else(|| bounds::rates(ranges, scale));
        let smallest = studio.frame.lanes.iter().any(|lane| !lane.curves.smallest_rate.is_empty());
        self.grain = Grain::new(x, y, ui.available_size());
        let (mut lines, mut areas) = (Vec::new(), Vec::new());
        for row in &rows {
            let at = |update| studio.along.of_run(row.id, update);
            let color = tokens.band(studio.color(*row, tokens));
            areas.extend(
                parted(studio, row.id, |curves| &curves.lr)
                    .iter()
                    .flat_map(|band| band.areas(scale, color, at)),
            );
            lines.extend(self.rate_lines(*row, window, ui.available_width(), scale, tokens));
        }
        let name = |ui: &mut Ui| {
            let help = "The rate each update uses. Solid is past, dashed is planned,\n\
                        thin is what the optimizer makes of it (RAdam, Prodigy),\n\
                        or the rate of a parameter group, which tells its name under the pointer.\n\
                        Dotted, with weights in 16 bits, is the smallest useful rate: below it rounding\n\
                        to the nearest number keeps most weights where they are.\n\
                        Drag the handles; scroll to zoom, drag to pan, drag with Shift to zoom into a box,\n\
                        double-click to see the whole run.";
            // The switches come after it and keep their room.
            let room = ui.available_width() - 1.5 * metrics::FIELD_LABEL - 2.0 * metrics::ICON_BUTTON;
            ui.scope(|ui| {
                ui.set_max_width(room.max(0.0));
                ui.add(Label::new(theme::title(ui, "Learning rate")).truncate()).on_hover_text(help);
            });
        };
        let chart = Chart {
            name: "Learning rate",
            scale,
            across: self.updates(),
            x,
            y,
            x_labels: false,
            titled: true,
        };
        let (view_window, mut new_scale, mut asked) = (studio.view.window, scale, None);
        let mut menu = Menu::new(studio, Pane::Rate, false);
        let pencils = studio.view.pencil;
        let drawn = chart.show(
            ui,
            name,
            |ui| {
                menu.button(ui);
                if icon_toggle(ui, Icon::Pencil, "Draw freehand", pencils).clicked() {
                    asked = Some(Action::Pencil);
                }
                let whole = view_window == Window::Whole;
                if icon_toggle(ui, Icon::Fit, "Show the whole run", whole).clicked() {
                    asked = Some(Action::Fit);
                }
                let following = matches!(view_window, Window::Follow { .. });
                if icon_toggle(ui, Icon::Follow, "Follow the playhead", following).clicked() {
                    asked = Some(Action::Follow);
                }
                scale_switch(ui, &mut new_scale, "Rate axis");
                if smallest {
                    legend::rates(ui);
                }
            },
            |plot| {
                areas.into_iter().for_each(|area| plot.add(area));
                lines.into_iter().for_each(|line| plot.line(line));
            },
        );
        menu.under(&drawn);
        menu.apply(self.studio);
        if new_scale != scale {
            self.studio.view.heights.set(Pane::Rate, None);
        }
        self.studio.view.rate_scale = new_scale;
        if let Some(action) = asked {
            self.studio.ask(action);
        }
        let double = self.point(ui, &drawn, Pane::Rate);
        phases::names(ui, &drawn, self.studio);
        self.over_curves(ui, &drawn, |studio, row, cursor| {
            let lane = studio.frame.lane(row.id);
            let known = lane.filter(|lane| cursor < lane.update).and_then(|lane| lane.at_cursor.lr);
            scale.height(known.or_else(|| studio.rate(row.id, cursor))?)
        });
        self.handles(ui, &drawn, double);
        self.over_groups(ui, &drawn, scale);
        phases::borders(ui, &drawn, self.studio);
        self.bends(ui, &drawn);
        let studio = &*self.studio;
        for row in studio.shown() {
            let parting = studio.parting(row.id).map(|(at, _)| at);
            let height = parting.and_then(|at| scale.height(studio.rate(row.id, at.saturating_sub(1))?));
            if let Some((at, height)) = parting.zip(height) {
                let at = drawn.along.beside(row.id, at as f64);
                overlay::branch(ui, &drawn, (at, height), studio.color(row, theme::tokens(ui)));
            }
        }
        overlay::event_marks(ui, &drawn, &studio.frame, &studio.view, &|lane| studio.lane_name(lane));
    }

    /// The ranges of the rates of a run that are in view: those that were used, and those that are planned.
    fn rates_in_view(&self, row: Row, x: (f64, f64)) -> Vec<(f64, f64)> {
        let studio = &*self.studio;
        let (from, to) = (x.0.max(0.0) as u64, x.1.max(0.0) as u64);
        let mut ranges = Vec::new();
        if let Some(lane) = studio.frame.lane(row.id) {
            let inside = |bucket: &&Bucket| bucket.last_update >= from && bucket.first_update <= to;
            ranges.extend(lane.curves.lr.iter().filter(inside).map(|bucket| (bucket.min, bucket.max)));
        }
        let last = studio.clock().updates.saturating_sub(1).min(to);
        if studio.curve(row.id).is_some() && from <= last {
            let step = ((last - from) / LOOKS).max(1) as usize;
            let looks = (from..=last).step_by(step).chain([last]);
            ranges.extend(looks.filter_map(|update| studio.rate(row.id, update)).map(|rate| (rate, rate)));
        }
        ranges
    }

    fn rate_lines(
        &self,
        row: Row,
        x: (f64, f64),
        width: f32,
        scale: Scale,
        tokens: &Tokens,
    ) -> Vec<Line<'static>> {
        let studio = &*self.studio;
        let selected = studio.view.selected == row.id;
        let color = studio.color(row, tokens);
        let stroke = if selected { metrics::CURVE } else { metrics::CURVE * 0.75 };
        let clock = studio.clock();
        let last = clock.updates.saturating_sub(1);
        let (from, to) = (x.0.max(0.0) as u64, (x.1.max(0.0) as u64).min(last));
        let columns = width as usize;
        let draw = |points, color, width| self.line(row.id, points, color, width);
        let mut lines = Vec::new();
        if selected
            && let Some(before) = studio.document.previous_schedule(row.id)
            && let Ok(curve) = before.resolve(clock)
        {
            let ghost = Strokes::curve(
                &curve,
                |update| curve.at(update),
                (from, to),
                (columns, &studio.along),
                scale,
            );
            lines
                .extend(ghost.into_lines().map(|line| draw(line, tokens.ghost(color), metrics::CURVE_FAINT)));
        }
        let lane = studio.frame.lane(row.id);
        let done = lane.map_or(0, |lane| lane.update);
        if let Some(curve) = studio.curve(row.id) {
            let rate = |update| studio.rate(row.id, update).unwrap_or_default();
            let dashed = LineStyle::Dashed { length: metrics::DASH };
            if selected && self.was_edited(row) {
                // What the handles are on, where the past was another.
                let begin = studio.parting(row.id).map_or(from, |(at, _)| from.max(at));
                let planned =
                    Strokes::curve(curve, rate, (begin, to.min(done)), (columns, &studio.along), scale);
                let faint = tokens.ahead(color);
                lines.extend(
                    planned.into_lines().map(|line| draw(line, faint, metrics::CURVE_FAINT).style(dashed)),
                );
            }
            let begin = studio.begins().get(&row.id).map_or(from, |at| from.max(at.saturating_sub(1)));
            let ahead = Strokes::curve(
                curve,
                rate,
                (begin.max(done.saturating_sub(1)), to),
                (columns, &studio.along),
                scale,
            );
            lines
                .extend(ahead.into_lines().map(|line| draw(line, tokens.ahead(color), stroke).style(dashed)));
        }
        lines.extend(self.group_lines(row, (from, to), done, columns, scale, (color, tokens)));
        if let Some(lane) = lane {
            match parted(studio, row.id, |curves| &curves.lr) {
                Some(band) => lines.extend(band.lines(scale).map(|line| draw(line, color, stroke))),
                None => {
                    let past = Strokes::raw(&lane.curves.lr, scale).stretched(lane.stretch);
                    lines.extend(past.into_lines().map(|line| draw(line, color, stroke)));
                }
            }
            for other in &lane.curves.other_rates {
                let past = Strokes::raw(other, scale).stretched(lane.stretch);
                lines.extend(past.into_lines().map(|line| draw(line, color, metrics::CURVE_FAINT)));
            }
            let dashed = LineStyle::Dashed { length: metrics::DASH };
            for (at, planned) in lane.ahead.iter().enumerate() {
                let width = if at == 0 { metrics::CURVE } else { metrics::CURVE_FAINT };
                let ahead = Strokes::points(planned, scale).stretched(lane.stretch);
                let ahead =
                    ahead.into_lines().map(|line| draw(line, tokens.ahead(color), width).style(dashed));
                lines.extend(ahead);
            }
            let effective = Strokes::raw(&lane.curves.effective_lr, scale).into_lines();
            lines.extend(effective.map(|line| draw(line, tokens.ahead(color), metrics::CURVE_FAINT)));
            let dotted = LineStyle::Dotted { spacing: metrics::DASH };
            let smallest = Strokes::raw(&lane.curves.smallest_rate, scale).stretched(lane.stretch);
            lines.extend(smallest.into_lines().map(|line| draw(line, color, stroke).style(dotted)));
        }
        lines
    }

    /// Whether a run was trained, in part at least, under another schedule than it has now.
    fn was_edited(&self, row: Row) -> bool {
        let studio = &*self.studio;
        let Some(lane) = studio.frame.lane(row.id).filter(|lane| lane.control.is_none()) else {
            return false;
        };
        lane.curves.lr.iter().any(|bucket| {
            let planned = studio.scheduled(row.id, bucket.last_update).unwrap_or(bucket.last);
            (planned - bucket.last).abs() > 1e-6 * planned.abs().max(bucket.last.abs())
        })
    }

    /// Whether an edit came too late to be trained.
    fn is_outdated(&self, row: Row) -> bool {
        let over =
            self.studio.frame.lane(row.id).is_some_and(|lane| lane.update >= self.studio.clock().updates);
        over && self.was_edited(row)
    }

    /// The selected run's handles, and new control points.
    fn handles(&mut self, ui: &mut Ui, drawn: &Drawn, double: bool) {
        let studio = &mut *self.studio;
        let selected = studio.view.selected;
        let entered = drawn.response.has_focus()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
        let asked = if double {
            let pointer = ui.input(|input| input.pointer.interact_pos());
            pointer.map(|pointer| {
                let at = drawn.value(pointer);
                (at.x, format::round_to(studio.view.rate_scale.value(at.y), 3))
            })
        } else {
            // On the curve, from where arrow keys move it.
            let at = studio.view.keyed.filter(|_| entered);
            at.and_then(|at| Some((at, format::round_to(studio.rate(selected, at as u64)?, 4))))
        };
        let added = asked.and_then(|(update, rate)| {
            add_point(&studio.document.run(selected)?.lr, studio.clock(), update, rate)
        });
        match added {
            Some(schedule) => studio.set_schedule(schedule),
            None if double => studio.view.fit(),
            None => {}
        }
        let Some(row) = studio.shown().into_iter().find(|row| row.id == selected) else { return };
        let Some(schedule) = studio.document.run(selected).map(|run| run.lr.clone()) else { return };
        let clock = studio.clock();
        let color = studio.color(row, theme::tokens(ui));
        if studio.view.pencil {
            self.busy = true;
            if let Some(schedule) = pencil::draw(ui, drawn, studio, color) {
                studio.set_schedule(schedule);
            }
            let text = "Draw the rate; P, Escape or the pencil again ends it";
            note(ui, drawn.rect, Align2::CENTER_BOTTOM, text, theme::small());
            return;
        }
        let (edited, busy) = grips::show(ui, drawn, &schedule, clock, &mut studio.view, color);
        self.busy |= busy;
        if let Some(edited) = edited {
            studio.set_schedule(edited);
        }
        let studio = &*self.studio;
        if let Some(error) = studio.curve_error(selected) {
            let text = format!("This schedule cannot be: {error}");
            note(ui, drawn.rect, Align2::CENTER_CENTER, &text, theme::body());
        } else if studio.view.mode == Mode::Live && self.is_outdated(row) {
            let keys = Action::Restart.about().keys(ui.ctx());
            let text = format!("This run is over: {keys} restarts it, and Instant trains at every edit");
            note(ui, drawn.rect, Align2::CENTER_BOTTOM, &text, theme::small());
        } else if matches!(schedule.kind, Kind::Points(_)) && studio.view.cursor.is_some() {
            let text = if drawn.response.has_focus() {
                "Enter adds a point, Delete on one removes it"
            } else {
                "Double-click adds a point, right-click removes one"
            };
            note(ui, drawn.rect, Align2::RIGHT_TOP, text, theme::small());
        }
    }
}
