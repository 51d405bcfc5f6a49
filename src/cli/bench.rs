//! `anneal bench`: lane-updates a second on the standard workloads.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::experiment::Experiment;
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::command::{Revision, RunId};

/// Lanes measured.
const LANES: [usize; 3] = [1, 8, 64];
/// Each figure is the median of so many measurements of about this length.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(400);

/// What `--json` prints.
#[derive(Serialize)]
pub struct Report {
    machine: String,
    device: String,
    threads: usize,
    results: Vec<Figure>,
}

#[derive(Serialize)]
struct Figure {
    workload: &'static str,
    lanes: usize,
    lane_updates_per_second: f64,
    gflops: f64,
}

/// A standard workload: its name, data and layers.
struct Workload {
    name: &'static str,
    data: &'static str,
    batch: usize,
    hidden: &'static [usize],
}

const WORKLOADS: [Workload; 3] = [
    Workload { name: "tiny", data: "spirals", batch: 32, hidden: &[32, 32] },
    Workload { name: "digits", data: "digits", batch: 64, hidden: &[128, 64] },
    Workload { name: "wide", data: "fashion14", batch: 128, hidden: &[256, 128] },
];

impl Workload {
    fn experiment(&self, lanes: usize) -> Result<Experiment, TrainError> {
        let Self { name, data, batch, hidden } = self;
        let text = format!(
            r#"
anneal = 1
name = "{name}"
data = {{ name = "{data}", batch_size = {batch}, validation = 0.0 }}
model = {{ kind = "mlp", hidden = {hidden:?}, activation = "tanh" }}
train = {{ updates = "1000000000", replicas = {lanes} }}
[[run]]
name = "bench"
optimizer = {{ kind = "sgd", momentum = 0.9 }}
lr = {{ kind = "constant", peak = 0.01 }}
"#
        );
        Experiment::parse(&text, Path::new("bench.toml")).map_err(|error| TrainError::Task(error.to_string()))
    }
}

/// Measures every workload on `threads` threads, telling `progress` what comes next.
///
/// # Errors
/// When a workload cannot be trained, which is a fault of the program.
pub fn run(threads: usize, mut progress: impl FnMut(&str)) -> Result<Report, TrainError> {
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let mut results = Vec::new();
    let mut device = String::new();
    for workload in &WORKLOADS {
        for lanes in LANES {
            progress(&format!("{} with {lanes} lanes", workload.name));
            let revision =
                Revision { generation: 0, experiment: workload.experiment(lanes)?, ids: vec![RunId(0)] };
            let mut cohort = Cohort::new(Arc::new(revision), Arc::clone(&pool))?;
            device = cohort.device();
            let rate = measure(&mut cohort, lanes)?;
            let flops = cohort.task().model.flops(workload.batch);
            results.push(Figure {
                workload: workload.name,
                lanes,
                lane_updates_per_second: rate,
                gflops: rate * flops / 1e9,
            });
        }
    }
    let machine = format!("{} {}, {} cores", std::env::consts::OS, std::env::consts::ARCH, cores());
    Ok(Report { machine, device, threads, results })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Lane-updates a second, the median of several rounds.
fn measure(cohort: &mut Cohort, lanes: usize) -> Result<f64, TrainError> {
    let mut chunk = 1;
    let mut rates = Vec::new();
    for round in 0..=ROUNDS {
        let (start, mut done) = (Instant::now(), 0);
        while start.elapsed() < ROUND {
            let before = Instant::now();
            cohort.advance(u64::MAX, chunk)?;
            done += chunk;
            cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.rows.clear());
            if before.elapsed() < Duration::from_millis(20) {
                chunk *= 2;
            }
        }
        // The first round warms caches and finds the chunk.
        if round > 0 {
            rates.push((done * lanes as u64) as f64 / start.elapsed().as_secs_f64());
        }
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[rates.len() / 2])
}

impl Report {
    /// The table for people.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{}; {}\n\n{:<10}{:>6}{:>24}{:>10}\n",
            self.machine, self.device, "workload", "lanes", "lane-updates / s", "GFLOP/s"
        );
        for figure in &self.results {
            table += &format!(
                "{:<10}{:>6}{:>24.0}{:>10.1}\n",
                figure.workload, figure.lanes, figure.lane_updates_per_second, figure.gflops
            );
        }
        table
    }
}
