import numpy as np
import pytest
import torch

import otgan
from otgan.critics.transforms import lengths, pairwise, transform
from otgan.dual import c_transform

RNG = np.random.default_rng(0)


def test_the_transform_is_the_one_of_the_exact_side():
    x, y, f = RNG.standard_normal((30, 3)), RNG.standard_normal((20, 3)), RNG.standard_normal(30)
    torches = (torch.tensor(values) for values in (x, y, f))
    x_, y_, f_ = torches
    assert transform(pairwise(x_, y_), f_).numpy() == pytest.approx(c_transform(f, y, x), abs=1e-12)


def test_the_soft_minimum_is_above_the_minimum_by_at_most_epsilon_log_n_and_tends_to_it():
    costs, f = torch.rand(3, 16, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), torch.zeros(3, 16)
    hard = transform(costs, f)
    for epsilon in (1e-6, 0.1, 10.0):
        over = transform(costs, f, epsilon) - hard
        assert (over >= 0).all()
        assert (over <= epsilon * np.log(16) + 1e-12).all()  # float64's rounding of values of size 1
    # One candidate leaves nothing to soften.
    assert torch.allclose(transform(costs[:, :1], f[:, :1], 0.5), costs[:, 0], atol=1e-12)


def test_the_soft_minimum_of_two_by_hand():
    # −log((e^(−0) + e^(−log 3)) / 2) = −log(2 / 3) for costs 0 and log 3, f = 0, ε = 1.
    costs = torch.tensor([[0.0], [np.log(3.0)]], dtype=torch.float64)
    assert transform(costs, torch.zeros(2, dtype=torch.float64), 1.0).item() == pytest.approx(-np.log(2 / 3))


def test_distances_of_a_stack_are_those_of_its_layers_and_exact_where_points_agree():
    x = torch.randn(2, 40, 5, generator=torch.Generator().manual_seed(0)) + 1e3
    distances = pairwise(x, x)
    assert distances.shape == (2, 40, 40)
    assert (distances.diagonal(dim1=-2, dim2=-1) == 0).all()
    exact = np.linalg.norm(x[1].double()[:, None] - x[1].double()[None], axis=-1)
    assert distances[1].numpy() == pytest.approx(exact, abs=1e-5)


@pytest.mark.parametrize("measure", [lambda z: lengths(z - z.detach()).sum(), lambda z: pairwise(z, z).sum()])
def test_gradients_are_zero_and_no_nan_where_points_agree(measure):
    points = torch.ones(3, 2, requires_grad=True)
    measure(points).backward()
    assert (points.grad == 0).all()


def test_lengths_are_norms():
    moves = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    assert lengths(moves).tolist() == [5.0, 0.0]
    lengths(moves).sum().backward()
    assert moves.grad.flatten().tolist() == pytest.approx([0.6, 0.8, 0, 0])


def test_the_value_of_a_batch_is_at_most_its_exact_distance():
    x, y = RNG.standard_normal((2, 50, 2))
    f = torch.tensor(RNG.standard_normal(50))
    value = f.mean() + transform(pairwise(torch.tensor(x), torch.tensor(y)), f).mean()
    assert value.item() <= otgan.wasserstein(x, y).distance
