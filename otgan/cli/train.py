"""`otgan train`: train a generator, and see how far it is from the data, exactly."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from otgan.cli.data import Source, note_source, read_data, read_inception
from otgan.cli.folder import run_folder
from otgan.cli.processes import connected, follows, launch
from otgan.cli.terminal import as_typed, working

if TYPE_CHECKING:
    from otgan.gan import Data, System
    from otgan.gan.evaluate import Classifier
    from otgan.training import Callback

DEFAULT_DATA = "8gaussians"
DEFAULT_METHOD = "wgan-gp"
#: Points of each side that are judged, as the literature counts modes.
SAMPLES = 2500
#: Lines of the log that a training leaves, and points of a snapshot in the plane.
HISTORY, POINTS = 200, 1000
#: Shape of points in the plane.
PLANE = (2,)
#: What the snapshots are kept in, and what is made of them.
FRAMES, MOVIE, STRIP = "snapshots.npz", "movie.gif", "movie.png"


def train(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Option(help="8gaussians, 25gaussians, swissroll, moons, circles, checkerboard, …; a file or a folder."),
    ] = DEFAULT_DATA,
    std: Annotated[float | None, typer.Option(help="Standard deviation of the modes of the two Gaussians.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns to use of a file, with commas.")] = None,
    method: Annotated[str, typer.Option(help="How to learn; `otgan train --list` lists them.")] = DEFAULT_METHOD,
    steps: Annotated[
        int | None, typer.Option(help="Steps; by default as many as suit the data and the method.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Points in a batch.")] = None,
    net: Annotated[str | None, typer.Option(help="mlp, or dcgan for images; by default whichever fits.")] = None,
    hidden: Annotated[str | None, typer.Option(help="Widths of the hidden layers of an mlp: 128,128,128.")] = None,
    noise_dim: Annotated[int | None, typer.Option(help="Coordinates of the noise.")] = None,
    n_critic: Annotated[int | None, typer.Option(help="Steps of the critic before each of the generator.")] = None,
    path_length: Annotated[float | None, typer.Option(help="Weight of StyleGAN2's path-length regulariser.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Another hyper-parameter of the method: name=value; repeatable.")
    ] = None,
    ema: Annotated[float | None, typer.Option(help="Of the averaged weights that draw, in [0, 1); 0 for none.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same weights (with the same --threads).")] = 0,
    threads: Annotated[int, typer.Option(help="Threads for PyTorch; one is fastest for small networks.")] = 1,
    device: Annotated[str | None, typer.Option(help="Where to train: cpu, cuda, mps, …")] = None,
    devices: Annotated[
        int | None,
        typer.Option(help="Processes, one a device of --device, each with batches of its own; needs otgan[fabric]."),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="32-true, or bf16-mixed for networks in bfloat16; needs otgan[fabric].")
    ] = None,
    samples: Annotated[int, typer.Option(help="Points of each side that are judged in the end.")] = SAMPLES,
    inception: Annotated[
        Path | None,
        typer.Option(help="torch-fidelity's weights, to judge images by FID; needs otgan[inception]."),
    ] = None,
    movie: Annotated[
        bool, typer.Option("--movie", help="Draw movie.gif and movie.png, in the plane or of images.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default one under runs/.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON instead of a table.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the methods and their hyper-parameters.")] = False,
) -> None:
    """Train a generator by any method, with the exact W1 to held-out points beside its own loss.

    Writes report.html, one file that needs nothing else, report.md, report.json, samples.png and curves.png to the run
    folder, and keeps the training there: after Ctrl-C, or a power cut, the same command goes on where it stopped, and a
    training that is done is not done again.

    Examples: `otgan train` · `otgan train --data 25gaussians --std 0.05 --steps 10000 --movie`
    · `otgan train --data points.csv --set penalty_weight=1` · `otgan compare runs/A runs/B`
    """
    from otgan.checks import as_count

    if list_:
        _print_methods(as_json=as_json)
        return
    as_count("--threads", threads, high=1024)
    as_count("--samples", samples, low=2)
    as_count("--seed", seed, low=0)
    with working("loading PyTorch"):
        from otgan.gan import check_enough, preset

        system = _system(method, set_ or [], {"n_critic": n_critic, "path_length": path_length})
    source = Source(data, std, columns)
    known = read_data(source)
    classifier = read_inception(inception, known)  # before a training that a bad file would waste
    if movie:
        _check_movie(known)
    check_enough(known, classifier=classifier, n=samples, seed=seed)
    given = {"steps": steps, "batch_size": batch_size, "net": net, "noise_dim": noise_dim, "ema": ema, "device": device}
    options: dict[str, Any] = preset(known, system) | {n: value for n, value in given.items() if value is not None}
    if hidden is not None:
        options["hidden"] = _widths(hidden)
    folder = out or Path("runs") / f"{source.label}-{method}-{seed}"
    again = as_typed(context)
    with run_folder(folder):
        fabric = launch(devices, precision, device)
        if fabric is not None:
            options = {**options, "device": None, "fabric": fabric}
        with connected(fabric):
            _train(known, system, options, source, seed, threads, folder, again)
        if follows(fabric):
            return
        # One that is there is of this training, and stays in the page.
        movie = movie or all((folder / name).is_file() for name in (MOVIE, FRAMES))
        content, table = _judge(known, folder, samples, seed, again, classifier, movie=movie)
    if as_json:
        typer.echo(json.dumps(content))
        return
    from rich.console import Console

    console = Console()
    console.print(table)
    made = ["report.html", "report.md", "samples.png", "curves.png", *([MOVIE, STRIP] if movie else [])]
    for line in (f"In {folder}: {', '.join(made)}", f"Again: {again}"):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _in_a_snapshot(known: Data) -> int:
    """How many points a snapshot holds; 0 for points that no movie is made of."""
    from otgan.gan import images_a_side

    if known.is_image:
        return images_a_side(known.shape) ** 2
    return POINTS if known.shape == PLANE else 0


def _check_movie(known: Data) -> None:
    from otgan.errors import InvalidValueError

    if not _in_a_snapshot(known):
        rule = "come with points in the plane, or with images of which 40 together take 16 MiB at most"
        raise InvalidValueError("--movie", rule, f"shape {known.shape}", "leave it out, or scale images down")


def _print_methods(*, as_json: bool) -> None:
    with working("loading PyTorch"):
        from otgan.gan import SYSTEMS
    rows: list[dict[str, Any]] = [
        {"name": name, "summary": kind.summary, "own": kind.own, "options": _defaults(kind)}
        for name, kind in SYSTEMS.items()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Method", no_wrap=True, style="bold")
    table.add_column("What it is", ratio=1)
    table.add_column("--set", ratio=1)
    for row in rows:
        options = ", ".join(f"{name}={value}" for name, value in row["options"].items())
        table.add_row(*map(Text, (row["name"], row["summary"], options)))
    Console().print(table)


def _defaults(kind: type[System]) -> dict[str, Any]:
    """Hyper-parameters with what they are by default."""
    default = kind()
    return {field.name: getattr(default, field.name) for field in fields(kind)}


def _system(method: str, assignments: list[str], named: dict[str, Any]) -> System:
    """The system with its hyper-parameters, each held against what the system has."""
    from otgan.errors import InvalidValueError
    from otgan.gan import SYSTEMS, get_system

    get_system(method)  # says which names there are
    known = [field.name for field in fields(SYSTEMS[method])]
    options: dict[str, Any] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not value.strip():
            raise InvalidValueError("--set", "be name=value", repr(text), "write --set learning_rate=0.001")
        if name in options:
            raise InvalidValueError("--set", f"give {name} once", "it twice", "leave one out")
        options[name] = _value(value.strip())
    for name, value in named.items():
        if value is not None:
            if name in options:
                option = "--" + name.replace("_", "-")
                raise InvalidValueError("--set", f"not repeat {option}", f"{name} in both", "leave one out")
            options[name] = value
    for name in options:
        if name not in known and named.get(name) is not None:
            option = "--" + name.replace("_", "-")
            raise InvalidValueError(option, "come with a method that has it", method, "see otgan train --list")
        if name not in known:
            rule = f"name a hyper-parameter of {method} ({', '.join(known)})"
            raise InvalidValueError("--set", rule, name, "check the spelling, or see otgan train --list")
    return get_system(method, **options)


def _value(text: str) -> Any:
    """A number, true or false, or text."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            pass
    return {"true": True, "false": False, "none": None}.get(text.lower(), text)


