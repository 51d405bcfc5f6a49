"""Writes teams.json: federated rounds and data-parallel workers, in numpy and double precision.

Everything is written out here once more, from the bytes of the data set and the random draws (ChaCha8 under seed,
purpose and index) to the averages: nothing of the program is used. A case has the section of its experiment file, the
losses of all updates, and every 17th weight at the end.

    python teams.py > teams.json
"""

import gzip
import json
import math
import pathlib
import struct

import numpy as np

DATA = pathlib.Path(__file__).parents[2] / "datasets"
SEED, UPDATES, BATCH, LIMIT, HIDDEN = 3, 40, 16, 640, 12


def words(seed, purpose, index):
    key = struct.unpack("<8I", struct.pack("<4Q", seed, purpose, index, 0))
    counter = 0
    while True:
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key, counter & 0xFFFFFFFF, counter >> 32, 0, 0]
        s = list(start)

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
        yield from [(a + b) & 0xFFFFFFFF for a, b in zip(s, start)]
        counter += 1


class Rng:
    SPLIT, ORDER, INIT, DEAL_OUT, CLIENT, CLIENTS = 0, 2, 3, 12, 13, 14

    def __init__(self, purpose, index=0):
        self.words = words(SEED, purpose, index)

    def u64(self):
        return next(self.words) | next(self.words) << 32

    def uniform(self):
        return (self.u64() >> 11) / 2**53

    def normal(self):
        while True:
            x, y = 2 * self.uniform() - 1, 2 * self.uniform() - 1
            s = x * x + y * y
            if 0 < s < 1:
                return x * math.sqrt(-2 * math.log(s) / s)

    def shuffle(self, items):
        for last in range(len(items) - 1, 0, -1):
            other = self.u64() * (last + 1) >> 64
            items[last], items[other] = items[other], items[last]
        return items

    def log_gamma(self, shape):
        if shape < 1:
            log = math.log(self.uniform()) / shape
            return self.log_gamma(shape + 1) + log
        d = shape - 1 / 3
        c = 1 / math.sqrt(9 * d)
        while True:
            x = self.normal()
            v = (1 + c * x) ** 3
            if v > 0 and math.log(self.uniform()) < 0.5 * x * x + d - d * v + d * math.log(v):
                return math.log(d * v)


def data():
    """The training part of the digits, scaled."""
    pixels = gzip.open(DATA / "digits8x8-images.idx3.gz").read()[16:]
    labels = gzip.open(DATA / "digits8x8-labels.idx1.gz").read()[8:]
    inputs = np.frombuffer(pixels, np.uint8).reshape(-1, 64).astype(np.float64)
    order = Rng(Rng.SPLIT).shuffle(list(range(len(labels))))
    train = order[: len(labels) - int(math.floor(0.2 * len(labels) + 0.5))][:LIMIT]
    inputs = inputs[train]
    inputs = ((inputs - inputs.mean(0)) / 16).astype(np.float32).astype(np.float64)
    return inputs, np.frombuffer(labels, np.uint8).astype(int)[train]


X, Y = data()


def initial():
    """Weights of the layers, each [in, out], and biases, in one row."""
    rng = Rng(Rng.INIT)
    row = []
    for inputs, outputs in ((64, HIDDEN), (HIDDEN, 10)):
        deviation = math.sqrt(2 / inputs)
        row += [np.float32(rng.normal() * deviation) for _ in range(inputs * outputs)] + [0.0] * outputs
    return np.array(row, np.float64)


def parts(row):
    a, b, c = 64 * HIDDEN, 65 * HIDDEN, 65 * HIDDEN + 10 * HIDDEN
    return row[:a].reshape(64, HIDDEN), row[a:b], row[b:c].reshape(HIDDEN, 10), row[c:]


