//! The three plots and what connects them.

use eframe::egui::{Align2, Color32, Popup, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, vec2};
use egui_plot::{Line, LineStyle, PlotPoints};
use egui_tiles::{Behavior, ResizeState, TileId, UiResponse};

use crate::schedule::Kind;
use crate::telemetry::Column;
use crate::train::command::{Mode, State};
use crate::ui::action::Action;
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::frame::{LaneFrame, Values};
use crate::ui::handles::add_point;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::view::Window;
use crate::ui::widgets::{Icon, icon_toggle, paint_icon, paint_marker};

use super::bounds::{self, Bounds};
use super::chart::{Chart, Drawn, navigate, note};
use super::lines::Strokes;
use super::{Scale, grips, overlay, readout};

/// The most marks at lost values.
const MARKED: usize = 80;

/// A plot in the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    Rate,
    Metric,
    Momentum,
}

/// What the middle plot can show.
const QUANTITIES: [(Column, &str); 4] = [
    (Column::TrainLoss, "Loss"),
    (Column::ValAccuracy, "Accuracy"),
    (Column::GradNorm, "Gradient norm"),
    (Column::UpdateNorm, "Update norm"),
];

/// Shows the plots in all the room there is.
pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let area = ui.available_rect_before_wrap();
    let mut tree = std::mem::replace(
        &mut studio.layout.tree,
        egui_tiles::Tree::empty(eframe::egui::Id::unique("plots")),
    );
    let mut plots = Plots { studio, cursor: None, over: None, busy: false };
    tree.ui(&mut plots, ui);
    let Plots { cursor, over, busy, .. } = plots;
    studio.layout.tree = tree;
    if studio.view.cursor != cursor {
        ui.ctx().request_repaint();
    }
    studio.view.cursor = cursor;
    if let (Some((x, rect)), Some(cursor)) = (over, cursor)
        && !busy
        && studio.view.drag.is_none()
    {
        let rect = eframe::egui::Rect::from_x_y_ranges(area.x_range(), rect.y_range());
        read_out(ui, studio, rect, x, cursor);
    }
}

struct Plots<'a> {
    studio: &'a mut Studio,
    /// The update under the pointer.
    cursor: Option<f64>,
    /// Where the pointer is, and in which plot.
    over: Option<(f32, eframe::egui::Rect)>,
    /// Whether the pointer holds a handle, or could.
    busy: bool,
}

impl Behavior<Pane> for Plots<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _: TileId, pane: &mut Pane) -> UiResponse {
        match pane {
            Pane::Rate => self.rate(ui),
            Pane::Metric => self.metric(ui),
            Pane::Momentum => self.momentum(ui),
        }
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> eframe::egui::WidgetText {
        match pane {
            Pane::Rate => "Learning rate",
            Pane::Metric => "Loss",
            Pane::Momentum => "Momentum",
        }
        .into()
    }

    fn gap_width(&self, _: &eframe::egui::Style) -> f32 {
        metrics::XS
    }

    fn min_size(&self) -> f32 {
        metrics::PLOT_MIN
    }

    fn resize_stroke(&self, style: &eframe::egui::Style, state: ResizeState) -> Stroke {
        let tokens = theme::of(&style.visuals);
        match state {
            ResizeState::Idle => Stroke::NONE,
            ResizeState::Hovering => Stroke::new(metrics::HAIRLINE, tokens.outline),
            ResizeState::Dragging => Stroke::new(metrics::HAIRLINE, tokens.text),
        }
    }
}

