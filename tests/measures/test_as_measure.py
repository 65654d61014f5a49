import numpy as np
import pytest
import torch

from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import DiscreteMeasure, Gaussian, Measure, SamplerMeasure, as_measure


def rng(seed=0):
    return np.random.default_rng(seed)


def normal(n, generator):
    return generator.standard_normal((n, 3))


def test_a_measure_is_returned_unchanged():
    measure = Gaussian.standard(2)
    assert as_measure("source", measure) is measure


@pytest.mark.parametrize(
    "points", [[[0.0, 1.0], [2.0, 3.0]], np.float32([[0, 1], [2, 3]]), torch.tensor([[0, 1], [2, 3]])]
)
def test_points(points):
    measure = as_measure("source", points)
    assert isinstance(measure, DiscreteMeasure)
    np.testing.assert_array_equal(measure.points, [[0, 1], [2, 3]])
    assert as_measure("source", [1.0, 2.0]).dim == 1


def test_sampler():
    measure = as_measure("source", normal)
    assert isinstance(measure, Measure)
    assert measure.dim == 3
    np.testing.assert_array_equal(measure.sample(5, rng()), normal(5, rng()))
    assert repr(measure) == "SamplerMeasure(dim=3)"


def test_sampler_on_the_line_and_of_tensors():
    assert as_measure("source", lambda n, generator: generator.random(n)).sample(4, rng()).shape == (4, 1)
    drawn = as_measure("source", lambda n, generator: torch.ones(n, 2, requires_grad=True)).sample(4, rng())
    assert isinstance(drawn, np.ndarray)


def test_given_dimension_spares_the_first_draw():
    calls = []

    def counted(n, generator):
        calls.append(n)
        return normal(n, generator)

    measure = SamplerMeasure(counted, dim=3)
    assert (measure.dim, calls) == (3, [])
    measure.sample(4, rng())
    assert calls == [4]


def test_callable_that_hides_its_signature():
    class Opaque:
        @property
        def __signature__(self):
            raise ValueError("no signature found")

        def __call__(self, n, generator):
            return normal(n, generator)

    assert as_measure("source", Opaque()).dim == 3


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("points", InvalidTypeError, "source must hold real numbers, got text"),
        (None, InvalidTypeError, "source must hold real numbers, got objects"),
        ([], InvalidShapeError, "source must not be empty"),
        ([[1.0, np.nan]], InvalidValueError, "source must be finite"),
        (lambda n: n, InvalidTypeError, r"source must be a function of \(n, rng\), got .*; wrap it"),
        (Gaussian, InvalidTypeError, r"source must be a function of \(n, rng\), got <class"),
        (lambda n, g: None, InvalidTypeError, r"source\(n=2, rng\) must hold real numbers"),
    ],
)
def test_bad_values(value, error, message):
    with pytest.raises(error, match=message):
        as_measure("source", value)


@pytest.mark.parametrize(
    ("sampler", "error", "message"),
    [
        (
            lambda n, g: np.zeros((3, 2)),
            InvalidShapeError,
            r"target\(n=5, rng\) must return shape \(5, 2\), got shape \(3, 2\)",
        ),
        (lambda n, g: np.zeros((n, n)), InvalidShapeError, r"must return shape \(5, 2\), got shape \(5, 5\)"),
        (
            lambda n, g: np.zeros((n, 2, 2)[: n - 2 or 2]),
            InvalidShapeError,
            r"target\(n=5, rng\) must have shape \(n, d\)",
        ),
        (
            lambda n, g: np.where(np.arange(n) < 3, 0, np.nan),
            InvalidValueError,
            r"target\(n=5, rng\) must be finite, got nan at index 3",
        ),
    ],
)
def test_bad_samples(sampler, error, message):
    measure = as_measure("target", sampler)
    with pytest.raises(error, match=message):
        measure.sample(5, rng())


@pytest.mark.parametrize(("dim", "error"), [(0, InvalidValueError), (2.0, InvalidTypeError)])
def test_bad_dimension(dim, error):
    with pytest.raises(error, match="dim must be"):
        SamplerMeasure(normal, dim=dim)


def test_sampler_that_is_no_function():
    with pytest.raises(InvalidTypeError, match=r"sampler must be a function of \(n, rng\), got 3"):
        SamplerMeasure(3)


def test_name():
    measure = Gaussian.standard(2)
    assert repr(measure.named("base")) == "base"
    assert repr(measure) == "Gaussian.standard(2)"
