"""The quality of what was learnt, on data that nobody trained on."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from otgan.checks import FloatArray, as_count
from otgan.errors import InvalidTypeError
from otgan.gan.data import Data
from otgan.measures import DiscreteMeasure, Measure
from otgan.quality import Quality, quality
from otgan.quality.classes import INCEPTION_SPLITS
from otgan.quality.record import NEIGHBOURS, fewest_of


class Classifier(Protocol):
    """What features and a class score are taken from; flat points (n, D), in the units of the data, go in.

    It may have an attribute `extractor`, an `otgan.quality.Extractor` that says what it is.
    """

    def features(self, points: FloatArray) -> Any:
        """Features, (n, q)."""

    def probabilities(self, points: FloatArray) -> Any:
        """Class probabilities, (n, c)."""


def evaluate(
    learnt: Measure, data: Data, *, classifier: Classifier | None = None, n: int = 2500, seed: int = 0, **options: Any
) -> Quality:
    """Judge a generator by points that it was not trained on.

    Where the law can be drawn from, real points are fresh draws. Of finite data the held-out points are the real ones,
    the noise floor is their distance to as many of the training points, and copies of the training points are looked
    for. Where points have weights, each stays with a chance in proportion to its weight, the heaviest for certain: a
    point that came twice would be its own nearest neighbour.

    Args:
        learnt: What was learnt, a `Generated` or any other measure.
        data: What it was learnt from.
        classifier: For images: any object with `features` and `probabilities`, such as one that was trained on the
            spot, or `otgan.gan.inception.Inception`.
        n: Points of each sample; fewer where fewer are held out.
        seed: Of everything that is drawn.
        **options: For `otgan.quality.quality`, such as `diameter`.

    Returns:
        The record.

    Raises:
        InvalidTypeError: If the classifier lacks a method, or `data` is no `Data`.
        InvalidInputError: If another argument breaks a rule.
    """
    if not isinstance(data, Data):
        raise InvalidTypeError("data", "be a Data", type(data).__name__, "call get_data first")
    methods: dict[str, Any] = {}
    if classifier is not None:
        for name in ("features", "probabilities"):
            methods[name] = getattr(classifier, name, None)
            if not callable(methods[name]):
                raise InvalidTypeError(
                    "classifier", f"have a method {name}(points)", type(classifier).__name__,
                    "give an object with features and probabilities, each of points (n, D) to rows",
                )  # fmt: skip
        methods["extractor"] = getattr(classifier, "extractor", None)
    held_out, train = _sides(data, seed)
    if isinstance(data.train, DiscreteMeasure):
        trained = data.train.points[data.train.raw_weights > 0]
        options = {"second_real": train, "training": trained, **options}
    return quality(learnt, held_out, modes=data.modes, n=n, seed=seed, **methods, **options)


def check_enough(data: Data, *, classifier: Classifier | None = None, n: int = 2500, seed: int = 0) -> None:
    """Refuse so few points as `evaluate` would; worth a call before a training that this would waste.

    Args:
        data: As for `evaluate`, and so are the others.
        classifier: Likewise.
        n: Likewise.
        seed: Likewise.

    Raises:
        InvalidInputError: If there are too few; the message says of which.
    """
    sizes = {"n": n}
    for name, side in zip(("held-out points", "training points"), _sides(data, seed), strict=True):
        if isinstance(side, DiscreteMeasure):
            sizes[name] = len(side)
    extractor = getattr(classifier, "extractor", None)
    fewest_of(sizes, NEIGHBOURS, INCEPTION_SPLITS if extractor is not None and extractor.is_inception else 1)


def _sides(data: Data, seed: int) -> tuple[Measure, Measure]:
    """What stands for the held-out law and for the one that was trained on."""
    rng = np.random.default_rng([as_count("seed", seed, low=0), 1])
    train = _unweighted(data.train, rng)  # first, and of a law without a draw
    return _unweighted(data.held_out, rng), train


def _unweighted(law: Measure, rng: np.random.Generator) -> Measure:
    """Points that stand for a law by their number, each at most once, of one whose points have weights.

    Where the points are draws of a law q and the weights its density ratio to p, this is rejection sampling of p.
    """
    if not isinstance(law, DiscreteMeasure) or not np.ptp(law.raw_weights):
        return law
    shares = law.raw_weights / law.raw_weights.max()
    return DiscreteMeasure(law.points[rng.random(len(law)) < shares])
