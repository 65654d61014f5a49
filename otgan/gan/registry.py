"""The systems by name, for the command line and `train_gan`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otgan.critics.arguments import read_method
from otgan.gan.ddpm import Ddpm
from otgan.gan.dual import ConesSystem, GroupSortSystem, SnWganSystem, WganGpSystem, WganSystem
from otgan.gan.flow_matching import FlowMatching, OtCfm
from otgan.gan.logit import GanMinimaxSystem, GanSystem, SnGanSystem
from otgan.gan.system import System
from otgan.gan.transport import OptimalTransport, SinkhornGan

#: Every way of learning to draw, by its name on the command line.
SYSTEMS: Mapping[str, type[System]] = {
    system.name: system
    for system in (
        GanSystem,
        GanMinimaxSystem,
        WganSystem,
        WganGpSystem,
        SnGanSystem,
        SnWganSystem,
        GroupSortSystem,
        ConesSystem,
        OptimalTransport,
        SinkhornGan,
        FlowMatching,
        OtCfm,
        Ddpm,
    )
}


def get_system(system: Any, **options: Any) -> System:
    """Read a system.

    Args:
        system: A name in `SYSTEMS`, or a `System` with its hyper-parameters, which is returned as it is.
        **options: Hyper-parameters of a system that is given by name.

    Raises:
        InvalidValueError: If the name is unknown, or an option out of range.
        InvalidTypeError: If it is neither, or an option is unknown.
    """
    read: System = read_method(system, options, SYSTEMS, System)
    return read
