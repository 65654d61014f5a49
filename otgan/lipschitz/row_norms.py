"""Bounds of layers on the way through the maximum norm: rows of weights instead of spectral norms."""

from __future__ import annotations

from typing import Any

from torch import nn

from otgan.critics.layers import GroupSort
from otgan.lipschitz.layers import finite_weight, known_constant
from otgan.lipschitz.walk import UnknownModuleError
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

    Attributes:
        outputs: Rows of the last weight; unless it is 1, the product is not one for the Euclidean norm.

    Source: Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation.
    """

    def __init__(self) -> None:
        self._order = 2
        self.outputs = 1

    def __call__(self, kind: type[nn.Module], layer: Any, what: str) -> float:
        """The proven constant of the next layer, in the norms that it stands between.

        Raises:
            UnknownModuleError: If none is known.
        """
        if kind is nn.Linear:
            with finite_weight(what):
                bound = float(row_norms_upper_bound(layer.weight, self._order).max())
            self._order, self.outputs = 1, layer.out_features
            return bound
        if kind not in SAME_IN_MAXIMUM_NORM:
            raise UnknownModuleError(f"no Lipschitz constant in the maximum norm is known for {what}")
        return known_constant(kind, layer, what)
