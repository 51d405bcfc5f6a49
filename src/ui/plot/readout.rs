//! The values of every run at the cursor: in one card over the plots, or in a strip below them.

use std::collections::BTreeSet;
use std::sync::Arc;

use eframe::egui::{
    Area, Color32, Frame as Card, Grid, Id, Margin, Order, Panel, Pos2, Rect, ScrollArea, Sense, Stroke, Ui,
    pos2, vec2,
};

use crate::telemetry::Column;
use crate::train::ids::RunId;
use crate::ui::format;
use crate::ui::frame::{LaneFrame, Values};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::{paint_marker, right_cell};

use super::along::Along;
use super::counts;
use super::x_axis::{Unit, XAxis};

/// A run's line of the card.
struct Line<'a> {
    name: &'a str,
    slot: usize,
    color: Color32,
    values: Values,
    /// The values at the second cursor, where there is one.
    since: Option<Values>,
    /// The rates of the selected run's parameter groups.
    groups: Vec<(Arc<str>, Option<f64>)>,
    /// Whether these are the schedule's values, for an update that has not been trained.
    ahead: bool,
    is_selected: bool,
}

/// Lines that are shown however little room there is, and however much.
const FEWEST: usize = 3;
const MOST: usize = 24;
/// The share of the plots' height that values take at most.
const MOST_OF_AREA: f32 = 0.4;

/// The card over the plots, which are in `area`: values at `cursor`, which is at `x` in the plot in `rect`.
pub fn at_cursor(ui: &Ui, studio: &Studio, area: Rect, rect: Rect, x: f32, cursor: f64) {
    let reading = Reading::new(ui, studio, cursor as u64, area.height() * MOST_OF_AREA);
    if reading.lines.is_empty() {
        return;
    }
    let tokens = theme::tokens(ui);
    let id = Id::unique("readout");
    let height = ui.memory(|memory| memory.area_rect(id)).map_or(metrics::READOUT_HEAD, |rect| rect.height());
    Area::new(id).order(Order::Tooltip).interactable(false).fixed_pos(place(area, rect, x, height)).show(
        ui.ctx(),
        |ui| {
            Card::new()
                .fill(tokens.raised)
                .stroke(Stroke::new(metrics::HAIRLINE, tokens.outline))
                .corner_radius(metrics::RADIUS_LARGE)
                .inner_margin(Margin::same(metrics::MARGIN_M))
                .show(ui, |ui| {
                    ui.set_width(metrics::READOUT_WIDTH - 2.0 * metrics::M);
                    reading.show(ui);
                });
        },
    );
}

/// Where the card stands: on the other side of the cursor, and over another plot than the one that is read.
fn place(area: Rect, rect: Rect, x: f32, height: f32) -> Pos2 {
    let left =
        if x < area.center().x { area.right() - metrics::READOUT_WIDTH - metrics::S } else { area.left() };
    let top = if rect.center().y < area.center().y {
        rect.bottom() + metrics::S
    } else {
        rect.top() - metrics::PLOT_HEADER - metrics::S - height
    };
    let lowest = (area.bottom() - height).max(area.top());
    pos2(left.max(area.left()), top.clamp(area.top(), lowest))
}

/// A strip below the plots: values at the cursor, or now where there is none.
pub fn docked(ui: &mut Ui, studio: &Studio) {
    let update =
        studio.view.cursor.map_or(studio.frame.status.update.saturating_sub(1), |cursor| cursor as u64);
    let room = ui.available_height() * MOST_OF_AREA;
    let reading = Reading::new(ui, studio, update, room);
    let margin =
        Margin { left: metrics::MARGIN_M, right: 0, top: metrics::MARGIN_XS, bottom: metrics::MARGIN_XS };
    let frame = Card::new().inner_margin(margin);
    Panel::bottom("docked values").resizable(false).show_separator_line(true).frame(frame).show(ui, |ui| {
        // A panel is as tall as its content was: without a least height this would stay the sliver that it began as.
        let scroll = ScrollArea::vertical().max_height(room).min_scrolled_height(room);
        scroll.auto_shrink([false, true]).show(ui, |ui| reading.show(ui));
    });
}

/// What is said of an update.
struct Reading<'a> {
    update: u64,
    epoch: Option<f64>,
    /// What the axis below the plots counts, where that is neither of the two.
    unit: Option<(&'static str, f64)>,
    mark: Option<u64>,
    /// What the lowest plot shows.
    number: &'static str,
    lines: Vec<Line<'a>>,
    left_out: usize,
}

