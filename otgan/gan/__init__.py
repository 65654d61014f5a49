"""Generators, and every way of training them, side by side with the exact distance."""

from otgan.gan.compare import JudgedRun, check_same_data, compare_runs, judge_run
from otgan.gan.data import TOYS, Data, get_data
from otgan.gan.evaluate import check_enough, evaluate
from otgan.gan.generated import Generated
from otgan.gan.path_length import path_length_variation
from otgan.gan.presets import preset
from otgan.gan.registry import SYSTEMS, get_system
from otgan.gan.run import GanRun, open_run
from otgan.gan.snapshots import Frames, Snapshots, images_a_side, read_frames
from otgan.gan.system import Play, Start, System, Task
from otgan.gan.train import train_gan

__all__ = [
    "SYSTEMS",
    "TOYS",
    "Data",
    "Frames",
    "GanRun",
    "Generated",
    "JudgedRun",
    "Play",
    "Snapshots",
    "Start",
    "System",
    "Task",
    "check_enough",
    "check_same_data",
    "compare_runs",
    "evaluate",
    "get_data",
    "get_system",
    "images_a_side",
    "judge_run",
    "open_run",
    "path_length_variation",
    "preset",
    "read_frames",
    "train_gan",
]
