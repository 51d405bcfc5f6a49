//! Prometheus: the newest values of every lane, and counts, as a page that a server scrapes.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::exposition::{Text, labels};
use super::{LaneInfo, Message, Sink};
use crate::telemetry::{Column, EventKind, Row};

/// Lanes that are shown; a sweep's thousands would fill a server's memory. How many are left out is a metric.
const MOST_LANES: usize = 200;
/// Upper edges of the gradient norm's histogram, half a decade apart.
const EDGES: [f64; 13] = [1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0];

/// The columns that are shown, with their names in Prometheus.
const GAUGES: [(Column, &str); 11] = [
    (Column::Lr, "anneal_learning_rate"),
    (Column::Momentum, "anneal_momentum"),
    (Column::TrainLoss, "anneal_train_loss"),
    (Column::ValLoss, "anneal_validation_loss"),
    (Column::ValAccuracy, "anneal_validation_accuracy"),
    (Column::GradNorm, "anneal_gradient_norm"),
    (Column::UpdateNorm, "anneal_update_norm"),
    (Column::ParamNorm, "anneal_parameter_norm"),
    (Column::WeightDecay, "anneal_weight_decay"),
    (Column::Batch, "anneal_batch_samples"),
    (Column::EffectiveLr, "anneal_effective_learning_rate"),
];

/// What a lane came to so far.
#[derive(Clone, Debug, Default)]
struct Lane {
    labels: String,
    planned: u64,
    warmup: u64,
    made: u64,
    /// The newest value of each of [`GAUGES`]; nothing where no update measured it.
    newest: [Option<f64>; GAUGES.len()],
    best_loss: Option<f64>,
    last_rate: Option<f64>,
    rate_changes: u64,
    divergences: u64,
    findings: u64,
    failures: u64,
    norms: [u64; EDGES.len() + 1],
    norm_sum: f64,
    ended: bool,
}

#[derive(Default)]
struct State {
    lanes: Vec<Lane>,
    left_out: usize,
    checkpoints: (u64, u64),
}

/// The page, which any thread may ask for.
#[derive(Clone, Default)]
pub struct Page(Arc<Mutex<State>>);

/// Keeps a [`Page`] up to date.
pub struct Prometheus {
    page: Page,
}

impl Prometheus {
    /// A page of these lanes.
    pub fn new(lanes: &[LaneInfo]) -> Self {
        let mut shown: Vec<Lane> = Vec::new();
        for lane in lanes.iter().take(MOST_LANES) {
            let named = |run: &str| {
                labels(&[
                    ("experiment", &lane.experiment),
                    ("run", run),
                    ("replica", &lane.replica.to_string()),
                ])
            };
            let mut labels = named(&lane.run);
            // Two long names that are cut to the same would make a page that no server takes.
            if shown.iter().any(|other| other.labels == labels) {
                labels = named(&format!("#{} {}", shown.len(), lane.run));
            }
            let (planned, warmup) = (lane.updates, lane.warmup);
            shown.push(Lane { labels, planned, warmup, ..Lane::default() });
        }
        let left_out = lanes.len().saturating_sub(MOST_LANES);
        let state = State { lanes: shown, left_out, checkpoints: (0, 0) };
        Self { page: Page(Arc::new(Mutex::new(state))) }
    }

    pub fn page(&self) -> Page {
        self.page.clone()
    }
}

impl Sink for Prometheus {
    fn name(&self) -> &'static str {
        "Prometheus"
    }

    fn take(&mut self, message: &Message) -> io::Result<()> {
        let mut state = self.page.lock();
        match message {
            Message::Rows { lane, rows, events } => {
                if let Some(lane) = state.lanes.get_mut(*lane) {
                    rows.iter().for_each(|row| lane.take(row));
                    let count = |kind| events.iter().filter(|event| **event == kind).count() as u64;
                    lane.divergences += count(EventKind::Diverged);
                    lane.findings += count(EventKind::Finding);
                    lane.failures += count(EventKind::Failed);
                }
            }
            Message::Checkpoints { written, failed } => state.checkpoints = (*written, *failed),
            Message::End { .. } => state.lanes.iter_mut().for_each(|lane| lane.ended = true),
        }
        Ok(())
    }
}

