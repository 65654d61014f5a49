from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import otgan
from otgan.critics import MLPCritic
from otgan.critics.repair import potentials
from otgan.errors import CriticError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import DiscreteMeasure
from tests.strategies import samples

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 2)) + np.array([1.0, 0.0])
Y = RNG.standard_normal((30, 2))


def is_feasible(pair, x, y):
    """Whether f_i + g_j ≤ ‖x_i − y_j‖ for all pairs: compared as squares, in fractions."""
    for i, point in enumerate(x):
        for j, other in enumerate(y):
            total = Fraction(float(pair.f[i])) + Fraction(float(pair.g[j]))
            square = sum((Fraction(float(s)) - Fraction(float(t))) ** 2 for s, t in zip(point, other, strict=True))
            if total > 0 and total**2 > square:
                return False
    return True


def dual_value(pair, a, b):
    return sum(
        Fraction(float(weight)) * Fraction(float(value))
        for weights, values in ((a, pair.f), (b, pair.g))
        for weight, value in zip(weights, values, strict=True)
    )


@st.composite
def critics(draw):
    """Networks, cones of the wrong slope, steps, constants, and noise: nothing that is feasible by itself."""
    kind, seed = draw(st.sampled_from(["network", "steep", "steps", "constant", "noise"])), draw(st.integers(0, 2**31))
    size = 10.0 ** draw(st.integers(-6, 6))

    def call(points):
        if kind == "network":
            critic = MLPCritic(points.shape[1], hidden=(8,), seed=seed)
            return size * critic(torch.tensor(points).float()).detach().numpy()
        if kind == "steep":
            return 3 * np.abs(points).sum(1) + size
        if kind == "steps":
            return size * np.floor(points[:, 0] / size)
        if kind == "constant":
            return np.full(len(points), size)
        # The bits of a point decide, so that equal points have equal values.
        return size * np.array([hash(row.tobytes()) % 1000 for row in points + 0.0]) / 1000

    return call


@given(samples(), critics(), st.sampled_from([1.0, 0.3, 7.0]))
@settings(max_examples=80)
def test_any_critic_gives_a_feasible_pair_below_w1(sample, critic, lipschitz):
    pair = potentials(critic, sample.x, sample.y, sample.a, sample.b, lipschitz=lipschitz)
    assert is_feasible(pair, sample.x, sample.y)
    solution = otgan.wasserstein(sample.x, sample.y, sample.a, sample.b)
    a = np.ones(len(sample.x)) if sample.a is None else sample.a
    b = np.ones(len(sample.y)) if sample.b is None else sample.b
    # Weights that sum to 1 up to rounding only: normalised in exact arithmetic, as the solver does.
    total_a, total_b = (sum(Fraction(float(w)) for w in weights) for weights in (a, b))
    value = dual_value(pair, a, np.zeros(len(b))) / total_a + dual_value(pair, np.zeros(len(a)), b) / total_b
    assert value <= Fraction(solution.upper_bound)


def test_a_potential_loses_nothing():
    solution = otgan.wasserstein(X, Y)
    pair = potentials(solution.potentials, X, Y)
    assert pair.f.mean() + pair.g.mean() == pytest.approx(solution.distance, rel=1e-12)


def test_a_slope_that_is_k_is_repaired_by_no_more_than_rounding():
    # f = K z₁ is a potential between a sample and its translate along the first axis.
    y = X - np.array([2.0, 0.0])
    pair = potentials(lambda z: 5 * z[:, 0], X, y, lipschitz=5.0)
    assert pair.f.mean() + pair.g.mean() == pytest.approx(2, rel=1e-12)


def test_off_the_sample_it_is_1_lipschitz_and_agrees_with_f_on_it():
    pair = potentials(MLPCritic(2, seed=3), X, Y)
    assert pair(X) == pytest.approx(pair.f, abs=1e-12)
    where = RNG.uniform(-5, 5, (200, 2))
    values = pair(where)
    gaps = np.linalg.norm(where[:, None] - where[None], axis=-1)
    assert (abs(values[:, None] - values[None]) <= gaps + 1e-12).all()


def test_the_better_side_is_taken():
    # A critic that is right at the target and nonsense at the source.
    solution = otgan.wasserstein(X, Y)

    def critic(points):
        return solution.potentials(points) if len(points) == len(Y) else np.sin(50 * points[:, 0])

    pair = potentials(critic, X, Y)
    assert pair.f.mean() + pair.g.mean() == pytest.approx(solution.distance, rel=1e-12)


def test_weights_of_a_measure_decide():
    weights = np.arange(1.0, 41.0) / 820
    measure = DiscreteMeasure(X, weights)
    one, other = potentials(MLPCritic(2), measure, Y), potentials(MLPCritic(2), X, Y, a=weights)
    assert (one.f == other.f).all()
    assert (one.g == other.g).all()


def test_modules_of_any_kind_are_asked_in_eval_mode_and_left_alone():
    critic = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 1))
    one, same = potentials(critic, X, Y), potentials(critic, X, Y)
    assert (one.f == same.f).all()
    assert critic.training
    assert next(critic.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, X, Y), InvalidTypeError, "critic must be a torch module or a function, got int"),
        ((lambda z: z, X, Y), CriticError, r"critic must return shape \(n,\) or \(n, 1\), got shape \(40, 2\)"),
        ((lambda z: z[:, 0] * np.nan, X, Y), CriticError, "critic must return finite values"),
        ((nn.Linear(3, 1), X, Y), CriticError, r"critic must accept points of shape \(n, 2\)"),
        ((MLPCritic(2), X, Y[:, :1]), InvalidShapeError, "y must have the dimension of x, 2"),
    ],
)
def test_what_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        potentials(*arguments)


def test_a_slope_must_be_positive():
    with pytest.raises(InvalidValueError, match="lipschitz must be in"):
        potentials(MLPCritic(2), X, Y, lipschitz=0.0)
