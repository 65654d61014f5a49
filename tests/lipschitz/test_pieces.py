import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import MLPCritic
from otgan.critics.layers import GroupSort
from otgan.lipschitz.chain import read_chain
from otgan.lipschitz.integers import IntegerChain, root_above, root_below
from otgan.lipschitz.pieces import steepest_pieces
from otgan.lipschitz.walk import UnknownModuleError
from tests.lipschitz.oracle import largest_slope, random_network


def box(half=1.0, dim=2):
    return np.array([[-half] * dim, [half] * dim])


def assert_is(pieces, truth):
    """The bracket holds, the oracle being good to some 1e-12, and it is narrow."""
    assert pieces.complete
    assert pieces.lower <= truth * (1 + 1e-9)
    assert pieces.upper >= truth * (1 - 1e-9)
    assert pieces.upper <= pieces.lower * (1 + 1e-10)


@pytest.mark.parametrize("kind", ["relu", "leaky", "sort"])
@pytest.mark.parametrize("seed", range(4))
def test_random_networks_against_all_patterns(kind, seed):
    rng = np.random.default_rng(seed)
    critic = random_network(rng, (2, 4, 4, 1), kind)
    assert_is(steepest_pieces(read_chain(critic), box()), largest_slope(critic, *box()))


@pytest.mark.parametrize("kind", ["relu", "leaky", "sort"])
@pytest.mark.parametrize("seed", range(4))
def test_degenerate_networks_against_all_patterns(kind, seed):
    """Lines through one point, lines that coincide, lines along the edge of the box, units that are 0."""
    rng = np.random.default_rng(100 + seed)
    critic = random_network(rng, (2, 4, 4, 1), kind, integer=True, zero_bias=seed % 2 == 0, twins=seed % 3 == 0)
    assert_is(steepest_pieces(read_chain(critic), box()), largest_slope(critic, *box()))


@pytest.mark.parametrize("seed", range(3))
def test_one_variable(seed):
    critic = random_network(np.random.default_rng(seed), (1, 6, 4, 1))
    pieces = steepest_pieces(read_chain(critic), box(dim=1))
    assert_is(pieces, largest_slope(critic, [-1], [1]))
    assert pieces.pairs.shape[2] == 1


@pytest.mark.parametrize("seed", range(3))
def test_three_hidden_layers(seed):
    critic = random_network(np.random.default_rng(seed), (2, 3, 3, 3, 1))
    assert_is(steepest_pieces(read_chain(critic), box()), largest_slope(critic, *box()))


def test_sorting_in_groups_of_three_is_sorting():
    """f is the largest of three planes, whose pieces are plain to see."""
    critic = nn.Sequential(nn.Linear(2, 3), GroupSort(3), nn.Linear(3, 1))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, -1.0]]))
        critic[0].bias.copy_(torch.tensor([0.0, 0.0, 4.0]))
        critic[2].weight.copy_(torch.tensor([[0.0, 0.0, 1.0]]))
        critic[2].bias.zero_()
    # On [−1, 1]² the third plane is at least 2, more than y's 2; x's 3 beats it beyond 4 x > 4 − y: a corner.
    assert_is(steepest_pieces(read_chain(critic), box()), 3.0)
    assert_is(steepest_pieces(read_chain(critic), box(0.5)), math.sqrt(2))


def hat(bias):
    """relu(x + bias) times 7."""
    critic = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[1.0, 0.0]]))
        critic[0].bias.fill_(bias)
        critic[2].weight.fill_(7.0)
        critic[2].bias.zero_()
    return critic


def test_a_kink_on_the_edge_has_only_one_side():
    """And the float next to it makes a sliver that counts."""
    assert steepest_pieces(read_chain(hat(-1.0)), box()).upper == 0
    sliver = steepest_pieces(read_chain(hat(-float(np.nextafter(np.float32(1), np.float32(0))))), box())
    assert_is(sliver, 7.0)


