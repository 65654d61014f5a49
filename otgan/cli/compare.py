"""`otgan compare`: trainings of the same data side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from otgan.cli.data import Source, noted_source, read_data, read_inception
from otgan.cli.terminal import as_typed, working

#: The picture, and what the page beside it ends in.
PICTURE, PAGE = "compare.png", ".html"


def compare(
    context: typer.Context,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN …", help="Folders that `otgan train` made.")],
    data: Annotated[
        str | None, typer.Option(help="What they were trained on, where the folders do not say it, or it has moved.")
    ] = None,
    std: Annotated[float | None, typer.Option(help="With --data, as `otgan train` takes it.")] = None,
    columns: Annotated[str | None, typer.Option(help="With --data, likewise.")] = None,
    samples: Annotated[int, typer.Option(help="Points of each side that are judged.")] = 2500,
    seed: Annotated[int, typer.Option(help="Of what is drawn; the held-out points are the same for every run.")] = 0,
    inception: Annotated[
        Path | None,
        typer.Option(help="torch-fidelity's weights, to judge images by FID; needs otgan[inception]."),
    ] = None,
    figure: Annotated[Path, typer.Option(help="Where the picture goes, and the page beside it.")] = Path(PICTURE),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Two or more runs side by side, on the same held-out points, with the noise floor below them.

    Writes compare.html, one file that needs nothing else, and compare.png, its pictures alone.

    Runs that are still going on, or were interrupted, are taken at their newest checkpoint. Runs of different data are
    refused, since their distances do not mean the same.

    Examples: `otgan compare runs/8gaussians-wgan-gp-0 runs/8gaussians-gan-0` · `otgan compare runs/8gaussians-* --json`
    """
    from otgan.archive import check_file
    from otgan.checks import as_count
    from otgan.errors import InvalidValueError

    as_count("--samples", samples, low=2)
    as_count("--seed", seed, low=0)
    if data is None and (std is not None or columns is not None):
        raise InvalidValueError("--std and --columns", "come with --data", "none", "pass --data as well")
    if len(runs) < 2:
        raise InvalidValueError("RUN", "be two or more folders", len(runs), "name another run beside it")
    if not figure.name or figure.suffix.lower() == PAGE:
        rule, fix = "name a picture, which the page stands beside", "write --figure compare.png for compare.html"
        raise InvalidValueError("--figure", rule, repr(str(figure)), fix)
    for path in (figure, figure.with_suffix(PAGE)):
        check_file(path)
    with working("opening the runs"):
        from otgan.gan import check_enough, check_same_data, open_run
    opened = [open_run(folder) for folder in runs]
    check_same_data(opened)
    known = read_data(noted_source(runs[0]) if data is None else Source(data, std, columns))
    classifier = read_inception(inception, known)
    check_enough(known, classifier=classifier, n=samples, seed=seed)
    with working("exact optimal transport between generated and held-out points"):
        from otgan.gan import compare_runs
        from otgan.report.comparison import as_comparison, as_comparison_table
        from otgan.report.comparison_page import write_comparison

        compared = compare_runs(opened, known, n=samples, seed=seed, classifier=classifier)
        page = write_comparison(compared, known, figure, seed=seed, n=samples, command=as_typed(context))
    if as_json:
        typer.echo(json.dumps(as_comparison(compared, known, seed=seed)))
        return
    from rich.console import Console

    console = Console()
    console.print(as_comparison_table(compared, known))
    console.print(f"Page: {page}, picture: {figure}", soft_wrap=True, highlight=False, markup=False)
