import io
import math

import numpy as np
import pytest
from matplotlib.text import Text

from otgan.critics import MLPCritic
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.lipschitz import audit, slope_map
from otgan.plots import save_png, steepness_figure

BOX = [(-1.0, 2.0), (0.0, 2.0)]


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def test_the_map_has_the_slopes_where_they_are():
    """f = x² / 2 + 3 y: slope √(x² + 9), symmetric about x = 0."""
    found = slope_map(lambda p: p[:, 0] ** 2 / 2 + 3 * p[:, 1], domain=BOX, resolution=30)
    assert found.axes.shape == (2, 30)
    assert found.axes[0][0] == pytest.approx(-1 + 3 / 60)
    np.testing.assert_allclose(found.slopes, np.sqrt(found.axes[0][None, :] ** 2 + 9) * np.ones((30, 1)), rtol=1e-6)
    with pytest.raises(InvalidShapeError, match="domain must be a box of two variables"):
        slope_map(lambda p: p[:, 0], domain=[(0, 1)])


@pytest.mark.parametrize(
    ("critic", "says"),
    [
        (MLPCritic(2, hidden=(8,), seed=1), "proven: at most"),
        (lambda p: np.abs(p[:, 0]) * 2, "nothing proven"),
        (lambda p: 0 * p[:, 0], "constant"),
        (lambda p: 0.5 * p[:, 0], "above 1 on 0.00% of the box"),
    ],
    ids=["network", "function", "constant", "flat"],
)
def test_it_says_what_was_seen_and_proven(critic, says):
    found = audit(critic, domain=BOX)
    figure = steepness_figure(found, slope_map(critic, domain=BOX, resolution=20))
    save_png(figure, io.BytesIO())
    assert says in texts(figure)
    if found.lower:
        assert f"steepest: {found.lower:.4g}" in texts(figure)


def test_the_share_above_the_constant():
    critic = MLPCritic(2, hidden=(), seed=0)
    found = audit(critic, domain=BOX)
    slopes = slope_map(critic, domain=BOX, resolution=20)
    assert "on 100.00% of the box" in texts(steepness_figure(found, slopes, k=0.99 * found.lower))
    assert "on 0.00% of the box" in texts(steepness_figure(found, slopes, k=found.upper))
    with pytest.raises(InvalidValueError, match="k must be positive and finite"):
        steepness_figure(found, slopes, k=math.inf)
