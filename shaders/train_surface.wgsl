// Test functions of two weights: their value and slopes. Put before this text: the constants FUNCTION (0 quadratic, 1 Rosenbrock,
// 2 Beale, 3 Himmelblau, 4 saddle), STEEP, WALL, BEALE and HIMMELBLAU. No data, and no samples that differ.

// One of the three squares of Beale's function: `power` is of y, `below` one lower, `order` its exponent.
fn beale(constant: f32, order: f32, x: f32, power: f32, below: f32) -> vec3<f32> {
    let off = constant - x + x * power;
    return vec3<f32>(off * off, 2.0 * off * (power - 1.0), 2.0 * off * x * order * below);
}

fn surface(x: f32, y: f32) -> vec3<f32> {
    if (FUNCTION == 0u) {
        return vec3<f32>(0.5 * (x * x + STEEP * y * y), x, STEEP * y);
    }
    if (FUNCTION == 1u) {
        let left = 1.0 - x;
        let off = y - x * x;
        let value = left * left + WALL * off * off;
        return vec3<f32>(value, -2.0 * left - 4.0 * WALL * x * off, 2.0 * WALL * off);
    }
    if (FUNCTION == 2u) {
        return beale(BEALE[0], 1.0, x, y, 1.0) + beale(BEALE[1], 2.0, x, y * y, y)
            + beale(BEALE[2], 3.0, x, y * y * y, y * y);
    }
    if (FUNCTION == 3u) {
        let first = x * x + y - HIMMELBLAU[0];
        let second = x + y * y - HIMMELBLAU[1];
        let slopes = vec2<f32>(4.0 * x * first + 2.0 * second, 2.0 * first + 4.0 * y * second);
        return vec3<f32>(first * first + second * second, slopes);
    }
    let off = y * y - 1.0;
    return vec3<f32>(0.5 * x * x + 0.25 * off * off, x, y * off);
}

fn loss_and_gradient(row: u32, own: u32, samples: u32, first: bool, me: u32) -> f32 {
    let here = surface(rows[row], rows[row + 1u]);
    if (me == 0u) {
        let at = own + GRADIENT;
        scratch[at] = here.y + select(scratch[at], 0.0, first);
        scratch[at + 1u] = here.z + select(scratch[at + 1u], 0.0, first);
    }
    storageBarrier();
    return here.x;
}
