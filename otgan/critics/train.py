"""Training a critic between two fixed distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.checks import FloatArray, as_count, as_number
from otgan.critics.checks import check_critic
from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Start
from otgan.critics.networks import LARGEST_SCALE, SMALLEST_SCALE
from otgan.critics.penalties import Function
from otgan.critics.registry import get_method
from otgan.errors import CriticError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import as_measure
from otgan.training import Callback, run_steps

#: Points of each side from which centre and scale are taken; their error only shifts the units of training.
PILOT = 4096

#: Beyond these, a machine gives out before training starts.
MAX_BATCH, MAX_THREADS = 10**7, 1024

#: Optimisers by name. Half of Adam's usual memory of gradients, as in Gulrajani et al. (2017), Sec. 5.
OPTIMIZERS = {
    "adam": lambda weights, rate: torch.optim.Adam(weights, lr=rate, betas=(0.5, 0.9)),
    "rmsprop": lambda weights, rate: torch.optim.RMSprop(weights, lr=rate),
    "sgd": lambda weights, rate: torch.optim.SGD(weights, lr=rate),
}

#: The learning rate falls along half a cosine to this fraction: the last steps average the noise of the batches out.
LAST_RATE = 0.01


def train(
    source: Any,
    target: Any,
    method: str | Method = "wgan-gp",
    *,
    critic: nn.Module | None = None,
    hidden: Sequence[int] = (128, 128, 128),
    steps: int = 5000,
    batch_size: int = 256,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    callback: Callback | None = None,
    every: int = 1,
) -> nn.Module:
    r"""Train a critic f whose $E_{source} f - E_{target} f$ estimates K times the distance W1.

    Without a `critic`, a new one is trained on standardised data: centred, and divided by one scale s for all
    coordinates, their root mean square, so that data of any size train alike and the metric keeps its shape. The loss
    is literally the method's in these units. A `critic` of one's own is trained in place, in the units of the data
    (s = 1).

    Args:
        source: The real side: points (n, d), a `Measure`, or a sampler; see `otgan.measures.as_measure`.
        target: The generated side, likewise.
        method: A name in `METHODS`, or a `Method` with hyper-parameters of your choice.
        critic: A module (n, d) -> (n,) or (n, 1) that does not couple samples; see `check_critic`.
        hidden: Widths of the hidden layers of a new critic; not used with a `critic`.
        steps: Steps of the optimiser.
        batch_size: Points of each side in a step.
        optimizer: A name in `OPTIMIZERS`; None takes the method's.
        learning_rate: At the start; it falls along half a cosine to a hundredth. None takes the method's.
        seed: Of weights, batches and penalty points. The same seed gives the same critic, bit for bit, with the same
            number of threads on the same machine.
        threads: Of PyTorch while training; None leaves it as it is.
        callback: ``callback(step, metrics)`` after the first, each `every`-th and the last step, with the batch's
            estimate and loss in units of length, and what else the method shows.
        every: Steps between two calls.

    Returns:
        The critic, in eval mode: called on float32 points (n, d), it gives (n,), or (n, 1) if a `critic` does.

    Raises:
        InvalidValueError: If a number is out of range, or the method unknown.
        InvalidShapeError: If source and target differ in dimension.
        CriticError: If the critic couples samples, or breaks another rule of `check_critic`, or the method trains
            networks of its own only.
        TrainingDivergedError: If the loss becomes NaN or infinite.
    """
    source, target = as_measure("source", source), as_measure("target", target)
    if source.dim != target.dim:
        raise InvalidShapeError(
            "target",
            f"have the dimension of source, {source.dim}",
            target.dim,
            "give both sides the same coordinates",
        )
    method = get_method(method)
    steps, batch_size = as_count("steps", steps), as_count("batch_size", batch_size, high=MAX_BATCH)
    make_optimizer = _optimizer(method.optimizer if optimizer is None else optimizer)
    learning_rate = method.learning_rate if learning_rate is None else learning_rate
    learning_rate = as_number("learning_rate", learning_rate, low=0, high=1e30, open_low=True)
    root = np.random.SeedSequence(as_count("seed", seed, low=0))
    rng_x, rng_y = (np.random.default_rng(child) for child in root.spawn(2))
    weights_seed, penalty_seed = (int(word) for word in root.generate_state(2))
    draws = Draws(torch.Generator().manual_seed(penalty_seed))

    n_pilot = max(PILOT, batch_size)
    pilot = source.sample(n_pilot, rng_x), target.sample(n_pilot, rng_y)
    centre, scale = _units(np.concatenate(pilot)) if critic is None else (np.zeros(source.dim), 1.0)

    def as_batch(points: FloatArray) -> Tensor:
        return torch.from_numpy((points - centre) / scale).to(dtype)

    dtype = torch.float32
    start = Start(source.dim, tuple(hidden), weights_seed, as_batch(pilot[0]), as_batch(pilot[1]))
    if critic is None:
        critic = made = method.critic(start)
        made.standardize(centre, scale)
        # As the module has rounded them, so that training sees the same numbers.
        centre, scale = made.centre.numpy().astype(np.float64), float(made.scale)
        trained = made.layers
    else:
        dtype, trained = _dtype(critic, method), critic
    check_critic(trained, as_batch(pilot[0]))
    method.constrain(trained)
    others = {name: other.to(dtype) for name, other in method.others(start).items()}
    players = Players(_function(trained), others)
    optimizers = [make_optimizer(trained.parameters(), learning_rate)]
    weights = [weight for other in others.values() for weight in other.parameters()]
    if weights:
        optimizers.append(make_optimizer(weights, learning_rate))
    schedules = [
        torch.optim.lr_scheduler.CosineAnnealingLR(each, steps, eta_min=LAST_RATE * learning_rate)
        for each in optimizers
    ]

    def batches() -> tuple[Tensor, Tensor]:
        return as_batch(source.sample(batch_size, rng_x)), as_batch(target.sample(batch_size, rng_y))

    def step(_: int) -> dict[str, float]:
        for _ in range(method.other_steps):
            optimizers[1].zero_grad()
            method.other_loss(players, *batches(), draws).backward()
            optimizers[1].step()
        terms = method.terms(players, *batches(), draws)
        optimizers[0].zero_grad()
        terms.loss.backward()
        optimizers[0].step()
        method.after_step(trained)
        for schedule in schedules:
            schedule.step()
        shown = {name: value.item() for name, value in terms.shown.items()}
        return {"loss": scale * terms.loss.item(), "estimate": scale * terms.estimate.item(), **shown}

    with _threads(threads), torch.enable_grad():
        critic.train()
        try:
            run_steps(step, steps, callback=callback, every=every)
        finally:
            method.release(trained)
            critic.eval()
    return critic


def _function(network: nn.Module) -> Function:
    """The network on (n, d), its values as (n,)."""
    return lambda points: network(points).reshape(points.shape[:1])


def _units(pilot: FloatArray) -> tuple[FloatArray, float]:
    """Centre, (d,), and scale of the data."""
    centre = pilot.mean(0)
    size = float(np.abs(pilot - centre).max())
    # Divided by its largest entry first, so that no square leaves float64; points that all agree keep their unit.
    scale = size * math.sqrt(float(np.mean(((pilot - centre) / size) ** 2))) if size else 1.0
    if not SMALLEST_SCALE <= scale <= LARGEST_SCALE:
        raise InvalidValueError(
            "source and target",
            f"have a spread between {SMALLEST_SCALE:g} and {LARGEST_SCALE:g}",
            f"{scale:g}",
            "measure them in another unit",
        )
    return centre, scale


def _dtype(critic: nn.Module, method: Method) -> torch.dtype:
    if not isinstance(critic, nn.Module):
        raise InvalidTypeError("critic", "be a torch.nn.Module", type(critic).__name__, "wrap it in a module")
    if not method.any_critic:
        raise CriticError(
            "critic",
            f"be left out where the method is {method.name}",
            type(critic).__name__,
            "let the method build its network, or choose a method that holds any network, such as wgan-gp",
        )
    for parameter in critic.parameters():
        if parameter.requires_grad and parameter.is_floating_point():
            return parameter.dtype
    raise CriticError("critic", "have weights to train", "none that require a gradient", "add a Linear layer")


def _optimizer(name: Any) -> Any:
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise InvalidValueError("optimizer", f"be one of {', '.join(OPTIMIZERS)}", repr(name), "choose one of these")
    return OPTIMIZERS[name]


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(before if threads is None else as_count("threads", threads, high=MAX_THREADS))
    try:
        yield
    finally:
        torch.set_num_threads(before)
