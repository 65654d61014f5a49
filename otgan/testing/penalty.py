"""Does a gradient penalty take the norm of each sample's own gradient? Critics whose gradients are known tell."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from otgan.checks import as_count, as_number
from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.testing.batches import read_shape

#: Slopes of the critics that are tried, in units of k: so steep that one-sided penalties see them, too.
LOW, HIGH = 5.0, 13.0

#: Where the pairs of points lie along the first coordinate, so that each pair stays on one side of 0.
AWAY = 8.0

Penalty = Callable[[nn.Module, Tensor, Tensor], Tensor]


def assert_gradient_penalty_is_per_sample(
    penalty: Any,
    shape: int | tuple[int, ...] = 2,
    *,
    k: float = 1.0,
    tol: float = 1e-4,
    seed: int = 0,
) -> None:
    r"""Assert that a penalty is the mean, over samples, of one function of the norm of each sample's gradient.

    Critics are tried whose gradients are known: linear ones, which have the same gradient everywhere, and one that is
    linear on either side of 0. Whatever the function of the norm is (two-sided, one-sided, zero-centred, with any
    weight), the penalty must not change when the gradient is turned, over all axes of a sample; nor with the number of
    pairs; and of samples with different slopes it must be the mean. It must also have a gradient in the critic's
    weights, or it trains nothing.

    Args:
        penalty: Function of (critic, x, y), or of (critic, x, y, generator), that returns a scalar tensor. It may look
            at points on the segment between x_i and y_i, or near them. What it draws from torch's global generator
            leaves that one as it was.
        shape: Shape of one sample: d for points, or such as (3, 8, 8) for images, where a norm over one axis alone is
            a fault that points do not show.
        k: The slope that it asks for. The critics that are tried are 5 and 13 times as steep.
        tol: Relative difference that passes: float32 rounds the sums of a penalty to 1e-6 or so, while a mistaken
            axis changes the penalty by a tenth and more.
        seed: Of the generator.

    Raises:
        AssertionError: If the penalty mixes samples or coordinates; the message shows critics that tell.
        InvalidTypeError: If it cannot be called so, or returns no scalar tensor.
        InvalidValueError: If it returns NaN or infinity, or another argument is out of range.
    """
    __tracebackhide__ = True
    shape, tol = read_shape(shape), as_number("tol", tol, low=0)
    k = as_number("k", k, low=0, open_low=True)
    call = _as_call(penalty, as_count("seed", seed, low=0, high=2**63 - 1))
    single = {}
    for slope in (LOW, HIGH):
        straight = _linear(shape, k, [(0, slope)])
        single[slope] = base = _value(call, straight, shape, 1)
        for other in _turned(shape, k, slope):
            value = _value(call, other, shape, 1)
            if _differ(base, value, tol):
                raise AssertionError(
                    f"penalty must depend on the Euclidean norm of a sample's gradient over all of its axes, got "
                    f"{base:.6g} for {straight} and {value:.6g} for {other} on one pair of points, though both "
                    f"gradients have the norm {k * slope:g}; take gradients.flatten(1).norm(dim=1)"
                )
        for n in (2, 3, 8):
            value = _value(call, straight, shape, n)
            if _differ(base, value, tol):
                fix = (
                    "take the mean over samples instead of the sum"
                    if not _differ(n * base, value, tol)
                    else "take one norm for each sample, then the mean"
                )
                raise AssertionError(
                    f"penalty must not depend on the number of samples, got {base:.6g} on one pair of points and "
                    f"{value:.6g} on {n}, for {straight}, whose gradient has the norm {k * slope:g} everywhere; {fix}"
                )
    for n in (2, 3):
        critic = _TwoSlopes(shape, k)
        value = _value(call, critic, shape, n)
        left = (n + 1) // 2  # pairs alternate between the sides, beginning on the left
        expected = (left * single[LOW] + (n - left) * single[HIGH]) / n
        if _differ(expected, value, tol):
            raise AssertionError(
                f"penalty must be the mean over samples of a function of each one's own gradient norm, got {value:.6g} "
                f"on {n} pairs of points with the norms {_norms(k, n)}, of which single ones give {single[LOW]:.6g} "
                f"and {single[HIGH]:.6g}, in the mean {expected:.6g}; the critic is {critic}; "
                "take one norm for each sample, then the mean"
            )
    _assert_trains(call, shape, k)


class _Linear(nn.Module):
    """f(x) = ⟨w, x⟩ over all axes of a sample."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.flat = False

    def forward(self, points: Tensor) -> Tensor:
        values = (points * self.weight).flatten(1).sum(1)
        return values if self.flat else values[:, None]

    def __repr__(self) -> str:
        return f"f(x) = {_terms(self.weight)}"


