//! One card for the values of every run at the cursor.

use std::collections::BTreeSet;
use std::sync::Arc;

use eframe::egui::{
    Area, Color32, Frame as Card, Grid, Id, Margin, Order, Rect, Sense, Stroke, Ui, pos2, vec2,
};

use crate::telemetry::Column;
use crate::ui::format;
use crate::ui::frame::Values;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{paint_marker, right_cell};

/// A run's line of the card.
struct Line<'a> {
    name: &'a str,
    slot: usize,
    color: Color32,
    values: Values,
    /// The rates of the selected run's parameter groups.
    groups: Vec<(Arc<str>, Option<f64>)>,
    /// Whether these are the schedule's values, for an update that has not been trained.
    ahead: bool,
    is_selected: bool,
}

/// Lines that are shown however little room there is, and however much.
const FEWEST: usize = 3;
const MOST: usize = 24;

/// Shows the values of every shown run at `cursor`, which is at `x` in the plots' `rect`.
pub fn at_cursor(ui: &Ui, studio: &Studio, rect: Rect, x: f32, cursor: f64) {
    let tokens = theme::tokens(ui);
    let update = cursor as u64;
    let clock = studio.clock();
    let epoch = (clock.updates_per_epoch > 0).then(|| cursor / clock.updates_per_epoch as f64);
    let runs: Vec<_> = studio.document.runs().filter(|(row, _)| studio.is_shown(row.id)).collect();
    let mut lines: Vec<Line<'_>> = runs
        .iter()
        .map(|(row, run)| {
            let lane = studio.frame.lane(row.id);
            let ahead = lane.is_none_or(|lane| update >= lane.update);
            let values = match lane {
                Some(lane) if !ahead => {
                    studio.frame.mean_values(row.id, |lane| lane.at_cursor).unwrap_or(lane.at_cursor)
                }
                _ => Values {
                    lr: studio.rate(row.id, update),
                    number: studio.number(row.id, studio.view.number, update),
                    ..Values::default()
                },
            };
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
            Line {
                groups,
                name: &run.name,
                slot: row.slot,
                color: tokens.run(row.slot),
                values,
                ahead,
                is_selected,
            }
        })
        .collect();
    let guests = studio.shelf.guests().iter().filter(|guest| studio.is_shown(guest.row.id));
    let guests = guests.map(|guest| Line {
        name: &guest.name,
        slot: guest.row.slot,
        color: tokens.run(guest.row.slot),
        values: studio.frame.lane(guest.row.id).map(|lane| lane.at_cursor).unwrap_or_default(),
        groups: Vec::new(),
        ahead: guest.live.is_some()
            && studio.frame.lane(guest.row.id).is_some_and(|lane| update >= lane.update),
        is_selected: false,
    });
    lines.extend(guests);
    let left_out = fit(&mut lines, rect.height());
    if !lines.is_empty() {
        show(ui, rect, x, (update, epoch), studio.view.number, (&lines, left_out));
    }
}

/// Leaves as many lines as find room in this height, and says how many do not: of many runs the selected one and the
/// lowest losses stay, in the order of the list.
fn fit(lines: &mut Vec<Line<'_>>, height: f32) -> usize {
    // Heading, captions and the card's own margin are not for lines, nor is the line that counts the rest.
    let room = (height - metrics::READOUT_HEAD) / (metrics::L + metrics::XS) - 1.0;
    let of_groups = lines.iter().map(|line| line.groups.len()).sum::<usize>();
    let room = (room.max(0.0) as usize).saturating_sub(of_groups).clamp(FEWEST, MOST);
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

/// Shows the card beside the cursor, which is at `x` in the plots' `rect`.
fn show(
    ui: &Ui,
    rect: Rect,
    x: f32,
    at: (u64, Option<f64>),
    number: Column,
    (lines, left_out): (&[Line<'_>], usize),
) {
    let right = x + metrics::L + metrics::READOUT_WIDTH <= rect.right();
    let left = if right { x + metrics::L } else { x - metrics::L - metrics::READOUT_WIDTH };
    let tokens = theme::tokens(ui);
    Area::new(Id::unique("readout"))
        .order(Order::Tooltip)
        .interactable(false)
        .fixed_pos(pos2(left.max(rect.left()), rect.top() + metrics::S))
        .show(ui.ctx(), |ui| {
            Card::new()
                .fill(tokens.raised)
                .stroke(Stroke::new(metrics::HAIRLINE, tokens.outline))
                .corner_radius(metrics::RADIUS_LARGE)
                .inner_margin(Margin::same(metrics::MARGIN_M))
                .show(ui, |ui| {
                    ui.set_width(metrics::READOUT_WIDTH - 2.0 * metrics::M);
                    heading(ui, at);
                    table(ui, number, lines);
                    if left_out > 0 {
                        ui.add_space(metrics::XS);
                        let is_ranked =
                            lines.iter().any(|line| !line.is_selected && line.values.loss.is_some());
                        let why = if is_ranked { ", with higher losses" } else { "" };
                        ui.label(theme::caption(ui, format!("{left_out} more runs{why}")));
                    }
                });
        });
}

fn heading(ui: &mut Ui, (update, epoch): (u64, Option<f64>)) {
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, "Update"));
        ui.label(theme::value(ui, format::count(update)));
        if let Some(epoch) = epoch {
            ui.add_space(metrics::S);
            ui.label(theme::caption(ui, "Epoch"));
            ui.label(theme::value(ui, format!("{epoch:.2}")));
        }
    });
    ui.add_space(metrics::XS);
}

fn table(ui: &mut Ui, number: Column, lines: &[Line<'_>]) {
    let column = metrics::COLUMN;
    Grid::new("readout values").num_columns(5).spacing(vec2(metrics::S, metrics::XS)).show(ui, |ui| {
        ui.label("");
        for name in [Column::Lr, Column::TrainLoss, Column::ValLoss, number].map(Column::short) {
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
            let Values { lr, effective_lr, number, loss, val_loss, .. } = line.values;
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
            for (name, rate) in &line.groups {
                ui.add(eframe::egui::Label::new(theme::caption(ui, &**name)).truncate());
                right_cell(ui, column, |ui| {
                    let text = rate.map_or_else(|| "–".to_owned(), |rate| format::significant(rate, 3));
                    let color = if line.ahead { theme::tokens(ui).muted } else { theme::tokens(ui).text };
                    ui.label(theme::value(ui, text).color(color));
                });
                ui.end_row();
            }
            if let Some(effective) = effective_lr {
                ui.label(theme::caption(ui, "effective rate"));
                right_cell(ui, column, |ui| {
                    ui.label(theme::value(ui, format::significant(effective, 3)));
                });
                ui.end_row();
            }
        }
    });
}