impl<'a> Reading<'a> {
    fn new(ui: &Ui, studio: &'a Studio, update: u64, height: f32) -> Self {
        let clock = studio.clock();
        let mut lines = lines(studio, update, theme::tokens(ui));
        let left_out = fit(&mut lines, height);
        let unit = match studio.view.x_axis {
            XAxis::Updates | XAxis::Log | XAxis::Epochs => None,
            axis => Some(axis.unit(&studio.given())),
        };
        let counted = |unit: Unit| match &studio.along {
            Along::Sums(_) => studio.along.at(update as f64),
            _ => unit.per_update * update as f64,
        };
        Self {
            update,
            epoch: (clock.updates_per_epoch > 0).then(|| update as f64 / clock.updates_per_epoch as f64),
            unit: unit.map(|unit| (unit.name, counted(unit))),
            mark: studio.view.mark.map(|mark| mark as u64),
            number: if studio.view.counts { "counts ×" } else { studio.view.number.short() },
            lines,
            left_out,
        }
    }

    fn show(&self, ui: &mut Ui) {
        self.heading(ui);
        table(ui, self.number, &self.lines);
        if self.left_out > 0 {
            ui.add_space(metrics::XS);
            let is_ranked = self.lines.iter().any(|line| !line.is_selected && line.values.loss.is_some());
            let why = if is_ranked { ", with higher losses" } else { "" };
            ui.label(theme::caption(ui, format!("{} more runs{why}", self.left_out)));
        }
    }

    fn heading(&self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let mut say = |name: &str, value: String| {
                ui.label(theme::caption(ui, name));
                ui.label(theme::value(ui, value));
                ui.add_space(metrics::S);
            };
            say("Update", format::count(self.update));
            if let Some(epoch) = self.epoch {
                say("Epoch", format!("{epoch:.2}"));
            }
            if let Some((name, value)) = self.unit {
                say(&format::sentence(name).replace('.', ""), format::significant(value, 4));
            }
            if let Some(mark) = self.mark {
                let apart = self.update as i64 - mark as i64;
                let sign = if apart < 0 { "−" } else { "+" };
                say("Since the mark", format!("{sign}{}", format::count(apart.unsigned_abs())));
            }
        });
        ui.add_space(metrics::XS);
    }
}

/// The values of every shown run at an update.
fn lines<'a>(studio: &'a Studio, update: u64, tokens: &Tokens) -> Vec<Line<'a>> {
    let mark = studio.view.mark.map(|mark| mark as u64);
    // What updates count is of the whole plan, trained or not.
    let counted = |id: RunId, update: u64, values: Values| match studio.view.counts {
        true => Values { number: counts::lowest(studio, id, update), ..values },
        false => values,
    };
    let planned = |id: RunId, update: u64| Values {
        lr: studio.rate(id, update),
        number: counts::lowest(studio, id, update),
        ..Values::default()
    };
    let runs = studio.document.runs().filter(|(row, _)| studio.is_shown(row.id));
    let mut lines: Vec<Line<'_>> = runs
        .map(|(row, run)| {
            let lane = studio.frame.lane(row.id);
            let ahead = lane.is_none_or(|lane| update >= lane.update);
            let values = match lane {
                Some(lane) if !ahead => {
                    let now = |lane: &LaneFrame| {
                        if studio.view.cursor.is_some() { lane.at_cursor } else { lane.now }
                    };
                    studio.frame.mean_values(row.id, now).unwrap_or_else(|| now(lane))
                }
                _ => planned(row.id, update),
            };
            let values = counted(row.id, update, values);
            let since = mark.map(|mark| {
                let known = lane.is_some_and(|lane| lane.at_mark.is_some());
                let then = known
                    .then(|| studio.frame.mean_values(row.id, |lane| lane.at_mark.unwrap_or_default()))
                    .flatten();
                counted(row.id, mark, then.unwrap_or_else(|| planned(row.id, mark)))
            });
            let is_selected = studio.view.selected == row.id;
            let groups = match lane {
                _ if !is_selected => Vec::new(),
                Some(lane) if !ahead => {
                    let known = lane.groups.iter().filter(|group| group.at_cursor.is_some());
                    known.map(|group| (Arc::clone(&group.name), group.at_cursor)).collect()
                }
                _ => {
                    let names = studio.group_names(row.id, update).into_iter().flat_map(|names| &**names);
                    names.map(|name| (Arc::clone(name), studio.group_rate(row.id, name, update))).collect()
                }
            };
            let color = tokens.run(row.slot);
            Line { name: &run.name, slot: row.slot, color, values, since, groups, ahead, is_selected }
        })
        .collect();
    let guests = studio.shelf.guests().iter().filter(|guest| studio.is_shown(guest.row.id));
    lines.extend(guests.map(|guest| {
        let lane = studio.frame.lane(guest.row.id);
        Line {
            name: &guest.name,
            slot: guest.row.slot,
            color: tokens.run(guest.row.slot),
            values: lane.map(|lane| lane.at_cursor).unwrap_or_default(),
            since: lane.and_then(|lane| lane.at_mark),
            groups: Vec::new(),
            ahead: guest.live.is_some() && lane.is_some_and(|lane| update >= lane.update),
            is_selected: false,
        }
    }));
    lines
}

