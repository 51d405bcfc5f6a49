// Straight lines with round ends, and dots: a square around each, and the distance to the line in it.

struct Stroke {
    @location(0) from_place: vec3<f32>,
    @location(1) to_place: vec3<f32>,
    // In pixels.
    @location(2) radius: f32,
    @location(3) color: vec4<f32>,
}

struct Corner {
    @builtin(position) position: vec4<f32>,
    // In pixels of the picture, from its upper left.
    @location(0) place: vec2<f32>,
    @location(1) @interpolate(flat) ends: vec4<f32>,
    @location(2) @interpolate(flat) color: vec4<f32>,
    @location(3) @interpolate(flat) radius: f32,
}

fn pixel(clip: vec4<f32>) -> vec2<f32> {
    return (vec2<f32>(0.5, -0.5) * clip.xy / clip.w + 0.5) * scene.size;
}

@vertex
fn widen_stroke(@builtin(vertex_index) index: u32, stroke: Stroke) -> Corner {
    let from_clip = scene.clip_from_model * vec4<f32>(stroke.from_place, 1.0);
    let to_clip = scene.clip_from_model * vec4<f32>(stroke.to_place, 1.0);
    let ends = vec4<f32>(pixel(from_clip), pixel(to_clip));
    let way = ends.zw - ends.xy;
    let long = length(way);
    let along = select(vec2<f32>(1.0, 0.0), way / max(long, 1e-6), long > 1e-3);
    let reach = stroke.radius + 1.0;
    // Of a square: 0 1 2, 2 1 3.
    let ahead = index == 1u || index == 4u || index == 5u;
    let left = index == 2u || index == 3u || index == 5u;
    let sides = select(vec2<f32>(-1.0), vec2<f32>(1.0), vec2<bool>(ahead, left)) * reach;
    let place = select(ends.xy, ends.zw, ahead) + sides.x * along + sides.y * vec2<f32>(-along.y, along.x);
    let clip = select(from_clip, to_clip, ahead);
    let shown = (place / scene.size - 0.5) * vec2<f32>(2.0, -2.0);
    let depth = clip.z / clip.w - scene.nearer / (clip.w * clip.w);
    return Corner(vec4<f32>(shown, depth, 1.0), place, ends, stroke.color, stroke.radius);
}

@fragment
fn draw_stroke(corner: Corner) -> @location(0) vec4<f32> {
    let way = corner.ends.zw - corner.ends.xy;
    let off = corner.place - corner.ends.xy;
    let share = clamp(dot(off, way) / max(dot(way, way), 1e-6), 0.0, 1.0);
    let cover = clamp(corner.radius + 0.5 - distance(off, share * way), 0.0, 1.0);
    if cover <= 0.0 {
        discard;
    }
    return vec4<f32>(corner.color.rgb, corner.color.a * cover);
}
