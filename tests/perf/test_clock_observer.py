"""The clock is looked at whenever it is sampled: steps, and drift that is none, by a fake clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.worker import Mode
from perf.judge.check import problems
from perf.judge.evidence import Observed, TaskEvidence
from perf.judge.run_checks import RUN_CHECKS
from perf.load.clock import anchor
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.observe import tasks
from perf.observe.tasks import ClockObserver
from tests.perf.tasks import task


@dataclass
class World:
    """A local clock that asking moves on, and the pipeline's, *offset_s* ahead of it and *drift* faster."""

    now_s: float = 1000.0
    offset_s: float = 5e8
    drift: float = 0.0
    there_s: float = 0.001
    back_s: float = 0.001

    def clock(self) -> float:
        return self.now_s

    def clock_s(self) -> float:
        """Of the pipeline this is all that is asked."""
        self.now_s += self.there_s
        answer = self.now_s * (1 + self.drift) + self.offset_s
        self.now_s += self.back_s
        return answer


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(tasks, "anchor", partial(anchor, clock=world.clock))
    return world


def checks_of(observer):
    """What the checks make of what it saw."""
    ledger = Ledger.of([task("a")])
    summary = summarise(ledger, concurrency=1, mode=Mode.BURST, ideal=None)
    found = problems(RUN_CHECKS, TaskEvidence(ledger, summary, observed=Observed(clock=observer.seen)))
    return [problem.check for problem in found]


def sampled(world, samples, every_s=0.2, before=lambda _: None):
    observer = ClockObserver(world)
    observer.begin()
    for number in range(samples):
        world.now_s += every_s
        before(number)
        observer.sample()
    observer.end()
    return observer


def test_a_clock_that_stands_has_not_moved(world):
    seen = sampled(world, 100).seen
    assert (seen.moved_s, seen.drift_s) == (0, 0)
    assert seen.uncertainty_s == pytest.approx(0.001)


def test_a_jump_and_back_between_the_ends_is_seen(world):
    def jump(number):
        world.offset_s += {40: 2, 60: -2}.get(number, 0)

    observer = sampled(world, 100, before=jump)
    assert observer.seen.moved_s == pytest.approx(1.998, abs=1e-4)
    assert checks_of(observer) == ["clock stood"]
    ends = ClockObserver(world)
    ends.begin()
    world.now_s += 20
    ends.end()
    assert ends.seen.moved_s == 0  # which the ends alone would not have shown


@pytest.mark.parametrize("step_s", [2.0, -2.0, 0.2])
def test_a_step_that_stays_is_seen_whichever_way(world, step_s):
    def step(number):
        world.offset_s += step_s if number == 50 else 0

    observer = sampled(world, 100, before=step)
    assert observer.seen.moved_s == pytest.approx(abs(step_s), abs=0.003)
    assert checks_of(observer) == ["clock stood"]


def test_50_ppm_of_drift_over_an_hour_is_no_step_and_widens_the_tolerance(world):
    world.drift = 50e-6
    observer = sampled(world, 3600, every_s=1)
    assert observer.seen.moved_s == 0
    assert observer.seen.drift_s == pytest.approx(0.18, abs=0.005)
    assert checks_of(observer) == []
    ledger = Ledger.of([task("a")])
    summary = summarise(ledger, concurrency=1, mode=Mode.BURST, ideal=None)
    assert TaskEvidence(ledger, summary, observed=Observed(clock=observer.seen)).clock_tolerance_s > 0.18


def test_a_slow_reading_is_no_step(world):
    """The answer comes back late, once; half the round trip says by how much it may be off."""

    def slow(number):
        world.back_s = 3.0 if number == 50 else 0.001

    observer = sampled(world, 100, before=slow)
    assert observer.seen.moved_s == pytest.approx(0)
    assert observer.seen.drift_s == pytest.approx(0)


def test_a_step_within_a_slow_link_s_uncertainty_is_not_claimed(world):
    world.there_s = world.back_s = 0.11  # from a laptop far away

    def step(number):
        world.offset_s += 0.2 if number == 50 else 0

    observer = sampled(world, 100, before=step)
    assert observer.seen.moved_s == 0
    assert observer.seen.uncertainty_s == pytest.approx(0.11)


def test_a_sample_asks_once_and_an_anchor_for_the_quickest_of_many(world):
    asked = []
    observer = ClockObserver(world)
    observer._ask = lambda: asked.append(1) or world.clock_s()
    observer.begin()
    at_begin = len(asked)
    observer.sample()
    assert len(asked) == at_begin + 1
    assert at_begin > 5


def test_one_reading_says_nothing(world):
    observer = ClockObserver(world)
    assert observer.seen is None
    observer.begin()
    assert observer.seen is None
    observer.end()
    assert observer.seen is not None


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30),
    st.integers(0, 29),
    st.floats(-5, 5),
)
def test_no_step_is_claimed_to_be_larger_than_it_was(delays_s, at, step_s):
    """Whatever the ways there and back take."""
    world = World(offset_s=1000.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "anchor", partial(anchor, clock=world.clock))

        def disturb(number):
            world.there_s, world.back_s = delays_s[number]
            world.offset_s += step_s if number == at else 0

        seen = sampled(world, len(delays_s), before=disturb).seen
    assert seen.moved_s <= abs(step_s) + 1e-6
    assert seen.drift_s <= abs(step_s) + 1e-6
