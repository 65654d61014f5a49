"""The methods by name, for the command line and `train`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otgan.critics.arguments import read_method
from otgan.critics.c_transform import CTransform
from otgan.critics.cones import ConesMethod
from otgan.critics.cowgan import CoWgan
from otgan.critics.dual_regression import DualRegression
from otgan.critics.groupsort import GroupSortMethod
from otgan.critics.lsot import Lsot
from otgan.critics.method import Method
from otgan.critics.mm import Mm
from otgan.critics.mm_b import MmB
from otgan.critics.mm_r import MmR
from otgan.critics.norm_constrained import NormConstrained
from otgan.critics.r1 import R1
from otgan.critics.spectral_norm import SpectralNorm
from otgan.critics.wgan import Wgan
from otgan.critics.wgan_gp import WganGp
from otgan.critics.wgan_lp import WganLp

#: Every way of training a critic, by its name on the command line.
METHODS: Mapping[str, type[Method]] = {
    method.name: method
    for method in (
        ConesMethod,
        CoWgan,
        CTransform,
        DualRegression,
        GroupSortMethod,
        Lsot,
        Mm,
        MmB,
        MmR,
        NormConstrained,
        R1,
        SpectralNorm,
        Wgan,
        WganGp,
        WganLp,
    )
}


def get_method(method: Any, **options: Any) -> Method:
    """Read a method.

    Args:
        method: A name in `METHODS`, or a `Method` with its hyper-parameters, which is returned as it is.
        **options: Hyper-parameters of a method that is given by name.

    Raises:
        InvalidValueError: If the name is unknown, or an option out of range.
        InvalidTypeError: If it is neither, or an option is unknown.
    """
    read: Method = read_method(method, options, METHODS, Method)
    return read
