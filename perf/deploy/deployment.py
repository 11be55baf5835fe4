"""Where a pipeline runs, as a case sees it; for any pipeline with a queue, a fleet and clips of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from perf.breakable import Breakable
from perf.deploy.errors import FixtureError, FleetError
from perf.deploy.fleet import FleetControl, fleet_of
from perf.deploy.placed_clips import Clips
from perf.deploy.queues import Queue, await_empty
from perf.deploy.waiting import Standing, until
from perf.pipeline import (
    NONE,
    Candidate,
    Clip,
    Finding,
    Fleet,
    Monitor,
    Pipeline,
    ReportedWorker,
    WebTier,
    answered,
    is_count,
)

_POLL_S = 0.2


@dataclass(frozen=True)
class Waits:
    """How long what may take.

    Attributes:
        workers_s: the workers, to report a new fleet.
        queue_s: the queue, to be empty.
        still_s: the wrong workers, to change. Longer than a killed one is taken for alive.
    """

    workers_s: float
    queue_s: float
    still_s: float = math.inf


@dataclass
class Deployment:
    """See perf.pipeline.Deployment.

    Attributes:
        pipeline: what runs there.
        queue: its queue.
        control: how its fleet is set.
        clips: where its clips come from.
        waits: how long to wait for what.
        description: what it consists of, for people.
        is_here: whether it is on this machine and the run's alone.
        web: its web tier; None where it has none.
        doctor: looks at all its parts.
        alone: sees to it that this is the only run there.
        sweep: removes the messages of tasks that were given up or never meant to run.
        hold: lets nobody take workers away while a case runs.
        monitor: looks at its parts from outside; None where nobody does.
        sides: opens the same place for another candidate; None where workers cannot be started.
        growing: within its block the fleet grows by its own rules; None where it has none.
        breaking: a place like it that can be struck, made when it is first asked for; None where nothing is
            the suite's to break.
    """

    pipeline: Pipeline
    queue: Queue
    control: FleetControl
    clips: Clips
    waits: Waits
    description: Mapping[str, str]
    is_here: bool
    web: WebTier | None = None
    doctor: Callable[[], Sequence[Finding]] = tuple
    alone: Callable[[], None] = lambda: None
    sweep: Callable[[], None] = lambda: None
    hold: Callable[[], None] = lambda: None
    monitor: Monitor | None = None
    sides: Callable[[Candidate], AbstractContextManager[Deployment]] | None = None
    growing: Callable[[], AbstractContextManager[None]] | None = None
    breaking: Callable[[], Breakable] | None = None
    sleep: Callable[[float], None] = time.sleep
    _abandoned: bool = field(default=False, init=False)
    _known: set[str] = field(default_factory=set, init=False)

    def prepare(self, fleet: Fleet) -> list[ReportedWorker]:
        """Scale the fleet where that is needed, wait for its report and for an empty queue.

        Raises:
            FixtureError: either did not come to be in time.
        """
        self.alone()
        if self._abandoned:
            self.queue.purge()
            self._abandoned = False
        self.sweep()
        # Here the control itself knows what it has started, and sees when a process has died.
        if self.is_here or not self._fits(self._workers(), fleet):
            self.control.scale(fleet)
        workers = self._await(fleet)
        self._outlast_dead_polls(workers)
        await_empty(self.queue, self.waits.queue_s)
        self.hold()
        return workers

    def idle(self) -> None:
        """End all processing, and wait until no worker reports itself; for cases that load the API alone.

        Raises:
            FixtureError: workers are still there in the end.
        """
        self.alone()
        if self.is_here:
            self.control.stop()
        elif self.pipeline.workers():
            self.control.scale(NONE)
        self._await(NONE)

    def clip(self, size_mb: int) -> Clip:
        """See perf.pipeline.Deployment."""
        return self.clips.clip(size_mb)

    def queued(self) -> int:
        """See perf.pipeline.Deployment."""
        depth = self.queue.depth()
        return answered("queue.depth", depth, is_count(depth), "a number of messages")

    def abandon(self) -> None:
        """Give up on tasks that are not finished, so that the next case starts on an idle deployment.

        Workers of our own are ended, and the queue, which is ours alone, is purged before the next
        case. Elsewhere they are taken out one by one (`sweep`): without their rows they do no harm.
        """
        if self.is_here:
            self.control.stop()
            self._abandoned = True

    def look(self) -> Sequence[Finding]:
        """See perf.pipeline.Deployment."""
        return self.doctor()

    def beside(self, candidate: Candidate) -> AbstractContextManager[Deployment]:
        """See perf.pipeline.Deployment.

        Raises:
            FixtureError: workers cannot be started here.
        """
        if self.sides is None:
            raise FixtureError(
                f"the workers of {candidate.name} cannot be started beside those that are here: two versions "
                "are compared where the suite starts the workers itself, so in the mocked and local cases"
            )
        return self.sides(candidate)

    def by_itself(self) -> AbstractContextManager[None]:
        """See perf.pipeline.Elastic.

        Raises:
            FixtureError: nothing makes the fleet grow here.
        """
        if self.growing is None:
            raise FixtureError("nothing makes the fleet of this deployment grow by itself")
        return self.growing()

    def breakable(self) -> Breakable:
        """See perf.breakable.Strikable.

        Raises:
            FixtureError: nothing here is the suite's to break.
        """
        if self.breaking is None:
            raise FixtureError(
                "faults are brought about where the suite starts all parts itself, so in the mocked and "
                "local cases; nothing of this deployment is its to break"
            )
        return self.breaking()

    def close(self) -> None:
        """End the workers that were started here, remove the clips that were placed and messages of ours."""
        with ExitStack() as stack:  # each is tried, also after one that fails
            stack.callback(self.sweep)
            stack.callback(self.clips.remove)
            self.control.stop()

    def _await(self, fleet: Fleet) -> list[ReportedWorker]:
        """The workers, once they report this fleet.

        Raises:
            FleetError: they do not in time, or report another one and stand still at it.
        """
        workers: list[ReportedWorker] = []
        standing, began_s = Standing(self.waits.still_s), time.monotonic()

        def over() -> bool:
            workers[:] = self._workers()
            return self._fits(workers, fleet) or (
                standing.still({each.id for each in workers})
                and bool(workers)  # none at all: they may be on their way
                and self.queue.depth() == 0  # a worker that has been told to end finishes its task
            )

        until(over, self.waits.workers_s, _POLL_S)
        if not self._fits(workers, fleet):
            raise FleetError(_not_there(workers, fleet, time.monotonic() - began_s))
        return workers

    def _workers(self) -> list[ReportedWorker]:
        found = self.pipeline.workers()
        known = isinstance(found, list | tuple) and all(
            isinstance(each, ReportedWorker) and is_count(each.concurrency) for each in found
        )
        return answered("workers", found, known, "a list of perf.pipeline.ReportedWorker")

    def _fits(self, workers: Sequence[ReportedWorker], fleet: Fleet) -> bool:
        """Whether these workers are the fleet.

        Elsewhere a case for which no nodes were asked takes the workers on however many nodes they are.
        """
        if fleet.nodes > 1 or fleet.exact or self.is_here:
            return fleet_of(workers) == fleet
        return sum(worker.concurrency for worker in workers) == fleet.total

    def _outlast_dead_polls(self, workers: Sequence[ReportedWorker]) -> None:
        """A poll that a stopped worker left open may still be given a message: wait until it has ended."""
        ids = {worker.id for worker in workers}
        if ids != self._known:
            self.sleep(max((float(each.settings.get("wait_time_s", 0)) for each in workers), default=0.0))
            self._known = ids


def _not_there(workers: Sequence[ReportedWorker], fleet: Fleet, waited_s: float) -> str:
    seen = ", ".join(f"{each.name}: {each.concurrency}" for each in workers) or "none"
    total = sum(each.concurrency for each in workers)
    return (
        f"the workers were to be {fleet}, together {fleet.total} at a time, but after {waited_s:.0f} s they "
        f"report {total} ({seen}); check that each has started (it then reports itself in the pipeline's "
        "database), and that no other worker reads this queue"
    )
