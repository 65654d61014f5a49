"""`otgan validate`: train a critic or take one, and judge it by exact optimal transport."""

from __future__ import annotations

import inspect
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from otgan.cli.folder import run_folder
from otgan.cli.terminal import working

if TYPE_CHECKING:
    from otgan.interval import Interval
    from otgan.measures import Measure
    from otgan.pairs import Pair
    from otgan.validation import ValidationReport

DEFAULT_PAIR = "8gaussians"
DEFAULT_METHOD = "wgan-gp"
#: Points of the training history that a report keeps.
HISTORY = 200
#: Folder in the run folder that holds the training: its settings, log and checkpoint.
TRAINING = "training"
#: Relative width at which the bracket of the laws' W1 will do beside a critic's error.
POPULATION_RTOL = 0.01
#: And the seconds that it may take at most.
POPULATION_SECONDS = 30.0


@dataclass(frozen=True)
class Sides:
    """The two distributions of a run.

    Attributes:
        name: For the run folder and the report's title.
        train: What the critic is trained on, source and target.
        held_out: What it is judged on.
        titles: Source and target in words.
        laws: The pair, where it is one of two laws; None for data, of whose laws nothing is known.
    """

    name: str
    train: tuple[Measure, Measure]
    held_out: tuple[Measure, Measure]
    titles: tuple[str, str]
    laws: Pair | None


def validate(
    pair: Annotated[
        str | None,
        typer.Option(help="A named pair: 8gaussians (default), 25gaussians, swissroll-moons, digits, wine, …"),
    ] = None,
    dim: Annotated[int | None, typer.Option(help="Dimension of the pairs that exist in any, such as funnels.")] = None,
    funnels: Annotated[int | None, typer.Option(help="Number of cones of the pair funnels or max-funnels.")] = None,
    pair_file: Annotated[
        Path | None, typer.Option(help="Read the funnels from the authors' .pt or an .npz, as `otgan truth` does.")
    ] = None,
    source: Annotated[Path | None, typer.Option(help="File with the real side's points, instead of --pair.")] = None,
    target: Annotated[Path | None, typer.Option(help="File with the generated side's points.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns to use of both files, with commas.")] = None,
    method: Annotated[str, typer.Option(help="How to train the critic.")] = DEFAULT_METHOD,
    critic: Annotated[
        str | None,
        typer.Option(help="Judge this critic instead of training one: FILE.safetensors or MODULE:OBJECT."),
    ] = None,
    lipschitz: Annotated[
        float, typer.Option(help="Constant K that the critic is held to; its number is divided by K.")
    ] = 1.0,
    steps: Annotated[int | None, typer.Option(help="Training steps.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Points of each side in a training step.")] = None,
    samples: Annotated[int, typer.Option(help="Held-out points to draw from each side that can be sampled.")] = 2000,
    held_out: Annotated[
        float, typer.Option(help="Share of a finite data set that is kept from training and judged on.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers (with the same --threads).")] = 0,
    threads: Annotated[int, typer.Option(help="Threads for PyTorch; one is fastest for small critics.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default one under runs/.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of a table.")] = False,
) -> None:
    """Is a critic's number the Wasserstein distance? Train one, or bring your own, and see.

    Writes report.html, report.json, report.md and figures to the run folder, and keeps the training there: after
    Ctrl-C, or a power cut, the same command goes on where it stopped, and a training that is done is not done again.

    Examples: `otgan validate` · `otgan validate --pair digits` · `otgan validate --source real.csv --target fake.csv`
    · `otgan validate --pair wine --critic mymodule:critic`
    """
    import numpy as np

    from otgan.checks import as_count

    as_count("--threads", threads, high=1024)
    rng = np.random.default_rng([as_count("--seed", seed, low=0), 1])  # the critic's training takes the seed itself
    options = {"dim": dim, "n_funnels": funnels, "path": pair_file}
    if source is None and target is None:
        sides = _named_pair(pair or DEFAULT_PAIR, options, None if critic else held_out, rng)
    else:
        given = any(value is not None for value in (pair, *options.values()))
        sides = _files(source, target, columns, None if critic else held_out, rng, pair_too=given)
    label = re.sub(r"[^\w.]+", "-", critic.removesuffix(".safetensors")) if critic else method
    folder = out or Path("runs") / f"validate-{sides.name}-{label}-{seed}"
    training = {key: value for key, value in (("steps", steps), ("batch_size", batch_size)) if value is not None}
    settings = {"pair": sides.name, "lipschitz": lipschitz, "samples": samples, "seed": seed, "threads": threads}
    with run_folder(folder):
        history: list[dict[str, float]] = []
        if critic:
            from otgan.cli.critic import find_critic

            judged, name = find_critic(critic), critic
        else:
            judged, history = _train(sides, method, training, lipschitz, seed, threads, folder / TRAINING)
            name = f"{method} critic"
            settings |= {"method": method, **training}
        report, page = _judge(judged, name, sides, settings, history, folder, keep=not critic)
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
        return
    from rich.console import Console

    from otgan.report import as_table

    console = Console()
    console.print(as_table(report))
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)


