"""Waiting for a part that does not answer, by a clock of our own."""

from __future__ import annotations

from itertools import islice

import pytest

from worker.celery_app import Backoff
from worker.patience import LONGEST_PAUSE_S, Stopping, patiently, pauses


class Time:
    """A clock that only waiting moves, and that may be told to stop waiting."""

    def __init__(self, stops_after_s: float = float("inf")) -> None:
        self.now_s = 0.0
        self.stops_after_s = stops_after_s

    def clock(self) -> float:
        return self.now_s

    def wait(self, pause_s: float) -> bool:
        self.now_s += pause_s
        return self.now_s > self.stops_after_s


class Step:
    """Fails until an instant."""

    def __init__(self, time: Time, well_from_s: float, fault: Exception) -> None:
        self.time, self.well_from_s, self.fault, self.tries = time, well_from_s, fault, 0

    def __call__(self) -> str:
        self.tries += 1
        if self.time.now_s < self.well_from_s:
            raise self.fault
        return "done"


def _patiently(time: Time, step: Step, patience_s: float = 60) -> str:
    return patiently("It", step, (OSError,), patience_s, wait=time.wait, clock=time.clock)


def test_what_works_is_done_once_and_waits_for_nothing() -> None:
    time = Time()
    step = Step(time, 0, OSError())
    assert (_patiently(time, step), step.tries, time.now_s) == ("done", 1, 0)


@pytest.mark.parametrize("outage_s", [0.1, 15, 50])
def test_it_goes_on_soon_after_the_outage(outage_s: float) -> None:
    time = Time()
    assert _patiently(time, Step(time, outage_s, OSError())) == "done"
    assert outage_s <= time.now_s <= outage_s + LONGEST_PAUSE_S


def test_patience_has_an_end_and_the_last_fault_is_told() -> None:
    time = Time()
    with pytest.raises(OSError, match="away"):
        _patiently(time, Step(time, 61, OSError("away")))
    assert 60 - LONGEST_PAUSE_S < time.now_s <= 60


def test_a_worker_that_stops_is_not_held_up() -> None:
    time = Time(stops_after_s=0)
    step = Step(time, 30, OSError("away"))
    with pytest.raises(OSError, match="away"):
        _patiently(time, step)
    assert step.tries == 1


def test_a_fault_of_another_kind_is_not_waited_for() -> None:
    time = Time()
    with pytest.raises(ZeroDivisionError):
        _patiently(time, Step(time, 30, ZeroDivisionError()))
    assert time.now_s == 0


def test_pauses_double_to_a_cap_and_are_spread() -> None:
    assert list(islice(pauses(lambda: 1.0), 6)) == [0.5, 1, 2, 4, 5, 5]
    assert list(islice(pauses(lambda: 0.0), 6)) == [0.25, 0.5, 1, 2, 2.5, 2.5]


def test_stopping_is_heard_by_whoever_waits() -> None:
    stopping = Stopping()
    assert not stopping.wait(0)
    stopping.say()
    assert all(stopping.wait(60) for _ in range(3))


@pytest.mark.parametrize(("deliveries", "least", "most"), [(1, 1, 2), (3, 4, 8), (6, 30, 60), (1000, 30, 60)])
def test_a_message_comes_back_after_a_pause_that_is_spread_and_capped(
    deliveries: int, least: int, most: int
) -> None:
    drawn = {Backoff().get(deliveries) for _ in range(2000)}
    assert drawn == set(range(least, most + 1))
