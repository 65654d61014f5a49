"""`otgan audit`: how steep a critic is, between what was seen and what is proven."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from otgan.errors import FileFormatError, Interrupted, InvalidInputError

if TYPE_CHECKING:
    from otgan.lipschitz import LipschitzAudit

#: Exit code where two points show a slope above the constant that was asked for.
BROKEN = 1
#: Slopes this close to K, relatively, are taken for K: half of the digits of float32, in which critics are stored.
SLACK = 1e-6


def audit(
    critic: Annotated[
        str, typer.Argument(metavar="CRITIC", help="FILE.safetensors, or MODULE:OBJECT: a torch module or a function.")
    ],
    domain: Annotated[
        str | None,
        typer.Option(help="Box LOW:HIGH for all coordinates, or LOW:HIGH,LOW:HIGH,…; all of space by default."),
    ] = None,
    dim: Annotated[
        int | None,
        typer.Option(help="Number of coordinates, where the critic does not say it and the box is LOW:HIGH."),
    ] = None,
    lipschitz: Annotated[
        float, typer.Option(help="Constant K that it should keep; exit code 1 if two points break it.")
    ] = 1.0,
    max_seconds: Annotated[float, typer.Option(help="Stop after this time with the bracket so far.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Of the search for steep pairs.")] = 0,
    figure: Annotated[
        Path | None, typer.Option(help="Write a picture of the slopes to this .png, for two variables and a box.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """A bracket of a critic's Lipschitz constant: a slope that two points show, and a bound that no two can pass.

    On a box (`--domain`) the upper bound can be sharp: for networks of two variables it is found from the linear
    pieces. On all of space it comes from the weights alone, and may be many times too large.

    Examples: `otgan audit critic.safetensors --domain -2.5:2.5` · `otgan audit mymodule:critic --lipschitz 1`
    """
    from otgan.checks import as_count, as_number
    from otgan.cli.critic import find_critic
    from otgan.cli.terminal import working

    constant = as_number("--lipschitz", lipschitz, low=0, open_low=True)
    pairs = None if domain is None else _read_domain(domain)
    with working("loading PyTorch"):
        from otgan.lipschitz import audit as bracket
    found = find_critic(critic)
    if dim is not None and (own := _own_dimension(found)) not in (None, as_count("--dim", dim)):
        raise InvalidInputError("--dim", f"be the critic's own, {own}", dim, "leave it out")
    if pairs is not None and len(pairs) == 1:
        pairs = pairs * (_dimension(found) if dim is None else dim)
    if figure is not None:
        _check_figure(figure, pairs)
    try:
        result = bracket(found, domain=pairs, max_seconds=max_seconds, seed=seed)
    except Interrupted as interrupted:
        _print(critic, interrupted.partial, constant, as_json=as_json)
        raise typer.Exit(130) from None
    _print(critic, result, constant, as_json=as_json)
    if figure is not None:
        _draw(found, result, constant, figure)
    if _broken(result, constant):
        raise typer.Exit(BROKEN)


def _read_domain(text: str) -> list[tuple[float, float]]:
    pairs = []
    for part in text.split(","):
        try:
            low, high = (float(number) for number in part.split(":"))
        except ValueError:
            raise InvalidInputError(
                "--domain", "be LOW:HIGH, or several with commas", repr(part), "write --domain -2.5:2.5"
            ) from None
        pairs.append((low, high))
    return pairs


def _check_figure(path: Path, domain: list[tuple[float, float]] | None) -> None:
    """See before the audit, which may take long, whether there will be a picture."""
    if domain is None or len(domain) != 2:
        raise InvalidInputError(
            "--figure", "come with a box of two variables", f"--domain {domain}", "write --domain -2.5:2.5"
        )
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error


def _draw(found: Any, result: LipschitzAudit, constant: float, path: Path) -> None:
    from otgan.lipschitz import slope_map
    from otgan.plots import save_png, steepness_figure

    save_png(steepness_figure(result, slope_map(found, domain=result.domain), k=constant), path)


def _own_dimension(found: Any) -> int | None:
    """The critic's dimension, where there is no doubt of it: its own word, or that of a linear layer at its start."""
    first = next(iter(found.children()), None) if type(found).__name__ == "Sequential" else found
    own = getattr(found, "dim", getattr(first, "in_features", None))
    return own if isinstance(own, int) else None


def _dimension(found: Any) -> int:
    """The critic's own, or that of its first linear layer."""
    if isinstance(getattr(found, "dim", None), int):
        return int(found.dim)
    for layer in found.modules() if hasattr(found, "modules") else ():
        if hasattr(layer, "in_features"):
            return int(layer.in_features)
    raise InvalidInputError("--dim", "be given for this critic", None, "write --dim 2, or a LOW:HIGH for each")


def _broken(result: LipschitzAudit, constant: float) -> bool:
    return result.lower > constant * (1 + SLACK)


def _print(name: str, result: LipschitzAudit, constant: float, *, as_json: bool) -> None:
    typer.echo(json.dumps(_content(result, constant)) if as_json else _text(name, result, constant))


def _verdict(result: LipschitzAudit, constant: float) -> str:
    if _broken(result, constant):
        return f"broken: two points show a slope above K = {constant:g}"
    if result.upper <= constant * (1 + SLACK):
        return f"kept, proven: no slope exceeds K = {constant:g}"
    return f"undecided: no slope above K = {constant:g} was seen, and none is ruled out"


def _content(result: LipschitzAudit, constant: float) -> dict[str, Any]:
    return {
        "lower": result.lower,
        "witness": [point.tolist() for point in result.witness],
        "lower_is_proven": result.lower_is_proven,
        "upper": result.upper if math.isfinite(result.upper) else None,
        "method": result.method,
        "reason": result.reason,
        "domain": result.domain,
        "stopped": result.stopped,
        "bounds": {bound.method: bound.value if math.isfinite(bound.value) else None for bound in result.bounds},
        "lipschitz": constant,
        "verdict": _verdict(result, constant).split(":")[0],
    }


def _text(name: str, result: LipschitzAudit, constant: float) -> str:
    one, other = (f"({', '.join(f'{value:.6g}' for value in point)})" for point in result.witness)
    kind = "computed without rounding" if result.lower_is_proven else "less an ample allowance for rounding"
    where = "all of space" if result.domain is None else " × ".join(f"[{a:g}, {b:g}]" for a, b in result.domain)
    upper = (
        f"{result.upper:.9g}, proven by {result.method}" if math.isfinite(result.upper) else f"none: {result.reason}"
    )
    tried = [
        f"           {bound.method}: {bound.value:.6g}" + (f" ({bound.reason})" if bound.reason else "")
        for bound in result.bounds
        if len(result.bounds) > 1
    ]
    return "\n".join(
        (
            f"{name}: {_verdict(result, constant)}",
            f"  slope    {result.lower:.9g} seen, {kind}",
            f"           between {one}",
            f"           and     {other}",
            f"  bound    {upper}" + ("; time was up" if result.stopped else ""),
            *tried,
            f"  domain   {where}",
        )
    )
