//! What a plot shows now, as numbers: for files, for the clipboard, and to be said in words.

use eframe::egui::Color32;

use crate::telemetry::{Bucket, Column};
use crate::train::ids::RunId;
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::frame::{Curves, LaneFrame};
use crate::ui::layout::Pane;
use crate::ui::studio::Studio;
use crate::ui::theme::{Tokens, metrics};

use super::Scale;
use super::along::Along;
use super::band::{Band, parted};
use super::x_axis::Unit;
use super::{counts, expected};

/// The most points of a planned curve.
const PLANNED: u64 = 500;

/// A curve of a run.
#[derive(Clone, Debug)]
pub struct NamedCurve {
    pub id: RunId,
    pub run: String,
    /// What it is of the run, such as "loss" or "planned".
    pub what: String,
    pub color: Color32,
    pub width: f32,
    pub dashed: bool,
    /// Updates and values.
    pub points: Vec<(f64, f64)>,
    /// Updates with the least and the greatest of a run's replicas.
    pub band: Vec<(f64, f64, f64)>,
}

/// All curves of a plot, and its axes.
#[derive(Clone, Debug)]
pub struct DrawnCurves {
    pub title: String,
    pub scale: Scale,
    pub unit: Unit,
    pub along: Along,
    /// What of the axis is in view, and the heights a box was drawn around.
    pub x: (f64, f64),
    pub heights: Option<(f64, f64)>,
    pub curves: Vec<NamedCurve>,
}

/// What a plot shows now.
pub fn drawn_curves(studio: &Studio, pane: Pane, tokens: &Tokens) -> DrawnCurves {
    let view = &studio.view;
    let status = &studio.frame.status;
    let across = studio.along.span(view.window, view.window.bounds(status.update, studio.extent()));
    let x = studio.along.updates(across);
    let (title, scale) = match pane {
        Pane::Rate => ("Learning rate".to_owned(), view.rate_scale),
        Pane::Metric if view.quantity == Column::ValAccuracy => ("Accuracy".to_owned(), Scale::Linear),
        Pane::Metric => (view.quantity.short().to_owned(), view.loss_scale),
        Pane::Number if view.counts => (counts::TITLE.to_owned(), Scale::Linear),
        Pane::Number => (view.number.label().to_owned(), view.number_scale),
    };
    let mut curves = Vec::new();
    let mut rows = studio.shown();
    rows.sort_by_key(|row| row.slot);
    for row in rows {
        let base = NamedCurve {
            id: row.id,
            run: name(studio, row),
            what: String::new(),
            color: tokens.run(row.slot),
            width: metrics::CURVE,
            dashed: false,
            points: Vec::new(),
            band: Vec::new(),
        };
        match pane {
            Pane::Rate => settings(
                studio,
                row,
                x,
                &base,
                &mut curves,
                |curves| &curves.lr,
                |update| studio.rate(row.id, update),
            ),
            Pane::Number if view.counts => {
                let found = studio.panels.peek::<counts::Counts>().and_then(|counts| counts.of_run(row.id));
                let points = found.map_or_else(Vec::new, |found| found.points().collect());
                curves.push(NamedCurve { what: "counts".into(), points, ..base });
            }
            Pane::Number => settings(
                studio,
                row,
                x,
                &base,
                &mut curves,
                |curves| &curves.number,
                |update| studio.number(row.id, view.number, update),
            ),
            Pane::Metric => measured(studio, row, &base, &mut curves),
        }
    }
    if pane == Pane::Metric
        && let Some((points, id)) = expected::curve(studio)
    {
        let of = studio.document.run(id).map_or("", |run| &run.name);
        curves.push(NamedCurve {
            id,
            run: format!("{of}, as expected"),
            what: "expected".into(),
            color: tokens.text,
            width: metrics::CURVE,
            dashed: true,
            points,
            band: Vec::new(),
        });
    }
    for curve in &mut curves {
        let is_shown = |at: f64| (across.0..=across.1).contains(&studio.along.of_run(curve.id, at));
        curve.points.retain(|(at, _)| is_shown(*at));
        curve.band.retain(|(at, ..)| is_shown(*at));
    }
    curves.retain(|curve| !curve.points.is_empty());
    DrawnCurves {
        title,
        scale,
        unit: view.x_axis.unit(&studio.given()),
        along: studio.along.clone(),
        x: across,
        heights: view.heights.of(pane),
        curves,
    }
}

fn name(studio: &Studio, row: Row) -> String {
    let ours = studio.document.run(row.id).map(|run| run.name.clone());
    ours.or_else(|| Some(studio.shelf.guest(row.id)?.name.clone())).unwrap_or_default()
}