def _judge(
    judged: Any,
    name: str,
    sides: Sides,
    settings: dict[str, Any],
    history: list[dict[str, float]],
    folder: Path,
    *,
    keep: bool,
) -> tuple[ValidationReport, Path]:
    from otgan.critics import save_critic
    from otgan.report import write_report
    from otgan.validation import validate as compare

    with working("exact optimal transport between the held-out samples, and between their laws where it is known"):
        report = compare(
            judged, *sides.held_out, lipschitz=settings["lipschitz"], n_samples=settings["samples"],
            seed=settings["seed"], name=name, source_name=sides.titles[0], target_name=sides.titles[1],
            population=_population(sides),
        )  # fmt: skip
        if keep:
            save_critic(judged, folder / "critic.safetensors")
        page = write_report(report, folder, history=history, settings=settings, title=f"{name} on {sides.name}")
    return report, page


def _population(sides: Sides) -> Interval:
    from otgan.errors import NotProvidedError
    from otgan.pairs import truth
    from otgan.validation.report import UNKNOWN

    if sides.laws is not None:
        with suppress(NotProvidedError):
            return truth(sides.laws, rtol=POPULATION_RTOL, max_seconds=POPULATION_SECONDS).w1
    return UNKNOWN


def _named_pair(name: str, options: dict[str, Any], held_out: float | None, rng: Any) -> Sides:
    from otgan.pairs import get_pair

    found = get_pair(name, **options)
    given = [str(value) for value in (options["dim"], options["n_funnels"]) if value is not None]
    splits = [_split(side, held_out, rng) for side in (found.source, found.target)]
    titles = repr(found.source), repr(found.target)
    return Sides("-".join([found.name, *given]), *_crossed(splits), titles, None if found.finite else found)


def _files(
    source: Path | None, target: Path | None, columns: str | None, held_out: float | None, rng: Any, *, pair_too: bool
) -> Sides:
    from otgan.errors import InvalidInputError

    if source is None or target is None or pair_too:
        raise InvalidInputError(
            "--source and --target",
            "come together, and not with --pair",
            "another combination",
            "see otgan validate --help",
        )
    splits = [_split(_read(path, columns), held_out, rng) for path in (source, target)]
    return Sides(f"{source.stem}-{target.stem}", *_crossed(splits), (source.name, target.name), None)


def _crossed(splits: list[tuple[Measure, Measure]]) -> tuple[tuple[Measure, Measure], tuple[Measure, Measure]]:
    """From (train, held out) of each side to (source, target) of each part."""
    return (splits[0][0], splits[1][0]), (splits[0][1], splits[1][1])


def _read(path: Path, columns: str | None) -> Measure:
    from otgan.files import read_points
    from otgan.measures import empirical

    chosen = None if columns is None else [name.strip() for name in columns.split(",")]
    return empirical(read_points(path, columns=chosen)[0])


def _split(side: Measure, held_out: float | None, rng: Any) -> tuple[Measure, Measure]:
    """What to train on and what to judge on: disjoint parts of a finite set, the same law where it can be sampled."""
    from otgan.measures import DiscreteMeasure

    if held_out is None or not isinstance(side, DiscreteMeasure):
        return side, side
    judged, trained = side.split(held_out, rng)
    return trained, judged


def _train(
    sides: Sides,
    method: str,
    options: dict[str, Any],
    lipschitz: float,
    seed: int,
    threads: int,
    folder: Path,
) -> tuple[Any, list[dict[str, float]]]:
    """The critic, and what was seen while it was trained; a training that was interrupted goes on."""
    from otgan.errors import CheckpointError, TrainingInterrupted

    with working("loading PyTorch"):
        from otgan.critics import get_method, train
        from otgan.training import read_log
    total = options.get("steps") or inspect.signature(train).parameters["steps"].default
    try:
        critic = train(
            *sides.train, get_method(method, lipschitz=lipschitz), seed=seed, threads=threads, monitor=True,
            every=max(1, total // HISTORY), folder=folder, resume="auto", progress=True, **options,
        )  # fmt: skip
    except CheckpointError as error:
        raise CheckpointError(
            "--out", "hold a training of the same options and data", error.value,
            f"pass another --out, or delete {folder} to train anew",
        ) from error  # fmt: skip
    except TrainingInterrupted as error:
        typer.echo(
            f"otgan: training stands at step {error.partial.step}; the same command goes on from there", err=True
        )
        raise
    return critic, [{key: value for key, value in row.items() if value is not None} for row in read_log(folder)]
