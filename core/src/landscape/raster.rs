//! Pictures drawn on the processor: what the shaders draw, where there is no adapter and to compare with.

use image::{Rgba, RgbaImage};

use super::camera::{Matrix, apply};
use super::decision::Decision;
use super::heights::Heights;
use super::scene::{AMBIENT, NEARER, PLINTH, RELIEF, Scene, Stroke, View, elevation};

/// Draws a scene.
pub fn draw(scene: &Scene<'_>, size: [u32; 2]) -> RgbaImage {
    let mut canvas = Canvas::new(size, scene.ink.ground);
    let matrix = scene.clip_from_model(size);
    match scene.view {
        View::Map => {
            let [width, height] = canvas.size;
            canvas.each_pixel(|x, y| map_color(scene, [x / width, y / height], [width, height]));
        }
        View::Surface(_) => surface(scene, &matrix, &mut canvas),
    }
    for stroke in scene.strokes() {
        canvas.stroke(&stroke, &matrix);
    }
    canvas.image
}

/// Draws a decision field.
pub fn draw_decision(decision: &Decision, size: [u32; 2]) -> RgbaImage {
    let [r, g, b] = decision.ground;
    let mut canvas = Canvas::new(size, [r, g, b, 255]);
    let size = canvas.size;
    canvas.each_pixel(|x, y| decision.color([x / size[0], 1.0 - y / size[1]], size));
    canvas.image
}

/// The colour of a map at a share of its width and height from the upper left.
fn map_color(scene: &Scene<'_>, [x, y]: [f32; 2], size: [f32; 2]) -> [f32; 3] {
    let Some(sample) = scene.heights.at(x, 1.0 - y) else { return rgb(scene.ink.invalid) };
    let rise = (sample.slope[0] / size[0]).hypot(sample.slope[1] / size[1]);
    with_contour(scene, scene.colormap.at(sample.height), sample.height, rise)
}

fn with_contour(scene: &Scene<'_>, color: [f32; 3], height: f32, rise: f32) -> [f32; 3] {
    let cover = contour_cover(scene.contours as f32, height, rise);
    mix(color, rgb(scene.ink.contour), cover * f32::from(scene.ink.contour[3]) / 255.0)
}

/// How much of a pixel a contour line covers; see the shader of the same name.
fn contour_cover(levels: f32, height: f32, rise: f32) -> f32 {
    let scaled = height * levels;
    let level = scaled.round_ties_even();
    if levels < 1.0 || level < 0.5 || level > levels - 0.5 {
        return 0.0;
    }
    let apart = 1.0 / (levels * rise.max(1e-6));
    let strong = (level - 5.0 * (level / 5.0).round_ties_even()).abs() < 0.5;
    let near = (1.0 - (scaled - level).abs() * apart).clamp(0.0, 1.0);
    near * if strong { 0.8 } else { 0.4 } * ((apart - 2.0) / 4.0).clamp(0.0, 1.0)
}

/// A corner of a triangle of the surface or of its block.
#[derive(Clone, Copy)]
struct Corner {
    place: [f32; 3],
    height: f32,
    normal: [f32; 3],
    valid: bool,
    /// 0 on the surface; on the block's sides 1 at the top, 2 at the foot.
    side: f32,
}

/// The surface, its cells as two triangles each, and the sides of its block.
fn surface(scene: &Scene<'_>, matrix: &Matrix, canvas: &mut Canvas) {
    let heights = scene.heights;
    let (columns, rows) = (heights.columns.max(1) - 1, heights.rows.max(1) - 1);
    let mut square = |corners: [Corner; 4]| {
        let [a, b, c, d] = corners;
        canvas.triangle(scene, matrix, [a, b, c]);
        canvas.triangle(scene, matrix, [c, b, d]);
    };
    for row in 0..rows {
        for column in 0..columns {
            let corner = |right, up| top(heights, column + right, row + up);
            square([corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)]);
        }
    }
    let mut edge = |from: (usize, usize), to: (usize, usize), normal: [f32; 3]| {
        let upper = [from, to].map(|(column, row)| Corner {
            normal,
            valid: true,
            side: 1.0,
            ..top(heights, column, row)
        });
        let lower = upper.map(|mut corner| {
            corner.place[2] = -0.5 * RELIEF - PLINTH;
            corner.side = 2.0;
            corner
        });
        square([lower[0], lower[1], upper[0], upper[1]]);
    };
    for column in 0..columns {
        edge((column, 0), (column + 1, 0), [0.0, -1.0, 0.0]);
        edge((column, rows), (column + 1, rows), [0.0, 1.0, 0.0]);
    }
    for row in 0..rows {
        edge((0, row), (0, row + 1), [-1.0, 0.0, 0.0]);
        edge((columns, row), (columns, row + 1), [1.0, 0.0, 0.0]);
    }
}

