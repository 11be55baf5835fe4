"""What follows from the series that CloudWatch counted around a case. Pure."""

from __future__ import annotations

from perf.cases.cloudwatch import HEALTHY
from perf.observe.seen import CloudSeen, CloudSeries


def instance_healthy_s(seen: CloudSeen) -> float | None:
    """Seconds from the begin of a case until the API had an instance more that was healthy.

    None where none came, or nobody counted them. To a period of the metric, a minute: its statistic is the
    minimum, so an instance that counts was healthy when the period began.
    """
    found = [_grown_s(each, seen.begin_s) for each in seen.series if each.metric.name == HEALTHY]
    return min((at_s - seen.begin_s for at_s in found if at_s is not None), default=None)


def _grown_s(series: CloudSeries, begin_s: float) -> float | None:
    """When the first period began that had more than the one in which the case did."""
    instants = list(zip(series.at_s, series.values, strict=True))
    before = [value for at_s, value in instants if at_s <= begin_s] or list(series.values[:1])
    return next((at_s for at_s, value in instants if at_s > begin_s and value > before[-1]), None)
