"""From cells to conclusions: what concurrency a node should run, and how many nodes a rate needs. Pure.

Three levels of concurrency determine no law of three parameters. Gunther's universal scalability law, X(c)
= c X1 / (1 + a (c - 1) + b c (c - 1)) (Guerrilla Capacity Planning, Springer 2007), would pass through any
three points, so its fit would say nothing, and its peak would lie beyond the data. What can be concluded is
what was measured: the throughput at each level, with its interval, and which of these levels is the least
that reaches the best.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perf.measure.intervals import Interval
from perf.measure.machine import MachineUse
from perf.measure.numbers import number

#: A resource that was busy for so much of the time is the limit.
BUSY = 0.85
MEMORY_LEFT = 0.1
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
    return next(level for level in ordered if _as_good(level, top))


def _as_good(level: Level, top: Level) -> bool:
    if level.throughput_per_min >= top.throughput_per_min * (1 - AS_GOOD):
        return True
    known = level.interval is not None and top.interval is not None
    return known and level.interval.high >= top.interval.low  # type: ignore[union-attr]


def limit(use: MachineUse | None) -> str:
    """Which resource was the limit, by what was measured of it; that none was, or that nothing is known."""
    if use is None:
        return "not known: the workers ran elsewhere; read the CPU, memory and network of their hosts"
    cpu = (use.own_cores + use.other_cores) / use.cpus
    memory = 1 - use.least_memory_mb / use.memory_mb
    figures = (
        f"CPU {100 * cpu:.0f} %, memory {100 * memory:.0f} %, "
        f"busiest disk {100 * use.disk_busy_share:.0f} %, network {number(use.network_mb_per_s)} MB/s"
    )
    if cpu >= BUSY:
        return f"CPU ({figures})"
    if memory >= 1 - MEMORY_LEFT:
        return f"memory ({figures})"
    if use.disk_busy_share >= BUSY:
        return f"storage ({figures})"
    return f"none of this machine's: the workers themselves, or what they wait for ({figures})"


def nodes_for(rate_per_min: float, sustained_per_min: float) -> int:
    """Nodes for an arrival rate, each carrying a rate that was measured with p95 within its SLO."""
    return max(1, math.ceil(rate_per_min / sustained_per_min - 1e-9))


def conclusion(size: str, found: Scaling, rates_per_min: Sequence[float] = (1, 10, 60)) -> Iterator[str]:
    """What can be said of a size, in plain words, and what cannot."""
    for level, efficiency, inflation in zip(found.levels, found.efficiency, found.inflation, strict=True):
        yield (
            f"{size} c={level.concurrency}: X {number(level.throughput_per_min)}/min, efficiency "
            f"{number(efficiency)}, service time x {number(inflation)}; limit: {limit(level.use)}"
        )
    best = found.best
    least = found.levels[0].concurrency
    if len(found.levels) == 1:
        yield f"{size}: one level says nothing about scaling; run more, e.g. --concurrency 1,2,4"
        return
    yield (
        f"{size}: run {best.concurrency} at a time on such a node: no measured level does clearly more "
        f"(measured: {', '.join(str(level.concurrency) for level in found.levels)}; efficiency is against "
        f"c={least}). Levels between or beyond were not measured, and so few determine no scaling law"
    )
    if best.sustained_per_min is None:
        yield f"{size}: nodes: no sustained case at c={best.concurrency} passed, so no number can be given"
        return
    needs = ", ".join(
        f"{number(rate)}/min: {nodes_for(rate, best.sustained_per_min)}" for rate in rates_per_min
    )
    yield (
        f"{size}: nodes for an arrival rate of {needs}; each carries {number(best.sustained_per_min)}/min, "
        "the rate at which its sustained case passed. That nodes do not slow each other (queue, database, "
        "storage) was not measured"
    )
