import pytest
import torch
from torch import nn

from otgan.critics.checks import check_critic
from otgan.critics.plain_chain import check_chain
from otgan.critics.spectral_norm import SpectralNorm
from otgan.critics.weights import weighted_layers
from otgan.errors import CriticError, InvalidShapeError
from otgan.gan.average import Averages
from otgan.gan.dcgan import critic, generator, halvings
from otgan.gan.registry import SYSTEMS, get_system
from otgan.gan.system import Start, Task
from otgan.gan.weights import drawn

SHAPES = [(1, 8, 8), (3, 16, 16), (1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 8, 16)]


def task(shape):
    return Task(shape, "dcgan", (16, 16), 32)


def noise(n, seed=0, dim=32):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_noise_becomes_flat_images_and_these_become_numbers(shape):
    with torch.no_grad():
        images = generator(task(shape), seed=0)(noise(3))
        values = critic(task(shape), seed=0)(images)
    assert images.shape == (3, task(shape).dim)
    assert images.abs().max() <= 1
    assert values.shape == (3, 1)
    assert values.std() > 0


@pytest.mark.parametrize(("shape", "times"), [((1, 8, 8), 1), ((1, 28, 28), 2), ((3, 64, 64), 4), ((1, 12, 24), 2)])
def test_sides_are_halved_until_they_are_small(shape, times):
    assert halvings(shape) == times
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in generator(task(shape), 0)) == times


@pytest.mark.parametrize("shape", [(2,), (1, 9, 9), (1, 4, 4), (1, 100, 100)], ids=str)
def test_points_that_are_no_images_of_a_fitting_size_are_refused(shape):
    for make in (generator, critic):
        with pytest.raises(InvalidShapeError, match=r"shape must .* net='mlp'"):
            make(task(shape), 0)


def test_the_seed_alone_decides_the_weights():
    before = torch.get_rng_state()
    for make in (generator, critic):
        one, again, other = (make(task((1, 8, 8)), seed).state_dict() for seed in (0, 0, 1))
        assert all(torch.equal(one[name], again[name]) for name in one)
        assert any(not torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), before)


def test_numbers_keep_their_size_through_layers_that_are_drawn():
    """With variance 2 / fan-in, a ReLU hands on the mean square that it was given, whatever the kind of layer."""
    maps = {
        "linear": nn.Linear(512, 512),
        "convolution": nn.Conv2d(64, 64, 3),
        "transposed": nn.ConvTranspose2d(64, 64, 4, stride=2, padding=1),
    }
    for name, layer in maps.items():
        layer = drawn(lambda layer=layer: nn.Sequential(type(layer)(*_arguments(layer))), 0)
        x = noise(16, 1, 512) if name == "linear" else noise(16, 1, 64 * 100).reshape(16, 64, 10, 10)
        with torch.no_grad():
            y = layer(x)
        y = y if name == "linear" else y[:, :, 1:-1, 1:-1]  # at the rim a transposed convolution has fewer terms
        assert y.relu().square().mean() == pytest.approx(1.0, rel=0.1)


def _arguments(layer):
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    return layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding


def test_the_critic_may_be_penalised_and_held_by_its_norms():
    network = critic(task((1, 8, 8)), seed=0)
    points = noise(8, dim=64)
    check_critic(network, points)
    check_chain(network)
    assert len(weighted_layers(network)) == 3
    SpectralNorm().constrain(network)  # and finds a weight to hold in each of them
    assert network(points).shape == (8, 1)


def test_the_generator_is_no_critic_and_couples_samples_in_training_only():
    network = generator(task((1, 8, 8)), seed=0)
    with pytest.raises(CriticError, match="BatchNorm2d"):
        check_critic(network, noise(8))
    z, others = noise(4), noise(4, seed=1)
    network(z)  # so that the running statistics are those of some batch
    coupled = network(z)
    assert not torch.allclose(coupled, network(torch.cat([z, others]))[:4], atol=1e-3)
    network.eval()
    # Kernels may add in another order for another number of images.
    assert torch.allclose(network(z), network(torch.cat([z, others]))[:4], atol=1e-5)
    assert torch.allclose(network(z), torch.cat([network(row[None]) for row in z]), atol=1e-5)


def test_mean_weights_stand_beside_mean_statistics():
    """The mean of what a linear layer gives is linear in its weight, so that here both means are exact."""
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1, momentum=1.0))
    nn.init.zeros_(network[0].weight)
    averages = Averages({"generator": network}, 0.5)
    for k, weight in enumerate([-4.0, 1.0, 2.0, 6.0, -3.0], start=1):
        nn.init.constant_(network[0].weight, weight)
        network(torch.tensor([[1.0], [3.0]]))
        averages.update(k)
    linear, normalisation = averages.networks["generator"]
    assert normalisation.running_mean.item() == pytest.approx(2 * linear.weight.item())
    assert normalisation.num_batches_tracked == 5


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_draws_images_by_convolutions(name):
    images = task((1, 8, 8))
    for network in get_system(name).networks(images, 0).values():
        assert any(isinstance(layer, nn.Conv2d) for layer in network.modules())


@pytest.mark.parametrize("name", ["gan", "wgan", "wgan-gp", "sn-gan"])
def test_critics_of_images_are_convolutions_unless_the_method_asks_for_layers_of_its_own(name):
    start = Start(task((1, 8, 8)), noise(8, dim=64), 0, 1, 8)
    assert any(isinstance(layer, nn.Conv2d) for layer in get_system(name).critic(start))
    assert not any(isinstance(layer, nn.Conv2d) for layer in get_system("groupsort").critic(start))
