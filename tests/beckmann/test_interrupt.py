"""Ctrl-C in the middle leaves the bracket so far, in the library and on the command line."""

from __future__ import annotations

import json

import pytest

import otgan
from otgan.beckmann.flux import Flux
from otgan.beckmann.potential import Potential
from otgan.cli.main import main
from otgan.errors import Interrupted
from otgan.measures import Gaussian


def stop_at(monkeypatch, where, count):
    """Ctrl-C in the count-th step of the flux or the potential."""
    step, calls = where.step, [0]

    def interrupted(self):
        calls[0] += 1
        if calls[0] == count:
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(where, "step", interrupted)


@pytest.mark.parametrize(("where", "count"), [(Flux, 1), (Flux, 30), (Potential, 1), (Potential, 50), (Flux, 60)])
def test_the_bracket_so_far(monkeypatch, where, count):
    stop_at(monkeypatch, where, count)
    with pytest.raises(Interrupted, match=r"interrupted; \.partial of this exception holds the bracket so far") as stop:
        otgan.population_w1(Gaussian([0, 0], 0.1), Gaussian([3, 4], 0.1), rtol=1e-6, max_seconds=30)
    partial = stop.value.partial
    assert partial.lower_bound <= 5 <= partial.upper_bound < 8
    assert partial.status is otgan.Status.RESOURCE_LIMIT
    assert partial.potential([[0.0, 0.0]]).shape == (1,)


def test_before_anything_is_known_it_is_plain(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Flux, "__init__", interrupted)
    with pytest.raises(KeyboardInterrupt) as stop:
        otgan.image_w1([[1.0, 0.0]], [[0.0, 1.0]], pixels="squares")
    assert not isinstance(stop.value, Interrupted)


@pytest.mark.parametrize("json_too", [True, False])
def test_on_the_command_line(monkeypatch, capsys, json_too):
    stop_at(monkeypatch, Potential, 60)
    with pytest.raises(SystemExit) as stop:
        main(["truth", "--pair", "8gaussians", *(["--json"] if json_too else [])])
    out, err = capsys.readouterr()
    assert stop.value.code == 130
    assert err.startswith("otgan: interrupted")
    if json_too:
        content = json.loads(out)
        assert content["lower"] < 0.8953 <= 0.8953 < content["upper"] < 1
    else:
        assert "bracket" in out
        assert "proven" in out
