"""The largest slope of a small network on a box, by trying every pattern of its units: linear programs decide."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import linprog
from torch import nn

from otgan.critics.layers import GroupSort

#: A piece must have room for a ball of this radius; numbers of the networks here are small integers or of size 1.
ROOM = 1e-7


def has_room(rows, low, high):
    """Whether {x in the box: a·x + b ≥ 0 for all rows (a, b)} has an interior, each row scaled to |a| = 1."""
    d = len(low)
    A, b = [], []
    for row in rows:
        length = np.linalg.norm(row[:-1])
        if length < 1e-12:
            if row[-1] < 0:
                return False
            continue
        A.append([*(-row[:-1] / length), 1.0])
        b.append(row[-1] / length)
    for k in range(d):
        unit = np.eye(d)[k]
        A += [[*unit, 1.0], [*-unit, 1.0]]
        b += [high[k], -low[k]]
    solved = linprog([0.0] * d + [-1.0], A, b, bounds=[(None, None)] * d + [(None, 1.0)])
    return solved.status == 0 and -solved.fun > ROOM


def largest_slope(critic, low, high):
    """The Lipschitz constant on the box of a Sequential of Linear, ReLU, LeakyReLU and GroupSort(2)."""
    d = len(low)
    start = np.concatenate([np.eye(d), np.zeros((d, 1))], axis=1)
    return _descend(list(critic), start, [], np.asarray(low, float), np.asarray(high, float))


def _descend(layers, rows, constraints, low, high):
    """The largest slope over all patterns of the layers left; rows (m, d + 1) are the units as affine functions."""
    if not layers:
        return float(np.linalg.norm(rows[0, :-1]))
    layer, rest = layers[0], layers[1:]
    if isinstance(layer, nn.Linear):
        weight = layer.weight.detach().double().numpy()
        rows = weight @ rows
        if layer.bias is not None:
            rows[:, -1] += layer.bias.detach().double().numpy()
        return _descend(rest, rows, constraints, low, high)
    return max(_descend(rest, after, held, low, high) for after, held in _patterns(layer, rows, constraints, low, high))


def _patterns(layer, rows, constraints, low, high):
    """All ways in which the units can lie that leave room: what comes out, and what it takes."""
    found = [([], constraints)]
    step = 2 if isinstance(layer, GroupSort) else 1
    for k in range(0, len(rows), step):
        grown = []
        for after, held in found:
            if step == 2:
                difference = rows[k] - rows[k + 1]
                ways = [(difference, [rows[k + 1], rows[k]]), (-difference, [rows[k], rows[k + 1]])]
            else:
                slope = getattr(layer, "negative_slope", 0.0)
                ways = [(rows[k], [rows[k]]), (-rows[k], [slope * rows[k]])]
            for constraint, units in ways:
                if not constraint.any():  # equal units, or one that is 0: either way is the same function
                    grown.append((after + units, held))
                    break
                if has_room([*held, constraint], low, high):
                    grown.append((after + units, [*held, constraint]))
        found = grown
    return [(np.array(after), held) for after, held in found]


def random_network(rng, widths, kind="relu", *, integer=False, zero_bias=False, twins=False):
    """A small network with random weights, integers between −3 and 3 for degenerate arrangements."""
    activation = {"relu": nn.ReLU, "leaky": lambda: nn.LeakyReLU(-0.5), "sort": lambda: GroupSort(2)}[kind]
    layers = []
    for fan_in, fan_out in pairwise(widths):
        layer = nn.utils.skip_init(nn.Linear, fan_in, fan_out)
        W = rng.integers(-3, 4, (fan_out, fan_in)) if integer else rng.standard_normal((fan_out, fan_in))
        b = rng.integers(-2, 3, fan_out) if integer else rng.standard_normal(fan_out)
        if twins and fan_out > 1:
            W[1], b[1] = W[0], b[0]
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(W))
            layer.bias.copy_(torch.tensor(b * (not zero_bias)))
        layers += [layer, activation()]
    return nn.Sequential(*layers[:-1])
