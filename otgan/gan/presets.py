"""How long to train, and by how many points at a time, by what is to be learnt and by which system."""

from __future__ import annotations

from typing import Any

from otgan.gan.adversarial import Adversarial
from otgan.gan.data import Data, get_data
from otgan.gan.registry import get_system

#: Steps of a system that is not adversarial.
STEPS = 5000
#: Steps of the generator of an adversarial one, for laws of at most so many modes; and for all others.
FEW, FEW_STEPS, MANY_STEPS = 16, 2500, 5000
#: For images, whose networks take more time a point: small batches, and few minutes on one core for those of 8 × 8.
IMAGES = {"steps": 2000, "batch_size": 64}


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
    system = get_system(method)
    if known.is_image:
        return dict(IMAGES)
    if not isinstance(system, Adversarial):
        return {"steps": STEPS}
    few = known.modes is not None and len(known.modes.components) <= FEW
    return {"steps": FEW_STEPS if few else MANY_STEPS}
