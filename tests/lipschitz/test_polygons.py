from fractions import Fraction

import numpy as np
import pytest

from otgan.lipschitz.polygons import Line, box_polygon, chord


def line(a, b, c):
    """With integer coefficients."""
    return Line((float(a), float(b), float(c)), (0.0, 0.0, 0.0), lambda: (a, b, c))


def exact(corner):
    X, Y, D = corner.exact()
    return Fraction(X, D), Fraction(Y, D)


def area(polygon):
    points = [exact(corner) for corner in polygon.corners]
    return sum((x * v - u * y for (x, y), (u, v) in zip(points, points[1:] + points[:1], strict=True))) / 2


def cut(polygons, one):
    """Cut all polygons along a line, with exact signs."""
    parts = []
    for polygon in polygons:
        signs = [corner.side(one.exact()) for corner in polygon.corners]
        if not (1 in signs and -1 in signs):
            parts.append(polygon)
            continue
        (above, kept), (below, left), new = polygon.split(signs, one)
        assert all(corner.side(one.exact()) >= 0 for corner in above.corners)
        assert all(corner.side(one.exact()) <= 0 for corner in below.corners)
        assert all(corner.side(one.exact()) == 0 for corner, _ in new)
        everything = [*polygon.corners, *(corner for corner, _ in new)]
        assert [everything[k] for k in kept] == above.corners
        assert [everything[k] for k in left] == below.corners
        parts += [above, below]
    return parts


@pytest.mark.parametrize("seed", range(8))
def test_parts_add_up_and_corners_lie_on_their_edges(seed):
    """Lines with small integers: many meet in one point, at corners of the box, or along its edges."""
    rng = np.random.default_rng(seed)
    parts = [box_polygon(np.array([[-1.0, -2.0], [1.0, 2.0]]))]
    for a, b, c in rng.integers(-2, 3, (14, 3)).tolist():
        if a or b:
            parts = cut(parts, line(a, b, c))
    assert len(parts) > 10
    areas = [area(part) for part in parts]
    assert min(areas) > 0
    assert sum(areas) == 8
    for part in parts:
        for before, corner, after in zip(part.edges[-1:] + part.edges[:-1], part.corners, part.edges, strict=True):
            assert corner.side(before.exact()) == corner.side(after.exact()) == 0
            x, y = exact(corner)
            assert abs(x - Fraction(corner.x)) <= Fraction(corner.dx)
            assert abs(y - Fraction(corner.y)) <= Fraction(corner.dy)


@pytest.mark.parametrize("seed", range(3))
def test_corners_of_lines_that_are_off_stay_within_their_errors(seed):
    """Coefficients rounded to 20 bits, and the errors that this makes."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        rows = rng.standard_normal((2, 3)) * 10.0 ** rng.integers(-3, 4, (2, 1))
        lines = []
        for row in rows:
            rounded = np.float32(row).astype(float)
            integers = tuple(int(Fraction(float(value)) * 2**80) for value in row)
            lines.append(Line(tuple(rounded.tolist()), tuple(np.abs(rounded - row).tolist()), lambda i=integers: i))
        box = box_polygon(np.array([[-1.0, -1.0], [1.0, 1.0]]))
        corner = type(box.corners[0])(*lines)
        x, y = exact(corner)
        assert abs(x - Fraction(corner.x)) <= Fraction(corner.dx)
        assert abs(y - Fraction(corner.y)) <= Fraction(corner.dy)


def test_the_chord_of_a_square():
    points = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    far, near = chord(points, np.array([1.0, 0.0]))
    np.testing.assert_allclose([far, near], [[2, 1], [0, 1]])
    far, near = chord(points, np.array([1.0, 1.0]) / np.sqrt(2))
    np.testing.assert_allclose([far, near], [[2, 2], [0, 0]])
    assert chord(np.zeros((3, 2)), np.array([1.0, 0.0])) is None
