"""The kit finds faults that were planted, and shows each by an example that a person can read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import nn

from otgan.critics import gradient_penalty
from otgan.testing import (
    assert_gradient_penalty_is_per_sample,
    assert_lipschitz,
    assert_no_batch_coupling,
    critics,
    relu_network,
    with_bump,
)

BOX = [(-2.5, 2.5), (-2.5, 2.5)]
NUMBER = r"-?\d+(?:\.\d+)?"
SHORT = r"-?\d\.\d{1,2}"


def told(assertion, *arguments, **options):
    with pytest.raises(AssertionError) as caught:
        assertion(*arguments, **options)
    text = str(caught.value)
    assert len(text) < 500
    assert "\n" not in text
    return text


def shrunk(strategy, assertion):
    """What Hypothesis prints of the simplest example that fails."""

    @settings(database=None, derandomize=True, max_examples=30, phases=[Phase.generate, Phase.shrink])
    @given(strategy)
    def test(value):
        assertion(value)

    with pytest.raises(AssertionError) as caught:
        test()
    return re.sub(r"\s+", "", next(note for note in caught.value.__notes__ if "value=" in note))


def penalty(norm):
    """WGAN-GP's penalty with a norm of the gradients, (n, ...), that may be mistaken."""

    def of(critic, x, y, generator):
        t = torch.rand((len(x),) + (1,) * (x.ndim - 1), generator=generator)
        points = (x + t * (y - x)).requires_grad_()
        (gradients,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return (norm(gradients) - 1).square().mean()

    return of


def right(gradients):
    return gradients.flatten(1).norm(dim=1)


def test_penalty_over_the_wrong_axis():
    text = told(assert_gradient_penalty_is_per_sample, penalty(lambda g: g.norm(dim=0)))
    # One pair of points: columns of 5 and 0, or of 3 and 4, in place of one norm of 5.
    assert "got 8.5 for f(x) = 5 x[0] and 6.5 for f(x) = 3 x[0] + 4 x[1] on one pair of points" in text
    assert "both gradients have the norm 5" in text


def test_penalty_over_one_axis_of_an_image():
    wrong = penalty(lambda g: g.norm(dim=1))
    assert_gradient_penalty_is_per_sample(wrong, 2)  # on points it is the norm per sample
    text = told(assert_gradient_penalty_is_per_sample, wrong, (3, 2, 2))
    assert "for f(x) = 5 x[0][0][0] and " in text
    assert "take gradients.flatten(1).norm(dim=1)" in text


def test_penalty_over_the_whole_batch():
    text = told(assert_gradient_penalty_is_per_sample, penalty(lambda g: g.norm()))
    # (5 - 1)² alone, and (5 √2 - 1)² for two.
    assert "got 16 on one pair of points and 36.8579 on 2, for f(x) = 5 x[0]" in text
    assert "one norm for each sample" in text


@pytest.mark.parametrize("shape", [2, 1, (3, 2, 2)])
def test_right_penalties_pass(shape):
    assert_gradient_penalty_is_per_sample(penalty(right), shape)
    assert_gradient_penalty_is_per_sample(gradient_penalty, shape)


def network(*middle):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 4), *middle, nn.ReLU(), nn.Linear(4, 1))


def test_batch_norm():
    text = told(assert_no_batch_coupling, network(nn.BatchNorm1d(4)), 2)
    beside = r"f\(z\) = -?[\d.]+ beside \[\[\d\.0, \d\.0\]\]"
    assert re.search(rf"got {beside} and {beside}, for z = \[0\.0, 0\.0\], in training mode", text)
    assert "BatchNorm1d at '1' mixes samples, use LayerNorm" in text
    assert_no_batch_coupling(network(nn.LayerNorm(4)), 2)


def clipped():
    """Weights clipped to ±c, as WGAN leaves them: all at c, so that the slope of 8 relus of 2 coordinates is known."""
    c = (1.3 / (8 * 2**0.5)) ** 0.5
    return relu_network([([[c, c]] * 8, [0.0] * 8), ([[c] * 8], [0.0])])


def test_a_clipped_critic_with_slope_1_3():
    text = told(assert_lipschitz, clipped(), domain=BOX)
    found = re.search(
        rf"got the slope ({NUMBER}) between x = \[({SHORT}), ({SHORT})\] and x' = \[({SHORT}), ({SHORT})\]", text
    )
    slope, *places = map(float, found.groups())
    assert 1.15 <= slope <= 1.3 * (1 + 1e-6)  # at least half of the excess is kept in shrinking
    f = clipped().double()
    x, x_other = np.reshape(places, (2, 2))
    values = f(torch.tensor(np.stack([x, x_other]))).detach().numpy().reshape(-1)
    assert abs(values[0] - values[1]) / np.linalg.norm(x - x_other) == pytest.approx(slope, rel=1e-6)
    assert_lipschitz(clipped(), 1.3, domain=BOX)


