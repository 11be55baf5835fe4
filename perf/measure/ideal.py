"""The ideal: what bare ffmpeg does, and what would follow for a case if nothing else cost anything. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from perf.matrix import Mode
from perf.measure.rank import nearest_rank


@dataclass(frozen=True, slots=True)
class Ideal:
    """Bare ffmpeg with the worker's arguments on the same clip, *concurrency* at a time.

    Attributes:
        throughput_per_min: clips per minute, all of them together.
        service_s: how long each run took, sorted.
        concurrency: runs at a time.
    """

    throughput_per_min: float
    service_s: tuple[float, ...]
    concurrency: int


def merged(first: Ideal, second: Ideal) -> Ideal:
    """Two calibrations of one clip at one concurrency as one: runs and durations add up."""
    runs = len(first.service_s), len(second.service_s)
    minutes = runs[0] / first.throughput_per_min + runs[1] / second.throughput_per_min
    service_s = tuple(sorted(first.service_s + second.service_s))
    return Ideal(sum(runs) / minutes, service_s, first.concurrency)


def ideal_service_p50_s(ideal: Ideal) -> float:
    """The median of the bare service time."""
    return nearest_rank(ideal.service_s, 50)


def ideal_response_p95_s(ideal: Ideal, mode: Mode, count: int) -> float:
    """The 95th percentile of the response time of *count* tasks if bare ffmpeg were all that cost time.

    In a burst all tasks are due at 0 and the k-th of them completes at k/X, so the percentile is that
    of k/X for k = 1..count. Below capacity, evenly spaced tasks do not queue: a sustained task's
    response time is its service time.
    """
    if mode is Mode.SUSTAINED:
        return nearest_rank(ideal.service_s, 95)
    return nearest_rank(range(1, count + 1), 95) * 60 / ideal.throughput_per_min
