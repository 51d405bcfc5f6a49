//! What sweeping costs beside bare training: the same updates as trials and as lanes, and a map, coarse and whole.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow};
use serde::Serialize;

use super::workload::{WORKLOADS, Workload};
use super::{Pace, measure};
use crate::experiment::Experiment;
use crate::experiment::sweep::{Objective, Values};
use crate::sweep::map::{MapRequest, survey};
use crate::sweep::{Kept, Sweeper, Trial, Watch};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::device::TrainDevice;
use crate::train::task::prepare;

/// Trials of the sweep, and cells along each side of the map.
const TRIALS: u64 = 256;
const SIDE: usize = 16;
/// Cells after which a map shows its coarse shape.
const COARSE: usize = 16;
/// Lanes of the bare training.
const LANES: usize = 64;
/// The workloads that are swept.
const SWEPT: [&str; 2] = ["tiny", "digits"];

#[derive(Serialize)]
pub struct Cost {
    workload: &'static str,
    /// Of a sweep of so many trials, each of ten epochs, with everything but its folder.
    sweep_seconds: f64,
    sweep_lane_updates_per_second: f64,
    /// Of as many lanes as train at once, and nothing else.
    bare_lane_updates_per_second: f64,
    /// The median over the rounds of the one by the other beside it.
    share: f64,
    map_coarse_seconds: f64,
    map_whole_seconds: f64,
}

/// Measures on `threads` threads; the map takes as many as there are cores.
///
/// # Errors
/// When a workload cannot be trained.
pub fn run(threads: usize, pace: Pace, mut progress: impl FnMut(&str)) -> Result<Vec<Cost>> {
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let swept = WORKLOADS.iter().filter(|workload| SWEPT.contains(&workload.name));
    swept
        .map(|workload| {
            progress(&format!("a sweep and a map of {}", workload.name));
            cost(workload, &pool, pace)
        })
        .collect()
}

fn cost(workload: &Workload, pool: &Arc<rayon::ThreadPool>, pace: Pace) -> Result<Cost> {
    let origin = Path::new("bench.toml");
    let experiment = Experiment::parse(&text(workload), origin)?;
    let sweep = experiment.sweep.clone().ok_or_else(|| anyhow!("a sweep that is none"))?;
    let revision = workload.replicas(LANES, workload.batch)?;
    let mut bare = Cohort::with_task(
        Arc::clone(&revision),
        workload.task(&revision)?,
        TrainDevice::cpu(Arc::clone(pool)),
    )?;
    let (mut seconds, mut swept, mut bares, mut shares) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pace.rounds {
        let start = Instant::now();
        let mut sweeper = Sweeper::new(&experiment, &sweep, origin, Arc::clone(pool))?;
        let outcome = sweeper.run(None, Kept::default(), &mut Nobody)?;
        let took = start.elapsed().as_secs_f64();
        let updates: u64 = outcome.trials.iter().map(|trial| trial.updates).sum();
        let (rate, _) = measure(&mut bare, LANES, Pace { rounds: 1, ..pace })?;
        shares.push(updates as f64 / took / rate);
        swept.push(updates as f64 / took);
        bares.push(rate);
        seconds.push(took);
    }
    // As in the studio, whose own training has the data already.
    let prepared = prepare(&experiment)?;
    let (mut coarse, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..pace.rounds {
        let (start, mut cells) = (Instant::now(), 0);
        survey(
            &experiment,
            origin,
            &request(&experiment)?,
            Some(Arc::clone(&prepared)),
            None,
            &mut |cell| {
                if cell.is_some() {
                    cells += 1;
                    if cells == COARSE {
                        coarse.push(start.elapsed().as_secs_f64());
                    }
                }
                Ok(())
            },
        )?;
        whole.push(start.elapsed().as_secs_f64());
    }
    Ok(Cost {
        workload: workload.name,
        sweep_seconds: median(seconds),
        sweep_lane_updates_per_second: median(swept),
        bare_lane_updates_per_second: median(bares),
        share: median(shares),
        map_coarse_seconds: median(coarse),
        map_whole_seconds: median(whole),
    })
}

/// The workload's run, swept at random over its peak and its warmup.
fn text(workload: &Workload) -> String {
    let Workload { name, data, batch, model, optimizer } = workload;
    format!(
        r#"anneal = 1
name = "{name}"
data = {{ name = "{data}", batch_size = {batch}, validation = 0.2 }}
model = {{ {model} }}
train = {{ updates = "10ep" }}
[[run]]
name = "one"
optimizer = {{ {optimizer} }}
lr = {{ kind = "cosine", peak = 0.1, warmup = {{ over = "5%" }} }}
[sweep]
run = "one"
search = "random"
trials = {TRIALS}
[sweep.over]
"lr.peak" = {{ from = 1e-3, to = 1.0, scale = "log" }}
"lr.warmup.over" = {{ from = "0%", to = "50%" }}
"#
    )
}

/// The map over both.
fn request(experiment: &Experiment) -> Result<MapRequest> {
    let axes = experiment.sweep.iter().flat_map(|sweep| &sweep.over);
    let mut axes = axes.filter_map(|axis| match &axis.values {
        Values::Range(range) => Some((axis.path.clone(), *range)),
        Values::Choices(_) => None,
    });
    let mut next = || axes.next().ok_or_else(|| anyhow!("a map wants two ranges"));
    let axes = [next()?, next()?];
    Ok(MapRequest { run: "one".to_owned(), axes, side: SIDE, seeds: 1, objective: Objective::FinalValLoss })
}

struct Nobody;

impl Watch for Nobody {
    fn trial(&mut self, _: &Trial, _: Option<&str>) -> Result<(), TrainError> {
        Ok(())
    }

    fn progress(&mut self, _: f64) -> Result<(), TrainError> {
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The table for people.
pub fn table(costs: &[Cost]) -> String {
    let head = format!(
        "{:<10}{:>8}{:>18}{:>18}{:>8}{:>13}{:>13}\n",
        "workload", "sweep", "lane-updates / s", "bare", "share", "map, coarse", "whole"
    );
    costs.iter().fold(head, |table, cost| {
        table
            + &format!(
                "{:<10}{:>6.2} s{:>18.0}{:>18.0}{:>8.2}{:>11.3} s{:>11.2} s\n",
                cost.workload,
                cost.sweep_seconds,
                cost.sweep_lane_updates_per_second,
                cost.bare_lane_updates_per_second,
                cost.share,
                cost.map_coarse_seconds,
                cost.map_whole_seconds
            )
    })
}
