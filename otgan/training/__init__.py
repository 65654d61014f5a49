"""The one training loop: repeats a step, watches its numbers, and keeps what is needed to go on where it stopped."""

from otgan.training.checkpoint import load_checkpoint, save_checkpoint
from otgan.training.logs import JsonLog, Metrics, TensorBoardLog, progress_bar, read_log
from otgan.training.loop import Callback, RunSummary, run
from otgan.training.monitor import W1Monitor, W1Record
from otgan.training.state import Parts, TrainingState

__all__ = [
    "Callback",
    "JsonLog",
    "Metrics",
    "Parts",
    "RunSummary",
    "TensorBoardLog",
    "TrainingState",
    "W1Monitor",
    "W1Record",
    "load_checkpoint",
    "progress_bar",
    "read_log",
    "run",
    "save_checkpoint",
]
