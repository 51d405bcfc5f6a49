//! The audit as one HTML page: no script, nothing loaded, light and dark, readable when printed.
//!
//! Every number in a table also stands unrounded in its cell's `data-value`.

use std::fmt::Write;

use super::audit::{Audit, Line as AuditLine, Measure, RunRecord, Summary, Tally};
use super::chart::{COLOURS, Line, chart, escaped, label};
use super::scenario::COLUMNS;
use crate::numbers::{plural, round_to};
use crate::telemetry::Validation;

const STYLE: &str = include_str!("report.css");

/// The page.
pub fn html(audit: &Audit) -> String {
    let mut page = String::new();
    let title = escaped(&audit.title);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n"
    );
    opening(&mut page, audit);
    legend(&mut page, audit);
    results(&mut page, audit);
    differences(&mut page, audit);
    scenario(&mut page, audit);
    plots(&mut page, audit);
    stability(&mut page, audit);
    rates(&mut page, audit);
    tried(&mut page, audit);
    notes(&mut page, audit);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// What matters, in a few sentences.
fn opening(page: &mut String, audit: &Audit) {
    let Some(baseline) = audit.lines.get(audit.baseline) else {
        page.push_str("<p>No run was trained.</p>\n");
        return;
    };
    let seeds = baseline.record.lanes.len();
    let _ = writeln!(
        page,
        "<p>{} run{} under {seeds} seed{} each, compared with <b>{}</b> ({}) on {} after the last update.</p>",
        audit.lines.len(),
        plural(audit.lines.len()),
        plural(seeds),
        escaped(&baseline.record.name),
        escaped(&baseline.record.schedule),
        audit.measure.name(),
    );
    if let Some((best, mean)) = audit.best().and_then(|best| Some((best, best.result(audit.measure)?))) {
        let verdict =
            best.difference.as_ref().map_or(String::new(), |difference| format!(" {}", difference.verdict));
        let _ = writeln!(
            page,
            "<p class=\"lead\">Best on average: <b>{}</b> with a {} of {}.{}</p>",
            escaped(&best.record.name),
            audit.measure.name(),
            number(mean),
            escaped(&verdict)
        );
    }
}

fn legend(page: &mut String, audit: &Audit) {
    page.push_str("<ul class=\"legend\">\n");
    for (index, line) in audit.lines.iter().enumerate() {
        let _ = writeln!(
            page,
            "<li><svg viewBox=\"0 0 28 8\"><path class=\"line s{}\" d=\"M0 4L28 4\"/></svg>{} <span>{}</span></li>",
            index % COLOURS,
            escaped(&line.record.name),
            escaped(&line.record.schedule)
        );
    }
    page.push_str("</ul>\n");
}

