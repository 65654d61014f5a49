"""Training a critic between two fixed distributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.checks import FloatArray, as_count, as_number
from otgan.critics.checks import check_critic
from otgan.critics.networks import LARGEST_SCALE, SMALLEST_SCALE, MLPCritic
from otgan.critics.wgan_gp import WganGp
from otgan.errors import CriticError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import as_measure
from otgan.training import Callback, run_steps

#: Objectives by name; each is called as ``objective(critic, x, y, generator)`` and returns `Terms`.
METHODS: Mapping[str, Callable[..., WganGp]] = {"wgan-gp": WganGp}

#: Points of each side from which centre and scale are taken; their error only shifts the units of training.
PILOT = 4096

#: Beyond these, a machine gives out before training starts.
MAX_BATCH, MAX_THREADS = 10**7, 1024

#: The learning rate falls along half a cosine to this fraction: the last steps average the noise of the batches out.
LAST_RATE = 0.01


def train(
    source: Any,
    target: Any,
    method: str = "wgan-gp",
    *,
    critic: nn.Module | None = None,
    hidden: Sequence[int] = (128, 128, 128),
    steps: int = 5000,
    batch_size: int = 256,
    learning_rate: float = 2e-3,
    betas: tuple[float, float] = (0.5, 0.9),
    penalty_weight: float = 10.0,
    lipschitz: float = 1.0,
    seed: int = 0,
    threads: int | None = None,
    callback: Callback | None = None,
    every: int = 1,
) -> nn.Module:
    r"""Train a critic f whose $E_{source} f - E_{target} f$ estimates K times the distance W1.

    Without a `critic`, an `MLPCritic` is trained on standardised data: centred, and divided by one scale s for all
    coordinates, their root mean square, so that data of any size train alike and the metric keeps its shape. The loss
    is literally the paper's in these units, $E f(y) - E f(x) + \lambda\, E\,(\|\nabla f\| - K)^2$. A `critic` of
    one's own is trained in place, in the units of the data (s = 1).

    The loss has its optimum a little above slope K: where all slopes are K + δ it is −(K + δ) W1 / s + λ δ², least at
    δ = W1 / (2 λ s), so the estimate comes out too high by that share of W1 even if training were perfect.

    Args:
        source: The real side: points (n, d), a `Measure`, or a sampler; see `otgan.measures.as_measure`.
        target: The generated side, likewise.
        method: A name in `METHODS`.
        critic: A module (n, d) -> (n,) or (n, 1) that does not couple samples; see `check_critic`.
        hidden: Widths of the hidden layers of the `MLPCritic`; not used with a `critic`.
        steps: Steps of Adam.
        batch_size: Points of each side in a step.
        learning_rate: Of Adam at the start; it falls along half a cosine to a hundredth.
        betas: Of Adam.
        penalty_weight: λ ≥ 0, 10 in the paper.
        lipschitz: K > 0, the slope that is asked for.
        seed: Of weights, batches and penalty points. The same seed gives the same critic, bit for bit, with the same
            number of threads on the same machine.
        threads: Of PyTorch while training; None leaves it as it is.
        callback: ``callback(step, metrics)`` after the first, each `every`-th and the last step, with the batch's
            estimate and loss in units of length, penalty and gradient_norm (its mean) without units.
        every: Steps between two calls.

    Returns:
        The critic, in eval mode: called on float32 points (n, d), it gives (n,), or (n, 1) if a `critic` does.

    Raises:
        InvalidValueError: If a number is out of range, or the method unknown.
        InvalidShapeError: If source and target differ in dimension.
        CriticError: If the critic couples samples, or breaks another rule of `check_critic`.
        TrainingDivergedError: If the loss becomes NaN or infinite.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 4 (there for a GAN).
    """
    source, target = as_measure("source", source), as_measure("target", target)
    if source.dim != target.dim:
        raise InvalidShapeError(
            "target",
            f"have the dimension of source, {source.dim}",
            target.dim,
            "give both sides the same coordinates",
        )
    if not isinstance(method, str) or method not in METHODS:
        raise InvalidValueError("method", f"be one of {', '.join(METHODS)}", repr(method), "choose one of these names")
    penalty_weight = as_number("penalty_weight", penalty_weight, low=0)
    lipschitz = as_number("lipschitz", lipschitz, low=0, open_low=True)
    steps, batch_size = as_count("steps", steps), as_count("batch_size", batch_size, high=MAX_BATCH)
    learning_rate = as_number("learning_rate", learning_rate, low=0, high=1e30, open_low=True)
    root = np.random.SeedSequence(as_count("seed", seed, low=0))
    rng_x, rng_y = (np.random.default_rng(child) for child in root.spawn(2))
    weights_seed, penalty_seed = (int(word) for word in root.generate_state(2))
    generator = torch.Generator().manual_seed(penalty_seed)

    n_pilot = max(PILOT, batch_size) if critic is None else batch_size
    pilot = np.concatenate([source.sample(n_pilot, rng_x), target.sample(n_pilot, rng_y)])
    if critic is None:
        critic, trained, centre, scale = _fresh(pilot, hidden, weights_seed)
    else:
        trained, centre, scale = critic, np.zeros(source.dim), 1.0
    dtype = _dtype(critic)
    objective = METHODS[method](penalty_weight, lipschitz)

    def as_batch(points: FloatArray) -> Tensor:
        return torch.from_numpy((points - centre) / scale).to(dtype)

    check_critic(trained, as_batch(pilot))
    optimizer = torch.optim.Adam(trained.parameters(), lr=learning_rate, betas=_read_betas(betas))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=LAST_RATE * learning_rate)

    def step(_: int) -> dict[str, float]:
        x, y = as_batch(source.sample(batch_size, rng_x)), as_batch(target.sample(batch_size, rng_y))
        terms = objective(trained, x, y, generator)
        optimizer.zero_grad()
        terms.loss.backward()
        optimizer.step()
        schedule.step()
        return {
            "loss": scale * terms.loss.item(),
            "estimate": scale * terms.estimate.item(),
            "penalty": terms.penalty.item(),
            "gradient_norm": terms.gradient_norm.item(),
        }

    with _threads(threads), torch.enable_grad():
        critic.train()
        try:
            run_steps(step, steps, callback=callback, every=every)
        finally:
            critic.eval()
    return critic


def _fresh(pilot: FloatArray, hidden: Sequence[int], seed: int) -> tuple[MLPCritic, nn.Module, FloatArray, float]:
    """An `MLPCritic` in the units of the pilot points, its inner network, centre and scale."""
    critic = MLPCritic(pilot.shape[1], hidden, seed=seed)
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
    critic.standardize(centre, scale)
    # As the module has rounded them, so that training sees the same numbers.
    return critic, critic.layers, critic.centre.numpy().astype(np.float64), float(critic.scale)


def _dtype(critic: nn.Module) -> torch.dtype:
    if not isinstance(critic, nn.Module):
        raise InvalidTypeError("critic", "be a torch.nn.Module", type(critic).__name__, "wrap it in a module")
    for parameter in critic.parameters():
        if parameter.requires_grad and parameter.is_floating_point():
            return parameter.dtype
    raise CriticError("critic", "have weights to train", "none that require a gradient", "add a Linear layer")


def _read_betas(betas: Any) -> tuple[float, float]:
    if not isinstance(betas, Sequence) or len(betas) != 2:
        raise InvalidTypeError("betas", "be two numbers", repr(betas), "write (0.5, 0.9)")
    below_one = math.nextafter(1.0, 0.0)
    one, two = (as_number("betas", beta, low=0, high=below_one) for beta in betas)
    return one, two


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(before if threads is None else as_count("threads", threads, high=MAX_THREADS))
    try:
        yield
    finally:
        torch.set_num_threads(before)
