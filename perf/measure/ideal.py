"""The ideal: what bare ffmpeg does, and what would follow for a case if nothing else cost anything. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from perf.cases.worker import Mode
from perf.measure.rank import nearest_rank
from perf.observe.seen import BareRuns


@dataclass(frozen=True, slots=True)
class Ideal:
    """Bare ffmpeg with the worker's arguments on the same clip, *concurrency* at a time.

    Attributes:
        throughput_per_min: clips per minute, all of them together.
        service_s: how long each run took, sorted.
        concurrency: runs at a time.
        change: median of the runs after the case / of those before it: how the machine's speed changed.
    """

    throughput_per_min: float
    service_s: tuple[float, ...]
    concurrency: int
    change: float = 1.0


def ideal_of(runs: BareRuns) -> Ideal:
    """What bare runs of the command give."""
    return Ideal(60 * len(runs.service_s) / runs.makespan_s, runs.service_s, runs.concurrency)


def merged(first: Ideal, second: Ideal) -> Ideal:
    """Two calibrations of one clip at one concurrency as one, the second made after the first."""
    runs = len(first.service_s), len(second.service_s)
    minutes = runs[0] / first.throughput_per_min + runs[1] / second.throughput_per_min
    service_s = tuple(sorted(first.service_s + second.service_s))
    change = median(second.service_s) / median(first.service_s)
    return Ideal(sum(runs) / minutes, service_s, first.concurrency, change)


def ideal_service_p50_s(ideal: Ideal) -> float:
    """The median of the bare service time."""
    return nearest_rank(ideal.service_s, 50)


def ideal_response_s(ideal: Ideal, mode: Mode, count: int, percent: int) -> float:
    """A percentile of the response time of *count* tasks if bare ffmpeg were all that cost time.

    In a burst all tasks are due at 0 and the k-th of them completes at k/X, so the percentile is that
    of k/X for k = 1..count. Below capacity, evenly spaced tasks do not queue: a sustained task's
    response time is its service time.
    """
    if mode is Mode.SUSTAINED:
        return nearest_rank(ideal.service_s, percent)
    return nearest_rank(range(1, count + 1), percent) * 60 / ideal.throughput_per_min
