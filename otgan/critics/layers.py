"""Layers that networks of Lipschitz constant 1 are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.checks import as_count, as_number, as_points, as_real_array
from otgan.errors import InvalidShapeError


class GroupSort(nn.Module):
    r"""Sorts the entries of each point within groups of neighbours, ascending; of size 2 it is MaxMin.

    Sorting permutes, and which permutation it is changes only where two entries agree: so the layer is continuous, is
    1-Lipschitz in every norm that ignores the order of entries, and keeps the norm of every gradient that flows back.

    Args:
        group_size: Entries of a group, at least 2; None sorts all of them.

    Raises:
        InvalidValueError: If the group size is below 2.

    Source: Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation.

    >>> GroupSort(2)(torch.tensor([[3.0, 1.0, 2.0, 5.0]]))
    tensor([[1., 3., 2., 5.]])
    """

    def __init__(self, group_size: int | None = 2) -> None:
        super().__init__()
        self.group_size = None if group_size is None else as_count("group_size", group_size, low=2)

    def forward(self, points: Tensor) -> Tensor:
        """Sort (..., k); k must be a multiple of the group size."""
        size = points.shape[-1] if self.group_size is None else self.group_size
        if points.shape[-1] % size:
            raise InvalidShapeError(
                "width", f"be a multiple of the group size {size}", points.shape[-1], "choose a width that is one"
            )
        groups = points.unflatten(-1, (-1, size))
        if size == 2:  # forward and backward take half as long as those of a sort, a quarter of those of amin and amax
            swap = (groups[..., :1] > groups[..., 1:]).long()
            return groups.gather(-1, torch.cat([swap, 1 - swap], dim=-1)).flatten(-2)
        return groups.sort(dim=-1).values.flatten(-2)

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        return f"group_size={self.group_size}"


class Cones(nn.Module):
    r"""The upper envelope of cones, $f(x) = \max_k b_k - K \|x - c_k\|$: K-Lipschitz whatever c and b are.

    Every K-Lipschitz function is such an envelope, with a cone at each point of space; with cones at the points of a
    sample alone it takes any values there that a K-Lipschitz function can take.

    Args:
        centres: c, (k, d), in units of length.
        heights: b, (k,), in units of length; 0 by default.
        slope: K > 0.

    Attributes:
        centres: c, a parameter in float32.
        heights: b, a parameter in float32.
        slope: K.

    Source: McShane (1934), Extension of range of functions, Theorem 1.

    >>> Cones([[0.0, 0.0]])(torch.tensor([[3.0, 4.0]]))
    tensor([-5.], grad_fn=<ViewBackward0>)
    """

    def __init__(self, centres: Any, heights: Any = None, *, slope: float = 1.0) -> None:
        super().__init__()
        c = as_points("centres", centres)
        b = as_real_array("heights", np.zeros(len(c)) if heights is None else heights)
        if b.shape != (len(c),):
            raise InvalidShapeError("heights", f"have shape ({len(c)},)", f"shape {b.shape}", "give one for each cone")
        self.slope = as_number("slope", slope, low=0, open_low=True)
        self.centres = nn.Parameter(torch.as_tensor(c, dtype=torch.float32))
        self.heights = nn.Parameter(torch.as_tensor(b, dtype=torch.float32))

    def forward(self, points: Tensor) -> Tensor:
        """Evaluate at (..., d); the result has the shape (...,)."""
        places = points.reshape(-1, points.shape[-1])
        # Values and gradients are those of the highest cone alone; so no gradient goes through all the distances.
        with torch.no_grad():
            distances = torch.cdist(places, self.centres, compute_mode="donot_use_mm_for_euclid_dist")
            highest = (self.heights - self.slope * distances).argmax(-1)
        squares = (places - self.centres[highest]).square().sum(-1)
        # At the tip of a cone the square root has no derivative; 0 is one of its subgradients.
        tip = squares == 0
        distance = torch.where(tip, 0.0, torch.where(tip, 1.0, squares).sqrt())
        return (self.heights[highest] - self.slope * distance).reshape(points.shape[:-1])
