//! The audit of what is trained: the tables of the report, as training goes on.

mod state;

use eframe::egui::{Label, ScrollArea, Ui};

use crate::analysis::audit::{Audit, Line, Measure, Summary};
use crate::analysis::report::html;
use crate::engine::protocol::State;
use crate::ui::format;
use crate::ui::panel::{Panel, Question, Request};
use crate::ui::sheet::Sheet;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Figures, figures, primary, prose, secondary, waiting};

pub const PANEL: Panel = Panel {
    request: |_| Request { tally: true, ..Request::default() },
    ask: state::tune_baseline,
    poll: state::poll,
    ..Panel::new(
        "report",
        "Report",
        Question::Understand,
        "Schedules against a baseline, the best constant rate, and whether it is noise.",
        show,
    )
};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let Some(audit) = state::audit(studio).filter(|audit| trained(audit)).cloned() else {
        prose(ui, "Every run is compared with a baseline here as soon as they train.");
        return;
    };
    ScrollArea::vertical().id_salt("report").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        progress(ui, studio);
        lead(ui, &audit);
        ui.add_space(metrics::S);
        baseline(ui, studio, &audit);
        ui.add_space(metrics::M);
        tables(ui, studio, &audit);
        ui.add_space(metrics::S);
        if ui
            .add(secondary("Save report…"))
            .on_hover_text("One HTML page with these tables and their plots.")
            .clicked()
        {
            studio.sheet = Some(Sheet::report(&audit.title, html(&audit)));
        }
        ui.add_space(metrics::M);
    });
}

fn trained(audit: &Audit) -> bool {
    audit.lines.iter().flat_map(|line| &line.record.lanes).any(|lane| lane.updates > 0)
}

fn progress(ui: &mut Ui, studio: &Studio) {
    let status = &studio.frame.status;
    if status.state != State::Finished {
        let (done, all) = (format::count(status.update), format::count(status.updates));
        ui.label(theme::caption(ui, format!("After {done} of {all} updates: results are final at the end.")));
    }
    if studio.frame.tallies.stride > 1 {
        let text = format!(
            "The history is long: spikes, changes and clipping are counted in groups of {} updates.",
            studio.frame.tallies.stride
        );
        ui.add(Label::new(theme::caption(ui, text)).wrap());
    }
}

/// What matters, in a sentence or two.
fn lead(ui: &mut Ui, audit: &Audit) {
    let Some(best) = audit.best() else { return };
    let Some(summary) = best.last(audit.measure) else { return };
    let text = format!("Best on average: {} with {}.", best.record.name, value(audit.measure, summary.mean));
    ui.add(Label::new(theme::title(ui, text)).wrap());
    if let Some(difference) = &best.difference {
        ui.add(Label::new(&difference.verdict).wrap());
    }
}

fn baseline(ui: &mut Ui, studio: &mut Studio, audit: &Audit) {
    let name = audit.lines.get(audit.baseline).map(|line| line.record.name.clone()).unwrap_or_default();
    let state = studio.panels.of::<state::State>();
    if let Some(share) = state.baseline.progress() {
        if waiting(ui, "Training constant rates", share) {
            state.baseline.cancel();
        }
        return;
    }
    if audit.tried.is_empty() {
        prose(
            ui,
            &format!(
                "Compared with “{name}”. A fair baseline is the best constant learning rate at the same budget and seeds."
            ),
        );
        ui.add_space(metrics::XS);
        if let Some(error) = state.baseline.error() {
            ui.colored_label(theme::tokens(ui).danger, format::sentence(&error));
        }
        let help = "Trains three constant rates or more to the end, beside the training, also while another panel is open.";
        if ui.add(primary(ui, "Tune baseline")).on_hover_text(help).clicked() {
            state::tune_baseline(studio);
        }
        return;
    }
    let tried = audit.tried.iter().map(|(rate, result)| {
        let result = result.map_or_else(|| "diverged".to_owned(), |mean| value(audit.measure, mean));
        format!("{} gives {result}", format::rate(*rate))
    });
    let text =
        format!("Compared with the best of these constant rates: {}.", tried.collect::<Vec<_>>().join(", "));
    ui.add(Label::new(theme::caption(ui, text)).wrap());
}

