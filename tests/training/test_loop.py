import math

import pytest

from otgan.errors import InvalidTypeError, InvalidValueError, TrainingDivergedError
from otgan.training import run


def test_every_step_is_run_and_the_first_the_nth_and_the_last_are_reported():
    ran, seen = [], []

    def step(k):
        ran.append(k)
        return {"loss": float(k)}

    run(step, 10, callbacks=[lambda k, metrics: seen.append((k, metrics["loss"]))], every=4)
    assert ran == list(range(1, 11))
    assert seen == [(1, 1.0), (4, 4.0), (8, 8.0), (10, 10.0)]


@pytest.mark.parametrize(("last", "steps"), [(False, [4, 8]), (True, [4, 8, 10])])
def test_a_callback_with_its_own_pace_may_ask_for_the_last_step(last, steps):
    class Own:
        every = 4

        def __init__(self):
            self.seen, self.last = [], last

        def __call__(self, k, numbers):
            self.seen.append(k)

    own = Own()
    run(lambda k: {}, 10, callbacks=[own], every=3)
    assert own.seen == steps
    run(lambda k: {}, 8, callbacks=[own], every=3)
    assert own.seen == [*steps, 4, 8]  # once, where the last step is one of its own


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_stops_the_loop_before_it_is_reported(value):
    seen = []
    with pytest.raises(
        TrainingDivergedError, match=r"loss must stay finite during training, got -?(nan|inf) at step 3 of 9; lower"
    ):
        run(lambda k: {"loss": value if k == 3 else 0.0}, 9, callbacks=[lambda k, _: seen.append(k)])
    assert seen == [1, 2]


def test_keyboard_interrupt_passes_through():
    def step(k):
        if k == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        run(step, 5)


@pytest.mark.parametrize(("n_steps", "every"), [(0, 1), (1, 0)])
def test_counts_start_at_one(n_steps, every):
    with pytest.raises(InvalidValueError, match="be at least 1"):
        run(lambda k: {}, n_steps, every=every)


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        (None, "what step returns must be a dict of numbers, got NoneType"),
        ({"loss": "1.0"}, "'loss' of what step returns must be a number, got '1.0'"),
        ({"loss": None}, "'loss' of what step returns must be a number, got None"),
    ],
)
def test_what_a_step_returns_is_checked(measured, message):
    with pytest.raises(InvalidTypeError, match=message):
        run(lambda k: measured, 2)


def test_what_a_callback_adds_is_checked():
    assert run(lambda k: {}, 1, callbacks=[lambda k, n: {"w1": 2, "absent": None}]).metrics == {"w1": 2, "absent": None}
    with pytest.raises(InvalidTypeError, match="'note' of what a callback returns must be a number, got 'far'"):
        run(lambda k: {}, 1, callbacks=[lambda k, n: {"note": "far"}])


def test_a_callback_is_called_at_steps_that_there_are():
    class Never:
        every = 0

        def __call__(self, k, numbers):
            pass

    with pytest.raises(InvalidValueError, match=r"Never\.every must be at least 1, got 0"):
        run(lambda k: {}, 2, callbacks=[Never()])
