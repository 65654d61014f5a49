"""The line on the terminal, and the exception that carries what was found before Ctrl-C."""

from __future__ import annotations

import io
import pickle
import sys
import time

import pytest

import otgan.progress
from otgan.errors import Interrupted, OtganError
from otgan.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def open_terminal(monkeypatch):
    def begin(delay=0.05):  # by the test itself: pytest sets standard error anew between a fixture and its test
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(otgan.progress, "DELAY", delay)
        return screen

    return begin


def wait_for(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_line_shows_what_runs_and_how_far_it_is(open_terminal):
    terminal = open_terminal()
    with progress("bracketing") as show:
        wait_for(lambda: "bracketing" in terminal.getvalue())
        show("[0.25, 0.50]")
        wait_for(lambda: "bracketing: [0.25, 0.50]" in terminal.getvalue())
    before = terminal.getvalue()
    show("too late")
    time.sleep(0.1)
    assert "too late" not in terminal.getvalue()
    assert terminal.getvalue() == before


def test_an_inner_block_writes_on_the_outer_line(open_terminal):
    terminal = open_terminal()
    with progress("outer"):
        with progress("inner") as show:
            show("half")
            wait_for(lambda: "inner: half" in terminal.getvalue())
        assert otgan.progress._open is not None
    assert otgan.progress._open is None


def test_nothing_is_shown_of_what_ends_soon(open_terminal):
    terminal = open_terminal(delay=60.0)
    with progress("quick") as show:
        show("done")
    assert terminal.getvalue() == ""


def test_nothing_is_shown_where_no_terminal_is(monkeypatch):
    monkeypatch.setattr(otgan.progress, "DELAY", 0.0)
    for screen in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", screen)
        with progress("quiet") as show:
            show("half")
            time.sleep(0.05)
        assert screen is None or screen.getvalue() == ""


def test_the_line_goes_when_the_block_fails(open_terminal):
    terminal = open_terminal()

    def fail():
        with progress("failing"):
            wait_for(lambda: "failing" in terminal.getvalue())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert otgan.progress._open is None


def test_an_interruption_carries_the_result_so_far():
    stop = Interrupted("the bracket", (0.25, 0.5))
    assert isinstance(stop, KeyboardInterrupt)
    assert not isinstance(stop, OtganError)
    assert stop.partial == (0.25, 0.5)
    assert str(stop) == "interrupted; .partial of this exception holds the bracket so far, (0.25, 0.5)"
    copy = pickle.loads(pickle.dumps(stop))
    assert (copy.partial, str(copy)) == (stop.partial, str(stop))