impl Plots<'_> {
    fn window(&self) -> (f64, f64) {
        let status = &self.studio.frame.status;
        let (from, to) = self.studio.view.window.bounds(status.update, self.studio.clock().updates);
        let room = (to - from) * Window::ROOM;
        (from - room, to + room)
    }

    /// What every plot does with the pointer; `true` when it was double-clicked.
    fn point(&mut self, ui: &Ui, drawn: &Drawn) -> bool {
        self.studio.layout.across = drawn.rect.x_range();
        let status = &self.studio.frame.status;
        let (playhead, updates) = (status.update, self.studio.clock().updates);
        navigate(ui, drawn, &mut self.studio.view, playhead, updates);
        if let Some(pointer) = drawn.response.hover_pos().filter(|_| drawn.response.contains_pointer()) {
            let at = drawn.transform.value_from_position(pointer).x.round();
            self.cursor = Some(at.clamp(0.0, updates as f64));
            self.over = Some((pointer.x, drawn.rect));
        }
        drawn.response.double_clicked()
    }

    fn rate(&mut self, ui: &mut Ui) {
        let tokens = theme::tokens(ui);
        let studio = &*self.studio;
        let scale = studio.view.rate_scale;
        let rows = studio.shown();
        let ranges = rows.iter().flat_map(|row| {
            let planned = studio.curve(row.id).map(crate::schedule::Curve::range);
            let used = studio.frame.lane(row.id).and_then(|lane| lane.rates);
            planned.into_iter().chain(used)
        });
        let y = studio.view.drag.map_or_else(|| bounds::rates(ranges, scale), |drag| drag.axis);
        let x = self.window();
        let mut lines = Vec::new();
        for row in &rows {
            lines.extend(self.rate_lines(*row, x, ui.available_width(), scale, tokens));
        }
        let name = |ui: &mut Ui| {
            let help = "The rate each update uses. Solid is past, dashed is planned.\n\
                        Drag the handles; scroll to zoom, drag to pan, double-click to see the whole run.";
            ui.label(theme::title(ui, "Learning rate")).on_hover_text(help);
        };
        let chart = Chart { name: "Learning rate", scale, x, y, x_labels: false };
        let (view_window, mut new_scale, mut asked) = (studio.view.window, scale, None);
        let drawn = chart.show(
            ui,
            name,
            |ui| {
                let whole = view_window == Window::Whole;
                if icon_toggle(ui, Icon::Fit, "Show the whole run", whole).clicked() {
                    asked = Some(Action::Fit);
                }
                let following = matches!(view_window, Window::Follow { .. });
                if icon_toggle(ui, Icon::Follow, "Follow the playhead", following).clicked() {
                    asked = Some(Action::Follow);
                }
                scale_switch(ui, &mut new_scale, "Rate axis");
            },
            |plot| lines.into_iter().for_each(|line| plot.line(line)),
        );
        self.studio.view.rate_scale = new_scale;
        if let Some(action) = asked {
            self.studio.ask(action);
        }
        let double = self.point(ui, &drawn);
        self.over_curves(ui, &drawn, |studio, row, cursor| {
            let lane = studio.frame.lane(row.id);
            let known = lane.filter(|lane| cursor < lane.update).and_then(|lane| lane.at_cursor.lr);
            scale.height(known.or_else(|| studio.rate(row.id, cursor))?)
        });
        self.handles(ui, &drawn, double);
        let studio = &*self.studio;
        overlay::event_marks(ui, &drawn, &studio.frame, &studio.view, &|lane| studio.lane_name(lane));
    }

    fn rate_lines(
        &self,
        row: Row,
        x: (f64, f64),
        width: f32,
        scale: Scale,
        tokens: &theme::Tokens,
    ) -> Vec<Line<'static>> {
        let studio = &*self.studio;
        let selected = studio.view.selected == row.id;
        let color = studio.color(row, tokens);
        let stroke = if selected { metrics::CURVE } else { metrics::CURVE * 0.75 };
        let clock = studio.clock();
        let last = clock.updates.saturating_sub(1);
        let (from, to) = (x.0.max(0.0) as u64, (x.1.max(0.0) as u64).min(last));
        let columns = width as usize;
        let mut lines = Vec::new();
        if selected
            && let Some(before) = studio.document.previous_schedule(row.id)
            && let Ok(curve) = before.resolve(clock)
        {
            let ghost = Strokes::curve(&curve, |update| curve.at(update), (from, to), columns, scale);
            lines.extend(
                ghost.into_lines().map(|line| plain(line, tokens.ghost(color), metrics::CURVE_FAINT)),
            );
        }
        let lane = studio.frame.lane(row.id);
        let done = lane.map_or(0, |lane| lane.update);
        if let Some(curve) = studio.curve(row.id) {
            let rate = |update| studio.rate(row.id, update).unwrap_or_default();
            let dashed = LineStyle::Dashed { length: metrics::DASH };
            if selected && self.was_edited(row) {
                // What the handles are on, where the past was another.
                let planned = Strokes::curve(curve, rate, (from, to.min(done)), columns, scale);
                let faint = tokens.ahead(color);
                lines.extend(
                    planned.into_lines().map(|line| plain(line, faint, metrics::CURVE_FAINT).style(dashed)),
                );
            }
            let ahead = Strokes::curve(curve, rate, (from.max(done.saturating_sub(1)), to), columns, scale);
            lines.extend(
                ahead.into_lines().map(|line| plain(line, tokens.ahead(color), stroke).style(dashed)),
            );
        }
        if let Some(lane) = lane {
            let past = Strokes::raw(&lane.curves.lr, scale);
            lines.extend(past.into_lines().map(|line| plain(line, color, stroke)));
        }
        lines
    }

    /// Whether a run was trained, in part at least, under another schedule than it has now.
    fn was_edited(&self, row: Row) -> bool {
        let studio = &*self.studio;
        let Some(lane) = studio.frame.lane(row.id).filter(|lane| lane.plateau.is_none()) else {
            return false;
        };
        lane.curves.lr.iter().any(|bucket| {
            let planned = studio.curve(row.id).map_or(bucket.last, |curve| curve.at(bucket.last_update));
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
        if double {
            let pointer = ui.input(|input| input.pointer.interact_pos());
            let added = pointer.and_then(|pointer| {
                let at = drawn.transform.value_from_position(pointer);
                let rate = format::round_to(studio.view.rate_scale.value(at.y), 3);
                add_point(&studio.document.run(selected)?.lr, studio.clock(), at.x, rate)
            });
            match added {
                Some(schedule) => studio.set_schedule(schedule),
                None => studio.view.window = Window::Whole,
            }
        }
        let Some(row) = studio.shown().into_iter().find(|row| row.id == selected) else { return };
        let Some(schedule) = studio.document.run(selected).map(|run| run.lr.clone()) else { return };
        let clock = studio.clock();
        let color = studio.color(row, theme::tokens(ui));
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
            let keys = ui.ctx().format_shortcut(&Action::Restart.about().shortcut);
            let text = format!("This run is over: {keys} restarts it, and Instant trains at every edit");
            note(ui, drawn.rect, Align2::CENTER_BOTTOM, &text, theme::small());
        } else if matches!(schedule.kind, Kind::Points(_)) && studio.view.cursor.is_some() {
            let text = "Double-click adds a point, right-click removes one";
            note(ui, drawn.rect, Align2::RIGHT_TOP, text, theme::small());
        }
    }

    fn metric(&mut self, ui: &mut Ui) {
        let tokens = theme::tokens(ui);
        let studio = &*self.studio;
        let quantity = studio.view.quantity;
        let is_loss = quantity == Column::TrainLoss;
        let scale = if quantity == Column::ValAccuracy { Scale::Linear } else { studio.view.loss_scale };
        let rows = studio.shown();
        let lanes = || {
            rows.iter().flat_map(|row| {
                studio
                    .frame
                    .lanes
                    .iter()
                    .filter(move |lane| lane.id.run == row.id)
                    .map(move |lane| (*row, lane))
            })
        };
        let chance = studio.frame.status.chance_loss.filter(|_| is_loss);
        let y = bounds::measured(lanes().map(|(_, lane)| lane), scale, chance);
        let x = self.window();
        let mut lines = Vec::new();
        let mut lost = Vec::new();
        let mut hidden = 0;
        for (row, lane) in lanes() {
            let color = studio.color(row, tokens);
            hidden += metric_lines(lane, color, scale, is_loss, tokens, &mut lines, |update| {
                lost.push((update, color))
            });
        }
        let name =
            QUANTITIES.iter().find(|(column, _)| *column == quantity).map_or("Loss", |(_, name)| *name);
        let chart = Chart { name, scale, x, y, x_labels: false };
        let (mut new_scale, mut new_quantity, mut smoothing) =
            (studio.view.loss_scale, quantity, studio.view.smoothing);
        let drawn = chart.show(
            ui,
            |ui| quantity_picker(ui, &mut new_quantity),
            |ui| {
                scale_switch(ui, &mut new_scale, "Loss axis");
                if is_loss {
                    let half_life = crate::ui::frame::Frame::half_life(studio.clock().updates);
                    let help =
                        format!("A debiased moving average with a half-life of {half_life:.0} updates.");
                    if word_switch(ui, "Smooth", "Smoothing", smoothing).on_hover_text(help).clicked() {
                        smoothing = !smoothing;
                    }
                }
                if is_loss {
                    key(ui, smoothing);
                }
            },
            |plot| lines.into_iter().for_each(|line| plot.line(line)),
        );
        for (row, lane) in lanes().filter(|(_, lane)| lane.id.replica == 0) {
            let color = studio.color(row, tokens);
            validation_marks(ui, &drawn, lane, row.slot, color, scale);
        }
        for (update, color) in lost.into_iter().take(MARKED) {
            overlay::lost(ui, &drawn, update, color);
        }
        if let Some(height) = chance.and_then(|chance| scale.height(chance)) {
            chance_line(ui, &drawn, height, chance.unwrap_or_default());
        }
        if hidden > 0 {
            let text = format!(
                "{} values of zero or less have no place on a log axis",
                format::count(hidden as u64)
            );
            note(ui, drawn.rect, Align2::LEFT_BOTTOM, &text, theme::small());
        }
        self.empty_state(ui, &drawn);
        self.studio.view.loss_scale = new_scale;
        self.studio.view.quantity = new_quantity;
        self.studio.view.smoothing = smoothing;
        if self.point(ui, &drawn) {
            self.studio.view.window = Window::Whole;
        }
        self.over_curves(ui, &drawn, |studio, row, cursor| {
            let lane = studio.frame.lane(row.id).filter(|lane| cursor < lane.update)?;
            scale.height(lane.at_cursor.loss?).filter(|_| is_loss)
        });
    }

    fn empty_state(&self, ui: &Ui, drawn: &Drawn) {
        let studio = &*self.studio;
        let text = match &studio.frame.status.state {
            _ if studio.shown().is_empty() => {
                "Every run is hidden. The eye in the list of runs shows one again."
            }
            _ if studio.frame.lanes.iter().any(|lane| lane.update > 0) => return,
            State::Preparing => "Reading the data",
            State::Failed(_) => return,
            _ => "Press play, and the loss of every run is drawn here",
        };
        note(ui, drawn.rect, Align2::CENTER_CENTER, text, theme::body());
    }

    fn momentum(&mut self, ui: &mut Ui) {
        let tokens = theme::tokens(ui);
        let studio = &*self.studio;
        let scale = Scale::Linear;
        let x = self.window();
        let clock = studio.clock();
        let last = clock.updates.saturating_sub(1);
        let (from, to) = (x.0.max(0.0) as u64, (x.1.max(0.0) as u64).min(last));
        let mut bounds = Bounds::EMPTY;
        let mut lines = Vec::new();
        for row in studio.shown() {
            let color = studio.color(row, tokens);
            let selected = studio.view.selected == row.id;
            let stroke = if selected { metrics::CURVE } else { metrics::CURVE * 0.75 };
            let lane = studio.frame.lane(row.id);
            let done = lane.map_or(0, |lane| lane.update);
            let mut add = |strokes: Strokes, color, style| {
                for line in strokes.into_lines() {
                    line.iter().for_each(|point| bounds.add(Some(point.y)));
                    lines.push(plain(line, color, stroke).style(style));
                }
            };
            if let (Some(curve), Some(_)) = (studio.curve(row.id), studio.momentum(row.id, 0)) {
                let value = |update| studio.momentum(row.id, update).unwrap_or_default();
                let start = from.max(done.saturating_sub(1));
                let ahead =
                    Strokes::curve(curve, value, (start, to), ui.available_width() as usize / 2, scale);
                add(ahead, tokens.ahead(color), LineStyle::Dashed { length: metrics::DASH });
                if let Some(lane) = lane {
                    add(Strokes::raw(&lane.curves.momentum, scale), color, LineStyle::Solid);
                }
            }
        }
        let empty = bounds.is_empty();
        let y = bounds.padded(0.18, 0.18, 0.1, (0.0, 1.0));
        let name = |ui: &mut Ui| {
            let help = "The share of the last step that an update keeps: momentum, or β1 of the Adam family.";
            ui.label(theme::title(ui, "Momentum")).on_hover_text(help);
        };
        let chart = Chart { name: "Momentum", scale, x, y, x_labels: true };
        let drawn = chart.show(ui, name, |_| {}, |plot| lines.into_iter().for_each(|line| plot.line(line)));
        if empty {
            let text = "No shown run has momentum. The optimizer of a run is beside its schedule.";
            note(ui, drawn.rect, Align2::CENTER_CENTER, text, theme::body());
        }
        if self.point(ui, &drawn) {
            self.studio.view.window = Window::Whole;
        }
        self.over_curves(ui, &drawn, |studio, row, cursor| {
            let lane = studio.frame.lane(row.id);
            let known = lane.filter(|lane| cursor < lane.update).and_then(|lane| lane.at_cursor.momentum);
            known.or_else(|| studio.momentum(row.id, cursor))
        });
    }

    /// Playhead, events and cursor, and a dot on each run's curve at the cursor.
    fn over_curves(&self, ui: &Ui, drawn: &Drawn, height: impl Fn(&Studio, Row, u64) -> Option<f64>) {
        let studio = &*self.studio;
        let here = drawn.response.contains_pointer();
        overlay::lines(ui, drawn, &studio.frame, &studio.view, here);
        let Some(cursor) = studio.view.cursor else { return };
        let tokens = theme::tokens(ui);
        for row in studio.shown() {
            if let Some(height) = height(studio, row, cursor as u64) {
                overlay::dot(ui, drawn, (cursor, height), studio.color(row, tokens));
            }
        }
    }
}

