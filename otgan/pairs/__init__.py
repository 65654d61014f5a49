"""Pairs of measures that have a name."""

from otgan.pairs.registry import Pair, get_pair, pair_names

__all__ = ["Pair", "get_pair", "pair_names"]
