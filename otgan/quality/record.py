"""All that can be said of a generated sample, beside what a second real sample gets by the same measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_points
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.interval import Interval
from otgan.measures import DiscreteMeasure, GaussianMixture, Measure, as_measure
from otgan.measures.base import MAX_SAMPLES
from otgan.quality.classes import INCEPTION_SPLITS, ClassScore, class_score
from otgan.quality.extractor import Extractor
from otgan.quality.frechet import FrechetDistance, frechet_distance
from otgan.quality.inputs import check_size
from otgan.quality.modes import ModeCoverage, mode_coverage
from otgan.quality.nearest import NearestTraining, nearest_training
from otgan.quality.neighbours import PrecisionRecall, precision_recall
from otgan.sliced import sliced_wasserstein
from otgan.solve import wasserstein
from otgan.statistics import confidence_interval, permutation_test

#: Directions of the sliced distance, and permutations of the test.
N_PROJECTIONS, N_PERMUTATIONS = 100, 199

#: Neighbours for precision and recall, unless told otherwise.
NEIGHBOURS = 5

#: What numbers are called in a table, if not what their keys say.
LABELS = {"fid": "FID", "inception_score": "Inception score"}

#: Gives a row of features, or of probabilities, for each point: (n, D) -> (n, q).
Rows = Callable[[FloatArray], Any]


@dataclass(frozen=True)
class Scores:
    """One sample by every measure, against one real sample of the same size.

    Attributes:
        w1: Exact W1 of the two samples.
        bracket: Of w1, proven.
        sliced_w1: Mean W1 along random directions, the same ones for every sample.
        neighbours: Precision, recall, density and coverage, in the features where these are given.
        modes: Where the real law is a mixture.
        frechet: Where features are given.
        classes: Where probabilities are given.
        extractor: What gave them, where that was said.
    """

    w1: float
    bracket: Interval
    sliced_w1: float
    neighbours: PrecisionRecall
    modes: ModeCoverage | None
    frechet: FrechetDistance | None
    classes: ClassScore | None
    extractor: Extractor | None = None

    @property
    def numbers(self) -> dict[str, float]:
        """Those that are there, flat; "fid" and "inception_score" only where that is what they are."""
        near = self.neighbours
        distance, score = ("fid", "inception_score") if _is_inception(self.extractor) else ("frechet", "class_score")
        found: dict[str, float] = {"w1": self.w1, "w1_lower": self.bracket.lower, "w1_upper": self.bracket.upper}
        found["sliced_w1"] = self.sliced_w1
        if self.modes is not None:
            found |= {
                "modes_covered": self.modes.covered, "modes_well_covered": self.modes.well_covered,
                "high_quality": self.modes.high_quality, "mode_kl": self.modes.kl,
            }  # fmt: skip
        found |= {
            "precision": near.precision, "recall": near.recall, "density": near.density, "coverage": near.coverage,
        }  # fmt: skip
        if self.frechet is not None:
            found[distance] = self.frechet.value
        if self.classes is not None:
            found |= {score: self.classes.value, "classes_found": self.classes.classes_found}
        return found


@dataclass(frozen=True)
class Quality:
    """How good a generated sample is.

    A perfect generator has the numbers of `second_real` up to chance, and no better ones: W1 of two samples of one law
    is not 0, and no precision is 1.

    Attributes:
        n: Points of each sample.
        generated: Generated against real points.
        second_real: Other real points against the same real points; its W1 is the noise floor.
        p_value: Of a permutation test that the generated and the real points have one law, by the sliced distance. Its
            level is exact at W1 = 0, where the bootstrap of W1 fails. At 1 / 200 it can be no smaller.
        population: Interval for W1 of the two *laws*, which no sample shows: statistical, and only where the spread of
            both laws is declared; None otherwise. `bracket` of `generated` is proven and speaks of the two samples.
        nearest: Distance to the training points, where these are given.
        extractor: What features and probabilities come from, where that was said.
    """

    n: int
    generated: Scores
    second_real: Scores
    p_value: float
    population: Interval | None
    nearest: NearestTraining | None
    extractor: Extractor | None = None

    @property
    def w1(self) -> float:
        """Exact W1 of generated and real points."""
        return self.generated.w1

    @property
    def noise_floor(self) -> float:
        """Exact W1 of two real samples of this size.

        It is one draw of what a perfect generator has, which exceeds it half the time. Where modes lie far apart, draws
        differ by a factor of two or three, as the number of points in each mode does; `p_value` takes that in, and a
        mean over seeds makes it less.
        """
        return self.second_real.w1

    @property
    def numbers(self) -> dict[str, float | None]:
        """Everything flat, for JSON: what the second real sample gets is under "real_…", its W1 under "noise_floor"."""
        found: dict[str, float] = {"n": self.n, **self.generated.numbers, "noise_floor": self.noise_floor}
        found |= {f"real_{name}": value for name, value in self.second_real.numbers.items() if name[:2] != "w1"}
        found["p_value"] = self.p_value
        if self.population is not None:
            found |= {"population_lower": self.population.lower, "population_upper": self.population.upper}
        if self.nearest is not None:
            found |= {
                "nearest_generated": self.nearest.median_generated, "nearest_held_out": self.nearest.median_held_out,
                "nearest_ratio": self.nearest.ratio, "share_close": self.nearest.share_close,
            }  # fmt: skip
        return {name: value if math.isfinite(value) else None for name, value in found.items()}

    @property
    def lines(self) -> list[str]:
        """A table to print: each measure, of the generated and of the second real sample."""
        table = [f"{f'of {self.n} points':<22}{'generated':>11}{'real again':>12}"]
        second = self.second_real.numbers
        for name, value in self.generated.numbers.items():
            if name not in ("w1_lower", "w1_upper"):
                table.append(f"{LABELS.get(name, name.replace('_', ' ')):<22}{value:>11.4g}{second[name]:>12.4g}")
        table.append(f"{'p-value of one law':<22}{self.p_value:>11.4g}")
        if self.population is not None:
            table.append(f"W1 of the laws: {self.population}")
        if self.nearest is not None:
            table.append(f"{'to nearest training':<22}{self.nearest.median_generated:>11.4g}"
                         f"{self.nearest.median_held_out:>12.4g}")  # fmt: skip
            table.append(f"{'share close':<22}{self.nearest.share_close:>11.4g}{0.05:>12.4g}")
        if self.extractor is not None:
            table.append(f"features of {self.extractor.name}")
            if _is_inception(self.extractor) and (found := self.generated.frechet) is not None:
                singular = "" if found.full_rank else f", and of no more than its {found.dim} features singular"
                table.append(f"FID of {self.n} points a side is larger than that of more{singular}")
        return table


def quality(
    generated: Any,
    real: Any,
    *,
    second_real: Any = None,
    modes: GaussianMixture | None = None,
    training: Any = None,
    features: Rows | None = None,
    probabilities: Rows | None = None,
    extractor: Extractor | None = None,
    diameter: Any = None,
    sub_gaussian: Any = None,
    level: float = 0.95,
    n: int = 2500,
    k: int = NEIGHBOURS,
    seed: int = 0,
) -> Quality:
    """Judge a generated sample by every measure, beside a second real sample.

    All samples have one size, since most of the numbers depend on it: n, or fewer where points are given that are
    fewer. Of points that are given, so many are taken at random.

    Args:
        generated: What is judged: points (n, d), a `Measure`, or a function of (n, rng) that draws.
        real: The real law, or real points that were not trained on.
        second_real: Other real points, or the law, for the noise floor; None to draw them from the law, or to split
            the points of `real` in halves.
        modes: A mixture whose modes are counted; None for `real` if it is one.
        training: The points that were trained on, (t, d), if copies are to be looked for.
        features: A function of points (n, d) to features (n, q): then precision and recall are of these, and there is
            a Fréchet distance.
        probabilities: A function of points to class probabilities (n, c), for the class score.
        extractor: What both come from, to be said beside the numbers. Only where it says that it is the Inception
            network are they called FID and Inception score, and has the latter its ten parts. Refused if
            neither is given.
        diameter: See `otgan.statistics.confidence_interval`: a fact about both laws, for `population`.
        sub_gaussian: Likewise, instead of a diameter.
        level: Of `population`.
        n: Points of each sample.
        k: Neighbours for precision and recall.
        seed: Of everything that is drawn.

    Returns:
        The record.

    Raises:
        InvalidInputError: If an argument breaks a rule, or too few points are given for k.

    >>> from otgan.measures import eight_gaussians
    >>> found = quality(eight_gaussians(radius=3.0), eight_gaussians(), n=300)
    >>> found.generated.modes.covered, found.w1 > found.noise_floor, found.p_value
    (0, True, 0.005)
    """
    made, true = as_measure("generated", generated), as_measure("real", real)
    again = true if second_real is None else as_measure("second_real", second_real)
    for name, side in (("generated", made), ("second_real", again)):
        if side.dim != true.dim:
            raise InvalidShapeError(
                name, f"have the dimension of real, {true.dim}", side.dim, "give all of them the same coordinates"
            )
    for name, function in (("features", features), ("probabilities", probabilities)):
        if function is not None and not callable(function):
            raise InvalidTypeError(
                name, "be a function of points (n, d)", type(function).__name__, "give one that returns a row a point"
            )
    if extractor is not None and not isinstance(extractor, Extractor):
        raise InvalidTypeError(
            "extractor", "be an Extractor", type(extractor).__name__, "say Extractor(name) of otgan.quality"
        )
    if extractor is not None and features is None and probabilities is None:
        raise InvalidValueError(
            "extractor", "come with features or probabilities", repr(extractor.name), "give what it computes as well"
        )
    n, k = as_count("n", n, high=MAX_SAMPLES), as_count("k", k)
    seed = as_count("seed", seed, low=0)
    rng_real, rng_again, rng_made = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3))
    halves = second_real is None and isinstance(true, DiscreteMeasure)
    sides = {"generated": made, "real": true, "second_real": again}
    sizes = {"n": n} | {name: len(side) for name, side in sides.items() if isinstance(side, DiscreteMeasure)}
    if halves:
        sizes["real"] //= 2
    parts = INCEPTION_SPLITS if probabilities is not None and _is_inception(extractor) else 1
    n = fewest_of(sizes, k, parts, halves=halves)
    x = _take("real", true, 2 * n if halves else n, rng_real)
    z = x[n:] if halves else _take("second_real", again, n, rng_again)
    x, y = x[:n], _take("generated", made, n, rng_made)
    for name, points in (("generated", y), ("real", x), ("second_real", z)):
        check_size(name, points)
    if modes is None and isinstance(true, GaussianMixture):
        modes = true

    def scores(points: FloatArray) -> Scores:
        exact = wasserstein(x, points)
        # One generator a sample: the same directions for all of them.
        sliced = sliced_wasserstein(x, points, rng=np.random.default_rng(seed), n_projections=N_PROJECTIONS)
        of_real, of_points = x, points
        if features is not None:
            of_real, of_points = (_rows_of("features", features, side) for side in (x, points))
        return Scores(
            exact.distance,
            Interval(exact.lower_bound, exact.upper_bound),
            sliced.distance,
            precision_recall(of_real, of_points, k=k),
            mode_coverage(points, modes) if modes is not None else None,
            None if features is None else frechet_distance(of_real, of_points),
            None if probabilities is None else _class_score(probabilities, points, extractor),
            extractor,
        )

    population = None
    if diameter is not None or sub_gaussian is not None:
        population = confidence_interval(x, y, level=level, diameter=diameter, sub_gaussian=sub_gaussian, seed=seed)
    test = permutation_test(x, y, n_permutations=N_PERMUTATIONS, statistic="sliced", seed=seed)
    nearest = None if training is None else nearest_training(y, training, x)
    return Quality(n, scores(y), scores(z), test.p_value, population, nearest, extractor)


def fewest_of(sizes: Mapping[str, int], k: int, parts: int = 1, *, halves: bool = False) -> int:
    """How many points of each sample can be judged, once they are known to be enough.

    Args:
        sizes: How many points there are, by the name of the sample; "n" for how many are asked for.
        k: Neighbours for precision and recall.
        parts: Of an Inception score.
        halves: Whether the sample "real" is half of what was given.

    Raises:
        InvalidInputError: If they are too few; the message names the sample.
    """
    fewest = min(sizes, key=lambda name: sizes[name])
    n = sizes[fewest]
    if n <= k:
        refused = InvalidValueError if fewest == "n" else InvalidShapeError
        where = ", in each half" if halves and fewest == "real" else ""
        raise refused(fewest, f"be more than k = {k} points{where}", n, "give more points, or lower k")
    if n < parts:
        rule = f"be at least {parts}, the parts of an Inception score"
        raise InvalidValueError(fewest, rule, n, "give more points")
    return n


def _is_inception(extractor: Extractor | None) -> bool:
    return extractor is not None and extractor.is_inception


def _class_score(probabilities: Rows, points: FloatArray, extractor: Extractor | None) -> ClassScore:
    rows = _rows_of("probabilities", probabilities, points)
    return class_score(rows, splits=INCEPTION_SPLITS if _is_inception(extractor) else 1)


def _rows_of(name: str, function: Rows, points: FloatArray) -> FloatArray:
    """What a function of the user's gives for some points, one row each.

    Raises:
        InvalidShapeError: If it gives another number of rows, or no table.
        InvalidTypeError, InvalidValueError: If entries are not finite real numbers.
    """
    rows = as_points(f"what {name} returns", function(points))
    if len(rows) != len(points):
        raise InvalidShapeError(
            f"what {name} returns", f"have one row for each of the {len(points)} points", f"shape {rows.shape}",
            "return an array (n, q)",
        )  # fmt: skip
    return rows


def _take(name: str, side: Measure, n: int, rng: np.random.Generator) -> FloatArray:
    """So many points of a law, or of those that are given, each at most once."""
    if not isinstance(side, DiscreteMeasure):
        return side.sample(n, rng)
    if np.ptp(side.raw_weights) > 0:
        raise InvalidValueError(
            name,
            "be points of equal weight",
            "a DiscreteMeasure with weights",
            "give points drawn by its sample(n, rng) instead",
        )
    return side.points[rng.permutation(len(side))[:n]]
