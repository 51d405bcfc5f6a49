//! The measures of a set of runs: how many succeed, how fast, at what cost, and how steady they were.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Criteria, Entry, LaneRecord};
use crate::analysis::statistics::{deviation, mean};

/// A measure as it is shown: its name in JSON, its name for people, its definition, and its value.
pub struct Definition {
    pub name: &'static str,
    pub label: &'static str,
    pub help: &'static str,
    pub figure: fn(&Measures) -> Figure,
}

/// What kind of number a measure is; nothing where there is nothing to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    Count(usize),
    Share(Option<f64>),
    Number(Option<f64>),
    Money(Option<f64>),
    Spread(Option<Spread>),
    MoneySpread(Option<Spread>),
}

macro_rules! definitions {
    ($($name:ident: $label:literal, $kind:ident, $help:literal;)*) => {
        /// Every measure, in the order in which they are shown.
        pub const DEFINITIONS: &[Definition] = &[$(Definition {
            name: stringify!($name),
            label: $label,
            help: $help,
            figure: |measures| Figure::$kind(measures.$name),
        }),*];
    };
}

definitions! {
    runs: "Runs", Count, "Every run under every seed counts once; a sweep's trials are runs.";
    judged: "Runs judged", Count,
        "Runs of which it can be told whether they converged: the criterion's quantity was measured, and no sweep gave \
         them up early.";
    success_rate: "Success rate", Share, "The share of the judged runs that converged, as the library's criteria say.";
    divergence_rate: "Divergence rate", Share, "The share of the runs whose loss became NaN or infinite.";
    failure_rate: "Failure rate", Share, "The share of the runs that diverged or could not go on.";
    updates_to_converge: "Updates to converge", Spread,
        "Updates made when the criterion was first met, over the runs that met it: median, and the nearest-rank 95th \
         percentile.";
    seconds_to_converge: "Seconds to converge", Spread,
        "The training's wall time times the share of its updates made by then. Lanes trained together share the time.";
    cost_to_converge: "Cost to converge", MoneySpread, "Those hours times the library's price an hour.";
    hours: "Hours", Number, "Wall time of all trainings that ended; lanes trained together are one training.";
    cost: "Cost", Money, "Hours times the library's price an hour.";
    cost_per_converged: "Cost per converged run", Money,
        "The cost of all runs, failed ones included, over those that converged.";
    joules: "Energy", Number,
        "Joules of the processor packages while the trainings ran, where the machine tells (RAPL); what else ran then \
         is in it.";
    joules_per_converged: "Energy per converged run", Number,
        "That energy over the runs that converged, of the trainings whose energy is known.";
    rate_changes_per_update: "Rate changes", Number,
        "Updates whose rate was not the one before, over all updates: the mean over the runs.";
    rate_deviation: "Rate deviation", Number,
        "The standard deviation of the rate over a run's updates: the mean over the runs.";
    reversals: "Metric thrashing", Number,
        "Validations at which the loss turned round after the rate had changed since the one before: the mean over the \
         runs.";
    gradient_peaks: "Gradient peaks", Number,
        "Updates whose gradient norm was over three times the running average of those before (0.98 of the past, from \
         the 21st on): the mean over the runs.";
    loss_slope: "Loss slope", Number,
        "The least-squares slope of the training loss over a run's last fifth of updates, per 1,000 updates: the mean \
         over the runs.";
    loss_deviation: "Spread over seeds", Number,
        "The standard deviation of the final validation loss over the seeds of a run: the mean over runs with two seeds \
         or more.";
    resumes: "Resumes", Count, "Times that a run went on from a checkpoint.";
    checkpoint_consistency: "Checkpoint consistency", Share,
        "The share of the resumes after which the next update's rate was, to the last bit, the one that the checkpoint \
         had for it; of a recording, those without a jump of the rate.";
    scheduler_latency: "Scheduler latency", Spread,
        "Updates from the one that a change made while training was for to the one it took effect at: median, and the \
         nearest-rank 95th percentile. A schedule by itself has none.";
    error_budget_used: "Error budget used", Share,
        "The failure rate over the share of runs that may fail; above 100 % it is spent.";
    burn_rate: "Burn rate", Number,
        "The failure rate of the runs of the last day up to the newest one, over the share that may fail: at 1 the \
         budget lasts, above 14.4 somebody is paged.";
    updates_per_second: "Throughput", Number,
        "Updates of all lanes of a training over its wall time, over the trainings that ended.";
}

/// The middle of a few values, and the value that 95 % of them do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub p95: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let median = crate::analysis::statistics::median(values)?;
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = (0.95 * sorted.len() as f64).ceil() as usize;
        let p95 = *sorted.get(rank.max(1) - 1)?;
        Some(Self { median, p95 })
    }
}

/// The measures of some runs; nothing where there is nothing to measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    pub runs: usize,
    pub judged: usize,
    pub converged: usize,
    pub diverged: usize,
    pub failed: usize,
    pub success_rate: Option<f64>,
    pub divergence_rate: Option<f64>,
    pub failure_rate: Option<f64>,
    pub updates_to_converge: Option<Spread>,
    pub seconds_to_converge: Option<Spread>,
    pub cost_to_converge: Option<Spread>,
    pub hours: Option<f64>,
    pub cost: Option<f64>,
    pub cost_per_converged: Option<f64>,
    pub joules: Option<f64>,
    pub joules_per_converged: Option<f64>,
    pub rate_changes_per_update: Option<f64>,
    pub rate_deviation: Option<f64>,
    pub reversals: Option<f64>,
    pub gradient_peaks: Option<f64>,
    pub loss_slope: Option<f64>,
    pub loss_deviation: Option<f64>,
    pub resumes: usize,
    pub checkpoint_consistency: Option<f64>,
    pub scheduler_latency: Option<Spread>,
    pub error_budget_used: Option<f64>,
    pub burn_rate: Option<f64>,
    pub updates_per_second: Option<f64>,
}