def gradient(row, rows):
    """The mean cross-entropy of some samples and its gradient."""
    first, bias, second, offset = parts(row)
    x, y = X[rows], Y[rows]
    hidden = np.maximum(x @ first + bias, 0)
    scores = hidden @ second + offset
    scores = scores - scores.max(1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    error = np.exp(logs)
    error[np.arange(len(y)), y] -= 1
    error /= len(y)
    back = (error @ second.T) * (hidden > 0)
    slopes = [x.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
    return -logs[np.arange(len(y)), y].mean(), np.concatenate([slope.ravel() for slope in slopes])


def rate(update):
    return 0.1 * (1 + (0.2 - 1) * update / UPDATES)


def step(row, velocity, slope, update):
    velocity = 0.5 * velocity + slope
    return row - rate(update) * velocity, velocity


def deal_out(clients, skew):
    rng = Rng(Rng.DEAL_OUT)
    rows = rng.shuffle(list(range(len(Y))))
    dealt = [[] for _ in range(clients)]

    def part(own, shares):
        total, start = 0.0, 0
        for at, share in enumerate(shares):
            total += share
            end = len(own) if at + 1 == clients else min(max(math.floor(total * len(own) + 0.5), start), len(own))
            dealt[at].extend(own[start:end])
            start = end

    if skew is None:
        part(rows, [1 / clients] * clients)
    else:
        for label in range(10):
            logs = [rng.log_gamma(skew) for _ in range(clients)]
            weights = [math.exp(log - max(logs)) for log in logs]
            part([row for row in rows if Y[row] == label], [weight / sum(weights) for weight in weights])
    while any(not own for own in dealt):
        most = max(range(clients), key=lambda at: (len(dealt[at]), at))
        dealt[[not own for own in dealt].index(True)].append(dealt[most].pop())
    return dealt


def federated(clients, chosen, local, skew, prox, kind, lr, momentum, beta2, tau):
    dealt = deal_out(clients, skew)
    row, made = initial(), [0] * clients
    m, v = np.zeros_like(row), np.full_like(row, tau * tau)
    losses = []
    for start in range(0, UPDATES, local):
        updates = range(start, min(start + local, UPDATES))
        drawn = sorted(Rng(Rng.CLIENTS, start // local).shuffle(list(range(clients)))[:chosen])
        changed, of_round = [], np.zeros(len(updates))
        for client in drawn:
            rows = dealt[client]
            batch = min(BATCH, len(rows))
            own, velocity = row.copy(), np.zeros_like(row)
            for at, update in enumerate(updates):
                epoch, place = divmod(made[client], len(rows) // batch)
                order = Rng(Rng.CLIENT, client << 48 | epoch).shuffle(list(rows))
                loss, slope = gradient(own, order[place * batch : (place + 1) * batch])
                of_round[at] += loss / chosen
                own, velocity = step(own, velocity, slope + prox * (own - row), update)
                made[client] += 1
            changed.append((len(rows), own))
        losses += list(of_round)
        total = sum(count for count, _ in changed)
        change = sum(count / total * (own - row) for count, own in changed)
        if kind == "sgd":
            m = momentum * m + change
            row = row + lr * m
            continue
        m = momentum * m + (1 - momentum) * change
        square = change * change
        if kind == "adagrad":
            v = v + square
        elif kind == "adam":
            v = beta2 * v + (1 - beta2) * square
        else:
            v = v - (1 - beta2) * square * np.sign(v - square)
        row = row + lr * m / (np.sqrt(v) + tau)
    return row, losses


def parallel(workers, every):
    per_epoch = len(Y) // BATCH
    members = [(initial(), np.zeros_like(initial())) for _ in range(workers)]
    losses = []
    for update in range(UPDATES):
        found = []
        for worker, (row, _) in enumerate(members):
            epoch, place = divmod(update * workers + worker, per_epoch)
            order = Rng(Rng.ORDER, epoch).shuffle(list(range(len(Y))))
            found.append(gradient(row, order[place * BATCH : (place + 1) * BATCH]))
        losses.append(sum(loss for loss, _ in found) / workers)
        mean = sum(slope for _, slope in found) / workers
        slopes = [mean if every == 1 else slope for _, slope in found]
        members = [step(row, velocity, slope, update) for (row, velocity), slope in zip(members, slopes)]
        if every > 1 and (update + 1) % every == 0:
            average = sum(row for row, _ in members) / workers
            members = [(average.copy(), velocity) for _, velocity in members]
    return members[0][0], losses


def case(section, result):
    row, losses = result
    return {"section": section, "losses": losses, "weights": list(row[::17])}


def server(kind, lr, momentum, beta2, tau):
    return f'server = {{ optimizer = "{kind}", lr = {lr}, momentum = {momentum}, beta2 = {beta2}, tau = {tau} }}\n'


cases = []
for kind, lr, momentum, prox, skew in (
    ("sgd", 1.0, 0.0, 0.0, 0.4),
    ("sgd", 1.0, 0.0, 0.3, 0.1),
    ("sgd", 0.8, 0.6, 0.0, None),
    ("adagrad", 0.05, 0.0, 0.0, 0.4),
    ("adam", 0.05, 0.6, 0.1, 0.4),
    ("yogi", 0.05, 0.6, 0.0, 2.0),
):
    skewed = "" if skew is None else f"skew = {skew}\n"
    section = f'[federated]\nclients = 7\nshare = 0.6\nlocal = "6"\nprox = {prox}\n{skewed}'
    section += server(kind, lr, momentum, 0.9, 0.01)
    cases.append(case(section, federated(7, 4, 6, skew, prox, kind, lr, momentum, 0.9, 0.01)))
for every in (1, 5):
    cases.append(case(f'[parallel]\nworkers = 4\nsync = "every {every}"\n', parallel(4, every)))
print(json.dumps(cases))
