// What a classifier says at every point of a plane: its classes' colours, strong where it is sure, and a
// line where two classes are equally likely.

@vertex
fn cover_picture(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32(index & 1u), f32(index >> 1u)) * 4.0 - 1.0;
    return vec4<f32>(corner, 1.0, 1.0);
}

@fragment
fn draw_decision(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let share = position.xy / scene.size;
    let cells = scene.points - 1.0;
    let at = vec2<f32>(share.x, 1.0 - share.y) * cells;
    let corner = min(floor(at), max(cells - 1.0, vec2<f32>(0.0)));
    let part = at - corner;
    let cell = vec2<i32>(corner);
    let next = min(cell + 1, vec2<i32>(cells));
    let classes = i32(scene.levels);
    let rows = i32(scene.points.y);
    var mixed = vec3<f32>(0.0);
    // The two most likely classes: how likely, and how that changes from pixel to pixel.
    var first = vec3<f32>(-1.0, 0.0, 0.0);
    var second = first;
    for (var class_at = 0; class_at < classes; class_at++) {
        let above = class_at * rows;
        let a = textureLoad(grid, vec2<i32>(cell.x, cell.y + above), 0).r;
        let b = textureLoad(grid, vec2<i32>(next.x, cell.y + above), 0).r;
        let c = textureLoad(grid, vec2<i32>(cell.x, next.y + above), 0).r;
        let d = textureLoad(grid, vec2<i32>(next.x, next.y + above), 0).r;
        let lower = a + part.x * (b - a);
        let upper = c + part.x * (d - c);
        let likely = lower + part.y * (upper - lower);
        let rise = vec2<f32>((b - a) + part.y * ((d - c) - (b - a)), upper - lower) * cells / scene.size;
        mixed += likely * textureLoad(colors, vec2<i32>(class_at, 0), 0).rgb;
        let found = vec3<f32>(likely, rise);
        if likely > first.x {
            second = first;
            first = found;
        } else if likely > second.x {
            second = found;
        }
    }
    let even = 1.0 / max(scene.levels, 2.0);
    let sure = clamp((first.x - even) / (1.0 - even), 0.0, 1.0);
    let color = mix(scene.ground.rgb, mixed, 0.2 + 0.6 * sure);
    let rise = length(first.yz - second.yz);
    let near = clamp(1.5 - (first.x - second.x) / max(rise, 1e-6), 0.0, 1.0);
    return vec4<f32>(mix(color, scene.contour.rgb, scene.contour.a * near), 1.0);
}
