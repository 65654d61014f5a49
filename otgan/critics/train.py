"""Training a critic, or many at once, between two fixed distributions."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.checks import FloatArray, as_count, as_number
from otgan.critics.arguments import read_device, read_widths
from otgan.critics.checks import PROBES, check_critic, check_weights
from otgan.critics.fingerprints import data_fingerprint, network_fingerprint
from otgan.critics.game import Game, check_optimizer
from otgan.critics.method import Method, Start
from otgan.critics.networks import LARGEST_SCALE, SMALLEST_SCALE, Critic
from otgan.critics.registry import get_method
from otgan.errors import CriticError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import Measure, as_measure
from otgan.training import Callback, Parts, W1Monitor, run
from otgan.training.folder import Resume
from otgan.training.loop import read_callbacks

#: Points of each side from which centre and scale are taken; their error only shifts the units of training.
PILOT = 4096

#: Beyond these, a machine gives out before training starts.
MAX_BATCH, MAX_SEEDS = 10**7, 1024

#: How often a training looks whether its bracket is narrow enough.
LOOKS = 50


@torch.enable_grad()
@torch.inference_mode(False)  # whatever the caller is in the middle of, networks here are trained
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
    device: str | torch.device | None = None,
    callbacks: Sequence[Callback] = (),
    every: int = 1,
    monitor: bool = False,
    stop_below: float | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: Resume = False,
    checkpoint_seconds: float = 60.0,
    tensorboard: bool = False,
    progress: bool = False,
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
        optimizer: "adam", "rmsprop" or "sgd"; None takes the method's.
        learning_rate: At the start; it falls along half a cosine to a hundredth. None takes the method's.
        seed: Of weights, batches and penalty points. The same seed gives the same critic, bit for bit, with the same
            number of threads on the same machine.
        threads: Of PyTorch while training; None leaves it as it is.
        device: Where to train and to leave the critic, such as "cuda"; by default where a `critic` is, else the CPU.
        callbacks: Called as ``callback(step, metrics)`` after the first, each `every`-th and the last step, with the
            batch's estimate and loss in units of length, and what else the method shows. One whose `finished` turns
            true ends the training.
        every: Steps between two calls, and two lines of the log.
        monitor: Whether to look now and then at the exact W1 of other samples, and at what the critic proves of it;
            see `W1Monitor`. Of a finite data set, these are the data themselves.
        stop_below: Stop once that bracket is relatively narrower than this: .01 for one per cent.
        folder: Where settings, log and checkpoints are kept, so that a run that was killed can go on; see
            `otgan.training.run`.
        resume: Whether to go on with the run in the folder; "auto" if there is one. All arguments must be those of
            the run, the data among them; a `critic` comes as it was before its training.
        checkpoint_seconds: Seconds between two checkpoints.
        tensorboard: Whether to write curves to the folder.
        progress: Whether to show a bar, on a terminal.

    Returns:
        The critic, in eval mode: called on float32 points (n, d), it gives (n,), or (n, 1) if a `critic` does.

    Raises:
        InvalidValueError: If a number is out of range, or the method unknown.
        InvalidShapeError: If source and target differ in dimension.
        CriticError: If the critic couples samples, or breaks another rule of `check_critic`, or the method trains
            networks of its own only.
        TrainingDivergedError: If the loss becomes NaN or infinite.
        TrainingInterrupted: After Ctrl-C, with a folder; its message says how to resume.
        CheckpointError: If the run in the folder has other settings, other data or another critic at its start.
        FolderInUseError: If another training is under way in the folder.
    """
    method = get_method(method)
    seed, hidden, callbacks = as_count("seed", seed, low=0), read_widths(hidden), read_callbacks(callbacks)
    if stop_below is not None:
        stop_below = as_number("stop_below", stop_below, low=0, open_low=True)
    seats = _seats(source, target, method, [seed], batch_size, hidden, critic, device)
    monitors: tuple[Callback, ...] = ()
    if monitor or stop_below is not None:
        every_look = max(1, as_count("steps", steps) // LOOKS)
        monitors = (
            W1Monitor(
                *seats[0].sides, critic=seats[0].critic, lipschitz=method.lipschitz, every=every_look,
                stop_below=stop_below, seed=seed,
            ),
        )  # fmt: skip
    kept = {
        "folder": folder, "resume": resume, "checkpoint_seconds": checkpoint_seconds, "tensorboard": tensorboard,
        "settings": {
            "source": repr(seats[0].sides[0]), "target": repr(seats[0].sides[1]), "method": repr(method),
            "hidden": list(hidden), "seed": seed, "monitor": bool(monitors),
            "stop_below": stop_below, **seats[0].begun,
        },
    }  # fmt: skip
    options = _Options(steps, batch_size, optimizer, learning_rate, threads, every, progress)
    _run(seats, method, options, (*monitors, *callbacks), kept)
    return seats[0].critic


@torch.enable_grad()
@torch.inference_mode(False)
def train_many(
    source: Any,
    target: Any,
    method: str | Method = "wgan-gp",
    *,
    seeds: Sequence[int],
    hidden: Sequence[int] = (128, 128, 128),
    steps: int = 5000,
    batch_size: int = 256,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    threads: int | None = None,
    device: str | torch.device | None = None,
    callbacks: Sequence[Callback] = (),
    every: int = 1,
    progress: bool = False,
) -> list[Critic]:
    r"""Train the critics of several seeds at once, each on its own batches: the critics that `train` gives, sooner.

    The weights of all critics lie in one stack, so that every operation does the work of all; the results agree with
    those of `train` up to the rounding of float32, which training magnifies.

    Args:
        source: As in `train`.
        target: As in `train`.
        method: As in `train`; one that leaves the weights to the optimiser (`Method.stacks`).
        seeds: One for each critic.
        hidden: As in `train`.
        steps: As in `train`.
        batch_size: Points of each side in a step of each critic.
        optimizer: As in `train`.
        learning_rate: As in `train`.
        threads: As in `train`; a stack keeps several busy.
        device: As in `train`.
        callbacks: As in `train`, with means over the critics.
        every: As in `train`.
        progress: As in `train`.

    Returns:
        The critics, in the order of the seeds, in eval mode.

    Raises:
        CriticError: If the method changes the weights of each network by itself.
        InvalidValueError: If there are no seeds, and otherwise as in `train`.
    """
    if isinstance(seeds, str | bytes) or not isinstance(seeds, Sequence) or not 1 <= len(seeds) <= MAX_SEEDS:
        raise InvalidValueError("seeds", f"be 1 to {MAX_SEEDS} integers", repr(seeds)[:80], "write range(8)")
    method = get_method(method)
    callbacks = read_callbacks(callbacks)
    seats = _seats(source, target, method, seeds, batch_size, read_widths(hidden), None, device)
    _run(seats, method, _Options(steps, batch_size, optimizer, learning_rate, threads, every, progress), callbacks, {})
    return [seat.critic for seat in seats]


@dataclass(frozen=True)
class _Seat:
    """What one critic is trained with.

    `rngs` draw its source and target points, `kind` is their dtype and device, `begun` tells its training from others,
    `probe` are a few source points in the units of training.
    """

    critic: Any
    network: nn.Module
    others: dict[str, nn.Module]
    sides: tuple[Measure, Measure]
    rngs: tuple[np.random.Generator, np.random.Generator]
    generator: torch.Generator
    centre: FloatArray
    scale: float
    kind: dict[str, Any]
    begun: dict[str, Any]
    probe: Tensor

    def batch(self, side: int, n: int) -> Tensor:
        """Draw n points of the source (0) or the target (1), in the units of training, (n, d)."""
        points = self.sides[side].sample(n, self.rngs[side])
        return torch.from_numpy((points - self.centre) / self.scale).to(**self.kind)


def _seats(
    source: Any,
    target: Any,
    method: Method,
    seeds: Sequence[int],
    batch_size: int,
    hidden: Sequence[int],
    critic: nn.Module | None,
    device: Any,
) -> list[_Seat]:
    """Read the two sides, and make what each seed needs."""
    sides = as_measure("source", source), as_measure("target", target)
    if sides[0].dim != sides[1].dim:
        raise InvalidShapeError(
            "target",
            f"have the dimension of source, {sides[0].dim}",
            sides[1].dim,
            "give both sides the same coordinates",
        )
    n_pilot = max(PILOT, as_count("batch_size", batch_size, high=MAX_BATCH))
    place = None if device is None else read_device(device)
    return [_seat(sides, method, as_count("seed", seed, low=0), n_pilot, hidden, critic, place) for seed in seeds]


def _seat(
    sides: tuple[Measure, Measure],
    method: Method,
    seed: int,
    n_pilot: int,
    hidden: Sequence[int],
    critic: nn.Module | None,
    device: torch.device | None,
) -> _Seat:
    root = np.random.SeedSequence(seed)
    rng_x, rng_y = (np.random.default_rng(child) for child in root.spawn(2))
    weights_seed, penalty_seed = (int(word) for word in root.generate_state(2))
    pilot = sides[0].sample(n_pilot, rng_x), sides[1].sample(n_pilot, rng_y)
    centre, scale = _units(np.concatenate(pilot)) if critic is None else (np.zeros(sides[0].dim), 1.0)
    x, y = (torch.from_numpy((points - centre) / scale).float() for points in pilot)
    start = Start(sides[0].dim, tuple(hidden), weights_seed, x, y)
    own: str | None = None
    if critic is None:
        critic = made = method.critic(start)
        made.standardize(centre, scale)
        # As the module has rounded them, so that training sees the same numbers.
        centre, scale = made.centre.numpy().astype(np.float64), float(made.scale)
        network, like = made.layers, next(made.parameters())
    else:
        network, like = critic, _first_weight(critic, method)
        own = network_fingerprint(critic)
    if device is not None:
        critic.to(device)
    kind: dict[str, Any] = {"dtype": like.dtype, "device": like.device if device is None else device}
    check_critic(network, x.to(**kind))
    probe = x[:PROBES].to(**kind)
    generator = torch.Generator().manual_seed(penalty_seed)
    others = {name: other.to(**kind) for name, other in method.others(start).items()}
    begun = {"critic": own, "data": data_fingerprint(sides, pilot), "centre": centre.tolist(), "scale": scale}
    return _Seat(critic, network, others, sides, (rng_x, rng_y), generator, centre, scale, kind, begun, probe)


@dataclass(frozen=True)
class _Options:
    """How long and how fast to train, as the user said it."""

    steps: int
    batch_size: int
    optimizer: str | None
    learning_rate: float | None
    threads: int | None
    every: int
    progress: bool


def _run(
    seats: list[_Seat], method: Method, options: _Options, callbacks: Sequence[Callback], kept: dict[str, Any]
) -> None:
    """Train the critics of the seats in place; `kept` says where the run is kept, for `otgan.training.run`."""
    rate = as_number(
        "learning_rate",
        method.learning_rate if options.learning_rate is None else options.learning_rate,
        low=0, high=1e30, open_low=True,
    )  # fmt: skip
    optimizer = check_optimizer(method.optimizer if options.optimizer is None else options.optimizer)
    game = Game(
        method,
        [seat.network for seat in seats],
        [seat.others for seat in seats],
        [seat.generator for seat in seats],
        optimizer=optimizer,
        learning_rate=rate,
        steps=as_count("steps", options.steps),
    )
    scales = torch.tensor([seat.scale for seat in seats], dtype=torch.float64)

    def batches() -> tuple[Tensor, Tensor]:
        x, y = ([seat.batch(side, options.batch_size) for seat in seats] for side in (0, 1))
        return (x[0], y[0]) if len(seats) == 1 else (torch.stack(x), torch.stack(y))

    def step(k: int) -> dict[str, float]:
        terms = game.step(k, batches)
        shown = {name: value.mean().item() for name, value in terms.shown.items()}
        loss, estimate = ((scales * value.detach().cpu()).mean().item() for value in (terms.loss, terms.estimate))
        return {"loss": loss, "estimate": estimate, **shown}

    for seat in seats:
        seat.critic.train()
        if not method.stacks:
            _look(seat)
    if kept:
        generators: dict[str, Any] = {"x": seats[0].rngs[0], "y": seats[0].rngs[1], "draws": seats[0].generator}
        asked = {
            "batch_size": as_count("batch_size", options.batch_size),
            "optimizer": optimizer,
            "learning_rate": rate,
        }
        kept["settings"] = asked | kept["settings"]
        kept["parts"] = Parts(game.modules, game.optimizers, generators)
    try:
        run(
            step, options.steps, callbacks=callbacks, every=options.every, threads=options.threads,
            progress=options.progress, name=method.name, **kept,
        )  # fmt: skip
    finally:
        game.release()
        for seat in seats:
            seat.critic.eval()


def _look(seat: _Seat) -> None:
    """Let buffers that a constraint sizes at the first forward be there before a checkpoint is put into them."""
    devices = [seat.probe.device] if seat.probe.is_cuda else []
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        seat.network(seat.probe)


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


def _first_weight(critic: nn.Module, method: Method) -> nn.Parameter:
    if not isinstance(critic, nn.Module):
        raise InvalidTypeError("critic", "be a torch.nn.Module", type(critic).__name__, "wrap it in a module")
    if not method.any_critic:
        raise CriticError(
            "critic",
            f"be left out where the method is {method.name}",
            type(critic).__name__,
            "let the method build its network, or choose a method that holds any network, such as wgan-gp",
        )
    check_weights(critic)
    for parameter in critic.parameters():
        if parameter.requires_grad and parameter.is_floating_point():
            return parameter
    raise CriticError("critic", "have weights to train", "none that require a gradient", "add a Linear layer")