/// A point of the grid on the surface.
fn top(heights: &Heights, column: usize, row: usize) -> Corner {
    let found = heights.point(column, row);
    let height = found.max(0.0);
    let beside = |column, row| {
        let found = heights.point(column, row);
        if found < 0.0 { height } else { found }
    };
    let cells = [heights.columns.max(2) - 1, heights.rows.max(2) - 1];
    let (left, right) = (column.saturating_sub(1), (column + 1).min(cells[0]));
    let (below, above) = (row.saturating_sub(1), (row + 1).min(cells[1]));
    let steep = |rise: f32, steps: usize, cells: usize| -RELIEF * rise / (2.0 * steps as f32 / cells as f32);
    let normal = unit([
        steep(beside(right, row) - beside(left, row), right - left, cells[0]),
        steep(beside(column, above) - beside(column, below), above - below, cells[1]),
        1.0,
    ]);
    let share = [column as f32 / cells[0] as f32, row as f32 / cells[1] as f32];
    let place = [2.0 * share[0] - 1.0, 2.0 * share[1] - 1.0, elevation(height)];
    Corner { place, height, normal, valid: found >= 0.0, side: 0.0 }
}

/// A picture, and how far what it shows is: 0 near to 1 far.
struct Canvas {
    image: RgbaImage,
    depth: Vec<f32>,
    size: [f32; 2],
}

impl Canvas {
    fn new([width, height]: [u32; 2], ground: [u8; 4]) -> Self {
        Self {
            image: RgbaImage::from_pixel(width, height, Rgba(ground)),
            depth: vec![1.0; width as usize * height as usize],
            size: [width as f32, height as f32],
        }
    }

    /// Colours every pixel by its centre's place.
    fn each_pixel(&mut self, color: impl Fn(f32, f32) -> [f32; 3]) {
        for (x, y, pixel) in self.image.enumerate_pixels_mut() {
            *pixel = opaque(color(x as f32 + 0.5, y as f32 + 0.5));
        }
    }

    /// The pixels whose centres lie in a box.
    fn pixels_in(&self, low: [f32; 2], high: [f32; 2]) -> impl Iterator<Item = (u32, u32)> + use<> {
        let range = |axis: usize| {
            let from = (low[axis] - 0.5).ceil().max(0.0);
            let to = (high[axis] + 0.5).floor().min(self.size[axis]);
            from as u32..to.max(0.0) as u32
        };
        let (across, down) = (range(0), range(1));
        down.flat_map(move |y| across.clone().map(move |x| (x, y)))
    }

