"""`otgan truth`: the true W1 of a pair of distributions, with lower and upper end, kind and source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from otgan.cli.terminal import working

if TYPE_CHECKING:
    from otgan.pairs import Pair, Truth


def truth(
    pair: Annotated[str, typer.Option(help="A named pair; `otgan pairs` lists them.", show_default=False)],
    dim: Annotated[
        int | None, typer.Option(help="Dimension, for the pairs that exist in any: funnels, ellipsoid, radial, …")
    ] = None,
    funnels: Annotated[int | None, typer.Option(help="Number of cones of funnels and max-funnels.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of what a family draws: centres, axes.")] = None,
    degree: Annotated[
        float | None, typer.Option(help="Power along the rays of funnels; 8 in the published benchmark.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Read the funnels from the authors' .pt, or an .npz with centers_D_N and biases_D_N."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object: pair, lower, upper, kind, source.")
    ] = False,
) -> None:
    """The true W1 between two distributions: what no sample can tell, and every critic is after.

    It lies between `lower` and `upper`; `kind` says how sure that is, `source` where it comes from. A sample's W1
    (`otgan w1`) lies above the distributions' on average, by an amount that grows with the dimension. Ctrl-C ends the
    refinement of a grid, and the bracket so far is printed.

    Examples: `otgan truth --pair funnels --dim 16 --funnels 64` · `otgan truth --pair gaussians-1d --json`
    · `otgan truth --pair funnels --dim 2 --funnels 4 --file published.npz`
    """
    from otgan.errors import Interrupted
    from otgan.pairs import get_pair
    from otgan.pairs import truth as known_truth

    found = get_pair(pair, dim=dim, n_funnels=funnels, seed=seed, degree=degree, path=file)
    interrupted = False
    try:
        with working("computing W1"):
            known = known_truth(found)
    except Interrupted as stop:
        known, interrupted = stop.partial, True
    content = {
        "pair": found.name,
        "lower": known.w1.lower,
        "upper": known.w1.upper,
        "kind": known.w1.kind,
        "source": known.source,
    }
    typer.echo(json.dumps(content, ensure_ascii=False) if as_json else _text(found, known))
    if interrupted:
        raise typer.Exit(130)


def _text(pair: Pair, known: Truth) -> str:
    middle = (known.w1.lower + known.w1.upper) / 2
    lines = (
        f"W1 = {middle:.10g}",
        f"  bracket  [{known.w1.lower:.17g}, {known.w1.upper:.17g}], {known.w1.kind}",
        f"  pair     {pair.name}: {pair.description}",
        f"  source   {known.source}",
    )
    return "\n".join(lines)