fn results(page: &mut String, audit: &Audit) {
    let target = audit.target.map_or_else(|| "no target".to_owned(), number);
    let _ = writeln!(
        page,
        "<h2>Results</h2>\n<table id=\"results\">\n<caption>Mean ± standard deviation over seeds. The target is the baseline's mean final {}, {target}; updates to it are the median over the seeds that reached it.</caption>",
        audit.measure.name()
    );
    let accuracy = audit.measure == Measure::Accuracy;
    let mut head = vec!["run", "final loss", "best loss"];
    if accuracy {
        head.extend(["final accuracy", "best accuracy"]);
    }
    head.extend(["final training loss", "updates to target", "seconds to target", "seeds there"]);
    header(page, &head);
    for line in &audit.lines {
        row(page, &line.record);
        spread(page, line.final_loss);
        spread(page, line.best_loss);
        if accuracy {
            spread(page, line.final_accuracy);
            spread(page, line.best_accuracy);
        }
        spread(page, line.final_train_loss);
        cell(page, line.updates_to_target);
        cell(page, line.seconds_to_target);
        let _ = write!(page, "<td data-value=\"{0}\">{0} of {1}</td>", line.reached, line.record.lanes.len());
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
}

fn differences(page: &mut String, audit: &Audit) {
    if audit.lines.iter().all(|line| line.difference.is_none()) {
        return;
    }
    let _ = writeln!(
        page,
        "<h2>Against the baseline</h2>\n<table id=\"differences\">\n<caption>The difference of the final {} seed by seed, run minus baseline, with a two-sided paired t-test.</caption>",
        audit.measure.name()
    );
    header(page, &["run", "mean difference", "95 % from", "95 % to", "seeds won", "p", "in words"]);
    for line in &audit.lines {
        let Some(difference) = &line.difference else { continue };
        row(page, &line.record);
        cell(page, Some(difference.mean));
        cell(page, difference.test.map(|test| test.interval.0));
        cell(page, difference.test.map(|test| test.interval.1));
        let _ = write!(page, "<td data-value=\"{0}\">{0} of {1}</td>", difference.wins, difference.pairs);
        cell(page, difference.test.map(|test| test.p));
        let _ = writeln!(page, "<td class=\"words\">{}</td></tr>", escaped(&difference.verdict));
    }
    page.push_str("</table>\n");
}

/// What is unlike a plain training, and what was measured of it.
fn scenario(page: &mut String, audit: &Audit) {
    let lanes = || audit.lines.iter().flat_map(|line| &line.record.lanes);
    let told: Vec<usize> =
        (0..COLUMNS.len()).filter(|at| lanes().any(|lane| lane.scenario.newest(*at).is_some())).collect();
    let stops = lanes().any(|lane| lane.stopped.is_some());
    if audit.scenario.sentences.is_empty() && told.is_empty() && !stops {
        return;
    }
    page.push_str("<h2>Scenario</h2>\n");
    for sentence in &audit.scenario.sentences {
        let _ = writeln!(page, "<p>{}</p>", escaped(sentence));
    }
    if !told.is_empty() || stops {
        page.push_str("<table id=\"scenario\">\n<caption>Each as it was measured last. Mean ± standard deviation over seeds.</caption>\n");
        let mut head = vec!["run"];
        head.extend(told.iter().map(|at| COLUMNS[*at].label()));
        head.extend(stops.then_some("Updates until it stopped"));
        header(page, &head);
        for line in &audit.lines {
            row(page, &line.record);
            told.iter().for_each(|at| spread(page, over(line, |lane| lane.scenario.newest(*at))));
            if stops {
                spread(page, over(line, |lane| Some(lane.stopped.as_ref()?.update as f64)));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</table>\n");
    }
    phases(page, audit);
}

/// What each run knows of each phase of the data.
fn phases(page: &mut String, audit: &Audit) {
    let accuracy = |at: usize| move |lane: &Tally| lane.scenario.phase(at);
    if !audit.lines.iter().flat_map(|line| &line.record.lanes).any(|lane| accuracy(0)(lane).is_some()) {
        return;
    }
    page.push_str("<table id=\"phases\">\n<caption>The accuracy on each phase's held-out samples: the best on the way, the last, and what was lost in between.</caption>\n");
    header(page, &["run and phase", "best", "last", "lost"]);
    for line in &audit.lines {
        for (at, name) in audit.scenario.phases.iter().enumerate() {
            let name = format!("{}, {name}", line.record.name);
            let _ = write!(page, "<tr><th scope=\"row\">{}</th>", escaped(&name));
            spread(page, over(line, |lane| accuracy(at)(lane).map(|(best, _)| best)));
            spread(page, over(line, |lane| accuracy(at)(lane).map(|(_, last)| last)));
            spread(page, over(line, |lane| accuracy(at)(lane).map(|(best, last)| best - last)));
            page.push_str("</tr>\n");
        }
    }
    page.push_str("</table>\n");
}

/// The mean over a run's seeds.
fn over(line: &AuditLine, value: impl Fn(&Tally) -> Option<f64>) -> Option<Summary> {
    Summary::of(line.record.lanes.iter().map(value))
}

fn plots(page: &mut String, audit: &Audit) {
    let measured = |measure: Measure| {
        let lines: Vec<Line> =
            audit.lines.iter().enumerate().map(|(index, line)| curve(index, &line.record, measure)).collect();
        chart(measure.name(), "update", measure.name(), measure == Measure::Loss, &lines)
    };
    let rates: Vec<Line> = audit
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| Line {
            index,
            points: line
                .record
                .lanes
                .first()
                .into_iter()
                .flat_map(|lane| &lane.rates)
                .map(|&(update, rate)| (update as f64, rate))
                .collect(),
            band: Vec::new(),
        })
        .collect();
    let figures = [
        (
            "Learning rate",
            "The rate of each update.",
            chart("learning rate", "update", "learning rate", false, &rates),
        ),
        ("Validation loss", "The mean over seeds; the band spans all seeds.", measured(Measure::Loss)),
        (
            "Validation accuracy",
            "The mean over seeds; the band spans all seeds.",
            measured(Measure::Accuracy),
        ),
    ];
    for (title, caption, svg) in figures {
        if !svg.is_empty() {
            let _ = writeln!(
                page,
                "<figure>\n<h2>{title}</h2>\n{svg}<figcaption>{caption}</figcaption>\n</figure>"
            );
        }
    }
}

/// Mean and extremes over the seeds wherever all were measured.
fn curve(index: usize, record: &RunRecord, measure: Measure) -> Line {
    let of = |validation: &Validation| match measure {
        Measure::Loss => Some(f64::from(validation.loss)),
        Measure::Accuracy => validation.accuracy.map(f64::from),
    };
    let mut line = Line { index, points: Vec::new(), band: Vec::new() };
    let Some(first) = record.lanes.first() else { return line };
    for (at, validation) in first.validations.iter().enumerate() {
        let values: Vec<f64> =
            record.lanes.iter().filter_map(|lane| lane.validations.get(at)).filter_map(of).collect();
        let Some(mean) = super::statistics::mean(&values) else { continue };
        let x = (validation.update + 1) as f64;
        line.points.push((x, mean));
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        line.band.push((x, low, high));
    }
    line
}

fn stability(page: &mut String, audit: &Audit) {
    page.push_str("<h2>Stability</h2>\n<table id=\"stability\">\n<caption>A spike is a loss over three times its running average. Gradient norms are taken before clipping.</caption>\n");
    header(page, &["run", "seeds diverged", "spikes", "greatest gradient norm", "updates clipped"]);
    for line in &audit.lines {
        let lanes = &line.record.lanes;
        let updates: u64 = lanes.iter().map(|lane| lane.updates).sum();
        row(page, &line.record);
        let _ = write!(page, "<td data-value=\"{0}\">{0} of {1}</td>", line.diverged, lanes.len());
        cell(page, Some(line.spikes as f64));
        cell(page, Some(lanes.iter().map(|lane| lane.peak_grad_norm).fold(0.0, f64::max)));
        let clipped = lanes.iter().map(|lane| lane.clipped).sum::<u64>() as f64 / updates.max(1) as f64;
        let _ = writeln!(page, "<td data-value=\"{clipped}\">{:.1} %</td></tr>", 100.0 * clipped);
    }
    page.push_str("</table>\n");
}

fn rates(page: &mut String, audit: &Audit) {
    page.push_str("<h2>Rates</h2>\n<table id=\"rates\">\n<caption>The rates that the first seed's updates used. A change is an update whose rate is not the one before.</caption>\n");
    header(page, &["run", "updates", "lowest", "mean", "highest", "standard deviation", "changes"]);
    for line in &audit.lines {
        let Some(lane) = line.record.lanes.first() else { continue };
        row(page, &line.record);
        for value in [
            lane.updates as f64,
            lane.rate_min,
            lane.rate_mean,
            lane.rate_max,
            lane.rate_variance.max(0.0).sqrt(),
            lane.rate_changes as f64,
        ] {
            cell(page, Some(value));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
}

/// How the baseline was found.
fn tried(page: &mut String, audit: &Audit) {
    if audit.tried.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "<h2>The baseline</h2>\n<table id=\"baseline\">\n<caption>Constant rates trained as long and under the same seeds as the runs, until rates on both sides of the best one were worse: the mean final {} of each.</caption>",
        audit.measure.name()
    );
    header(page, &["rate", audit.measure.name()]);
    for (rate, result) in &audit.tried {
        let _ = write!(page, "<tr><th scope=\"row\" data-value=\"{rate}\">{}</th>", number(*rate));
        match result {
            Some(result) => cell(page, Some(*result)),
            None => page.push_str("<td>diverged</td>"),
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
}

fn notes(page: &mut String, audit: &Audit) {
    let _ = writeln!(
        page,
        "<h2>How to read this</h2>\n<p>Runs with the same seed share initial weights and the order of the data, so they are compared pair by pair. \
         \"More than noise\" means that a mean difference this large would come up by luck in fewer than 5 of 100 such comparisons; \
         with {} runs compared at once, one such surprise is likelier than that.</p>",
        audit.lines.len()
    );
}

fn header(page: &mut String, names: &[&str]) {
    page.push_str("<thead><tr>");
    for name in names {
        let _ = write!(page, "<th scope=\"col\">{name}</th>");
    }
    page.push_str("</tr></thead>\n");
}

/// The beginning of a table's row.
fn row(page: &mut String, record: &RunRecord) {
    let _ = write!(page, "<tr><th scope=\"row\">{}</th>", escaped(&record.name));
}

fn cell(page: &mut String, value: Option<f64>) {
    let _ = match value {
        Some(value) => write!(page, "<td data-value=\"{value}\">{}</td>", number(value)),
        None => write!(page, "<td>–</td>"),
    };
}

fn spread(page: &mut String, summary: Option<Summary>) {
    let Some(Summary { mean, deviation, .. }) = summary else { return cell(page, None) };
    let around = deviation.map_or(String::new(), |deviation| format!(" ± {}", label(deviation)));
    let _ = write!(page, "<td data-value=\"{mean}\">{}{around}</td>", number(mean));
}

/// A number in four significant digits.
fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        return format!("{value:.2e}");
    }
    format!("{}", round_to(value, 4))
}
