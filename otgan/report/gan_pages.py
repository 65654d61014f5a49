"""A generator's training as pages: one HTML file that needs nothing else, and Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otgan.gan import Data, JudgedRun
from otgan.plots.samples import GRID
from otgan.report.captions import Caption
from otgan.report.gan import bracket_of, gan_quantities, heading_of
from otgan.report.markdown import escape
from otgan.report.numbers import number
from otgan.report.page import GIF, in_words, picture, render


def as_gan_html(
    judged: JudgedRun,
    data: Data,
    *,
    samples: bytes,
    curves: bytes,
    movie: bytes | None,
    settings: Mapping[str, Any],
    versions: Mapping[str, str],
    command: str,
) -> str:
    """The whole page.

    Args:
        judged: See `otgan.gan.judge_run`.
        data: What it was trained on.
        samples: SVG of what it draws.
        curves: SVG of the distances over the steps.
        movie: GIF of the training; None where there is none.
        settings: What was trained.
        versions: Versions of the packages.
        command: What makes the same again; empty where nobody knows.

    Returns:
        HTML; everything that a user may have typed is escaped.
    """
    run, numbers = judged.run, judged.numbers
    w1, floor = (shown(numbers.get(name)) for name in ("w1", "noise_floor"))
    words = gan_captions(judged, data)
    return render(
        "training.html.j2",
        title=heading_of(run),
        summary=run.learnt.system.summary,
        data=data.name,
        step=run.step,
        n_steps=run.n_steps,
        headline=f"Generated and held-out points are {w1} apart; two real samples of this size are {floor} apart.",
        bracket=bracket_of(numbers),
        w1=w1,
        floor=floor,
        n=f"{numbers.get('n') or 0:.0f}",
        samples=picture("samples", words["samples"], samples),
        curves=picture("curves", words["curves"], curves),
        movie=None if movie is None else picture("movie", words["movie"], movie, GIF),
        is_image=data.is_image,
        quantities=gan_quantities(judged, n_modes=n_modes_of(data)),
        command=command,
        settings=in_words(settings),
        versions=versions,
    )


def as_gan_markdown(judged: JudgedRun, data: Data, content: Mapping[str, Any]) -> str:
    """The same with links to ``samples.png`` and ``curves.png``, from what ``report.json`` holds."""
    lines = [
        f"# {escape(content['title'])}",
        "",
        "| Number | Generated | Real again | Kind | Meaning |",
        "| --- | ---: | ---: | --- | --- |",
        *(
            "| " + " | ".join(map(escape, (q.name, q.value, q.real, q.kind, q.meaning))) + " |"
            for q in gan_quantities(judged, n_modes=n_modes_of(data))
        ),
        "",
        "![Generated points over real ones](samples.png)",
        "",
        f"![Exact W1 over the training, and below it {escape(judged.run.learnt.system.own)}](curves.png)",
        "",
        "| Setting | Value |",
        "| --- | --- |",
        *(
            f"| {escape(k)} | {escape(v)} |"
            for k, v in in_words({**content["settings"], **content["versions"]}).items()
        ),
    ]
    return "\n".join(lines) + "\n"


def gan_captions(judged: JudgedRun, data: Data) -> dict[str, Caption]:
    """What to look for in each picture of a training."""
    own, n = judged.run.learnt.system.own, len(judged.points)
    looks = judged.run.series("w1")[1]
    what = "images" if data.is_image else "points"
    return {
        "samples": Caption(
            "What it draws",
            _look_for(data),
            f"{min(n, GRID**2)} generated images, eight in a row."
            if data.is_image
            else f"{n} generated points over real points of {data.name}.",
        ),
        "curves": Caption(
            "How it came there",
            "Above, the exact distance over the steps with its bracket as a band, and the noise floor, dashed. The "
            "looks on the way are at other points than the table, and as many as n_samples of the settings says; the "
            f"fewer, the larger the distance. Below, what the method says of itself: {own}. Where the lower curve does "
            "not fall with the upper one, it is no measure of how good the generator is.",
            f"Two curves over the steps of training: the exact W1, {shown(looks[-1]) if looks else 'not available'} at "
            f"the last look, and {own}.",
        ),
        "movie": Caption(
            "How it changed",
            f"The same noise throughout, so that each of the {what} can be followed.",
            f"A movie of the generated {what} over the steps of training.",
        ),
    }


def _look_for(data: Data) -> str:
    if data.is_image:
        return "Drawn at random, not chosen. Look for images that come again and again, and for kinds that are missing."
    text = (
        "Real points in blue, generated ones in yellow; what lies outside the window is drawn at its edge. Look for "
        "modes without points, and for points between modes."
    )
    return text + " Of the coordinates the first two are shown." * (data.shape[0] > 2)


def n_modes_of(data: Data) -> int | None:
    """How many modes the law has, if they can be counted."""
    return None if data.modes is None else len(data.modes.components)


def shown(value: float | None) -> str:
    """Four digits, or that there is no such number."""
    return "not available" if value is None else number(value)
