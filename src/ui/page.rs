//! A training as one page to read: its curves, which can be zoomed and read in any browser, and its experiment.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::analysis::chart::escaped;
use crate::engine::{LaneView, Shared};
use crate::experiment::Experiment;
use crate::telemetry::{Bucket, Column, Series};
use crate::train::ids::RunId;

use super::document::Row;
use super::format;
use super::plot::Band;

const SCRIPT: &str = include_str!("../../assets/page/page.js");
const STYLE: &str = include_str!("../../assets/page/page.css");
/// The most points of a curve.
const POINTS: usize = 800;
/// Digits of a number on the page.
const DIGITS: usize = 5;

/// The plots of a page, and the columns they show.
const PLOTS: [(&str, &str, Column); 4] = [
    ("lr", "Learning rate", Column::Lr),
    ("loss", "Training loss", Column::TrainLoss),
    ("val_loss", "Validation loss", Column::ValLoss),
    ("val_accuracy", "Validation accuracy", Column::ValAccuracy),
];

/// A curve as the page's script reads it.
#[derive(Serialize)]
struct Curve {
    x: Vec<f64>,
    y: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<Vec<f64>>,
}

/// The page of what was trained so far: one file that loads nothing.
pub fn page(experiment: &Experiment, rows: &[Row], shared: &Shared) -> String {
    let runs: Vec<Value> = rows
        .iter()
        .zip(&experiment.runs)
        .map(|(row, run)| json!({ "name": run.name, "slot": row.slot, "curves": curves(shared, row.id) }))
        .collect();
    let plots: Vec<Value> =
        PLOTS.iter().map(|(key, title, _)| json!({ "key": key, "title": title })).collect();
    // What ends a script must not be in it.
    let data = json!({ "runs": runs, "plots": plots }).to_string().replace("</", "<\\/");
    let status = &shared.status;
    let replicas = experiment.train.replicas;
    let seeds =
        if replicas > 1 { format!(", the mean and the band of {replicas} seeds") } else { String::new() };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title}</title><style>\n{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n\
         <p class=\"small\">{done} of {all} updates{seeds}. Drag to zoom, double-click for the whole run, arrow keys move the cursor.</p>\n\
         <div id=\"runs\"></div>\n<table id=\"readout\"></table>\n<div id=\"plots\"></div>\n\
         <details><summary>The experiment, to open with Anneal Studio</summary><pre>{text}</pre></details>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n<script>\n{SCRIPT}</script>\n</body></html>\n",
        title = escaped(&experiment.name),
        done = format::count(status.update),
        all = format::count(status.updates),
        text = escaped(&experiment.to_toml()),
    )
}

/// A run's curves, by the names of the plots.
fn curves(shared: &Shared, run: RunId) -> Map<String, Value> {
    let lanes: Vec<&LaneView> =
        shared.lanes.iter().filter(|(id, _)| id.run == run).map(|(_, view)| view).collect();
    let curve = |(key, _, column): &(&str, &str, Column)| {
        let replicas: Vec<Vec<Bucket>> = lanes.iter().map(|lane| buckets(lane, *column)).collect();
        let band = Band::of_curves(&replicas.iter().map(Vec::as_slice).collect::<Vec<_>>(), 1.0);
        let round = |value: f64| format::round_to(value, DIGITS);
        let (x, y): (Vec<f64>, Vec<Option<f64>>) =
            band.means().map(|(x, y)| (x, y.is_finite().then(|| round(y)))).unzip();
        let many = replicas.len() > 1;
        let edge = |of: fn((f64, f64, f64)) -> f64| many.then(|| band.edges().map(of).map(round).collect());
        let curve = Curve { x, y, low: edge(|slice| slice.1), high: edge(|slice| slice.2) };
        let value = if curve.x.is_empty() { None } else { serde_json::to_value(curve).ok() };
        Some(((*key).to_owned(), value?))
    };
    PLOTS.iter().filter_map(curve).collect()
}

/// A lane's column, smoothed where it is.
fn buckets(lane: &LaneView, column: Column) -> Vec<Bucket> {
    let series: &Series = match lane.store.smoothed() {
        Some(smoothed) if column == Column::TrainLoss => smoothed,
        _ => lane.store.series(column),
    };
    let mut buckets = Vec::new();
    series.view(0..=u64::MAX, POINTS, &mut buckets);
    buckets
}
