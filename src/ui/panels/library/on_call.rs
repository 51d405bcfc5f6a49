//! What needs somebody now: what trains, what stands still, what failed, and how their gradients did.

use eframe::egui::{Color32, Label, Ui, vec2};

use super::Wish;
use super::answer::{Answer, MOST, OnCall};
use super::chosen::Lane;
use super::table::picture;
use crate::analysis::statistics::{deviation, median};
use crate::library::Row;
use crate::ui::format;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::Heat;

/// Columns of the heat map.
const COLUMNS: usize = 96;
/// A norm this many times the run's median has the full colour.
const FULL: f64 = 30.0;

pub fn show(ui: &mut Ui, answer: &Answer) -> Option<Wish> {
    let [active, stopped, failed] = answer.counts;
    let mut wish = None;
    let lists = [
        ("Training now", "Their metrics were written within the last two minutes.", &answer.active, active),
        (
            "Not finished",
            "Killed, or under way without a line for two minutes: Continue goes on with one.",
            &answer.stopped,
            stopped,
        ),
        ("Failed", "Diverged, or could not go on; the newest first.", &answer.failed, failed),
    ];
    for (title, help, runs, count) in lists {
        ui.label(theme::title(ui, format!("{title} ({count})"))).on_hover_text(help);
        if runs.is_empty() {
            ui.label(theme::caption(ui, "None."));
        }
        for run in runs {
            wish = one(ui, answer, run).or(wish);
        }
        if count > MOST {
            ui.label(theme::caption(ui, format!("and {} more", count - MOST)));
        }
        ui.add_space(metrics::M);
    }
    heat(ui, answer);
    spread(ui, answer);
    wish
}

fn one(ui: &mut Ui, answer: &Answer, run: &OnCall) -> Option<Wish> {
    let row = answer.rows.get(run.row)?;
    let tokens = theme::tokens(ui);
    let color = if row.is_failed() { tokens.danger } else { tokens.runs[0] };
    let clicked = ui
        .horizontal(|ui| {
            picture(ui, &run.record.picture, vec2(metrics::SPARKLINE, metrics::L), color);
            let text = format!("{} · {} · seed {}", row.experiment, row.run, row.seed);
            let label = Label::new(text).truncate().sense(eframe::egui::Sense::click());
            ui.add(label).on_hover_text(format!("{}\nA click compares it.", row.folder)).clicked()
        })
        .inner;
    ui.add(Label::new(theme::caption(ui, about(answer, row, run))).wrap());
    ui.add_space(metrics::XS);
    clicked.then(|| Wish::Toggle(vec![Lane::of(row)]))
}

/// How it stands, and where it could go on from.
fn about(answer: &Answer, row: &Row, run: &OnCall) -> String {
    let stands = match (&row.failed, row.diverged_at) {
        (Some(why), _) => format::sentence(why),
        (None, Some(at)) => format!("Diverged at update {}", format::count(at)),
        (None, None) => format!("{} updates", format::count(row.updates)),
    };
    let loss =
        row.final_train_loss.map_or_else(String::new, |loss| format!(", loss {}", format::metric(loss)));
    let checkpoint = match run.checkpoint {
        Some(last) => {
            let age = duration(answer.now.saturating_sub(last.at));
            format!("last checkpoint at update {}, {age} ago", format::count(last.updates))
        }
        None => "no checkpoint".to_owned(),
    };
    let resumed = match (run.record.resumes, run.record.broken_resumes) {
        (0, _) => String::new(),
        (count, 0) => format!(", resumed {count} times at the right rate"),
        (count, broken) => format!(", resumed {count} times, {broken} of them at another rate"),
    };
    format!("{stands}{loss}; {checkpoint}{resumed}")
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The gradient norms of the runs above: how far each update is over the run's own median.
fn heat(ui: &mut Ui, answer: &Answer) {
    let runs: Vec<&OnCall> = answer.active.iter().chain(&answer.stopped).chain(&answer.failed).collect();
    let runs: Vec<&OnCall> = runs.into_iter().filter(|run| !run.detail.norms.is_empty()).take(MOST).collect();
    if runs.is_empty() {
        return;
    }
    ui.label(theme::title(ui, "Gradient norms, against each run's median"));
    let rows: Vec<Vec<f64>> = runs.iter().map(|run| over_median(&run.detail.norms)).collect();
    let tokens = theme::tokens(ui);
    let color = |column: usize, row: usize| {
        let over = rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(1.0);
        // Without a number it is worse than any.
        let share = if over.is_finite() { (over.max(1.0).ln() / FULL.ln()).min(1.0) } else { 1.0 };
        let [_, middle, high] = tokens.diverging;
        middle.lerp_to_gamma(high, share as f32)
    };
    let name = |row: usize| {
        let row = runs.get(row).and_then(|run| answer.rows.get(run.row));
        let name: String = row.map(|row| row.run.chars().take(7).collect()).unwrap_or_default();
        name
    };
    let heat = Heat {
        name: "gradient norms",
        columns: COLUMNS,
        rows: rows.len(),
        row: metrics::L,
        label: &name,
        color: &color as &dyn Fn(usize, usize) -> Color32,
        chosen: None,
    };
    let (response, at) = heat.show(ui);
    if let Some((column, row)) = at
        && let Some(over) = rows.get(row).and_then(|row| row.get(column))
    {
        let run = runs.get(row).and_then(|run| answer.rows.get(run.row));
        let name = run.map_or_else(String::new, |row| format!("{} · seed {}", row.run, row.seed));
        response.on_hover_text(format!("{name}: {} times its median", format::metric(*over)));
    }
    ui.add_space(metrics::M);
}

/// The greatest of each stretch of norms over the median of all.
fn over_median(norms: &[(f64, f64)]) -> Vec<f64> {
    let finite: Vec<f64> = norms.iter().map(|(_, norm)| *norm).filter(|norm| norm.is_finite()).collect();
    let middle = median(&finite).unwrap_or(1.0).max(f64::MIN_POSITIVE);
    let stretch = |column: usize| {
        let (from, to) = (column * norms.len() / COLUMNS, (column + 1) * norms.len() / COLUMNS);
        let values = norms.get(from..to.max(from + 1)).unwrap_or_default();
        let greatest = values.iter().map(|(_, norm)| if norm.is_nan() { f64::INFINITY } else { *norm });
        greatest.fold(0.0, f64::max) / middle
    };
    (0..COLUMNS).map(stretch).collect()
}

/// How far apart the seeds of the runs above are.
fn spread(ui: &mut Ui, answer: &Answer) {
    let mut families: Vec<(&str, &str, Vec<f64>)> = Vec::new();
    for run in answer.active.iter().chain(&answer.stopped) {
        let Some(row) = answer.rows.get(run.row) else { continue };
        let Some(loss) = row.final_train_loss else { continue };
        match families.iter_mut().find(|(family, ..)| *family == row.family) {
            Some((.., losses)) => losses.push(loss),
            None => families.push((&row.family, &row.run, vec![loss])),
        }
    }
    for (_, run, losses) in families {
        if let Some(deviation) = deviation(&losses) {
            let text = format!(
                "{run}: the losses of its {} seeds deviate by {}",
                losses.len(),
                format::metric(deviation)
            );
            ui.label(theme::caption(ui, text));
        }
    }
}
