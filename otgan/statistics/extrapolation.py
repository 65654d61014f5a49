"""The samples' W1 extrapolated to samples without end: an estimate of the population's W1, and no bracket."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_number
from otgan.solve import MAX_MEMORY, wasserstein
from otgan.statistics.inputs import read_samples

#: The sample is halved up to this often: with more levels the smallest blocks leave the range where one power of n
#: describes the bias.
HALVINGS = 3
#: Points a block has at least.
BLOCK_POINTS = 8
#: Fewest points a side: three levels, the fewest that leave a residual to judge the fit by.
LEAST = 4 * BLOCK_POINTS
#: Rates that are weighed against each other where none is given.
RATES = 15


@dataclass(frozen=True)
class DebiasedEstimate:
    """An estimate of the population's W1, without a promise.

    Attributes:
        value: The estimate, in units of length; not negative.
        spread: Its standard error as far as blocks of the sample and the rates that fit them show it, in units of
            length.
        rate: r: the bias was taken to fall as n^(−r); where several were weighed, their weighted mean.
        sizes: Points of a source block at each level, from the whole sample down.
        means: Mean W1 of the blocks at each level, in units of length.
    """

    value: float
    spread: float
    rate: float
    sizes: tuple[int, ...]
    means: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.value:.6g} ± {self.spread:.2g} (an estimate, no bracket)"


def debiased_estimate(
    x: Any,
    y: Any,
    *,
    rate: float | None = None,
    n_splits: int = 8,
    seed: int = 0,
    max_memory: float = MAX_MEMORY,
) -> DebiasedEstimate:
    r"""Estimate W1(P, Q) by extrapolating the samples' W1 to infinite size.

    The mean of $W_1(P_n, Q_m)$ lies above W1(P, Q), and falls towards it as n and m grow. It is measured at n, n/2,
    n/4, … on disjoint blocks of the sample, and a line against $(n^{-r} + m^{-r}) / 2$ is followed to 0. Which rate
    holds is not known: n^(−1/d) is the worst case for d ≥ 3, and for laws far apart the bias falls faster, where the
    worst rate would take away several times what there is. So rates from the worst one to 1 are weighed by how well
    their lines fit.

    The blocks of a level are independent, so their scatter gives the sampling variance; the residuals of the lines,
    and the disagreement of the rates, give that of the extrapolation.

    Args:
        x: Source sample, (n, d) or (n,).
        y: Target sample, (m, d) or (m,).
        rate: r, in (0, 1], if you know it; None to weigh those from 1 / max(2, d) to 1.
        n_splits: Random divisions into blocks to average over.
        seed: Of the divisions.
        max_memory: Bytes that the exact solver may take.

    Returns:
        The estimate and its spread; no interval, since nothing proves the rate.

    Raises:
        InvalidInputError: If an argument breaks a rule, such as fewer than 32 points a side.
        MemoryLimitError: If the exact solver would need more than `max_memory`.

    Source: Fournier and Guillin (2015), On the rate of convergence in Wasserstein distance of the empirical measure,
    Thm 1, for the rates; the extrapolation is Richardson's.
    """
    source, target = read_samples(x, y, least=LEAST, why="the samples are halved at least twice")
    dim = source.shape[1]
    given = None if rate is None else as_number("rate", rate, low=0, high=1, open_low=True)
    splits = as_count("n_splits", n_splits)
    memory = as_number("max_memory", max_memory, low=0, open_low=True)
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    halvings = min(HALVINGS, int(math.log2(min(len(source), len(target)) // BLOCK_POINTS)))

    means = [wasserstein(source, target, max_memory=memory).distance]
    scatter = []
    for halving in range(1, halvings + 1):
        rows = np.array([_block_distances(source, target, 2**halving, rng, memory) for _ in range(splits)])
        means.append(float(rows.mean()))
        # The variance of one block's W1, over the number of blocks that the whole sample holds.
        scatter.append(float(rows.var(axis=1, ddof=1).mean()) / 2**halving)
    sizes = [(len(source) >> halving, len(target) >> halving) for halving in range(halvings + 1)]
    rates = np.array([given]) if given is not None else np.linspace(1 / max(2, dim), 1, RATES)
    fits = [_intercept(np.array([(n**-r + m**-r) / 2 for n, m in sizes]), np.array(means)) for r in rates]
    values, variances, residuals = np.array(fits).T
    # The likelihood of normal residuals with an unknown variance, integrated over the line and over that variance
    # with their uniform and scale-free priors, is a power (levels − 2) / 2 of the inverse sum of squares. What blocks
    # cannot resolve, rounding included, is no evidence for a rate.
    squares = residuals + np.mean(scatter) / 100
    best = squares.min()
    weights = (best / squares) ** ((len(means) - 2) / 2) if best > 0 else (squares == 0).astype(float)
    weights /= weights.sum()
    value = float(weights @ values)
    variance = float(np.mean(scatter)) + float(weights @ (variances + (values - value) ** 2))
    return DebiasedEstimate(
        max(0.0, value), math.sqrt(variance), float(weights @ rates), tuple(n for n, _ in sizes), tuple(means)
    )


def _block_distances(
    x: FloatArray, y: FloatArray, blocks: int, rng: np.random.Generator, max_memory: float
) -> list[float]:
    """W1 of each of some disjoint random blocks of x with one of y."""
    size_x, size_y = len(x) // blocks, len(y) // blocks
    by_x = rng.permutation(len(x))[: blocks * size_x].reshape(blocks, size_x)
    by_y = rng.permutation(len(y))[: blocks * size_y].reshape(blocks, size_y)
    return [wasserstein(x[i], y[j], max_memory=max_memory).distance for i, j in zip(by_x, by_y, strict=True)]


def _intercept(s: FloatArray, w: FloatArray) -> tuple[float, float, float]:
    """The least-squares line through (s, w) at s = 0, the variance of that value, and the sum of squared residuals."""
    design = np.column_stack([np.ones(len(s)), s])
    (value, slope), *_ = np.linalg.lstsq(design, w, rcond=None)
    residual = w - value - slope * s
    squares = float(residual @ residual)
    return float(value), squares / (len(s) - 2) * float(np.linalg.inv(design.T @ design)[0, 0]), squares
