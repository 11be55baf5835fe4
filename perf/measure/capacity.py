"""The sustainable rate: the highest arrival rate that stays stable and within its SLOs, by bisection. Pure.

A trial is a sustained case at one rate; running it is the caller's. The search keeps the highest rate that
held and the lowest that did not: the answer lies between. It ends when they are near, or when the budget of
time would not cover the next trial, of which the rate tells the length. Halving finds the limit of a rising
cost in the fewest trials (a stochastic one would want repetitions: Waeber, Frazier and Henderson,
"Bisection Search with Noisy Responses", SIAM J. Control Optim. 51 (2013) 2261-2279). So a trial that cannot
decide is neither: it is run again with twice the tasks while the budget lasts, and otherwise the answer
stays as wide as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from perf.measure.numbers import number

#: The search ends when the bounds are within this share of each other.
RESOLUTION = 0.1
#: How far above a measured capacity, and below a rate that failed, the next guess is.
STEP = 1.25


class Outcome(StrEnum):
    """What a trial showed."""

    HELD = "held"
    BROKE = "broke"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Trial:
    """A rate that was tried: tasks per minute, how many tasks, what came of it, and in which words."""

    rate_per_min: float
    count: int
    outcome: Outcome
    why: str = ""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """The answer: ``low`` held, ``high`` did not; None where no such rate was found. Tasks per minute."""

    low: float | None
    high: float | None
    trials: tuple[Trial, ...]
    ended: str

    def __str__(self) -> str:
        if self.low is None:
            below = f"below {number(self.high)}/min" if self.high else "not found"
            return f"sustainable rate {below} ({self.ended})"
        above = f"below {number(self.high)}/min" if self.high else "its limit was not reached"
        return f"sustainable rate {number(self.low)}/min, {above} ({self.ended})"


def search(
    run: Callable[[float, int], Trial],
    *,
    first_per_min: float,
    count: int,
    budget_s: float,
    drain_s: float,
    clock: Callable[[], float],
) -> Capacity:
    """Find the sustainable rate.

    Args:
        run: tries a rate (tasks/min) with so many tasks.
        first_per_min: where to begin, such as a share of the measured capacity.
        count: tasks of a trial; one that is undecided is run again with more.
        budget_s: no trial begins that would not end within it.
        drain_s: what a trial takes beside its injection.
        clock: seconds.
    """
    end_s = clock() + budget_s
    trials: list[Trial] = []
    rate, tasks = first_per_min, count
    while True:
        low, high = bounds(trials)
        if low is not None and high is not None and high <= low * (1 + RESOLUTION):
            return Capacity(low, high, tuple(trials), f"within {100 * RESOLUTION:.0f} %")
        if clock() + 60 * (tasks - 1) / rate + drain_s > end_s:
            return Capacity(low, high, tuple(trials), f"the budget of {number(budget_s)} s is used up")
        trials.append(run(rate, tasks))
        undecided = trials[-1].outcome is Outcome.UNDECIDED
        tasks = 2 * tasks if undecided else count
        rate = rate if undecided else next_rate(*bounds(trials))


def bounds(trials: list[Trial]) -> tuple[float | None, float | None]:
    """The highest rate that held below the lowest that broke, and that one."""
    high = min((t.rate_per_min for t in trials if t.outcome is Outcome.BROKE), default=None)
    held = [t.rate_per_min for t in trials if t.outcome is Outcome.HELD]
    return max((rate for rate in held if high is None or rate < high), default=None), high


def next_rate(low: float | None, high: float | None) -> float:
    """Between the bounds (their geometric mean, since the resolution is relative), or beyond the only one.

    Raises:
        ValueError: there is none yet.
    """
    if low is not None and high is not None:
        return float((low * high) ** 0.5)
    if low is not None:
        return low * STEP
    if high is not None:
        return high / STEP
    raise ValueError("no trial has decided anything yet")
