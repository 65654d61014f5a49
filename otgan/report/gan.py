"""What a generator's training came to, in words: every number, and a table for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otgan.gan import GanRun, JudgedRun
from otgan.report.numbers import MEASURED, PROVEN, number

Numbers = Mapping[str, float | None]


@dataclass(frozen=True)
class GanQuantity:
    """One number for people.

    Attributes:
        name: A few words.
        value: Of the generated points, ready to be shown.
        real: Of a second real sample, as a perfect generator would have it; empty where there is none.
        kind: `PROVEN` or `MEASURED`.
        meaning: One plain sentence.
        main: Whether a short table shows it.
    """

    name: str
    value: str
    real: str
    kind: str
    meaning: str
    main: bool = True


#: Key in `Quality.numbers`, name, how it is shown, what it means, whether it is in the short table.
_WORDS: tuple[tuple[str, str, str, str, bool], ...] = (
    ("sliced_w1", "Sliced W1", "number", "Mean W1 along random directions, the same ones for both.", True),
    ("modes_covered", "Modes covered", "count", "Modes with at least one point within 3σ; it saturates early.", True),
    ("modes_well_covered", "… with a third of their share", "count", "The stricter count.", True),
    ("high_quality", "High-quality share", "percent", "Points within 3σ of a mode.", True),
    ("mode_kl", "Mode KL", "number", "KL of the modes' shares from what they should be, in nats.", True),
    ("precision", "Precision", "number", "Share of the generated points within reach of real ones.", False),
    ("recall", "Recall", "number", "Share of the real points within reach of generated ones.", False),
    (
        "density",
        "Density",
        "number",
        "Real neighbourhoods that a generated point lies in, over their k; about 1 is perfect.",
        False,
    ),
    ("coverage", "Coverage", "number", "Share of the real neighbourhoods that hold a generated point.", False),
    ("frechet", "Fréchet distance of features", "number", "FID's formula in other features than Inception's.", True),
    ("fid", "FID", "number", "In torch-fidelity's Inception network; larger for fewer points.", True),
    ("class_score", "Class score", "number", "Inception's formula with another classifier.", True),
    ("inception_score", "Inception score", "number", "By torch-fidelity's Inception network, in ten parts.", True),
    ("classes_found", "Classes found", "count", "Classes that at least one point belongs to.", True),
)
#: Keys of numbers that depend on what features are taken from, where there are any.
_OF_FEATURES = (
    "precision", "recall", "density", "coverage", "frechet", "fid", "class_score", "inception_score", "classes_found",
)  # fmt: skip


def gan_quantities(judged: JudgedRun, *, n_modes: int | None = None) -> tuple[GanQuantity, ...]:
    """All numbers of a run, in the order of reading: the exact distance first.

    Args:
        judged: See `otgan.gan.judge_run`.
        n_modes: How many modes the law has, if it has any.
    """
    numbers = judged.numbers
    w1, floor = numbers.get("w1"), numbers.get("noise_floor")
    found = [
        GanQuantity(
            "Exact W1 to held-out points", number(_or_nan(w1)), number(_or_nan(floor), ""), PROVEN,
            f"{bracket_of(numbers)}; two real samples of this size are {number(_or_nan(floor))} apart, the noise "
            "floor, and a perfect generator is no nearer but by chance.",
        )
    ]  # fmt: skip
    for key, name, how, meaning, main in _WORDS:
        if key in numbers:
            value, real = (_shown(numbers.get(prefix + key), how, key, n_modes) for prefix in ("", "real_"))
            if key in _OF_FEATURES and judged.extractor is not None:
                meaning = f"{meaning} Looked at through {judged.extractor.name}."
            found.append(GanQuantity(name, value, real, MEASURED, meaning, main))
    if (p_value := numbers.get("p_value")) is not None:
        found.append(
            GanQuantity(
                "p-value of one law", number(p_value), "", MEASURED,
                "Of a permutation test; no smaller than 1/200.", False,
            )
        )  # fmt: skip
    if (close := numbers.get("share_close")) is not None:
        meaning = (
            "Points as near to a training point as the nearest 5 % of the held-out ones; towards 100 % for copies."
        )
        found.append(GanQuantity("As near as copies", _percent(close), _percent(0.05), MEASURED, meaning))
    if math.isfinite(judged.correlation):
        found.append(
            GanQuantity(
                "Own loss ranks with W1", f"{judged.correlation:+.2f}".replace("-", "−"), "", MEASURED,
                "Rank correlation over the training of the system's own number with the exact W1; +1 is a loss that "
                "can be trusted.",
            )
        )  # fmt: skip
    return tuple(found)


def as_gan_table(judged: JudgedRun, *, n_modes: int | None = None) -> RenderableType:
    """The main numbers for a terminal of 80 columns.

    Args:
        judged: See `otgan.gan.judge_run`.
        n_modes: How many modes the law has, if it has any.

    Returns:
        Something for `rich.console.Console.print`; names are plain text in it.
    """
    numbers = judged.numbers
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in (f"of {_or_nan(numbers.get('n')):.0f} points", "real again"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for entry in gan_quantities(judged, n_modes=n_modes):
        if entry.main:
            table.add_row(*map(Text, (entry.name, entry.value, entry.real, entry.kind)))
    return Group(
        Text(heading_of(judged.run), style="bold"), Padding(table, (0, 2)), Text(bracket_of(numbers), style="dim")
    )  # fmt: skip


def heading_of(run: GanRun) -> str:
    """Method, data, seed, and how far it came."""
    return f"{run.learnt.system.name} on {run.settings['data']}, {reached(run)}"


def reached(run: GanRun) -> str:
    """Seed, and how far it came."""
    left = "" if run.step == run.n_steps else f" of {run.n_steps}"
    return f"seed {run.settings['seed']}, step {run.step}{left}"


def bracket_of(numbers: Numbers) -> str:
    """The proven bracket of the exact W1 in words, with all its digits."""
    lower, upper = numbers.get("w1_lower"), numbers.get("w1_upper")
    if lower is None or upper is None:
        return "no bracket"
    return f"{lower:.17g} ≤ W1 ≤ {upper:.17g}, proven for these points"


def _shown(value: float | None, how: str, key: str, n_modes: int | None) -> str:
    if value is None:
        return ""
    if how == "percent":
        return _percent(value)
    if how == "count":
        return f"{value:.0f} / {n_modes}" if n_modes is not None and key.startswith("modes") else f"{value:.0f}"
    return number(value)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
