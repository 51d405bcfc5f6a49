import math


def get_lr(it):
    return 6e-4 * (it + 1) / 715


learning_rate = 6e-4