    fn triangle(&mut self, scene: &Scene<'_>, matrix: &Matrix, corners: [Corner; 3]) {
        let places = corners.map(|corner| self.pixel(apply(matrix, corner.place)));
        let [a, b, c] = places;
        let area = cross(sub(b, a), sub(c, a));
        if area.abs() < 1e-9 {
            return;
        }
        let low = [0, 1].map(|axis| a[axis].min(b[axis]).min(c[axis]));
        let high = [0, 1].map(|axis| a[axis].max(b[axis]).max(c[axis]));
        let light = scene.light();
        // What the height rises by from pixel to pixel: the same all over the triangle.
        let [ha, hb, hc] = corners.map(|corner| corner.height);
        let (ab, ac) = (sub(b, a), sub(c, a));
        let (up, over) = (hb - ha, hc - ha);
        let rise = ((up * ac[1] - over * ab[1]) / area).hypot((over * ab[0] - up * ac[0]) / area);
        for (x, y) in self.pixels_in(low, high) {
            let at = [x as f32 + 0.5, y as f32 + 0.5, 0.0];
            let shares =
                [cross(sub(c, b), sub(at, b)), cross(sub(a, c), sub(at, c)), cross(sub(b, a), sub(at, a))]
                    .map(|part| part / area);
            let depth: f32 = shares.iter().zip(places).map(|(share, place)| share * place[2]).sum();
            let index = y as usize * self.size[0] as usize + x as usize;
            let Some(nearest) = self.depth.get_mut(index) else { continue };
            if shares.iter().any(|share| *share < 0.0) || depth > *nearest {
                continue;
            }
            *nearest = depth;
            let height: f32 = shares.iter().zip(&corners).map(|(share, corner)| share * corner.height).sum();
            let normal = std::array::from_fn(|axis| {
                shares.iter().zip(&corners).map(|(share, corner)| share * corner.normal[axis]).sum()
            });
            let color = if corners.iter().any(|corner| !corner.valid) {
                lit(light, rgb(scene.ink.invalid), unit(normal))
            } else if corners[0].side > 0.0 {
                let side: f32 = shares.iter().zip(&corners).map(|(share, corner)| share * corner.side).sum();
                let color = lit(light, scene.colormap.at(height), corners[0].normal);
                mix(rgb(scene.ink.ground), color, 0.45 * (2.0 - side))
            } else {
                with_contour(scene, lit(light, scene.colormap.at(height), unit(normal)), height, rise)
            };
            self.image.put_pixel(x, y, opaque(color));
        }
    }

    fn stroke(&mut self, stroke: &Stroke, matrix: &Matrix) {
        let [from, to] = [stroke.from, stroke.to].map(|place| {
            let clip = apply(matrix, place);
            let [x, y, depth] = self.pixel(clip);
            [x, y, depth - NEARER / (clip[3] * clip[3])]
        });
        let way = sub(to, from);
        let reach = stroke.radius + 1.0;
        let low = [0, 1].map(|axis| from[axis].min(to[axis]) - reach);
        let high = [0, 1].map(|axis| from[axis].max(to[axis]) + reach);
        let square = way[0] * way[0] + way[1] * way[1];
        for (x, y) in self.pixels_in(low, high) {
            let off = sub([x as f32 + 0.5, y as f32 + 0.5, 0.0], from);
            let share = ((off[0] * way[0] + off[1] * way[1]) / square.max(1e-6)).clamp(0.0, 1.0);
            let away = (off[0] - share * way[0]).hypot(off[1] - share * way[1]);
            let cover = (stroke.radius + 0.5 - away).clamp(0.0, 1.0);
            let index = y as usize * self.size[0] as usize + x as usize;
            let hidden = self.depth.get(index).is_none_or(|nearest| from[2] + share * way[2] > *nearest);
            if cover > 0.0 && !hidden {
                let under = self.image.get_pixel(x, y).0;
                let over = mix(rgb(under), rgb(stroke.color), cover * f32::from(stroke.color[3]) / 255.0);
                self.image.put_pixel(x, y, opaque(over));
            }
        }
    }

    /// A place in pixels from the upper left, and its depth.
    fn pixel(&self, [x, y, z, w]: [f32; 4]) -> [f32; 3] {
        [(0.5 * x / w + 0.5) * self.size[0], (-0.5 * y / w + 0.5) * self.size[1], z / w]
    }
}

/// The colour in the light. It is added up where light adds, in linear numbers.
fn lit(light: [f32; 3], color: [f32; 3], normal: [f32; 3]) -> [f32; 3] {
    let facing: f32 = normal.iter().zip(light).map(|(normal, light)| normal * light).sum();
    let strength = AMBIENT + (1.0 - AMBIENT) * facing.max(0.0);
    color.map(|channel| (channel.powf(2.2) * strength).powf(1.0 / 2.2))
}

fn rgb(color: [u8; 4]) -> [f32; 3] {
    let [r, g, b, _] = color.map(|channel| f32::from(channel) / 255.0);
    [r, g, b]
}

fn opaque(color: [f32; 3]) -> Rgba<u8> {
    let [r, g, b] = color.map(|channel| (channel * 255.0).round() as u8);
    Rgba([r, g, b, 255])
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| from[channel] + share * (to[channel] - from[channel]))
}

fn unit(vector: [f32; 3]) -> [f32; 3] {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.map(|v| v / length)
}

fn sub(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

/// Twice the area of the triangle of two sides, as seen.
fn cross(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[1] - a[1] * b[0]
}
