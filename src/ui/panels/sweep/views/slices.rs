//! Slices: the objective over each number alone.

use eframe::egui::{Layout, Ui, UiBuilder, vec2};

use crate::ui::panels::sweep::found::{Found, place, value};
use crate::ui::panels::sweep::view::{Options, View, shares};
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, ROOM, Spot, Touch};
use crate::ui::theme::metrics;

pub const VIEW: View = View {
    title: "Slices",
    sentence: "The objective over each number, whatever the others were; crosses diverged, rings lie beyond the axis.",
    show,
};

fn show(ui: &mut Ui, found: &Found, options: &mut Options) -> Touch {
    shares(ui, options);
    let name = found.objective();
    let ranked = found.worst_first(options.best);
    let values = ranked.iter().filter_map(|(trial, _)| value(trial));
    let up = Ruler::of_values(values, found.is_maximised());
    let mut touch = Touch::default();
    let columns =
        if ui.available_width() < metrics::TWO_PLOTS { 1 } else { found.sweep.over.len().clamp(1, 2) };
    for pair in found.sweep.over.chunks(columns) {
        let gaps = metrics::S * (columns - 1) as f32;
        let width = (ui.available_width() - gaps) / columns as f32;
        ui.horizontal_top(|ui| {
            for axis in pair {
                let spot = |(trial, rank): &(&crate::sweep::Trial, Option<f64>)| {
                    let color = options.brushes.shade(ui, found, trial, *rank);
                    Some(Spot { id: trial.trial, x: place(axis, trial)?, y: value(trial), color })
                };
                let spots = ranked.iter().filter_map(spot).collect();
                let size = vec2(width, metrics::COMPARISON + ROOM);
                let (_, rect) = ui.allocate_space(size);
                let mut inside = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::default()));
                let cloud = Cloud {
                    name: &axis.path,
                    across: &Ruler::of_axis(axis),
                    up: &up,
                    labels: [&axis.path, &name],
                    height: metrics::COMPARISON,
                    worst_is_high: !found.is_maximised(),
                    spots,
                    lines: Vec::new(),
                    marked: options.marked,
                };
                touch = touch.or(cloud.show(&mut inside));
            }
        });
    }
    touch
}
