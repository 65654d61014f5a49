"""New networks for a task, of the kind that it asks for."""

from __future__ import annotations

from torch import nn

from otgan.gan import dcgan
from otgan.gan.networks import mlp
from otgan.gan.system import Task


def build_generator(task: Task, seed: int) -> nn.Module:
    """A generator, (n, noise_dim) -> (n, D), with weights that the seed alone decides.

    Raises:
        InvalidShapeError: If the task's net is "dcgan" and its points are no images of a size that fits.
    """
    if task.net == "dcgan":
        return dcgan.generator(task, seed)
    return mlp((task.noise_dim, *task.hidden, task.dim), seed)


def build_critic(task: Task, seed: int) -> nn.Module:
    """A critic or discriminator, flat points (n, D) -> (n, 1), a plain chain of layers that couples no points.

    Raises:
        InvalidShapeError: As in `build_generator`.
    """
    if task.net == "dcgan":
        return dcgan.critic(task, seed)
    return mlp((task.dim, *task.hidden, 1), seed)
