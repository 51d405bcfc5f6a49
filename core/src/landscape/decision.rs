//! What a classifier says over a plane of its inputs.

/// Probabilities of classes at the points of a grid, and the classes' colours.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub columns: usize,
    pub rows: usize,
    /// A class after the other; of each, row by row from the lower left point.
    pub probabilities: Vec<f32>,
    /// A colour a class, in sRGB.
    pub classes: Vec<[u8; 3]>,
    /// Where the model is not sure.
    pub ground: [u8; 3],
    /// The line between two classes, with alpha.
    pub border: [u8; 4],
}

impl Decision {
    /// From probabilities point by point, as models predict them, classes side by side.
    #[must_use]
    pub fn new(
        (columns, rows): (usize, usize),
        predictions: &[f32],
        classes: Vec<[u8; 3]>,
        ground: [u8; 3],
        border: [u8; 4],
    ) -> Self {
        let count = classes.len();
        let class = |class: usize| predictions.iter().skip(class).step_by(count.max(1)).take(columns * rows);
        let probabilities = (0..count).flat_map(class).copied().collect();
        Self { columns, rows, probabilities, classes, ground, border }
    }

    /// The colour at a share of the width and of the height of a picture of so many pixels, each channel
    /// from 0 to 1. The shader does the same in the same order.
    pub fn color(&self, [x, y]: [f32; 2], size: [f32; 2]) -> [f32; 3] {
        let cells = [self.columns.saturating_sub(1) as f32, self.rows.saturating_sub(1) as f32];
        let at = [x * cells[0], y * cells[1]];
        let corner = [0, 1].map(|axis| at[axis].floor().min((cells[axis] - 1.0).max(0.0)));
        let part = [at[0] - corner[0], at[1] - corner[1]];
        let mut mixed = [0.0; 3];
        let (mut first, mut second) = ([-1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]);
        for (class, color) in self.classes.iter().enumerate() {
            let point = |right: usize, up: usize| {
                let column = (corner[0] as usize + right).min(self.columns.saturating_sub(1));
                let row = (corner[1] as usize + up).min(self.rows.saturating_sub(1));
                let at = (class * self.rows + row) * self.columns + column;
                self.probabilities.get(at).copied().unwrap_or(0.0)
            };
            let (a, b, c, d) = (point(0, 0), point(1, 0), point(0, 1), point(1, 1));
            let (lower, upper) = (a + part[0] * (b - a), c + part[0] * (d - c));
            let likely = lower + part[1] * (upper - lower);
            let rise = [(b - a) + part[1] * ((d - c) - (b - a)), upper - lower];
            for (mixed, channel) in mixed.iter_mut().zip(color) {
                *mixed += likely * f32::from(*channel) / 255.0;
            }
            let found = [likely, rise[0] * cells[0] / size[0], rise[1] * cells[1] / size[1]];
            if likely > first[0] {
                second = first;
                first = found;
            } else if likely > second[0] {
                second = found;
            }
        }
        let even = 1.0 / self.classes.len().max(2) as f32;
        let sure = ((first[0] - even) / (1.0 - even)).clamp(0.0, 1.0);
        let rise = (first[1] - second[1]).hypot(first[2] - second[2]);
        let near = (1.5 - (first[0] - second[0]) / rise.max(1e-6)).clamp(0.0, 1.0);
        let border = near * f32::from(self.border[3]) / 255.0;
        std::array::from_fn(|channel| {
            let [ground, line] = [self.ground[channel], self.border[channel]].map(|c| f32::from(c) / 255.0);
            let color = ground + (0.2 + 0.6 * sure) * (mixed[channel] - ground);
            color + border * (line - color)
        })
    }
}