fn plain(points: Vec<egui_plot::PlotPoint>, color: Color32, width: f32) -> Line<'static> {
    Line::new("", PlotPoints::Owned(points)).color(color).width(width).allow_hover(false)
}

/// The lines of one lane in the middle plot; how many values have no place in it.
fn metric_lines(
    lane: &LaneFrame,
    color: Color32,
    scale: Scale,
    is_loss: bool,
    tokens: &theme::Tokens,
    lines: &mut Vec<Line<'static>>,
    lost: impl FnMut(f64),
) -> usize {
    let curves = &lane.curves;
    let smoothed = !curves.smooth.is_empty();
    let replica = lane.id.replica > 0;
    let raw = Strokes::raw(&curves.raw, scale);
    let hidden = raw.hidden;
    raw.lost.iter().copied().for_each(lost);
    let faint = if replica { color.gamma_multiply(0.12) } else { tokens.faded(color) };
    let (raw_color, raw_width) =
        if smoothed { (faint, metrics::CURVE_FAINT) } else { (color, metrics::CURVE * 0.7) };
    lines.extend(raw.into_lines().map(|line| plain(line, raw_color, raw_width)));
    if is_loss {
        let ghost = Strokes::last(&curves.ghost, scale);
        lines.extend(ghost.into_lines().map(|line| plain(line, tokens.ghost(color), metrics::CURVE * 0.75)));
        let (bold, width) = if replica { (tokens.ahead(color), 1.0) } else { (color, metrics::CURVE) };
        let smooth = Strokes::last(&curves.smooth, scale);
        lines.extend(smooth.into_lines().map(|line| plain(line, bold, width)));
        if !replica {
            let validation = Strokes::last(&curves.validation, scale);
            lines.extend(validation.into_lines().map(|line| plain(line, color, metrics::CURVE_FAINT)));
        }
    }
    hidden
}

