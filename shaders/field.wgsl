// Heights seen from straight above: the colour map, and contour lines.

@vertex
fn cover_picture(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    // One triangle that covers it all.
    let corner = vec2<f32>(f32(index & 1u), f32(index >> 1u)) * 4.0 - 1.0;
    return vec4<f32>(corner, 1.0, 1.0);
}

@fragment
fn draw_field(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let share = position.xy / scene.size;
    let found = sample_height(vec2<f32>(share.x, 1.0 - share.y));
    if !found.valid {
        return vec4<f32>(scene.invalid.rgb, 1.0);
    }
    let rise = length(found.slope / scene.size);
    return vec4<f32>(with_contour(map_color(found.height), found.height, rise), 1.0);
}
