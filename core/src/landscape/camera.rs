//! Where a surface is seen from.

use super::heights::Heights;

/// Looks at the middle of the surface from a distance; angles in radians.
///
/// The surface lies over the square from -1 to 1 in x and y; z is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Around the vertical, 0 in the direction of x.
    pub azimuth: f32,
    /// Above the horizon, within [`Camera::ELEVATION`].
    pub elevation: f32,
    /// From the middle, within [`Camera::DISTANCE`]; the surface is 2 wide.
    pub distance: f32,
}

/// A matrix, column by column, as shaders take it.
pub type Matrix = [[f32; 4]; 4];

/// Nothing is moved, and all lies at half depth: the plane seen from straight above.
pub const FLAT: Matrix =
    [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 1.0]];

/// From the lower to the upper edge of the picture, in radians.
const FIELD_OF_VIEW: f32 = 0.5;
pub const NEAR: f32 = 0.1;
const FAR: f32 = 30.0;

/// A mean rise from side to side that is no more than this has no direction.
const LEAST_RISE: f32 = 0.005;
/// In radians.
const ASKEW: f32 = 0.4;

impl Default for Camera {
    fn default() -> Self {
        Self { azimuth: -2.1, elevation: 0.68, distance: 6.2 }
    }
}

impl Camera {
    /// Never below the floor nor straight above, where up is undefined.
    pub const ELEVATION: [f32; 2] = [0.02, 1.55];
    /// Never inside the surface.
    pub const DISTANCE: [f32; 2] = [2.5, 12.0];

    /// From the side where the surface is low, a little askew, so that it opens towards the eye.
    #[must_use]
    pub fn facing(heights: &Heights) -> Self {
        let mut rise = [0.0, 0.0];
        for (row, line) in heights.values.chunks(heights.columns.max(1)).enumerate() {
            for (column, height) in line.iter().enumerate() {
                let from_middle = |at: usize, count: usize| at as f32 - 0.5 * (count as f32 - 1.0);
                rise[0] += height * from_middle(column, heights.columns) / heights.columns as f32;
                rise[1] += height * from_middle(row, heights.rows) / heights.rows as f32;
            }
        }
        // A surface that rises nowhere in particular looks the same from everywhere.
        let steep = rise[0].hypot(rise[1]) > LEAST_RISE * heights.values.len() as f32;
        let usual = Self::default();
        if steep { Self { azimuth: (-rise[1]).atan2(-rise[0]) + ASKEW, ..usual } } else { usual }
    }

    /// Turned by angles, and as much nearer as the factor says.
    #[must_use]
    pub fn moved(self, azimuth: f32, elevation: f32, nearer: f32) -> Self {
        let within = |value: f32, [low, high]: [f32; 2]| value.max(low).min(high);
        Self {
            azimuth: (self.azimuth + azimuth).rem_euclid(std::f32::consts::TAU),
            elevation: within(self.elevation + elevation, Self::ELEVATION),
            distance: within(self.distance / nearer, Self::DISTANCE),
        }
    }

    /// From the surface's coordinates to clip coordinates; depth from 0 near to 1 far.
    pub fn clip_from_model(self, aspect: f32) -> Matrix {
        let Self { azimuth, elevation, distance } = self.moved(0.0, 0.0, 1.0);
        let (sin, cos) = azimuth.sin_cos();
        let (rise, level) = elevation.sin_cos();
        // Where x, y and z point to in the picture: right, up, and towards the eye.
        let right = [-sin, cos, 0.0];
        let up = [-cos * rise, -sin * rise, level];
        let back = [cos * level, sin * level, rise];
        let focal = 1.0 / (FIELD_OF_VIEW / 2.0).tan();
        // A tall picture shows the surface's whole width.
        let (wide, tall) = if aspect < 1.0 { (focal, focal * aspect) } else { (focal / aspect, focal) };
        let depth = FAR / (FAR - NEAR);
        let column = |axis: usize| [wide * right[axis], tall * up[axis], -depth * back[axis], -back[axis]];
        let [x, y, z] = [column(0), column(1), column(2)];
        [x, y, z, [0.0, 0.0, depth * (distance - NEAR), distance]]
    }
}

/// A point's clip coordinates.
pub fn apply(matrix: &Matrix, [x, y, z]: [f32; 3]) -> [f32; 4] {
    std::array::from_fn(|row| matrix[0][row] * x + matrix[1][row] * y + matrix[2][row] * z + matrix[3][row])
}
