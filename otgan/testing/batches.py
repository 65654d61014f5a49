"""Does a critic compute each value from its own point only? Batches that differ in the other points tell."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from otgan.checks import FloatArray, as_count
from otgan.errors import CriticError, InvalidTypeError
from otgan.lipschitz import CriticFunction
from otgan.lipschitz.evaluate import NumpyFunction, TorchFunction
from otgan.testing.rounding import admit_single_precision
from otgan.testing.witness import Clouds, show, shrink


def assert_no_batch_coupling(critic: Any, shape: int | tuple[int, ...], *, seed: int = 0) -> None:
    r"""Assert that f(z) stays the same whatever else is in the batch, and wherever z stands in it.

    A gradient penalty holds the norm of each sample's own gradient; with batch normalisation, or anything else that
    mixes samples, that is not the gradient of any function of one point. A module is tried in training mode, then in
    eval mode, always on a copy and with its dropout switched off, which is chance and no coupling. Values count as
    equal when half of their digits agree, since kernels add in another order for batches of another size.

    Args:
        critic: A torch module, or a function of NumPy or torch points; (n, *shape) -> (n,) or (n, 1).
        shape: Shape of one sample: d for points, or such as (3, 8, 8) for images.
        seed: Of the batches that are tried.

    Raises:
        AssertionError: If a value changes; the message shows the smallest batches found that tell.
        CriticError: If the critic accepts no such points, is random, cannot be copied, or returns NaN or another shape.
        InvalidTypeError, InvalidValueError: If shape or seed break their rules.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 4, "No critic batch normalization".
    """
    __tracebackhide__ = True
    shape = read_shape(shape)
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    with torch.random.fork_rng(devices=[]):
        fault = _find(critic, shape, rng)
    if fault:
        raise AssertionError(fault)


def _find(critic: Any, shape: tuple[int, ...], rng: np.random.Generator) -> str:
    """What couples samples, in a sentence; empty where nothing was found."""
    for mode, function in _modes(critic, shape):
        for last, fails in ((False, _changes(function, last=False)), (True, _changes(function, last=True))):
            clouds = next(filter(fails, _batches(function.dim, rng)), None)
            if clouds is None:
                continue
            z, beside, other = shrink(clouds, fails, (1, 0, 0))
            values = _two_values(function, (z, beside, other), last)
            what = [
                f"f(z) = {value:.6g} {_beside(cloud)}" for value, cloud in zip(values, (beside, other), strict=True)
            ]
            where = " and z last" if last else ""
            return (
                f"critic must compute each value from its own point only, got {what[0]} and {what[1]}{where}, "
                f"for z = {show(z[0])}{mode}{_suspects(critic)}"
            )
    return ""


def read_shape(shape: Any) -> tuple[int, ...]:
    """Shape of one sample, from a number of coordinates or a tuple."""
    if isinstance(shape, tuple | list) and shape:
        return tuple(as_count("shape", size) for size in shape)
    if isinstance(shape, int | np.integer):
        return (as_count("shape", shape),)
    raise InvalidTypeError("shape", "be a number of coordinates or a tuple of sizes", repr(shape), "as in 2, (3, 8, 8)")


def _modes(critic: Any, shape: tuple[int, ...]) -> Iterator[tuple[str, CriticFunction]]:
    """How the critic can be asked; a module in both of its modes."""
    if not isinstance(critic, nn.Module):
        yield "", _first_that_works(_of_callable(critic, shape), shape)
        return
    try:
        modules = [copy.deepcopy(critic).double(), copy.deepcopy(critic)]
    except Exception as error:
        raise CriticError(
            "critic", "be a module that copy.deepcopy can copy", type(error).__name__, "keep only modules and weights"
        ) from error
    for training in (True, False):
        for module in modules:
            module.train(training)
            for layer in module.modules():
                if isinstance(layer, _DropoutNd):
                    layer.eval()
        readings = (_of_module(module, shape) for module in modules)
        yield f", in {'training' if training else 'eval'} mode", _first_that_works(readings, shape)


def _of_module(module: nn.Module, shape: tuple[int, ...]) -> CriticFunction:
    first = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))

    def call(points: Tensor) -> Any:
        return copy.deepcopy(module)(points.reshape(-1, *shape))  # running statistics stay as they are

    return TorchFunction(call, int(np.prod(shape)), first.dtype, first.device)


def _of_callable(critic: Any, shape: tuple[int, ...]) -> Iterator[CriticFunction]:
    if not callable(critic):
        raise InvalidTypeError("critic", "be a torch module or a function", type(critic).__name__, "pass its forward")
    dim, cpu = int(np.prod(shape)), torch.device("cpu")

    def call(points: Any) -> Any:
        return critic(points.reshape(-1, *shape))

    yield NumpyFunction(call, dim)
    yield TorchFunction(call, dim, torch.float64, cpu)
    yield TorchFunction(call, dim, torch.float32, cpu)


def _first_that_works(readings: Iterator[CriticFunction], shape: tuple[int, ...]) -> CriticFunction:
    error: Exception | None = None
    points = np.random.default_rng(0).standard_normal((16, int(np.prod(shape))))
    for function in readings:
        try:
            function._values(points)
        except Exception as caught:
            error = error or caught
            continue
        values = function.values(points)  # its shape and NaN are refused with their own words
        admit_single_precision(function, points)
        if (np.abs(values - function.values(points)) > function.unit**0.5 * np.abs(values).max()).any():
            raise CriticError(
                "critic", "give the same value for the same points each time", "random values", "remove what draws them"
            )
        return function
    raise CriticError("critic", f"accept points of shape (n, {', '.join(map(str, shape))})", str(error), "check shape")


def _batches(dim: int, rng: np.random.Generator) -> Iterator[Clouds]:
    """A point and two sets of neighbours, first few on a small lattice, then many at all sizes."""
    for n in (1, 2, 1, 3, 7):
        z, beside, other = (rng.integers(-2, 3, (k, dim)).astype(float) for k in (1, n, n))
        yield z, beside, other
        yield z, beside, np.concatenate([beside, other])
        yield z, beside, beside[::-1].copy()
    for scale in (1.0, 1e-2, 1e2):
        z, beside, other = (scale * rng.standard_normal((k, dim)) for k in (1, 31, 63))
        yield z, beside, other
        yield z, beside, 10 * beside


def _two_values(function: CriticFunction, clouds: Clouds, last: bool) -> tuple[float, float]:
    """f(z) at the head of the first batch, and at the head or the end of the second."""
    z, beside, other = clouds
    first = function.values(np.concatenate([z, beside]))[0]
    second = function.values(np.concatenate([other, z] if last else [z, other]))[-1 if last else 0]
    return float(first), float(second)


def _changes(function: CriticFunction, *, last: bool) -> Callable[[Clouds], bool]:
    # The values' usual size: where f(z) happens to be 0, what is left of it is the rounding of larger numbers.
    size = float(np.abs(function.values(np.random.default_rng(1).standard_normal((32, function.dim)))).max())

    def changes(clouds: Clouds) -> bool:
        try:
            first, second = _two_values(function, clouds, last)
        except Exception:  # batch normalisation in training mode refuses a single point
            return False
        return abs(first - second) > function.unit**0.5 * max(abs(first), abs(second), size)

    return changes


def _beside(cloud: FloatArray) -> str:
    return f"beside {show(cloud)}" if len(cloud) else "alone"


def _suspects(critic: Any) -> str:
    if not isinstance(critic, nn.Module):
        return ""
    names = [f"{type(m).__name__} at '{name}'" for name, m in critic.named_modules() if isinstance(m, _BatchNorm)]
    return f"; {', '.join(names)} mixes samples, use LayerNorm or no normalisation" if names else ""