/// What the optimizer was given, and what it is to be given.
fn settings(
    studio: &Studio,
    row: Row,
    x: (f64, f64),
    base: &NamedCurve,
    curves: &mut Vec<NamedCurve>,
    of: fn(&Curves) -> &Vec<Bucket>,
    planned: impl Fn(u64) -> Option<f64>,
) {
    let lane = studio.frame.lane(row.id);
    let done = lane.map_or(0, |lane| lane.update);
    let used = NamedCurve { what: "used".into(), ..base.clone() };
    match (parted(studio, row.id, of), lane) {
        (Some(band), _) => {
            let (points, band) = (band.means().collect(), band.edges().collect());
            curves.push(NamedCurve { points, band, ..used });
        }
        (None, Some(lane)) => {
            curves.push(NamedCurve { points: points(of(&lane.curves), lane.stretch), ..used });
        }
        (None, None) => {}
    }
    let last = studio.clock().updates.saturating_sub(1);
    let (from, to) = (done.max(x.0.max(0.0) as u64), last.min(x.1.max(0.0) as u64));
    if studio.document.run(row.id).is_some() && from <= to {
        let step = ((to - from) / PLANNED).max(1) as usize;
        let updates = (from..=to).step_by(step).chain([to]);
        let mut points: Vec<(f64, f64)> =
            updates.filter_map(|update| Some((update as f64, planned(update)?))).collect();
        points.dedup();
        curves.push(NamedCurve { what: "planned".into(), dashed: true, points, ..base.clone() });
    }
}

/// What training led to: the mean over a run's replicas, and their band.
fn measured(studio: &Studio, row: Row, base: &NamedCurve, curves: &mut Vec<NamedCurve>) {
    let replicas: Vec<&LaneFrame> = studio.frame.replicas(row.id).collect();
    let quantity = studio.view.quantity;
    let main =
        |curves: &Curves| if curves.smooth.is_empty() { curves.raw.clone() } else { curves.smooth.clone() };
    let mut add = |what: String, width: f32, of: &dyn Fn(&Curves) -> Vec<Bucket>| {
        let all: Vec<Vec<Bucket>> = replicas.iter().map(|lane| of(&lane.curves)).collect();
        let stretch = replicas.first().map_or(1.0, |lane| lane.stretch);
        let band = Band::of_curves(&all.iter().map(Vec::as_slice).collect::<Vec<_>>(), stretch);
        let edges = if all.len() > 1 { band.edges().collect() } else { Vec::new() };
        curves.push(NamedCurve { what, width, points: band.means().collect(), band: edges, ..base.clone() });
    };
    add(quantity.short().to_lowercase(), metrics::CURVE, &main);
    if quantity == Column::TrainLoss {
        add(Column::ValLoss.short().to_lowercase(), metrics::CURVE_FAINT, &|curves| {
            curves.validation.clone()
        });
    }
}

fn points(buckets: &[Bucket], stretch: f64) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for bucket in buckets {
        if bucket.count > 1 {
            points.push((bucket.first_update as f64 * stretch, bucket.first));
        }
        points.push((bucket.last_update as f64 * stretch, bucket.last));
    }
    points
}

impl DrawnCurves {
    /// A row a point, for spreadsheets; the least and the greatest of a run's replicas where it has some.
    pub fn csv(&self) -> String {
        let mut text = format!("{},run,curve,value,least,greatest\n", self.unit.name);
        for curve in &self.curves {
            let run = cell(&curve.run);
            for (at, (update, value)) in curve.points.iter().enumerate() {
                let counted = match self.along {
                    Along::Sums(_) => self.along.of_run(curve.id, *update),
                    _ => update * self.unit.per_update,
                };
                let x = format::round_to(counted, 12);
                let edges = curve.band.get(at).filter(|(of, ..)| of == update);
                let edges =
                    edges.map_or_else(|| ",".to_owned(), |(_, least, most)| format!("{least},{most}"));
                text += &format!("{x},{run},{},{value},{edges}\n", cell(&curve.what));
            }
        }
        text
    }

    /// The values at an update, in words.
    pub fn said_at(&self, update: f64) -> String {
        let told = self.curves.iter().take(SAID).filter_map(|curve| {
            let far = |point: &&(f64, f64)| (point.0 - update).abs();
            let nearest = curve.points.iter().min_by(|a, b| far(a).total_cmp(&far(b)))?;
            let reach = (curve.points.last()?.0 - curve.points.first()?.0) / curve.points.len() as f64;
            (far(&nearest) <= reach.max(1.0) && nearest.1.is_finite())
                .then(|| format!("{}, {}: {}", curve.run, curve.what, format::significant(nearest.1, 3)))
        });
        let told: Vec<String> = told.collect();
        format!("update {}: {}", format::count(update as u64), told.join("; "))
    }