/// The window of the burn rate, in seconds.
const DAY: u64 = 24 * 3600;

impl Measures {
    pub fn of(entries: &[Entry], criteria: &Criteria) -> Self {
        let lanes = || entries.iter().map(|entry| &entry.lane);
        let runs = entries.len();
        let of = |count: usize, all: usize| (all > 0).then(|| count as f64 / all as f64);
        let converged: Vec<(u64, &Entry)> = entries
            .iter()
            .filter(|entry| criteria.is_judged(&entry.lane))
            .filter_map(|entry| Some((criteria.converged(&entry.lane)?, entry)))
            .collect();
        let judged = lanes().filter(|lane| criteria.is_judged(lane)).count();
        let diverged = lanes().filter(|lane| lane.diverged_at.is_some()).count();
        let failed = lanes().filter(|lane| lane.is_failed()).count();
        let updates: Vec<f64> = converged.iter().map(|(updates, _)| *updates as f64).collect();
        let seconds = |(updates, entry): &(u64, &Entry)| {
            Some(entry.lane.seconds? * *updates as f64 / entry.lane.updates.max(1) as f64)
        };
        let seconds: Vec<f64> = converged.iter().filter_map(seconds).collect();
        let costs: Vec<f64> = seconds.iter().map(|it| it / 3600.0 * criteria.price_per_hour).collect();
        let total = shared(entries, |lane| lane.seconds);
        let made: f64 = lanes().filter(|lane| lane.seconds.is_some()).map(|lane| lane.updates as f64).sum();
        let hours = total / 3600.0;
        let cost = hours * criteria.price_per_hour;
        let metered = lanes().any(|lane| lane.joules.is_some());
        let joules = metered.then(|| shared(entries, |lane| lane.joules));
        let metered = converged.iter().filter(|(_, entry)| entry.lane.joules.is_some()).count();
        let over =
            |value: &dyn Fn(&LaneRecord) -> Option<f64>| mean(&lanes().filter_map(value).collect::<Vec<_>>());
        let resumes: u64 = lanes().map(|lane| lane.resumes).sum();
        let broken: u64 = lanes().map(|lane| lane.broken_resumes).sum();
        let latencies: Vec<f64> =
            lanes().flat_map(|lane| lane.latencies.iter().map(|updates| *updates as f64)).collect();
        let newest = entries.iter().map(|entry| entry.at).max().unwrap_or(0);
        let recent = || entries.iter().filter(|entry| entry.at + DAY >= newest);
        let failed_recently = recent().filter(|entry| entry.lane.is_failed()).count();
        Self {
            runs,
            judged,
            converged: converged.len(),
            diverged,
            failed,
            success_rate: of(converged.len(), judged),
            divergence_rate: of(diverged, runs),
            failure_rate: of(failed, runs),
            updates_to_converge: Spread::of(&updates),
            seconds_to_converge: Spread::of(&seconds),
            cost_to_converge: Spread::of(&costs),
            hours: (runs > 0).then_some(hours),
            cost: (runs > 0).then_some(cost),
            cost_per_converged: (!converged.is_empty()).then(|| cost / converged.len() as f64),
            joules,
            joules_per_converged: joules.filter(|_| metered > 0).map(|joules| joules / metered as f64),
            rate_changes_per_update: over(&|lane| {
                (lane.updates > 0).then(|| lane.rate_changes as f64 / lane.updates as f64)
            }),
            rate_deviation: over(&|lane| Some(lane.rate_deviation)),
            reversals: over(&|lane| Some(lane.reversals as f64)),
            gradient_peaks: over(&|lane| Some(lane.gradient_peaks as f64)),
            loss_slope: over(&|lane| lane.loss_slope.map(|slope| slope * 1000.0)),
            loss_deviation: spread_over_seeds(entries),
            resumes: resumes as usize,
            checkpoint_consistency: of((resumes - broken.min(resumes)) as usize, resumes as usize),
            scheduler_latency: Spread::of(&latencies),
            error_budget_used: of(failed, runs).map(|rate| rate / criteria.error_budget),
            burn_rate: of(failed_recently, recent().count()).map(|rate| rate / criteria.error_budget),
            updates_per_second: (total > 0.0).then(|| made / total),
        }
    }
}

/// The sum over trainings of what their lanes share.
fn shared(entries: &[Entry], of: impl Fn(&LaneRecord) -> Option<f64>) -> f64 {
    let mut each: BTreeMap<&str, f64> = BTreeMap::new();
    for entry in entries {
        if let Some(value) = of(&entry.lane) {
            let known = each.entry(&entry.folder).or_insert(value);
            *known = value.max(*known);
        }
    }
    each.values().sum()
}

/// The mean, over runs with two seeds or more, of the deviation of their final validation losses.
fn spread_over_seeds(entries: &[Entry]) -> Option<f64> {
    let mut families: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for entry in entries {
        if let Some(loss) = entry.lane.final_val_loss {
            families.entry(entry.lane.family()).or_default().push(loss);
        }
    }
    mean(&families.values().filter_map(|losses| deviation(losses)).collect::<Vec<_>>())
}
