//! A few runs update by update: rate, losses and gradient norm over one another, and what happened.

use eframe::egui::{CollapsingHeader, Color32, Label, Rect, Sense, Ui, pos2, vec2};

use super::Wish;
use super::answer::Answer;
use super::chosen::Lane;
use crate::library::{Detail, LaneRecord, Points};
use crate::ui::format;
use crate::ui::plot::{Curve, Scale, Small};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Figures, figures};

/// Events of a run at most.
const MOST_EVENTS: usize = 12;

/// A run with its curves and its colour.
type Debugged<'a> = (&'a Lane, &'a LaneRecord, &'a Detail, Color32);

pub fn show(ui: &mut Ui, answer: &Answer) -> Option<Wish> {
    let tokens = theme::tokens(ui);
    let runs: Vec<Debugged<'_>> = answer
        .compared
        .iter()
        .zip(&answer.details)
        .enumerate()
        .map(|(at, ((lane, record), detail))| (lane, record, detail, tokens.runs[at % tokens.runs.len()]))
        .collect();
    if runs.is_empty() {
        ui.label(theme::caption(ui, "No run is like that."));
        return None;
    }
    if !answer.is_chosen {
        let text = "The newest failed runs, or else the newest: choose others under Runs.";
        ui.label(theme::caption(ui, text));
    }
    plot(ui, "Learning rate", Scale::Linear, &runs, |detail| {
        let groups = detail.group_rates.iter().map(|(_, rates)| (rates, true));
        std::iter::once((&detail.rates, false)).chain(groups).collect()
    });
    plot(ui, "Loss; held-out dashed", Scale::Log, &runs, |detail| {
        vec![(&detail.train_losses, false), (&detail.val_losses, true)]
    });
    plot(ui, "Gradient norm", Scale::Log, &runs, |detail| vec![(&detail.norms, false)]);
    for (lane, record, detail, color) in &runs {
        one(ui, answer, (lane, record, detail, *color));
    }
    None
}

fn plot(
    ui: &mut Ui,
    title: &str,
    scale: Scale,
    runs: &[Debugged<'_>],
    of: impl for<'a> Fn(&'a Detail) -> Vec<(&'a Points, bool)>,
) {
    let curves: Vec<Curve> = runs
        .iter()
        .flat_map(|(_, _, detail, color)| of(detail).into_iter().map(move |one| (one, *color)))
        .map(|((points, dashed), color)| {
            let width = metrics::CURVE * if dashed { 0.5 } else { 0.75 };
            Curve { points: points.clone(), color, width, dashed }
        })
        .collect();
    if curves.iter().all(|curve| curve.points.is_empty()) {
        return;
    }
    let last = curves.iter().filter_map(|curve| curve.points.last()).map(|(update, _)| *update);
    let updates = last.fold(1.0, f64::max);
    let plot = Small { name: title, scale, updates, curves, areas: Vec::new(), include: None, titled: true };
    plot.show(
        ui,
        |ui| {
            ui.label(theme::title(ui, title));
        },
        |_| (),
    );
}

fn one(ui: &mut Ui, answer: &Answer, (lane, record, detail, color): Debugged<'_>) {
    ui.add_space(metrics::M);
    ui.horizontal(|ui| {
        let (dot, _) = ui.allocate_exact_size(vec2(metrics::CHIP, metrics::L), Sense::hover());
        ui.painter().circle_filled(dot.center(), metrics::MARKER, color);
        ui.label(theme::title(ui, format!("{} · seed {}", record.run, record.seed)));
    });
    ui.add(Label::new(theme::caption(ui, format!("{}, {}", record.schedule, lane.folder))).wrap());
    if let Some(why) = &record.failed {
        let text = theme::caption(ui, format::sentence(why)).color(theme::tokens(ui).danger);
        ui.add(Label::new(text).wrap());
    }
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), format::metric);
    let row = |name: &str, value: String| Figures {
        name: name.to_owned(),
        cells: vec![value],
        ..Figures::default()
    };
    let converged = answer.criteria.converged(record);
    let mut rows = vec![
        row("Updates", format::count(record.updates)),
        row("Converged after", converged.map_or_else(|| "not".to_owned(), format::count)),
        row("Best validation loss", number(record.best_val_loss)),
        row("Rate changes", format::count(record.rate_changes)),
        row("Gradient peaks", format::count(record.gradient_peaks)),
        row("Reversals", format::count(record.reversals)),
        row("Loss slope, per 1,000 updates", number(record.loss_slope.map(|slope| slope * 1000.0))),
    ];
    rows.extend(detail.group_rates.iter().map(|(name, rates)| {
        row(
            &format!("Rate of {name} at the end"),
            rates.last().map_or_else(String::new, |(_, rate)| format::rate(*rate)),
        )
    }));
    figures(ui, &[("", "What it came to.")], &rows);
    histogram(ui, &detail.histogram, color);
    for (update, text) in detail.events.iter().take(MOST_EVENTS) {
        ui.add(Label::new(theme::caption(ui, format!("{}: {text}", format::count(*update)))).wrap());
    }
    let more = detail.events.len().saturating_sub(MOST_EVENTS) + detail.events_left_out;
    if more > 0 {
        ui.label(theme::caption(ui, format!("and {more} more events")));
    }
    let settings = CollapsingHeader::new(theme::caption(ui, "What it was given")).id_salt((
        &lane.folder,
        &lane.run,
        lane.replica,
    ));
    settings.show(ui, |ui| {
        for (name, value) in &record.settings {
            ui.add(Label::new(theme::caption(ui, format!("{name} = {value}"))).truncate());
        }
    });
}

/// How often which gradient norm was: bars by quarters of a decade.
fn histogram(ui: &mut Ui, bins: &[(f64, u64)], color: Color32) {
    let most = bins.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let (Some((low, _)), Some((high, _)), true) = (bins.first(), bins.last(), most > 0) else { return };
    ui.label(theme::caption(ui, "Gradient norms, how often"));
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), metrics::RUN_ROW), Sense::hover());
    let width = rect.width() / bins.len() as f32;
    for (at, (_, count)) in bins.iter().enumerate() {
        let height = *count as f32 / most as f32 * rect.height();
        let left = rect.left() + at as f32 * width;
        let bar =
            Rect::from_min_max(pos2(left, rect.bottom() - height), pos2(left + width - 1.0, rect.bottom()));
        ui.painter().rect_filled(bar, 0.0, color.gamma_multiply(0.7));
    }
    if let Some(pointer) = response.hover_pos() {
        let at = (((pointer.x - rect.left()) / width) as usize).min(bins.len() - 1);
        if let Some((edge, count)) = bins.get(at) {
            response.on_hover_text(format!(
                "{} updates at {} and more",
                format::count(*count),
                format::metric(*edge)
            ));
        }
    }
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, format::metric(*low)));
        ui.with_layout(eframe::egui::Layout::right_to_left(eframe::egui::Align::Center), |ui| {
            ui.label(theme::caption(ui, format::metric(*high)));
        });
    });
}
