//! Each at its own best: for each value of one number, the best over everything else, with the seeds of that trial.
//!
//! Values that are words have a row each; a number has an axis, and a line for each kind of schedule.

use eframe::egui::{Align2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::experiment::sweep::{Axis, Values};
use crate::sweep::Trial;
use crate::sweep::isolation::{Isolated, along, isolate};
use crate::ui::format;
use crate::ui::panels::sweep::found::Found;
use crate::ui::panels::sweep::view::{Options, View, axis as choose};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Spot, Stroked, Touch};
use crate::ui::theme::{self, metrics};

pub const VIEW: View = View {
    title: "Each at its own best",
    sentence: "For each value the best over everything else: shapes compared at one peak tell which of them that peak suits.",
    show,
};

/// The share of the plot that is left free on either side.
const ROOM: f64 = 0.08;

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    let over = &found.sweep.over;
    let usual = over.iter().position(|axis| axis.path == "lr.kind").unwrap_or(0);
    let help = "The best over everything else is taken for each of its values.";
    let Some(at) = choose(ui, found, "Compare", help, &mut options.isolated, usual) else {
        return Touch::default();
    };
    let axis = &over[at];
    if matches!(axis.values, Values::Range(_)) {
        return numbers(ui, found, at, options.marked);
    }
    let rows = isolate(&found.sweep, &found.trials, &axis.path).unwrap_or_default();
    if rows.is_empty() {
        return Touch::default();
    }
    let touch = self::rows(ui, &rows, &found.objective());
    if rows.iter().any(|row| row.deviation().is_some()) {
        ui.label(theme::caption(ui, "Circles are seeds, the band is one deviation of them."));
    }
    touch
}

/// A number along an axis: the best of each of its values, a line for each kind where the sweep varies kinds.
fn numbers(ui: &mut Ui, found: &Found, at: usize, marked: Option<usize>) -> Touch {
    let axis = &found.sweep.over[at];
    // A line for each kind of schedule, or for each of other words.
    let words = |other: &&Axis| matches!(other.values, Values::Choices(_));
    let kinds = found.sweep.over.iter().find(|other| other.path == "lr.kind" && words(other));
    let kinds = kinds.or_else(|| found.sweep.over.iter().find(words));
    let names: Vec<toml::Value> = match kinds.map(|axis| &axis.values) {
        Some(Values::Choices(choices)) => choices.clone(),
        _ => Vec::new(),
    };
    let path = kinds.map(|axis| axis.path.as_str()).unwrap_or_default();
    let of_kind = |kind: Option<&toml::Value>| -> Vec<&Trial> {
        let is_it = |trial: &&Trial| {
            kind.is_none_or(|kind| trial.values.iter().any(|(at, value)| at == path && value == kind))
        };
        found.trials.iter().filter(is_it).collect()
    };
    let groups: Vec<(String, Vec<&Trial>)> = if names.is_empty() {
        vec![(found.objective(), of_kind(None))]
    } else {
        let named = |kind: &toml::Value| (crate::sweep::isolation::plain(kind), of_kind(Some(kind)));
        names.iter().map(named).collect()
    };
    let tokens = theme::tokens(ui);
    let (mut lines, mut spots) = (Vec::new(), Vec::new());
    for (slot, (_, trials)) in groups.iter().enumerate() {
        let color = tokens.run(slot);
        let (mut points, mut band) = (Vec::new(), Vec::new());
        for one in along(&found.sweep, trials, &axis.path).unwrap_or_default() {
            let (Some(number), Some(value), Some(best)) = (one.number, one.objective, one.best) else {
                continue;
            };
            points.push((number, value));
            band.push(one.deviation().unwrap_or(0.0));
            spots.push(Spot { id: best, x: number, y: Some(value), color });
        }
        lines.push(Stroked { points, band, color, width: metrics::CURVE, id: None });
    }
    let heights = lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value));
    let up = Ruler::of_values(heights, found.is_maximised());
    if !names.is_empty() {
        legend(ui, groups.iter().map(|(name, _)| name.as_str()));
    }
    let cloud = Cloud {
        name: VIEW.title,
        across: &Ruler::of_axis(axis),
        up: &up,
        labels: [&axis.path, &found.objective()],
        height: metrics::SWEEP,
        worst_is_high: !found.is_maximised(),
        spots,
        lines,
        marked,
    };
    let touch = cloud.show(ui);
    ui.label(theme::caption(
        ui,
        "The best over everything else; the band is one deviation of that trial's seeds.",
    ));
    touch
}

