"""Whether what was counted of a deployment from outside lets a case be trusted. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from perf.cases.cloudwatch import CREDITS, SURPLUS
from perf.judge.check import Check, Problem
from perf.measure.numbers import number
from perf.observe.seen import CloudSeen, CloudSeries

#: One credit is one processor for one minute: with less, a burstable instance runs at its baseline.
LEAST_CREDITS = 1.0


def _credits_lasted(seen: CloudSeen) -> Iterator[Problem]:
    """No burstable instance ran out of CPU credits, unless it may go on at a charge (unlimited mode)."""
    for series in seen.series:
        if series.metric.name != CREDITS or not series.values or min(series.values) >= LEAST_CREDITS:
            continue
        if not _is_unlimited(seen, series):
            yield Problem(
                f"CPU credits ran out: {series.metric.part} {series.metric.of} was down to "
                f"{number(min(series.values))} during the case, and its processors were held back to their "
                "baseline",
                "let it earn credits again, make them unlimited, or use an instance type without credits",
            )


def _is_unlimited(seen: CloudSeen, series: CloudSeries) -> bool:
    """Whether it spent more than it had: only an unlimited one can."""
    return any(
        each.metric.name == SURPLUS
        and each.metric.dimensions == series.metric.dimensions
        and any(each.values)
        for each in seen.series
    )


CLOUD_CHECKS: tuple[Check[CloudSeen], ...] = (Check("credits lasted", _credits_lasted),)
