//! The middle plot: the losses, or another measured quantity.

use eframe::egui::{Align2, Color32, Shape, Stroke, Ui, vec2};
use egui_plot::{Line, LineStyle, PlotPoint};

use crate::engine::protocol::State;
use crate::telemetry::{Bucket, Column, Role};
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::frame::{Curves, Frame, LaneFrame};
use crate::ui::layout::Pane;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::paint_marker;

use super::band::{self, Band};
use super::chart::{Chart, Drawn, note};
use super::ghost::{Ghost, Outline};
use super::lines::Strokes;
use super::menu::Menu;
use super::panel::{Plots, plain};
use super::switch::{column_switch, scale_switch, word_switch};
use super::thin::Grain;
use super::{Scale, bounds, expected, legend, overlay, phases as phase_marks};

/// The most marks at lost values.
const MARKED: usize = 80;

impl Plots<'_> {
    pub fn metric(&mut self, ui: &mut Ui) {
        let tokens = theme::tokens(ui);
        let studio = &*self.studio;
        let quantity = studio.view.quantity;
        let is_loss = quantity == Column::TrainLoss;
        let scale = if is_share(quantity) { Scale::Linear } else { studio.view.loss_scale };
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
        let ghost = studio.panels.peek::<Ghost>().and_then(|ghost| ghost.of.as_ref());
        let ghost = ghost.filter(|(run, _)| is_loss && studio.is_shown(*run));
        let ghost = ghost.map(|(run, forecast)| {
            let at = |update| studio.along.beside(*run, update);
            (tokens.run(studio.slot(*run)), Outline::new(forecast, scale, at))
        });
        let expected = expected::heights(studio, scale);
        let foreseen = ghost.iter().flat_map(|(_, outline)| outline.heights()).chain(expected);
        let y = bounds::measured(lanes().map(|(_, lane)| lane), scale, chance, foreseen);
        let y = studio.view.heights.of(Pane::Metric).unwrap_or(y);
        let x = self.across();
        self.grain = Grain::new(x, y, ui.available_size());
        let (mut lines, mut areas) = (Vec::new(), Vec::new());
        let mut lost = Vec::new();
        let mut hidden = 0;
        let mut marks = Vec::new();
        for row in &rows {
            let color = studio.color(*row, tokens);
            let replicas: Vec<&LaneFrame> = studio.frame.replicas(row.id).collect();
            if let [lane] = replicas.as_slice() {
                let noise = self.noise(lane, (color, tokens), scale);
                hidden += noise.hidden;
                lost.extend(noise.lost.iter().map(|update| (studio.along.beside(row.id, *update), color)));
                areas.extend(noise.areas);
                lines.extend(noise.lines);
                if is_loss {
                    lines.extend(self.calm_lines(lane, (color, tokens), scale));
                }
                marks.push((*row, color, band::alone(&lane.curves.validation, lane.stretch)));
                continue;
            }
            let mut draw = |of: fn(&Curves) -> &Vec<Bucket>, width: f32| {
                let band = Band::of(&replicas, of);
                let at = |update| studio.along.of_run(row.id, update);
                areas.extend(band.areas(scale, tokens.band(color), at));
                lines.extend(band.lines(scale).map(|line| self.line(row.id, line, color, width)));
                band
            };
            draw(
                |curves| if curves.smooth.is_empty() { &curves.raw } else { &curves.smooth },
                metrics::CURVE,
            );
            let validation = draw(|curves| &curves.validation, metrics::CURVE_FAINT);
            marks.push((*row, color, validation.means().collect()));
            for lane in &replicas {
                let at = |update| studio.along.beside(row.id, update as f64 * lane.stretch);
                lost.extend(lane.diverged_at.map(|update| (at(update), color)));
                let ghost = Strokes::last(&lane.curves.ghost, scale).stretched(lane.stretch);
                let faint = tokens.ghost(color);
                let ghost = ghost.into_lines();
                lines.extend(ghost.map(|line| self.line(row.id, line, faint, metrics::CURVE * 0.75)));
            }
        }
        let mut phases = Vec::new();
        for row in &rows {
            let color = studio.color(*row, tokens);
            for phase in studio.frame.lane(row.id).iter().flat_map(|lane| &lane.phases) {
                let strokes = Strokes::raw(&phase.curve, scale).into_lines();
                lines.extend(strokes.map(|line| self.line(row.id, line, color, metrics::CURVE_FAINT)));
                let at = |update: u64| studio.along.beside(row.id, update as f64);
                let end = phase.curve.last();
                let end = end.and_then(|end| Some((at(end.last_update), scale.height(end.last)?)));
                phases.extend(end.map(|end| (phase.name.to_string(), end, color)));
            }
        }
        let name = quantity.short();
        if let Some((curve, run)) = expected::curve(studio) {
            let point = |(at, value): (f64, f64)| Some(PlotPoint::new(at, scale.height(value)?));
            let points = curve.into_iter().filter_map(point).collect();
            let dots = LineStyle::Dotted { spacing: 1.5 * metrics::DASH };
            lines.push(self.line(run, points, tokens.text, metrics::CURVE * 0.75).style(dots));
        }
        if let Some((color, outline)) = &ghost {
            let points = outline.line.iter().map(|&(x, y)| PlotPoint::new(studio.along.at(x), y)).collect();
            let dashes = LineStyle::Dashed { length: metrics::DASH };
            lines.push(plain(points, tokens.ahead(*color), metrics::CURVE).style(dashes));
        }
        let across = self.updates();
        let chart = Chart { name, scale, across, x, y, x_labels: false, titled: true };
        let mut menu = Menu::new(studio, Pane::Metric, is_loss);
        let (mut new_scale, mut new_quantity, mut smoothing) =
            (studio.view.loss_scale, quantity, studio.view.smoothing);
        let drawn = chart.show(
            ui,
            |ui| column_switch(ui, "Quantity", &mut new_quantity, Role::Measure, Column::short),
            |ui| {
                menu.button(ui);
                // A share is always drawn on a linear axis.
                if !is_share(quantity) {
                    scale_switch(ui, &mut new_scale, "Loss axis");
                }
                if is_loss {
                    let half_life = Frame::half_life(studio.clock().updates, studio.view.half_life);
                    let help =
                        format!("A debiased moving average with a half-life of {half_life:.0} updates.");
                    if word_switch(ui, "Smooth", "Smoothing", smoothing).on_hover_text(help).clicked() {
                        smoothing = !smoothing;
                    }
                }
                if is_loss {
                    legend::losses(ui, smoothing, ghost.is_some());
                }
            },
            |plot| {
                areas.into_iter().for_each(|area| plot.add(area));
                lines.into_iter().for_each(|line| plot.line(line));
            },
        );
        if let Some((color, outline)) = &ghost {
            let painter = ui.painter().with_clip_rect(drawn.rect);
            outline.fill(&painter, tokens.faded(*color), |place| overlay::position(&drawn, place));
        }
        for (row, color, places) in &marks {
            validation_marks(ui, &drawn, places, *row, *color, scale);
        }
        for (name, end, color) in &phases {
            phase_marks::label(ui, &drawn, name, *end, *color);
        }
        for (update, color) in lost.into_iter().take(MARKED) {
            overlay::lost(ui, &drawn, update, color);
        }
        if let Some(height) = chance.and_then(|chance| scale.height(chance)) {
            let name = studio.document.experiment().model.chance_name();
            chance_line(
                ui,
                &drawn,
                height,
                &format!("{name} {}", format::metric(chance.unwrap_or_default())),
            );
        }
        if hidden > 0 {
            // How many is not known: a stretch of updates may hold more than one.
            let text = "Values of zero or less have no place on a log axis";
            note(ui, drawn.rect, Align2::LEFT_BOTTOM, text, theme::small());
        }
        if expected::is_drawing(studio) {
            self.busy = true;
            expected::draw(ui, &drawn, self.studio, scale);
        } else {
            self.empty_state(ui, &drawn);
        }
        menu.under(&drawn);
        if is_loss && smoothing != self.studio.view.smoothing {
            menu.smooth(smoothing);
        }
        menu.apply(self.studio);
        let view = &mut self.studio.view;
        if (view.loss_scale, view.quantity) != (new_scale, new_quantity) {
            view.heights.set(Pane::Metric, None);
        }
        (view.loss_scale, view.quantity) = (new_scale, new_quantity);
        if self.point(ui, &drawn, Pane::Metric) {
            self.studio.view.fit();
        }
        self.over_curves(ui, &drawn, |studio, row, cursor| {
            studio.frame.lane(row.id).filter(|lane| cursor < lane.update)?;
            let mean = studio.frame.mean_values(row.id, |lane| lane.at_cursor)?;
            let value = match quantity {
                Column::TrainLoss => mean.loss,
                Column::ValLoss => mean.val_loss,
                Column::ValAccuracy => mean.val_accuracy,
                _ => None,
            };
            scale.height(value?)
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
            _ if expected::is_awaited(studio) => "Predict first: training waits for it",
            _ => "Press play, and the loss of every run is drawn here",
        };
        note(ui, drawn.rect, Align2::CENTER_CENTER, text, theme::body());
    }

    /// The smooth lines of a run's only lane: before the last edit, now, and where it was validated.
    fn calm_lines(
        &self,
        lane: &LaneFrame,
        (color, tokens): (Color32, &Tokens),
        scale: Scale,
    ) -> Vec<Line<'static>> {
        let curves = &lane.curves;
        let lines = [
            (&curves.ghost, tokens.ghost(color), metrics::CURVE * 0.75),
            (&curves.smooth, color, metrics::CURVE),
            (&curves.validation, color, metrics::CURVE_FAINT),
        ];
        let drawn = lines.into_iter().flat_map(|(buckets, color, width)| {
            let strokes = Strokes::last(buckets, scale).stretched(lane.stretch).into_lines();
            strokes.map(move |points| self.line(lane.id.run, points, color, width))
        });
        drawn.collect()
    }
}