impl Lane {
    fn take(&mut self, row: &Row) {
        self.made = row.update + 1;
        for ((column, _), newest) in GAUGES.iter().zip(&mut self.newest) {
            *newest = row.get(*column).or(*newest);
        }
        self.rate_changes += u64::from(self.last_rate.is_some_and(|last| last != row.lr));
        self.last_rate = Some(row.lr);
        if let Some(loss) = row.val_loss.map(f64::from).filter(|loss| loss.is_finite()) {
            self.best_loss = Some(self.best_loss.map_or(loss, |best| best.min(loss)));
        }
        let norm = f64::from(row.grad_norm);
        // What is not a number is above every edge, and in no sum.
        let bucket = EDGES.iter().position(|edge| norm <= *edge).unwrap_or(EDGES.len());
        if let Some(count) = self.norms.get_mut(bucket) {
            *count += 1;
        }
        self.norm_sum += if norm.is_finite() { norm } else { 0.0 };
    }
}

impl Page {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page as it is now.
    pub fn render(&self) -> String {
        let state = self.lock();
        let mut text = Text::default();
        for (at, (column, name)) in GAUGES.iter().enumerate() {
            let measured = |lane: &Lane| lane.newest.get(at).copied().flatten();
            if state.lanes.iter().any(|lane| measured(lane).is_some()) {
                text.family(name, "gauge", column.help());
                let values = state.lanes.iter().filter_map(|lane| Some((lane, measured(lane)?)));
                values.for_each(|(lane, value)| text.sample(name, &lane.labels, value));
            }
        }
        let mut family = |name: &str, kind: &str, help: &str, of: &dyn Fn(&Lane) -> Option<f64>| {
            text.family(name, kind, help);
            let values = state.lanes.iter().filter_map(|lane| Some((lane, of(lane)?)));
            values.for_each(|(lane, value)| text.sample(name, &lane.labels, value));
        };
        let count = |count: u64| Some(count as f64);
        family("anneal_best_validation_loss", "gauge", "The lowest validation loss so far.", &|lane| {
            lane.best_loss
        });
        family("anneal_updates_planned", "gauge", "The updates the run is to make.", &|lane| {
            count(lane.planned)
        });
        family("anneal_warmup", "gauge", "1 while the rate warms up, when losses may jump.", &|lane| {
            count(u64::from(lane.made < lane.warmup))
        });
        family("anneal_active", "gauge", "1 while the run trains.", &|lane| count(u64::from(!lane.ended)));
        family("anneal_updates_total", "counter", "Updates made.", &|lane| count(lane.made));
        family(
            "anneal_rate_changes_total",
            "counter",
            "Updates whose rate was not the one before.",
            &|lane| count(lane.rate_changes),
        );
        family("anneal_divergences_total", "counter", "Times the loss became NaN or infinite.", &|lane| {
            count(lane.divergences)
        });
        family("anneal_findings_total", "counter", "Things that the detectors found.", &|lane| {
            count(lane.findings)
        });
        family("anneal_failures_total", "counter", "Times the run could not go on.", &|lane| {
            count(lane.failures)
        });
        let name = "anneal_gradient_norms";
        text.family(name, "histogram", "Gradient norms of all updates, before clipping.");
        for lane in &state.lanes {
            let mut below = 0;
            let edges = EDGES.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            for (edge, count) in edges.zip(lane.norms) {
                below += count;
                let labels = format!("{},le=\"{edge}\"", lane.labels);
                text.sample(&format!("{name}_bucket"), &labels, below as f64);
            }
            text.sample(&format!("{name}_sum"), &lane.labels, lane.norm_sum);
            text.sample(&format!("{name}_count"), &lane.labels, below as f64);
        }
        let (written, failed) = state.checkpoints;
        text.family("anneal_checkpoints_total", "counter", "Checkpoints on the disk.");
        text.sample("anneal_checkpoints_total", "", written as f64);
        text.family("anneal_checkpoint_failures_total", "counter", "Checkpoints that could not be written.");
        text.sample("anneal_checkpoint_failures_total", "", failed as f64);
        text.family("anneal_lanes_left_out", "gauge", "Runs and replicas beyond the 200 that are shown.");
        text.sample("anneal_lanes_left_out", "", state.left_out as f64);
        text.into_page()
    }
}
