import dataclasses

import pytest
from rich.console import Console

from otgan.report import as_table
from tests.plots.reports import certified, degenerate, report


def shown(found, width=80):
    console = Console(width=width, no_color=True, force_terminal=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(as_table(found))
    return capture.get()


def test_the_verdict_the_numbers_and_the_reasons_are_there_without_colours():
    found = report()
    text = shown(found)
    flat = " ".join(text.replace("│", " ").split())
    assert found.verdict.level.upper() in text
    assert found.verdict.headline in flat
    assert all(reason in flat for reason in found.verdict.reasons)
    for value in (found.estimate.value, found.truth.distance, found.lower_bounds.by_c_transform, found.slopes.lower):
        assert f"{value:.4g}" in text
    assert "\x1b" not in text


def test_bounds_say_their_direction():
    found = certified(2.0)
    text = shown(found)
    assert f"W1 ≥ {found.lower_bounds.by_c_transform:.4g}" in text
    assert f"slope ≥ {found.slopes.lower:.4g}" in text
    assert "slope ≤ 2" in text


def test_nothing_wraps_within_the_numbers_at_80_columns():
    lines = shown(certified(77.25)).splitlines()
    assert max(map(len, lines)) <= 80
    rows = lines[next(k for k, line in enumerate(lines) if "value" in line) + 2 :]
    names = [row[2:24].strip() for row in rows[:10]]
    assert all(names)
    assert names[0] == "The critic's estimate"
    assert names[-1] == "Mean cosine"


@pytest.mark.parametrize("name", degenerate())
def test_degenerate_reports_are_shown(name):
    text = shown(degenerate()[name])
    assert "nan" not in text
    assert " inf" not in text


def test_names_are_no_markup():
    found = dataclasses.replace(report(name="[bold]me[/nonsense]"), source="[red]x")
    assert "[bold]me[/nonsense]" in shown(found)
    assert "[red]x" in shown(found)
