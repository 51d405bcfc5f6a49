//! Workers elsewhere: races are dealt out to them in blocks, and what they say is put together again.
//!
//! How a line comes to a block and back is the pool's business, as is a worker that is lost: see `anneal_studio.ray`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

use super::SweepError;
use super::cohorts::Report;
use super::journal::as_told;
use super::race::{Curve, Ended, Race};
use super::space::Chosen;
use super::steps::STEPS;
use super::trial::Running;
use super::words::{RemoteError, Said, Told, nobody};
use crate::experiment::Experiment;

/// What the pool says.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Heard {
    /// It is there, with so many workers.
    Ready { workers: usize },
    /// What a block said.
    Said { block: usize, said: Said },
    /// It cannot go on.
    Failed { why: String },
}

/// What the pool is told: words for a block.
#[derive(Serialize)]
struct Word<'t> {
    block: usize,
    told: &'t Told,
}

/// A pool of workers, as a program that reads and writes lines.
pub struct Pool {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    workers: usize,
    origin: PathBuf,
}

impl Pool {
    /// Starts the program and waits until its workers are there. `origin` is the experiment's file.
    ///
    /// # Errors
    /// When it cannot be started, or says that it has no workers.
    pub fn start(mut program: Command, origin: PathBuf) -> Result<Self, RemoteError> {
        let name = program.get_program().to_string_lossy().into_owned();
        let fail = |cause| RemoteError::Start { program: name.clone(), cause };
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(fail)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(RemoteError::Gone);
        };
        let from = BufReader::new(from);
        let mut pool = Self { child, to, from, workers: 1, origin };
        match pool.hear()? {
            Heard::Ready { workers } => pool.workers = workers.max(1),
            _ => return Err(RemoteError::Words("not that it is ready".to_owned())),
        }
        Ok(pool)
    }

    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The experiment's file.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// Tells blocks something, and hands on what they say until each of them has done it.
    pub(super) fn round(
        &mut self,
        told: &[(usize, Told)],
        each: &mut dyn FnMut(usize, Said) -> Result<(), SweepError>,
    ) -> Result<(), SweepError> {
        for (block, told) in told {
            self.tell(*block, told)?;
        }
        let mut waiting = told.len();
        while waiting > 0 {
            let Heard::Said { block, said } = self.hear()? else { return Err(nobody().into()) };
            match &said {
                Said::Failed { why } => return Err(RemoteError::Pool(why.clone()).into()),
                Said::Progress { .. } => {}
                Said::Done { .. } | Said::Bred { .. } => waiting -= 1,
            }
            each(block, said)?;
        }
        Ok(())
    }

    fn hear(&mut self) -> Result<Heard, RemoteError> {
        let mut line = String::new();
        match self.from.read_line(&mut line) {
            Ok(0) | Err(_) => return Err(RemoteError::Gone),
            Ok(_) => {}
        }
        match serde_json::from_str(&line) {
            Ok(Heard::Failed { why }) => Err(RemoteError::Pool(why)),
            Ok(heard) => Ok(heard),
            Err(error) => Err(RemoteError::Words(error.to_string())),
        }
    }

    fn tell(&mut self, block: usize, told: &Told) -> Result<(), RemoteError> {
        let line = serde_json::to_string(&Word { block, told }).unwrap_or_default();
        writeln!(self.to, "{line}").and_then(|()| self.to.flush()).map_err(|_| RemoteError::Gone)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // It has nothing of its own to keep.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A race on a pool's workers.
pub struct There<'p> {
    pool: &'p mut Pool,
    /// The trials of each block.
    blocks: Vec<Vec<usize>>,
    values: HashMap<usize, Chosen>,
    looks: Vec<Curve>,
    ended: Vec<Ended>,
}

