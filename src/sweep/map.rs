//! A map: an objective over two numbers of a run, cell by cell from coarse to fine.

use std::path::Path;
use std::sync::Arc;

use super::breeder;
use super::driver::{Outcome, Sweeper, Watch};
use super::journal::Kept;
use super::trial::{Status, Trial};
use super::{SweepError, isolation::plain};
use crate::data::Prepared;
use crate::experiment::sweep::{Axis, Objective, Prune, Range, Search, Values};
use crate::experiment::{Experiment, Sweep};
use crate::gpu::compute::Computer;
use crate::train::TrainError;

/// What a map is of.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRequest {
    pub run: String,
    /// The numbers along x and along y, by their paths, and between which ends.
    pub axes: [(String, Range); 2],
    /// Cells along each side; a power of two.
    pub side: usize,
    pub seeds: usize,
    pub objective: Objective,
}

/// One cell of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Its column and row, from the lower left.
    pub at: [usize; 2],
    /// How many cells along each side it stands for until finer ones come.
    pub covers: usize,
    /// The two numbers as the file writes them.
    pub values: [String; 2],
    /// The mean over the seeds; nothing where it diverged or cannot be trained.
    pub objective: Option<f64>,
    pub diverged: bool,
    /// The objective of each seed.
    pub seeds: Vec<Option<f64>>,
}

impl MapRequest {
    /// The sweep that trains the map's cells.
    pub fn sweep(&self) -> Sweep {
        let axis = |(path, range): &(String, Range)| Axis {
            path: path.clone(),
            values: Values::Range(Range { points: Some(self.side), ..*range }),
        };
        Sweep {
            run: self.run.clone(),
            search: Search::Grid,
            trials: None,
            seeds: self.seeds,
            seed: None,
            objectives: vec![self.objective],
            prune: Prune::None,
            over: self.axes.iter().map(axis).collect(),
        }
    }

    /// The share of the way of a column or row.
    pub fn share(&self, at: usize) -> f64 {
        at as f64 / self.side.saturating_sub(1).max(1) as f64
    }
}

/// The cells from coarse to fine, each with how many cells along a side it stands for: every second cell of what
/// was left out before comes next.
pub fn coarse_to_fine(side: usize) -> Vec<([usize; 2], usize)> {
    let mut order = Vec::with_capacity(side * side);
    // The first four by four say what it looks like.
    let mut stride = (side / 4).max(1);
    let mut seen = vec![false; side * side];
    loop {
        for row in (0..side).step_by(stride) {
            for column in (0..side).step_by(stride) {
                if !std::mem::replace(&mut seen[row * side + column], true) {
                    order.push(([column, row], stride));
                }
            }
        }
        if stride == 1 {
            return order;
        }
        stride /= 2;
    }
}

/// Trains the map's cells on threads of its own, as many as there are cores, or on a graphics adapter what it can.
/// `each` sees them one by one, and nothing whenever it is asked whether to go on. Says where they were trained.
///
/// # Errors
/// When the run is not there, the objective is not measured, the experiment cannot be trained, or `each` stops it.
pub fn survey(
    experiment: &Experiment,
    origin: &Path,
    request: &MapRequest,
    prepared: Option<Arc<Prepared>>,
    computer: Option<Arc<Computer>>,
    each: &mut dyn FnMut(Option<Cell>) -> Result<(), TrainError>,
) -> Result<Vec<String>, SweepError> {
    let order = coarse_to_fine(request.side);
    let points = order.iter().map(|(at, _)| at.iter().map(|at| request.share(*at)).collect()).collect();
    let pool = pool()?;
    let lanes = (pool.current_num_threads() * LANES_A_THREAD).max(1);
    let mut sweeper = Sweeper::prepared(experiment, &request.sweep(), origin, prepared, pool)?;
    sweeper = match computer {
        Some(computer) => sweeper.with_points(points).on_adapter(computer),
        None => sweeper.with_points(points).with_lanes(lanes),
    };
    sweeper.run(None, Kept::default(), &mut Cells { order: &order, each })?;
    Ok(sweeper.devices())
}

/// Runs a sweep, or breeds its population, beside whatever else trains, without a journal.
///
/// # Errors
/// As [`Sweeper::new`] and [`Sweeper::run`].
pub fn background(
    experiment: &Experiment,
    sweep: &Sweep,
    origin: &Path,
    watch: &mut dyn Watch,
) -> Result<Outcome, SweepError> {
    if sweep.search == Search::Pbt {
        return breeder::background(experiment, sweep, pool()?, watch);
    }
    Sweeper::new(experiment, sweep, origin, pool()?)?.run(None, Kept::default(), watch)
}

/// Threads for work beside the training, as many as there are cores: it takes moments, and somebody watches.
fn pool() -> Result<Arc<rayon::ThreadPool>, TrainError> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Arc::new(crate::train::pool(Some(cores))?))
}

/// Lanes at once for each thread: few, so that cells come soon and a newer map need not wait.
const LANES_A_THREAD: usize = 8;

struct Cells<'a> {
    order: &'a [([usize; 2], usize)],
    each: &'a mut dyn FnMut(Option<Cell>) -> Result<(), TrainError>,
}

impl Watch for Cells<'_> {
    fn trial(&mut self, trial: &Trial, _: Option<&str>) -> Result<(), TrainError> {
        let Some(&(at, covers)) = self.order.get(trial.trial) else { return Ok(()) };
        let value = |axis: usize| trial.values.get(axis).map_or_else(String::new, |(_, value)| plain(value));
        (self.each)(Some(Cell {
            at,
            covers,
            values: [value(0), value(1)],
            objective: trial.objectives.first().copied().flatten(),
            diverged: trial.status == Status::Diverged,
            seeds: trial.seeds.iter().map(|seed| seed.first().copied().flatten()).collect(),
        }))
    }

    fn progress(&mut self, _: f64) -> Result<(), TrainError> {
        (self.each)(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_from_coarse_to_fine_each_once() {
        let order = coarse_to_fine(16);
        assert_eq!(order.len(), 256);
        assert_eq!(order.iter().filter(|(_, covers)| *covers == 4).count(), 16);
        assert!(order.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        let mut seen: Vec<[usize; 2]> = order.iter().map(|(at, _)| *at).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 256);
        // After each stage every cell is covered.
        let mut covered = [[false; 16]; 16];
        for (at, covers) in order.iter().take(16) {
            for row in &mut covered[at[1]..at[1] + covers] {
                row[at[0]..at[0] + covers].fill(true);
            }
        }
        assert!(covered.iter().flatten().all(|covered| *covered));
    }
}
