//! What is to be seen of a landscape.

use super::camera::{self, Camera, FLAT, Matrix};
use super::colormap::Colormap;
use super::heights::Heights;
use bytemuck::{Pod, Zeroable};

/// Heights with the ways of runs on them.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub heights: &'a Heights,
    pub colormap: &'a Colormap,
    pub ink: Ink,
    /// The contour lines divide the heights into so many steps; 0 draws none.
    pub contours: u32,
    pub trails: &'a [Trail],
    pub view: View,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum View {
    /// From straight above, filling the picture.
    Map,
    Surface(Camera),
}

/// Colours that are not of the colour map, in sRGB with alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// Behind the surface.
    pub ground: [u8; 4],
    pub contour: [u8; 4],
    /// Where the loss is not finite.
    pub invalid: [u8; 4],
    /// Around trails.
    pub halo: [u8; 4],
}

/// The way of a run over the plane, in shares of the frame's width and height from the lower left.
#[derive(Clone, Debug, PartialEq)]
pub struct Trail {
    pub color: [u8; 4],
    /// In order; what lies outside the frame is not drawn. The last has a dot.
    pub places: Vec<[f32; 2]>,
    /// Snapshots: a dot each.
    pub marks: Vec<[f32; 2]>,
    /// Of the line, in pixels.
    pub width: f32,
}

/// A straight line with round ends; a dot where both are one.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Stroke {
    /// In the surface's coordinates.
    pub from: [f32; 3],
    pub to: [f32; 3],
    /// In pixels.
    pub radius: f32,
    pub color: [u8; 4],
}

/// How high the surface is, of its width of 2.
pub const RELIEF: f32 = 0.9;
/// The surface's block reaches so far below its lowest point.
pub const PLINTH: f32 = 0.06;
/// The share of light that comes from everywhere.
pub const AMBIENT: f32 = 0.35;
/// Where the rest comes from: around the vertical from the camera, and above the horizon.
const LIGHT_AZIMUTH: f32 = -1.2;
const LIGHT_ELEVATION: f32 = 0.8;
/// Trails hover over the surface by this much, so as not to sink into it.
const LIFT: f32 = 0.012;
/// Dots and lines stand in front of the surface they lie on by this much depth, over the square of their
/// distance: a tenth of its half width.
pub const NEARER: f32 = 0.1 * camera::NEAR;
/// The longest piece of a trail, as a share of the frame: longer ones would not follow the surface.
const LONGEST: f32 = 1.0 / 128.0;
/// A trail that goes to and fro is cut into no more pieces than about this.
const MOST_PIECES: f32 = 4096.0;
/// How much wider than the line the halo is, on each side, in pixels.
const HALO: f32 = 1.5;
/// Radii of dots, by the line's width.
const END: f32 = 2.2;
const MARK: f32 = 1.6;

impl Scene<'_> {
    /// From the surface's coordinates to clip coordinates, for a picture of this size.
    pub fn clip_from_model(&self, [width, height]: [u32; 2]) -> Matrix {
        match self.view {
            View::Map => FLAT,
            View::Surface(camera) => camera.clip_from_model(width.max(1) as f32 / height.max(1) as f32),
        }
    }

    /// Where the light comes from, in the surface's coordinates and of length 1: above, to the left of the eye.
    pub fn light(&self) -> [f32; 3] {
        let azimuth = match self.view {
            View::Map => 0.0,
            View::Surface(camera) => camera.azimuth,
        };
        let ((sin, cos), (rise, level)) = ((azimuth + LIGHT_AZIMUTH).sin_cos(), LIGHT_ELEVATION.sin_cos());
        [cos * level, sin * level, rise]
    }

    /// Where a place, in shares of the frame, lies on the surface as seen: shares of the picture's width and
    /// height from its upper left. `None` outside the frame, or behind the eye.
    pub fn seen(&self, place: [f32; 2], size: [f32; 2]) -> Option<[f32; 2]> {
        self.project(self.on_surface(place)?, size)
    }

    /// As [`Scene::seen`], of a place at the foot of the surface's block.
    pub fn foot(&self, [x, y]: [f32; 2], size: [f32; 2]) -> Option<[f32; 2]> {
        self.project([2.0 * x - 1.0, 2.0 * y - 1.0, elevation(0.0) - PLINTH], size)
    }

    fn project(&self, point: [f32; 3], size: [f32; 2]) -> Option<[f32; 2]> {
        let matrix = self.clip_from_model(size.map(|side| side.max(1.0) as u32));
        let [x, y, _, w] = camera::apply(&matrix, point);
        (w > 0.0).then(|| [0.5 + 0.5 * x / w, 0.5 - 0.5 * y / w])
    }

    /// All that is drawn over the heights, in the order of drawing.
    pub fn strokes(&self) -> Vec<Stroke> {
        let mut strokes = Vec::new();
        for trail in self.trails {
            let radius = trail.width / 2.0;
            self.line(trail, radius + HALO, self.ink.halo, &mut strokes);
            self.line(trail, radius, trail.color, &mut strokes);
        }
        for trail in self.trails {
            let end = trail.places.last().map(|place| (place, END));
            for (place, size) in trail.marks.iter().map(|mark| (mark, MARK)).chain(end) {
                if let Some(at) = self.on_surface(*place) {
                    let radius = trail.width * size;
                    strokes.push(Stroke { from: at, to: at, radius: radius + HALO, color: self.ink.halo });
                    strokes.push(Stroke { from: at, to: at, radius, color: trail.color });
                }
            }
        }
        strokes
    }

    fn line(&self, trail: &Trail, radius: f32, color: [u8; 4], strokes: &mut Vec<Stroke>) {
        let steps = trail.places.windows(2).map(|pair| match pair {
            [from, to] => (to[0] - from[0]).abs().max((to[1] - from[1]).abs()),
            _ => 0.0,
        });
        let way: f32 = steps.filter(|step| step.is_finite()).map(|step| step.min(1.0)).sum();
        let longest = LONGEST.max(way / MOST_PIECES);
        for pair in trail.places.windows(2) {
            let &[from, to] = pair else { continue };
            let step = [to[0] - from[0], to[1] - from[1]];
            let pieces = (step[0].abs().max(step[1].abs()) / longest).ceil().clamp(1.0, 1024.0);
            let place = |piece: f32| {
                let share = piece / pieces;
                self.on_surface([from[0] + share * step[0], from[1] + share * step[1]])
            };
            for piece in 0..pieces as usize {
                if let (Some(from), Some(to)) = (place(piece as f32), place(piece as f32 + 1.0)) {
                    strokes.push(Stroke { from, to, radius, color });
                }
            }
        }
    }

    /// A place in the surface's coordinates; `None` outside the frame.
    fn on_surface(&self, [x, y]: [f32; 2]) -> Option<[f32; 3]> {
        if !((0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)) {
            return None;
        }
        let z = match self.view {
            View::Map => 0.0,
            View::Surface(_) => elevation(self.heights.at(x, y).map_or(0.0, |sample| sample.height)) + LIFT,
        };
        Some([2.0 * x - 1.0, 2.0 * y - 1.0, z])
    }
}

/// Where a height lies on the vertical.
pub fn elevation(height: f32) -> f32 {
    (height - 0.5) * RELIEF
}
