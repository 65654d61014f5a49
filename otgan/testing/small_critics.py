"""A strategy for critics with few layers and short numbers, whose Lipschitz constants are known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from otgan.checks import as_count
from otgan.errors import InvalidTypeError
from otgan.testing.clouds import LATTICE, QUARTERS, read_dims
from otgan.testing.extra import DrawFn, SearchStrategy, st
from otgan.testing.small_networks import cones, max_min_network, relu_network, with_bump

#: Slopes of critics that are too steep; 1.3 as weight clipping may leave it.
STEEP = (2.0, 1.3, 5.0)


def critics(
    dims: int | Sequence[int] = (1, 2), *, lipschitz: bool | None = None, max_width: int = 4
) -> SearchStrategy[nn.Module]:
    """Small torch critics, printed as the call that makes them; they shrink to one linear layer.

    Args:
        dims: Dimension d, or those to choose from.
        lipschitz: True for critics that are 1-Lipschitz by construction (signed coordinates, MaxMin networks of signed
            permutations, cones); False for ones that are not, and show it in [−1, 1]^d: a slope of 1.3 to 5 everywhere,
            or in a ball of radius .05 alone; None for either, and for any small ReLU network.
        max_width: Largest inner width, and number of cones.

    Returns:
        Strategy of modules in float32, (n, d) -> (n, 1) or (n,).

    Raises:
        InvalidTypeError, InvalidValueError: If an argument breaks its rule.
    """
    ds, width = read_dims(dims), as_count("max_width", max_width, low=2)
    if lipschitz is True:
        return _lipschitz(ds, width)
    if lipschitz is False:
        return _steep(ds, width)
    if lipschitz is not None:
        raise InvalidTypeError(
            "lipschitz", "be True, False or None", repr(lipschitz), "None draws critics of all kinds"
        )
    return _lipschitz(ds, width) | _steep(ds, width) | _any(ds, width)


def _signed(size: int, column: int, sign: float) -> list[float]:
    return [sign if j == column else 0.0 for j in range(size)]


@st.composite
def _lipschitz(draw: DrawFn, dims: list[int], width: int) -> nn.Module:
    d = draw(st.sampled_from(dims))
    kind = draw(st.sampled_from(["linear", "cones", "max-min"]))
    sign = st.sampled_from([1.0, -1.0])
    if kind == "linear":
        row = _signed(d, draw(st.integers(0, d - 1)), draw(sign))
        return draw(st.builds(relu_network, st.just([([row], [draw(LATTICE)])])))
    if kind == "cones":
        k = draw(st.integers(1, width))
        centres = st.lists(st.lists(LATTICE, min_size=d, max_size=d), min_size=k, max_size=k)
        return draw(st.builds(cones, centres, st.lists(LATTICE, min_size=k, max_size=k)))
    # Each row and each column has one entry at most, ±1: norm 1, exactly.
    w = 2 * draw(st.integers(1, width // 2))
    columns = draw(st.permutations([*range(d), *range(-1, -w - 1, -1)]))[:w]
    first = [_signed(d, column, draw(sign)) for column in columns]
    biases = draw(st.lists(LATTICE, min_size=w, max_size=w))
    last = _signed(w, draw(st.integers(0, w - 1)), draw(sign))
    return draw(st.builds(max_min_network, st.just([(first, biases), ([last], [0.0])])))


@st.composite
def _steep(draw: DrawFn, dims: list[int], width: int) -> nn.Module:
    kind = draw(st.sampled_from(["linear", "absolute value", "ball"]))
    if kind == "ball":
        d = draw(st.sampled_from(dims))
        centre = st.lists(st.integers(-3, 3).map(lambda k: k / 4), min_size=d, max_size=d)
        return draw(st.builds(with_bump, _lipschitz([d], width), centre))
    d, slope = draw(st.sampled_from(dims)), draw(st.sampled_from(STEEP))
    column = draw(st.integers(0, d - 1))
    if kind == "linear":
        return draw(st.builds(relu_network, st.just([([_signed(d, column, slope)], [draw(LATTICE)])])))
    b = draw(LATTICE)
    rows = [_signed(d, column, 1.0), _signed(d, column, -1.0)]
    return draw(st.builds(relu_network, st.just([(rows, [b, -b + 0.0]), ([[slope, slope]], [0.0])])))


@st.composite
def _any(draw: DrawFn, dims: list[int], width: int) -> nn.Module:
    sizes = [draw(st.sampled_from(dims)), *draw(st.lists(st.integers(1, width), max_size=2)), 1]
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        rows = st.lists(st.lists(QUARTERS, min_size=fan_in, max_size=fan_in), min_size=fan_out, max_size=fan_out)
        layers.append((draw(rows), draw(st.lists(LATTICE, min_size=fan_out, max_size=fan_out))))
    return draw(st.builds(relu_network, st.just(layers)))
