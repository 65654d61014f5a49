"""How steep a critic is on a domain: the best lower and the best proven upper bound that a time budget allows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from otgan.checks import FloatArray, as_count, as_seconds
from otgan.critics import Critic
from otgan.critics.layers import Cones
from otgan.errors import CertificateError, Interrupted, InvalidTypeError
from otgan.interrupts import interrupts
from otgan.lipschitz.boxes import halve_boxes
from otgan.lipschitz.chain import Chain, read_chain
from otgan.lipschitz.domain import as_domain
from otgan.lipschitz.eclipse import layerwise_bound
from otgan.lipschitz.evaluate import CriticFunction, as_function
from otgan.lipschitz.lower import SampledLowerBound, fill, search
from otgan.lipschitz.pieces import steepest_pieces
from otgan.lipschitz.slopes import Slope, proven_slope
from otgan.lipschitz.upper import LipschitzBound, certified_upper_bound
from otgan.lipschitz.walk import UnknownModuleError
from otgan.progress import progress

PIECES, BOXES, LAYERS = "linear pieces", "branch and bound over boxes", "ECLipsE-Fast"

#: The shares of the time after which the search for a steep pair ends, and that for linear pieces where there are too
#: many of them: boxes may do something then.
SEARCH_SHARE, PIECES_SHARE = 0.25, 0.75

#: Coordinates of the points at which the search starts, 128 MB: fewer points in many dimensions.
NUMBERS = 2**24

NO_LAYERS = "it needs activations with slopes in [0, 1] after each Linear, and numbers far from the limits of float64"


@dataclass(frozen=True, eq=False)
class LipschitzAudit:
    """A bracket of the Lipschitz constant of a critic on a domain, in the Euclidean norm.

    Attributes:
        lower: The slope of the witness, rounded downward; in values of f per unit of length.
        witness: Two points of the domain, (d,) each, whose slope it is; one point twice where lower is 0.
        lower_is_proven: Whether all rounding in that slope is bounded, as it is for networks that are chains of known
            layers (piecewise linear ones are evaluated in integers); otherwise it was computed in floating point,
            less an allowance for rounding that is ample and no proof.
        upper: Proven to be at least the constant; infinite where nothing is proven.
        method: The method that gave `upper`.
        reason: Why `upper` is infinite; empty where it is not.
        domain: The box, [(low, high), …]; None for all of R^d.
        bounds: What each method gave that was tried.
        stopped: Whether time was up before the last method was done.
    """

    lower: float
    witness: tuple[FloatArray, FloatArray]
    lower_is_proven: bool
    upper: float
    method: str
    reason: str
    domain: tuple[tuple[float, float], ...] | None
    bounds: tuple[LipschitzBound, ...]
    stopped: bool

    @property
    def gap(self) -> float:
        """Upper − lower, in values of f per unit of length."""
        return self.upper - self.lower

    @property
    def ratio(self) -> float:
        """Upper / lower: 1 is a constant that is known; infinite where lower is 0 and upper is not."""
        if self.lower > 0:
            return self.upper / self.lower
        return math.inf if self.upper > 0 else 1.0

    def __str__(self) -> str:
        return f"Lipschitz constant between {self.lower:.9g} and {self.upper:.9g} ({self.method})"


def audit(critic: Any, *, domain: Any = None, max_seconds: float = 60.0, seed: int = 0) -> LipschitzAudit:
    """Bracket the Lipschitz constant of a critic on a box, or on all of R^d.

    What is audited is the function that the stored weights define in real arithmetic, in eval mode. The bracket
    holds whenever it is returned; more time makes it narrower. Which bounds are tried depends on the critic:

    - the product of the layers' operator norms, for every module whose layers are known;
    - ECLipsE-Fast, for fully connected networks whose activations have slopes in [0, 1];
    - on a box, for networks of one or two variables whose activations are ReLU, LeakyReLU or GroupSort: its linear
      pieces, which give the constant itself, to rounding, if there is time for all of them;
    - on a box, for all other fully connected networks, and where there are too many pieces: branch and bound over
      smaller boxes, which closes in on the constant of smooth networks in two or three dimensions and cannot do much
      in many.

    The lower bound is the slope of two points, found by a search in the domain or inside the steepest piece.

    Args:
        critic: A torch module, or any function of points (n, d) that gives (n,) or (n, 1). Of a function that is no
            module no layers are known, so that `upper` is infinite.
        domain: [(low, high), …], a pair for each coordinate; None for all of R^d, where the search for a lower
            bound looks around the origin, or around the centre of a `Critic`.
        max_seconds: Time after which it ends with the bracket that it has. It may be exceeded by what a single
            evaluation, or a bound of the whole network, takes.
        seed: Of the search.

    Returns:
        The bracket, and how it was found. Without a time-out, the same seed gives the same one.

    Raises:
        InvalidInputError: If an argument breaks its rules, or the dimension is not known.
        CriticError: If the critic is not a function of one point; see `as_function`.
        Interrupted: On Ctrl-C, with the bracket so far as `partial`.

    >>> from otgan.critics import MLPCritic
    >>> from otgan.lipschitz import audit
    >>> bracket = audit(MLPCritic(2, hidden=(16, 16)), domain=[(-2.5, 2.5)] * 2)
    >>> bracket.method, bracket.upper <= 1.000001 * bracket.lower
    ('linear pieces', True)
    """
    seconds = as_seconds("max_seconds", max_seconds)
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    start = time.monotonic()
    box = as_domain(domain)
    dim = _dimension(critic, box)
    box = as_domain(domain, dim)
    points = _places(critic, dim, box, rng)
    function = as_function(critic, dim, probes=points)

    with interrupts() as pressed, progress("auditing the critic") as show:

        def stop_after(share: float) -> Callable[[], bool]:
            return lambda: pressed() or time.monotonic() - start > share * seconds

        task = _Audit(critic, function, box, show)
        task.bound(certified_upper_bound(critic))
        task.read()
        task.search(points, rng, stop_after(SEARCH_SHARE))
        task.local(rng, stop_after(PIECES_SHARE), stop_after(1.0))
        result = task.result()
        if pressed():
            raise Interrupted("the bracket", replace(result, stopped=True))
    return result


class _Audit:
    """The state of an audit: everything that has been proven so far."""

    def __init__(
        self, critic: Any, function: CriticFunction, box: FloatArray | None, show: Callable[[str], None]
    ) -> None:
        self.critic, self.function, self.box, self.show = critic, function, box, show
        self.bounds: list[LipschitzBound] = []
        self.lower = SampledLowerBound(0.0, np.zeros(function.dim), np.zeros(function.dim))
        self.chain: Chain | None = None
        self.slope: Slope | None = None
        self.stopped = False

    @property
    def upper(self) -> float:
        return min(bound.value for bound in self.bounds)

    def bound(self, bound: LipschitzBound) -> None:
        self.bounds.append(bound)
        self.tell(self.lower.value, self.upper)

    def tell(self, lower: float, upper: float) -> None:
        self.show(f"between {max(lower, self.lower.value):.6g} and {min(upper, self.upper):.6g}")

    def read(self) -> None:
        """See whether the critic is a chain, of which more is known."""
        try:
            self.chain = read_chain(self.critic)
        except UnknownModuleError:
            return  # the product of norms has said why, or it is a network of another kind
        self.slope = proven_slope(self.chain)
        value = layerwise_bound(self.chain)
        self.bound(LipschitzBound(value, LAYERS, "" if math.isfinite(value) else NO_LAYERS))

    def search(self, points: FloatArray, rng: np.random.Generator, stop: Callable[[], bool]) -> None:
        found = search(
            self.function, points, rng, n_pairs=len(points), n_starts=128, n_rounds=30, box=self.box, stop=stop
        )
        self.pair(found.x, found.x_other, found.value)

    def pair(self, x: FloatArray, x_other: FloatArray, value: float) -> None:
        """Take a pair of points with its slope, which is proven anew where it can be."""
        if self.slope is not None:
            value = self.slope(x, x_other)
        if value > self.lower.value or not self.lower.value:
            self.lower = SampledLowerBound(value, x, x_other)

    def local(self, rng: np.random.Generator, stop_pieces: Callable[[], bool], stop: Callable[[], bool]) -> None:
        """The methods that know the box."""
        if self.chain is None or self.box is None:
            return
        if self.chain.dim <= 2 and self.chain.piecewise_linear and self._pieces(self.chain, self.box, stop_pieces):
            return
        self._boxes(self.chain, self.box, rng, stop)

    def _pieces(self, chain: Chain, box: FloatArray, stop: Callable[[], bool]) -> bool:
        """Whether they gave the constant itself."""
        try:
            pieces = steepest_pieces(chain, box, start=self.upper, stop=stop, tell=self.tell)
        except UnknownModuleError as error:
            self.bound(LipschitzBound(math.inf, PIECES, str(error)))
            return False
        for x, x_other in pieces.pairs:
            self.pair(x, x_other, 0.0)
        self.bound(LipschitzBound(pieces.upper, PIECES))
        return pieces.complete

    def _boxes(self, chain: Chain, box: FloatArray, rng: np.random.Generator, stop: Callable[[], bool]) -> None:
        try:
            boxes = halve_boxes(chain, box, lower=self.lower.value, start=self.upper, stop=stop, tell=self.tell)
        except UnknownModuleError as error:
            self.bound(LipschitzBound(math.inf, BOXES, str(error)))
            return
        self.stopped = not boxes.complete
        if len(boxes.steepest):
            # Points all over the box beside them, from which the search takes the lengths of its steps.
            places = np.concatenate([boxes.steepest, fill(box, len(boxes.steepest), rng)])
            found = search(self.function, places, rng, n_pairs=1, n_starts=64, n_rounds=10, box=box)
            self.pair(found.x, found.x_other, found.value)
        self.bound(LipschitzBound(boxes.upper, BOXES))

    def result(self) -> LipschitzAudit:
        best = min(self.bounds, key=lambda bound: bound.value)
        lower = self.lower
        if lower.value > best.value:
            if self.slope is not None:
                raise CertificateError(
                    f"slope {lower.value!r} above the bound {best.value!r}; please report this critic"
                )
            lower = replace(lower, value=best.value)
        domain = None if self.box is None else tuple((float(a), float(b)) for a, b in self.box.T)
        return LipschitzAudit(
            lower=lower.value,
            witness=(lower.x, lower.x_other),
            lower_is_proven=self.slope is not None,
            upper=best.value,
            method=best.method,
            reason=best.reason if math.isinf(best.value) else "",
            domain=domain,
            bounds=tuple(self.bounds),
            stopped=self.stopped,
        )


def _dimension(critic: Any, box: FloatArray | None) -> int:
    """The critic's own dimension where it says it, else that of the box."""
    if isinstance(critic, CriticFunction | Critic):
        return critic.dim
    if isinstance(critic, nn.Module) and box is None:
        for layer in critic.modules():
            if isinstance(layer, Cones):
                return int(layer.centres.shape[1])
            if isinstance(layer, nn.Linear):
                return layer.in_features
            if isinstance(layer, nn.Unflatten) and layer.dim == 1:
                return math.prod(layer.unflattened_size)
            if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
                break
    if box is None:
        raise InvalidTypeError(
            "domain", "be a box where the critic does not say its dimension", "None", "write [(low, high), …]"
        )
    return box.shape[1]


def _places(critic: Any, dim: int, box: FloatArray | None, rng: np.random.Generator) -> FloatArray:
    """Where the search starts: all over the box, or around the origin, near and far."""
    n = min(8192, max(64, NUMBERS // dim))
    if box is not None:
        return fill(box, n, rng)
    centre, scale = np.zeros(dim), 1.0
    if isinstance(critic, Critic):
        centre, scale = critic.centre.cpu().double().numpy(), float(critic.scale)
    radii = scale * 10 ** rng.uniform(-1, 1, (n, 1))
    return np.asarray(centre + radii * rng.standard_normal((n, dim)))
