//! Losses scaled for the eye: 0 the lowest shown, 1 the highest.

use super::grid::Grid;

/// The share of the highest losses that is drawn flat: one wild corner must not hide the valley.
pub const CLIPPED: f64 = 0.02;

/// How losses become heights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The loss at height 0.
    pub low: f32,
    /// The loss at height 1; what is above is shown as if it were this.
    pub high: f32,
    /// Where the scale bends: as much above `low`, equal differences become equal factors. A straight scale shows the
    /// walls and no valley, a logarithmic one only how near to 0 a loss comes; this one shows walls and floor.
    pub bend: Option<f32>,
}

/// The height of a point whose loss is not a number or not finite.
pub const INVALID: f32 = -1.0;

/// The share of a landscape that lies below the bend.
const FLOOR: f64 = 0.1;
/// The bend is at least this share of the way up.
const LEAST_BEND: f32 = 1e-5;

/// Heights of a grid's points, row by row from the lower left one: 0 to 1, or [`INVALID`].
#[derive(Clone, Debug, PartialEq)]
pub struct Heights {
    pub columns: usize,
    pub rows: usize,
    pub values: Vec<f32>,
}

/// Heights between the points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub height: f32,
    /// What the height rises by over the whole width, and over the whole height, of the frame.
    pub slope: [f32; 2],
}

impl Scale {
    /// From the least finite loss up to the one that a share of `clipped` (0 to 1) of the finite losses is
    /// above, so that a few huge losses do not flatten the rest; `bent` where the lowest tenth ends.
    #[must_use]
    pub fn robust(losses: &[f32], clipped: f64, bent: bool) -> Self {
        let mut finite: Vec<f32> = losses.iter().copied().filter(|loss| loss.is_finite()).collect();
        finite.sort_by(f32::total_cmp);
        let at = |share: f64| {
            let last = finite.len().saturating_sub(1) as f64;
            finite.get((last * share.clamp(0.0, 1.0)).round() as usize).copied()
        };
        let (low, high) = (at(0.0).unwrap_or(0.0), at(1.0 - clipped).unwrap_or(1.0));
        let bend = at(FLOOR).map(|floor| (floor - low).max((high - low) * LEAST_BEND));
        Self { low, high, bend: bend.filter(|bend| bent && *bend > 0.0) }
    }

    /// The height of a loss, 0 to 1; [`INVALID`] where the loss is not finite.
    pub fn height(&self, loss: f32) -> f32 {
        if !loss.is_finite() {
            return INVALID;
        }
        let whole = self.rise(self.high);
        if whole > 0.0 { (self.rise(loss) / whole).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// How far a loss is above the lowest, as the scale measures it.
    fn rise(&self, loss: f32) -> f32 {
        let above = (loss - self.low).max(0.0);
        self.bend.map_or(above, |bend| (above / bend).ln_1p())
    }

    /// The loss at a height.
    pub fn loss(&self, height: f32) -> f32 {
        let rise = height * self.rise(self.high);
        self.low + self.bend.map_or(rise, |bend| bend * rise.exp_m1())
    }
}

impl Heights {
    pub fn new(grid: &Grid, scale: Scale) -> Self {
        let values = grid.losses.iter().map(|loss| scale.height(*loss)).collect();
        Self { columns: grid.columns, rows: grid.rows, values }
    }

    /// `factor` times as many points a side, on smooth curves through those there are (Catmull and Rom
    /// 1974), so that contour lines have no corners. Beside points without a height, they are the nearest's.
    #[must_use]
    pub fn refined(&self, factor: usize) -> Self {
        let factor = factor.max(1);
        let finer = |count: usize| (count.max(1) - 1) * factor + 1;
        let (columns, rows) = (finer(self.columns), finer(self.rows));
        let mut values = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            let (below, up) = (row / factor, weights((row % factor) as f32 / factor as f32));
            for column in 0..columns {
                let (left, across) = (column / factor, weights((column % factor) as f32 / factor as f32));
                values.push(self.smooth(left, below, across, up).unwrap_or_else(|| {
                    let near = |at: usize| (at + factor / 2) / factor;
                    self.point(near(column), near(row))
                }));
            }
        }
        Self { columns, rows, values }
    }

    /// The height at a share of the width and of the height of the frame, interpolated bilinearly; `None`
    /// where the nearest point has none. The shaders do the same in the same order.
    pub fn at(&self, x: f32, y: f32) -> Option<Sample> {
        let cells = [self.columns.saturating_sub(1) as f32, self.rows.saturating_sub(1) as f32];
        let place = [x.clamp(0.0, 1.0) * cells[0], y.clamp(0.0, 1.0) * cells[1]];
        let corner = [0, 1].map(|axis| place[axis].floor().min((cells[axis] - 1.0).max(0.0)));
        let share = [0, 1].map(|axis| place[axis] - corner[axis]);
        let [column, row] = corner.map(|at| at as usize);
        let nearest = self.point(column + usize::from(share[0] >= 0.5), row + usize::from(share[1] >= 0.5));
        if nearest < 0.0 {
            return None;
        }
        let point = |column, row| {
            let height = self.point(column, row);
            if height < 0.0 { nearest } else { height }
        };
        let (a, b) = (point(column, row), point(column + 1, row));
        let (c, d) = (point(column, row + 1), point(column + 1, row + 1));
        let (lower, upper) = (a + share[0] * (b - a), c + share[0] * (d - c));
        let rise = [(b - a) + share[1] * ((d - c) - (b - a)), upper - lower];
        Some(Sample {
            height: lower + share[1] * (upper - lower),
            slope: [rise[0] * cells[0], rise[1] * cells[1]],
        })
    }

    /// The height of a point; past an edge, the edge's.
    pub fn point(&self, column: usize, row: usize) -> f32 {
        let at =
            row.min(self.rows.saturating_sub(1)) * self.columns + column.min(self.columns.saturating_sub(1));
        self.values.get(at).copied().unwrap_or(INVALID)
    }

    /// The value of the Catmull-Rom surface; `None` where one of its 16 points has no height.
    fn smooth(&self, column: usize, row: usize, across: [f32; 4], up: [f32; 4]) -> Option<f32> {
        let mut sum = 0.0;
        for (dy, up) in up.into_iter().enumerate() {
            for (dx, across) in across.into_iter().enumerate() {
                let height = self.point((column + dx).saturating_sub(1), (row + dy).saturating_sub(1));
                if height < 0.0 {
                    return None;
                }
                sum += up * across * height;
            }
        }
        Some(sum.clamp(0.0, 1.0))
    }
}

/// What four points in a row weigh at a share of the way from the second to the third.
fn weights(t: f32) -> [f32; 4] {
    [
        0.5 * t * ((2.0 - t) * t - 1.0),
        0.5 * (t * t * (3.0 * t - 5.0) + 2.0),
        0.5 * t * ((4.0 - 3.0 * t) * t + 1.0),
        0.5 * t * t * (t - 1.0),
    ]
}