@pytest.mark.parametrize("centre", [(0, 0), (1 / 3, 1 / 7)], ids=["origin", "no float"])
def test_many_lines_through_one_point_make_no_more_pieces_than_sectors(centre):
    """Thirty lines: 60 sectors, and none of the 2^30 patterns that rounding might see where they meet.

    The units are a (3 x − 1) + b (7 y − 1) with integers a and b: exact in float32, while the point is none.
    """
    rng = np.random.default_rng(0)
    a, b = rng.integers(1, 60, (2, 30)) * rng.choice([-1, 1], (2, 30))
    critic = random_network(rng, (2, 30, 1))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor(np.stack([3 * a, 7 * b], axis=1)))
        critic[0].bias.copy_(torch.tensor(-(a + b) * bool(centre[0])))
    chain = read_chain(critic)
    pieces = steepest_pieces(chain, box())
    W, w = chain.stages[0].weight, chain.stages[1].weight
    angles = np.sort(np.concatenate([turn + np.arctan2(W[:, 0], -W[:, 1]) for turn in (0, np.pi)]))
    inside = angles + np.diff(angles, append=angles[0] + 2 * np.pi) / 2
    on = np.stack([np.cos(inside), np.sin(inside)], 1) @ W.T > 0
    assert_is(pieces, np.linalg.norm((on * w[0]) @ W, axis=1).max())
    assert pieces.n_pieces <= 60


