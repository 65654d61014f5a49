"""Critics: networks whose Lipschitz constraint is held in training, and how they are trained and kept."""

from otgan.critics.checks import check_critic
from otgan.critics.files import load_critic, save_critic
from otgan.critics.method import Method
from otgan.critics.networks import ConesCritic, Critic, MLPCritic
from otgan.critics.penalties import gradient_penalty
from otgan.critics.registry import METHODS, get_method
from otgan.critics.repair import potentials
from otgan.critics.train import train, train_many
from otgan.critics.wgan import clipped_share, clipped_weights

__all__ = [
    "METHODS",
    "ConesCritic",
    "Critic",
    "MLPCritic",
    "Method",
    "check_critic",
    "clipped_share",
    "clipped_weights",
    "get_method",
    "gradient_penalty",
    "load_critic",
    "potentials",
    "save_critic",
    "train",
    "train_many",
]
