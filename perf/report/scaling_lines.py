"""What the cells of a run say together: the conclusion on scaling of each variant and size. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perf.cases.worker import Mode
from perf.judge.verdict import VerdictKind
from perf.measure.machine import MachineUse
from perf.measure.numbers import number
from perf.measure.scaling import Level, Scaling, nodes_for, scaling
from perf.run.worker_result import WorkerResult

#: A resource that was busy for so much of the time is the limit.
BUSY = 0.85
MEMORY_LEFT = 0.1


def scaling_lines(results: Sequence[WorkerResult]) -> Iterator[str]:
    """The conclusions where two levels of concurrency or more on one node were measured, and trusted."""
    alone = [each for each in results if each.case.nodes == 1]
    for variant, size_mb in sorted({(each.case.variant, each.case.size_mb) for each in alone}):
        of_size = [each for each in alone if (each.case.variant, each.case.size_mb) == (variant, size_mb)]
        bursts = [each for each in of_size if each.case.mode is Mode.BURST]
        levels = [_level(burst, of_size) for burst in bursts if burst.verdict.kind is not VerdictKind.INVALID]
        known = [level for level in levels if level is not None]
        if len(known) > 1:
            yield from conclusion(f"{variant} {size_mb}MB", scaling(known))


def _level(burst: WorkerResult, of_size: Sequence[WorkerResult]) -> Level | None:
    x, service_s = burst.summary.throughput_per_min, burst.summary.service_mean_s
    if x is None or service_s is None:
        return None
    interval = burst.intervals.get("throughput_per_min")
    sustained = _sustained_per_min(burst.case.concurrency, of_size)
    return Level(burst.case.concurrency, x, interval, service_s, burst.machine_use, sustained)


def _sustained_per_min(concurrency: int, of_size: Sequence[WorkerResult]) -> float | None:
    """The rate of this level's sustained case, if it passed without a doubt."""
    rates = [
        each.facts.rate_per_min
        for each in of_size
        if each.case.mode is Mode.SUSTAINED
        and each.case.concurrency == concurrency
        and each.verdict.kind is VerdictKind.PASS
        and not each.verdict.borderline
    ]
    return max((rate for rate in rates if rate), default=None)


def conclusion(size: str, found: Scaling, rates_per_min: Sequence[float] = (1, 10, 60)) -> Iterator[str]:
    """What can be said of a size, in plain words, and what cannot."""
    for level, efficiency, inflation in zip(found.levels, found.efficiency, found.inflation, strict=True):
        yield (
            f"{size} c={level.concurrency}: X {number(level.throughput_per_min)}/min, efficiency "
            f"{number(efficiency)}, service time x {number(inflation)}; limit: {bottleneck(level.use)}"
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
        yield (
            f"{size}: nodes: no sustained case at c={best.concurrency} passed without a doubt, so no "
            "number can be given"
        )
        return
    needs = ", ".join(
        f"{number(rate)}/min: {nodes_for(rate, best.sustained_per_min)}" for rate in rates_per_min
    )
    yield (
        f"{size}: nodes for an arrival rate of {needs}; each carries {number(best.sustained_per_min)}/min, "
        "the rate at which its sustained case passed. That nodes do not slow each other (queue, database, "
        "storage) was not measured by these cases: --nodes 1,2,4 does"
    )


def bottleneck(use: MachineUse | None) -> str:
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
