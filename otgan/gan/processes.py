"""Several processes that train one model, each on batches of its own, by a Fabric of the user's; and its precision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import parametrize

from otgan.errors import (
    InvalidTypeError,
    InvalidValueError,
    MissingDependencyError,
    OtganError,
    ProcessError,
    TrainingInterrupted,
    one_line,
)
from otgan.gan.descent import Descent, Forward
from otgan.interrupts import interrupts
from otgan.training import Metrics, Parts
from otgan.training.loop import Step

#: What is computed in where nothing else is said, and what may be asked for instead.
FULL, MIXED = "32-true", "bf16-mixed"
#: What a Fabric is asked for here.
NEEDED = ("all_reduce", "broadcast", "autocast", "device", "world_size", "global_rank", "strategy")
#: Of the settings of a training, those that may differ between processes: process 0's own networks are taken by all.
OWN = "own_networks"


def find_fabric() -> Any:
    """The class `Fabric` of Lightning.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise MissingDependencyError(
            "several devices and mixed precision need lightning-fabric, which is not installed; run pip install "
            "'otgan[fabric]'"
        ) from error
    return Fabric


class Processes:
    """What the processes of one training tell each other, and the precision that each computes in.

    Process 0 leads: it is the one with a folder, callbacks and a bar. The others follow: each step begins with a word
    of process 0, and so does the end, whatever the reason. Nobody waits for someone who has failed: before tensors are
    averaged all processes say whether they are well, and an error of one is raised by all.

    Args:
        fabric: A `Fabric` that has been launched; None for one process in float32.

    Attributes:
        size: How many there are.
        rank: Which one this is, from 0.
        precision: "32-true" or "bf16-mixed".
        wished: Whether Ctrl-C has been pressed anywhere, as far as is known.

    Raises:
        InvalidTypeError: If it is no Fabric.
        InvalidValueError: If it has not been launched, or its precision is one that weights in float32, or penalties on
            gradients, cannot be trained in.
    """

    def __init__(self, fabric: Any = None) -> None:
        self._fabric = fabric
        self.size, self.rank, self.precision = 1, 0, FULL
        self.wished = False
        self._pressed: Callable[[], bool] = lambda: False
        self._kept = False
        self._over = False  # whether all know that it has ended
        self._speaking = False  # whether it is, or was torn out of, the middle of a word
        if fabric is None:
            return
        if isinstance(fabric, type) or any(not hasattr(fabric, name) for name in NEEDED):
            raise InvalidTypeError(
                "fabric", "be a Fabric", one_line(repr(fabric), 60), "pass lightning_fabric.Fabric()"
            )
        self.size, self.rank, self.precision = fabric.world_size, fabric.global_rank, _precision(fabric)
        if self.size > 1 and not torch.distributed.is_initialized():
            raise InvalidValueError(
                "fabric", "be launched, by a strategy that averages over processes, such as 'ddp'",
                type(fabric.strategy).__name__, "call fabric.launch() before",
            )  # fmt: skip

    @property
    def leads(self) -> bool:
        """Whether this is process 0."""
        return self.rank == 0

    @property
    def device(self) -> torch.device | None:
        """Where this process trains; None where no Fabric says so."""
        return None if self._fabric is None else self._fabric.device

    @property
    def settings(self) -> dict[str, Any]:
        """What the settings of a run say of this: what is not as usual, so that runs from before can go on."""
        several = {"world_size": self.size} if self.size > 1 else {}
        return several | ({"precision": self.precision} if self.precision != FULL else {})

    @property
    def descent(self) -> Descent:
        """How systems call their networks and change weights."""
        return Descent(self._forward, self._average if self.size > 1 else None)

    def _forward(self, network: nn.Module) -> Forward:
        if self.precision == FULL:
            return network

        def call(*inputs: Tensor) -> Tensor:
            with parametrize.cached():
                # Weights that are divided by a norm, or kept orthonormal, hold a slope: in eight bits they would not.
                for layer in network.modules():
                    for name in getattr(layer, "parametrizations", ()):
                        getattr(layer, name)
                with self._fabric.autocast():
                    values = network(*inputs)
            return values.float()

        return call

    # Means

    def _average(self, tensors: Sequence[Tensor]) -> None:
        self._meet()
        self._reduce(tensors, "mean")

    @torch.no_grad()
    def settle(
        self, modules: Mapping[str, nn.Module], numbers: MutableMapping[str, Any], measured: Metrics
    ) -> dict[str, float]:
        """Bring together what a step changed beside weights, which are equal already.

        Running statistics of normalisations and floats among the numbers become means over the processes. Every other
        buffer is taken from process 0: it mostly follows from the weights, as those of a power iteration do.

        Args:
            modules: That are trained.
            numbers: That the step changes.
            measured: What the step returned.

        Returns:
            What was measured, in the mean of all processes, NaN if it is anywhere.
        """
        if self.size == 1:
            return dict(measured)
        floats = [name for name, value in numbers.items() if isinstance(value, float)]
        values = [*(numbers[name] for name in floats), *map(float, measured.values())]
        row = torch.tensor(values, dtype=torch.float64, device=self.device)
        self._meet()  # after all that can fail in one process alone
        means: dict[int, Tensor] = {}
        others: dict[int, Tensor] = {}
        for module in modules.values():
            for layer in module.modules():
                for buffer in layer.buffers(recurse=False):
                    mean = isinstance(layer, _NormBase) and buffer.is_floating_point()
                    (means if mean else others)[id(buffer)] = buffer
        if not self.leads:
            for buffer in others.values():
                buffer.zero_()
        self._reduce(list(others.values()), "sum")
        self._reduce([*means.values(), row], "mean")
        found = row.tolist()
        numbers.update(zip(floats, found, strict=False))
        return dict(zip(measured, found[len(floats) :], strict=True))

    def _reduce(self, tensors: Sequence[Tensor], how: str) -> None:
        """The sum or the mean over the processes, in place; one flat tensor of each dtype."""
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            alike = [tensor.detach() for tensor in tensors if tensor.dtype == dtype]
            with self._word():
                flat = torch.cat([tensor.reshape(-1) for tensor in alike])
                if dtype == torch.bool:  # which not every backend adds
                    flat = flat.to(torch.uint8)
                flat = self._fabric.all_reduce(flat, reduce_op=how)
            for tensor, part in zip(alike, flat.split([tensor.numel() for tensor in alike]), strict=True):
                tensor.copy_(part.view_as(tensor))

    # Leading and following

    @contextmanager
    def leading(self, step: Step, parts: Parts, asked: Mapping[str, Any], *, kept: bool) -> Iterator[Step]:
        """Process 0's part, or all there is where it is alone.

        Args:
            step: Its step.
            parts: What all begin with, once the first step is asked for: by then a run that is resumed is in them.
            asked: The settings, JSON, which have to be the same everywhere.
            kept: Whether there is a folder, whose loop hears Ctrl-C by itself.

        Yields:
            The step, of which the others are told.
        """
        if self.size == 1:
            yield step
            return
        begun, self._kept = False, kept

        def tell(k: int) -> None:
            nonlocal begun
            content = None if begun else (k, _agreed(asked), parts.state())
            self._meet(go=k > 0, between=True)
            if content is not None:
                with self._word():
                    self._fabric.broadcast(content)
                begun = True

        def told(k: int) -> Metrics:
            tell(k)
            return step(k)

        with ExitStack() as stack:
            if not kept:
                self._pressed = stack.enter_context(interrupts())
            yield told
            tell(0)
        self._over = True

    def follow(self, step: Step, parts: Parts, asked: Mapping[str, Any], *, kept: bool) -> None:
        """The other processes' part: steps for as long as process 0 takes them, and the error in which it ended.

        Raises:
            InvalidValueError: If settings differ from those of process 0.
            ProcessError: If another process failed by an error that is none of otgan's.
        """
        self._kept = kept
        with interrupts() as self._pressed:
            going = self._meet(between=True)
            with self._word():
                k, theirs, state = self._fabric.broadcast(None)
            if theirs != (mine := _agreed(asked)):
                name = next((name for name in mine if mine[name] != theirs.get(name)), "settings")
                raise InvalidValueError(
                    name, f"be the same in all {self.size} processes", f"others in process {self.rank}",
                    "give every process the same data and options; seed what you draw",
                )  # fmt: skip
            parts.restore(state)
            while going:
                step(k)
                k += 1
                going = self._meet(between=True)
        self._over = True

    # Ends

    @contextmanager
    def together(self) -> Iterator[None]:
        """From the first argument that is read to the last step: an error of one process here is raised by all."""
        try:
            yield
        except BaseException as error:
            if self.size > 1 and not (self._over or self._speaking):
                with suppress(ProcessError):  # of others that are gone: then this error is the one to tell
                    self._meet(error)
            raise

    def _meet(self, error: BaseException | None = None, *, go: bool = False, between: bool = False) -> bool:
        """Tell the others how it stands, and hear of them.

        Args:
            error: What ended this process's part, which is raised by the caller.
            go: Process 0's word whether there is another step.
            between: Whether this is between two steps, where Ctrl-C may end a run without a folder.

        Returns:
            Process 0's word.

        Raises:
            OtganError: Of another process, as it is.
            ProcessError: If another one has failed otherwise.
            KeyboardInterrupt: If it was pressed anywhere.
        """
        words = torch.zeros(self.size + 2, dtype=torch.int64)
        words[self.rank], words[-2], words[-1] = error is not None, self._pressed(), go
        with self._word():
            *failed, wishes, going = self._fabric.all_reduce(words.to(self.device), reduce_op="sum").tolist()
        self.wished |= wishes > 0
        if any(failed):
            self._over = True
            with self._word():
                told = self._fabric.broadcast(None if error is None else self._portable(error), src=failed.index(1))
            if error is None:
                raise told
        elif between and self.wished and not self._kept:
            self._over = True
            raise KeyboardInterrupt
        return bool(going)

    @contextmanager
    def _word(self) -> Iterator[None]:
        """While all processes speak at once. Whoever is torn out of it does not know what the others wait for."""
        self._speaking = True
        try:
            yield
        except RuntimeError as error:  # what PyTorch makes of a closed connection, and of a time that is over
            raise ProcessError(
                f"all {self.size} processes must be alive while they train, got {one_line(error)}; see what the others "
                "say, and start the training again"
            ) from error
        self._speaking = False

    def _portable(self, error: BaseException) -> BaseException:
        """An error that can be told: our own as it is, any other in words."""
        if isinstance(error, OtganError | TrainingInterrupted):
            return error
        if isinstance(error, KeyboardInterrupt):
            return KeyboardInterrupt()
        return ProcessError(
            f"process {self.rank} of {self.size} must not fail while others train, got {type(error).__name__}: "
            f"{one_line(error)}; see what it says, and start the training again"
        )


def _agreed(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value, sort_keys=True, default=repr) for name, value in asked.items() if name != OWN}


def _precision(fabric: Any) -> str:
    plugin = fabric.strategy.precision
    known = type(plugin).__name__ in ("Precision", "MixedPrecision")
    return read_precision("precision", plugin.precision if known else type(plugin).__name__)


def read_precision(name: str, precision: str) -> str:
    """Read a precision, as Fabric spells it.

    Raises:
        InvalidValueError: If it is one in which weights of float32, or penalties on gradients, cannot be trained.
    """
    if precision in (FULL, MIXED):
        return precision
    # Scaled by s, the square of a gradient's norm grows by s², and the penalty is no multiple of what it was.
    why = (
        "whose float16 needs scaled losses, through which a penalty on gradients does not go"
        if precision == "16-mixed"
        else "while weights are of float32 here"
    )
    raise InvalidValueError(name, f"be {FULL} or {MIXED}", f"{precision}, {why}", f"choose {MIXED}")
