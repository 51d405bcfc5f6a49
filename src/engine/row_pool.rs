//! Memory for the rows of snapshots.
//!
//! Copying a row is cheap; touching fresh memory for it is not. So the rows of snapshots that are let go are used again,
//! and the pool makes the next ones ready beside the training.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::train::checkpoint::SavedLane;

/// Rows that can be written to.
#[derive(Default)]
pub(super) struct RowPool {
    /// Let go, the newest last; somebody may still be looking at one.
    used: Vec<Arc<SavedLane>>,
    fresh: Arc<Mutex<Vec<Vec<f32>>>>,
    most: usize,
}

impl RowPool {
    /// Keeps at most so many used ones.
    pub fn set_most(&mut self, most: usize) {
        self.most = most;
        self.used.truncate(most);
    }

    /// Lets go of everything: rows have another width from now on.
    pub fn clear(&mut self) {
        self.used.clear();
        self.fresh = Arc::default();
    }

    /// Takes back what is no snapshot any more.
    pub fn give(&mut self, saved: Arc<SavedLane>) {
        if self.used.len() < self.most {
            self.used.push(saved);
        }
    }

    /// Memory for a row: empty where none is at hand.
    pub fn take(&mut self) -> Vec<f32> {
        let free = self.used.iter().position(is_free);
        let saved = free.and_then(|at| Arc::into_inner(self.used.swap_remove(at)));
        saved.map(|saved| saved.row).or_else(|| lock(&self.fresh).pop()).unwrap_or_default()
    }

    /// Sees to it that memory for so many rows of `width` numbers is soon at hand.
    pub fn prepare(&self, rows: usize, width: usize, pool: &rayon::ThreadPool) {
        let at_hand = self.used.iter().filter(|saved| is_free(saved)).count() + lock(&self.fresh).len();
        for _ in at_hand..rows {
            let fresh = Arc::clone(&self.fresh);
            pool.spawn(move || {
                // Zeros could come as memory that nobody has touched yet.
                let row = vec![1.0; width];
                let mut fresh = lock(&fresh);
                if fresh.len() < rows {
                    fresh.push(row);
                }
            });
        }
    }
}

fn is_free(saved: &Arc<SavedLane>) -> bool {
    Arc::strong_count(saved) == 1
}

/// A panic of another thread leaves rows that are still good to write to.
fn lock(rows: &Mutex<Vec<Vec<f32>>>) -> MutexGuard<'_, Vec<Vec<f32>>> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::OptimizerKind;
    use crate::train::ids::{LaneId, RunId};
    use crate::train::lane::LaneState;

    fn saved(width: usize) -> Arc<SavedLane> {
        Arc::new(SavedLane {
            id: LaneId { run: RunId(0), replica: 0 },
            run: String::new(),
            optimizer: OptimizerKind::Sgd,
            state: LaneState::default(),
            next_rate: 0.0,
            row: vec![0.0; width],
            kept: None,
            best: None,
            team: None,
            watch: None,
        })
    }

    #[test]
    fn memory_is_used_again_once_nobody_looks_at_it() {
        let mut rows = RowPool::default();
        rows.set_most(2);
        let (seen, free) = (saved(3), saved(3));
        let memory = free.row.as_ptr();
        rows.give(Arc::clone(&seen));
        rows.give(free);
        rows.give(saved(3));
        let row = rows.take();
        assert_eq!(row.as_ptr(), memory);
        assert_eq!(rows.take().capacity(), 0, "one is still looked at, and the third was too many");
        drop(seen);
        assert_eq!(rows.take().capacity(), 3);
    }

    #[test]
    fn rows_are_made_ready_and_no_more_than_asked_for() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let mut rows = RowPool::default();
        for _ in 0..3 {
            rows.prepare(2, 5, &pool);
        }
        // What the only thread was given before is done.
        pool.install(|| ());
        let found = [rows.take(), rows.take(), rows.take()].map(|row| row.len());
        assert_eq!(found, [5, 5, 0]);
    }
}
