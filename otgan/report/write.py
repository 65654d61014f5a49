"""A report in a folder: written whole, or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from otgan.errors import FileFormatError
from otgan.plots import FIGURE_NAMES, as_svg, save_png, validation_figures
from otgan.report.html import as_html
from otgan.report.markdown import as_markdown
from otgan.report.provenance import plain, summary, versions
from otgan.validation.report import ValidationReport

#: Moved into place in this order: who sees the page sees the rest as well.
FILES = ("report.json", "report.md", "report.html")
FIGURES = "figures"
TITLE = "Is this critic's number the Wasserstein distance?"


def write_report(
    report: ValidationReport,
    folder: str | os.PathLike[str],
    *,
    history: Sequence[Mapping[str, float]] = (),
    settings: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> Path:
    """Write ``report.html``, ``report.md``, ``report.json`` and ``figures/*.png``.

    Everything is made in a temporary folder first. Whatever goes wrong, KeyboardInterrupt included, an earlier report
    stays readable and no half of a new one is left.

    Args:
        report: What was found.
        folder: Where to; made if it does not exist.
        history: What `otgan.critics.train` told its callback, each with its "step".
        settings: What the report was made with, to be shown in it.
        title: Its heading.

    Returns:
        The path of ``report.html``.

    Raises:
        FileFormatError: If the folder cannot be written.
    """
    goal = check_folder(folder)
    title = title or TITLE
    about = {"settings": plain(settings or {}), "versions": versions()}
    figures = validation_figures(report, history)
    page = as_html(report, {name: as_svg(figure) for name, figure in figures.items()}, title=title, **about)
    content = {**report.to_dict(), "title": title, **about, "history": summary(history)}
    with writing(goal), tempfile.TemporaryDirectory(dir=goal, prefix=".report-") as temporary:
        part = Path(temporary)
        (part / FIGURES).mkdir()
        for name, figure in figures.items():
            save_png(figure, part / FIGURES / f"{name}.png")
        texts = (
            json.dumps(content, indent=2, allow_nan=False) + "\n",
            as_markdown(report, list(figures), title=title, **about),
            page,
        )
        for name, text in zip(FILES, texts, strict=True):
            # Names of files may hold bytes that are no text.
            (part / name).write_text(text, encoding="utf-8", errors="replace")
        _move(part, goal, figures)
    return goal / "report.html"


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """Make the folder if need be, and see whether a report can be written there; worth a call before hours of work.

    Args:
        folder: Where the report will go.

    Returns:
        Its path.

    Raises:
        FileFormatError: If it cannot be written.
    """
    goal = Path(folder)
    with writing(goal):
        goal.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=goal):
            pass
    if (goal / FIGURES).exists() and not (goal / FIGURES).is_dir():
        raise FileFormatError(f"{goal / FIGURES}: is a file where a folder must be; choose another folder")
    for name in FILES:
        if (goal / name).is_dir():
            raise FileFormatError(f"{goal / name}: is a folder where a file must be; choose another folder")
    return goal


def _move(part: Path, goal: Path, figures: Mapping[str, Any]) -> None:
    (goal / FIGURES).mkdir(exist_ok=True)
    for name in figures:
        os.replace(part / FIGURES / f"{name}.png", goal / FIGURES / f"{name}.png")
    for name in set(FIGURE_NAMES) - set(figures):  # of an earlier report, they would be taken for this one's
        (goal / FIGURES / f"{name}.png").unlink(missing_ok=True)
    for name in FILES:
        os.replace(part / name, goal / name)


@contextmanager
def writing(goal: Path) -> Iterator[None]:
    """Turn what the system says of a folder that cannot be written into one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise FileFormatError(
            f"{goal}: no report can be written there ({reason}); choose a folder of your own"
        ) from error
