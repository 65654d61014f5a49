import math

import numpy as np
import pytest

from otgan.plots import FIGURE_NAMES
from otgan.report.captions import captions
from otgan.report.markdown import escape
from otgan.report.numbers import number, percent, quantities, sample
from otgan.report.provenance import plain, summary
from tests.plots.reports import certified, report


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456, "0.1235"), (-2.0, "−2"), (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "not available"), (0.0, "0")],
)
def test_numbers_in_words(value, text):
    assert number(value) == text


def test_percent_keeps_its_sign():
    assert percent(0.015) == "+1.5 %"
    assert percent(-0.015) == "−1.5 %"
    assert percent(math.inf) == "∞"


def test_a_sample_is_not_counted_twice():
    assert sample("5 points", 5) == "5 points"
    assert sample("1 points", 1) == "1 point"
    assert sample("Gaussian", 5) == "Gaussian, 5 points"


def test_every_quantity_has_one_plain_sentence_and_a_kind():
    for found in (report(), certified(2.0)):
        for entry in quantities(found):
            assert entry.meaning.endswith(".")
            assert entry.kind in ("proven", "not proven", "measured", "stated", "estimate ± standard error")


def test_what_is_not_certified_bounds_nothing():
    names = ("Proven by its slope", "Proven slope bound")
    for found, kind in ((report(), "not proven"), (certified(2.0), "proven")):
        chosen = [entry for entry in quantities(found) if entry.name in names]
        assert len(chosen) == 2
        assert all(entry.kind == kind and bool(entry.bounds) == (kind == "proven") for entry in chosen)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_every_figure_has_a_caption(d):
    assert set(captions(report(d))) == set(FIGURE_NAMES)


def test_plain_is_what_strict_json_can_hold():
    given = {"a": np.float32(0.5), "b": [np.nan, (1, True)], "c": np.array([1.0, np.inf]), 4: None, "e": {1}}
    assert plain(given) == {"a": 0.5, "b": [None, [1, True]], "c": [1.0, None], "4": None, "e": "{1}"}


def test_no_history_has_no_ends():
    assert summary(()) == {"recorded": 0}


def test_markdown_reads_as_it_was_typed():
    assert escape("a|b\n*c* <d> [e](f) _g_ &") == r"a\|b \*c\* &lt;d&gt; \[e\](f) \_g\_ &amp;"
