//! The rows of lanes on an adapter: they stay there from dispatch to dispatch, and come back when somebody needs them.
//!
//! A row that is newer there has a mark: the state of its lane when the row here was last the same. What is lost with
//! the device is made again from it on the CPU, so nothing is lost but time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::cast_slice;
use rayon::prelude::*;

use crate::gpu::GpuError;
use crate::gpu::compute::{Computer, Stored};
use crate::train::lane::{Lane, LaneState};
use crate::train::task::Task;

/// Rows come back at least this often, so that a lost device costs no more than a moment's work.
const COPIED: Duration = Duration::from_secs(1);

/// Where the newest numbers of a row are.
#[derive(Clone)]
enum Place {
    Here,
    Both,
    /// There; here it is as the lane was in this state.
    There(Box<LaneState>),
}

/// All rows of a cohort on an adapter, in blocks that a shader sees as one piece.
#[derive(Default)]
pub struct Rows {
    stride: usize,
    /// Lanes of a block.
    each: usize,
    blocks: Vec<Stored>,
    places: Vec<Place>,
    copied: Option<Instant>,
}

impl Rows {
    /// Makes room for so many lanes in blocks of `each`, unless it is there; what is here stays here.
    pub fn hold(
        &mut self,
        computer: &Computer,
        lanes: usize,
        stride: usize,
        each: usize,
    ) -> Result<(), GpuError> {
        if (self.places.len(), self.stride, self.each) == (lanes, stride, each) && !self.blocks.is_empty() {
            return Ok(());
        }
        *self = Self { stride, each, places: vec![Place::Here; lanes], ..Self::default() };
        for from in (0..lanes).step_by(each) {
            let lanes = each.min(lanes - from);
            self.blocks.push(computer.room_for(4 * (lanes * stride) as u64)?);
        }
        Ok(())
    }

    /// Lanes of a block.
    pub fn each(&self) -> usize {
        self.each
    }

    /// A block of lanes.
    pub fn block(&self, at: usize) -> Option<&Stored> {
        self.blocks.get(at)
    }

    /// The row of a lane is another than it was there.
    pub fn is_here(&mut self, at: usize) {
        if let Some(place) = self.places.get_mut(at) {
            *place = Place::Here;
        }
    }

    /// All rows are others than they were there.
    pub fn are_here(&mut self) {
        self.places.fill(Place::Here);
    }

    /// Whether the newest row of a lane is there.
    pub fn is_there(&self, at: usize) -> bool {
        matches!(self.places.get(at), Some(Place::There(_)))
    }

    /// Brings the rows of these lanes up to the adapter, where they are about to change.
    pub fn send(&mut self, computer: &Computer, lanes: &[Lane], group: &[usize], rows: &[f32]) {
        // Neighbours go in one piece.
        let mut rest = group;
        while let Some(&from) = rest.first() {
            let new = |at: usize| matches!(self.places.get(at), Some(Place::Here));
            let block = from / self.each;
            let follows =
                |&(ahead, &at): &(usize, &usize)| at == from + ahead && at / self.each == block && new(at);
            let count = rest.iter().enumerate().take_while(follows).count();
            if let (true, Some(stored)) = (count > 0, self.blocks.get(block)) {
                let piece = &rows[from * self.stride..(from + count) * self.stride];
                let place = 4 * ((from - block * self.each) * self.stride) as u64;
                computer.write(stored, place, cast_slice(piece));
            }
            rest = rest.get(count.max(1)..).unwrap_or_default();
        }
        for &at in group {
            if let Some(place) = self.places.get_mut(at).filter(|place| !matches!(place, Place::There(_))) {
                *place = Place::There(Box::new(lanes[at].state()));
            }
        }
        self.copied.get_or_insert_with(Instant::now);
    }

    /// Whether it is time for rows to come back though nobody asks.
    pub fn are_due(&self) -> bool {
        self.copied.is_some_and(|copied| copied.elapsed() >= COPIED)
    }

    /// Brings back all that is newer there.
    pub fn fetch(&mut self, computer: &Computer, rows: &mut [f32]) -> Result<(), GpuError> {
        for (block, (stored, places)) in
            self.blocks.iter().zip(self.places.chunks(self.each.max(1))).enumerate()
        {
            let is_there = |place: &Place| matches!(place, Place::There(_));
            let (Some(first), Some(last)) =
                (places.iter().position(is_there), places.iter().rposition(is_there))
            else {
                continue;
            };
            let all =
                &mut rows[(block * self.each + first) * self.stride..][..(last + 1 - first) * self.stride];
            let at = 4 * (first * self.stride) as u64;
            if places[first..=last].iter().all(is_there) {
                computer.read(stored, at, all)?;
                continue;
            }
            let mut read = vec![0.0; all.len()];
            computer.read(stored, at, &mut read)?;
            let pairs = all.chunks_exact_mut(self.stride).zip(read.chunks_exact(self.stride));
            for ((row, read), _) in pairs.zip(&places[first..]).filter(|(_, place)| is_there(place)) {
                row.copy_from_slice(read);
            }
        }
        for place in self.places.iter_mut().filter(|place| matches!(place, Place::There(_))) {
            *place = Place::Both;
        }
        self.copied = None;
        Ok(())
    }

    /// One row that is newer there; where everything is does not change.
    pub fn read(&self, computer: &Computer, at: usize) -> Result<Vec<f32>, GpuError> {
        let mut row = vec![0.0; self.stride];
        if let Some(stored) = self.blocks.get(at / self.each.max(1)) {
            computer.read(stored, 4 * (at % self.each * self.stride) as u64, &mut row)?;
        }
        Ok(row)
    }

    /// What is newer there is lost: the same updates are made again on the CPU, from the rows that are here.
    pub fn remake(&mut self, task: &Task, lanes: &[Lane], rows: &mut [f32]) {
        let lost = self.places.par_iter().zip(lanes).zip(rows.par_chunks_exact_mut(self.stride.max(1)));
        lost.for_each(|((place, lane), row)| {
            let Place::There(mark) = place else { return };
            let mut again = Lane::new(lane.id, Arc::clone(&lane.run_plan), task);
            // Nobody is told of these updates a second time.
            again.stopper = None;
            match again.restore(mark) {
                Ok(()) => again.advance(task, row, lane.update),
                Err(error) => tracing::error!("updates that were lost cannot be made again: {error}"),
            }
        });
        self.are_here();
    }
}
