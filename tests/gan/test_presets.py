import inspect

import numpy as np
import pytest
import torch

from otgan.errors import InvalidValueError
from otgan.gan import SYSTEMS, Task, get_system, preset, train_gan
from otgan.gan.data import TOYS
from otgan.gan.from_noise import steep_mlp


@pytest.mark.parametrize("method", SYSTEMS)
@pytest.mark.parametrize("data", TOYS)
def test_there_are_settings_for_every_toy_and_system(data, method):
    settings = preset(data, method)
    assert settings["steps"] > 0
    assert settings.keys() <= inspect.signature(train_gan).parameters.keys()
    assert settings == preset(data, get_system(method))


def test_many_modes_take_longer():
    assert preset("25gaussians", "wgan-gp")["steps"] > preset("8gaussians", "wgan-gp")["steps"]


def test_images_take_small_batches():
    points, images = (preset(np.zeros((8, *shape)), "flow-matching") for shape in ((64,), (8, 8)))
    assert images["batch_size"] < inspect.signature(train_gan).parameters["batch_size"].default
    assert "batch_size" not in points


def test_unknown_names_are_refused():
    with pytest.raises(InvalidValueError, match="method must be one of"):
        preset("8gaussians", "wgan-pg")
    with pytest.raises(InvalidValueError, match="data must be one of"):
        preset("9gaussians", "wgan-gp")


def test_generators_begin_steep():
    """Weights before a tanh have the variance 2 gain² / fan-in, the last ones 2 / fan-in."""
    network = steep_mlp(Task((400,), "mlp", (300, 200), 100), 0, 3.0)
    for layer, gain in zip(network[::2], (3, 3, 1), strict=True):
        spread = gain * (2 / layer.in_features) ** 0.5
        # A standard deviation of n normal numbers varies by its share 1 / √(2 n).
        assert float(layer.weight.detach().std()) == pytest.approx(spread, rel=5 / (2 * layer.weight.numel()) ** 0.5)
        assert not layer.bias.any()
    again = steep_mlp(Task((400,), "mlp", (300, 200), 100), 0, 3.0)
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), again.parameters(), strict=True))