/// Whether a quantity is a share of samples, which is always drawn from 0 to 1.
fn is_share(quantity: Column) -> bool {
    matches!(
        quantity,
        Column::ValAccuracy
            | Column::PrequentialAccuracy
            | Column::RobustAccuracy
            | Column::CleanAccuracy
            | Column::NoisyAccuracy
    )
}

/// A marker at validations that are not too close to each other, in the run's shape.
fn validation_marks(ui: &Ui, drawn: &Drawn, places: &[(f64, f64)], row: Row, color: Color32, scale: Scale) {
    let painter = ui.painter().with_clip_rect(drawn.rect);
    let mut last = f32::NEG_INFINITY;
    for (update, value) in places {
        if let Some(height) = scale.height(*value) {
            let place = overlay::position(drawn, (drawn.along.beside(row.id, *update), height));
            if place.x - last < metrics::XL {
                continue;
            }
            last = place.x;
            paint_marker(&painter, place, metrics::MARKER + 1.0, row.slot, theme::tokens(ui).ground);
            paint_marker(&painter, place, metrics::MARKER, row.slot, color);
        }
    }
}

/// The loss of knowing only how often each answer occurs.
fn chance_line(ui: &Ui, drawn: &Drawn, height: f64, text: &str) {
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
    let text = painter.layout_no_wrap(text.to_owned(), theme::small(), tokens.muted);
    let corner = ends[1] - vec2(metrics::S, metrics::XS / 2.0);
    let rect = Align2::RIGHT_BOTTOM.anchor_size(corner, text.size());
    // Curves that stay at chance must not make it hard to read.
    painter.rect_filled(
        rect.expand2(vec2(metrics::XS, 0.0)),
        metrics::XS,
        tokens.ground.gamma_multiply(0.85),
    );
    painter.galley(rect.min, text, tokens.muted);
}
