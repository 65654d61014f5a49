"""Training a generator, by any system, with the exact distance watched beside its own loss."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.checks import FloatArray, as_count, as_number
from otgan.critics.arguments import read_device, read_widths
from otgan.critics.fingerprints import data_fingerprint, network_fingerprint
from otgan.errors import InvalidValueError
from otgan.gan.average import Averages
from otgan.gan.data import Data, get_data
from otgan.gan.generated import Generated
from otgan.gan.identity import identity
from otgan.gan.networks import Flat, modes_kept, seeded
from otgan.gan.own import check_own
from otgan.gan.processes import Processes
from otgan.gan.registry import get_system
from otgan.gan.system import Start, System, Task
from otgan.training import Callback, Parts, W1Monitor, run
from otgan.training.folder import Resume
from otgan.training.loop import pytorch_threads, read_callbacks

#: Points from which the units of training are taken.
PILOT = 4096
#: Coordinates of the noise, and widths of the hidden layers, unless something else is asked for.
NOISE_DIM, HIDDEN = 2, (128, 128, 128)
#: How often a training looks at the exact distance.
LOOKS = 50
#: The prefix of the averaged networks among the parts of a run.
AVERAGE = "average_"


def train_gan(
    data: Any,
    method: str | System = "wgan-gp",
    *,
    net: str | None = None,
    hidden: Sequence[int] = HIDDEN,
    noise_dim: int | None = None,
    generator: nn.Module | None = None,
    critic: nn.Module | None = None,
    steps: int = 5000,
    batch_size: int = 256,
    ema: float = 0.999,
    seed: int = 0,
    threads: int | None = None,
    device: str | torch.device | None = None,
    callbacks: Sequence[Callback] = (),
    every: int = 10,
    monitor: bool = True,
    n_samples: int = 1000,
    folder: str | os.PathLike[str] | None = None,
    resume: Resume = False,
    checkpoint_seconds: float = 60.0,
    tensorboard: bool = False,
    progress: bool = False,
    fabric: Any = None,
) -> Generated:
    r"""Learn to draw from a law.

    Points are centred, and divided by one scale for all coordinates; images of numbers in [0, 1] come to [−1, 1]. With
    a `generator` of one's own the units of training are those of the data.

    Args:
        data: A name in `otgan.gan.TOYS`, points, images, a `Measure`, or `Data`; see `get_data`.
        method: A name in `SYSTEMS`, or a `System` with hyper-parameters of your choice.
        net: "mlp", or "dcgan" for images; None for whichever fits.
        hidden: Widths of the hidden layers of new networks that are mlps.
        noise_dim: Coordinates of the noise; None for 2, or for images 32.
        generator: A module (n, noise_dim) -> (n, *shape) of one's own, which is trained in place.
        critic: A module (n, *shape) -> (n,) or (n, 1) of one's own, likewise.
        steps: Of the generator.
        batch_size: Points in a batch.
        ema: Of the means of weights by which points are drawn, in [0, 1); 0 for the weights as they are.
        seed: Of weights, batches and noise. The same seed gives the same weights, bit for bit, with the same number of
            threads on the same machine.
        threads: Of PyTorch while training; None leaves it as it is.
        device: Where to train and to leave the networks; by default where those of one's own are, else the CPU.
        callbacks: Called as ``callback(step, numbers)``; see `otgan.training.run`. One with a method `begin` is first
            given the measure that is being learnt, as in `otgan.gan.Snapshots`.
        every: Steps between two lines of the log.
        monitor: Whether to look now and then at the exact W1 of generated and held-out points.
        n_samples: Points of each side in such a look.
        folder: Where settings, log and checkpoints are kept, so that a run that was killed can go on.
        resume: Whether to go on with the run in the folder; "auto" if there is one.
        checkpoint_seconds: Seconds between two checkpoints.
        tensorboard: Whether to write curves to the folder.
        progress: Whether to show a bar, on a terminal.
        fabric: A `lightning_fabric.Fabric` that has been launched, for other devices, for several of them, or for
            precision="bf16-mixed". Each process calls this function with the same arguments and draws batches of
            `batch_size` of its own; gradients are averaged. Process 0 alone has the folder, the bar, the callbacks and
            the monitor; its word ends the training everywhere.

    Returns:
        What was learnt, a measure; the same in every process.

    Raises:
        InvalidValueError: If a number is out of range or a name unknown; if nothing in a network of one's own can be
            trained, or the two share weights.
        InvalidShapeError: If a generator of one's own does not map noise to points.
        CriticError: If a critic couples samples, or breaks another rule of `otgan.critics.check_critic`.
        TrainingDivergedError: If a loss becomes NaN or infinite.
        ProcessError: If another process fails.
        TrainingInterrupted: After Ctrl-C, with a folder; its message says how to resume.
        CheckpointError: If the run in the folder has other settings, or other data.
        FolderInUseError: If another training is under way in the folder.
    """
    processes = Processes(fabric)
    # Whatever the caller is in the middle of, networks here are trained.
    with processes.together(), torch.inference_mode(False), torch.enable_grad(), ExitStack() as stack:
        system, known = get_system(method), get_data(data)
        callbacks = read_callbacks(callbacks)
        task = _task(known, net, hidden, noise_dim)
        steps, batch_size = as_count("steps", steps), as_count("batch_size", batch_size)
        seed, n_samples = as_count("seed", seed, low=0), as_count("n_samples", n_samples)
        ema = as_number("ema", ema, low=0, high=1, open_high=True)
        root = np.random.SeedSequence(seed)
        rng = np.random.default_rng(root.spawn(1)[0])
        weights_seed, noise_seed = (int(word) for word in root.generate_state(2))
        pilot = known.train.sample(PILOT, rng)
        own = {name: module for name, module in (("generator", generator), ("critic", critic)) if module is not None}
        place = _place(device, own, processes)
        check_own(system, own, task)
        centre, scale = (np.zeros(task.dim), 1.0) if own else units(pilot, known)
        begun = {name: network_fingerprint(module) for name, module in own.items()}

        def to_units(points: FloatArray) -> Tensor:
            return torch.from_numpy((points - centre) / scale).to(place, torch.float32)

        stack.enter_context(modes_kept(own.values()))
        networks = system.networks(task, weights_seed) if generator is None else {"generator": Flat(generator, None)}
        for network in networks.values():
            network.to(place).train()
        start = Start(task, to_units(pilot), weights_seed, steps, batch_size, critic, processes.descent)
        play = system.play(start, networks)
        try:
            averages = Averages(networks, ema)
            learnt = Generated(system, task, averages.networks, centre, scale)
            draws = torch.Generator().manual_seed(noise_seed)

            def real() -> Tensor:
                return to_units(known.train.sample(batch_size, rng))

            def step(k: int) -> dict[str, float]:
                stream = [noise_seed, k]
                if processes.size > 1:
                    # Afresh at each step, so that what others would draw next needs not be kept to go on.
                    stream = [*stream, processes.rank]
                    reseed(stream, rng, draws)
                # Layers of one's own may draw from PyTorch's global generator, as dropout does.
                with seeded(stream, place) if own else nullcontext():
                    numbers = play.step(k, real, draws)
                numbers = processes.settle(play.modules, play.numbers, numbers)
                averages.update(k)
                if system.own_is_length:
                    numbers["own"] *= scale
                return numbers

            means = {AVERAGE + name: network for name, network in averages.networks.items()}
            parts = Parts(
                {**play.modules, **means}, play.optimizers, {"data": rng, "draws": draws}, numbers=play.numbers
            )
            settings: dict[str, Any] = {}
            if folder is not None or processes.size > 1:
                settings = {
                    "data": known.name, "identity": identity(known),
                    "fingerprint": data_fingerprint((known.train, known.held_out), (pilot, pilot[:0])),
                    "method": system.name, "options": dataclasses.asdict(system), "task": dataclasses.asdict(task),
                    "batch_size": batch_size, "ema": averages.decay, "seed": seed, "monitor": bool(monitor),
                    "n_samples": n_samples, "centre": centre.tolist(), "scale": scale, "own_networks": begun,
                    **processes.settings,
                }  # fmt: skip
            kept: dict[str, Any] = {}
            if folder is not None:
                kept = {
                    "folder": folder, "resume": resume, "checkpoint_seconds": checkpoint_seconds,
                    "tensorboard": tensorboard, "parts": parts, "settings": settings,
                }  # fmt: skip
            asked = {**settings, "steps": steps}
            if not processes.leads:
                with pytorch_threads(threads):
                    processes.follow(step, parts, asked, kept=folder is not None)
                return learnt
            with processes.leading(step, parts, asked, kept=folder is not None) as led:
                watchers: list[Callback] = list(callbacks)
                for callback in callbacks:
                    if hasattr(callback, "begin"):
                        callback.begin(learnt)
                if monitor:
                    watchers.insert(0, watch(known, learnt, max(1, steps // LOOKS), n_samples, seed))
                run(
                    led, steps, callbacks=watchers, every=every, threads=threads, progress=progress,
                    name=system.name, interrupted=lambda: processes.wished, **kept,
                )  # fmt: skip
        finally:
            play.finish()
    return learnt


def reseed(stream: Sequence[int], data: np.random.Generator, draws: torch.Generator) -> None:
    """Set two generators to the start of a stream of their own each.

    Args:
        stream: For `numpy.random.SeedSequence`.
        data: Set in place.
        draws: Set in place.
    """
    of_data, of_draws = np.random.SeedSequence(stream).spawn(2)
    data.bit_generator.state = type(data.bit_generator)(of_data).state
    draws.manual_seed(int(of_draws.generate_state(1, np.uint64)[0] >> np.uint64(1)))


def watch(data: Data, learnt: Generated, every: int, n_samples: int, seed: int) -> W1Monitor:
    """A look at the exact W1 of generated and held-out points, every so many steps."""
    return W1Monitor(
        data.held_out, generate=lambda n, rng: learnt.sample(n, rng), modules=tuple(learnt.networks.values()),
        every=every, n_samples=n_samples, seed=seed,
    )  # fmt: skip


def units(pilot: FloatArray, data: Data) -> tuple[FloatArray, float]:
    """Centre, (D,), and scale of the units of training."""
    if data.is_image:
        return np.full(pilot.shape[1], 0.5), 0.5
    centre = pilot.mean(0)
    size = float(np.abs(pilot - centre).max())
    # Divided by its largest entry first, so that no square leaves float64; points that all agree keep their unit.
    return centre, size * math.sqrt(float(np.mean(((pilot - centre) / size) ** 2))) if size else 1.0


def _task(data: Data, net: str | None, hidden: Sequence[int], noise_dim: int | None) -> Task:
    if net is None:
        net = "dcgan" if data.is_image else "mlp"
    if net not in ("mlp", "dcgan") or (net == "dcgan" and not data.is_image):
        raise InvalidValueError("net", "be 'mlp', or 'dcgan' for images", repr(net), "choose one that fits the data")
    dim = as_count("noise_dim", (32 if data.is_image else NOISE_DIM) if noise_dim is None else noise_dim)
    return Task(tuple(int(length) for length in data.shape), net, read_widths(hidden), dim)


def _place(device: Any, own: dict[str, nn.Module], processes: Processes) -> torch.device:
    if device is not None and processes.device is not None:
        raise InvalidValueError("device", "be left out beside fabric", repr(device), "give fabric an accelerator")
    if processes.device is not None:
        return processes.device
    if device is not None:
        return read_device(device)
    weights = (weight for module in own.values() if isinstance(module, nn.Module) for weight in module.parameters())
    return next((weight.device for weight in weights), torch.device("cpu"))
