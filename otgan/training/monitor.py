"""The exact distance while one trains: a callback for otgan's loop, and for anybody's own."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.certificate import repaired_bound
from otgan.checks import FloatArray, as_count, as_number, as_points, as_seconds
from otgan.errors import CriticError, InvalidShapeError, InvalidValueError, OtganError, one_line
from otgan.interval import Interval
from otgan.measures import DiscreteMeasure, as_measure
from otgan.measures.base import MAX_SAMPLES, Measure
from otgan.solution import OTSolution
from otgan.solve import wasserstein

#: Points that go through a critic at a time.
CHUNK = 2**14


@dataclass(frozen=True)
class W1Record:
    """What one look found.

    Attributes:
        step: When.
        distance: W1 of the two samples.
        w1: Its bracket, proven.
        estimate: What the critic says, (E_source f − E_target f) / K; None without a critic.
        critic_lower: What the critic's values prove once a c-transform has repaired them, a lower bound of W1, proven;
            None without a critic.
        noise_floor: W1 of two samples of the source, of the same size: what a perfect generator would still have; None
            with a critic.
    """

    step: int
    distance: float
    w1: Interval
    estimate: float | None
    critic_lower: float | None
    noise_floor: float | None

    @property
    def relative_error(self) -> float | None:
        """(estimate − distance) / distance; None without a critic, or where the distance is 0."""
        return None if self.estimate is None or not self.distance else (self.estimate - self.distance) / self.distance

    @property
    def bracket(self) -> Interval:
        """The bracket of W1 whose lower end is what the critic proves; without a critic, the solver's own."""
        if self.critic_lower is None:
            return self.w1
        return Interval(min(self.critic_lower, self.w1.upper), self.w1.upper)

    @property
    def numbers(self) -> dict[str, float | None]:
        """What is logged: the fields that are there, flat."""
        bracket = self.bracket
        values = {"w1": self.distance, "w1_lower": bracket.lower, "w1_upper": bracket.upper}
        more = {
            "held_out_estimate": self.estimate, "relative_error": self.relative_error, "noise_floor": self.noise_floor,
        }  # fmt: skip
        return {**values, **{name: value for name, value in more.items() if value is not None}}


