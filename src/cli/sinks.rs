//! Where a training's telemetry goes beside its folder: what is asked for on the command line.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use toml::Value;

use super::{Failure, output};
use crate::experiment::Experiment;
use crate::schedule::Clock;
use crate::sink::{Endpoint, LaneInfo, Message, Outlet, Outlets, Prometheus, Setting, TensorBoard};
use crate::telemetry::EventKind;
use crate::train::checkpoint::Writer;
use crate::train::lane::Lane;

/// Sinks of a training.
#[derive(Args, Clone, Debug, Default)]
pub struct SinkArgs {
    /// Serve the newest values to Prometheus at http://ADDRESS/metrics while training.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// Wait at the end until the last values were scraped, but no longer than this.
    #[arg(long, requires = "metrics", value_name = "SECONDS", default_value_t = 0)]
    pub linger: u64,
    /// Write TensorBoard's event files there while training.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
}

/// The open sinks of a training.
#[derive(Default)]
pub struct Sinks {
    outlets: Outlets,
    endpoint: Option<Endpoint>,
    linger: Duration,
    /// How often the page had been asked for when the last values were on it.
    scraped: u64,
    /// Lanes that are known to have failed.
    failed: BTreeSet<usize>,
}

impl Sinks {
    /// Opens what is asked for. A sink that cannot be opened stops the training before it begins.
    pub fn open(args: &SinkArgs, lanes: impl FnOnce() -> Vec<LaneInfo>) -> Result<Self, Failure> {
        let mut sinks = Self { linger: Duration::from_secs(args.linger), ..Self::default() };
        if args.metrics.is_none() && args.tensorboard.is_none() {
            return Ok(sinks);
        }
        let lanes = lanes();
        if let Some(address) = args.metrics {
            let sink = Prometheus::new(&lanes);
            let there = || format!("cannot serve metrics on {address}");
            let endpoint = Endpoint::serve(address, sink.page()).with_context(there)?;
            let address = endpoint.address();
            output::say(format!("anneal: metrics at http://{address}/metrics"));
            if !address.ip().is_loopback() {
                output::say("anneal: other machines can read them: names of runs and what they measure");
            }
            sinks.endpoint = Some(endpoint);
            sinks.outlets.add(Outlet::start(sink)?);
        }
        if let Some(folder) = &args.tensorboard {
            let there = || format!("cannot write event files to {}", folder.display());
            let sink = TensorBoard::create(folder, &lanes).with_context(there)?;
            sinks.outlets.add(Outlet::start(sink)?);
        }
        Ok(sinks)
    }

    /// Offers what a lane measured since the last time, and how many things were found in it.
    pub fn record(&mut self, at: usize, lane: &Lane, findings: usize) {
        if self.outlets.is_empty() {
            return;
        }
        let failed = lane.failed.is_some() && self.failed.insert(at);
        self.outlets.offer(|| {
            let mut events = vec![EventKind::Finding; findings];
            events.extend(lane.log.diverged.map(|_| EventKind::Diverged));
            events.extend(failed.then_some(EventKind::Failed));
            Message::Rows { lane: at, rows: lane.log.rows.clone(), events }
        });
    }

    /// Tells how the checkpoints do.
    pub fn checkpoints(&self, writer: &Writer) {
        self.outlets.offer(|| {
            let report = writer.report();
            let failed = report.dropped + u64::from(report.problem.is_some());
            Message::Checkpoints { written: report.written, failed }
        });
    }

    /// The training is over: sinks take what they were given, and what they lost is said.
    pub fn end(&mut self) {
        let failed = self.failed.iter().copied().collect();
        for lost in std::mem::take(&mut self.outlets).end(failed) {
            output::say(format!("anneal: {lost}; `anneal sync` writes them from the training's folder"));
        }
        self.scraped = self.endpoint.as_ref().map_or(0, Endpoint::scrapes);
    }

    /// Stays until the last values were scraped, where that is asked for.
    pub fn linger(self) {
        if let Some(endpoint) = self.endpoint.filter(|_| !self.linger.is_zero())
            && !endpoint.wait_for_scrape(self.scraped, self.linger)
        {
            output::say(format!("anneal: nobody scraped the last values within {} s", self.linger.as_secs()));
        }
    }
}

/// What sinks call the lanes of an experiment: every run under every seed, in the order of a cohort.
pub fn lanes(experiment: &Experiment, clock: Option<Clock>) -> Vec<LaneInfo> {
    let mut lanes = Vec::new();
    for run in &experiment.runs {
        // The seed is the lane's own, and a file that says nothing of it means 0.
        let is_shared = |name: &str| !["train.replicas", "train.seed"].contains(&name);
        let given = experiment.settings_of(&run.name).into_iter().filter(|(name, _)| is_shared(name));
        let given: Vec<(String, Setting)> = given.map(|(name, value)| (name, setting(&value))).collect();
        let warmup = run.lr.warmup.as_ref().zip(clock);
        for replica in 0..experiment.train.replicas as u32 {
            let seed = experiment.train.seed.wrapping_add(u64::from(replica));
            let mut settings = given.clone();
            settings.push(("train.seed".to_owned(), Setting::Number(seed as f64)));
            lanes.push(LaneInfo {
                experiment: experiment.name.clone(),
                run: run.name.clone(),
                replica,
                seed,
                settings,
                updates: clock.map_or(0, |clock| clock.updates),
                warmup: warmup.map_or(0, |(warmup, clock)| warmup.over.whole_updates(clock)),
            });
        }
    }
    lanes
}

fn setting(value: &Value) -> Setting {
    match value {
        Value::Integer(whole) => Setting::Number(*whole as f64),
        Value::Float(number) => Setting::Number(*number),
        Value::Boolean(flag) => Setting::Flag(*flag),
        Value::String(text) => Setting::Text(text.clone()),
        other => Setting::Text(other.to_string()),
    }
}
