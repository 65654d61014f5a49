import numpy as np
import pytest
import torch

from otgan.critics import train, train_many
from otgan.errors import InvalidValueError
from otgan.measures import Gaussian

SOURCE, TARGET = Gaussian([3.0, 4.0], np.eye(2)), Gaussian([0.0, 0.0], np.eye(2))


def test_a_stack_gives_the_critics_that_come_one_by_one():
    options = {"hidden": (8, 8), "steps": 20, "batch_size": 16}
    many = train_many(SOURCE, TARGET, seeds=[3, 1, 4], **options)
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    for seed, critic in zip([3, 1, 4], many, strict=True):
        # Twenty steps magnify the rounding of float32, 6e-8, by a few hundred at most.
        assert torch.allclose(critic(points), train(SOURCE, TARGET, seed=seed, **options)(points), atol=1e-4)
        assert not critic.training
        assert critic.scale != many[0].scale or critic is many[0]


def test_a_stack_of_one_and_means_over_the_stack():
    seen = {}
    one = train_many(SOURCE, TARGET, seeds=[2], steps=3, hidden=(8,), batch_size=16)[0]
    alone = train(SOURCE, TARGET, seed=2, steps=3, hidden=(8,), batch_size=16)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), alone.parameters(), strict=True))
    train_many(SOURCE, TARGET, seeds=[0, 1], steps=2, hidden=(8,), batch_size=16, callbacks=[seen.__setitem__])
    assert set(seen[1]) == {"loss", "estimate", "penalty", "gradient_norm"}


@pytest.mark.parametrize("seeds", [[], 3, "01"])
def test_seeds_are_checked(seeds):
    with pytest.raises(InvalidValueError, match="seeds must be 1 to 1024 integers"):
        train_many(SOURCE, TARGET, seeds=seeds)
