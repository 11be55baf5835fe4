"""One injection, from the first send to the ledger, and what was seen around it; nothing of it is left."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from perf.load.clock import DatabaseClock, anchor_to_database
from perf.load.completion import Progress, watch
from perf.load.injector import Injection, Planned, Target
from perf.measure.collect import read_ledger
from perf.measure.evidence import Surroundings
from perf.measure.laws import Poll
from perf.measure.ledger import Ledger
from perf.measure.surroundings import crew_since, messages_left, strangers_since

if TYPE_CHECKING:
    from fixtures.deployment import Clip, Deployment


class Watcher(Protocol):
    """What the runner tells while it works: phases, and progress within them."""

    def phase(self, name: str) -> AbstractContextManager[None]:
        """A phase begins, and ends with the block."""

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""


@dataclass
class Loaded:
    """What one injection left: its records, and what was seen around it."""

    ledger: Ledger
    around: Surroundings
    clock_uncertainty_s: float


@dataclass(frozen=True)
class Loading:
    """How tasks are put through a deployment.

    Attributes:
        deployment: the system under test.
        watcher: who is told.
        deadline_s: how long the queue may take to drain after the last task was due.
        poll_s: pause between looks at the database.
    """

    deployment: Deployment
    watcher: Watcher
    deadline_s: float
    poll_s: float

    def run(self, clip: Clip, planned: Sequence[Planned], log: Path) -> Loaded:
        """Load the deployment with these tasks, which are removed from it again."""
        with _Tasks(self.deployment, planned) as tasks:
            loaded = self._load(clip, planned, log)
            tasks.outstanding = len(loaded.ledger.select("uploaded", "processing"))
        return loaded

    def _load(self, clip: Clip, planned: Sequence[Planned], log: Path) -> Loaded:
        """Send the tasks, wait until they are accounted for, read the ledger and what was around it."""
        here = self.deployment
        clock, polls = anchor_to_database(here.engine), list[Poll]()
        begin_s = clock.now()
        before = crew_since(here.engine, here.settings.sqs_queue_name, begin_s, begin_s)
        queue_before = messages_left(here.sqs, here.queue_url, here.waits.queue_s)
        target = Target(here.engine, here.sqs, here.queue_url, here.settings.sqs_queue_name)
        injection = Injection(target, clip.key, planned, clock, log)
        try:
            with self.watcher.phase("inject"):
                injection.start()
                self._watch(planned, injection, polls, lambda: not injection.running)
            with self.watcher.phase("drain"):
                self._watch(planned, injection, polls, lambda: False)
        finally:
            injection.stop()
        ledger = read_ledger(here.engine, injection.results())
        around = Surroundings(before=before, queue_before=queue_before, polls=tuple(polls))
        return Loaded(ledger, self._looked_around(around, ledger, clock, begin_s), clock.uncertainty_s)

    def _looked_around(
        self, around: Surroundings, ledger: Ledger, clock: DatabaseClock, begin_s: float
    ) -> Surroundings:
        """What can be seen once the case has ended."""
        here = self.deployment
        again = anchor_to_database(here.engine)
        finished = not len(ledger.select("uploaded", "processing"))
        return replace(
            around,
            after=crew_since(here.engine, here.settings.sqs_queue_name, begin_s, again.now()),
            ffmpeg_args=tuple(here.worker_settings.ffmpeg_args) if here.is_here else None,
            strangers=strangers_since(here.engine, begin_s, ledger.task_id.tolist()),
            queue_after=messages_left(here.sqs, here.queue_url) if here.is_here and finished else None,
            clock_moved_s=_beyond(again.offset_s - clock.offset_s, again.uncertainty_s + clock.uncertainty_s),
        )

    def _watch(
        self,
        planned: Sequence[Planned],
        injection: Injection,
        polls: list[Poll],
        enough: Callable[[], bool],
    ) -> None:
        def show(progress: Progress) -> None:
            polls.append(Poll(progress.elapsed_s, progress.backlog))
            self.watcher.show(progress)

        watch(
            self.deployment.engine,
            planned,
            injection.started_s,
            show,
            deadline_s=self.deadline_s,
            poll_s=self.poll_s,
            enough=enough,
        )


def _beyond(moved_s: float, uncertainty_s: float) -> float:
    """What of a movement of the clock its uncertainty cannot explain."""
    return max(0.0, abs(moved_s) - uncertainty_s)


@dataclass
class _Tasks:
    """The tasks of a case in the deployment: removed again however the case ends."""

    deployment: Deployment
    planned: Sequence[Planned]
    #: Unknown until the ledger has been read: then an interrupted case leaves the workers busy.
    outstanding: float = math.inf

    def __enter__(self) -> _Tasks:
        return self

    def __exit__(self, *_: object) -> None:
        if self.outstanding:
            self.deployment.abandon()
        self.deployment.forget(task.task_id for task in self.planned)
