//! Three looks at a library: how it does as a whole, what needs somebody now, and one run in detail.

use std::collections::BTreeMap;

use eframe::egui::{Label, Ui};

use super::Wish;
use super::details::chosen_curves;
use super::state::{Answer, Lane};
use crate::library::{DEFINITIONS, Figure, Row, Spread};
use crate::ui::format;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Figures, figures};

/// Lines of a list at most.
const MOST: usize = 12;

/// The measures with their definitions, and the experiments that fail most.
pub fn executive(ui: &mut Ui, answer: &Answer) -> Option<Wish> {
    let Some(measures) = &answer.measures else {
        ui.label(theme::caption(ui, "Measuring…"));
        return None;
    };
    for one in DEFINITIONS {
        let (label, help) = (one.label, one.help);
        let text = shown((one.figure)(measures), &answer.criteria.currency);
        ui.horizontal(|ui| {
            ui.label(label);
            ui.with_layout(eframe::egui::Layout::right_to_left(eframe::egui::Align::Center), |ui| {
                ui.label(theme::value(ui, text));
            });
        })
        .response
        .on_hover_text(help);
        ui.add(Label::new(theme::caption(ui, help)).wrap());
        ui.add_space(metrics::XS);
    }
    let means = answer.converged.join("; or ");
    ui.add(
        Label::new(theme::caption(ui, format!("Converged: {means}. Failed: diverged, or broke off."))).wrap(),
    );
    ui.add_space(metrics::M);
    failing(ui, answer);
    None
}

/// A measure in words.
fn shown(figure: Figure, currency: &str) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let spread = |it: Spread| format!("{}, p95 {}", format::metric(it.median), format::metric(it.p95));
    match figure {
        Figure::Count(count) => count.to_string(),
        Figure::Share(share) => or_none(share.map(format::percent)),
        Figure::Number(value) => or_none(value.map(format::metric)),
        Figure::Money(value) => or_none(value.map(|value| format!("{currency} {}", format::metric(value)))),
        Figure::Spread(value) => or_none(value.map(spread)),
        Figure::MoneySpread(value) => or_none(value.map(|it| format!("{currency} {}", spread(it)))),
    }
}

/// The experiments with the most failed runs.
fn failing(ui: &mut Ui, answer: &Answer) {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in &answer.rows {
        let (failed, all) = counts.entry(&row.experiment).or_default();
        *failed += usize::from(row.is_failed());
        *all += 1;
    }
    let mut worst: Vec<_> = counts.into_iter().filter(|(_, (failed, _))| *failed > 0).collect();
    worst.sort_by_key(|(_, (failed, _))| std::cmp::Reverse(*failed));
    if worst.is_empty() {
        return;
    }
    ui.label(theme::title(ui, "Experiments that fail most"));
    let rows: Vec<Figures> = worst
        .into_iter()
        .take(MOST)
        .map(|(name, (failed, all))| Figures {
            name: name.to_owned(),
            cells: vec![failed.to_string(), all.to_string()],
            ..Figures::default()
        })
        .collect();
    figures(ui, &[("Failed", "Runs that diverged or broke off."), ("Of", "Runs of the experiment.")], &rows);
}

/// What is not finished, and what failed last.
pub fn on_call(ui: &mut Ui, answer: &Answer) -> Option<Wish> {
    let mut wish = None;
    let open: Vec<&Row> = answer.rows.iter().filter(|row| !row.finished).collect();
    ui.label(theme::title(ui, "Not finished"));
    ui.label(theme::caption(ui, "Under way, or killed: anneal train FILE --resume DIR goes on with them."));
    wish = list(ui, &open, |row| format!("{} updates", row.updates)).or(wish);
    ui.add_space(metrics::M);
    let failed: Vec<&Row> = answer.rows.iter().filter(|row| row.is_failed()).collect();
    ui.label(theme::title(ui, "Failed"));
    wish = list(ui, &failed, |row| match (&row.failed, row.diverged_at) {
        (Some(why), _) => why.clone(),
        (None, Some(at)) => format!("diverged at update {at}"),
        (None, None) => String::new(),
    })
    .or(wish);
    wish
}

/// Runs, with a sentence each; a click chooses one.
fn list(ui: &mut Ui, rows: &[&Row], about: impl Fn(&Row) -> String) -> Option<Wish> {
    let mut wish = None;
    for row in rows.iter().take(MOST) {
        let text = format!("{} · {} · seed {}: {}", row.experiment, row.run, row.seed, about(row));
        ui.style_mut().wrap_mode = Some(eframe::egui::TextWrapMode::Truncate);
        if ui.selectable_label(false, text).on_hover_text(&row.folder).clicked() {
            wish = Some(Wish::Toggle(Lane::of(row)));
        }
    }
    match rows.len() {
        0 => {
            ui.label("None.");
        }
        count if count > MOST => {
            ui.label(theme::caption(ui, format!("and {} more", count - MOST)));
        }
        _ => {}
    }
    wish
}

/// The chosen runs, number by number.
pub fn debug(ui: &mut Ui, answer: &Answer) -> Option<Wish> {
    if answer.chosen.is_empty() {
        ui.label(theme::caption(ui, "Choose runs in the first tab: a click on one is enough."));
        return None;
    }
    chosen_curves(ui, answer);
    for (lane, record) in &answer.chosen {
        ui.add_space(metrics::S);
        ui.label(theme::title(ui, format!("{} · seed {}", record.run, record.seed)));
        ui.label(theme::caption(ui, &lane.folder));
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), format::metric);
        let one = |name: &str, value: String| Figures {
            name: name.to_owned(),
            cells: vec![value],
            ..Figures::default()
        };
        let rows = [
            one("Updates", record.updates.to_string()),
            one("Converged after", {
                let after = answer.criteria.converged(record);
                after.map_or_else(|| "not".to_owned(), |updates| updates.to_string())
            }),
            one("Best validation loss", number(record.best_val_loss)),
            one("Rate changes", record.rate_changes.to_string()),
            one("Rate deviation", format::metric(record.rate_deviation)),
            one("Gradient peaks", record.gradient_peaks.to_string()),
            one("Reversals", record.reversals.to_string()),
            one("Loss slope, per 1,000 updates", number(record.loss_slope.map(|slope| slope * 1000.0))),
        ];
        figures(ui, &[("", "What it came to.")], &rows);
        if let Some(why) = &record.failed {
            ui.colored_label(theme::tokens(ui).danger, format::sentence(why));
        }
        for (name, value) in &record.settings {
            ui.add(Label::new(theme::caption(ui, format!("{name} = {value}"))).truncate());
        }
    }
    None
}
