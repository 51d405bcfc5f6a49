"""Writes half_precision.json: weights rounded by chance, and trainings under PyTorch's GradScaler.

The first are made with random bits of our own streams, in exact arithmetic.
The bits are those of `core/src/random.rs` (ChaCha with 8 rounds under seed, purpose 15 and update) and two rounds of the
mixing function lowbias32. A weight becomes the neighbour further from 0 where the part of the distance to it, counted in
2^16 (bf16), 2^13 (f16) or, below the normal numbers of f16, 2^24 steps, and as many upper bits of the draw come to a whole
distance. Neighbours are PyTorch's own numbers.

The trainings are those of `teams.py` beside it, of one worker, with its data, weights and gradients in double precision.
The gradient times the scale is stored in f16 and given to `torch.amp.GradScaler` on the CPU, which finds what overflowed,
divides, steps PyTorch's own optimizer or leaves the update out, and changes its scale; the scheduler steps all the same.

    python half_precision.py > half_precision.json     # torch 2.x
"""

import contextlib
import io
import json
import struct
from fractions import Fraction

import numpy as np
import torch

with contextlib.redirect_stdout(io.StringIO()):
    import teams


def chacha8(seed, purpose, index):
    """The first words of a stream."""
    key = struct.unpack("<8I", struct.pack("<4Q", seed, purpose, index, 0))
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key, 0, 0, 0, 0]
    s = start[:]

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            t = s[z] ^ s[x]
            s[z] = ((t << n) | (t >> (32 - n))) & 0xFFFFFFFF

    for _ in range(4):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return [(a + b) & 0xFFFFFFFF for a, b in zip(s, start)]


def mix(x):
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


def bits(seed, update, at):
    first, second = chacha8(seed, 15, update)[:2]
    return mix(mix(at ^ first) ^ second)


def neighbours(x, dtype):
    """The number of the format that is not further from 0 than x, and the next one away from 0."""
    size = abs(x)
    near = torch.tensor(size, dtype=torch.float32).to(dtype)
    if Fraction(near.item()) > Fraction(size):
        near = torch.nextafter(near, torch.zeros((), dtype=dtype))
    return near.item(), torch.nextafter(near, torch.tensor(torch.inf, dtype=dtype)).item()


def rounded(x, dtype, draw):
    down, up = neighbours(x, dtype)
    part = (Fraction(abs(x)) - Fraction(down)) / (Fraction(up) - Fraction(down))
    count = 16 if dtype is torch.bfloat16 else 13 if abs(x) >= 2.0**-14 else 24
    away = part * (1 << count) + (draw >> (32 - count)) >= 1 << count
    return float(np.copysign(up if away else down, x))


rng = np.random.default_rng(5)
sizes = 10.0 ** rng.uniform(-7, 3, 160)
weights = (rng.choice([-1, 1], 160) * sizes).astype(np.float32)
cases = []
for name, dtype in (("bf16", torch.bfloat16), ("f16", torch.float16)):
    for seed, update in ((0, 0), (7, 123), (2**40 + 1, 99_999)):
        stored = [rounded(float(x), dtype, bits(seed, update, at)) for at, x in enumerate(weights)]
        cases.append({"format": name, "seed": seed, "update": update, "stored": stored})


def scaled(optimizer, init, growth, backoff, interval, accumulate):
    """Losses, scales before every update, updates left out, and every 17th weight at the end."""
    row = torch.nn.Parameter(torch.tensor(teams.initial(), dtype=torch.float64))
    stepped = optimizer([row])
    scheduler = torch.optim.lr_scheduler.LambdaLR(stepped, lambda update: teams.rate(update) / 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=init, growth_factor=growth, backoff_factor=backoff, growth_interval=interval)
    losses, scales, left_out = [], [], []
    # An epoch has whole updates.
    per_epoch = len(teams.Y) // (teams.BATCH * accumulate) * accumulate
    for update in range(teams.UPDATES):
        stepped.zero_grad()
        loss, slope = 0.0, 0.0
        for micro in range(update * accumulate, (update + 1) * accumulate):
            epoch, place = divmod(micro, per_epoch)
            order = teams.Rng(teams.Rng.ORDER, epoch).shuffle(list(range(len(teams.Y))))
            one, own = teams.gradient(row.detach().numpy(), order[place * teams.BATCH : (place + 1) * teams.BATCH])
            factor = float(scaler.scale(torch.ones(()))) / accumulate
            loss, slope = loss + one / accumulate, slope + torch.tensor(own * factor).half().double()
        losses.append(loss)
        scales.append(scaler.get_scale())
        row.grad = slope
        before = row.detach().clone()
        scaler.step(stepped)
        scaler.update()
        scheduler.step()
        if torch.equal(before, row.detach()):
            left_out.append(update)
    return {"losses": losses, "scales": scales, "left_out": left_out, "weights": row.detach()[::17].tolist()}


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.5)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


trainings = []
for name, optimizer, peak, numbers in (
    ("kind = \"sgd\", momentum = 0.5", sgd, 0.1, (2.0**22, 2.0, 0.5, 5, 1)),
    ("kind = \"sgd\", momentum = 0.5", sgd, 0.1, (2.0**22, 2.0, 0.5, 7, 3)),
    ("kind = \"adam\"", adam, 0.01, (1e7, 3.0, 0.3, 4, 1)),
):
    init, growth, backoff, interval, accumulate = numbers
    scale = {"init": init, "growth": growth, "backoff": backoff, "interval": interval}
    case = {"optimizer": name, "peak": peak, "scale": scale, "accumulate": accumulate}
    trainings.append(case | scaled(optimizer, *numbers))
print(json.dumps({"weights": [float(x) for x in weights], "rounding": cases, "scaled": trainings}))
