"""Bounds of layers on the way through the maximum norm: rows of weights instead of spectral norms."""

from __future__ import annotations

from torch import Tensor, nn

from otgan.critics.layers import GroupSort
from otgan.operator_norms import row_norms_upper_bound

#: Layers whose Lipschitz constant in the maximum norm is that in the Euclidean one: what acts on each entry alone has
#: the largest slope of an entry in both, and sorting has 1, since the k-th largest entry moves no further than the
#: entries do.
SAME_IN_MAXIMUM_NORM = frozenset(
    {
        nn.Identity,
        nn.Dropout,
        nn.Flatten,
        GroupSort,
        nn.ReLU,
        nn.LeakyReLU,
        nn.ELU,
        nn.Tanh,
        nn.Sigmoid,
        nn.Softplus,
    }
)


class RowNorms:
    r"""Norms of the weights of a chain, asked in turn: the first into the maximum norm, the others within it.

    A chain f of linear maps W_1, ..., W_L, the last one with a single row, and of layers that are 1-Lipschitz in the
    maximum norm (before W_1: in the Euclidean norm) is Lipschitz in the Euclidean norm of its points with the constant

    $$\|W_1\|_{2 \to \infty} \prod_{l > 1} \|W_l\|_\infty, \qquad
    \|W\|_{2 \to \infty} = \max_i \|w_i\|_2, \quad \|W\|_\infty = \max_i \|w_i\|_1 \quad (w_i \text{ the rows}),$$

    since each factor bounds a map from the norm in which the one before it ends.

    Source: Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation, Sec. 4.
    """

    def __init__(self) -> None:
        self._order = 2

    def __call__(self, weight: Tensor) -> float:
        """The proven bound of the next weight's norm, (m, n)."""
        bound = float(row_norms_upper_bound(weight, self._order).max())
        self._order = 1
        return bound
