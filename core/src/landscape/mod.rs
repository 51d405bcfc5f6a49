//! The loss over a plane of parameter space: where a run's weights moved, and what lay around them.
//!
//! A [`Plane`] goes through rows of weights, a [`Grid`] holds the loss at points of it, [`Heights`] are
//! those losses scaled for the eye, and a [`Scene`] is what is to be seen of them: a flat map or a
//! surface with the runs' ways on it. [`raster`] draws a scene on the processor; the `gpu` module draws
//! the same picture with shaders.

pub mod camera;
pub mod colormap;
pub mod decision;
pub mod grid;
pub mod heights;
pub mod objective;
pub mod plane;
pub mod raster;
pub mod scene;
mod spread;
pub mod survey;

pub use camera::Camera;
pub use colormap::Colormap;
pub use decision::Decision;
pub use grid::{Frame, Grid};
pub use heights::{Heights, Scale};
pub use objective::Objective;
pub use plane::{Place, Plane, PlaneError};
pub use scene::{Ink, Scene, Trail, View};
pub use survey::{Axes, Site, Survey, site, survey};
