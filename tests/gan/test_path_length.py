import numpy as np
import pytest
import torch
from torch import nn

from otgan.errors import InvalidValueError, NotProvidedError
from otgan.gan import Generated, Task, get_system, train_gan
from otgan.gan.path_length import (
    DECAY,
    MEAN,
    path_length_penalty,
    path_length_variation,
    path_lengths,
    unit_vectors,
)

A = torch.tensor([[3.0, 0.0, 1.0], [0.0, 0.5, 2.0]])  # (2, 3): noise of 3 coordinates to points of the plane


def linear(matrix):
    layer = nn.utils.skip_init(nn.Linear, matrix.shape[1], matrix.shape[0], bias=False)
    with torch.no_grad():
        layer.weight.copy_(matrix)
    return layer


def generated(generator, noise_dim=3):
    task = Task((2,), "mlp", (), noise_dim)
    return Generated(get_system("wgan-gp"), task, {"generator": generator}, np.zeros(2), 1.0)


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def test_lengths_of_a_linear_map():
    noise, directions = torch.zeros(2, 3), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    lengths = path_lengths(linear(A), noise, directions)
    # The rows of A, and .6 times the one plus .8 times the other: (1.8, .4, 2.2).
    assert lengths.tolist() == pytest.approx([10**0.5, (1.8**2 + 0.4**2 + 2.2**2) ** 0.5], rel=1e-6)


def test_lengths_of_a_curved_map():
    class Squares(nn.Module):
        def forward(self, noise):
            return noise**2

    noise = torch.tensor([[1.0, -2.0]])  # J = diag(2, −4)
    length = float(path_lengths(Squares(), noise, torch.tensor([[0.6, 0.8]])).detach())
    assert length == pytest.approx((1.2**2 + 3.2**2) ** 0.5)


def test_directions_are_uniform_on_the_sphere():
    y = unit_vectors((4000, 3), draws(), torch.empty(0))
    assert torch.allclose(y.norm(dim=1), torch.ones(4000))
    # Uniform: mean 0, and E y yᵀ = I/3; entries vary by less than 1, so five standard errors are below .08.
    assert torch.allclose(y.mean(0), torch.zeros(3), atol=0.08)
    assert torch.allclose(y.T @ y / 4000, torch.eye(3) / 3, atol=0.08)


def test_the_penalty_is_the_distance_from_a_mean_that_runs():
    generator, numbers = linear(A), {}
    noise, directions = torch.zeros(2, 3), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    lengths = np.array([10**0.5, 4.25**0.5])
    penalty = path_length_penalty(generator, noise, directions, numbers)
    assert numbers[MEAN] == pytest.approx(lengths.mean(), rel=1e-6)
    assert float(penalty.detach()) == pytest.approx(lengths.var(), rel=1e-5)
    numbers[MEAN] = 5.0
    penalty = path_length_penalty(generator, noise, directions, numbers)
    mean = 5 + DECAY * (lengths.mean() - 5)
    assert numbers[MEAN] == pytest.approx(mean, rel=1e-6)
    assert float(penalty.detach()) == pytest.approx(((lengths - mean) ** 2).mean(), rel=1e-5)
    # The mean is held: d/dA of the penalty is that of the lengths alone, ℓ' = A's row over its length.
    penalty.backward()
    by_hand = (torch.from_numpy(lengths).float() - mean)[:, None] * A / torch.from_numpy(lengths).float()[:, None]
    assert torch.allclose(generator.weight.grad, by_hand, atol=1e-5)


def test_variation_of_linear_maps():
    isometry = torch.linalg.qr(torch.randn(3, 3, generator=draws())).Q[:2]
    assert path_length_variation(generated(linear(4 * isometry)), n=500) == pytest.approx(0, abs=1e-6)
    # ‖Aᵀy‖² = cos² + 9 sin² of a uniform angle.
    angles = (np.arange(100_000) + 0.5) / 100_000 * 2 * np.pi
    lengths = np.sqrt(np.cos(angles) ** 2 + 9 * np.sin(angles) ** 2)
    stretched = path_length_variation(generated(linear(torch.tensor([[1.0, 0.0], [0.0, 3.0]])), 2), n=10_000, seed=1)
    # Five standard errors of a coefficient of variation v near .35, about v / √(2 n).
    assert stretched == pytest.approx(lengths.std() / lengths.mean(), abs=5 * 0.35 / (2 * 10_000) ** 0.5)


def test_variation_for_a_caller_who_wants_no_gradients():
    learnt = generated(linear(A))
    with torch.inference_mode():
        within = path_length_variation(learnt, n=10)
    assert within == path_length_variation(learnt, n=10)


def test_variation_leaves_no_gradient_behind():
    generator = linear(A)
    path_length_variation(generated(generator), n=10)
    assert generator.weight.grad is None


def test_training_with_the_penalty_evens_lengths_out():
    """A linear generator of stretched data: without the penalty it stretches as the data does."""
    points = np.random.default_rng(0).standard_normal((500, 2)) * [3.0, 0.3]
    variation = {}
    for weight in (0.0, 5.0):
        generator = linear(torch.diag(torch.tensor([3.0, 0.3])))
        system = get_system("wgan-gp", path_length=weight, learning_rate=0.2, n_critic=1)
        learnt = train_gan(
            points, system, generator=generator, hidden=(8,), steps=60, batch_size=32, ema=0.0, threads=1, monitor=False
        )
        variation[weight] = path_length_variation(learnt, n=1000)
    assert variation[5.0] < 0.5 * variation[0.0]


def test_the_running_mean_is_among_the_numbers_of_a_run(tmp_path):
    class StoppedError(Exception):
        pass

    def stop(step, metrics):
        if step == 6:  # one penalty has been computed, at step 4, and the next one is to come, at step 8
            raise StoppedError

    options = {
        "method": get_system("gan", path_length=1.0), "hidden": (8,), "steps": 9, "batch_size": 16, "threads": 1,
        "monitor": False, "every": 1,
    }  # fmt: skip
    points = np.random.default_rng(0).standard_normal((100, 2))
    logged: dict[str, list] = {"whole": [], "resumed": []}

    def keep(name):
        return lambda k, numbers: logged[name].append((k, numbers.get("path_length_penalty")))

    whole = train_gan(points, callbacks=[keep("whole")], **options)
    with pytest.raises(StoppedError):
        train_gan(points, folder=tmp_path, checkpoint_seconds=1e-9, callbacks=[stop], **options)
    resumed = train_gan(points, folder=tmp_path, resume=True, callbacks=[keep("resumed")], **options)
    assert logged["resumed"] == logged["whole"][5:]
    assert [k for k, penalty in logged["whole"] if penalty is not None] == [4, 8]
    state = resumed.networks["generator"].state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in whole.networks["generator"].state_dict().items())


def test_only_generators_have_path_lengths():
    learnt = generated(linear(A))
    learnt.networks = {"velocity": linear(A)}
    with pytest.raises(NotProvidedError, match="has no generator; measure one"):
        path_length_variation(learnt)
    with pytest.raises(InvalidValueError, match="n must be at least 2"):
        path_length_variation(generated(linear(A)), n=1)
