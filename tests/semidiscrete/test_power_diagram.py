"""Power diagrams in a rectangle, against closed forms and an exact solver on a fine grid."""

from __future__ import annotations

import math

import numpy as np
import pytest

import otgan
from otgan.errors import InvalidValueError, NotProvidedError
from otgan.measures import Uniform
from otgan.semidiscrete import newton, semidiscrete_wasserstein
from otgan.semidiscrete.diagram import power_diagram
from otgan.solution import Status

SQUARE = Uniform([0.0, 0.0], [1.0, 1.0])
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def cost_on_line(atoms, weights):
    """W_2² from the uniform law on [0, 1], a sum over the intervals of its quantiles, each about its middle."""
    order = np.argsort(atoms)
    edges = np.concatenate([[0.0], np.cumsum(weights[order])])
    lengths, middles = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    return float(sum(lengths * ((middles - atoms[order]) ** 2 + lengths**2 / 12)))


@pytest.mark.parametrize(
    ("atoms", "truth"),
    [
        ([[0.5, 0.5]], 1 / 6),
        ([[3.0, 0.5]], 1 / 6 + 2.5**2),
        ([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]], 1 / 24),
        ([[0.25, 0.5], [0.75, 0.5]], 1 / 12 + 1 / 48),
    ],
)
def test_symmetric_atoms(atoms, truth):
    found = semidiscrete_wasserstein(SQUARE, atoms, p=2)
    assert found.cost == pytest.approx(truth, rel=1e-14)
    assert truth in found.cost_interval
    assert found.relative_gap < 1e-10
    assert found.status is Status.OPTIMAL
    assert found.cost_interval.kind == "up to rounding"


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("away", [0.0, 4.0])
def test_products_are_sums_of_closed_forms_on_the_line(scale, away):
    """The uniform law on a rectangle is a product, and so is the target: W_2² is the sum of those on the line."""
    rng = np.random.default_rng(0)
    first, second = rng.random(3) + away, rng.random(4) - 2 * away
    b1, b2 = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4))
    atoms = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
    law = Uniform([0.0, 0.0], [scale, 2 * scale])
    truth = scale**2 * (cost_on_line(first, b1) + 4 * cost_on_line(second / 2, b2))
    found = semidiscrete_wasserstein(law, scale * atoms, np.outer(b1, b2).ravel(), p=2)
    assert found.cost == pytest.approx(truth, rel=1e-12)
    assert truth in found.cost_interval
    assert found.masses == pytest.approx(np.outer(b1, b2).ravel(), abs=1e-13)


def test_atoms_anywhere_against_a_fine_grid():
    """W_2 moves by at most the W_2 between the law and the grid's points, h/√6 for cells of side h."""
    rng = np.random.default_rng(1)
    y, b = rng.normal(size=(12, 2)), rng.dirichlet(np.ones(12))
    found = semidiscrete_wasserstein(SQUARE, y, b, p=2)
    ticks = (np.arange(40) + 0.5) / 40
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    exact = otgan.wasserstein(grid, y, None, b, p=2)
    assert abs(found.distance - exact.distance) <= 1 / (40 * math.sqrt(6))
    # A grid's points in the interior of a cell go to that cell; its shares of the grid are near the masses.
    shares = np.bincount(found.assign(grid), minlength=12) / len(grid)
    assert abs(shares - b).max() < 0.02


def test_cells_tile_the_rectangle():
    rng = np.random.default_rng(2)
    y = rng.random((30, 2))
    found = semidiscrete_wasserstein(SQUARE, y, p=2)
    areas = []
    for j, cell in enumerate(found.cells):
        x, z = cell.T
        areas.append(0.5 * (x * np.roll(z, -1) - np.roll(x, -1) * z).sum())  # Gauss's shoelace
        inside = cell.mean(axis=0)[None] * 0.5 + cell * 0.5
        assert (found.assign(inside) == j).all()
        assert (cell >= -1e-12).all()
        assert (cell <= 1 + 1e-12).all()
    assert areas == pytest.approx(np.full(30, 1 / 30), abs=1e-13)
    assert found.masses == pytest.approx(np.full(30, 1 / 30), abs=1e-13)


def test_integrals_over_cells_against_draws():
    rng = np.random.default_rng(3)
    sites, g = rng.random((7, 2)), 0.05 * rng.random(7)
    diagram = power_diagram(CORNERS, sites, g)
    draws = rng.random((200_000, 2))
    costs = ((draws[:, None] - sites) ** 2).sum(axis=2)
    nearest = (costs - g).argmin(axis=1)
    for j in range(7):
        here = nearest == j
        values = np.where(here, costs[:, j], 0.0)
        assert diagram.areas[j] == pytest.approx(here.mean(), abs=5 * here.std() / math.sqrt(len(draws)))
        assert diagram.spreads[j] == pytest.approx(values.mean(), abs=5 * values.std() / math.sqrt(len(draws)))
        spread = 5 / math.sqrt(here.sum())
        assert diagram.centroids[j] == pytest.approx(draws[here].mean(axis=0), abs=spread)
    assert diagram.areas.sum() == pytest.approx(1.0, abs=1e-14)


