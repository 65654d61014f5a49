"""Any critic as a function of points in float64: values, gradients, and the promise that it is a function."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from otgan.checks import FloatArray, as_count, as_points
from otgan.critics.checks import check_weights, inference_weights
from otgan.errors import CriticError, InvalidShapeError, InvalidTypeError

#: Numbers in a chunk of points: 8 MB at the input, some hundred MB inside a wide network.
CHUNK = 2**20
MAX_CHUNK_ROWS = 2**13

#: Makes points that are short numbers long ones, so that values which still are float32 have been rounded to it.
GENERIC = 1 + 1e-8 / 3


class CriticFunction(ABC):
    """A critic f, evaluated in chunks.

    Attributes:
        dim: Number of coordinates d.
        unit: Unit roundoff of the arithmetic in which it is evaluated: 2⁻⁵³ in float64, 2⁻²⁴ in float32.
    """

    dim: int
    unit: float = 2.0**-53

    @abstractmethod
    def _values(self, points: FloatArray) -> NDArray[Any]:
        """Raw output on one chunk."""

    def values(self, points: Any) -> FloatArray:
        """Evaluate f.

        Args:
            points: (n, d), in units of length.

        Returns:
            f, (n,), float64.

        Raises:
            InvalidShapeError: If the points do not have d coordinates.
            CriticError: If the output is not (n,) or (n, 1), or not finite.
        """
        return np.concatenate([_read(self._values(chunk), len(chunk)) for chunk in self._chunks(points)])

    def gradients(self, points: Any) -> FloatArray:
        r"""The gradient of f at each point.

        Torch critics are differentiated by autograd, which at a kink returns one of many answers, and not always one
        that is a slope there; all others by central differences with the step $u^{1/3}$ times the largest coordinate
        in size, which balances the rounding of f, $u / h$, against the neglected third derivative, $h^2$.

        Args:
            points: (n, d), in units of length.

        Returns:
            Gradients, (n, d), float64.

        Raises:
            InvalidShapeError: If the points do not have d coordinates.
            CriticError: If a value or a gradient is not finite.
        """
        points = as_points("points", points)
        size = float(np.abs(points).max()) or 1.0
        gradients = np.concatenate([self._gradients(chunk, size) for chunk in self._chunks(points)])
        if not np.isfinite(gradients).all():
            k = int(np.argwhere(~np.isfinite(gradients))[0, 0])
            raise CriticError(
                "critic", "have finite gradients", f"NaN or infinity at point {k}", "avoid roots and divisions at 0"
            )
        return gradients

    def _gradients(self, points: FloatArray, size: float) -> FloatArray:
        gradients = np.empty_like(points)
        for j in range(self.dim):
            ahead, behind = points.copy(), points.copy()
            ahead[:, j] += self.unit ** (1 / 3) * size
            behind[:, j] -= self.unit ** (1 / 3) * size
            gradients[:, j] = (self.values(ahead) - self.values(behind)) / (ahead[:, j] - behind[:, j])
        return gradients

    def _chunks(self, points: Any) -> Iterator[FloatArray]:
        points = as_points("points", points)
        if points.shape[1] != self.dim:
            raise InvalidShapeError(
                "points", f"have shape (n, {self.dim})", f"shape {points.shape}", "give one point in each row"
            )
        rows = min(max(CHUNK // self.dim, 1), MAX_CHUNK_ROWS)
        for start in range(0, len(points), rows):
            yield points[start : start + rows]


class NumpyFunction(CriticFunction):
    """A callable that takes NumPy points."""

    def __init__(self, call: Callable[[FloatArray], Any], dim: int) -> None:
        self._call, self.dim = call, dim

    def _values(self, points: FloatArray) -> NDArray[Any]:
        raw = self._call(points.copy())  # a critic that writes into its points must not move them
        return raw.detach().cpu().numpy() if isinstance(raw, Tensor) else np.asarray(raw)


class TorchFunction(CriticFunction):
    """A module or callable that takes torch points of one dtype on one device."""

    def __init__(self, call: Callable[[Tensor], Any], dim: int, dtype: torch.dtype, device: torch.device) -> None:
        self._call, self.dim, self._dtype, self._device = call, dim, dtype, device
        self.unit = torch.finfo(dtype).eps / 2

    def _tensor(self, points: FloatArray) -> Tensor:
        return torch.tensor(points, dtype=self._dtype, device=self._device)

    def _values(self, points: FloatArray) -> NDArray[Any]:
        with torch.inference_mode(False), torch.no_grad():
            raw = self._call(self._tensor(points))
        return (
            raw.to(torch.promote_types(raw.dtype, torch.float32)).cpu().numpy()
            if isinstance(raw, Tensor)
            else np.asarray(raw)
        )

    def _gradients(self, points: FloatArray, size: float) -> FloatArray:
        with torch.inference_mode(False), torch.enable_grad():  # whatever the caller is in the middle of
            tensor = self._tensor(points).requires_grad_()
            try:
                raw = self._call(tensor.clone())  # a layer may work in place, which a leaf forbids
            except RuntimeError as error:
                if "nference tensor" in str(error):  # of a function's own weights, which nothing could ask before
                    raise inference_weights() from error
                raise
            if not isinstance(raw, Tensor) or not raw.requires_grad:
                return super()._gradients(points, size)
            (gradients,) = torch.autograd.grad(raw.sum(), tensor, materialize_grads=True)
        return gradients.double().cpu().numpy()


def as_function(critic: Any, dim: int, *, probes: Any = None) -> CriticFunction:
    """Read any critic as a function of points in float64, and check that it is one.

    A torch module is copied as it stands, put into eval mode and cast to float64; where it cannot compute in
    float64, it keeps its own dtype. A callable is offered NumPy points, then torch points in float64, then in
    float32, and keeps what it does not refuse.

    Args:
        critic: A torch module, a callable (n, d) -> (n,) or (n, 1) on arrays or tensors, or a `CriticFunction`.
        dim: Number of coordinates d.
        probes: A few points, (n, d), at which it is tried; standard normal ones by default.

    Returns:
        The function; a `CriticFunction` is returned unchanged.

    Raises:
        InvalidTypeError: If the critic is not callable.
        CriticError: If it accepts no points of dimension d, returns another shape or NaN, is random, or gives a point
            another value when its neighbours in the batch change.
    """
    if isinstance(critic, CriticFunction):
        return critic
    if not callable(critic):
        raise InvalidTypeError("critic", "be a torch module or a function", type(critic).__name__, "pass its forward")
    dim = as_count("dim", dim)
    points = np.random.default_rng(0).standard_normal((8, dim)) if probes is None else as_points("probes", probes)[:8]
    errors = []
    for function in _readings(critic, dim):
        try:
            raw = function._values(GENERIC * points)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}".splitlines()[0][:120])
            continue
        _check_uncoupled(function, points)
        with np.errstate(over="ignore"):
            single = bool(raw.any() and (raw == raw.astype(np.float32)).all())
        if single:  # float64 in, float32 out: it has been rounded on the way, whatever type it comes in
            function.unit = max(function.unit, 2.0**-24)
        return function
    raise CriticError(
        "critic", f"accept points of shape (n, {dim})", errors[0 if isinstance(critic, nn.Module) else -1], "check d"
    )


def _readings(critic: Any, dim: int) -> Iterator[CriticFunction]:
    """The ways to call the critic, best first."""
    cpu = torch.device("cpu")
    if not isinstance(critic, nn.Module):
        yield NumpyFunction(critic, dim)
        yield TorchFunction(critic, dim, torch.float64, cpu)
        yield TorchFunction(critic, dim, torch.float32, cpu)
        return
    check_weights(critic)
    try:
        with torch.inference_mode(False):
            frozen = copy.deepcopy(critic).eval()
    except Exception as error:
        raise CriticError(
            "critic", "be a module that copy.deepcopy can copy", type(error).__name__, "keep only modules and weights"
        ) from error
    first = next((p for p in frozen.parameters() if p.is_floating_point()), torch.empty(0))
    with torch.inference_mode(False):
        wide = copy.deepcopy(frozen).double()
    yield TorchFunction(wide, dim, torch.float64, first.device)
    yield TorchFunction(frozen, dim, first.dtype, first.device)


def _check_uncoupled(function: CriticFunction, points: FloatArray) -> None:
    n = len(points)
    far = 3 * points[::-1] + (np.abs(points).max() or 1.0)
    values = function.values(np.concatenate([points, points]))[:n]
    again = function.values(np.concatenate([points, points]))[:n]
    elsewhere = function.values(np.concatenate([points, far]))[:n]
    tolerance = function.unit**0.5 * np.abs(values).max()  # half of the digits, for kernels that add in another order
    for other, what, fix in (
        (again, "another value for the same points at each call", "remove what draws random numbers"),
        (elsewhere, "values that change with the other points of the batch", "compute each value from its own point"),
    ):
        if (np.abs(values - other) > tolerance).any():
            raise CriticError("critic", "be a function of one point", what, fix)


def _read(raw: NDArray[Any], n: int) -> FloatArray:
    """The output for n points, (n,), float64."""
    if raw.shape not in ((n,), (n, 1)) and not (n == 1 and raw.ndim == 0):  # squeeze() makes a number of one point
        raise CriticError(
            "critic",
            f"return shape (n,) or (n, 1), here ({n},) or ({n}, 1)",
            f"shape {raw.shape}",
            "return one per point",
        )
    if raw.dtype.kind not in "iuf":
        raise CriticError("critic", "return real numbers", f"dtype {raw.dtype}", "return floats")
    if not np.isfinite(raw).all():
        k = int(np.argwhere(~np.isfinite(raw.reshape(n)))[0, 0])
        raise CriticError("critic", "return finite values", f"{raw.reshape(n)[k]} at point {k}", "look for NaN weights")
    return raw.reshape(n).astype(np.float64)