@pytest.mark.parametrize("centre", [(0.3712, -1.7231), (-2.41, 2.33), (0.0, 0.0)])
@pytest.mark.parametrize("kind", ["module", "numpy"])
def test_a_critic_that_breaks_the_constraint_in_a_small_ball(centre, kind):
    def numpy_critic(points):
        return points[:, 0] / 2 + 1.2 * np.maximum(0, 0.05 - np.linalg.norm(points - centre, axis=1))

    critic = numpy_critic
    if kind == "module":
        critic = with_bump(relu_network([([[0.5, 0.0]], [0.0])]), list(centre), slope=1.2)
    text = told(assert_lipschitz, critic, domain=BOX)
    found = re.search(rf"x = \[({SHORT}), ({SHORT})\] and x' = \[({SHORT}), ({SHORT})\]", text)
    x, x_other = np.reshape(list(map(float, found.groups())), (2, 2))
    assert min(np.linalg.norm(x - centre), np.linalg.norm(x_other - centre)) < 0.05
    # 1/2 along the first coordinate, and at most 1.2 towards the centre.
    assert 1 < float(re.search(rf"slope ({NUMBER})", text)[1]) <= 1.7 + 1e-6


def test_right_critics_pass():
    for critic in (relu_network([([[0.5, 0.0]], [0.0])]), nn.Sequential(nn.Linear(2, 1, bias=False), nn.Tanh())):
        with torch.no_grad():
            critic[0].weight.copy_(torch.tensor([[0.6, -0.8]]))
        assert_lipschitz(critic, domain=BOX)


IN_A_SUITE = """
from hypothesis import Phase, given, settings
from otgan.testing import assert_lipschitz, critics

@settings(database=None, derandomize=True, deadline=None, max_examples=5, phases=[Phase.generate, Phase.shrink])
@given(critics(2, lipschitz=False))
def test_critic(critic):
    assert_lipschitz(critic, domain=[(-1, 1)] * 2)
"""


def test_what_a_user_sees_in_a_test_suite(tmp_path):
    """The line of the test that failed, the message and the critic; no line of the assertion's own."""
    (tmp_path / "test_user.py").write_text(IN_A_SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "test_user.py"]
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == 1, done.stderr
    assert ">       assert_lipschitz(critic, domain=[(-1, 1)] * 2)" in done.stdout
    assert "E       AssertionError: f must be 1-Lipschitz, got the slope 2 between x = [0.0, 0.0]" in done.stdout
    assert "E           critic=relu_network([([[2.0, 0.0]], [0.0])])," in done.stdout
    assert "raise AssertionError" not in done.stdout


# Faults in critics that Hypothesis draws, as users meet them in their own tests.


def in_box(critic):
    assert_lipschitz(critic, domain=[(-1, 1)] * 2)


def test_a_steep_critic_shrinks_to_one_layer():
    assert "value=relu_network([([[2.0,0.0]],[0.0])])" in shrunk(critics(2, lipschitz=False), in_box)


def test_a_ball_shrinks_to_a_bump_at_zero():
    balls = critics(2, lipschitz=False).filter(lambda critic: type(critic).__name__ == "Bump")
    assert "value=with_bump(relu_network([([[1.0,0.0]],[0.0])]),[0.0,0.0])" in shrunk(balls, in_box)


def test_a_batch_norm_shrinks_to_one_layer():
    def assertion(critic):
        assert_no_batch_coupling(nn.Sequential(critic, nn.BatchNorm1d(1)), 1)

    # The constant critic 0 is normalised to 0, so that the simplest one that shows it is x.
    assert re.search(
        r"value=relu_network\(\[\(\[\[1\.0\]\],\[0\.0\]\)\]\)",
        shrunk(critics(1).filter(lambda critic: isinstance(critic, nn.Sequential)), assertion),
    )


def test_a_penalty_shrinks_to_the_least_shape():
    """A norm over axis 1 is wrong as soon as a sample has a second axis of length 2."""
    shapes = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)

    def assertion(shape):
        assert_gradient_penalty_is_per_sample(penalty(lambda g: g.norm(dim=1)), shape)

    assert "value=(1,2)" in shrunk(shapes, assertion)
