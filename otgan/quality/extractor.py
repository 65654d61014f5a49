"""What features and class probabilities come from, which decides what numbers made of them may be called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extractor:
    """A network that points are looked at through.

    Attributes:
        name: A few words, to be said beside the numbers.
        is_inception: Whether it is the Inception network, with the weights, that FID and the Inception score are
            defined by. Of any other there is a Fréchet distance of features, and a class score.
    """

    name: str
    is_inception: bool = False
