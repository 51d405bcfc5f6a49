// What all pictures share. It is put before each of the other files.

struct Scene {
    clip_from_model: mat4x4<f32>,
    // Colours are sRGB with alpha, as they are stored in the picture.
    ground: vec4<f32>,
    contour: vec4<f32>,
    invalid: vec4<f32>,
    // Where the light comes from; w is the share of light that comes from everywhere.
    light: vec4<f32>,
    // Pixels of the picture.
    size: vec2<f32>,
    // Points of the grid, in columns and rows.
    points: vec2<f32>,
    // How high the surface is, and how far below it its block reaches.
    relief: f32,
    plinth: f32,
    // Steps between contour lines, or classes of a decision.
    levels: f32,
    // How much nearer strokes are than where they lie, for what they lie on not to cut them; over the square
    // of the distance.
    nearer: f32,
}

@group(0) @binding(0) var<uniform> scene: Scene;
// Heights from 0 to 1, below 0 where there is none; or probabilities, class upon class.
@group(0) @binding(1) var grid: texture_2d<f32>;
// The colour map, or a colour a class.
@group(0) @binding(2) var colors: texture_2d<f32>;

struct Sample {
    height: f32,
    // What it rises by over the whole width, and over the whole height, of the grid.
    slope: vec2<f32>,
    valid: bool,
}

fn grid_point(column: i32, row: i32) -> f32 {
    let last = vec2<i32>(scene.points) - 1;
    return textureLoad(grid, clamp(vec2<i32>(column, row), vec2<i32>(0), last), 0).r;
}

// Bilinear, where the nearest point has a height; other points without one then count as the nearest.
fn sample_height(place: vec2<f32>) -> Sample {
    let cells = scene.points - 1.0;
    let at = clamp(place, vec2<f32>(0.0), vec2<f32>(1.0)) * cells;
    let corner = min(floor(at), max(cells - 1.0, vec2<f32>(0.0)));
    let share = at - corner;
    let cell = vec2<i32>(corner);
    let near = cell + vec2<i32>(share + 0.5);
    let nearest = grid_point(near.x, near.y);
    var a = grid_point(cell.x, cell.y);
    var b = grid_point(cell.x + 1, cell.y);
    var c = grid_point(cell.x, cell.y + 1);
    var d = grid_point(cell.x + 1, cell.y + 1);
    a = select(a, nearest, a < 0.0);
    b = select(b, nearest, b < 0.0);
    c = select(c, nearest, c < 0.0);
    d = select(d, nearest, d < 0.0);
    let lower = a + share.x * (b - a);
    let upper = c + share.x * (d - c);
    let rise = vec2<f32>((b - a) + share.y * ((d - c) - (b - a)), upper - lower);
    return Sample(lower + share.y * (upper - lower), rise * cells, nearest >= 0.0);
}

fn map_color(height: f32) -> vec3<f32> {
    let place = clamp(height, 0.0, 1.0) * 255.0;
    let low = floor(place);
    let below = textureLoad(colors, vec2<i32>(i32(low), 0), 0).rgb;
    let above = textureLoad(colors, vec2<i32>(min(i32(low) + 1, 255), 0), 0).rgb;
    return below + (place - low) * (above - below);
}

// How much of a pixel a contour line covers, for a height and what it rises by from pixel to pixel. Every
// fifth line is a strong one; where lines come closer than a few pixels, they fade.
fn contour_cover(height: f32, rise: f32) -> f32 {
    let scaled = height * scene.levels;
    let level = round(scaled);
    if scene.levels < 1.0 || level < 0.5 || level > scene.levels - 0.5 {
        return 0.0;
    }
    let apart = 1.0 / (scene.levels * max(rise, 1e-6));
    let strong = abs(level - 5.0 * round(level / 5.0)) < 0.5;
    let near = clamp(1.0 - abs(scaled - level) * apart, 0.0, 1.0);
    return near * select(0.4, 0.8, strong) * clamp((apart - 2.0) / 4.0, 0.0, 1.0);
}

fn with_contour(color: vec3<f32>, height: f32, rise: f32) -> vec3<f32> {
    return mix(color, scene.contour.rgb, scene.contour.a * contour_cover(height, rise));
}
