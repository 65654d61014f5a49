"""Generators, and every way of training them, side by side with the exact distance."""

from otgan.gan.data import TOYS, Data, get_data
from otgan.gan.generated import Generated
from otgan.gan.path_length import path_length_variation
from otgan.gan.presets import preset
from otgan.gan.registry import SYSTEMS, get_system
from otgan.gan.system import Play, Start, System, Task
from otgan.gan.train import train_gan

__all__ = [
    "SYSTEMS",
    "TOYS",
    "Data",
    "Generated",
    "Play",
    "Start",
    "System",
    "Task",
    "get_data",
    "get_system",
    "path_length_variation",
    "preset",
    "train_gan",
]
