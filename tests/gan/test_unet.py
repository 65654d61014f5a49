import pytest
import torch
from torch import nn

from otgan.errors import InvalidShapeError
from otgan.gan.system import Task
from otgan.gan.unet import image_velocity, waves


def task(shape):
    return Task(shape, "dcgan", (16,), 32)


def draws(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def with_an_end(network):
    """A network whose last layer, 0 at first, is something else."""
    nn.init.normal_(network.last.weight, generator=torch.Generator().manual_seed(1))
    return network


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (1, 32, 32), (3, 64, 64), (1, 9, 5)], ids=str)
def test_velocities_have_the_shape_of_the_points_and_begin_at_zero(shape):
    network = image_velocity(task(shape), 0)
    points, times = draws(2, task(shape).dim), torch.tensor([0.0, 1.0])
    with torch.no_grad():
        assert torch.equal(network(points, times), torch.zeros_like(points))
        assert with_an_end(network)(points, times).shape == points.shape


def test_points_do_not_see_each_other_and_each_sees_its_own_time():
    network = with_an_end(image_velocity(task((1, 8, 8)), 0))
    points, times = draws(4, 64), torch.tensor([0.1, 0.4, 0.4, 0.9])
    with torch.no_grad():
        together = network(points, times)
        alone = torch.cat([network(points[k : k + 1], times[k : k + 1]) for k in range(4)])
        later = network(points, times + torch.tensor([0.0, 0.05, 0.0, 0.0]))
    assert torch.allclose(together, alone, atol=1e-4)
    changed = (together - later).abs().amax(dim=1) > 1e-2
    assert changed.tolist() == [False, True, False, False]


def test_the_seed_alone_decides_the_weights():
    before = torch.get_rng_state()
    one, again, other = (image_velocity(task((1, 8, 8)), seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["first.weight"], other["first.weight"])


def test_every_weight_is_trained():
    network = with_an_end(image_velocity(task((1, 8, 8)), 0))
    network(draws(2, 64), torch.tensor([0.2, 0.7])).square().sum().backward()
    assert all(weight.grad.any() for weight in network.parameters())


def test_a_straight_way_is_learnt():
    """All images are one image, so that the velocity is (image − x) / (1 − t)."""
    network = image_velocity(task((1, 8, 8)), 0)
    image = draws(64, seed=3).sign()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    rng = torch.Generator().manual_seed(0)

    def loss(n):
        z, t = torch.randn(n, 64, generator=rng), 0.9 * torch.rand(n, generator=rng)
        places = z + t[:, None] * (image - z)
        return (network(places, t) - (image - z)).square().mean()

    with torch.no_grad():
        first = loss(64)
    for _ in range(40):
        optimizer.zero_grad()
        loss(16).backward()
        optimizer.step()
    with torch.no_grad():
        assert loss(64) < 0.4 * first


def test_times_differ_in_their_waves():
    features = waves(torch.tensor([0.0, 0.001, 0.5, 1.0]))
    assert features.abs().max() <= 1
    assert torch.cdist(features, features).add(torch.eye(4)).min() > 0.5


def test_other_points_are_refused():
    with pytest.raises(InvalidShapeError, match=r"shape must be \(channels, height, width\), got \(2,\)"):
        image_velocity(task((2,)), 0)