    /// What one sees, in words: of each curve that was measured the last value, the best, and where it is going.
    pub fn words(&self, more_is_better: bool) -> String {
        let told = self.curves.iter().filter(|curve| !curve.dashed).take(SAID).map(|curve| {
            let finite = || curve.points.iter().filter(|(_, value)| value.is_finite());
            let Some((_, last)) = finite().next_back() else { return format!("{}: no numbers", curve.run) };
            let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
            let best = if more_is_better { finite().max_by(by_value) } else { finite().min_by(by_value) };
            let (at, best) = best.copied().unwrap_or_default();
            format!(
                "{}, {}: last {}, {} {} at update {}, {}",
                curve.run,
                curve.what,
                format::significant(*last, 3),
                if more_is_better { "greatest" } else { "least" },
                format::significant(best, 3),
                format::count(at as u64),
                direction(&curve.points)
            )
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { "nothing measured yet".to_owned() } else { told.join("; ") }
    }
}

/// Curves that are said in words.
const SAID: usize = 12;
/// A change by less than this share is none.
const LEVEL: f64 = 0.01;

/// Where a curve is going: its last tenth against the one before.
fn direction(points: &[(f64, f64)]) -> String {
    let tenth = (points.len() / 10).max(1);
    let mean = |points: &[(f64, f64)]| {
        let finite: Vec<f64> =
            points.iter().map(|(_, value)| *value).filter(|value| value.is_finite()).collect();
        crate::analysis::statistics::mean(&finite)
    };
    let end = points.len();
    let newest = points.get(end.saturating_sub(tenth)..).and_then(mean);
    let before = points.get(end.saturating_sub(2 * tenth)..end.saturating_sub(tenth)).and_then(mean);
    let Some((newest, before)) = newest.zip(before) else { return "level".to_owned() };
    let change = (newest - before) / before.abs().max(f64::MIN_POSITIVE);
    if change.abs() < LEVEL {
        return "level".to_owned();
    }
    format!(
        "{} by {} in its last tenth",
        if change > 0.0 { "rising" } else { "falling" },
        format::percent(change.abs())
    )
}

/// A name as a cell of CSV.
fn cell(name: &str) -> String {
    let name = crate::plain::cell(&crate::plain::message(name)).into_owned();
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::DARK;

    fn drawn(values: &[f64]) -> DrawnCurves {
        let curve = NamedCurve {
            id: RunId(0),
            run: "a, b".into(),
            what: "loss".into(),
            color: DARK.run(0),
            width: 1.0,
            dashed: false,
            points: values.iter().enumerate().map(|(at, value)| (at as f64, *value)).collect(),
            band: Vec::new(),
        };
        let unit = Unit { name: "epoch", per_update: 0.5 };
        let (title, scale, x) = ("Loss".to_owned(), Scale::Linear, (0.0, 10.0));
        DrawnCurves { title, scale, unit, along: Along::Evenly, x, heights: None, curves: vec![curve] }
    }

    #[test]
    fn a_table_has_a_row_a_point_in_the_units_of_the_axis() {
        let text = drawn(&[1.0, 0.5]).csv();
        assert_eq!(
            text,
            "epoch,run,curve,value,least,greatest\n0,\"a, b\",loss,1,,\n0.5,\"a, b\",loss,0.5,,\n"
        );
    }

    #[test]
    fn words_say_the_last_value_the_best_and_where_it_goes() {
        let falling: Vec<f64> = (0..100).map(|at| 2.0 - 0.01 * f64::from(at)).collect();
        let words = drawn(&falling).words(false);
        assert!(words.contains("last 1.01, least 1.01 at update 99, falling by"), "{words}");
        let words = drawn(&[0.2, f64::NAN, 0.9, 0.9]).words(true);
        assert!(words.contains("last 0.9, greatest 0.9 at update 3, level"), "{words}");
        assert_eq!(drawn(&[0.5, 0.25]).said_at(1.0), "update 1: a, b, loss: 0.25");
        assert_eq!(drawn(&[f64::NAN]).words(false), "a, b: no numbers");
        assert_eq!(DrawnCurves { curves: Vec::new(), ..drawn(&[]) }.words(false), "nothing measured yet");
    }
}
