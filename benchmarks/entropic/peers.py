"""The methods, each from two samples to potentials, as a user who knows it well would call it.

Nothing of otgan is imported here but where otgan itself is called: the peers may live in an environment of their own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

FloatArray = NDArray[np.float64]
OURS, GPU = "otgan", "otgan on the GPU"
POT, OTT, GEOMLOSS = "POT", "OTT-JAX", "GeomLoss"
PEERS = (POT, OTT, GEOMLOSS)
#: What stands among modules for a GPU that torch can use.
CUDA = "torch.cuda"
#: Iterations after which a method gives up: never, since the clock stops it. OTT-JAX keeps an error of every tenth.
ALL = 10**9
ALL_KEPT = 10**6
#: Points a side of the problem that warms a method up: a peer without a compiler, and otgan, which goes several ways.
WARM, WARM_OURS = 100, 2000


class Problem(NamedTuple):
    """Two samples, (n, d) and (m, d), with equal weights, and what is asked.

    Attributes:
        x: Source points.
        y: Target points.
        epsilon: Regularisation, in units of the Euclidean cost.
        tol: L1 error of both marginals together.
    """

    x: FloatArray
    y: FloatArray
    epsilon: float
    tol: float

    @property
    def weights(self) -> tuple[FloatArray, FloatArray]:
        """Of the source, (n,), and the target, (m,)."""
        return np.full(len(self.x), 1 / len(self.x)), np.full(len(self.y), 1 / len(self.y))

    def first(self, n: int) -> Problem:
        """The same with some of the points."""
        return self._replace(x=self.x[:n], y=self.y[:n])

    def small(self) -> Problem:
        """Some of the points, and a regularisation at which it takes no time."""
        return self.first(WARM)._replace(epsilon=1.0, tol=1e-2)


class Answer(NamedTuple):
    """Potentials with P_ij = a_i b_j exp((f_i + g_j - c_ij) / epsilon), and what the method says of its run."""

    f: FloatArray
    g: FloatArray
    said: dict[str, Any]


Call = Callable[[], Answer]


class Method(NamedTuple):
    """One way to call a package.

    Attributes:
        package: The name in tables.
        module: What must be importable.
        prepare: From a problem to a call, with everything compiled.
        settings: What else it is told.
    """

    package: str
    module: str
    prepare: Callable[..., Call]
    settings: dict[str, Any]


def _ours(problem: Problem, device: str | None = None) -> Call:
    from otgan.entropic import sinkhorn

    def call(problem: Problem = problem) -> Answer:
        solution = sinkhorn(problem.x, problem.y, epsilon=problem.epsilon, tol=problem.tol, device=device)
        bounds = {name: float(getattr(solution, name)) for name in ("lower_bound", "upper_bound")}
        said = {"error": float(solution.stats.marginal_violation), **bounds}
        return Answer(np.asarray(solution.f), np.asarray(solution.g), said)

    call(problem.first(WARM_OURS))  # compiles the loops
    return call


def _pot(problem: Problem, method: str, torch: bool = False) -> Call:
    """POT stops on the L2 error of one marginal, the other one being exact: 1 / sqrt(m) of it bounds the L1 error."""
    if not torch:
        os.environ["POT_BACKEND_DISABLE_PYTORCH"] = "1"  # not needed, and seconds to import
    import ot

    def call(problem: Problem = problem) -> Answer:
        a, b = problem.weights
        costs = cdist(problem.x, problem.y)
        arrays: list[Any] = [a, b, costs]
        if torch:
            from torch import from_numpy

            arrays = [from_numpy(array) for array in arrays]
        stop = problem.tol / math.sqrt(len(b))
        options = {"numItermax": ALL, "stopThr": stop, "log": True, "warn": False}
        log = ot.sinkhorn(*arrays, problem.epsilon, method=method, **options)[1]
        names = {"sinkhorn_log": "log_{}", "sinkhorn_stabilized": "log{}"}
        if method in names:
            u, v = (np.asarray(log[names[method].format(letter)]) for letter in "uv")
        else:
            u, v = (np.log(np.asarray(log[letter])) for letter in "uv")
        said = {"iterations": int(log["niter"])} if "niter" in log else {}
        return Answer(problem.epsilon * (u - np.log(a)), problem.epsilon * (v - np.log(b)), said)

    call(problem.small())
    return call


def _ott(
    problem: Problem,
    momentum: float = 1.0,
    adaptive: int = 0,
    anderson: int = 0,
    kernel: bool = False,
    decay: float = 1.0,
    share: float = 1.0,
) -> Call:
    """OTT-JAX stops on the L1 error of one marginal; with momentum the other is not exact, and each has a share."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from ott.geometry import geometry
    from ott.geometry.epsilon_scheduler import Epsilon
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import acceleration, sinkhorn

    settings: dict[str, Any] = {}
    if adaptive:
        settings["momentum"] = acceleration.Momentum(start=adaptive)
    elif momentum != 1.0:
        settings["momentum"] = acceleration.Momentum(value=momentum)
    if anderson:
        settings["anderson"] = acceleration.AndersonAcceleration(memory=anderson, refresh_every=anderson)
    solver = sinkhorn.Sinkhorn(
        lse_mode=not kernel, threshold=share * problem.tol, max_iterations=ALL_KEPT, inner_iterations=10, **settings
    )
    first = 1.0 if decay == 1.0 else 1.0 / problem.epsilon
    scheduled = Epsilon(problem.epsilon, first, decay)

    def solve(x: Any, y: Any) -> Any:
        costs = jnp.linalg.norm(x[:, None] - y[None], axis=-1)
        out = solver(linear_problem.LinearProblem(geometry.Geometry(cost_matrix=costs, epsilon=scheduled)))
        return out.f, out.g, out.n_iters

    compiled = jax.jit(solve).lower(problem.x, problem.y).compile()

    def call() -> Answer:
        f, g, iterations = compiled(problem.x, problem.y)
        a, b = problem.weights
        shifts = (problem.epsilon * np.log(weights) for weights in (a, b))
        f, g = (np.asarray(h) - shift for h, shift in zip((f, g), shifts, strict=True))
        return Answer(f, g, {"iterations": int(iterations)})

    return call


