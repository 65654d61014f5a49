"""Newton steps for groups of targets, against the plan itself and against steps for every target."""

import math

import numpy as np
import pytest

import otgan
from otgan.entropic.ascent import ascend
from otgan.entropic.groups import neighbours
from otgan.entropic.kernel import Kernel
from otgan.entropic.torch_kernel import TorchKernel
from otgan.solvers.limits import Limits

EPSILON = 0.3


def problem(n=90, m=75):
    rng = np.random.default_rng(21)
    a, b = rng.uniform(0.5, 1.5, n), rng.uniform(0.5, 1.5, m)
    return otgan.costs.point_costs(rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + 0.5), a / a.sum(), b / b.sum()


def kernels():
    costs, a, b = problem()
    return [Kernel(costs, a, b, keep=True), Kernel(costs, a, b, keep=False), TorchKernel(costs, a, b, "cpu")]


@pytest.mark.parametrize("kernel", kernels(), ids=["kept", "blocks", "torch"])
def test_shares_of_groups_are_sums_of_the_plan(kernel):
    g = np.random.default_rng(22).normal(size=75)
    found = kernel.soften(g, EPSILON, 0.0, lambda: None)
    grouping = neighbours(kernel.costs.y, 3, math.inf)
    assert (np.bincount(grouping.groups) >= 9).all()
    shares = kernel.shares(g, found, EPSILON, 1e-300, grouping)
    costs = np.linalg.norm(kernel.costs.x[:, None] - kernel.costs.y, axis=2)
    kernel_matrix = kernel.b * np.exp((g - costs) / EPSILON)
    plan = kernel_matrix / kernel_matrix.sum(axis=1, keepdims=True)
    truth = plan @ (grouping.groups[:, None] == np.arange(8))
    assert (np.diff(shares.start) == 8).all()
    np.testing.assert_allclose(shares.values.reshape(90, 8), truth, rtol=1e-12)
    # The step is the best one that is equal within each group: the projected system, solved densely.
    slope, damping = kernel.b - found.columns, 0.01 * kernel.b
    one_hot = np.eye(8)[grouping.groups]
    hessian = np.diag(found.columns + damping) - plan.T @ np.diag(kernel.a) @ plan
    expected = one_hot @ np.linalg.solve(one_hot.T @ hessian @ one_hot, one_hot.T @ slope)
    np.testing.assert_allclose(shares.newton_step(slope, found.columns, damping, 1e-12), expected, rtol=1e-8)


@pytest.mark.parametrize("kernel", kernels(), ids=["kept", "blocks", "torch"])
@pytest.mark.parametrize("most_entries", [10, 600, 3000])
def test_few_entries_lead_to_the_same_potentials(kernel, most_entries):
    limits = Limits(1e-9, 1000, math.inf, math.inf, lambda: False)

    def climb(entries):
        return ascend(
            kernel, EPSILON, 1e-9, limits, start=None, start_at=0.0, most_entries=entries, show=lambda text: None
        )

    grouped, single = climb(most_entries), climb(math.inf)
    assert grouped.status is single.status is otgan.Status.CONVERGED
    np.testing.assert_allclose(grouped.g - grouped.g.mean(), single.g - single.g.mean(), atol=1e-7)


def test_entries_beyond_those_that_may_be_kept_are_left_out():
    kernel = kernels()[1]
    found = kernel.soften(np.zeros(75), EPSILON, 0.0)
    shares = kernel.shares(np.zeros(75), found, EPSILON, 1e-300, neighbours(kernel.costs.y, 3, 0))
    assert len(shares.values) == 0
