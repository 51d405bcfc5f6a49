//! `anneal bench`: lane-updates a second on the standard workloads.

pub mod forecast;
pub mod growth;
pub mod instant;
pub mod interface;
pub mod recording;
pub mod sweep;
pub mod team;
mod workload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Tensor;
use clap::Args;
use serde::Serialize;

use super::{Device, Failure, output, threads_of};
use crate::machine;
use crate::train::cohort::Cohort;
use crate::train::device::{Choice, TrainDevice};
use workload::{WORKLOADS, Workload};

/// Lanes measured when nothing else is asked for.
pub const LANES: [usize; 3] = [1, 8, 64];

/// What there is to measure.
pub fn workload_names() -> [&'static str; WORKLOADS.len()] {
    WORKLOADS.map(|workload| workload.name)
}

/// What `anneal bench` is given.
#[derive(Args)]
pub struct Arguments {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    pub device: Device,
    /// Training threads; all cores when not given.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Workloads to measure, such as tiny,digits; all when not given.
    #[arg(long, value_delimiter = ',', value_parser = workload_names())]
    pub workloads: Vec<String>,
    /// Lanes to measure, such as 1,64,1024.
    #[arg(long, value_delimiter = ',', default_values_t = LANES)]
    pub lanes: Vec<usize>,
    /// Measure Instant mode instead: from an edit to the whole new curve of 1,000 updates.
    #[arg(long, conflicts_with_all = ["device", "workloads", "lanes"])]
    pub instant: bool,
    /// Measure instead how the cost of `digits` grows with updates, lanes and batch.
    #[arg(long, conflicts_with_all = ["device", "workloads", "lanes", "instant"])]
    pub growth: bool,
    /// Measure instead what a forecast costs: fitting the law, and a schedule's curve.
    #[arg(long, conflicts_with_all = ["device", "workloads", "lanes", "instant", "growth"])]
    pub forecast: bool,
    /// Measure instead what a federated run of 64 clients makes of `digits`, against 64 lanes.
    #[arg(long, conflicts_with_all = ["device", "workloads", "lanes", "instant", "growth", "forecast"])]
    pub team: bool,
    /// Measure instead what a sweep costs beside bare training, and how soon a map is there.
    #[arg(long, conflicts_with_all = ["device", "workloads", "lanes", "instant", "growth", "forecast", "team"])]
    pub sweep: bool,
    /// Measure instead what a frame of the interface costs over 8 runs of a million updates; with --device also while
    /// 1,024 lanes train there.
    #[arg(long, conflicts_with_all = ["workloads", "lanes", "instant", "growth", "forecast", "team", "sweep"])]
    pub interface: bool,
    /// Measure instead what this recording costs beside our runs: until it is drawn, and a frame.
    #[arg(long, value_name = "LOG", conflicts_with_all = ["device", "workloads", "lanes", "instant", "growth", "forecast"])]
    pub recording: Option<PathBuf>,
    /// One short round instead of five: an idea, not a figure to quote.
    #[arg(long)]
    pub quick: bool,
}

pub fn command(args: &Arguments) -> Result<(), Failure> {
    let pace = if args.quick { Pace::QUICK } else { Pace::FULL };
    let progress = |next: &str| output::say(format!("measuring {next}"));
    if args.instant {
        let feels = instant::run(args.threads.map(|asked| threads_of(Some(asked))), pace, progress)?;
        return print_measured(args.json, &feels, || instant::table(&feels));
    }
    if args.interface {
        let beside = Some(Choice::from(args.device)).filter(|choice| *choice != Choice::Auto);
        let work = interface::run(beside, threads_of(args.threads), pace, progress)?;
        return print_measured(args.json, &work, || interface::table(&work));
    }
    if let Some(path) = &args.recording {
        let cost = recording::run(path)?;
        return print_measured(args.json, &cost, || recording::table(&cost));
    }
    let threads = threads_of(args.threads);
    if args.growth {
        let costs = growth::run(threads, pace, progress)?;
        return print_measured(args.json, &costs, || growth::table(&costs));
    }
    if args.forecast {
        let costs = forecast::run(threads, pace, progress)?;
        return print_measured(args.json, &costs, || forecast::table(&costs));
    }
    if args.team {
        let figures = team::run(threads, pace, progress)?;
        return print_measured(args.json, &figures, || team::table(&figures));
    }
    if args.sweep {
        let costs = sweep::run(threads, pace, progress)?;
        return print_measured(args.json, &costs, || sweep::table(&costs));
    }
    let asked = Asked { workloads: &args.workloads, lanes: &args.lanes };
    let report = run(threads, args.device.into(), &asked, pace, progress)?;
    print_measured(args.json, &report, || report.table())
}

/// As JSON, or as the table for people.
fn print_measured(
    json: bool,
    measured: &impl Serialize,
    table: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let text = if json { serde_json::to_string_pretty(measured)? + "\n" } else { table() };
    output::print(&text)?;
    Ok(())
}

/// What is to be measured.
pub struct Asked<'a> {
    /// By name; all when there are none.
    pub workloads: &'a [String],
    pub lanes: &'a [usize],
}

/// How long is measured.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Each figure is the median of so many rounds,
    rounds: usize,
    /// each of about this length.
    round: Duration,
    /// How long the peak is dragged.
    drag: Duration,
}

