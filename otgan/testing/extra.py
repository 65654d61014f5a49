"""Hypothesis, or an error that says how to get it."""

from __future__ import annotations

from otgan.errors import MissingDependencyError

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import DrawFn, SearchStrategy
except ImportError as error:
    raise MissingDependencyError(
        "the strategies of otgan.testing need Hypothesis, which is not installed; run pip install 'otgan[testing]' "
        "(the assertions work without it)"
    ) from error

__all__ = ["DrawFn", "SearchStrategy", "st"]