class _TwoSlopes(_Linear):
    """Slope LOW along the first coordinate where that is negative, slope HIGH along the last one elsewhere."""

    def __init__(self, shape: tuple[int, ...], k: float) -> None:
        super().__init__(_linear(shape, k, [(0, LOW)]).weight.detach())
        self.right = nn.Parameter(_linear(shape, k, [(-1, HIGH)]).weight.detach())

    def forward(self, points: Tensor) -> Tensor:
        first = points.flatten(1)[:, 0]
        left, right = ((points * weight).flatten(1).sum(1) for weight in (self.weight, self.right))
        values = torch.where(first < 0, left, right)
        return values if self.flat else values[:, None]

    def __repr__(self) -> str:
        first = "x" + "[0]" * (self.weight.ndim)
        return f"f(x) = {_terms(self.weight)} where {first} < 0, {_terms(self.right)} elsewhere"


def _linear(shape: tuple[int, ...], k: float, entries: list[tuple[int, float]]) -> _Linear:
    weight = torch.zeros(math.prod(shape))
    for place, value in entries:
        weight[place] = k * value
    return _Linear(weight.reshape(shape))


def _turned(shape: tuple[int, ...], k: float, slope: float) -> list[_Linear]:
    """Critics with the same slope in another direction: Pythagorean triples, exact in float32."""
    legs = {LOW: (3.0, 4.0), HIGH: (5.0, 12.0)}[slope]
    size, found = math.prod(shape), []
    stride = size
    for length in shape:  # the first coordinate, and its neighbour along each axis
        stride //= length
        if length > 1:
            found.append(_linear(shape, k, [(0, legs[0]), (stride, legs[1])]))
    return found


def _terms(weight: Tensor) -> str:
    terms = []
    for place in weight.nonzero().tolist():
        index = "".join(f"[{j}]" for j in place)
        terms.append(f"{float(weight.detach()[tuple(place)]):g} x{index}")
    return " + ".join(terms)


def _norms(k: float, n: int) -> str:
    return " and ".join(f"{k * (HIGH if i % 2 else LOW):g}" for i in range(n))


def _as_call(penalty: Any, seed: int) -> Penalty:
    """The penalty as a function of critic, x and y, with a generator of the seed where it takes one."""
    if not callable(penalty):
        raise InvalidTypeError("penalty", "be a function", type(penalty).__name__, "pass penalty(critic, x, y)")
    try:
        parameters = list(inspect.signature(penalty).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    by_name = any(p.name == "generator" and p.kind is not p.POSITIONAL_ONLY for p in parameters)
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]

    def call(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seed)
            if by_name:
                return penalty(critic, x, y, generator=generator)
            return penalty(critic, x, y, generator) if len(needed) == 4 else penalty(critic, x, y)

    return call


def _points(shape: tuple[int, ...], n: int) -> tuple[Tensor, Tensor]:
    """Pairs of points, n of them, in turn far to the left and far to the right along the first coordinate."""
    x, y = torch.zeros(n, math.prod(shape)), torch.zeros(n, math.prod(shape))
    sides = torch.where(torch.arange(n) % 2 == 0, -AWAY, AWAY)
    x[:, 0], y[:, 0] = sides, sides
    y[:, -1] += 1.0  # no two points of a pair agree
    return x.reshape(n, *shape), y.reshape(n, *shape)


def _evaluate(call: Penalty, critic: _Linear, shape: tuple[int, ...], n: int) -> Tensor:
    x, y = _points(shape, n)
    try:
        result = call(critic, x, y)
    except Exception as error:
        critic.flat = True  # some penalties want values of shape (n,)
        try:
            result = call(critic, x, y)
        except Exception:
            raise InvalidTypeError(
                "penalty",
                f"be a function of (critic, x, y) or (critic, x, y, generator) on points of shape {tuple(x.shape)}",
                f"{type(error).__name__}: {error}",
                "wrap it in a lambda that fills in its other arguments, or pass shape=",
            ) from error
    if not isinstance(result, Tensor) or result.numel() != 1:
        got = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
        raise InvalidTypeError("penalty", "return a scalar tensor", got, "take the mean over samples")
    return result.reshape(())


def _value(call: Penalty, critic: _Linear, shape: tuple[int, ...], n: int) -> float:
    value = float(_evaluate(call, critic, shape, n).detach())
    if not math.isfinite(value):
        raise InvalidValueError("penalty", "be finite", f"{value} for {critic}", "look for divisions and roots of 0")
    return value


def _differ(one: float, other: float, tol: float) -> bool:
    return abs(one - other) > tol * max(abs(one), abs(other))


def _assert_trains(call: Penalty, shape: tuple[int, ...], k: float) -> None:
    __tracebackhide__ = True
    critic = _linear(shape, k, [(0, HIGH)])
    result = _evaluate(call, critic, shape, 2)
    gradient = torch.autograd.grad(result, critic.weight, allow_unused=True)[0] if result.requires_grad else None
    if gradient is None or not gradient.any():
        raise AssertionError(
            f"penalty must have a gradient in the critic's weights, got none for {critic}, whose slope {k * HIGH:g} it "
            "should pull down; pass create_graph=True to torch.autograd.grad"
        )
