"""An interval that holds a number, and the kind of promise with which it holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from otgan.errors import InvalidValueError


@dataclass(frozen=True)
class Interval:
    """A closed interval [lower, upper] around a number that is not known exactly.

    Attributes:
        lower: Lower end, −∞ where nothing is known.
        upper: Upper end, +∞ where nothing is known.
        kind: "proven", or what else backs it, such as "statistical at level 0.95".

    Raises:
        InvalidValueError: If an end is NaN, or lower > upper.
    """

    lower: float
    upper: float
    kind: str = "proven"

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:  # false for NaN too
            raise InvalidValueError(
                "Interval", "have lower <= upper", f"[{self.lower}, {self.upper}]", "swap or recompute the ends"
            )

    @property
    def width(self) -> float:
        """Upper − lower."""
        return self.upper - self.lower if math.isfinite(self.upper - self.lower) else math.inf

    @property
    def relative_width(self) -> float:
        """Width / upper; 0 where upper is 0."""
        return self.width / self.upper if self.upper else 0.0

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper

    def __str__(self) -> str:
        return f"[{self.lower:.6g}, {self.upper:.6g}] ({self.kind})"
