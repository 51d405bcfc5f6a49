//! The CPU and a graphics adapter on the same updates for a moment: the faster one trains.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::Cohort;
use super::advance::on_adapter;
use crate::gpu::GpuError;
use crate::gpu::compute::Computer;
use crate::train::TrainError;
use crate::train::adapter::{self, Adapted};
use crate::train::lane::Lane;
use crate::train::on_rows::on_rows;

/// Lanes below which nobody races: a workgroup a lane leaves an adapter mostly idle.
const LEAST_LANES: usize = 32;
/// Arithmetic of the whole training below which it would be over before a race was worth it: some seconds of a core.
const WORTH_A_RACE: f64 = 5e10;
/// Each of the two trains for about this long,
const RACED: Duration = Duration::from_millis(50);
/// so many times the same few updates, at most,
const LAPS: u32 = 64;
const LAP: u64 = 16;
/// and the adapter a few times before: it compiles, and learns how long its dispatches take.
const WARM_UP: u32 = 3;

/// Who races.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Racer {
    Cpu,
    Adapter,
}

/// What a race needs of the world.
pub struct Race<'a> {
    /// The adapter that takes part, if there is one.
    pub adapter: &'a dyn Fn() -> Option<Arc<Computer>>,
    /// Lets the racer do a lap, and says how long it took.
    pub time: &'a mut dyn FnMut(Racer, &mut dyn FnMut()) -> Duration,
}

impl Race<'_> {
    /// Runs `then` with the adapter that is there, unless it is the processor that plays it, and a real clock.
    pub fn real<R>(then: impl FnOnce(&mut Race<'_>) -> R) -> R {
        let mut time = |_, lap: &mut dyn FnMut()| {
            let start = Instant::now();
            lap();
            start.elapsed()
        };
        let adapter = || Computer::find().ok().filter(|computer| !computer.is_software()).map(Arc::new);
        then(&mut Race { adapter: &adapter, time: &mut time })
    }

    /// Laps a second.
    fn pace(&mut self, racer: Racer, mut lap: impl FnMut()) -> f64 {
        let (mut laps, mut took) = (0, Duration::ZERO);
        while laps < LAPS && took < RACED {
            took += (self.time)(racer, &mut lap);
            laps += 1;
        }
        f64::from(laps) / took.as_secs_f64().max(1e-9)
    }
}

impl Cohort {
    /// Lets the CPU, on which it trains, and an adapter train copies of its lanes for a moment, and goes on where that
    /// was faster. Where there is little to do or nobody to race, it stays.
    pub(super) fn race(&mut self, race: &mut Race<'_>) -> Result<(), TrainError> {
        self.device.is_automatic = true;
        let ahead = self.task.clock.updates.saturating_sub(self.update());
        let work = self.task.model.flops(self.task.batch) * (self.task.accumulate * self.lanes.len()) as f64;
        let can_race = self.device.fused && self.adapted.is_none() && self.lanes.iter().all(adapter::trains);
        if !can_race || self.lanes.len() < LEAST_LANES || work * (ahead as f64) < WORTH_A_RACE {
            return Ok(());
        }
        let Some(computer) = (race.adapter)() else { return Ok(()) };
        let Ok(mut adapted) = Adapted::new(&self.task, &computer) else { return Ok(()) };
        let (task, pool) = (&self.task, Arc::clone(&self.device.pool));
        // As far as nobody looks at the weights, and nobody turns.
        let is_calm = |ahead: &u64| {
            self.lanes.iter().all(|lane| {
                !lane.pauses_after(task, *ahead)
                    && lane.next_turn().is_none_or(|turn| turn >= lane.update + ahead)
            })
        };
        let lap = (1..=LAP.min(ahead)).take_while(is_calm).last().unwrap_or(1);
        let states: Vec<_> = self.lanes.iter().map(Lane::state).collect();
        let mut copies: Vec<Lane> =
            self.lanes.iter().map(|lane| Lane::new(lane.id, Arc::clone(&lane.run_plan), task)).collect();
        let begun = on_rows(&self.rows, &mut [], |_, rows, _| rows.to_vec())?;
        let (mut rows, width) = (begun.clone(), self.row_width().max(1));
        let back = |copies: &mut [Lane]| {
            for (lane, state) in copies.iter_mut().zip(&states) {
                // What a lane of the same plan is in, its copy can be in.
                let _ = lane.restore(state);
            }
        };
        let cpu = race.pace(Racer::Cpu, || {
            back(&mut copies);
            rows.copy_from_slice(&begun);
            let each = copies.par_iter_mut().zip(rows.par_chunks_exact_mut(width));
            pool.install(|| each.for_each(|(lane, row)| lane.advance(task, row, lane.update + lap)));
        });
        rows.copy_from_slice(&begun);
        let trains = vec![true; copies.len()];
        let mut result: Result<(), GpuError> = Ok(());
        let mut on_it = || {
            if result.is_ok() {
                back(&mut copies);
                let ends: Vec<u64> = copies.iter().map(|lane| lane.update + lap).collect();
                let all = || on_adapter(&mut adapted, task, &mut copies, &mut rows, &trains, &ends, false);
                result = pool.install(all);
            }
        };
        (0..WARM_UP).for_each(|_| on_it());
        let there = race.pace(Racer::Adapter, on_it);
        let name = computer.name();
        let lanes = (self.lanes.len() as u64 * lap) as f64;
        let said = |pace: f64| format!("{:.0} lane-updates a second", pace * lanes);
        match result {
            Err(error) => self.device.explain(format!("automatic: {name} was tried, and {error}")),
            Ok(()) if there > cpu => {
                adapted.rows().are_here();
                let why = format!("automatic: {}; the CPU makes {}", said(there), said(cpu));
                self.device.go_to(computer, why);
                self.adapted = Some(Mutex::new(adapted));
            }
            Ok(()) => {
                let why = format!("automatic: {}; {name} makes {}", said(cpu), said(there));
                self.device.explain(why);
            }
        }
        Ok(())
    }
}
