"""A baseline with one more run in it, and what a person is to see of that. Pure.

A run that is like the earlier ones stands beside them, and widens what counts as alike; one that got better
or worse, or that is of something else, takes their place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from perf.judge.baseline import Accepted, Baseline, against
from perf.judge.outcome import Outcome
from perf.measure.estimates import Estimate
from perf.measure.intervals import Interval
from perf.measure.numbers import number

#: More runs than this widen a baseline no further: else one that creeps away would take it along.
MOST_RUNS = 5


def accepted(
    earlier: Baseline | None, alike: Mapping[str, str], estimates: Mapping[str, Estimate], last: str
) -> Baseline:
    """The baseline with one more run: beside the earlier ones while it is like them, else in their place."""
    metrics = {name: Accepted(each.value, each.interval) for name, each in estimates.items() if each.interval}
    alone = Baseline(1, last, dict(alike), metrics)
    if earlier is None:
        return alone
    found = against(earlier, alike, estimates)
    moved = any(each.outcome in (Outcome.BETTER, Outcome.WORSE) for each in found.comparisons)
    if moved or not found.comparisons or set(alone.metrics) != set(earlier.metrics):
        return alone
    return earlier if earlier.runs >= MOST_RUNS else _joined(earlier, alone)


def _joined(earlier: Baseline, later: Baseline) -> Baseline:
    runs = earlier.runs + 1
    metrics = {}
    for name, before in earlier.metrics.items():
        now = later.metrics[name]
        mean = math.exp((earlier.runs * math.log(before.value) + math.log(now.value)) / runs)
        low = min(before.interval.low, now.interval.low)
        metrics[name] = Accepted(mean, Interval(low, max(before.interval.high, now.interval.high)))
    return Baseline(runs, later.last, earlier.alike, metrics)


def changes(before: Baseline | None, after: Baseline) -> str:
    """What a person is to see of an accepted baseline, in one line."""
    figures = ", ".join(_change(before, name, each) for name, each in after.metrics.items())
    if before is None:
        return f"new: {figures}"
    if after.runs == before.runs and after.metrics == before.metrics:
        return f"stays, of {before.runs} runs"
    word = "replaced" if after.runs == 1 else f"run {after.runs} beside {before.runs}"
    return f"{word}: {figures}"


def _change(before: Baseline | None, name: str, after: Accepted) -> str:
    earlier = before.metrics.get(name) if before else None
    if earlier is None:
        return f"{name} {number(after.value)}"
    share = 100 * (after.value / earlier.value - 1)
    return f"{name} {number(earlier.value)} -> {number(after.value)} ({share:+.0f} %)"
