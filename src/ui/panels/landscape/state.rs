//! How the landscape is looked at, and what was worked out to look at it.

use std::sync::Arc;

use crate::engine::Ground;
use crate::landscape::heights::CLIPPED;
use crate::landscape::{Camera, Colormap, Heights, Scale};
use crate::train::ids::SnapshotId;

/// Points between two of the grid's, so that nothing has corners; where pictures have to be quick, none.
const FINE: usize = 3;
const COARSE: usize = 1;

/// From where the surface is seen at first: above the horizon, and from its middle.
const ELEVATION: f32 = 0.92;
const DISTANCE: f32 = 6.1;

/// Which plane of parameter space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaneChoice {
    #[default]
    Trajectory,
    Random,
    Between,
}

impl PlaneChoice {
    pub const ALL: [Self; 3] = [Self::Trajectory, Self::Random, Self::Between];

    /// Its name, and what it is in a sentence.
    pub const fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::Trajectory => (
                "Where the runs went",
                "The two directions in which the runs' weights differ most (principal components).",
            ),
            Self::Between => {
                ("Between snapshots", "From one snapshot to another, and a random direction across.")
            }
            Self::Random => (
                "Random directions",
                "Two random directions around the selected run's weights, filter by filter as long as the weights.",
            ),
        }
    }
}

/// The state of looking at landscapes.
pub struct State {
    pub plane: PlaneChoice,
    /// The snapshots that a plane between two goes through.
    pub between: Option<[SnapshotId; 2]>,
    /// From straight above.
    pub flat: bool,
    /// Where the surface is seen from, once it was turned.
    pub camera: Option<Camera>,
    pub colormap: Arc<Colormap>,
    relief: Option<Relief>,
}

/// A ground as heights.
#[derive(Clone)]
pub struct Relief {
    ground: Arc<Ground>,
    /// Another for every ground.
    pub serial: u64,
    pub scale: Scale,
    fine: Arc<Heights>,
    coarse: Arc<Heights>,
    /// The side it opens to.
    pub facing: Camera,
}

impl Default for State {
    fn default() -> Self {
        Self {
            plane: PlaneChoice::default(),
            between: None,
            flat: false,
            camera: None,
            colormap: Arc::new(Colormap::viridis()),
            relief: None,
        }
    }
}

impl State {
    /// The heights of a ground, worked out once.
    pub fn relief(&mut self, ground: &Arc<Ground>) -> Relief {
        if let Some(relief) = &self.relief
            && Arc::ptr_eq(&relief.ground, ground)
        {
            return relief.clone();
        }
        let scale = Scale::robust(&ground.grid.losses, CLIPPED, true);
        let heights = Heights::new(&ground.grid, scale);
        // From high enough to see into valleys.
        let facing = Camera { elevation: ELEVATION, distance: DISTANCE, ..Camera::facing(&heights) };
        let serial = self.relief.as_ref().map_or(0, |relief| relief.serial + 1);
        let [fine, coarse] = [FINE, COARSE].map(|factor| Arc::new(heights.refined(factor)));
        let relief = Relief { ground: Arc::clone(ground), serial, scale, fine, coarse, facing };
        self.relief.insert(relief).clone()
    }
}

impl Relief {
    pub fn heights(&self, quick: bool) -> &Heights {
        if quick { &self.coarse } else { &self.fine }
    }
}