def _widths(text: str) -> tuple[int, ...]:
    from otgan.errors import InvalidValueError

    try:
        return tuple(int(width) for width in text.split(",")) if text.strip() else ()
    except ValueError:
        raise InvalidValueError("--hidden", "be widths with commas", repr(text), "write --hidden 128,128") from None


def _train(
    known: Data,
    system: System,
    options: dict[str, Any],
    source: Source,
    seed: int,
    threads: int,
    folder: Path,
    again: str,
) -> None:
    """Train, or go on with a training that was interrupted."""
    from otgan.errors import CheckpointError, TrainingInterrupted
    from otgan.gan import Snapshots, train_gan
    from otgan.gan.snapshots import ENOUGH

    total = max(1, options["steps"])
    watchers: list[Callback] = [_Note(folder, source)]
    if n := _in_a_snapshot(known):
        watchers.append(Snapshots(folder / FRAMES, every=-(-total // ENOUGH), n_samples=n, seed=seed))
    try:
        train_gan(
            known, system, seed=seed, threads=threads, every=max(1, total // HISTORY), folder=folder, resume="auto",
            callbacks=watchers, progress=True, **options,
        )  # fmt: skip
    except CheckpointError as error:
        raise CheckpointError(
            "--out", "hold a training of the same options and data", error.value,
            f"pass another --out, or delete {folder} to train anew",
        ) from error  # fmt: skip
    except TrainingInterrupted as error:
        if not follows(options.get("fabric")):
            typer.echo(f"otgan: training stands at step {error.partial.step}; go on with: {again}", err=True)
        raise


class _Note:
    """Says in the folder where the data come from, once the folder is that of this run, and before it is of use."""

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder, self._source, self._done = folder, source, False

    def __call__(self, step: int, numbers: object) -> None:
        if not self._done:
            note_source(self._folder, self._source)
            self._done = True


def _judge(
    known: Data, folder: Path, samples: int, seed: int, again: str, classifier: Classifier | None, *, movie: bool
) -> tuple[dict[str, Any], Any]:
    """The numbers as JSON and as a table; pictures and pages are written on the way."""
    from otgan.gan import judge_run, open_run, read_frames
    from otgan.report.gan import as_gan_table
    from otgan.report.gan_pages import n_modes_of
    from otgan.report.gan_write import write_gan_report

    with working("exact optimal transport between generated and held-out points"):
        judged = judge_run(open_run(folder), known, n=samples, seed=seed, classifier=classifier)
        frames = read_frames(folder / FRAMES) if movie else None
        content = write_gan_report(judged, known, seed=seed, frames=frames, command=again)
    return content, as_gan_table(judged, n_modes=n_modes_of(known))
