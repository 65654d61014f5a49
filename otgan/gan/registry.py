"""The systems by name, for the command line and `train_gan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from otgan.errors import InvalidTypeError, InvalidValueError
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
    if isinstance(system, System):
        if options:
            raise InvalidTypeError("options", "come with a name", f"{system!r} beside them", "set them in the system")
        return system
    if not isinstance(system, str):
        raise InvalidTypeError("method", "be a name or a System", type(system).__name__, "write 'wgan-gp'")
    if system not in SYSTEMS:
        raise InvalidValueError("method", f"be one of {', '.join(SYSTEMS)}", repr(system), "choose one of these names")
    kind = SYSTEMS[system]
    known = [field.name for field in fields(kind)]
    for name in options:
        if name not in known:
            raise InvalidTypeError(
                "options", f"be hyper-parameters of {system} ({', '.join(known)})", repr(name), "check the spelling"
            )
    return kind(**options)
