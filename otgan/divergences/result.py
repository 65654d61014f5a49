"""What every divergence comes as: a number in nats, the interval around it, and what backs that interval."""

from __future__ import annotations

from dataclasses import dataclass

from otgan.interval import Interval


@dataclass(frozen=True)
class Divergence:
    """A divergence between two laws, in nats.

    Attributes:
        value: The number as computed, ≥ 0; infinite where the source has mass that the target lacks.
        interval: Where the true number lies; its `kind` says whether that is an estimate of the numerical error or a
            statement at a level, and of which laws.
        standard_error: Of the draws that the value was made of; 0 where nothing was drawn here.
        method: "closed form", "quadrature", "draws" or "histograms".
    """

    value: float
    interval: Interval
    standard_error: float
    method: str
