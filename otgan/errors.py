"""Every exception and warning of otgan.

A message about an argument has four parts, always in this order: the name, the rule, the value received, the fix.
The command line prints it on one line and exits with code 2.
"""

from __future__ import annotations

from typing import Any


def one_line(value: object, width: int = 160) -> str:
    """The value as one line of printable text, cut where it is long: names of files may hold anything."""
    text = "".join(mark if mark.isprintable() else "·" for mark in " ".join(str(value).split()))
    return text if len(text) <= width else f"{text[: width - 1]}…"


class OtganError(Exception):
    """Base of every error that otgan raises on purpose."""


class InvalidInputError(OtganError, ValueError):
    """An argument breaks a rule.

    Args:
        name: The argument, as the caller spells it.
        rule: What it must be, to be read after "must".
        value: What was received, short enough for one line.
        fix: What to do about it, a sentence without its full stop.
    """

    def __init__(self, name: str, rule: str, value: object, fix: str) -> None:
        self.name, self.rule, self.value, self.fix = name, rule, one_line(value), fix
        super().__init__(f"{name} must {rule}, got {self.value}; {fix}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:  # so that it survives a process pool
        return type(self), (self.name, self.rule, self.value, self.fix)


class InvalidShapeError(InvalidInputError):
    """An array has the wrong number of dimensions, or its shape does not fit another one's."""


class InvalidTypeError(InvalidInputError, TypeError):
    """An argument has a type that cannot be read as what it should be."""


class InvalidValueError(InvalidInputError):
    """An argument has the right type and shape and a value outside its range (NaN and infinity among them)."""


class InvalidWeightsError(InvalidInputError):
    """Weights are negative, all zero, not finite, or not one for each point."""


class CriticError(InvalidInputError):
    """A critic breaks a rule that its objective needs (samples coupled, a wrong output shape, NaN values)."""


class CheckpointError(InvalidInputError):
    """A checkpoint belongs to other modules, optimisers, generators or settings than those that are to continue it."""


class FolderInUseError(InvalidInputError):
    """Another training, of this process or another one, is writing to the folder."""


class FileFormatError(OtganError, ValueError):
    """A file cannot be read as what it should hold, or an output cannot be written."""


class MemoryLimitError(OtganError, MemoryError):
    """A computation would need more memory than it may take; raised before anything is allocated."""


class NotProvidedError(OtganError):
    """A part was asked for that this solver, or this kind of cost, does not provide; the message says which does."""


class MissingDependencyError(OtganError, ImportError):
    """An optional package is needed and not installed; the message gives the command that installs it."""


class WeightsWarning(UserWarning):
    """Weights were far from summing to one and have been normalised."""


class ReproducibilityWarning(UserWarning):
    """A run goes on under other conditions, so that its last bits may differ from those of an uninterrupted one."""


class ConvergenceWarning(UserWarning):
    """A number that comes without a bracket is less exact than asked; the message says by how much."""


class CertificateError(OtganError, ArithmeticError):
    """Two proofs contradict each other: a defect in otgan, which is worth a report."""


class TrainingDivergedError(OtganError, ArithmeticError):
    """A training metric became NaN or infinite; the message names the step, the metric and what to change."""


class ProcessError(OtganError, RuntimeError):
    """Another process of a training has failed, or is gone; the message says which and why, as far as is known."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended a computation that had proven something by then.

    It is a `KeyboardInterrupt`, and no `OtganError`, so that handlers of errors let it pass.

    Args:
        what: What the result is, as in "the bracket".
        partial: The result so far, of the kind that the computation would have returned.

    Attributes:
        partial: The result so far.
    """

    def __init__(self, what: str, partial: Any) -> None:
        self.what, self.partial = what, partial
        super().__init__(f"interrupted; .partial of this exception holds {what} so far, {one_line(partial)}")

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.what, self.partial)


class TrainingInterrupted(Interrupted):
    """Ctrl-C ended a training run that has a folder; the message says how to go on.

    Args:
        partial: The `otgan.training.RunSummary` so far.
        message: Where the checkpoint is, and how to resume.
    """

    def __init__(self, partial: Any, message: str) -> None:
        super().__init__("the summary", partial)
        self.message = message
        self.args = (message,)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.partial, self.message)
