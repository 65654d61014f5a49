"""Trainings, judged on held-out points: one, or several on the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from otgan.checks import FloatArray, as_count
from otgan.errors import InvalidInputError, InvalidValueError, one_line
from otgan.gan.classifier import train_classifier
from otgan.gan.data import Data
from otgan.gan.evaluate import Classifier, evaluate
from otgan.gan.identity import identity
from otgan.gan.run import GanRun
from otgan.quality import Extractor, rank_correlation

#: Points of each side, as the literature counts modes.
N_SAMPLES = 2500
#: Looks at the exact distance from which a rank correlation says anything: of five, two orders of 120 agree by chance
#: or are opposite, of four one in twelve.
FEWEST = 5


@dataclass(frozen=True, eq=False)
class JudgedRun:
    """What was found of one run.

    Attributes:
        run: The run.
        numbers: See `otgan.quality.Quality.numbers`.
        correlation: Rank correlation of the system's own loss with the exact W1 over the training; NaN where there were
            fewer than five looks.
        points: Some of what it draws, (n, D), in the units of the data.
        extractor: What features were taken from, where there were any.
    """

    run: GanRun
    numbers: Mapping[str, float | None]
    correlation: float
    points: FloatArray
    extractor: Extractor | None = None


def judge_run(
    run: GanRun, data: Data, *, n: int = N_SAMPLES, seed: int = 0, classifier: Classifier | None = None
) -> JudgedRun:
    """Judge a run by `evaluate`.

    Args:
        run: See `open_run`.
        data: What it was trained on.
        n: Points of each side.
        seed: Of what is drawn.
        classifier: What features are taken from, see `evaluate`; None for one that is trained on the spot on labelled
            images, and for none on other data.

    Raises:
        InvalidInputError: If it was trained on other data.
        InvalidValueError: If a number is out of range.
    """
    return _judge([run], data, n, seed, classifier)[0]


def compare_runs(
    runs: Sequence[GanRun],
    data: Data,
    *,
    n: int = N_SAMPLES,
    seed: int = 0,
    classifier: Classifier | None = None,
) -> tuple[JudgedRun, ...]:
    """Judge runs on the same held-out points.

    Args:
        runs: Two or more, see `open_run`.
        data: What all of them were trained on.
        n: Points of each side.
        seed: Of what is drawn; the held-out points are the same for every run.
        classifier: As in `judge_run`.

    Returns:
        What was found, in the order of the runs.

    Raises:
        InvalidInputError: If a run was trained on other data.
        InvalidValueError: If there are fewer than two runs, or a number is out of range.
    """
    if len(runs) < 2:
        raise InvalidValueError("runs", "be two or more", len(runs), "name another run beside it")
    return _judge(runs, data, n, seed, classifier)


def check_same_data(runs: Sequence[GanRun], data: Data | None = None) -> None:
    """See whether runs were trained on the same data, and on these where they are given.

    Raises:
        InvalidInputError: If not; the message names the run that was not.
    """
    wanted = runs[0].settings["identity"] if data is None else identity(data)
    name = runs[0].settings["data"] if data is None else data.name
    for run in runs:
        if run.settings["identity"] != wanted:
            raise InvalidInputError(
                "runs", f"be of the same data, {one_line(name, 60)}",
                f"{one_line(run.folder, 60)}, which was trained on other data ({one_line(run.settings['data'], 60)})",
                "compare runs of one data set, whose distances mean the same",
            )  # fmt: skip


def correlation_of(run: GanRun) -> float:
    """Rank correlation of own loss and exact W1 over the looks of a training; NaN where there were too few."""
    looks = looks_of(run.log)
    if len(looks) < FEWEST:
        return math.nan
    own, w1 = zip(*looks, strict=True)
    return rank_correlation([(own, w1)]).mean


def looks_of(log: Iterable[Mapping[str, float | None]]) -> list[tuple[float, float]]:
    """Pairs of own loss and exact W1, one for each look at the exact distance.

    The loss is the mean over the lines since the look before: that of one batch is mostly chance.
    """
    looks, since = [], []
    for row in log:
        if (own := row.get("own")) is not None:
            since.append(own)
        if (w1 := row.get("w1")) is not None and since:
            looks.append((fmean(since), w1))
            since.clear()
    return looks


def _judge(
    runs: Sequence[GanRun], data: Data, n: int, seed: int, classifier: Classifier | None
) -> tuple[JudgedRun, ...]:
    n, seed = as_count("n", n, low=2), as_count("seed", seed, low=0)
    check_same_data(runs, data)
    if classifier is None and data.is_image and data.labels is not None:
        classifier = train_classifier(data)
    judged = []
    for run in runs:
        found = evaluate(run.learnt, data, classifier=classifier, n=n, seed=seed)
        points = run.learnt.sample(n, np.random.default_rng([seed, 3]))
        judged.append(JudgedRun(run, found.numbers, correlation_of(run), points, found.extractor))
    return tuple(judged)
