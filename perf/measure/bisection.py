"""The search for the highest rate that holds: by bracketing, then by bisection. Pure.

What is tried at a rate, and whether it held, is the caller's. The search keeps the highest rate that held and
the lowest that did not: the answer lies between. Halving finds the limit of a rising cost in the fewest
trials (a stochastic one would want repetitions: Waeber, Frazier and Henderson, "Bisection Search with Noisy
Responses", SIAM J. Control Optim. 51 (2013) 2261-2279). So a trial that cannot decide is neither: it is run
again with twice the tasks while the budget lasts, and otherwise the answer stays as wide as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from perf.measure.numbers import number

#: The search for a sustainable rate ends when the bounds are within this share of each other.
RESOLUTION = 0.1
#: How far above a measured capacity, and below a rate that failed, its next guess is.
STEP = 1.25
#: The search for the knee knows nothing beforehand: it doubles.
KNEE_STEP = 2.0
MOST_STEPS = 16


class Outcome(StrEnum):
    """What a trial showed."""

    HELD = "held"
    BROKE = "broke"
    UNDECIDED = "undecided"
    #: It cannot be trusted, and nor can what would follow: the search ends.
    INVALID = "invalid"


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


def bounds(tried: Iterable[tuple[float, Outcome]]) -> tuple[float | None, float | None]:
    """The highest rate that held below the lowest that broke, and that one."""
    tried = list(tried)
    high = min((rate for rate, outcome in tried if outcome is Outcome.BROKE), default=None)
    held = [rate for rate, outcome in tried if outcome is Outcome.HELD]
    return max((rate for rate in held if high is None or rate < high), default=None), high


def next_rate(low: float | None, high: float | None, step: float = STEP) -> float:
    """Between the bounds (their geometric mean, since the resolution is relative), or beyond the only one.

    Raises:
        ValueError: there is none yet.
    """
    if low is not None and high is not None:
        return float((low * high) ** 0.5)
    if low is not None:
        return low * step
    if high is not None:
        return high / step
    raise ValueError("no trial has decided anything yet")


def next_step(tried: Sequence[tuple[float, Outcome]], first: float, resolution: float) -> float | None:
    """The rate that the search for a knee tries next; None when it has ended.

    Doubled until one breaks, or halved until one holds; then the geometric middle of the two. The search ends
    when the rate that broke / the one that held is at most *resolution*, or after MOST_STEPS.
    """
    low, high = bounds(tried)
    if len(tried) >= MOST_STEPS or (low and high and high / low <= resolution):
        return None
    return next_rate(low, high, KNEE_STEP) if tried else first


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
        low, high = bounds((trial.rate_per_min, trial.outcome) for trial in trials)
        if low is not None and high is not None and high <= low * (1 + RESOLUTION):
            return Capacity(low, high, tuple(trials), f"within {100 * RESOLUTION:.0f} %")
        if clock() + 60 * (tasks - 1) / rate + drain_s > end_s:
            return Capacity(low, high, tuple(trials), f"the budget of {number(budget_s)} s is used up")
        trials.append(run(rate, tasks))
        if trials[-1].outcome is Outcome.INVALID:
            return Capacity(low, high, tuple(trials), "a trial cannot be trusted")
        undecided = trials[-1].outcome is Outcome.UNDECIDED
        tasks = 2 * tasks if undecided else count
        if not undecided:
            rate = next_rate(*bounds((trial.rate_per_min, trial.outcome) for trial in trials))