/// A marker at each validation, in the run's shape.
fn validation_marks(ui: &Ui, drawn: &Drawn, lane: &LaneFrame, slot: usize, color: Color32, scale: Scale) {
    let painter = ui.painter().with_clip_rect(drawn.rect);
    let mut last = f32::NEG_INFINITY;
    for bucket in &lane.curves.validation {
        if let Some(height) = scale.height(bucket.last) {
            let place = overlay::position(drawn, (bucket.last_update as f64, height));
            if place.x - last < metrics::M {
                continue;
            }
            last = place.x;
            paint_marker(&painter, place, metrics::MARKER + 1.0, slot, theme::tokens(ui).ground);
            paint_marker(&painter, place, metrics::MARKER, slot, color);
        }
    }
}

/// The loss of knowing only how often each answer occurs.
fn chance_line(ui: &Ui, drawn: &Drawn, height: f64, chance: f64) {
    let y = drawn.transform.position_from_point_y(height);
    if !drawn.rect.y_range().contains(y) {
        return;
    }
    let tokens = theme::tokens(ui);
    let ends = [
        drawn.rect.left_top() + vec2(0.0, y - drawn.rect.top()),
        drawn.rect.right_top() + vec2(0.0, y - drawn.rect.top()),
    ];
    let painter = ui.painter().with_clip_rect(drawn.rect);
    painter.extend(Shape::dashed_line(
        &ends,
        Stroke::new(metrics::HAIRLINE, tokens.faint),
        metrics::DASH_GAP,
        metrics::DASH,
    ));
    let text = format!("chance {}", format::metric(chance));
    let place = ends[1] - vec2(metrics::S, metrics::XS / 2.0);
    painter.text(place, Align2::RIGHT_BOTTOM, text, theme::small(), tokens.muted);
}

