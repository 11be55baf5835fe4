"""Looks at a deployment while tasks go through it: the workers' reports, the queue, the clock."""

from __future__ import annotations

from itertools import pairwise

from perf.deploy.waiting import until
from perf.load.clock import PipelineClock, anchor
from perf.observe.seen import ClockSeen, QueueSeen, WorkersSeen
from perf.pipeline import Deployment, Pipeline, ReportedWorker

#: How long the workers may take to delete their last messages.
DELETED_WITHIN_S = 3.0
_POLL_S = 0.2


class WorkersObserver:
    """The workers by their own report, as a case begins and as it ends."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._before: dict[str, ReportedWorker] | None = None
        self._after: dict[str, ReportedWorker] | None = None

    def begin(self) -> None:
        """Which are there now."""
        self._since_s = self._pipeline.clock_s()
        self._before = {worker.id: worker for worker in self._pipeline.workers()}

    def end(self) -> None:
        """Which were there at any time since."""
        self._after = {worker.id: worker for worker in self._pipeline.workers(self._since_s)}

    @property
    def seen(self) -> WorkersSeen | None:
        """Both."""
        if self._before is None or self._after is None:
            return None
        return WorkersSeen(self._before, self._after)


class QueueObserver:
    """The messages in the queue before the first task is sent, and once every task has finished.

    Args:
        deployment: whose queue.
        empty_within_s: how long it may hold messages before the case.
    """

    def __init__(self, deployment: Deployment, empty_within_s: float = DELETED_WITHIN_S) -> None:
        self._deployment = deployment
        self._empty_within_s = empty_within_s
        self._before: int | None = None
        self._after: int | None = None
        #: Set to False where tasks are outstanding: their messages are rightly there.
        self.look_after = True

    def begin(self) -> None:
        """What it holds now."""
        self._before = self._left(self._empty_within_s)

    def end(self) -> None:
        """What is left in it."""
        if self.look_after:
            self._after = self._left(DELETED_WITHIN_S)

    @property
    def seen(self) -> QueueSeen | None:
        """Both counts."""
        return None if self._before is None else QueueSeen(self._before, self._after)

    def _left(self, deadline_s: float) -> int:
        """Messages in the queue: waited for until there are none, or time is up."""
        counts: list[int] = []

        def empty() -> bool:
            counts.append(self._deployment.queued())
            return counts[-1] == 0

        until(empty, deadline_s, _POLL_S)
        return counts[-1]


class ClockObserver:
    """The pipeline's clock against this machine's monotonic one: at both ends, and whenever it is sampled.

    A clock that jumps and comes back between the ends is seen by the samples alone. One that drifts, as every
    clock does, moves little from one to the next: that is no step.
    """

    clock: PipelineClock

    def __init__(self, pipeline: Pipeline) -> None:
        self._ask = pipeline.clock_s
        self._readings: list[PipelineClock] = []

    def begin(self) -> None:
        """Anchor to it."""
        self.clock = anchor(self._ask)
        self._readings.append(self.clock)

    def sample(self) -> None:
        """One quick reading."""
        self._readings.append(anchor(self._ask, probes=1))

    def end(self) -> None:
        """Anchor once more."""
        self._readings.append(anchor(self._ask))

    @property
    def seen(self) -> ClockSeen | None:
        """How far it moved; None before there are two readings."""
        if len(self._readings) < 2:
            return None
        first = self._readings[0]
        steps_s = [_beyond(a, b) for a, b in pairwise(self._readings)]
        drift_s = max(_beyond(first, each) for each in self._readings)
        return ClockSeen(max(steps_s), first.uncertainty_s, drift_s)


def _beyond(one: PipelineClock, other: PipelineClock) -> float:
    """By how much two readings differ, beyond what both can be off."""
    return max(0.0, abs(other.offset_s - one.offset_s) - one.uncertainty_s - other.uncertainty_s)
