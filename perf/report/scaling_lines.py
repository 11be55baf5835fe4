"""What the cells of a run say together: the conclusion on scaling of each variant and size. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perf.judge.verdict import Kind
from perf.matrix import Mode
from perf.measure.scaling import Level, conclusion, scaling
from perf.run import CaseResult


def scaling_lines(results: Sequence[CaseResult]) -> Iterator[str]:
    """The conclusions where two levels of concurrency or more were measured, and can be trusted."""
    for variant, size_mb in sorted({(each.case.variant, each.case.size_mb) for each in results}):
        of_size = [each for each in results if (each.case.variant, each.case.size_mb) == (variant, size_mb)]
        bursts = [each for each in of_size if each.case.mode is Mode.BURST]
        levels = [_level(burst, of_size) for burst in bursts if burst.verdict.kind is not Kind.INVALID]
        known = [level for level in levels if level is not None]
        if len(known) > 1:
            yield from conclusion(f"{variant} {size_mb}MB", scaling(known))


def _level(burst: CaseResult, of_size: Sequence[CaseResult]) -> Level | None:
    x, service_s = burst.summary.throughput_per_min, burst.summary.service_mean_s
    if x is None or service_s is None:
        return None
    interval = burst.intervals.get("throughput_per_min")
    sustained = _sustained_per_min(burst.case.concurrency, of_size)
    return Level(burst.case.concurrency, x, interval, service_s, burst.machine, sustained)


def _sustained_per_min(concurrency: int, of_size: Sequence[CaseResult]) -> float | None:
    """The rate of this level's sustained case, if it passed without a doubt."""
    rates = [
        each.facts.get("rate_per_min")
        for each in of_size
        if each.case.mode is Mode.SUSTAINED
        and each.case.concurrency == concurrency
        and each.verdict.kind is Kind.PASS
        and not each.verdict.borderline
    ]
    return max((rate for rate in rates if rate), default=None)