impl<'p> There<'p> {
    /// Puts these trials of an experiment at update 0, dealt out one by one.
    ///
    /// # Errors
    /// When the pool is gone, or a worker cannot train them.
    pub fn begin(
        pool: &'p mut Pool,
        experiment: &Experiment,
        trials: Vec<(usize, Chosen)>,
    ) -> Result<Self, SweepError> {
        let count = pool.workers.min(trials.len());
        let mut dealt: Vec<Vec<(usize, Chosen)>> = vec![Vec::new(); count];
        for (at, trial) in trials.iter().enumerate() {
            dealt[at % count].push(trial.clone());
        }
        let origin = pool.origin.clone();
        let told: Vec<(usize, Told)> =
            dealt.iter().map(|trials| Told::begin(experiment, origin.clone(), trials)).enumerate().collect();
        let blocks = dealt.iter().map(|trials| trials.iter().map(|(trial, _)| *trial).collect()).collect();
        let values = trials.into_iter().collect();
        let mut race = Self { pool, blocks, values, looks: Vec::new(), ended: Vec::new() };
        race.all(&told, &mut |_, _| Ok(()))?;
        Ok(race)
    }

    /// Tells blocks something and waits until all have done it.
    fn all(&mut self, told: &[(usize, Told)], report: &mut Report<'_>) -> Result<(), SweepError> {
        let Self { pool, blocks, values, looks, ended } = self;
        let mut shares = vec![0.0; blocks.len()];
        let mut running: Vec<Vec<Running>> = vec![Vec::new(); blocks.len()];
        looks.clear();
        pool.round(told, &mut |block, said| {
            if block >= shares.len() {
                return Err(nobody().into());
            }
            match said {
                Said::Progress { share, running: now } => {
                    let one = |(trial, losses)| {
                        Some(Running { trial, values: values.get(&trial)?.clone(), losses })
                    };
                    shares[block] = share;
                    running[block] = now.into_iter().filter_map(one).collect();
                    let weight = |block: usize| blocks[block].len() as f64;
                    let total: f64 = (0..shares.len()).map(weight).sum();
                    let done: f64 = (0..shares.len()).map(|at| shares[at] * weight(at)).sum();
                    report(done / total.max(1.0), &running.concat())?;
                }
                Said::Done { ended: lines, curves } => {
                    (shares[block], running[block]) = (1.0, Vec::new());
                    for (line, why) in lines {
                        let chosen = values.get(&line.trial()).cloned().unwrap_or_default();
                        ended.push((as_told(line, chosen), why));
                    }
                    let infinite =
                        |(step, badness): (u64, Option<f64>)| (step, badness.unwrap_or(f64::INFINITY));
                    let curves = curves.into_iter();
                    looks.extend(
                        curves.map(|(trial, curve)| (trial, curve.into_iter().map(infinite).collect())),
                    );
                }
                Said::Bred { .. } | Said::Failed { .. } => return Err(nobody().into()),
            }
            Ok(())
        })?;
        ended.sort_by_key(|(trial, _)| trial.trial);
        looks.sort_by_key(|(trial, _)| *trial);
        Ok(())
    }
}

impl Race for There<'_> {
    fn advance(&mut self, step: u64, report: &mut Report<'_>) -> Result<(), SweepError> {
        let told: Vec<(usize, Told)> =
            (0..self.blocks.len()).map(|block| (block, Told::Advance { step })).collect();
        self.all(&told, report)
    }

    /// After the last step nobody is left to look at.
    fn curves(&mut self, step: u64) -> Vec<Curve> {
        if step < STEPS { std::mem::take(&mut self.looks) } else { Vec::new() }
    }

    fn prune(&mut self, pruned: &[usize]) -> Result<(), SweepError> {
        let of_block = |trials: &Vec<usize>| -> Vec<usize> {
            pruned.iter().copied().filter(|trial| trials.contains(trial)).collect()
        };
        let told: Vec<(usize, Told)> = self
            .blocks
            .iter()
            .map(of_block)
            .enumerate()
            .filter(|(_, trials)| !trials.is_empty())
            .map(|(block, trials)| (block, Told::Prune { trials }))
            .collect();
        self.all(&told, &mut |_, _| Ok(()))
    }

    fn ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }
}
