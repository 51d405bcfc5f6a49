//! What the first updates do to each layer.

use eframe::egui::{Align2, Color32, Mesh, RichText, Sense, Shape, Ui, pos2, vec2};

use crate::analysis::detect::Kind;
use crate::analysis::microscope::{BINS, LayerReading, Reading, SOUND_RATIO, bin_start, rectification};
use crate::engine::Examined;
use crate::train::ids::RunId;
use crate::ui::format;
use crate::ui::plot::{Curve, Scale, Small};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::{Heat, prose};

use super::{Seen, State, chip, heading, layer};

/// Colours of the legend.
const STEPS: usize = 64;
/// Powers of ten on either side of the rule of thumb that have a colour of their own.
const DECADES: f64 = 2.0;
/// Above this many times the rule of thumb a ratio is worth a sentence.
const LARGE: f64 = 3.0;
/// A loss that early updates raise to more times its first value is thrown up by them.
const FAR: f64 = 1.5;
/// How strongly ratios above it are coloured where training does not suffer.
const HARMLESS: f32 = 0.35;

/// Gradients, steps, and what Adam makes of them.
pub fn rest(ui: &mut Ui, studio: &Studio, seen: &[Seen]) {
    norms(ui, seen);
    steps(ui, studio, seen);
    if seen.iter().any(|seen| seen.examined.beta2.is_some()) {
        adaptive(ui, studio, seen);
    }
}

/// How large each layer's updates are beside its weights.
pub fn ratios(ui: &mut Ui, studio: &mut Studio, seen: &[Seen]) {
    let how = "How far each update moves a layer, as a share of its weights. A click chooses a layer.";
    heading(ui, "Update-to-weight ratio", "Update-to-weight ratio", how);
    let tokens = theme::tokens(ui);
    for run in seen {
        if seen.len() > 1 {
            chip(ui, run.row, &run.name);
        }
        let Examined { layers, readings, .. } = &*run.examined;
        let suffers = suffers(studio, run.row.id);
        let at = |column: usize, row: usize| Some(readings.get(column)?.layers.get(row)?.ratio);
        let heat = Heat {
            name: "Update-to-weight ratio",
            columns: readings.len(),
            rows: layers.len(),
            row: row_height(layers.len()),
            label: &|row| layer_name(layers, row),
            color: &|column, row| {
                at(column, row).map_or(tokens.ground, |ratio| ratio_color(ratio, suffers, tokens))
            },
            chosen: layer(studio),
        };
        let (response, cell) = heat.show(ui);
        if let Some((column, row)) = cell
            && let (Some(reading), Some(ratio)) = (readings.get(column), at(column, row))
        {
            if response.clicked() {
                let chosen = &mut studio.panels.of::<State>().layer;
                *chosen = Some(row).filter(|row| *chosen != Some(*row));
            }
            response.on_hover_text_at_pointer(format!(
                "{}, update {}\nratio {}, {} times the rule of thumb",
                layer_name(layers, row),
                format::count(reading.update),
                format::significant(ratio, 3),
                format::significant(ratio / SOUND_RATIO, 2)
            ));
        }
        axis(ui, readings);
        if let Some(text) = verdict(readings, suffers, thrown_up(studio, run.row.id)) {
            prose(ui, &text);
        }
    }
    legend(ui, seen.iter().any(|run| suffers(studio, run.row.id)));
}

/// Whether a run shows what too large updates do: it diverges, oscillates, or is stuck.
fn suffers(studio: &Studio, run: RunId) -> bool {
    let hurt = |kind| {
        matches!(kind, Kind::Divergence | Kind::Oscillation | Kind::StuckAtChance | Kind::GradientPeaks)
    };
    studio
        .frame
        .replicas(run)
        .any(|lane| lane.diverged_at.is_some() || lane.findings.iter().any(|finding| hurt(finding.kind)))
        || thrown_up(studio, run).is_some()
}

