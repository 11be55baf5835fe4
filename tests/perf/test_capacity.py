"""The search for the sustainable rate, on a deterministic and on a simulated queue."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.worker import Mode
from perf.measure.bisection import RESOLUTION, Capacity, Outcome, Trial, bounds, next_rate, search
from perf.measure.intervals import intervals
from perf.measure.metrics import summarise
from perf.report.search_lines import answer
from tests.perf.coverage import Trend, trend
from tests.perf.simulated import simulate


class Bench:
    """A system with a known limit and a clock that trials move on."""

    def __init__(self, limit_per_min: float, undecided: int = 0) -> None:
        self.limit_per_min = limit_per_min
        self.undecided = undecided
        self.now_s = 0.0
        self.tried: list[tuple[float, int]] = []

    def run(self, rate_per_min: float, count: int) -> Trial:
        self.tried.append((rate_per_min, count))
        self.now_s += 60 * (count - 1) / rate_per_min + 1
        if len(self.tried) <= self.undecided:
            return Trial(rate_per_min, count, Outcome.UNDECIDED)
        held = rate_per_min <= self.limit_per_min
        return Trial(rate_per_min, count, Outcome.HELD if held else Outcome.BROKE)

    def search(self, first_per_min: float, budget_s: float = 1e9, count: int = 10) -> Capacity:
        return search(
            self.run, first_per_min=first_per_min, count=count, budget_s=budget_s, drain_s=1,
            clock=lambda: self.now_s,
        )  # fmt: skip


@given(st.floats(0.5, 500), st.floats(0.5, 500))
def test_the_limit_lies_within_the_answer(limit_per_min, first_per_min):
    bench = Bench(limit_per_min)
    found = bench.search(first_per_min)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= limit_per_min < found.high <= found.low * (1 + RESOLUTION)


def test_rates_as_low_as_one_a_minute():
    found = Bench(1.3).search(1.0)
    assert found.low == pytest.approx(1.25)
    assert answer(found).startswith("sustainable rate 1.25/min, below 1.")
    assert answer(found).endswith("/min (within 10 %)")


@pytest.mark.parametrize("budget_s", [0.0, 5.0, 30.0, 100.0])
def test_no_trial_goes_beyond_the_budget(budget_s):
    bench = Bench(70)
    found = bench.search(60, budget_s)
    assert bench.now_s <= budget_s
    if budget_s < 10:
        assert (found.low, found.high, found.trials) == (None, None, ())
        assert answer(found) == f"sustainable rate not found (the budget of {budget_s:.0f} s is used up)"


def test_what_cannot_decide_is_run_again_with_more_tasks():
    bench = Bench(70, undecided=2)
    bench.search(60)
    assert bench.tried[:4] == [(60, 10), (60, 20), (60, 40), (75, 10)]


def test_a_system_that_holds_nothing():
    found = Bench(1e-9).search(60, budget_s=100)
    assert found.low is None
    assert answer(found).startswith("sustainable rate below ")


def test_bounds_forget_a_rate_that_held_above_one_that_broke():
    assert bounds([(60, Outcome.HELD), (50, Outcome.BROKE), (40, Outcome.HELD)]) == (40, 50)
    with pytest.raises(ValueError, match="no trial"):
        next_rate(None, None)


def test_the_capacity_of_a_simulated_queue_is_found():
    """One server of 1 s: 60/min. Stability alone decides, so the answer is near it and not far above."""
    seeds = itertools.count(1)

    def run(rate_per_min, count):
        ledger = simulate(next(seeds), count=count, rho=rate_per_min / 60).ledger
        summary = summarise(ledger, concurrency=1, mode=Mode.SUSTAINED, ideal=None)
        found = trend(summary, intervals(ledger, summary, concurrency=1, mode=Mode.SUSTAINED))
        known = {Trend.STABLE: Outcome.HELD, Trend.GROWING: Outcome.BROKE}
        return Trial(rate_per_min, count, known.get(found, Outcome.UNDECIDED))

    ticks = itertools.count()
    found = search(run, first_per_min=40, count=60, budget_s=200, drain_s=0, clock=lambda: next(ticks) * 0.0)
    assert found.low is not None
    assert 42 <= found.low <= 63


def test_a_trial_that_cannot_be_trusted_ends_the_search():
    outcomes = iter([Outcome.HELD, Outcome.INVALID])
    found = search(
        lambda rate, count: Trial(rate, count, next(outcomes)),
        first_per_min=60, count=10, budget_s=1e9, drain_s=1, clock=lambda: 0.0,
    )  # fmt: skip
    assert (found.low, found.high, found.ended) == (60, None, "a trial cannot be trusted")
    assert [trial.outcome for trial in found.trials] == [Outcome.HELD, Outcome.INVALID]
