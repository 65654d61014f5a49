import dataclasses
import io
import math
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text

from otgan.errors import InvalidValueError
from otgan.plots import (
    FIGURE_NAMES,
    alignment_figure,
    as_svg,
    bounds_figure,
    landscape_figure,
    save_png,
    slopes_figure,
    training_figure,
    transport_figure,
    validation_figures,
)
from tests.plots.reports import HISTORY, WRITTEN, certified, degenerate, report

DEGENERATE = degenerate()


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def drawn(figure):
    file = io.BytesIO()
    save_png(figure, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("d", "names"),
    [
        (1, ["bounds", "transport", "alignment", "slopes"]),
        (2, ["bounds", "landscape", "transport", "alignment", "slopes"]),
        (3, ["bounds", "transport", "alignment", "slopes"]),
    ],
)
def test_figures_fit_the_dimension_and_the_history(d, names):
    found = report(d)
    assert list(validation_figures(found)) == names
    with_history = validation_figures(found, HISTORY)
    assert list(with_history) == [*names, "training"]
    assert set(with_history) <= set(FIGURE_NAMES)
    if d != 2:  # which tests/report/test_write.py draws
        assert all(drawn(figure).startswith(b"\x89PNG") for figure in with_history.values())


def test_the_bounds_are_labelled_with_their_numbers():
    found = certified(2.0)
    text = texts(bounds_figure(found))
    for value in (
        found.estimate.value,
        found.truth.distance,
        found.lower_bounds.by_c_transform,
        found.lower_bounds.by_lipschitz,
        found.noise_floor.source,
        found.noise_floor.target,
    ):
        assert f"{value:.4g}" in text
    assert f"± {found.estimate.standard_error:.2g}" in text


def test_the_marks_stand_where_the_numbers_are():
    found = report()
    ax = bounds_figure(found).axes[0]
    left, right = ax.get_xlim()
    assert left < min(0.0, found.lower_bounds.best)
    assert right > max(found.estimate.value, found.truth.upper)
    assert any(np.allclose(line.get_xdata(), found.truth.distance) for line in ax.lines)


def test_a_bracket_that_can_be_seen_is_spelled_out():
    found = report()
    wide = dataclasses.replace(found, truth=dataclasses.replace(found.truth, distance=2.0, lower=1.5, upper=2.25))
    assert "proven to be in 1.5 … 2.25" in texts(bounds_figure(wide))


@pytest.mark.parametrize(("name", "sign"), [("far too large", ""), ("far too small", "−")])
def test_a_number_off_the_scale_is_said_and_leaves_room_for_the_truth(name, sign):
    found = DEGENERATE[name]
    figure = bounds_figure(found)
    assert f"{sign}{abs(found.estimate.value):.4g} ±" in texts(figure)
    assert "off the scale" in texts(figure)
    left, right = figure.axes[0].get_xlim()
    assert right - left < 5 * found.truth.distance


def test_nothing_proven_is_said():
    found = report()
    assert math.isinf(found.slopes.upper)
    assert "nothing: no upper bound of its slope is proven" in texts(bounds_figure(found))
    assert "no upper bound is proven" in texts(slopes_figure(found))


def test_slopes_show_what_is_stated_seen_and_proven():
    near = texts(slopes_figure(certified(1.25)))
    assert all(part in near for part in ("allowed: K = 1", "steepest seen: 1", "proven: never above 1.25"))
    assert "→" not in near
    assert "proven: never above 77  →" in texts(slopes_figure(certified(77.0)))


def test_the_landscape_has_both_maps_centred_and_the_slopes_around_the_stated_constant():
    found = report()
    critic, exact, slopes, *_ = landscape_figure(found).axes
    assert [ax.get_title("left") for ax in (critic, exact)] == ["critic, f / K", "exact potential"]
    assert critic.images[0].norm.vmin == exact.images[0].norm.vmin
    assert critic.images[0].norm.vmax == exact.images[0].norm.vmax
    assert slopes.images[0].norm(found.slopes.stated) == 0.5
    shown, evidence = critic.images[0].get_array(), found.evidence
    at_samples = np.concatenate([evidence.critic_x, evidence.critic_y]).mean()
    np.testing.assert_allclose(shown, evidence.critic_grid - at_samples, rtol=0, atol=1e-12)


def test_the_landscape_is_for_two_variables():
    with pytest.raises(InvalidValueError, match="report must be of two variables, got d = 3; use transport_figure"):
        landscape_figure(report(3))


def test_transport_in_many_dimensions_says_that_it_is_a_projection():
    assert "projected on two principal axes" in texts(transport_figure(report(3)))
    assert "projected" not in texts(transport_figure(report(2)))
    assert "critic and exact potential" in texts(transport_figure(report(1)))


def test_the_same_few_arcs_are_drawn_every_time():
    found = report(2, n=400)
    one, other = (transport_figure(found).axes[0].collections[0].get_segments() for _ in range(2))
    assert len(one) == 300
    np.testing.assert_array_equal(one, other)


def test_alignment_shows_its_mean_and_all_of_the_mass():
    found = report()
    figure = alignment_figure(found)
    assert f"mean {found.alignment.mean:.4g}" in texts(figure)
    assert "perfect: +1" in texts(figure)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == pytest.approx(100)


def test_training_is_drawn_in_the_units_of_the_report():
    found = report()
    halved = dataclasses.replace(found, slopes=dataclasses.replace(found.slopes, stated=2.0))
    figure = training_figure(HISTORY, halved)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [row["estimate"] / 2 for row in HISTORY])
    assert f"exact W1 of the held-out samples: {found.truth.distance:.4g}" in texts(figure)
    assert "exact W1" not in texts(training_figure(HISTORY))


def test_training_without_some_numbers_is_drawn():
    history = [{"step": 1, "estimate": math.nan}, {"step": 2, "estimate": 1.0, "penalty": 0.0}]
    figure = training_figure(history, report())
    assert "nothing recorded" in texts(figure)
    assert drawn(figure)


@pytest.mark.parametrize("name", [name for name in DEGENERATE if name not in WRITTEN])
def test_no_degenerate_report_breaks_a_figure(name):
    """As pixels, like those that are written elsewhere; as lines they all are among the slow tests."""
    for figure in validation_figures(DEGENERATE[name]).values():
        assert drawn(figure).startswith(b"\x89PNG")


def test_a_training_of_one_step_is_drawn():
    figure = training_figure(HISTORY[:1], DEGENERATE["one point each"])
    assert drawn(figure).startswith(b"\x89PNG")
    assert b"</svg>" in as_svg(figure)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEGENERATE)
def test_no_degenerate_report_breaks_the_lines_of_a_figure(name):
    for figure in validation_figures(DEGENERATE[name], HISTORY[:1]).values():
        assert b"</svg>" in as_svg(figure)


@pytest.mark.slow  # tests/report/test_write.py compares the files of another report, its figures among them
def test_the_same_report_gives_the_same_bytes():
    one, other = (validation_figures(DEGENERATE["steep"], HISTORY) for _ in range(2))
    for name, figure in one.items():
        assert as_svg(figure) == as_svg(other[name])


def test_the_callers_style_is_neither_used_nor_changed():
    plain = drawn(bounds_figure(report()))
    with matplotlib.rc_context({"figure.facecolor": "black", "text.color": "lime", "axes.facecolor": "blue"}):
        before = dict(matplotlib.rcParams)
        assert drawn(bounds_figure(report())) == plain
        assert dict(matplotlib.rcParams) == before


def test_pyplot_is_not_touched():
    validation_figures(report(), HISTORY)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
