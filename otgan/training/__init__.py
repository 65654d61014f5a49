"""The one training loop: what repeats a step, watches its numbers and stops when they are no longer numbers."""

from otgan.training.loop import Callback, Metrics, run_steps

__all__ = ["Callback", "Metrics", "run_steps"]
