"""Whether a sustained case was stable: would its backlog stay bounded if the arrivals went on? Pure.

That the queue is empty in the end proves nothing: it empties whenever arrivals stop. And a slope fitted to
the backlog, by least squares or by Theil and Sen, proves little: successive levels of a queue depend on
each other the more, the nearer it is to saturation, so that a stable queue at rho = 0.9 climbs for minutes,
and the usual errors of the slope are far too small. What decides is whether work arrives faster than the
servers can do it: the offered utilisation rho = arrival rate * mean time a task keeps a server / servers,
below or above 1 (Loynes 1962; see perf.measure.replay). The servers' times do depend little on each other,
so its interval can be had (perf.measure.intervals); it is measured under the very load, with all that the
pipeline adds; and in an overloaded first-in-first-out queue it holds the same information as the growth of
the waiting times, which rise by (1 - 1/rho) of each service. The growth of the backlog, with its interval,
is reported beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from perf.measure.intervals import Interval
from perf.measure.numbers import number
from perf.measure.summary import Summary


class Trend(StrEnum):
    """What can be said of the backlog, were the arrivals to go on."""

    STABLE = "stable"
    GROWING = "growing"
    #: The interval of rho holds 1: the case is too short, or the load too near the capacity.
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Stability:
    """The trend, and what it follows from.

    Attributes:
        trend: the verdict.
        rho: offered utilisation; None where it is not known.
        rho_interval: with 95 % confidence.
        growth_per_min: the backlog's slope during injection, in tasks per minute.
        growth_interval: the same of it.
    """

    trend: Trend
    rho: float | None = None
    rho_interval: Interval | None = None
    growth_per_min: float | None = None
    growth_interval: Interval | None = None

    def __str__(self) -> str:
        if self.rho is None:
            return f"{self.trend}: the offered utilisation is not known"
        return f"{self.trend}: offered utilisation {number(self.rho)}" + (
            f" ({number(self.rho_interval.low)} to {number(self.rho_interval.high)})"
            if self.rho_interval
            else ", too few tasks for an interval"
        )


def stability(summary: Summary, intervals: Mapping[str, Interval]) -> Stability:
    """The stability of a sustained case, from its metrics and their intervals."""
    rho, interval = summary.offered_utilisation, intervals.get("offered_utilisation")
    return Stability(
        _trend(rho, interval),
        rho,
        interval,
        summary.backlog_growth_per_min,
        intervals.get("backlog_growth_per_min"),
    )


def _trend(rho: float | None, interval: Interval | None) -> Trend:
    if rho is None:
        return Trend.UNKNOWN
    if interval is None:
        return Trend.UNDECIDED
    if interval.low > 1:
        return Trend.GROWING
    return Trend.STABLE if interval.high < 1 else Trend.UNDECIDED
