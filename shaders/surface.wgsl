// Heights as a lit surface on a block.
//
// Nothing but its index tells a vertex where it is: six vertices a cell of the grid, then six a cell edge
// of the block's four sides.

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) height: f32,
    @location(1) normal: vec3<f32>,
    // Below 1 where the surface has a hole.
    @location(2) valid: f32,
    // Above 0 on the block's sides.
    @location(3) side: f32,
}

fn model_point(at: vec2<f32>, height: f32) -> vec3<f32> {
    return vec3<f32>(2.0 * at / (scene.points - 1.0) - 1.0, (height - 0.5) * scene.relief);
}

// The height beside a point, or the point's own where the neighbour has none.
fn beside(own: f32, column: i32, row: i32) -> f32 {
    let height = grid_point(column, row);
    return select(height, own, height < 0.0);
}

fn surface_corner(at: vec2<f32>) -> Corner {
    let cell = vec2<i32>(at);
    let found = grid_point(cell.x, cell.y);
    let height = max(found, 0.0);
    let last = vec2<i32>(scene.points) - 1;
    let left = max(cell.x - 1, 0);
    let right = min(cell.x + 1, last.x);
    let below = max(cell.y - 1, 0);
    let above = min(cell.y + 1, last.y);
    let rise = vec2<f32>(
        beside(height, right, cell.y) - beside(height, left, cell.y),
        beside(height, cell.x, above) - beside(height, cell.x, below),
    );
    let run = 2.0 * vec2<f32>(f32(right - left), f32(above - below)) / (scene.points - 1.0);
    let normal = normalize(vec3<f32>(-scene.relief * rise / run, 1.0));
    let position = scene.clip_from_model * vec4<f32>(model_point(at, height), 1.0);
    return Corner(position, height, normal, select(0.0, 1.0, found >= 0.0), 0.0);
}

// A corner of the side over `edge`, one of the grid's border edges counted round it; `top` or bottom.
fn side_corner(edge: u32, ahead: f32, top: bool) -> Corner {
    let cells = vec2<u32>(scene.points) - 1u;
    let last = scene.points - 1.0;
    var at: vec2<f32>;
    var normal: vec3<f32>;
    if edge < cells.x {
        at = vec2<f32>(f32(edge) + ahead, 0.0);
        normal = vec3<f32>(0.0, -1.0, 0.0);
    } else if edge < 2u * cells.x {
        at = vec2<f32>(f32(edge - cells.x) + ahead, last.y);
        normal = vec3<f32>(0.0, 1.0, 0.0);
    } else if edge < 2u * cells.x + cells.y {
        at = vec2<f32>(0.0, f32(edge - 2u * cells.x) + ahead);
        normal = vec3<f32>(-1.0, 0.0, 0.0);
    } else {
        at = vec2<f32>(last.x, f32(edge - 2u * cells.x - cells.y) + ahead);
        normal = vec3<f32>(1.0, 0.0, 0.0);
    }
    let height = max(grid_point(i32(at.x), i32(at.y)), 0.0);
    var place = model_point(at, height);
    if !top {
        place.z = -0.5 * scene.relief - scene.plinth;
    }
    return Corner(scene.clip_from_model * vec4<f32>(place, 1.0), height, normal, 1.0, 1.0);
}

@vertex
fn raise_surface(@builtin(vertex_index) index: u32) -> Corner {
    let corner = index % 6u;
    // Of a square: 0 1 2, 2 1 3.
    let along = corner == 1u || corner == 4u || corner == 5u;
    let across = corner == 2u || corner == 3u || corner == 5u;
    let cells = vec2<u32>(scene.points) - 1u;
    let square = index / 6u;
    if square < cells.x * cells.y {
        let cell = vec2<f32>(f32(square % cells.x), f32(square / cells.x));
        return surface_corner(cell + select(vec2<f32>(0.0), vec2<f32>(1.0), vec2<bool>(along, across)));
    }
    return side_corner(square - cells.x * cells.y, select(0.0, 1.0, along), across);
}

@fragment
fn draw_surface(corner: Corner) -> @location(0) vec4<f32> {
    let rise = length(vec2<f32>(dpdx(corner.height), dpdy(corner.height)));
    if corner.valid < 0.999 {
        return vec4<f32>(lit(scene.invalid.rgb, normalize(corner.normal)), 1.0);
    }
    let color = map_color(corner.height);
    if corner.side > 0.5 {
        return vec4<f32>(lit(mix(scene.ground.rgb, color, 0.3), corner.normal), 1.0);
    }
    return vec4<f32>(with_contour(lit(color, normalize(corner.normal)), corner.height, rise), 1.0);
}

// The colour in the light. It is added up where light adds, in linear numbers.
fn lit(color: vec3<f32>, normal: vec3<f32>) -> vec3<f32> {
    let facing = max(dot(normal, scene.light.xyz), 0.0);
    let light = scene.light.w + (1.0 - scene.light.w) * facing;
    return pow(pow(color, vec3<f32>(2.2)) * light, vec3<f32>(1.0 / 2.2));
}
