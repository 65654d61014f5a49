import math

import numpy as np
import pytest
import torch

from otgan.errors import InvalidShapeError
from otgan.gan.flow_matching import flow
from otgan.gan.path_energy import path_energy


def test_straight_ways_that_do_not_cross_need_no_more_than_the_distance():
    start = np.random.default_rng(0).normal(size=(30, 2))
    found = path_energy(np.stack([start + t * np.array([3.0, 4.0]) for t in (0, 0.25, 0.5, 0.75, 1)]))
    assert found.energy == pytest.approx(25)
    assert found.displacement == pytest.approx(25)
    assert found.transport.lower <= 25 * (1 + 1e-12)
    assert found.transport.upper >= 25 * (1 - 1e-12)
    assert found.excess.upper == pytest.approx(0, abs=1e-9)
    assert found.curvature == pytest.approx(0, abs=1e-12)


def test_straight_ways_to_the_wrong_ends_exceed_it_without_being_curved():
    """From 0 and 1 to 3 and 2: squares 9 and 1, where 4 and 4 would do."""
    ends = np.array([[[0.0], [1.0]], [[3.0], [2.0]]])
    found = path_energy(ends)
    assert (found.energy, found.displacement, found.curvature) == (5.0, 5.0, 0.0)
    assert 0.25 in found.excess


def test_a_quarter_of_a_circle_has_the_energy_of_its_length():
    times = np.linspace(0, math.pi / 2, 401)
    found = path_energy(np.column_stack([np.cos(times), np.sin(times)])[:, None, :])
    assert found.energy == pytest.approx((math.pi / 2) ** 2, rel=1e-5)
    assert found.displacement == pytest.approx(2)
    assert found.curvature == pytest.approx(1 - 8 / math.pi**2, rel=1e-4)


def test_flow_matching_between_equal_normal_laws_spends_what_its_waist_costs():
    """Its deviation √((1 - t)² + t²) has a waist, and the square of its speed the integral 2 - π/2."""
    x = torch.linspace(-3, 3, 40, dtype=torch.float64)[:, None]
    x /= x.square().mean().sqrt()

    def velocity(x, t):
        t = t[:, None]
        return (2 * t - 1) / ((1 - t) ** 2 + t**2) * x

    found = path_energy(torch.stack(list(flow(velocity, x, 200, "rk4"))))
    assert found.energy == pytest.approx(2 - math.pi / 2, rel=1e-4)
    assert found.displacement == pytest.approx(0, abs=1e-12)
    assert found.curvature == pytest.approx(1)


def test_waiting_costs_energy_though_the_way_is_straight():
    """Half the time at rest, then twice the speed: twice the energy."""
    found = path_energy(np.array([0.0, 0.0, 1.0])[:, None, None] * np.array([[2.0, 0.0]]))
    assert (found.energy, found.displacement) == (8.0, 4.0)
    assert 1.0 in found.excess


def test_paths_that_lead_nowhere_have_infinite_excess_unless_they_rest():
    swap = path_energy(np.array([[[0.0], [1.0]], [[1.0], [0.0]]]))
    assert swap.energy == 1
    assert swap.excess.upper == math.inf


@pytest.mark.parametrize("seed", range(3))
def test_energy_displacement_and_distance_come_in_this_order(seed):
    found = path_energy(np.random.default_rng(seed).normal(size=(6, 20, 3)))
    assert found.energy >= found.displacement >= found.transport.lower > 0


@pytest.mark.parametrize("shape", [(3, 2), (1, 4, 2)])
def test_what_are_no_paths_is_refused(shape):
    with pytest.raises(InvalidShapeError, match="paths must have shape"):
        path_energy(np.zeros(shape))