/// What the kinds of line in the loss plot mean.
fn key(ui: &mut Ui, smoothed: bool) {
    let tokens = theme::tokens(ui);
    let mut entry = |name: &str, paint: &dyn Fn(&eframe::egui::Painter, eframe::egui::Rect)| {
        ui.label(theme::caption(ui, name));
        let (rect, _) = ui.allocate_exact_size(vec2(metrics::L, metrics::M), Sense::hover());
        paint(ui.painter(), rect);
    };
    entry("validation", &|painter, rect| {
        painter.hline(rect.x_range(), rect.center().y, (metrics::CURVE_FAINT, tokens.muted));
        painter.circle_filled(rect.center(), metrics::MARKER, tokens.muted);
    });
    if smoothed {
        entry("smoothed", &|painter, rect| {
            painter.hline(rect.x_range(), rect.center().y, (metrics::CURVE, tokens.muted));
        });
    }
    entry("batch", &|painter, rect| {
        painter.hline(rect.x_range(), rect.center().y, (metrics::CURVE_FAINT, tokens.faint));
    });
}

fn quantity_picker(ui: &mut Ui, quantity: &mut Column) {
    let name = QUANTITIES.iter().find(|(column, _)| column == quantity).map_or("", |(_, name)| *name);
    let galley = ui.painter().layout_no_wrap(name.to_owned(), theme::medium(), Color32::PLACEHOLDER);
    let size = galley.size() + vec2(metrics::M + metrics::XS, 0.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(name.to_owned()),
        ..WidgetInfo::labeled(Role::ComboBox, true, "Quantity")
    });
    let tokens = theme::tokens(ui);
    ui.painter().galley(rect.min, galley, tokens.text);
    let lit = response.hovered() || response.has_focus();
    let arrow = rect.right_center() - vec2(metrics::XS, 0.0);
    paint_icon(ui.painter(), Icon::Down, arrow, if lit { tokens.text } else { tokens.muted });
    let response = response.on_hover_text(quantity.help());
    Popup::menu(&response).show(|ui| {
        for (column, name) in QUANTITIES {
            ui.selectable_value(quantity, column, name);
        }
    });
}

