"""Critics: networks whose Lipschitz constraint is held in training, and how they are trained and kept."""

from otgan.critics.checks import check_critic
from otgan.critics.files import load_critic, save_critic
from otgan.critics.networks import MLPCritic
from otgan.critics.penalties import gradient_penalty
from otgan.critics.train import METHODS, train

__all__ = ["METHODS", "MLPCritic", "check_critic", "gradient_penalty", "load_critic", "save_critic", "train"]
