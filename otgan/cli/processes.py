"""`--devices` and `--precision`: the processes in which a command trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def launch(devices: int | None, precision: str | None, device: str | None) -> Any:
    """A Fabric with its processes running, each of which runs the same command; None where neither is asked for.

    Raises:
        InvalidValueError: If the devices are not there, or the precision is not one of those that train.
        MissingDependencyError: If Lightning Fabric is not installed.
    """
    if devices is None and precision is None:
        return None
    from otgan.checks import as_count
    from otgan.critics.arguments import read_device
    from otgan.errors import InvalidValueError, one_line
    from otgan.gan.processes import FULL, find_fabric, read_precision

    count = as_count("--devices", 1 if devices is None else devices, high=1024)
    chosen, place = read_precision("--precision", precision or FULL), read_device(device or "cpu")
    if place.index is not None and count > 1:
        raise InvalidValueError("--device", "name no single one beside --devices", str(place), f"write {place.type}")
    which = count if place.index is None or place.type == "cpu" else [place.index]
    fabric_class = find_fabric()
    _quiet()
    try:
        fabric = fabric_class(accelerator=place.type, devices=which, precision=chosen)
    except Exception as error:  # Lightning has classes of its own for what is not there
        raise InvalidValueError(
            "--devices",
            f"be devices of {place.type} that are here",
            f"{count} ({one_line(error, 120)})",
            "ask for fewer",
        ) from error
    fabric.launch()
    return fabric


def follows(fabric: Any) -> bool:
    """Whether this process follows another one, which says all there is to say."""
    return fabric is not None and not fabric.is_global_zero


@contextmanager
def connected(fabric: Any) -> Iterator[None]:
    """A training, at whose end processes part. One that follows is silent about its errors, which the leader has too.

    Args:
        fabric: What `launch` returned.
    """
    from otgan.errors import OtganError

    try:
        yield
    except (OtganError, KeyboardInterrupt):
        if not follows(fabric):
            raise
    finally:
        if fabric is not None and fabric.world_size > 1:
            import torch

            torch.distributed.destroy_process_group()


def _quiet() -> None:
    """Lightning speaks of its processes at length; errors and warnings pass."""
    import logging

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