class W1Monitor:
    r"""Computes exact W1 with its bracket every few steps, on samples that nobody trains on.

    With a `critic`, the two samples stay the same and so does their W1, which is computed once; what is looked at is
    how near the critic's number comes, and how much of W1 its values prove. With `generate`, a fresh sample is drawn
    each time and compared with held-out points of the source. Call it with the number of the step at each step, in
    any loop:

        monitor = W1Monitor(held_out_x, held_out_y, critic=critic, every=100)
        for k in range(1, n_steps + 1):
            ...  # a step of one's own
            monitor(k)

    The critic is put into eval mode and back, no gradient flows, and what is drawn here is drawn from generators of
    its own; the global ones of PyTorch, NumPy and Python are left as they were found. The numbers of a step depend on
    the seed, the step and the networks alone.

    Args:
        source: The real side: held-out points (n, d), tensors or arrays, which are all used; a `DiscreteMeasure`,
            with its weights; or a `Measure` or sampler, from which `n_samples` points are drawn.
        target: The generated side, likewise, if it does not change.
        critic: A torch module, called with tensors of its own dtype on its own device, or any function of NumPy points
            (n, d); it gives (n,) or (n, 1) and is high on the source.
        generate: A function (n, rng) that returns n generated points (n, d), if these change. It may draw from the
            rng, a NumPy generator, or from PyTorch's global one, which is seeded meanwhile.
        modules: Those that `generate` uses; in eval mode meanwhile.
        lipschitz: K, the constant that the critic is trained for; its values are divided by it.
        every: Steps between two looks.
        n_samples: Points to draw where there are no fixed ones. Points of a `source` that does not change are split
            into two halves for `generate`, of which one is for the noise floor.
        stop_below: `finished` turns true once the bracket, from what the critic proves up to the exact upper bound, is
            relatively narrower than this: .01 for one per cent. None for never.
        max_seconds: Of the solver at each look; the bracket then is as narrow as the time allowed.
        seed: Of everything that is drawn here.

    Attributes:
        history: All records.
        finished: Whether the bracket has become as narrow as `stop_below`; `otgan.training.run` then stops.

    Raises:
        InvalidValueError: If neither or both of `generate` and `target` with `critic` are given; if a number is out of
            range.
        InvalidShapeError: If source and target differ in dimension.
        CriticError: If the critic returns another shape; while it is called.
    """

    def __init__(
        self,
        source: Any,
        target: Any = None,
        *,
        critic: nn.Module | Callable[[FloatArray], Any] | None = None,
        generate: Callable[[int, np.random.Generator], Any] | None = None,
        modules: Sequence[nn.Module] = (),
        lipschitz: float = 1.0,
        every: int = 100,
        n_samples: int = 1000,
        stop_below: float | None = None,
        max_seconds: float = math.inf,
        seed: int = 0,
    ) -> None:
        given = {"target": target, "critic": critic, "generate": generate}
        names = [name for name, value in given.items() if value is not None]
        if names not in (["target", "critic"], ["generate"]):
            raise InvalidValueError(
                "W1Monitor", "get either target and critic, or generate", " and ".join(names) or "none",
                "pass target and critic for a critic, generate for a generator",
            )  # fmt: skip
        if stop_below is not None and generate is not None:
            raise InvalidValueError(
                "stop_below", "come with a critic", stop_below, "leave it out: a generator proves no lower bound"
            )
        self.every = as_count("every", every)
        self.stop_below = None if stop_below is None else as_number("stop_below", stop_below, low=0, open_low=True)
        self.history: list[W1Record] = []
        self.finished = False
        self._critic, self._generate = critic, generate
        self._modules = [module for module in (critic, *modules) if isinstance(module, nn.Module)]
        self._lipschitz = as_number("lipschitz", lipschitz, low=1e-100, high=1e100)
        self._max_seconds = as_seconds("max_seconds", max_seconds)
        self._seed = as_count("seed", seed, low=0)
        n = as_count("n_samples", n_samples, high=MAX_SAMPLES)
        rng = np.random.default_rng([self._seed, 0])
        with _as_found(self._modules), torch.no_grad():
            torch.manual_seed(self._seed)  # for samplers that draw from it
            self._draw(source, target, n, rng)

    def _draw(self, source: Any, target: Any, n: int, rng: np.random.Generator) -> None:
        """The two samples that do not change."""
        real = as_measure("source", source)
        if self._generate is None:
            self._source, self._other = _points(real, n, rng), _points(as_measure("target", target), n, rng)
            if self._source.dim != self._other.dim:
                raise InvalidShapeError(
                    "target", f"have the dimension of source, {self._source.dim}", self._other.dim,
                    "give both sides the same coordinates",
                )  # fmt: skip
        elif isinstance(real, DiscreteMeasure):
            try:
                self._source, self._other = real.split(0.5, rng)
            except InvalidValueError as error:
                raise InvalidValueError(
                    "source", "have points with mass in each of two halves", f"too few of {len(real)}",
                    "give more of them, or do without the monitor",
                ) from error  # fmt: skip
        else:
            self._source, self._other = _points(real, n, rng), _points(real, n, rng)

    @property
    def last(self) -> W1Record | None:
        """The newest record, or None before the first look."""
        return self.history[-1] if self.history else None

    def __call__(self, step: int, metrics: object = None) -> dict[str, float | None] | None:
        """Look, if it is time: at every step that `every` divides.

        Args:
            step: The number of the step.
            metrics: Not used; so that it is a callback of `otgan.training.run`.

        Returns:
            The numbers of the new record, or None where it was not time.
        """
        return self.measure(step).numbers if step % self.every == 0 else None

    def measure(self, step: int) -> W1Record:
        """Look now.

        Args:
            step: The number that the record carries.

        Returns:
            The record, which is also the last of `history`.

        Raises:
            CriticError: If the critic fails on the points, or returns another shape.
        """
        with _as_found(self._modules), torch.no_grad():
            record = self._with_critic(step) if self._generate is None else self._with_generator(step)
        self.history.append(record)
        if self.stop_below is not None and record.bracket.relative_width < self.stop_below:
            self.finished = True
        return record

    def _with_critic(self, step: int) -> W1Record:
        exact = self._between
        f_x, f_y = (self._values(side.points) / self._lipschitz for side in (self._source, self._other))
        estimate = float(self._source.weights @ f_x - self._other.weights @ f_y)
        # Of values that are no numbers, the transform would still make something.
        proven = repaired_bound(exact.problem, f_x, -f_y) if math.isfinite(estimate) else 0.0
        return W1Record(step, exact.distance, _bracket(exact), estimate, proven, None)

    def _with_generator(self, step: int) -> W1Record:
        assert self._generate is not None
        rng = np.random.default_rng([self._seed, 1, as_count("step", step, low=0)])
        torch.manual_seed(int(rng.integers(2**63)))
        points = as_points("what generate returns", self._generate(len(self._source), rng))
        exact = wasserstein(self._source, points, max_seconds=self._max_seconds)
        return W1Record(step, exact.distance, _bracket(exact), None, None, self._between.distance)

    @cached_property
    def _between(self) -> OTSolution:
        """Between the two samples that do not change: source and target, or two of the source."""
        return wasserstein(self._source, self._other, max_seconds=self._max_seconds)

    def _values(self, points: FloatArray) -> FloatArray:
        assert self._critic is not None
        parts = [self._chunk(points[start : start + CHUNK]) for start in range(0, len(points), CHUNK)]
        return np.concatenate(parts)

    def _chunk(self, points: FloatArray) -> FloatArray:
        given: Any = points
        if isinstance(self._critic, nn.Module):
            like = next((p for p in self._critic.parameters() if p.is_floating_point()), torch.empty(0))
            given = torch.from_numpy(points.copy()).to(device=like.device, dtype=like.dtype)
        try:
            values = self._critic(given)  # type: ignore[misc]
        except Exception as error:
            if isinstance(error, OtganError):
                raise
            raise CriticError(
                "critic", f"accept points of shape {points.shape}",
                one_line(f"{type(error).__name__}: {error}", 120), "match its first layer to the data",
            ) from error  # fmt: skip
        values = values.detach().cpu().double().numpy() if isinstance(values, Tensor) else np.asarray(values, float)
        if values.shape not in ((len(points),), (len(points), 1)):
            shape = f"({len(points)},) or ({len(points)}, 1)"
            raise CriticError("critic", f"return shape {shape}", values.shape, "return one value a point")
        return np.asarray(values.reshape(len(points)))


def _points(measure: Measure, n: int, rng: np.random.Generator) -> DiscreteMeasure:
    return measure if isinstance(measure, DiscreteMeasure) else DiscreteMeasure(measure.sample(n, rng))


def _bracket(solution: OTSolution) -> Interval:
    return Interval(solution.lower_bound, solution.upper_bound)


@contextmanager
def _as_found(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Eval mode, and afterwards every module's mode and every global generator as they were."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    legacy, python = np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        for module in modules:
            module.eval()
        try:
            yield
        finally:
            for part, training in modes:
                part.training = training
            np.random.set_state(legacy)  # noqa: NPY002
            random.setstate(python)
