import math

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import ConesCritic, MLPCritic
from otgan.critics.layers import Cones, GroupSort
from otgan.lipschitz import certified_upper_bound, sampled_lower_bound
from otgan.lipschitz.layers import KNOWN
from otgan.lipschitz.row_norms import SAME_IN_MAXIMUM_NORM, RowNorms


def linear(weight):
    weight = torch.as_tensor(weight, dtype=torch.float64)
    layer = nn.Linear(weight.shape[1], weight.shape[0]).double()
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


def test_the_first_weight_counts_by_euclidean_norms_of_rows_and_the_others_by_sums():
    factor = RowNorms()
    layer = linear([[3.0, -4.0], [1.0, 0.0]])
    assert [factor(kind, layer, "") for kind in (nn.Linear, nn.ReLU, nn.Linear)] == pytest.approx([5, 1, 7], rel=1e-12)


def test_where_rows_are_sparse_the_product_of_row_norms_wins():
    # The largest of 100 coordinates, up to signs: 1-Lipschitz, while the spectral norm of 100 equal rows is 10.
    copies = linear(torch.eye(4).repeat(25, 1))
    average = linear(torch.full((1, 100), 0.01, dtype=torch.float64))
    critic = nn.Sequential(copies, GroupSort(None), linear(torch.eye(100)[-1:].repeat(100, 1)), nn.ReLU(), average)
    bound = certified_upper_bound(critic)
    assert bound.value == pytest.approx(1, rel=1e-12)
    assert bound.method == "product of row norms"
    assert sampled_lower_bound(critic, np.eye(4), np.random.default_rng(0)).value <= bound.value


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("activation", ["relu", "maxmin", "fullsort", "leaky_relu"])
def test_it_is_never_below_a_slope(activation, seed):
    critic = MLPCritic(2, hidden=(4, 2), activation=activation, seed=seed).double()
    rng = np.random.default_rng(seed)
    found = sampled_lower_bound(critic, 3 * rng.standard_normal((200, 2)), rng, n_rounds=5).value
    rows = RowNorms()
    bound = math.prod(rows(nn.Linear, layer, "") for layer in critic.layers[::2])
    assert found <= certified_upper_bound(critic).value <= bound * (1 + 1e-12)


@pytest.mark.parametrize("kind", sorted(SAME_IN_MAXIMUM_NORM - {nn.Dropout, nn.Flatten}, key=str))
def test_layers_have_their_constant_in_the_maximum_norm_too(kind):
    layer = (kind(None) if kind is GroupSort else kind()).double()
    x = 3 * torch.randn(2000, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = x + 0.1 * torch.randn(2000, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    slopes = (layer(x) - layer(y)).abs().amax(1) / (x - y).abs().amax(1)
    assert slopes.max() <= KNOWN[kind](layer) * (1 + 1e-12)


def test_cones_take_no_part_in_the_maximum_norm():
    # Rows of norm 1 and the slope of a cone would make 1; the map to two equal coordinates stretches by √2.
    critic = nn.Sequential(linear([[1.0], [1.0]]), Cones([[0.0, 0.0]]).double())
    assert certified_upper_bound(critic).value == pytest.approx(math.sqrt(2), rel=1e-9)
    assert certified_upper_bound(ConesCritic(2, 3, 2.5)).value == pytest.approx(2.5)
