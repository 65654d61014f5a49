"""Networks that map a point to a number, and the description from which they are rebuilt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.checks import as_count, as_number, as_real_array
from otgan.critics.layers import Cones, GroupSort
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError

#: Activations by name. Each is 1-Lipschitz, so that the product of the layers' norms bounds the network.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, 0.2),
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "maxmin": partial(GroupSort, 2),
    "fullsort": partial(GroupSort, None),
}

MAX_DIM = 2**20
MAX_WIDTH = 2**16
MAX_DEPTH = 64
#: 512 MB of weights in float32: far above any critic of points, and low enough for a mistyped size to be refused.
MAX_PARAMETERS = 2**27

#: Initial biases reach this far, twice the size of the data; weights of variance 2 / fan-in bring them to size √2.
BIAS = 2.0

#: Scales outside this range leave float32 when a distance is squared.
SMALLEST_SCALE, LARGEST_SCALE = 1e-18, 1e18


class Critic(nn.Module, ABC):
    r"""A network in units of its own, $f(x) = s\, h((x - c) / s)$.

    The centre c and the one scale s for all coordinates bring data of any size to the size at which h trains well;
    since s multiplies what it divided, f and h have the same Lipschitz constant.

    Attributes:
        dim: Number of coordinates d.
        layers: The network h, (n, d) -> (n, 1) or (n,).
        centre: c, (d,), in units of length; 0 at first.
        scale: s, in units of length; 1 at first.
    """

    dim: int
    layers: nn.Module
    centre: Tensor
    scale: Tensor

    def __init__(self, dim: int, layers: nn.Module) -> None:
        super().__init__()
        self.dim, self.layers = dim, layers
        self.register_buffer("centre", torch.zeros(dim, dtype=torch.float32))
        self.register_buffer("scale", torch.ones((), dtype=torch.float32))

    @property
    @abstractmethod
    def architecture(self) -> dict[str, Any]:
        """What `build` needs to make this network again, weights, centre and scale apart; JSON can hold it."""

    def forward(self, points: Tensor) -> Tensor:
        """Evaluate f.

        Args:
            points: (n, d), in units of length.

        Returns:
            f, (n,), in units of length, float32 unless the module was cast.

        Raises:
            InvalidShapeError: If the points do not have d coordinates.
        """
        if points.ndim != 2 or points.shape[1] != self.dim:
            raise InvalidShapeError(
                "points", f"have shape (n, {self.dim})", f"shape {tuple(points.shape)}", "give one point in each row"
            )
        # Float64 points lose their distant centre before they lose their digits.
        inner = ((points - self.centre) / self.scale).to(self.scale.dtype)
        return self.scale * self.layers(inner).reshape(len(points))

    def standardize(self, centre: Any, scale: float) -> None:
        """Set c and s; h stays as it is.

        Args:
            centre: (d,), in units of length.
            scale: Positive, in units of length.

        Raises:
            InvalidShapeError: If the centre does not have d coordinates.
            InvalidValueError: If the scale is out of range, or an entry is not finite in float32.
        """
        values = as_real_array("centre", centre)
        if values.shape != (self.dim,):
            raise InvalidShapeError(
                "centre", f"have shape ({self.dim},)", f"shape {values.shape}", "give one number per coordinate"
            )
        largest = float(torch.finfo(self.centre.dtype).max)
        if abs(values).max() > largest:
            raise InvalidValueError("centre", f"be at most {largest:g} in size", abs(values).max(), "shift the data")
        scale = as_number("scale", scale, low=SMALLEST_SCALE, high=LARGEST_SCALE)
        self.centre.copy_(torch.from_numpy(values))
        self.scale.fill_(scale)


class MLPCritic(Critic):
    r"""A critic whose network is fully connected.

    Args:
        dim: Number of coordinates d.
        hidden: Widths of the hidden layers; none makes it affine.
        activation: A name in `ACTIVATIONS`; "maxmin" needs even widths.
        seed: Of the initial weights, which are uniform on ±√(6 / fan-in), and biases, uniform on ±2: on data of
            size 1 the kinks lie all over the data from the start, where small biases crowd them around its centre.

    Raises:
        InvalidValueError: If a size is out of range, or the activation is unknown.
        InvalidTypeError: If a size is not an integer.

    Source: He et al. (2015), Delving deep into rectifiers, Sec. 2.2 (variance of the weights).

    >>> critic = MLPCritic(2, hidden=(16,))
    >>> critic(torch.zeros(5, 2)).shape
    torch.Size([5])
    """

    def __init__(
        self, dim: int, hidden: Sequence[int] = (128, 128), activation: str = "relu", *, seed: int = 0
    ) -> None:
        dim, widths, activation = _read_sizes(dim, hidden, activation)
        generator = torch.Generator().manual_seed(as_count("seed", seed, low=0, high=2**63 - 1))
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise((dim, *widths, 1)):
            # Built without initial weights, since PyTorch would draw them from its global generator.
            linear = nn.utils.skip_init(nn.Linear, fan_in, fan_out, dtype=torch.float32)
            nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu", generator=generator)
            nn.init.uniform_(linear.bias, -BIAS, BIAS, generator=generator)
            layers += [linear, ACTIVATIONS[activation]()]
        super().__init__(dim, nn.Sequential(*layers[:-1]))
        self.hidden, self.activation = widths, activation

    @property
    def architecture(self) -> dict[str, Any]:
        """See `Critic.architecture`."""
        return {"kind": "mlp", "dim": self.dim, "hidden": list(self.hidden), "activation": self.activation}


class ConesCritic(Critic):
    r"""A critic that is an envelope of cones, $h(z) = \max_k b_k - K \|z - c_k\|$; see `Cones`.

    Args:
        dim: Number of coordinates d.
        n_cones: Number of cones.
        slope: K > 0, its Lipschitz constant.

    Raises:
        InvalidValueError: If a number is out of range.
        InvalidTypeError: If a number is of another type.
    """

    def __init__(self, dim: int, n_cones: int, slope: float = 1.0) -> None:
        dim, n_cones = as_count("dim", dim, high=MAX_DIM), as_count("n_cones", n_cones, high=MAX_PARAMETERS)
        if dim * n_cones > MAX_PARAMETERS:
            raise InvalidValueError("n_cones", f"make at most {MAX_PARAMETERS} weights", dim * n_cones, "use fewer")
        super().__init__(dim, Cones(np.zeros((n_cones, dim)), slope=slope))
        self.n_cones, self.slope = n_cones, float(slope)

    @property
    def architecture(self) -> dict[str, Any]:
        """See `Critic.architecture`."""
        return {"kind": "cones", "dim": self.dim, "n_cones": self.n_cones, "slope": self.slope}


#: Networks that a file may describe, and what describes them.
KINDS: dict[str, tuple[type[Critic], frozenset[str]]] = {
    "mlp": (MLPCritic, frozenset({"dim", "hidden", "activation"})),
    "cones": (ConesCritic, frozenset({"dim", "n_cones", "slope"})),
}


def build(architecture: Any) -> Critic:
    """Make the network that a `Critic.architecture` describes, with fresh weights.

    Raises:
        InvalidTypeError: If it is not a mapping, or a size is not an integer.
        InvalidValueError: If keys are missing or unknown, or a value is out of range.
    """
    if not isinstance(architecture, Mapping):
        raise InvalidTypeError(
            "architecture", "be a mapping", type(architecture).__name__, "pass MLPCritic(...).architecture"
        )
    kind = architecture.get("kind")
    make, keys = KINDS.get(kind, (None, frozenset())) if isinstance(kind, str) else (None, frozenset())
    if make is None or set(architecture) != keys | {"kind"}:
        wanted = "; ".join(f"{kind!r} with {', '.join(sorted(keys))}" for kind, (_, keys) in KINDS.items())
        raise InvalidValueError(
            "architecture", f"have a known kind and its keys ({wanted})", _short(dict(architecture)),
            "pass MLPCritic(...).architecture",
        )  # fmt: skip
    return make(**{key: architecture[key] for key in keys})


def _read_sizes(dim: Any, hidden: Any, activation: Any) -> tuple[int, tuple[int, ...], str]:
    dim = as_count("dim", dim, high=MAX_DIM)
    if isinstance(hidden, str | bytes) or not isinstance(hidden, Sequence):
        raise InvalidTypeError("hidden", "be a sequence of widths", _short(hidden), "write (128,) for one layer")
    if len(hidden) > MAX_DEPTH:
        raise InvalidValueError("hidden", f"have at most {MAX_DEPTH} layers", len(hidden), "use fewer, wider ones")
    widths = tuple(as_count("hidden", width, high=MAX_WIDTH) for width in hidden)
    n_parameters = sum((a + 1) * b for a, b in pairwise((dim, *widths, 1)))
    if n_parameters > MAX_PARAMETERS:
        raise InvalidValueError(
            "hidden", f"make at most {MAX_PARAMETERS} weights", n_parameters, "use fewer or narrower layers"
        )
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise InvalidValueError(
            "activation", f"be one of {', '.join(ACTIVATIONS)}", _short(activation), "choose one of these names"
        )
    if activation == "maxmin" and any(width % 2 for width in widths):
        raise InvalidValueError("hidden", "have even widths where the activation is maxmin", list(widths), "add one")
    return dim, widths, activation


def _short(value: object) -> str:
    """The value, cut to what fits into one line of an error."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