/// How many times its first loss early updates threw a run's loss up to, where that is far.
fn thrown_up(studio: &Studio, run: RunId) -> Option<f64> {
    let rises = studio.frame.replicas(run).filter_map(|lane| lane.early_rise);
    rises.reduce(f64::max).filter(|rise| *rise > FAR)
}

/// What the largest ratio means: it is too large only where training suffers.
fn verdict(readings: &[Reading], suffers: bool, thrown_up: Option<f64>) -> Option<String> {
    let ratios = readings.iter().flat_map(|reading| reading.layers.iter().map(|layer| layer.ratio));
    let largest = ratios.filter(|ratio| ratio.is_finite()).fold(0.0, f64::max);
    let times = largest / SOUND_RATIO;
    if times <= LARGE {
        return None;
    }
    let size = format!(
        "The largest ratio is {}, {} times the rule of thumb",
        format::significant(largest, 2),
        format::significant(times, 2)
    );
    Some(if suffers {
        let how = thrown_up.map_or_else(
            || "training suffers".to_owned(),
            |rise| format!("the loss rose to {} times where it began", format::significant(rise, 2)),
        );
        format!("{size}, and {how}: these updates are too large. A warmup or a lower peak keeps them small.")
    } else {
        format!("{size}, and training does not suffer from it: here the rule is no limit.")
    })
}

/// Rows as high as text, unless there are many layers.
fn row_height(rows: usize) -> f32 {
    (metrics::COMPARISON / rows.max(1) as f32).clamp(metrics::M, metrics::L)
}

fn layer_name(layers: &[String], row: usize) -> String {
    let name = layers.get(row).map_or("", String::as_str);
    name.split('.').next().unwrap_or(name).to_owned()
}

/// From far too small, through the rule of thumb, to far above it: in full colour only where training suffers.
fn ratio_color(ratio: f64, suffers: bool, tokens: &Tokens) -> Color32 {
    let [low, middle, high] = tokens.diverging;
    if ratio == 0.0 {
        return tokens.ground;
    }
    let away = ((ratio / SOUND_RATIO).log10() / DECADES) as f32;
    match away {
        away if away < 0.0 => middle.lerp_to_gamma(low, away.max(-1.0).abs()),
        away if away >= 0.0 => {
            middle.lerp_to_gamma(high, away.min(1.0) * if suffers { 1.0 } else { HARMLESS })
        }
        // What is no number is as far off as can be.
        _ => high,
    }
}

/// The first and the last update of a heat map, below it.
fn axis(ui: &mut Ui, readings: &[Reading]) {
    let size = vec2(ui.available_width(), metrics::L);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let tokens = theme::tokens(ui);
    let left = pos2(rect.left() + metrics::AXIS_WIDTH, rect.top());
    let first = readings.first().map_or(0, |reading| reading.update);
    let last = readings.last().map_or(0, |reading| reading.update);
    let font = theme::small_number();
    let painter = ui.painter();
    painter.text(left, Align2::LEFT_TOP, format!("update {first}"), font.clone(), tokens.muted);
    painter.text(rect.right_top(), Align2::RIGHT_TOP, format::count(last), font, tokens.muted);
}

/// The colours of ratios, with the rule of thumb marked.
fn legend(ui: &mut Ui, suffers: bool) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), metrics::XL), Sense::hover());
    let tokens = theme::tokens(ui);
    let bar = eframe::egui::Rect::from_min_max(
        pos2(rect.left() + metrics::AXIS_WIDTH, rect.top()),
        pos2(rect.right(), rect.top() + metrics::XS * 1.5),
    );
    let mut mesh = Mesh::default();
    for step in 0..STEPS {
        let x = |step: usize| bar.left() + bar.width() * step as f32 / STEPS as f32;
        let away = (step as f64 + 0.5) / STEPS as f64 * 2.0 - 1.0;
        let color = ratio_color(SOUND_RATIO * 10f64.powf(away * DECADES), suffers, tokens);
        let cell =
            eframe::egui::Rect::from_min_max(pos2(x(step), bar.top()), pos2(x(step + 1), bar.bottom()));
        mesh.add_colored_rect(cell, color);
    }
    ui.painter().add(Shape::mesh(mesh));
    let painter = ui.painter();
    painter.vline(
        bar.center().x,
        bar.top()..=bar.bottom() + metrics::XS / 2.0,
        (metrics::CURVE, tokens.text),
    );
    for (share, align, text) in [
        (0.0, Align2::LEFT_TOP, "1e-5"),
        (0.5, Align2::CENTER_TOP, "1e-3, the rule of thumb"),
        (1.0, Align2::RIGHT_TOP, "1e-1"),
    ] {
        let place = pos2(bar.left() + bar.width() * share, bar.bottom() + metrics::XS / 2.0);
        painter.text(place, align, text, theme::small(), tokens.muted);
    }
}

