//! The loss at the points of a grid, coarse first.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

/// A rectangle of a plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// From the left edge to the right one.
    pub x: [f64; 2],
    /// From the lower edge to the upper one.
    pub y: [f64; 2],
}

/// A loss a point, row by row from the lower left one; the outer points lie on the frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    pub frame: Frame,
    pub columns: usize,
    pub rows: usize,
    /// `rows` times `columns`.
    pub losses: Vec<f32>,
}

/// Points of the first round are so far apart; each round halves the distance.
const COARSEST: usize = 8;

impl Frame {
    /// The least frame around the points, and `margin` of its sides more on each side. Where the points
    /// have one coordinate in common, or there are none, the frame is 1 wide in it.
    #[must_use]
    pub fn around(points: impl Iterator<Item = (f64, f64)>, margin: f64) -> Self {
        let (mut x, mut y) = ([f64::INFINITY, f64::NEG_INFINITY], [f64::INFINITY, f64::NEG_INFINITY]);
        for (at, across) in points {
            x = [x[0].min(at), x[1].max(at)];
            y = [y[0].min(across), y[1].max(across)];
        }
        let widen = |[low, high]: [f64; 2]| {
            let (low, high) = if low <= high { (low, high) } else { (0.0, 0.0) };
            let more = if high > low { (high - low) * margin } else { 0.5 };
            [low - more, high + more]
        };
        Self { x: widen(x), y: widen(y) }
    }

    /// The frame with its shorter side made as long as the longer one, about the same middle.
    #[must_use]
    pub fn square(self) -> Self {
        let half = (self.x[1] - self.x[0]).max(self.y[1] - self.y[0]) / 2.0;
        let widen =
            |[low, high]: [f64; 2]| [f64::midpoint(low, high) - half, f64::midpoint(low, high) + half];
        Self { x: widen(self.x), y: widen(self.y) }
    }

    /// The frame widened as far as it takes to hold a point, `margin` of its sides inside.
    #[must_use]
    pub fn holding(self, (x, y): (f64, f64), margin: f64) -> Self {
        let widen = |[low, high]: [f64; 2], at: f64| {
            let room = (high - low) * margin;
            [low.min(at - room), high.max(at + room)]
        };
        Self { x: widen(self.x, x), y: widen(self.y, y) }
    }

    /// Where a point lies between the edges, 0 to 1 inside.
    pub fn share(&self, x: f64, y: f64) -> [f32; 2] {
        let share = |at: f64, [low, high]: [f64; 2]| ((at - low) / (high - low)) as f32;
        [share(x, self.x), share(y, self.y)]
    }
}

impl Grid {
    /// Evaluates a function at every point, on the threads of the current rayon pool.
    ///
    /// Points are done coarse first: every 8th of every 8th row, then every 4th, and so on. After each
    /// round but the last `rough` is given the grid so far, points still missing filled with their
    /// neighbours'. `worker` makes what a thread needs to evaluate. The losses do not depend on the number
    /// of threads. `None` when `cancel` was set before the end.
    pub fn evaluate<W: Send>(
        frame: Frame,
        (columns, rows): (usize, usize),
        worker: impl Fn() -> W + Sync + Send,
        loss: impl Fn(&mut W, f64, f64) -> f64 + Sync + Send,
        cancel: &AtomicBool,
        mut rough: impl FnMut(&Self),
    ) -> Option<Self> {
        let mut grid = Self { frame, columns, rows, losses: vec![0.0; columns * rows] };
        let mut stride = COARSEST;
        loop {
            let todo: Vec<usize> = (0..columns * rows).filter(|at| grid.due(*at, stride)).collect();
            let found: Vec<Option<f32>> = todo
                .par_iter()
                .map_init(&worker, |worker, at| {
                    let (x, y) = grid.point(*at);
                    (!cancel.load(Ordering::Relaxed)).then(|| loss(worker, x, y) as f32)
                })
                .collect();
            for (at, loss) in todo.into_iter().zip(found) {
                grid.losses[at] = loss?;
            }
            if stride == 1 {
                return Some(grid);
            }
            let mut filled = grid.clone();
            for at in 0..filled.losses.len() {
                let (column, row) = (at % columns, at / columns);
                filled.losses[at] = grid.losses[row / stride * stride * columns + column / stride * stride];
            }
            rough(&filled);
            stride /= 2;
        }
    }

    /// The coordinates of a point, by index.
    fn point(&self, at: usize) -> (f64, f64) {
        let place = |at: usize, count: usize, [low, high]: [f64; 2]| {
            let share = if count > 1 { at as f64 / (count - 1) as f64 } else { 0.5 };
            low + share * (high - low)
        };
        let (column, row) = (at % self.columns, at / self.columns);
        (place(column, self.columns, self.frame.x), place(row, self.rows, self.frame.y))
    }

    /// Whether a point belongs to the round of this distance, and to no earlier one.
    fn due(&self, at: usize, stride: usize) -> bool {
        let (column, row) = (at % self.columns, at / self.columns);
        let on = |stride| column.is_multiple_of(stride) && row.is_multiple_of(stride);
        on(stride) && (stride == COARSEST || !on(2 * stride))
    }
}