/// Leaves as many lines as find room in this height, and says how many do not: of many runs the selected one and the
/// lowest losses stay, in the order of the list.
fn fit(lines: &mut Vec<Line<'_>>, height: f32) -> usize {
    // Heading, captions and the card's own margin are not for lines, nor is the line that counts the rest.
    let room = (height - metrics::READOUT_HEAD) / (metrics::L + metrics::XS) - 1.0;
    let of_groups = lines.iter().map(|line| line.groups.len()).sum::<usize>();
    // A line of differences stands below each.
    let rows = if lines.iter().any(|line| line.since.is_some()) { 2 } else { 1 };
    let room = ((room.max(0.0) as usize).saturating_sub(of_groups) / rows).clamp(FEWEST, MOST);
    if lines.len() <= room {
        return 0;
    }
    let rank = |line: &Line<'_>| (!line.is_selected, line.values.loss.unwrap_or(f64::INFINITY));
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (rank(&lines[*a]), rank(&lines[*b]));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let stays: BTreeSet<usize> = order.into_iter().take(room).collect();
    let all = lines.len();
    let mut at = 0..;
    lines.retain(|_| at.next().is_some_and(|at| stays.contains(&at)));
    all - lines.len()
}

fn table(ui: &mut Ui, number: &str, lines: &[Line<'_>]) {
    let column = metrics::COLUMN;
    Grid::new("readout values").num_columns(5).spacing(vec2(metrics::S, metrics::XS)).show(ui, |ui| {
        ui.label("");
        let names = [Column::Lr, Column::TrainLoss, Column::ValLoss].map(Column::short);
        for name in names.into_iter().chain([number]) {
            right_cell(ui, column, |ui| {
                ui.label(theme::caption(ui, name));
            });
        }
        ui.end_row();
        for line in lines {
            ui.horizontal(|ui| {
                let width = metrics::READOUT_WIDTH - 2.0 * metrics::M - 4.0 * (column + metrics::S);
                ui.set_width(width);
                let (chip, _) = ui.allocate_exact_size(vec2(metrics::CHIP, metrics::CHIP), Sense::hover());
                paint_marker(ui.painter(), chip.center(), metrics::MARKER, line.slot, line.color);
                ui.add(eframe::egui::Label::new(line.name).truncate());
            });
            let Values { lr, effective_lr, smallest_rate, number, loss, val_loss, .. } = line.values;
            for (value, digits, known) in
                [(lr, 3, true), (loss, 4, !line.ahead), (val_loss, 4, !line.ahead), (number, 4, true)]
            {
                let text = value
                    .filter(|_| known)
                    .map_or_else(|| "–".to_owned(), |v| format::significant(v, digits));
                let color = if line.ahead || value.is_none() {
                    theme::tokens(ui).muted
                } else {
                    theme::tokens(ui).text
                };
                right_cell(ui, column, |ui| {
                    ui.label(theme::value(ui, text).color(color));
                });
            }
            ui.end_row();
            if let Some(since) = line.since {
                differences(ui, line, since);
            }
            for (name, rate) in &line.groups {
                ui.add(eframe::egui::Label::new(theme::caption(ui, &**name)).truncate());
                right_cell(ui, column, |ui| {
                    let text = rate.map_or_else(|| "–".to_owned(), |rate| format::significant(rate, 3));
                    let color = if line.ahead { theme::tokens(ui).muted } else { theme::tokens(ui).text };
                    ui.label(theme::value(ui, text).color(color));
                });
                ui.end_row();
            }
            for (name, rate) in [("effective rate", effective_lr), ("smallest useful", smallest_rate)] {
                let Some(rate) = rate else { continue };
                ui.label(theme::caption(ui, name));
                right_cell(ui, column, |ui| {
                    ui.label(theme::value(ui, format::significant(rate, 3)));
                });
                ui.end_row();
            }
        }
    });
}

/// How a run's values differ from those at the second cursor.
fn differences(ui: &mut Ui, line: &Line<'_>, since: Values) {
    ui.label(theme::caption(ui, "since the mark"));
    let now = line.values;
    for (now, then, digits) in [
        (now.lr, since.lr, 3),
        (now.loss.filter(|_| !line.ahead), since.loss, 3),
        (now.val_loss.filter(|_| !line.ahead), since.val_loss, 3),
        (now.number, since.number, 3),
    ] {
        let text = match now.zip(then) {
            Some((now, then)) if now > then => format!("+{}", format::significant(now - then, digits)),
            Some((now, then)) => format::significant(now - then, digits),
            None => "–".to_owned(),
        };
        right_cell(ui, metrics::COLUMN, |ui| {
            ui.label(theme::value(ui, text).color(theme::tokens(ui).muted));
        });
    }
    ui.end_row();
}