def test_an_empty_cell_has_no_area():
    diagram = power_diagram(CORNERS, np.array([[0.4, 0.5], [0.6, 0.5]]), np.array([0.0, 9.0]))
    assert diagram.areas.tolist() == [0.0, 1.0]
    assert len(diagram.cell(0)) == 0
    assert diagram.centroids.tolist() == [[0.4, 0.5], [0.5, 0.5]]


def test_newtons_matrix_is_the_derivative_of_the_areas():
    rng = np.random.default_rng(4)
    sites, g = rng.random((6, 2)), np.zeros(6)
    diagram = power_diagram(CORNERS, sites, g)
    wanted = rng.normal(size=6)
    wanted -= wanted.mean()
    way = newton._newton(diagram, sites, 1.0, wanted)
    step = 1e-6
    change = power_diagram(CORNERS, sites, g + step * way).areas - power_diagram(CORNERS, sites, g - step * way).areas
    assert change / (2 * step) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("away", "spread"), [(1e6, 1.0), (0.0, 1e6), (1e3, 1e-6), (0.0, 1e-9)])
def test_atoms_far_away_wide_apart_or_close_together(away, spread):
    """The closed form of products, to the rounding of a cost of that size: no start has an empty cell."""
    rng = np.random.default_rng(8)
    first, second = away + spread * rng.random(3), away + spread * rng.random(3)
    b1, b2 = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3))
    atoms = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
    truth = cost_on_line(first, b1) + cost_on_line(second, b2)
    found = semidiscrete_wasserstein(SQUARE, atoms, np.outer(b1, b2).ravel(), p=2)
    assert found.cost == pytest.approx(truth, rel=1e-13)
    assert truth in found.cost_interval
    assert found.masses == pytest.approx(np.outer(b1, b2).ravel(), abs=1e-12)


@pytest.mark.parametrize("apart", [1e-5, 1e-10, 1e-14])
def test_atoms_next_to_each_other_share_what_one_of_them_would_get(apart):
    rng = np.random.default_rng(9)
    y, b = rng.random((6, 2)), rng.dirichlet(np.ones(6))
    merged = semidiscrete_wasserstein(SQUARE, y, b, p=2)
    halves = np.concatenate([b, b]) / 2
    split = semidiscrete_wasserstein(SQUARE, np.concatenate([y, y + [apart, 0.0]]), halves, p=2)
    assert split.lower_bound - apart <= merged.upper_bound
    assert split.upper_bound + apart >= merged.lower_bound
    # Weights known to u move an edge between atoms by u / apart; the bracket knows, and is that much wider.
    assert split.relative_gap < 1e-9 + 10 * 2.0**-53 / apart


def test_unequal_masses_over_orders_of_magnitude():
    rng = np.random.default_rng(5)
    b = 10.0 ** -np.arange(9)
    found = semidiscrete_wasserstein(SQUARE, rng.random((9, 2)), b / b.sum(), p=2)
    assert found.masses == pytest.approx(found.weights, rel=1e-4)
    assert found.relative_gap < 1e-10


def test_stopped_after_one_step_the_bracket_holds():
    rng = np.random.default_rng(6)
    y, b = rng.random((20, 2)) * 2, rng.dirichlet(np.ones(20))
    full, early = (semidiscrete_wasserstein(SQUARE, y, b, p=2, tol=0.0, max_iter=n) for n in (100, 1))
    assert early.status is Status.ITERATION_LIMIT
    assert early.cost_interval.lower <= full.cost <= early.cost_interval.upper
    assert early.gap > 100 * full.gap
    limits = {"max_iter": 100, "deadline": math.inf, "interrupted": lambda: True}
    pressed = newton.solve_plane(SQUARE.low, SQUARE.high, y, b, **limits)
    assert pressed.status is Status.INTERRUPTED
    assert pressed.cost.lower <= full.cost <= pressed.cost.upper
    timed = semidiscrete_wasserstein(SQUARE, y, b, p=2, tol=0.0, max_seconds=1e-9)
    assert timed.status is Status.RESOURCE_LIMIT
    assert timed.cost_interval.lower <= full.cost <= timed.cost_interval.upper


def test_potentials_are_feasible_and_prove_the_cost():
    rng = np.random.default_rng(7)
    y = rng.random((10, 2))
    found = semidiscrete_wasserstein(SQUARE, y, p=2)
    x = rng.random((300, 2))
    slack = ((x[:, None] - y) ** 2).sum(axis=2) - found.potentials(x)[:, None] - found.g
    assert slack.min() >= -1e-15
    # At a centroid f is that of the centroid's own cell, since cells are convex.
    centroids = found.potentials.costs.x
    assert (found.assign(centroids) == np.arange(10)).all()


def test_what_it_is_not_for_it_says():
    with pytest.raises(NotProvidedError, match="take method='stochastic'"):
        semidiscrete_wasserstein(SQUARE, [[0.0, 0.0]], method="power-diagram")
    with pytest.raises(NotProvidedError, match="Uniform in the plane"):
        semidiscrete_wasserstein(Uniform(0.0, 1.0), [0.0], p=2, method="power-diagram")
    with pytest.raises(InvalidValueError, match="a smallest distance of 1e-20 and a spread of 3; merge"):
        semidiscrete_wasserstein(SQUARE, [[0.0, 0.0], [1e-20, 0.0], [-1.0, 3.0]], p=2)
