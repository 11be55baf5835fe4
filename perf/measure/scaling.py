"""From cells to conclusions: what concurrency a node should run, and how many nodes a rate needs. Pure.

Three levels of concurrency determine no law of three parameters. Gunther's universal scalability law, X(c)
= c X1 / (1 + a (c - 1) + b c (c - 1)) (Guerrilla Capacity Planning, Springer 2007), would pass through any
three points, so its fit would say nothing, and its peak would lie beyond the data. What can be concluded is
what was measured: the throughput at each level, with its interval, and which of these levels is the least
that reaches the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from perf.measure.intervals import Interval
from perf.measure.machine import MachineUse

#: A level whose throughput is within this of the best is as good, unless the intervals say more.
AS_GOOD = 0.05


@dataclass(frozen=True, slots=True)
class Level:
    """One concurrency of a size.

    Attributes:
        concurrency: worker processes.
        throughput_per_min: of the burst; its interval beside it.
        service_s: mean service time.
        use: the machine meanwhile, where the workers ran on it.
        sustained_per_min: the highest rate of a sustained case that passed, with p95 within its SLO.
    """

    concurrency: int
    throughput_per_min: float
    interval: Interval | None
    service_s: float
    use: MachineUse | None = None
    sustained_per_min: float | None = None


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a size scales, by level: efficiency X(c) c1 / (c X(c1)) and S(c) / S(c1), c1 the least level."""

    levels: tuple[Level, ...]
    efficiency: tuple[float, ...]
    inflation: tuple[float, ...]
    best: Level


def scaling(levels: Sequence[Level]) -> Scaling:
    """The scaling of at least one level."""
    ordered = tuple(sorted(levels, key=lambda level: level.concurrency))
    first = ordered[0]
    each = first.throughput_per_min / first.concurrency
    return Scaling(
        ordered,
        tuple(level.throughput_per_min / (level.concurrency * each) for level in ordered),
        tuple(level.service_s / first.service_s for level in ordered),
        _least_of_the_best(ordered),
    )


def _least_of_the_best(ordered: Sequence[Level]) -> Level:
    """The smallest concurrency that no other beats by more than AS_GOOD, or by what the data can tell."""
    top = max(ordered, key=lambda level: level.throughput_per_min)
    return next(level for level in ordered if as_good(level, top))


class Measured(Protocol):
    """A throughput, and its interval where there is one."""

    @property
    def throughput_per_min(self) -> float:
        """Of a burst."""

    @property
    def interval(self) -> Interval | None:
        """Of it."""


def as_good(level: Measured, top: Measured) -> bool:
    """Whether it is within AS_GOOD of the top, or the intervals cannot tell them apart."""
    if level.throughput_per_min >= top.throughput_per_min * (1 - AS_GOOD):
        return True
    known = level.interval is not None and top.interval is not None
    return known and level.interval.high >= top.interval.low  # type: ignore[union-attr]


def nodes_for(rate_per_min: float, sustained_per_min: float) -> int:
    """Nodes for an arrival rate, each carrying a rate that was measured with p95 within its SLO."""
    return max(1, math.ceil(rate_per_min / sustained_per_min - 1e-9))
