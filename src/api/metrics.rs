//! Every run as a page for Prometheus, `/metrics`: its newest values, whenever a server asks.

use std::time::Instant;

use serde_json::Value;

use super::hub::Hub;
use crate::sink::{Text, labels};

/// Runs on the page at most.
const MOST: usize = 200;

/// Columns of runs, as ours and other programs call them, under the names that `anneal train --metrics` has, too.
const GAUGES: [(&[&str], &str, &str); 8] = [
    (&["lr", "lr:all"], "anneal_learning_rate", "The learning rate that the update used."),
    (&["momentum"], "anneal_momentum", "The share of the last step that the update kept."),
    (&["train_loss", "loss"], "anneal_train_loss", "The mean loss of the update's batch."),
    (&["val_loss"], "anneal_validation_loss", "The mean loss on the samples held out from training."),
    (&["val_accuracy"], "anneal_validation_accuracy", "The share of the held-out samples told right."),
    (&["grad_norm", "gradient_norm"], "anneal_gradient_norm", "The length of the whole gradient."),
    (&["update_norm"], "anneal_update_norm", "The length of the step that all weights took together."),
    (&["weight_decay"], "anneal_weight_decay", "How strongly the update pulled the weights towards zero."),
];

/// One run on the page.
struct Shown {
    labels: String,
    update: f64,
    total: f64,
    active: bool,
    latest: Value,
}

impl Shown {
    /// The newest value under one of these names; nothing where it is none or no number.
    fn value(&self, names: &[&str]) -> Option<f64> {
        names.iter().find_map(|name| self.latest.get(*name)?.as_f64())
    }

    /// Whether the newest loss is there and no number.
    fn is_diverged(&self) -> bool {
        let words = ["nan", "inf", "-inf"];
        let newest = ["train_loss", "loss"].iter().find_map(|name| self.latest.get(*name)?.as_str());
        newest.is_some_and(|word| words.contains(&word))
    }
}

/// The page as it is now.
pub fn page(hub: &Hub, now: Instant) -> String {
    let all = hub.runs(now);
    let all = all["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |run: &Value, name: &str| run[name].as_str().unwrap_or_default().to_owned();
    let own = hub.with_own(|own| own.experiment().to_owned()).unwrap_or_default();
    let shown = |run: &Value| {
        let id = text(run, "id");
        let latest = hub.run(&id, now).ok()?["latest"].take();
        let (kind, name) = (text(run, "kind"), text(run, "name"));
        let experiment = if kind == "own" { own.as_str() } else { kind.as_str() };
        Some(Shown {
            labels: labels(&[("experiment", experiment), ("run", &name), ("replica", "0"), ("id", &id)]),
            update: run["update"].as_f64().unwrap_or(0.0),
            total: run["total"].as_f64().unwrap_or(0.0),
            active: run["state"] == "training",
            latest,
        })
    };
    let runs: Vec<Shown> = all.iter().take(MOST).filter_map(shown).collect();
    let mut page = Text::default();
    let mut family = |name: &str, kind: &str, help: &str, of: &dyn Fn(&Shown) -> Option<f64>| {
        let values: Vec<(&Shown, f64)> = runs.iter().filter_map(|run| Some((run, of(run)?))).collect();
        if !values.is_empty() {
            page.family(name, kind, help);
            values.iter().for_each(|(run, value)| page.sample(name, &run.labels, *value));
        }
    };
    for (columns, name, help) in GAUGES {
        family(name, "gauge", help, &|run| run.value(columns));
    }
    family("anneal_updates_total", "counter", "Updates made.", &|run| Some(run.update));
    family("anneal_updates_planned", "gauge", "The updates the run is to make.", &|run| Some(run.total));
    let active = |run: &Shown| Some(f64::from(u8::from(run.active)));
    family("anneal_active", "gauge", "1 while the run trains.", &active);
    let help = "1 where the newest loss is NaN or infinite.";
    let diverged = |run: &Shown| Some(f64::from(u8::from(run.is_diverged())));
    family("anneal_divergences_total", "counter", help, &diverged);
    page.family("anneal_lanes_left_out", "gauge", "Runs beyond the 200 that are shown.");
    page.sample("anneal_lanes_left_out", "", all.len().saturating_sub(MOST) as f64);
    page.into_page()
}