/// Which line is which.
fn legend<'n>(ui: &mut Ui, names: impl Iterator<Item = &'n str>) {
    let tokens = theme::tokens(ui);
    ui.horizontal_wrapped(|ui| {
        for (slot, name) in names.enumerate() {
            let (rect, _) = ui.allocate_exact_size(vec2(metrics::L, metrics::L), Sense::hover());
            let stroke = Stroke::new(metrics::CURVE, tokens.run(slot));
            ui.painter().hline(rect.x_range(), rect.center().y, stroke);
            ui.label(theme::caption(ui, name));
        }
    });
}

/// Draws the rows, the best on top.
fn rows(ui: &mut Ui, rows: &[Isolated], name: &str) -> Touch {
    let ends = rows.iter().flat_map(|row| row.seeds.iter().copied().chain(row.objective));
    let (low, high) =
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let room = ((high - low) * ROOM).max(high.abs() * 1e-3).max(1e-9);
    let (low, high) = (low - room, high + room);
    let tokens = theme::tokens(ui);
    let mut touch = Touch::default();
    for row in rows {
        let size = vec2(ui.available_width(), metrics::CONTROL);
        let (full, response) = ui.allocate_exact_size(size, Sense::click());
        let said = format!(
            "{}: {}",
            row.label,
            row.objective.map_or("no value".to_owned(), |it| format::significant(it, 4))
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, said.clone()));
        if response.hovered() {
            ui.painter().rect_filled(full, metrics::RADIUS, tokens.hover);
        }
        let plot = Rect::from_min_max(
            full.min + vec2(metrics::FIELD_LABEL, 0.0),
            pos2(full.right() - metrics::COLUMN, full.bottom()),
        );
        let middle = full.center().y;
        ui.painter().with_clip_rect(Rect::from_min_max(full.min, plot.left_bottom())).text(
            pos2(full.left() + metrics::XS, middle),
            Align2::LEFT_CENTER,
            &row.label,
            theme::body(),
            tokens.text,
        );
        ui.painter().hline(plot.x_range(), middle, (metrics::HAIRLINE, tokens.grid));
        let x = |value: f64| plot.left() + ((value - low) / (high - low)) as f32 * plot.width();
        if let Some(best) = row.objective {
            if let Some(deviation) = row.deviation() {
                let band = Rect::from_min_max(
                    pos2(x(best - deviation).max(plot.left()), middle - metrics::XS),
                    pos2(x(best + deviation).min(plot.right()), middle + metrics::XS),
                );
                ui.painter().rect_filled(band, metrics::RADIUS, tokens.faint);
            }
            for &seed in &row.seeds {
                let place = pos2(x(seed), middle);
                ui.painter().circle_stroke(place, metrics::MARKER / 2.0, (metrics::HAIRLINE, tokens.muted));
            }
            ui.painter().circle_filled(pos2(x(best), middle), metrics::MARKER, tokens.text);
            ui.painter().text(
                pos2(full.right() - metrics::XS, middle),
                Align2::RIGHT_CENTER,
                format::significant(best, 4),
                theme::number(),
                tokens.text,
            );
        }
        if response.hovered() || response.clicked() {
            touch = Touch { over: row.best, pressed: response.clicked() };
        }
        let spread = row.deviation().map_or(String::new(), |it| format!(" ± {}", format::significant(it, 2)));
        response.on_hover_text(format!(
            "{said}{spread}, the best of {} trials.\nClick: load that trial.",
            row.trials
        ));
    }
    axis(ui, (low, high), name);
    touch
}

/// What the places stand for.
fn axis(ui: &mut Ui, (low, high): (f64, f64), name: &str) {
    let tokens = theme::tokens(ui);
    let (full, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), metrics::L + metrics::XS), Sense::hover());
    let (left, right) = (full.left() + metrics::FIELD_LABEL, full.right() - metrics::COLUMN);
    let line = [pos2(left, full.top()), pos2(right, full.top())];
    ui.painter().add(Shape::line_segment(line, Stroke::new(metrics::HAIRLINE, tokens.hairline)));
    let write = |x: f32, align: Align2, text: String| {
        ui.painter().text(
            pos2(x, full.top() + metrics::XS / 2.0),
            align,
            text,
            theme::small_number(),
            tokens.muted,
        );
    };
    write(left, Align2::LEFT_TOP, format::significant(low, 3));
    write((left + right) / 2.0, Align2::CENTER_TOP, name.to_owned());
    write(right, Align2::RIGHT_TOP, format::significant(high, 3));
}
