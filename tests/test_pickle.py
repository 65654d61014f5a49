"""Results survive a process pool: what comes back from a worker is what it found, down to the last bit."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import otgan
from otgan.measures import Gaussian, eight_gaussians
from otgan.metrics import METRICS

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 2)), RNG.normal(size=(9, 2))
A = RNG.dirichlet(np.ones(12))

RESULTS = {
    "dense": lambda: otgan.wasserstein(X, Y, A),
    "multiscale": lambda: otgan.wasserstein(X, Y, A, p=2, metric="cityblock", method="multiscale"),
    "on the globe": lambda: otgan.wasserstein(X, Y, A, metric="haversine"),
    "on the line": lambda: otgan.wasserstein(X[:, 0], Y[:, 0], A),
    "on the line, the long way": lambda: otgan.wasserstein([0.0, 1.0], [0.0, 1.0], [0.3, 0.7], [0.3 + 1e-16, 0.7]),
    "by a matrix": lambda: otgan.transport(np.abs(X @ Y.T), A),
    "on the circle": lambda: otgan.circle_wasserstein(X[:, 0], Y[:, 0], A, p=2),
    "smoothed": lambda: otgan.sinkhorn(X, Y, A, epsilon=0.5),
    "of a part": lambda: otgan.partial_wasserstein(X, Y, A, mass=0.5),
    "unbalanced": lambda: otgan.unbalanced_wasserstein(X, Y, A, reach=1.0, epsilon=0.5),
}


def parts(solution):
    """All that a user can ask of a solution, as bytes."""
    plan = solution.plan
    for dense in ("to_sparse", "toarray"):  # plans are lazy, sparse, or arrays
        plan = getattr(plan, dense)() if hasattr(plan, dense) else plan
    numbers = [solution.distance, solution.lower_bound, solution.upper_bound, solution.primal_cost]
    return repr(solution), [
        np.asarray(part).tobytes() for part in (numbers, plan, solution.potentials.f, solution.potentials.g)
    ]


@pytest.mark.parametrize("made", RESULTS.values(), ids=RESULTS.keys())
@pytest.mark.parametrize(
    "way", [lambda s: pickle.loads(pickle.dumps(s)), copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"]
)
def test_a_solution_comes_back_whole(made, way):
    solution = made()
    before, known = way(solution), parts(solution)  # before anything was asked for, and after all of it
    assert type(before) is type(solution)
    assert parts(before) == known
    assert parts(way(solution)) == known
    assert parts(solution) == known


def test_potentials_that_come_back_are_a_function_on_all_of_space():
    solution = otgan.wasserstein(X, Y, A)
    back = pickle.loads(pickle.dumps(solution))
    assert np.array_equal(back.potentials(X + 1), solution.potentials(X + 1))
    assert back.problem.costs.metric is METRICS["euclidean"]
    # By duality the pair is worth the distance.
    value = A @ back.potentials.f + np.full(9, 1 / 9) @ back.potentials.g
    assert value == pytest.approx(solution.distance, rel=1e-12)


OTHERS = {
    "divergence": lambda: otgan.sinkhorn_divergence(X, Y, epsilon=0.5),
    "sliced": lambda: otgan.sliced_wasserstein(X, Y, rng=np.random.default_rng(0)),
    "max-sliced": lambda: otgan.max_sliced_wasserstein(X, Y, rng=np.random.default_rng(0)),
    "pairwise": lambda: otgan.pairwise([X, Y, X + 1]),
    "gaussian": lambda: otgan.gaussian_wasserstein(Gaussian([0.0], [[1.0]]), Gaussian([1.0], [[2.0]])),
    "barycenter": lambda: otgan.fixed_support_barycenter([X, Y], X),
    "free barycenter": lambda: otgan.free_support_barycenter([X, Y], n_points=4, rng=np.random.default_rng(0)),
    "smoothed barycenter": lambda: otgan.entropic_barycenter([X, Y], X, epsilon=0.5),
    "semidiscrete": lambda: otgan.semidiscrete_wasserstein(eight_gaussians(), Y, rng=np.random.default_rng(0), tol=0.5),
    "population": lambda: otgan.population_w1(eight_gaussians(), eight_gaussians(std=0.5), rtol=0.5),
}


@pytest.mark.parametrize("made", OTHERS.values(), ids=OTHERS.keys())
def test_other_results_come_back_too(made):
    found = made()
    back = pickle.loads(pickle.dumps(found))
    assert repr(back) == repr(found)
