"""Writes prequential.json: the prequential loss and accuracy of a stream that drifts, in numpy and double precision.

The data, the weights and the gradients are those of `teams.py` beside it. The first half of the updates sees the classes
0 to 4, the other the classes 5 to 9, each in epochs of its own. What is reported after an update are the means over all
batches so far, each predicted before it is learned.

    python prequential.py > prequential.json
"""

import contextlib
import io
import json

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):
    from teams import BATCH, UPDATES, X, Y, Rng, gradient, initial, parts, step


def right(row, rows):
    """The share of samples whose class has the highest score."""
    first, bias, second, offset = parts(row)
    scores = np.maximum(X[rows] @ first + bias, 0) @ second + offset
    return float((scores.argmax(1) == Y[rows]).mean())


row = initial()
velocity = np.zeros_like(row)
losses, accuracies = [], []
for update in range(UPDATES):
    phase = update // (UPDATES // 2)
    own = [at for at in range(len(Y)) if Y[at] // 5 == phase]
    epoch, place = divmod(update - phase * (UPDATES // 2), len(own) // BATCH)
    order = Rng(Rng.ORDER, phase << 48 | epoch).shuffle(list(range(len(own))))
    rows = [own[at] for at in order[place * BATCH : (place + 1) * BATCH]]
    loss, slope = gradient(row, rows)
    losses.append(loss)
    accuracies.append(right(row, rows))
    row, velocity = step(row, velocity, slope, update)
count = np.arange(1, UPDATES + 1)
print(json.dumps({"loss": list(np.cumsum(losses) / count), "accuracy": list(np.cumsum(accuracies) / count)}))
