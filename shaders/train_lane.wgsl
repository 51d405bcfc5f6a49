// A lane's updates, one workgroup a lane: loss and gradient, clipping, and the optimizer's step, many updates in one
// dispatch. Lanes need nothing of each other. All sums have a fixed order, so the same adapter gives the same bits.
//
// Put before this text: constants (STRIDE, WIDTH, AT, BUFFERS, BATCH, MICRO_BATCHES, SCRATCH, GRADIENT, COEFFICIENTS,
// MEASURED, COUNTED), the model's `loss_and_gradient` and the optimizer's `stepped`.

struct Chunk {
    updates: u32,
    // The greatest norm of a gradient; 0 is no limit.
    clip: f32,
}

@group(0) @binding(0) var<uniform> chunk: Chunk;
// A row a lane, STRIDE numbers: WIDTH weights, then the optimizer's buffers.
@group(0) @binding(1) var<storage, read_write> rows: array<f32>;
// SCRATCH numbers a lane; its gradient is at GRADIENT.
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;
// The data set: its inputs, and the answers as classes or as the bits of numbers.
@group(0) @binding(3) var<storage, read> inputs: array<f32>;
@group(0) @binding(4) var<storage, read> answers: array<u32>;
// Which samples: place, update, micro-batch, sample.
@group(0) @binding(5) var<storage, read> order: array<u32>;
// What the optimizer's step is made of: lane, update, coefficient.
@group(0) @binding(6) var<storage, read> coefficients: array<f32>;
// Loss, norm of the gradient before clipping, norm of the weights' change; of two weights also where they are, and where
// it is COUNTED the share of samples that were predicted right: lane, update, number.
@group(0) @binding(7) var<storage, read_write> measured: array<f32>;
// Of each lane its row, and its place in the order; lanes that see the same samples share one.
@group(0) @binding(8) var<storage, read> which: array<vec2<u32>>;

const INVOCATIONS = 256u;
var<workgroup> sums: array<f32, INVOCATIONS>;

// The optimizer's buffers of the weight that a step changes.
var<private> a: f32;
var<private> b: f32;
var<private> c: f32;

// Samples of the update that this invocation saw predicted right, where they are counted.
var<private> right: f32;

// The sum over all invocations, the same for each of them.
fn total(value: f32, me: u32) -> f32 {
    sums[me] = value;
    workgroupBarrier();
    for (var reach = INVOCATIONS / 2u; reach > 0u; reach = reach / 2u) {
        if (me < reach) {
            sums[me] = sums[me] + sums[me + reach];
        }
        workgroupBarrier();
    }
    let sum = sums[0];
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) me: u32) {
    let lane = group.x;
    let row = which[lane].x * STRIDE;
    let place = which[lane].y;
    let own = lane * SCRATCH;
    for (var update = 0u; update < chunk.updates; update++) {
        let at = lane * chunk.updates + update;
        var loss = 0.0;
        right = 0.0;
        for (var micro = 0u; micro < MICRO_BATCHES; micro++) {
            let samples = ((place * chunk.updates + update) * MICRO_BATCHES + micro) * BATCH;
            loss += loss_and_gradient(row + AT, own, samples, micro == 0u, me);
        }
        let share = 1.0 / f32(MICRO_BATCHES);
        var squares = 0.0;
        for (var i = me; i < WIDTH; i += INVOCATIONS) {
            let g = scratch[own + GRADIENT + i] * share;
            scratch[own + GRADIENT + i] = g;
            squares += g * g;
        }
        let norm = sqrt(total(squares, me));
        var scale = 1.0;
        if (chunk.clip > 0.0 && norm > chunk.clip) {
            scale = chunk.clip / (norm + 1e-6);
        }
        var changes = 0.0;
        for (var i = me; i < WIDTH; i += INVOCATIONS) {
            if (BUFFERS > 0u) {
                a = rows[row + WIDTH + i];
            }
            if (BUFFERS > 1u) {
                b = rows[row + 2u * WIDTH + i];
            }
            if (BUFFERS > 2u) {
                c = rows[row + 3u * WIDTH + i];
            }
            let old = rows[row + i];
            let next = stepped(old, scratch[own + GRADIENT + i] * scale, at * COEFFICIENTS);
            rows[row + i] = next;
            if (BUFFERS > 0u) {
                rows[row + WIDTH + i] = a;
            }
            if (BUFFERS > 1u) {
                rows[row + 2u * WIDTH + i] = b;
            }
            if (BUFFERS > 2u) {
                rows[row + 3u * WIDTH + i] = c;
            }
            changes += (next - old) * (next - old);
        }
        let change = sqrt(total(changes, me));
        var known = 0.0;
        if (COUNTED == 1u) {
            known = total(right, me) * share / f32(BATCH);
        }
        storageBarrier();
        if (me == 0u) {
            measured[at * MEASURED] = loss * share;
            measured[at * MEASURED + 1u] = norm;
            measured[at * MEASURED + 2u] = change;
            if (WIDTH == 2u) {
                measured[at * MEASURED + 3u] = rows[row];
                measured[at * MEASURED + 4u] = rows[row + 1u];
            }
            if (COUNTED == 1u) {
                measured[at * MEASURED + 3u] = known;
            }
        }
    }
}