def _geomloss(problem: Problem, scaling: float, backend: str = "tensorized") -> Call:
    """GeomLoss makes one pass from the diameter to epsilon, and asks for no error: more steps, less of it."""
    import torch
    from geomloss import SamplesLoss

    def call(problem: Problem = problem) -> Answer:
        loss = SamplesLoss(
            "sinkhorn", p=1, blur=problem.epsilon, scaling=scaling, debias=False, potentials=True, backend=backend
        )
        with torch.no_grad():
            f, g = loss(torch.from_numpy(problem.x), torch.from_numpy(problem.y))
        return Answer(f.numpy().ravel(), g.numpy().ravel(), {})

    call(problem.small())
    return call


def _pot_way(**settings: Any) -> Method:
    return Method(POT, "ot", _pot, settings)


def _ott_way(**settings: Any) -> Method:
    return Method(OTT, "ott", _ott, settings)


def _geomloss_way(module: str = "geomloss", **settings: Any) -> Method:
    return Method(GEOMLOSS, module, _geomloss, settings)


#: All methods, by their names in tables; those of one package are settings, of which the best counts.
METHODS: dict[str, Method] = {
    OURS: Method(OURS, "otgan.entropic", _ours, {}),
    GPU: Method(OURS, CUDA, _ours, {"device": "cuda"}),
    "POT sinkhorn": _pot_way(method="sinkhorn"),
    "POT sinkhorn_log": _pot_way(method="sinkhorn_log"),
    "POT sinkhorn_log, torch": _pot_way(method="sinkhorn_log", torch=True),
    "POT sinkhorn_stabilized": _pot_way(method="sinkhorn_stabilized"),
    "OTT-JAX": _ott_way(),
    "OTT-JAX, momentum 1.5": _ott_way(momentum=1.5, share=0.5),
    "OTT-JAX, adaptive momentum from 40": _ott_way(adaptive=40, share=0.5),
    "OTT-JAX, adaptive momentum from 80": _ott_way(adaptive=80, share=0.5),
    "OTT-JAX, Anderson": _ott_way(anderson=5),
    "OTT-JAX kernel, adaptive momentum from 40": _ott_way(adaptive=40, kernel=True, share=0.5),
    "OTT-JAX kernel, adaptive momentum from 80": _ott_way(adaptive=80, kernel=True, share=0.5),
    "OTT-JAX, schedule .95, adaptive momentum from 160": _ott_way(decay=0.95, adaptive=160, share=0.5),
    "OTT-JAX, schedule .98, adaptive momentum from 400": _ott_way(decay=0.98, adaptive=400, share=0.5),
    "GeomLoss, scaling .9": _geomloss_way(scaling=0.9),
    "GeomLoss, scaling .99": _geomloss_way(scaling=0.99),
    "GeomLoss multiscale, scaling .9": _geomloss_way(module="pykeops", scaling=0.9, backend="multiscale"),
}
