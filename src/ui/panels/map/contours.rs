//! Lines of equal height through a grid.

/// Pieces of the lines at `level`, each from one place to another, in columns and rows of the grid. `height` is of
/// a cell's middle; where one of four neighbours has none there is no line.
pub fn pieces(side: usize, level: f32, height: impl Fn(usize, usize) -> Option<f32>) -> Vec<[[f32; 2]; 2]> {
    let mut pieces = Vec::new();
    for row in 0..side.saturating_sub(1) {
        for column in 0..side.saturating_sub(1) {
            let corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)];
            let heights = corners.map(|(column, row)| height(column, row));
            let [Some(a), Some(b), Some(c), Some(d)] = heights else { continue };
            let heights = [a, b, c, d];
            let mut crossings = Vec::with_capacity(4);
            for at in 0..4 {
                let next = (at + 1) % 4;
                let (from, to) = (heights[at], heights[next]);
                if (from < level) != (to < level) {
                    let share = (level - from) / (to - from);
                    let (start, end) = (corners[at], corners[next]);
                    let between = |from: usize, to: usize| from as f32 + share * (to as f32 - from as f32);
                    crossings.push([between(start.0, end.0), between(start.1, end.1)]);
                }
            }
            // Four crossings are two lines, however they are joined.
            pieces.extend(crossings.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_has_one_straight_line() {
        let pieces = pieces(4, 1.5, |column, _| Some(column as f32));
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().flatten().all(|place| (place[0] - 1.5).abs() < 1e-6));
    }

    #[test]
    fn no_line_goes_through_what_has_no_height() {
        let pieces = pieces(3, 0.5, |column, row| (row < 2).then_some(column as f32));
        assert_eq!(pieces.len(), 1);
    }
}
