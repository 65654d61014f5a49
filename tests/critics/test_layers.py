import numpy as np
import pytest
import torch

from otgan.critics.layers import Cones, GroupSort
from otgan.errors import InvalidShapeError, InvalidValueError


@pytest.mark.parametrize("size", [2, 4, None])
def test_sorting_is_that_of_numpy_in_every_group(size):
    z = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    groups = z.numpy().reshape(3, 5, -1, size or 8)
    assert (GroupSort(size)(z).numpy() == np.sort(groups, axis=-1).reshape(3, 5, 8)).all()


def test_a_gradient_keeps_its_norm():
    z = torch.randn(6, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
    back = torch.randn(6, 8, generator=torch.Generator().manual_seed(2))
    (gradient,) = torch.autograd.grad(GroupSort(2)(z), z, back)
    assert gradient.norm(dim=1).numpy() == pytest.approx(back.norm(dim=1).numpy())


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(InvalidValueError, match="group_size"):
        GroupSort(1)
    with pytest.raises(InvalidShapeError, match="multiple of the group size 2"):
        GroupSort(2)(torch.zeros(1, 3))
    with pytest.raises(InvalidShapeError, match="one for each cone"):
        Cones(np.zeros((3, 2)), np.zeros(2))


def test_cones_are_the_envelope_and_have_a_gradient_at_the_tip():
    cones = Cones([[0.0, 0.0], [3.0, 4.0]], [1.0, 5.0])
    assert cones(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).tolist() == pytest.approx(
        [1.0, 5.0, 0.757359], 1e-5
    )
    z = torch.zeros(1, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(cones(z).sum(), z)
    assert gradient.isfinite().all()
