"""Verdicts on critics whose faults are known."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import otgan
from otgan.critics import MLPCritic
from otgan.errors import CriticError, InvalidInputError, InvalidShapeError, InvalidTypeError, MemoryLimitError
from otgan.lipschitz import audit
from otgan.measures import DiscreteMeasure, Gaussian
from otgan.validation.verdict import judge

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 2)) + [4.0, 0.0]
Y = RNG.normal(size=(100, 2))
DISTANCES = np.linalg.norm(X[:, None] - Y, axis=2)
EXACT = otgan.wasserstein(X, Y)


def test_the_optimal_potential_is_perfect():
    report = otgan.validate(EXACT.potentials, X, Y)
    assert report.estimate.value == pytest.approx(EXACT.distance, rel=1e-12)
    assert report.truth.lower <= EXACT.distance <= report.truth.upper
    assert abs(report.relative_error) < 1e-12
    assert report.lower_bounds.by_c_transform == pytest.approx(EXACT.distance, rel=1e-12)
    # differences over 4e-5 of cones whose tips are 0.01 away and more; where a kink lies between, worse
    assert report.alignment.quantiles[1] == pytest.approx(1, abs=1e-4)
    assert report.slopes.lower <= 1 + 1e-6
    assert report.slopes.upper == math.inf
    assert "no torch module" in report.slopes.reason
    assert report.verdict.level == "accurate"


def test_the_zero_critic_gives_the_bound_by_hand():
    report = otgan.validate(lambda z: 0 * z[:, 0], X, Y)
    by_hand = max(DISTANCES.min(axis=0).mean(), DISTANCES.min(axis=1).mean())
    assert report.lower_bounds.by_c_transform == pytest.approx(by_hand, rel=1e-12)
    assert report.lower_bounds.by_lipschitz == 0
    assert report.estimate.value == 0
    assert report.relative_error == -1
    assert report.alignment.mean == 0
    assert report.verdict.level == "wrong"


def test_the_zero_critic_on_the_line_with_shared_points():
    x, y = np.array([0.0, 1.0, 5.0]), np.array([0.0, 7.0])
    report = otgan.validate(lambda z: np.zeros(len(z)), x, y)
    by_hand = max((0 + 2) / 2, (0 + 1 + 2) / 3)
    assert report.lower_bounds.by_c_transform == pytest.approx(by_hand, rel=1e-12)


def test_a_linear_critic_is_measured_exactly():
    network = nn.Sequential(nn.Linear(2, 1, bias=False)).double()
    network[0].weight.data = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    report = otgan.validate(network, X, Y, lipschitz=2, name="steep")
    means = (X @ [3.0, 4.0]).mean() - (Y @ [3.0, 4.0]).mean()
    assert report.critic == "steep"
    assert report.estimate.value == pytest.approx(means / 2)
    spread = np.var(X @ [3.0, 4.0], ddof=1) / 120 + np.var(Y @ [3.0, 4.0], ddof=1) / 100
    assert report.estimate.standard_error == pytest.approx(math.sqrt(spread) / 2)
    assert report.slopes.stated == 2
    assert 5 * (1 - 1e-6) <= report.slopes.lower <= 5 <= report.slopes.upper <= 5 * (1 + 1e-9)
    one, other = (np.array(point) for point in report.slopes.witness)
    slope = abs((one - other) @ [3.0, 4.0]) / np.linalg.norm(one - other)
    assert slope == pytest.approx(report.slopes.lower, rel=1e-6)
    assert report.lower_bounds.by_lipschitz == pytest.approx(means / 5, rel=1e-9)
    assert report.lower_bounds.by_lipschitz <= EXACT.upper_bound
    assert any("breaks its constraint" in reason for reason in report.verdict.reasons)


def test_bounds_hold_for_garbage():
    for seed in range(5):
        weights = np.random.default_rng(seed).normal(size=(2, 3)) * 10
        report = otgan.validate(lambda z, w=weights: np.sin(z @ w).sum(axis=1) * 5, X, Y)
        assert 0 <= report.lower_bounds.by_c_transform <= EXACT.upper_bound
        assert report.lower_bounds.by_lipschitz == 0


def test_rounding_cannot_fake_a_proof():
    # in real arithmetic f(x) = x; in float64 the inner biases leave multiples of 1/8
    network = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)).double()
    for layer, bias in ((network[0], 1e15), (network[1], -1e15)):
        layer.weight.data.fill_(1.0)
        layer.bias.data.fill_(bias)
    report = otgan.validate(network, np.full((5, 1), 0.0626), np.zeros((5, 1)))
    assert report.slopes.upper == pytest.approx(1)
    assert report.lower_bounds.by_lipschitz <= report.truth.upper
    assert report.lower_bounds.by_lipschitz == pytest.approx(0.0626, rel=1e-9)


@pytest.mark.parametrize("size", [1e140, 1e-300])
def test_critics_of_any_size(size):
    report = otgan.validate(lambda z: size * z[:, 0], X, Y)
    assert 0 <= report.lower_bounds.by_c_transform <= EXACT.upper_bound
    assert 0 <= otgan.validate(lambda z: z[:, 0], X, Y, lipschitz=1e-100).lower_bounds.best <= EXACT.upper_bound


def test_the_sign_matters():
    right, wrong = (otgan.validate(lambda z, s=s: s * z[:, 0], X, Y) for s in (1.0, -1.0))
    assert right.alignment.mean > 0.9
    assert wrong.alignment.mean == pytest.approx(-right.alignment.mean)
    assert wrong.estimate.value == pytest.approx(-right.estimate.value)
    assert wrong.verdict.level == "wrong"


def test_weights_are_used():
    a = RNG.dirichlet(np.ones(120))
    report = otgan.validate(lambda z: z[:, 0], DiscreteMeasure(X, a), Y)
    assert report.estimate.value == pytest.approx(a @ X[:, 0] - Y[:, 0].mean())
    assert report.truth.distance == pytest.approx(otgan.wasserstein(X, Y, a).distance, rel=1e-12)


def test_what_can_be_sampled_is_sampled():
    def sampler(n, rng):
        return rng.normal(size=(n, 2)) + [3.0, 0.0]

    law = Gaussian([0.0, 0.0], 1.0)
    report, again, other = (otgan.validate(lambda z: z[:, 0], sampler, law, n_samples=300, seed=s) for s in (1, 1, 2))
    assert (report.n_source, report.n_target, report.dim) == (300, 300, 2)
    assert report.to_dict() == again.to_dict()
    assert report.estimate != other.estimate
    assert report.estimate.value == pytest.approx(3, abs=5 * report.estimate.standard_error)
    assert "Gaussian" in report.target


def test_noise_floor_is_w1_between_halves_of_one_law():
    x, y = RNG.normal(size=(2, 200, 20))
    report = otgan.validate(lambda z: z[:, 0], x, y)
    assert report.noise_floor.source == pytest.approx(report.truth.distance, rel=0.2)
    assert any("mostly noise, perhaps" in reason for reason in report.verdict.reasons)
    assert report.verdict.level == "undecided"
    single = otgan.validate(lambda z: z[:, 0], [[0.0, 1.0]], [[1.0, 1.0]])
    assert math.isnan(single.noise_floor.source)
    assert single.noise_floor.largest == 0


def test_points_that_stay_have_no_direction():
    report = otgan.validate(lambda z: z[:, 0], [[0.0, 0.0], [2.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]])
    assert report.alignment.skipped == 0.5
    assert report.alignment.mean == pytest.approx(1)
    same = otgan.validate(lambda z: z[:, 0], X, X)
    assert same.alignment.skipped == pytest.approx(1)
    assert math.isnan(same.alignment.mean)
    assert same.verdict.level == "accurate"


def test_the_error_is_split_where_the_laws_are_known():
    pair = otgan.pairs.translation(Gaussian([0.0, 0.0], 1.0), [3.0, 0.0])
    rng = np.random.default_rng(5)
    x, y = pair.sample_source(400, rng), pair.sample_target(400, rng)
    report = otgan.validate(lambda z: -1.2 * z[:, 0], x, y, population=pair.w1)
    parts, truth = report.errors, report.truth.distance
    repaired = report.lower_bounds.by_c_transform
    assert 3 in report.population
    assert parts.sampling.lower - 1e-9 <= truth - 3 <= parts.sampling.upper + 1e-9
    assert parts.violation.lower == pytest.approx(report.estimate.value - repaired)
    assert parts.shortfall.lower == pytest.approx(truth - repaired, abs=1e-9)
    whole = parts.sampling.lower + parts.violation.lower - parts.shortfall.lower
    assert whole == pytest.approx(report.estimate.value - 3, abs=1e-6)
    assert any("The laws themselves are 3 ±" in reason for reason in report.verdict.reasons)
    unknown = otgan.validate(lambda z: -z[:, 0], x, y)
    assert unknown.population.kind == "unknown"
    assert unknown.errors.sampling.lower == -math.inf
    assert unknown.to_dict()["population"] == {"lower": 0.0, "upper": None, "kind": "unknown"}


def test_json_is_strict_and_complete():
    report = otgan.validate(lambda z: z[:, 0], X, X)
    content = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert content["schema"] == 1
    assert content["truth"]["distance"] == 0
    assert content["slopes"]["upper"] is None
    assert content["alignment"]["mean"] is None
    assert "evidence" not in content


def test_evidence_fits_the_pictures():
    evidence = otgan.validate(lambda z: z[:, 0] + 2 * z[:, 1], X, Y).evidence
    r = evidence.axes.shape[1]
    assert evidence.critic_grid.shape == evidence.potential_grid.shape == evidence.slope_grid.shape == (r, r)
    # first index along the second axis, as images are
    across = evidence.critic_grid[0, 1] - evidence.critic_grid[0, 0]
    along = evidence.critic_grid[1, 0] - evidence.critic_grid[0, 0]
    assert across == pytest.approx(evidence.axes[0, 1] - evidence.axes[0, 0])
    assert along == pytest.approx(2 * (evidence.axes[1, 1] - evidence.axes[1, 0]))
    np.testing.assert_allclose(evidence.slopes, math.sqrt(5), rtol=1e-6)
    assert otgan.validate(lambda z: z[:, 0], X[:, :1], Y[:, :1]).evidence.axes.size == 0


@pytest.mark.parametrize(
    ("error", "level"), [(0.04, "accurate"), (-0.04, "accurate"), (0.15, "rough"), (0.5, "wrong"), (-0.5, "wrong")]
)
def test_levels(error, level):
    report = otgan.validate(EXACT.potentials, X, Y)
    estimate = replace(report.estimate, value=report.truth.distance * (1 + error))
    noise = replace(report.noise_floor, source=0.0, target=0.0)
    parts = report.lower_bounds, report.slopes, report.alignment
    assert judge(estimate, report.truth, noise, error, *parts).level == level


def test_falling_short_by_less_than_the_noise_is_undecided():
    report = otgan.validate(EXACT.potentials, X, Y)
    noise = replace(report.noise_floor, source=0.3 * report.truth.distance)
    parts = report.lower_bounds, report.slopes, report.alignment
    short = replace(report.estimate, value=report.truth.distance * 0.75)
    verdict = judge(short, report.truth, noise, -0.25, *parts)
    assert verdict.level == "undecided"
    assert "sampling noise" in verdict.headline
    drowned = replace(report.noise_floor, target=0.6 * report.truth.distance)
    verdict = judge(report.estimate, report.truth, drowned, 0.0, *parts)
    assert verdict.level == "undecided"
    assert "more samples must tell" in verdict.headline
    long = replace(report.estimate, value=report.truth.distance * 1.25)
    assert judge(long, report.truth, noise, 0.25, *parts).level == "wrong"


def test_bad_calls():
    with pytest.raises(InvalidShapeError, match="target must have the dimension of source, 2, got 3"):
        otgan.validate(lambda z: z[:, 0], X, np.zeros((3, 3)))
    with pytest.raises(InvalidTypeError, match="critic must be a torch module or a function"):
        otgan.validate(3, X, Y)
    with pytest.raises(CriticError, match=r"shape \(n,\) or \(n, 1\)"):
        otgan.validate(lambda z: z, X, Y)
    with pytest.raises(CriticError, match="finite"):
        otgan.validate(lambda z: z[:, 0] * np.nan, X, Y)
    with pytest.raises(CriticError, match=r"below 1e\+150 K in size"):
        otgan.validate(lambda z: 1e300 * z[:, 0], X, Y)
    with pytest.raises(CriticError, match="change with the other points of the batch"):
        otgan.validate(lambda z: z[:, 0] - z[:, 0].mean(), X, Y)
    with pytest.raises(InvalidInputError, match="lipschitz must be in"):
        otgan.validate(lambda z: z[:, 0], X, Y, lipschitz=0)
    with pytest.raises(InvalidInputError, match="n_samples must be between 1 and"):
        otgan.validate(lambda z: z[:, 0], X, Y, n_samples=0)
    with pytest.raises(MemoryLimitError, match="max_memory"):
        otgan.validate(lambda z: z[:, 0], X, Y, max_memory=1000)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_caller_who_wants_no_gradients_gets_the_same_report(mode):
    critic = MLPCritic(2, hidden=(8,), activation="tanh", seed=1)
    whole, bracket = otgan.validate(critic, X, Y), audit(critic, domain=[(-1, 1)] * 2)
    with mode():
        within, again = otgan.validate(critic, X, Y), audit(critic, domain=[(-1, 1)] * 2)
    assert within.alignment == whole.alignment
    assert within.to_dict() == whole.to_dict()
    assert (again.lower, again.upper) == (bracket.lower, bracket.upper)


def test_a_module_is_left_as_it_was():
    network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    report = otgan.validate(network, X, Y)  # in eval mode batch norm is one function of a point
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert report.slopes.upper == math.inf
    assert "BatchNorm1d" in report.slopes.reason


def test_slopes_are_those_of_the_box_around_the_samples():
    """Slope 51 begins outside the samples: it is neither seen nor held against a bound that is proven inside."""
    critic = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        critic[0].bias.copy_(torch.tensor([0.0, -1.0]))
        critic[2].weight.copy_(torch.tensor([[1.0, 50.0]]))
    x, y = np.random.default_rng(0).uniform(0, 1, (2, 300, 2))
    slopes = otgan.validate(critic, x, y).slopes
    assert slopes.lower <= slopes.upper <= 1 + 1e-9
