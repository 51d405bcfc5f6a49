//! What training together costs: a federated run of 64 clients of `digits` against 64 lanes that nobody averages.

use std::sync::Arc;

use serde::Serialize;

use super::workload::DIGITS;
use super::{Pace, median, round};
use crate::experiment::team::{Federated, Server, ServerKind, Team};
use crate::schedule::Span;
use crate::schedule::kind::{Constant, Kind};
use crate::train::cohort::Cohort;
use crate::train::device::{Choice, TrainDevice};

const CLIENTS: usize = 64;
/// Every client has more samples than that, so that an update is the same work for clients and lanes.
const BATCH: usize = 16;
/// Updates of a round.
const LOCAL: [u64; 3] = [1, 5, 20];

/// Clients and lanes, measured in turns.
#[derive(Serialize)]
pub struct Figure {
    /// Local updates of a round.
    local: u64,
    lane_updates_per_second: f64,
    client_updates_per_second: f64,
    /// The second of the first.
    share: f64,
}

/// Trains clients and lanes on `threads` threads.
///
/// # Errors
/// When they cannot be trained.
pub fn run(threads: usize, pace: Pace, mut progress: impl FnMut(&str)) -> anyhow::Result<Vec<Figure>> {
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let cohort = |local: Option<u64>| -> anyhow::Result<Cohort> {
        let mut revision = (*DIGITS.replicas(CLIENTS, BATCH)?).clone();
        if let Some(local) = local {
            revision.experiment.train.replicas = 1;
            revision.experiment.team = Some(Team::Federated(Box::new(clients(local))));
        }
        let task = DIGITS.task(&revision)?;
        let device = TrainDevice::choose(Choice::Cpu, Arc::clone(&pool), task.model.flops(BATCH))?;
        Ok(Cohort::with_task(Arc::new(revision), task, device)?)
    };
    let mut figures = Vec::new();
    for local in LOCAL {
        progress(&format!("{CLIENTS} clients with {local} local updates, and {CLIENTS} lanes"));
        let mut sides = [(cohort(None)?, 1, Vec::new()), (cohort(Some(local))?, local, Vec::new())];
        for at in 0..=pace.rounds {
            for (cohort, chunk, rates) in &mut sides {
                let rate = CLIENTS as f64 * round(cohort, chunk, pace)?;
                // The first round warms caches and finds the chunk.
                if at > 0 {
                    rates.push(rate);
                }
            }
        }
        let [lanes, clients] = sides.map(|(_, _, rates)| median(rates));
        figures.push(Figure {
            local,
            lane_updates_per_second: lanes,
            client_updates_per_second: clients,
            share: clients / lanes,
        });
    }
    Ok(figures)
}

/// All of them in every round, averaged.
fn clients(local: u64) -> Federated {
    let server = Server::new(ServerKind::Sgd, Kind::Constant(Constant { peak: 1.0 }).into());
    let local = Span::Updates(local as f64);
    Federated { clients: CLIENTS, share: 1.0, local, skew: None, prox: 0.0, server }
}

/// The table for people.
pub fn table(figures: &[Figure]) -> String {
    let head = format!(
        "{:>14}{:>18}{:>20}{:>10}\n",
        "local updates", "lane-updates / s", "client-updates / s", "share"
    );
    figures.iter().fold(head, |table, it| {
        table
            + &format!(
                "{:>14}{:>18.0}{:>20.0}{:>9.0}%\n",
                it.local,
                it.lane_updates_per_second,
                it.client_updates_per_second,
                100.0 * it.share
            )
    })
}
