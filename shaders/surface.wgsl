// Heights as a lit surface on a block.
//
// Nothing but its index tells a vertex where it is: first the points of the grid, then the border's points,
// each once at the top of the block's side and once at its foot.

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) height: f32,
    @location(1) normal: vec3<f32>,
    // Below 1 where the surface has a hole.
    @location(2) valid: f32,
    // 0 on the surface; on the block's sides 1 at the top, 2 at the foot.
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

// A corner of a side, `border` counting the grid's border points side by side; on the surface or below it.
fn side_corner(border: u32, below: bool) -> Corner {
    let count = vec2<u32>(scene.points);
    let last = scene.points - 1.0;
    var at: vec2<f32>;
    var normal: vec3<f32>;
    if border < count.x {
        at = vec2<f32>(f32(border), 0.0);
        normal = vec3<f32>(0.0, -1.0, 0.0);
    } else if border < 2u * count.x {
        at = vec2<f32>(f32(border - count.x), last.y);
        normal = vec3<f32>(0.0, 1.0, 0.0);
    } else if border < 2u * count.x + count.y {
        at = vec2<f32>(0.0, f32(border - 2u * count.x));
        normal = vec3<f32>(-1.0, 0.0, 0.0);
    } else {
        at = vec2<f32>(last.x, f32(border - 2u * count.x - count.y));
        normal = vec3<f32>(1.0, 0.0, 0.0);
    }
    let height = max(grid_point(i32(at.x), i32(at.y)), 0.0);
    var place = model_point(at, height);
    if below {
        place.z = -0.5 * scene.relief - scene.plinth;
    }
    let depth = select(1.0, 2.0, below);
    return Corner(scene.clip_from_model * vec4<f32>(place, 1.0), height, normal, 1.0, depth);
}

@vertex
fn raise_surface(@builtin(vertex_index) index: u32) -> Corner {
    let count = vec2<u32>(scene.points);
    if index < count.x * count.y {
        return surface_corner(vec2<f32>(f32(index % count.x), f32(index / count.x)));
    }
    let side = index - count.x * count.y;
    return side_corner(side / 2u, side % 2u == 1u);
}

@fragment
fn draw_surface(corner: Corner) -> @location(0) vec4<f32> {
    let rise = length(vec2<f32>(dpdx(corner.height), dpdy(corner.height)));
    if corner.valid < 0.999 {
        return vec4<f32>(lit(scene.invalid.rgb, normalize(corner.normal)), 1.0);
    }
    let color = map_color(corner.height);
    if corner.side > 0.5 {
        // The block fades into the ground.
        let share = 0.45 * (2.0 - corner.side);
        return vec4<f32>(mix(scene.ground.rgb, lit(color, corner.normal), share), 1.0);
    }
    return vec4<f32>(with_contour(lit(color, normalize(corner.normal)), corner.height, rise), 1.0);
}

// The colour in the light. It is added up where light adds, in linear numbers.
fn lit(color: vec3<f32>, normal: vec3<f32>) -> vec3<f32> {
    let facing = max(dot(normal, scene.light.xyz), 0.0);
    let light = scene.light.w + (1.0 - scene.light.w) * facing;
    return pow(pow(color, vec3<f32>(2.2)) * light, vec3<f32>(1.0 / 2.2));
}