fn scale_switch(ui: &mut Ui, scale: &mut Scale, name: &str) {
    let log = *scale == Scale::Log;
    let label = format!("{name}: logarithmic");
    if word_switch(ui, "Log", &label, log).on_hover_text("Powers of ten at equal distances.").clicked() {
        *scale = if log { Scale::Linear } else { Scale::Log };
    }
}

/// A word that is lit when what it says is on.
fn word_switch(ui: &mut Ui, word: &str, label: &str, on: bool) -> Response {
    let tokens = theme::tokens(ui);
    let galley = ui.painter().layout_no_wrap(word.to_owned(), theme::small(), Color32::PLACEHOLDER);
    let size = galley.size() + vec2(metrics::M, metrics::XS);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Switch, enabled, on, label));
    let fill = match (on, response.hovered()) {
        (_, true) => tokens.press,
        (true, false) => tokens.hover,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, metrics::RADIUS, fill);
    if response.has_focus() {
        let stroke = Stroke::new(metrics::HAIRLINE, tokens.text);
        ui.painter().rect_stroke(rect, metrics::RADIUS, stroke, eframe::egui::StrokeKind::Inside);
    }
    let color = if on { tokens.text } else { tokens.muted };
    let place = Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min;
    ui.painter().galley(place, galley, color);
    response
}

fn read_out(ui: &Ui, studio: &Studio, rect: eframe::egui::Rect, x: f32, cursor: f64) {
    let tokens = theme::tokens(ui);
    let update = cursor as u64;
    let clock = studio.clock();
    let epoch = (clock.updates_per_epoch > 0).then(|| cursor / clock.updates_per_epoch as f64);
    let runs: Vec<_> = studio.document.runs().filter(|(row, _)| studio.is_shown(row.id)).collect();
    let lines: Vec<readout::Line<'_>> = runs
        .iter()
        .map(|(row, run)| {
            let lane = studio.frame.lane(row.id);
            let ahead = lane.is_none_or(|lane| update >= lane.update);
            let values = match lane {
                Some(lane) if !ahead => lane.at_cursor,
                _ => Values {
                    lr: studio.rate(row.id, update),
                    momentum: studio.momentum(row.id, update),
                    ..Values::default()
                },
            };
            readout::Line { name: &run.name, slot: row.slot, color: tokens.run(row.slot), values, ahead }
        })
        .collect();
    if !lines.is_empty() {
        readout::show(ui, rect, x, update, epoch, &lines);
    }
}
