import math

import pytest

from otgan.errors import InvalidValueError, TrainingDivergedError
from otgan.training import run_steps


def test_every_step_is_run_and_the_first_the_nth_and_the_last_are_reported():
    ran, seen = [], []

    def step(k):
        ran.append(k)
        return {"loss": float(k)}

    run_steps(step, 10, callback=lambda k, metrics: seen.append((k, metrics["loss"])), every=4)
    assert ran == list(range(1, 11))
    assert seen == [(1, 1.0), (4, 4.0), (8, 8.0), (10, 10.0)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_stops_the_loop_before_it_is_reported(value):
    seen = []
    with pytest.raises(
        TrainingDivergedError, match=r"loss must stay finite during training, got -?(nan|inf) at step 3 of 9; lower"
    ):
        run_steps(lambda k: {"loss": value if k == 3 else 0.0}, 9, callback=lambda k, _: seen.append(k))
    assert seen == [1, 2]


def test_keyboard_interrupt_passes_through():
    def step(k):
        if k == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        run_steps(step, 5)


@pytest.mark.parametrize(("n_steps", "every"), [(0, 1), (1, 0)])
def test_counts_start_at_one(n_steps, every):
    with pytest.raises(InvalidValueError, match="be at least 1"):
        run_steps(lambda k: {}, n_steps, every=every)