fn tables(ui: &mut Ui, studio: &Studio, audit: &Audit) {
    let slots: Vec<(String, usize)> =
        studio.document.runs().map(|(row, run)| (run.name.clone(), row.slot)).collect();
    let rows = |cells: &dyn Fn(&Line) -> Vec<String>| -> Vec<Figures> {
        let row = |line: &Line| {
            let slot = slots.iter().find(|(name, _)| *name == line.record.name).map(|(_, slot)| *slot);
            Figures { name: line.record.name.clone(), slot, cells: cells(line), note: None }
        };
        audit.lines.iter().map(row).collect()
    };
    let measure = audit.measure;
    let title = |ui: &mut Ui, text: String| {
        ui.add_space(metrics::S);
        ui.label(theme::title(ui, text));
    };
    let unit = if measure == Measure::Accuracy { ", percent" } else { "" };
    title(ui, format!("{}{unit}", format::sentence(measure.name()).trim_end_matches('.')));
    let results = rows(&|line| {
        let best = if measure == Measure::Accuracy { line.best_accuracy } else { line.best_loss };
        let best = best.map_or_else(|| "–".to_owned(), |best| plain(measure, best.mean));
        vec![spread(measure, line.last(measure)), best, counted(line.updates_to_target)]
    });
    let target = "Updates until a validation is as good as the baseline ends: the median over the seeds that get there.";
    let columns = [
        ("Final", "After the last update: the mean over seeds, and their standard deviation."),
        ("Best", "The mean over seeds of the best validation."),
        ("To target", target),
    ];
    figures(ui, &columns, &results);
    if audit.lines.iter().any(|line| line.difference.is_some()) {
        title(ui, "Against the baseline".to_owned());
        differences(ui, audit, &slots);
    }
    title(ui, "Stability".to_owned());
    let stability = rows(&|line| {
        let lanes = &line.record.lanes;
        let norm = lanes.iter().map(|lane| lane.peak_grad_norm).fold(0.0, f64::max);
        vec![
            format!("{} of {}", line.diverged, lanes.len()),
            format::count(line.spikes),
            format::significant(norm, 3),
        ]
    });
    let columns = [
        ("Diverged", "Seeds whose loss became NaN or infinite."),
        ("Spikes", "Losses over three times their running average."),
        ("Peak norm", "The greatest gradient norm, before clipping."),
    ];
    figures(ui, &columns, &stability);
    title(ui, "Rates of the first seed".to_owned());
    let rates = rows(&|line| {
        let Some(lane) = line.record.lanes.first() else { return vec!["–".to_owned(); 3] };
        let deviation = lane.rate_variance.max(0.0).sqrt();
        vec![format::rate(lane.rate_mean), format::rate(deviation), format::count(lane.rate_changes)]
    });
    let columns = [
        ("Mean", "Over the updates so far."),
        ("Std. dev.", "The root of the variance over the updates."),
        ("Changes", "Updates whose rate was not the one before."),
    ];
    figures(ui, &columns, &rates);
}

/// The paired differences, each with its verdict under it.
fn differences(ui: &mut Ui, audit: &Audit, slots: &[(String, usize)]) {
    let row = |line: &Line| {
        let difference = line.difference.as_ref()?;
        let slot = slots.iter().find(|(name, _)| *name == line.record.name).map(|(_, slot)| *slot);
        let p = difference.test.map_or_else(|| "–".to_owned(), |test| format::significant(test.p, 2));
        let sign = if difference.mean > 0.0 { "+" } else { "" };
        let scale = if audit.measure == Measure::Accuracy { 100.0 } else { 1.0 };
        let mean = format!("{sign}{}", format::significant(scale * difference.mean, 2));
        let cells = vec![mean, format!("{} of {}", difference.wins, difference.pairs), p];
        let note = Some(difference.verdict.clone());
        Some(Figures { name: line.record.name.clone(), slot, cells, note })
    };
    let rows: Vec<Figures> = audit.lines.iter().filter_map(row).collect();
    let points = "The mean over seeds of run minus baseline, in percentage points.";
    let difference = match audit.measure {
        Measure::Accuracy => ("Points", points),
        Measure::Loss => ("Difference", "The mean over seeds of run minus baseline."),
    };
    let columns = [
        difference,
        ("Won", "Seeds in which the run was better."),
        ("p", "How often luck alone makes such a difference, by a two-sided paired t-test."),
    ];
    figures(ui, &columns, &rows);
}

fn value(measure: Measure, value: f64) -> String {
    if measure == Measure::Accuracy { format::percent(value) } else { format::metric(value) }
}

/// Without the sign of percent, which stands in the title.
fn plain(measure: Measure, value: f64) -> String {
    if measure == Measure::Accuracy { format!("{:.1}", 100.0 * value) } else { format::metric(value) }
}

fn spread(measure: Measure, summary: Option<Summary>) -> String {
    let Some(Summary { mean, deviation, .. }) = summary else { return "–".to_owned() };
    let around = deviation.map_or_else(String::new, |deviation| match measure {
        Measure::Accuracy => format!("±{:.1}", 100.0 * deviation),
        Measure::Loss => format!("±{}", format::significant(deviation, 2)),
    });
    format!("{}{around}", plain(measure, mean))
}

fn counted(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format::count(value.round() as u64))
}
