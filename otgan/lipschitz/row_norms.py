"""Bounds of layers on the way through the maximum norm: rows of weights instead of spectral norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from otgan.critics.layers import GroupSort
from otgan.errors import InvalidValueError
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
    r"""Factors of a chain of layers, asked in turn: the first weight maps into the maximum norm, the others within it.

    A chain f of linear maps W_1, ..., W_L, the last one with a single row, and of layers with the same constant in both
    norms, 1 say, is Lipschitz in the Euclidean norm of its points with the constant

    $$\|W_1\|_{2 \to \infty} \prod_{l > 1} \|W_l\|_\infty, \qquad
    \|W\|_{2 \to \infty} = \max_i \|w_i\|_2, \quad \|W\|_\infty = \max_i \|w_i\|_1 \quad (w_i \text{ the rows}),$$

    since each factor bounds a map from the norm in which the one before it ends.

    Source: Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation, Sec. 4.
    """

    def __init__(self, constant: Callable[[type[nn.Module], Any, str], float]) -> None:
        self._constant, self._order = constant, 2

    def __call__(self, kind: type[nn.Module], layer: Any, what: str) -> float:
        """The factor of the next layer of the chain; `constant` gives those of layers without weights.

        Raises:
            UnknownModuleError: If its constant in the maximum norm is not known.
        """
        if kind in SAME_IN_MAXIMUM_NORM:
            return self._constant(kind, layer, what)
        if kind is not nn.Linear:
            raise UnknownModuleError(f"no Lipschitz constant in the maximum norm is known for {what}")
        try:
            bound = float(row_norms_upper_bound(layer.weight, self._order).max())
        except InvalidValueError as error:
            raise UnknownModuleError(f"the weight of {what} is {error.value}") from error
        self._order = 1
        return bound