/// Gradient norms, what they are clipped to, and how often.
fn norms(ui: &mut Ui, seen: &[Seen]) {
    heading(
        ui,
        "Gradient norm",
        "Gradient norm",
        "Peaks in the first updates are what a warmup keeps small.",
    );
    let tokens = theme::tokens(ui);
    let mut curves: Vec<Curve> =
        seen.iter().map(|run| curve(run, run.color, |reading| Some(reading.grad_norm))).collect();
    let clip = seen.iter().find_map(|run| run.examined.clip_norm);
    let last = last_update(seen);
    if let Some(clip) = clip {
        let points = vec![(0.0, clip), (last, clip)];
        curves.push(Curve { points, color: tokens.muted, width: metrics::HAIRLINE, dashed: true });
    }
    let (name, scale) = ("Gradient norm", Scale::Log);
    let plot = Small {
        name,
        scale,
        updates: last,
        curves,
        areas: Vec::new(),
        include: clip,
        titled: clip.is_some(),
    };
    plot.show(
        ui,
        |ui| {
            if clip.is_some() {
                ui.label(theme::caption(ui, "dashes: clipped to"));
            }
        },
        |ui| {
            for run in seen.iter().rev().filter(|_| clip.is_some()) {
                let clipped = run.examined.readings.iter().filter(|reading| reading.clipped).count();
                let share = clipped as f64 / run.examined.readings.len().max(1) as f64;
                let text = format!("{} clipped", format::percent(share));
                ui.label(RichText::new(text).font(theme::small()).color(run.color));
            }
        },
    );
}

/// How many weights move by how much, update by update.
fn steps(ui: &mut Ui, studio: &Studio, seen: &[Seen]) {
    let how = match layer(studio).and_then(|layer| Some((layer, seen.first()?))) {
        Some((layer, run)) => {
            format!(
                "How many weights of {} each update moves how far.",
                layer_name(&run.examined.layers, layer)
            )
        }
        None => "How many weights each update moves how far, over all layers.".to_owned(),
    };
    heading(ui, "Effective step", "Effective step", &how);
    let tokens = theme::tokens(ui);
    for run in seen {
        if seen.len() > 1 {
            chip(ui, run.row, &run.name);
        }
        let readings = &run.examined.readings;
        let columns: Vec<[u32; BINS]> =
            readings.iter().map(|reading| histogram(reading, layer(studio))).collect();
        let used = |bin: &usize| columns.iter().any(|column| column[*bin] > 0);
        // What did not move at all is in the first bin.
        let low = (1..BINS).find(used).unwrap_or(1);
        let high = (low..BINS).rev().find(used).unwrap_or(low);
        let most = columns.iter().flat_map(|column| &column[low..]).max().copied().unwrap_or(1).max(1);
        let bin = |row: usize| high - row;
        let count = |column: usize, row: usize| columns.get(column).map_or(0, |column| column[bin(row)]);
        let rows = high - low + 1;
        let heat = Heat {
            name: "Effective step",
            columns: columns.len(),
            rows,
            row: (metrics::COMPARISON / 1.5 / rows as f32).clamp(2.0, metrics::M),
            label: &|row| match row {
                0 => format::significant(bin_start(high + 1), 1),
                row if row + 1 == rows => format::significant(bin_start(low), 1),
                _ => String::new(),
            },
            color: &|column, row| {
                let share = (count(column, row) as f32 / most as f32).sqrt();
                tokens.ground.lerp_to_gamma(run.color, share)
            },
            chosen: None,
        };
        let (response, cell) = heat.show(ui);
        if let Some((column, row)) = cell
            && let Some(reading) = readings.get(column)
        {
            response.on_hover_text_at_pointer(format!(
                "Update {}: {} weights move by {} to {}",
                format::count(reading.update),
                format::count(u64::from(count(column, row))),
                format::significant(bin_start(bin(row)), 2),
                format::significant(bin_start(bin(row) + 1), 2)
            ));
        }
        axis(ui, readings);
    }
}