impl Pace {
    pub const FULL: Self =
        Self { rounds: 5, round: Duration::from_millis(400), drag: Duration::from_secs(4) };
    pub const QUICK: Self =
        Self { rounds: 1, round: Duration::from_millis(40), drag: Duration::from_millis(500) };
}

/// What `--json` prints.
#[derive(Serialize)]
pub struct Report {
    machine: String,
    device: String,
    threads: usize,
    /// What the `gemm` crate reaches on large matrices on as many threads.
    gemm_peak_gflops: f64,
    results: Vec<Figure>,
}

#[derive(Serialize)]
struct Figure {
    workload: &'static str,
    lanes: usize,
    lane_updates_per_second: f64,
    gflops: f64,
    /// The share of the `gemm` peak of as many threads as there are lanes to fill.
    share_of_peak: f64,
    /// Bytes that go to a graphics adapter and come back, a lane-update.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<[f64; 2]>,
}

/// Measures the workloads asked for on `threads` threads, telling `progress` what comes next.
///
/// # Errors
/// When a workload cannot be trained there.
pub fn run(
    threads: usize,
    device: Choice,
    asked: &Asked<'_>,
    pace: Pace,
    mut progress: impl FnMut(&str),
) -> anyhow::Result<Report> {
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    progress("the gemm peak");
    let peak = gemm_peak(pace)?;
    let mut results = Vec::new();
    let mut name = String::new();
    let is_asked = |workload: &&Workload| {
        asked.workloads.is_empty() || asked.workloads.iter().any(|name| name == workload.name)
    };
    for workload in WORKLOADS.iter().filter(is_asked) {
        for &lanes in asked.lanes {
            progress(&format!("{} with {lanes} lanes", workload.name));
            let revision = workload.replicas(lanes, workload.batch)?;
            let task = workload.task(&revision)?;
            let flops = task.model.flops(task.batch);
            let device = TrainDevice::choose(device, Arc::clone(&pool), flops * lanes as f64)?;
            let mut cohort = Cohort::with_task(revision, task, device)?;
            name = cohort.device();
            let (rate, moved) = measure(&mut cohort, lanes, pace)?;
            let gflops = rate * flops / 1e9;
            results.push(Figure {
                workload: workload.name,
                lanes,
                lane_updates_per_second: rate,
                gflops,
                share_of_peak: gflops / (peak * threads.min(lanes) as f64),
                moved,
            });
        }
    }
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    let machine = format!("{system} {processor}, {} cores", machine::cores());
    Ok(Report { machine, device: name, threads, gemm_peak_gflops: peak, results })
}

/// What candle's product of 512 by 512 matrices (the `gemm` crate) reaches on one thread, in GFLOP/s;
/// the median of several measurements.
fn gemm_peak(pace: Pace) -> anyhow::Result<f64> {
    const SIDE: usize = 512;
    let one = crate::train::pool(Some(1))?;
    let factor = Tensor::full(0.5_f32, (SIDE, SIDE), &candle_core::Device::Cpu)?;
    let mut rates = Vec::new();
    for _ in 0..8 * pace.rounds {
        let start = Instant::now();
        one.install(|| factor.matmul(&factor))?;
        rates.push(2.0 * (SIDE as f64).powi(3) / start.elapsed().as_secs_f64() / 1e9);
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[rates.len() / 2])
}

/// Lane-updates a second, the median of several rounds; and the bytes that each moved, on a graphics adapter.
fn measure(cohort: &mut Cohort, lanes: usize, pace: Pace) -> anyhow::Result<(f64, Option<[f64; 2]>)> {
    let mut chunk = 1;
    // The first round warms caches and finds the chunk.
    round(cohort, &mut chunk, pace)?;
    let before = cohort.moved().zip(Some(cohort.update()));
    let rates: anyhow::Result<Vec<f64>> = (0..pace.rounds).map(|_| round(cohort, &mut chunk, pace)).collect();
    let moved = before.zip(cohort.moved()).map(|((before, begun), after)| {
        let updates = (cohort.update() - begun) as f64 * lanes as f64;
        [0, 1].map(|way| (after[way] - before[way]) as f64 / updates)
    });
    Ok((lanes as f64 * median(rates?), moved))
}

/// Updates a second in one round; makes chunks longer where they are too short to be timed.
fn round(cohort: &mut Cohort, chunk: &mut u64, pace: Pace) -> anyhow::Result<f64> {
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < pace.round {
        let before = Instant::now();
        cohort.advance(u64::MAX, *chunk)?;
        done += *chunk;
        cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.rows.clear());
        if before.elapsed() < Duration::from_millis(20) {
            *chunk *= 2;
        }
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Report {
    /// The table for people.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{}; {}; gemm peak {:.0} GFLOP/s a thread\n\n{:<10}{:>6}{:>18}{:>10}{:>10}{}\n",
            self.machine,
            self.device,
            self.gemm_peak_gflops,
            "workload",
            "lanes",
            "lane-updates / s",
            "GFLOP/s",
            "of peak",
            if self.results.iter().any(|figure| figure.moved.is_some()) { "   bytes up, down" } else { "" }
        );
        for figure in &self.results {
            table += &format!(
                "{:<10}{:>6}{:>18.0}{:>10.1}{:>9.0}%{}\n",
                figure.workload,
                figure.lanes,
                figure.lane_updates_per_second,
                figure.gflops,
                100.0 * figure.share_of_peak,
                figure.moved.map_or_else(String::new, |[up, down]| format!("{up:>11.0}{down:>6.0}"))
            );
        }
        table
    }
}
