"""Matrices and vectors, for the optimizers that see shapes. A matrix is [in, out], the transpose of PyTorch's."""

import math

from common import UPDATES

SHAPES = [[3, 5], [5], [5, 2], [2], [1, 3]]
COUNT = sum(math.prod(shape) for shape in SHAPES)
START = [round(math.sin(0.9 * i) * (0.5 + 0.1 * (i % 7)), 6) for i in range(COUNT)]
GRADIENTS = [
    # One vector has no gradient at first.
    [0.0 if 30 <= i < 32 and update < 3 else round(math.cos(0.37 * i * i + update) / (1 + i % 4), 6) for i in range(COUNT)]
    for update in range(UPDATES)
]
