"""Asks CloudWatch, after a case, what it counted meanwhile. It tells that minutes late.

What is waited for is what is counted at all: a metric without a value in the hour before the case, and during
it, is absent. A while after the end (SETTLED_S) nothing more comes, and what is there is all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from perf.cases.cloudwatch import CloudMetric
from perf.cases.errors import HarnessError
from perf.observe.seen import CloudSeen, CloudSeries, CloudState
from perf.pipeline import Monitor

#: How far back it is looked whether a metric is counted at all.
BEFORE_S = 3600.0
#: So long after the end of its period a value is there, if it comes.
SETTLED_S = 300.0
POLL_S = 15.0


def _silent(_: str) -> None:
    """Nobody is told."""


class CloudObserver:
    """The time of a case, and what was counted in it; asked when `seen` is first looked at.

    Args:
        monitor: who is asked; None = nobody.
        wait_s: how long what is late is waited for.
        note: told what is waited for.
        clock: Unix seconds.
        sleep: waits.
    """

    def __init__(
        self,
        monitor: Monitor | None,
        wait_s: float = 0.0,
        note: Callable[[str], None] = _silent,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monitor = monitor
        self._wait_s = wait_s
        self._note = note
        self._clock = clock
        self._sleep = sleep
        self._span_s: tuple[float, float] | None = None
        self._seen: CloudSeen | None = None

    def begin(self) -> None:
        """From now on."""
        self._begin_s = self._clock()

    def end(self) -> None:
        """Until now. Nothing is asked yet: a case that was interrupted waits for nobody."""
        self._span_s = (self._begin_s, self._clock())

    @property
    def seen(self) -> CloudSeen | None:
        """What was counted; None where nobody is asked."""
        if self._seen is None and self._monitor is not None and self._span_s is not None:
            begin_s, end_s = self._span_s
            empty = CloudSeen(begin_s, end_s, ())
            self._seen = self._fetched(self._monitor, empty, self._monitor.metrics)
        return self._seen

    def completed(self, seen: CloudSeen) -> CloudSeen:
        """The same with what was not there before, as far as it is now."""
        return seen if self._monitor is None else self._fetched(self._monitor, seen, seen.left())

    def _fetched(self, monitor: Monitor, seen: CloudSeen, metrics: Iterable[CloudMetric]) -> CloudSeen:
        found = {each.metric: each for each in seen.series}
        left, until_s = list(metrics), self._clock() + self._wait_s
        while True:
            found |= {metric: self._series(monitor, metric, seen) for metric in left}
            left = [metric for metric in left if found[metric].state is CloudState.LATE]
            rest_s = until_s - self._clock()
            if not left or rest_s <= 0:
                return CloudSeen(seen.begin_s, seen.end_s, tuple(found.values()))
            self._note(f"{len(left)} metric(s) are late, e.g. {left[0].title}; at most {rest_s:.0f} s more")
            self._sleep(min(POLL_S, rest_s))

    def _series(self, monitor: Monitor, metric: CloudMetric, seen: CloudSeen) -> CloudSeries:
        now_s = self._clock()
        try:
            points = monitor.points(metric, seen.begin_s - BEFORE_S, min(now_s, seen.end_s + metric.every_s))
        except HarnessError as error:
            return CloudSeries(metric, CloudState.REFUSED, str(error))
        around = [point for point in points if point[0] > seen.begin_s - metric.every_s]
        is_settled = now_s >= seen.end_s + metric.every_s + SETTLED_S
        is_whole = bool(points) and points[-1][0] + metric.every_s >= seen.end_s
        at_s, values = tuple(at for at, _ in around), tuple(value for _, value in around)
        if points and not (is_whole or is_settled):
            return CloudSeries(metric, CloudState.LATE, "not told to the end of the case", at_s, values)
        if not around:
            since = "the case" if points else f"the {BEFORE_S / 60:g} minutes before the case"
            return CloudSeries(metric, CloudState.ABSENT, f"no value since the beginning of {since}")
        return CloudSeries(metric, CloudState.THERE, "", at_s, values)
