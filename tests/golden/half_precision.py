"""Writes half_precision.json: weights rounded by chance, with random bits of our own streams, in exact arithmetic.

The bits are those of `core/src/random.rs` (ChaCha with 8 rounds under seed, purpose 15 and update) and two rounds of the
mixing function lowbias32. A weight becomes the neighbour further from 0 where the part of the distance to it, counted in
2^16 (bf16) or 2^13 (f16) steps, and the upper bits of the draw come to a whole distance; below the normal numbers of f16
where the draw is below the part. Neighbours are PyTorch's own numbers.

    python half_precision.py > half_precision.json     # torch 2.x
"""

import json
import struct
from fractions import Fraction

import numpy as np
import torch


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
    steps, kept = (1 << 16, draw >> 16) if dtype is torch.bfloat16 else (1 << 13, draw >> 19)
    if dtype is torch.float16 and abs(x) < 2.0**-14:
        away = Fraction(kept, steps) < part
    else:
        away = part * steps + kept >= steps
    return float(np.copysign(up if away else down, x))


rng = np.random.default_rng(5)
sizes = 10.0 ** rng.uniform(-7, 3, 160)
weights = (rng.choice([-1, 1], 160) * sizes).astype(np.float32)
cases = []
for name, dtype in (("bf16", torch.bfloat16), ("f16", torch.float16)):
    for seed, update in ((0, 0), (7, 123), (2**40 + 1, 99_999)):
        stored = [rounded(float(x), dtype, bits(seed, update, at)) for at, x in enumerate(weights)]
        cases.append({"format": name, "seed": seed, "update": update, "stored": stored})
print(json.dumps({"weights": [float(x) for x in weights], "rounding": cases}))
