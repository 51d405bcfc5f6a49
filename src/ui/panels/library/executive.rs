//! How the trainings do as a whole: a few numbers that matter, experiment by experiment, and every measure defined.

use eframe::egui::{Align, Label, Layout, RichText, Ui, vec2};

use super::Wish;
use super::answer::{Answer, MOST};
use crate::library::{DEFINITIONS, Figure, Measures, Spread};
use crate::ui::format;
use crate::ui::panels::ground;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Figures, figures};

/// Above this burn rate somebody is paged, as the rules for Prometheus do.
const PAGED: f64 = 14.4;

pub fn show(ui: &mut Ui, answer: &Answer) -> Option<Wish> {
    let Some(measures) = &answer.measures else {
        ui.label(theme::caption(ui, "Measuring…"));
        return None;
    };
    ui.scope(|ui| tiles(ui, answer, measures));
    ui.add_space(metrics::XS);
    let means = answer.converged.join("; or ");
    let text =
        format!("Converged: {means}. Failed: the loss became NaN or infinite, or the run could not go on.");
    ui.add(Label::new(theme::caption(ui, text)).wrap());
    ui.add_space(metrics::M);
    experiments(ui, answer);
    regressions(ui, answer);
    definitions(ui, answer, measures);
    None
}

/// A number that matters, with what puts it in place.
struct Tile {
    title: &'static str,
    value: String,
    note: String,
    is_bad: bool,
}

fn tiles(ui: &mut Ui, answer: &Answer, measures: &Measures) {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let currency = &answer.criteria.currency;
    let budget = answer.criteria.error_budget;
    let tile = |title, value: Option<String>, note: String, is_bad| Tile {
        title,
        value: or_none(value),
        note,
        is_bad,
    };
    let all = [
        tile(
            "Success rate",
            measures.success_rate.map(format::percent),
            format!("{} of {} judged runs", measures.converged, measures.judged),
            measures.success_rate.is_some_and(|rate| rate < 1.0 - budget),
        ),
        tile(
            "Updates to converge",
            measures.updates_to_converge.map(|it| format::metric(it.median)),
            or_none(measures.updates_to_converge.map(|it| format!("median; p95 {}", format::metric(it.p95)))),
            false,
        ),
        tile(
            "Cost per converged run",
            measures.cost_per_converged.map(|cost| format!("{currency} {}", format::metric(cost))),
            or_none(measures.hours.map(|hours| format!("{} h in all", format::metric(hours)))),
            false,
        ),
        tile(
            "Error budget used",
            measures.error_budget_used.map(format::percent),
            format!("{} of {} runs failed", measures.failed, measures.runs),
            measures.error_budget_used.is_some_and(|used| used > 1.0),
        ),
        tile(
            "Burn rate of the last day",
            measures.burn_rate.map(format::metric),
            format!("1 lasts; {PAGED} pages"),
            measures.burn_rate.is_some_and(|rate| rate > PAGED),
        ),
        tile(
            "Checkpoint consistency",
            measures.checkpoint_consistency.map(format::percent),
            format!("{} resumes", measures.resumes),
            measures.checkpoint_consistency.is_some_and(|share| share < 1.0),
        ),
    ];
    let columns = if ui.available_width() < 1.2 * metrics::RIGHT { 2 } else { 3 };
    ui.spacing_mut().item_spacing = vec2(metrics::S, metrics::S);
    let width = (ui.available_width() - metrics::S * (columns - 1) as f32) / columns as f32;
    for row in all.chunks(columns) {
        ui.horizontal_top(|ui| row.iter().for_each(|tile| one(ui, tile, width)));
    }
}

fn one(ui: &mut Ui, tile: &Tile, width: f32) {
    let tokens = theme::tokens(ui);
    let frame = ground(ui, metrics::MARGIN_S.into()).fill(tokens.raised).corner_radius(metrics::RADIUS);
    frame.show(ui, |ui| {
        let inside = width - 2.0 * f32::from(metrics::MARGIN_S);
        ui.allocate_ui_with_layout(vec2(inside, metrics::RUN_ROW), Layout::top_down(Align::Min), |ui| {
            ui.set_min_size(vec2(inside, metrics::RUN_ROW));
            ui.spacing_mut().item_spacing.y = metrics::XS / 2.0;
            ui.add(Label::new(theme::caption(ui, tile.title)).truncate());
            let color = if tile.is_bad { tokens.danger } else { tokens.text };
            ui.add(
                Label::new(RichText::new(&tile.value).font(theme::large_number()).color(color)).truncate(),
            );
            ui.add(Label::new(theme::caption(ui, &tile.note)).truncate());
        });
    });
}

fn experiments(ui: &mut Ui, answer: &Answer) {
    ui.label(theme::title(ui, "By experiment, what fails most first"));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let rows: Vec<Figures> = answer
        .experiments
        .iter()
        .take(MOST)
        .map(|it| Figures {
            name: it.name.clone(),
            cells: vec![
                it.measures.runs.to_string(),
                it.measures.failed.to_string(),
                or_none(it.measures.success_rate.map(format::percent)),
                or_none(it.measures.updates_to_converge.map(|it| format::metric(it.median))),
                or_none(it.measures.cost_per_converged.map(format::metric)),
            ],
            ..Figures::default()
        })
        .collect();
    let columns = [
        ("Runs", "Every run under every seed."),
        ("Failed", "Runs that diverged or could not go on."),
        ("Success", "The share of the judged runs that converged."),
        ("Updates", "Updates to converge, in the median."),
        ("Cost", "Cost per converged run."),
    ];
    figures(ui, &columns, &rows);
    if answer.experiments.len() > MOST {
        ui.label(theme::caption(ui, format!("and {} more", answer.experiments.len() - MOST)));
    }
    ui.add_space(metrics::M);
}

fn regressions(ui: &mut Ui, answer: &Answer) {
    if answer.regressions.is_empty() {
        return;
    }
    ui.label(theme::title(ui, "Worse than the training before"));
    let rows: Vec<Figures> = answer
        .regressions
        .iter()
        .map(|it| Figures {
            name: it.name.clone(),
            cells: vec![format::metric(it.before), format::metric(it.now)],
            ..Figures::default()
        })
        .collect();
    let columns = [
        ("Before", "The final validation loss of the training before the newest, over its seeds."),
        ("Now", "That of the newest."),
    ];
    figures(ui, &columns, &rows);
    ui.add_space(metrics::M);
}

/// Every measure with its definition.
fn definitions(ui: &mut Ui, answer: &Answer, measures: &Measures) {
    ui.label(theme::title(ui, "Every measure, and what it is"));
    for one in DEFINITIONS {
        let text = shown((one.figure)(measures), &answer.criteria.currency);
        ui.horizontal(|ui| {
            ui.label(one.label);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(theme::value(ui, text));
            });
        });
        ui.add(Label::new(theme::caption(ui, one.help)).wrap());
        ui.add_space(metrics::XS);
    }
}

/// A measure in words.
fn shown(figure: Figure, currency: &str) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let spread = |it: Spread| format!("{}, p95 {}", format::metric(it.median), format::metric(it.p95));
    match figure {
        Figure::Count(count) => format::count(count as u64),
        Figure::Share(share) => or_none(share.map(format::percent)),
        Figure::Number(value) => or_none(value.map(format::metric)),
        Figure::Money(value) => or_none(value.map(|value| format!("{currency} {}", format::metric(value)))),
        Figure::Spread(value) => or_none(value.map(spread)),
        Figure::MoneySpread(value) => or_none(value.map(|it| format!("{currency} {}", spread(it)))),
    }
}