/// The histogram of a layer, or of all of them together.
fn histogram(reading: &Reading, layer: Option<usize>) -> [u32; BINS] {
    let mut sum = [0; BINS];
    for layer in chosen(reading, layer) {
        for (sum, count) in sum.iter_mut().zip(layer.histogram) {
            *sum += count;
        }
    }
    sum
}

/// The chosen layer, or all.
fn chosen(reading: &Reading, layer: Option<usize>) -> &[LayerReading] {
    layer.and_then(|layer| reading.layers.get(layer..=layer)).unwrap_or(&reading.layers)
}

/// How unsteady Adam's own scaling is, and the warmup that RAdam makes of that beside the drawn one.
fn adaptive(ui: &mut Ui, studio: &Studio, seen: &[Seen]) {
    let how = "The variance of 1/√v over its mean squared: high while Adam has seen few gradients.";
    heading(ui, "Spread of Adam's scaling", "Adam", how);
    let chosen_layer = layer(studio);
    let variance = |reading: &Reading| {
        let values: Vec<f64> =
            chosen(reading, chosen_layer).iter().filter_map(|layer| layer.adaptive_variance).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let curves = seen.iter().map(|run| curve(run, run.color, variance)).collect();
    let updates = last_update(seen);
    let (name, scale) = ("Variance of 1/√v", Scale::Log);
    let plot = Small { name, scale, updates, curves, areas: Vec::new(), include: None, titled: false };
    plot.show(ui, |_| {}, |_| {});

    let how = "Dashes: the share of its step that RAdam lets pass. Solid: the drawn schedule over its peak.";
    heading(ui, "RAdam's rectification and the drawn warmup", "RAdam", how);
    let tokens = theme::tokens(ui);
    let mut curves = Vec::new();
    for run in seen {
        if let Some(beta2) = run.examined.beta2 {
            let points = (0..=updates as u64).map(|at| (at as f64, rectification(at + 1, beta2))).collect();
            curves.push(Curve { points, color: tokens.muted, width: metrics::CURVE * 0.75, dashed: true });
        }
        let rates: Vec<f64> =
            (0..=updates as u64).filter_map(|at| studio.scheduled(run.row.id, at)).collect();
        // A fork may have begun higher than its own schedule reaches.
        let own = studio.curve(run.row.id).map_or(0.0, |curve| curve.range().1);
        let peak = rates.iter().copied().fold(own, f64::max);
        let points = rates.iter().enumerate().map(|(at, rate)| (at as f64, rate / peak)).collect();
        curves.push(Curve { points, color: run.color, width: metrics::CURVE, dashed: false });
    }
    let name = "Rectification";
    let plot = Small {
        name,
        scale: Scale::Linear,
        updates,
        curves,
        areas: Vec::new(),
        include: Some(0.0),
        titled: false,
    };
    plot.show(ui, |_| {}, |_| {});
}

fn curve(run: &Seen, color: Color32, value: impl Fn(&Reading) -> Option<f64>) -> Curve {
    let points =
        run.examined.readings.iter().filter_map(|reading| Some((reading.update as f64, value(reading)?)));
    Curve { points: points.collect(), color, width: metrics::CURVE * 0.75, dashed: false }
}

/// The end of the axis of updates.
fn last_update(seen: &[Seen]) -> f64 {
    seen.iter().map(|run| run.examined.most).max().unwrap_or(1).max(1) as f64
}