def test_units_that_are_multiples_of_others_change_with_them():
    """Σ 3 relu(l) − relu(3 l) is 0. All l vanish at (1/3, 1/7), which is no float, so that signs are rounding there."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(1, 60, (2, 30)) * rng.choice([-1, 1], (2, 30))
    rows = np.stack([3 * a, 7 * b], axis=1)
    critic = random_network(rng, (2, 60, 1))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor(np.concatenate([rows, 3 * rows])))
        critic[0].bias.copy_(torch.tensor(-np.concatenate([a + b, 3 * (a + b)])))
        critic[2].weight.copy_(torch.tensor([[3.0] * 30 + [-1.0] * 30]))
    pieces = steepest_pieces(read_chain(critic), box())
    assert pieces.complete
    assert pieces.upper == 0


@pytest.mark.parametrize("seed", range(4))
def test_lines_of_a_second_layer_across_the_sectors_of_a_first(seed):
    critic = random_network(np.random.default_rng(seed), (2, 6, 4, 1))
    with torch.no_grad():
        critic[0].bias.zero_()
    assert_is(steepest_pieces(read_chain(critic), box()), largest_slope(critic, *box()))


def test_all_pieces_are_counted_where_none_is_steeper():
    """Gradients ±(1, 0) ± (0, 1): every one of the four quadrants is as steep, and they are looked at in turn."""
    critic = nn.Sequential(nn.Linear(2, 4, bias=False), nn.ReLU(), nn.Linear(4, 1, bias=False))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        critic[2].weight.fill_(1.0)
    pieces = steepest_pieces(read_chain(critic), box())
    assert_is(pieces, math.sqrt(2))
    assert 1 <= pieces.n_pieces <= 4


@pytest.mark.parametrize("calls", [0, 1, 3, 10])
def test_it_can_be_stopped_at_any_time(calls):
    critic = MLPCritic(2, hidden=(32, 32), seed=3)
    chain = read_chain(critic)
    whole = steepest_pieces(chain, box())
    left = iter(range(calls))
    some = steepest_pieces(chain, box(), start=100.0, stop=lambda: next(left, None) is None)
    assert not some.complete
    assert some.lower <= whole.lower <= whole.upper <= some.upper <= 100


def test_the_bracket_narrows_on_the_way():
    seen = []
    critic = MLPCritic(2, hidden=(32, 32), seed=3)
    pieces = steepest_pieces(read_chain(critic), box(), tell=lambda lower, upper: seen.append((lower, upper)))
    uppers = [upper for _, upper in seen]
    assert uppers == sorted(uppers, reverse=True)
    assert all(lower <= pieces.lower and upper >= pieces.upper for lower, upper in seen)


def test_centre_and_scale_are_folded_in_exactly():
    """The same network in other units has the same slopes in a box that moves along."""
    critic = MLPCritic(2, hidden=(16, 16), seed=2)
    plain = steepest_pieces(read_chain(critic), box())
    critic.standardize([0.1, -7.3], 0.3)
    s, c = float(critic.scale), critic.centre.numpy().astype(float)
    moved = steepest_pieces(read_chain(critic), c + s * box())
    assert moved.upper == pytest.approx(plain.upper, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_pairs_lie_in_the_box_and_show_the_slope(seed):
    critic = MLPCritic(2, hidden=(24, 24), seed=seed).double()
    chain = read_chain(critic)
    pieces = steepest_pieces(chain, box())
    x, other = torch.tensor(pieces.pairs[0])
    assert (np.abs(pieces.pairs) <= 1).all()
    with torch.no_grad():
        rise = (critic(x[None]) - critic(other[None])).abs().item()
    assert rise / (x - other).norm().item() == pytest.approx(pieces.upper, rel=1e-6)
    slope = IntegerChain(chain).slope(*pieces.pairs[0])
    assert slope == pytest.approx(pieces.upper, rel=1e-9)
    assert slope <= pieces.upper


@pytest.mark.parametrize("kind", ["relu", "leaky", "sort"])
def test_values_in_integers_are_those_of_rational_arithmetic(kind):
    critic = random_network(np.random.default_rng(4), (3, 4, 4, 1), kind)
    chain = read_chain(critic)
    point = np.random.default_rng(5).standard_normal(3)
    values = [Fraction(float(x)) for x in point]
    for stage in chain.stages:
        values = [
            sum((Fraction(float(w)) * v for w, v in zip(row, values, strict=True)), Fraction(float(b)))
            for row, b in zip(stage.weight, stage.bias, strict=True)
        ]
        if stage.kind == "leaky":
            values = [v if v > 0 else Fraction(stage.number) * v for v in values]
        elif stage.kind == "sort":
            values = [v for k in range(0, len(values), 2) for v in sorted(values[k : k + 2])]
    assert IntegerChain(chain).value(point) == values[0]


def test_roots_are_rounded_downward():
    assert root_below(Fraction(9, 4)) == 1.5
    root = root_below(Fraction(2))
    assert Fraction(root) ** 2 < 2 < Fraction(math.nextafter(root, 2)) ** 2
    assert Fraction(root_above(Fraction(2))) ** 2 > 2
    for size in (Fraction(1, 10**500), Fraction(10) ** 500 * 3):
        assert Fraction(root_below(size)) ** 2 <= size <= Fraction(root_above(size)) ** 2
        assert root_above(size) <= root_below(size) * (1 + 1e-15)
    assert root_above(Fraction(10) ** 700) == math.inf
    assert root_below(Fraction(10) ** 700) == 0
    assert 0 <= root_below(Fraction(1, 10**700)) < root_above(Fraction(1, 10**700)) == 5e-324
    assert root_below(Fraction(0)) == root_above(Fraction(0)) == 0


@pytest.mark.parametrize(
    "square", [Fraction(36, 10**325), Fraction(2, 10**400), Fraction(1, 3), Fraction(10**400, 7), Fraction(10) ** 616]
)
def test_roots_need_no_search(square):
    """Squares below and above float64, whose roots are inside: neighbours in float64 on both sides."""
    below, above = root_below(square), root_above(square)
    assert Fraction(below) ** 2 < square or Fraction(below) ** 2 == square == Fraction(above) ** 2
    assert Fraction(above) ** 2 >= square
    assert above == math.nextafter(below, math.inf) or Fraction(below) ** 2 == square


def test_gradients_that_cancel_are_exactly_nothing():
    """The same unit by 1/3, by 2/3, and taken away again: what rounding would make of it is no slope."""
    critic = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[0.1, 0.7]] * 3, dtype=torch.float64))
        critic[0].bias.fill_(5.0)
        critic[2].weight.copy_(torch.tensor([[1 / 3, 2 / 3, -(1 / 3 + 2 / 3)]], dtype=torch.float64))
    pieces = steepest_pieces(read_chain(critic), box())
    square = (Fraction(1 / 3) + Fraction(2 / 3) - Fraction(1 / 3 + 2 / 3)) ** 2 * (
        Fraction(0.1) ** 2 + Fraction(0.7) ** 2
    )
    assert Fraction(pieces.lower) ** 2 <= square <= Fraction(pieces.upper) ** 2
    assert pieces.upper <= math.nextafter(math.nextafter(pieces.lower, 1), 1)


def test_numbers_beyond_float64_are_refused():
    critic = hat(0.0).double()
    with torch.no_grad():
        critic[0].weight.mul_(1e200)
    with pytest.raises(UnknownModuleError, match="too large or too small"):
        steepest_pieces(read_chain(critic), box())


def test_tiny_weights_are_bounded_and_not_lost():
    """A denormal weight beside ordinary ones; and one that alone decides on which side of a kink everything lies."""
    critic = hat(0.0).double()
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[0.0, 0.0]]))
        critic[0].weight[0, 0] = 1e-150
    pieces = steepest_pieces(read_chain(critic), box())
    assert pieces.lower <= 7e-150 <= pieces.upper
    assert pieces.upper <= pieces.lower * (1 + 1e-15)
