//! The measures of a set of runs: how many succeed, how fast, at what cost, and how steady they were.

use serde::Serialize;

use super::{Criteria, LaneRecord};
use crate::analysis::statistics::{deviation, mean};

/// What each measure is, as it is shown beside it: its name in JSON, its name for people, its definition.
pub const DEFINITIONS: [(&str, &str, &str); 17] = [
    ("runs", "Runs", "Every run under every seed counts once."),
    ("success_rate", "Success rate", "The share of the runs that converged, as the library's criteria say."),
    ("divergence_rate", "Divergence rate", "The share of the runs whose loss became NaN or infinite."),
    ("failure_rate", "Failure rate", "The share of the runs that diverged or could not go on."),
    (
        "updates_to_converge",
        "Updates to converge",
        "Updates made when the criterion was first met, over the runs that met it: median, and the nearest-rank 95th percentile.",
    ),
    (
        "seconds_to_converge",
        "Seconds to converge",
        "The training's wall time times the share of its updates made by then. Lanes trained together share the time.",
    ),
    ("hours", "Hours", "Wall time of all trainings that ended; lanes trained together are one training."),
    ("cost", "Cost", "Hours times the library's price an hour."),
    (
        "cost_per_converged",
        "Cost per converged run",
        "The cost of all runs, failed ones included, over those that converged.",
    ),
    (
        "rate_changes_per_update",
        "Rate changes",
        "Updates whose rate was not the one before, over all updates: the mean over the runs.",
    ),
    (
        "rate_deviation",
        "Rate deviation",
        "The standard deviation of the rate over a run's updates: the mean over the runs.",
    ),
    (
        "reversals",
        "Metric thrashing",
        "Validations at which the loss turned round after the rate had changed since the one before: the mean over the runs.",
    ),
    (
        "gradient_peaks",
        "Gradient peaks",
        "Updates whose gradient norm was over three times the running average of those before (0.98 of the past, from the 21st on): the mean over the runs.",
    ),
    (
        "loss_slope",
        "Loss slope",
        "The least-squares slope of the training loss over a run's last fifth of updates, per 1,000 updates: the mean over the runs.",
    ),
    (
        "loss_deviation",
        "Spread over seeds",
        "The standard deviation of the final validation loss over the seeds of a run: the mean over runs with two seeds or more.",
    ),
    (
        "error_budget_used",
        "Error budget used",
        "The failure rate over the share that may fail; above 1 it is spent.",
    ),
    (
        "updates_per_second",
        "Throughput",
        "Updates of all lanes of a training over its wall time, over the trainings that ended.",
    ),
];

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
    pub converged: usize,
    pub diverged: usize,
    pub failed: usize,
    pub success_rate: Option<f64>,
    pub divergence_rate: Option<f64>,
    pub failure_rate: Option<f64>,
    pub updates_to_converge: Option<Spread>,
    pub seconds_to_converge: Option<Spread>,
    pub hours: f64,
    pub cost: f64,
    pub cost_per_converged: Option<f64>,
    pub rate_changes_per_update: Option<f64>,
    pub rate_deviation: Option<f64>,
    pub reversals: Option<f64>,
    pub gradient_peaks: Option<f64>,
    pub loss_slope: Option<f64>,
    pub loss_deviation: Option<f64>,
    pub error_budget_used: Option<f64>,
    pub updates_per_second: Option<f64>,
}

impl Measures {
    /// Of these lanes, each with what tells its training from others.
    pub fn of(lanes: &[(&str, &LaneRecord)], criteria: &Criteria) -> Self {
        let runs = lanes.len();
        let share = |count: usize| (runs > 0).then(|| count as f64 / runs as f64);
        let converged: Vec<(u64, &LaneRecord)> =
            lanes.iter().filter_map(|(_, lane)| Some((criteria.converged(lane)?, *lane))).collect();
        let diverged = lanes.iter().filter(|(_, lane)| lane.diverged_at.is_some()).count();
        let failed = lanes.iter().filter(|(_, lane)| lane.is_failed()).count();
        let updates: Vec<f64> = converged.iter().map(|(updates, _)| *updates as f64).collect();
        let seconds = |(updates, lane): &(u64, &LaneRecord)| {
            Some(lane.seconds? * *updates as f64 / lane.updates.max(1) as f64)
        };
        let seconds: Vec<f64> = converged.iter().filter_map(seconds).collect();
        let (total, made) = trainings(lanes);
        let hours = total / 3600.0;
        let cost = hours * criteria.price_per_hour;
        let over = |value: &dyn Fn(&LaneRecord) -> Option<f64>| {
            mean(&lanes.iter().filter_map(|(_, lane)| value(lane)).collect::<Vec<_>>())
        };
        Self {
            runs,
            converged: converged.len(),
            diverged,
            failed,
            success_rate: share(converged.len()),
            divergence_rate: share(diverged),
            failure_rate: share(failed),
            updates_to_converge: Spread::of(&updates),
            seconds_to_converge: Spread::of(&seconds),
            hours,
            cost,
            cost_per_converged: (!converged.is_empty()).then(|| cost / converged.len() as f64),
            rate_changes_per_update: over(&|lane| {
                (lane.updates > 0).then(|| lane.rate_changes as f64 / lane.updates as f64)
            }),
            rate_deviation: over(&|lane| Some(lane.rate_deviation)),
            reversals: over(&|lane| Some(lane.reversals as f64)),
            gradient_peaks: over(&|lane| Some(lane.gradient_peaks as f64)),
            loss_slope: over(&|lane| lane.loss_slope.map(|slope| slope * 1000.0)),
            loss_deviation: spread_over_seeds(lanes),
            error_budget_used: share(failed).map(|rate| rate / criteria.error_budget),
            updates_per_second: (total > 0.0).then(|| made / total),
        }
    }
}

/// Seconds of the trainings that ended, each once, and the updates of all of their lanes.
fn trainings(lanes: &[(&str, &LaneRecord)]) -> (f64, f64) {
    let mut seconds = std::collections::BTreeMap::new();
    let mut made = 0.0;
    for (training, lane) in lanes {
        if let Some(took) = lane.seconds {
            let known = seconds.entry(*training).or_insert(took);
            *known = took.max(*known);
            made += lane.updates as f64;
        }
    }
    (seconds.values().sum(), made)
}

/// The mean, over runs with two seeds or more, of the deviation of their final validation losses.
fn spread_over_seeds(lanes: &[(&str, &LaneRecord)]) -> Option<f64> {
    let mut families: std::collections::BTreeMap<String, Vec<f64>> = std::collections::BTreeMap::new();
    for (_, lane) in lanes {
        if let Some(loss) = lane.final_val_loss {
            families.entry(lane.family()).or_default().push(loss);
        }
    }
    mean(&families.values().filter_map(|losses| deviation(losses)).collect::<Vec<_>>())
}
