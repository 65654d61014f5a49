import io

import numpy as np
import pytest

from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.lipschitz import section
from otgan.plots import cones_figure, save_png


def title(figure):
    return figure.axes[0].get_title(loc="left")


def test_a_section_is_the_critic_along_the_segment():
    found = section(lambda p: 2 * p[:, 0] + p[:, 1], (0.0, 0.0), (3.0, 4.0), resolution=11)
    assert found.distances == pytest.approx(np.linspace(0, 5, 11))
    assert found.values == pytest.approx(np.linspace(0, 10, 11))
    with pytest.raises(InvalidShapeError, match="start and end must be two points"):
        section(lambda p: p[:, 0], (0.0, 0.0), (1.0,))


def test_what_leaves_the_cones_is_counted():
    # |x| / 2, and slope 2 beyond 1: seen from 0, 2 x - 1.5 exceeds x beyond 1.5, a quarter of [0, 2].
    bent = section(lambda p: np.maximum(abs(p[:, 0]) / 2, 2 * p[:, 0] - 1.5), (0.0,), (2.0,), resolution=2001)
    assert "25.0% outside" in title(cones_figure(bent, apex=0))
    assert "all inside" in title(cones_figure(bent, apex=0, k=2))
    assert "outside" in title(cones_figure(bent))
    flat = cones_figure(section(lambda p: 0 * p[:, 0], (0.0,), (1.0,)))
    assert "all inside" in title(flat)
    save_png(flat, io.BytesIO())


def test_bad_input():
    line = section(lambda p: p[:, 0], (0.0,), (1.0,), resolution=5)
    with pytest.raises(InvalidValueError, match="k must be in"):
        cones_figure(line, k=0)
    with pytest.raises(InvalidValueError, match="apex must be between 0 and 4"):
        cones_figure(line, apex=5)
