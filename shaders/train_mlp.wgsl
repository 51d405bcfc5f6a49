// Fully connected layers. Put before this text: the constants ACTIVATION (0 tanh, 1 ReLU, 2 GELU), LOSS (0 cross-entropy,
// 1 half squared error to classes, 2 to values), FEATURES and OUTPUTS; after it comes `loss_and_gradient`, which calls
// these functions for each layer with its places. Outputs lie sample after sample, in a lane's own scratch.

// The error function: two rational approximations by ranges, good to a few units in the last place of f32.
fn erf(x: f32) -> f32 {
    let z = abs(x);
    // Chebyshev fit of exp(z²) erfc(z) (Numerical Recipes' erfcc), fractional error below 1.2e-7.
    let t = 1.0 / (1.0 + 0.5 * z);
    let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
        + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
    let far = 1.0 - t * exp(-z * z + p);
    // Near 0 the difference above would cancel: the series is exact there.
    let q = z * z;
    let near = 1.1283791671 * z * (1.0 - q * (0.33333333 - q * (0.1 - q * (0.023809524 - q * (0.0046296296 - q * 0.00075757576)))));
    return sign(x) * select(far, near, z < 0.5);
}

// What the activation makes of a layer's sum, and its slope there.
fn activated(z: f32) -> vec2<f32> {
    if (ACTIVATION == 0u) {
        // The built-in function may overflow, or lose digits near 0.
        let small = abs(z) < 0.25;
        let q = z * z;
        let series = z * (1.0 - q * (0.33333333 - q * (0.13333333 - q * (0.053968254 - q * (0.021869489 - q * 0.0088632355)))));
        let y = select(1.0 - 2.0 / (exp(2.0 * min(z, 40.0)) + 1.0), series, small);
        return vec2<f32>(y, 1.0 - y * y);
    }
    if (ACTIVATION == 1u) {
        return select(vec2<f32>(0.0, 0.0), vec2<f32>(z, 1.0), z > 0.0);
    }
    let below = 0.5 * (1.0 + erf(z * 0.70710678));
    return vec2<f32>(z * below, below + z * 0.39894228 * exp(-0.5 * z * z));
}

// An input of a layer: of the data set, or of the layer before.
fn input(own: u32, source: u32, ins: u32, samples: u32, sample: u32, i: u32) -> f32 {
    if (source == DATA) {
        return inputs[order[samples + sample] * FEATURES + i];
    }
    return scratch[own + source + sample * ins + i];
}

// A layer's outputs to `to`; of a hidden one the slopes to `slopes`.
fn forward(row: u32, own: u32, samples: u32, source: u32, to: u32, slopes: u32, ins: u32, outs: u32, weight: u32,
    hidden: bool, me: u32) {
    for (var at = me; at < BATCH * outs; at += INVOCATIONS) {
        let sample = at / outs;
        let out = at % outs;
        var sum = rows[row + weight + ins * outs + out];
        for (var i = 0u; i < ins; i++) {
            sum += input(own, source, ins, samples, sample, i) * rows[row + weight + i * outs + out];
        }
        if (hidden) {
            let y = activated(sum);
            scratch[own + to + at] = y.x;
            scratch[own + slopes + at] = y.y;
        } else {
            scratch[own + to + at] = sum;
        }
    }
    storageBarrier();
}

// The batch's mean loss; the outputs' gradients replace the outputs.
fn readout(own: u32, samples: u32, at: u32, me: u32) -> f32 {
    let scale = 1.0 / f32(BATCH);
    var losses = 0.0;
    for (var sample = me; sample < BATCH; sample += INVOCATIONS) {
        let y = own + at + sample * OUTPUTS;
        let which = order[samples + sample];
        if (COUNTED == 1u) {
            var largest = 0u;
            for (var out = 1u; out < OUTPUTS; out++) {
                if (scratch[y + out] > scratch[y + largest]) {
                    largest = out;
                }
            }
            right += select(0.0, 1.0, largest == answers[which]);
        }
        if (LOSS == 0u) {
            let label = answers[which];
            var greatest = scratch[y];
            for (var out = 1u; out < OUTPUTS; out++) {
                greatest = max(greatest, scratch[y + out]);
            }
            var sum = 0.0;
            for (var out = 0u; out < OUTPUTS; out++) {
                sum += exp(scratch[y + out] - greatest);
            }
            losses += log(sum) + greatest - scratch[y + label];
            for (var out = 0u; out < OUTPUTS; out++) {
                let p = exp(scratch[y + out] - greatest) / sum;
                scratch[y + out] = (p - select(0.0, 1.0, out == label)) * scale;
            }
        } else {
            for (var out = 0u; out < OUTPUTS; out++) {
                var answer = 0.0;
                if (LOSS == 1u) {
                    answer = select(0.0, 1.0, out == answers[which]);
                } else {
                    answer = bitcast<f32>(answers[which * OUTPUTS + out]);
                }
                let error = scratch[y + out] - answer;
                losses += 0.5 * error * error;
                scratch[y + out] = error * scale;
            }
        }
    }
    let loss = total(losses, me) * scale;
    storageBarrier();
    return loss;
}

// A layer's part of the gradient, from the gradients of its outputs at `errors`; and the gradients of its inputs, which
// replace their slopes, where there is a layer before.
fn backward(row: u32, own: u32, samples: u32, source: u32, slopes: u32, errors: u32, ins: u32, outs: u32, weight: u32,
    first: bool, me: u32) {
    for (var at = me; at < (ins + 1u) * outs; at += INVOCATIONS) {
        let i = at / outs;
        let out = at % outs;
        var sum = 0.0;
        for (var sample = 0u; sample < BATCH; sample++) {
            var x = 1.0;
            if (i < ins) {
                x = input(own, source, ins, samples, sample, i);
            }
            sum += x * scratch[own + errors + sample * outs + out];
        }
        let place = own + GRADIENT + weight + at;
        if (first) {
            scratch[place] = sum;
        } else {
            scratch[place] += sum;
        }
    }
    if (source != DATA) {
        for (var at = me; at < BATCH * ins; at += INVOCATIONS) {
            let sample = at / ins;
            let i = at % ins;
            var sum = 0.0;
            for (var out = 0u; out < outs; out++) {
                sum += rows[row + weight + i * outs + out] * scratch[own + errors + sample * outs + out];
            }
            scratch[own + slopes + at] *= sum;
        }
    }
    storageBarrier();
}
