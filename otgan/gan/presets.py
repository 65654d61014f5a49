"""How long to train, by what is to be learnt and by which system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otgan.gan.data import Data, get_data
from otgan.gan.registry import get_system

#: Steps of the generator for data that has no entry of its own.
STEPS = 5000
#: Steps by method, for laws of a few separate modes and of many.
FEW_MODES: Mapping[str, int] = {"sn-gan": 5000, "wgan-gp": 5000, "groupsort": 4000}
MANY_MODES: Mapping[str, int] = {"sn-gan": 8000, "wgan-gp": 6000, "groupsort": 5000}
#: From so many modes on, a law has many of them.
MANY = 16


def preset(data: Any, method: Any) -> dict[str, Any]:
    """Settings of `train_gan` that suit the data and the system.

    Args:
        data: What `train_gan` takes.
        method: What `train_gan` takes.

    Returns:
        Keywords for `train_gan`.

    Raises:
        InvalidValueError: If a name is unknown.
        InvalidTypeError: If one is neither a name nor what it stands for.

    >>> preset("swissroll", "gan")
    {'steps': 5000}
    """
    known: Data = get_data(data)
    name = get_system(method).name
    if known.modes is None:
        return {"steps": STEPS}
    steps = MANY_MODES if len(known.modes.components) >= MANY else FEW_MODES
    return {"steps": steps.get(name, STEPS)}
