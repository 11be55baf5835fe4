"""One injection, from the first send to the ledger, and what was seen of it; nothing of it is left."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from perf.cases.case import Variant
from perf.cases.defaults import DEFAULTS
from perf.judge.evidence import Observed
from perf.judge.tasks import Round
from perf.load.clock import PipelineClock
from perf.load.injector import Injection
from perf.load.intent import Intent, intent_path, write_intent
from perf.load.plan import Planned, Sent
from perf.measure.ledger import Ledger
from perf.observe.completion import Progress, await_completion
from perf.observe.ledger import read_records
from perf.observe.observer import observing
from perf.observe.results import look_at_results
from perf.observe.seen import Poll
from perf.observe.tasks import ClockObserver, QueueObserver, WorkersObserver
from perf.pipeline import Clip, Deployment, Pipeline, State, answered
from perf.run.context import Context


class Beside(Protocol):
    """What is done beside an injection, such as strikes."""

    def start(self, started_s: float, clock: PipelineClock) -> None:
        """The first task is due at *started_s*, a reading of `time.monotonic`."""

    def look(self, task_ids: Sequence[str]) -> None:
        """Every task has ended or had its time; none is removed yet."""

    def stop(self) -> None:
        """However the injection ended."""


class Nothing:
    """Nothing is done beside it."""

    def start(self, started_s: float, clock: PipelineClock) -> None:
        """See Beside."""

    def look(self, task_ids: Sequence[str]) -> None:
        """See Beside."""

    def stop(self) -> None:
        """See Beside."""


def outstanding(ledger: Ledger) -> int:
    """Tasks that did not come to an end."""
    return len(ledger.select(State.UPLOADED, State.PROCESSING))


def run_tasks(
    context: Context,
    variant: Variant,
    clip: Clip,
    planned: Sequence[Planned],
    log: Path,
    *,
    beside: Beside | None = None,
) -> Round:
    """Put these tasks through the deployment; they are removed from it again, however that ends."""
    deployment = context.deployment
    with _Removed(deployment, planned, intent_path(log.parent, log.stem)) as removed:
        done = _TaskRun(context, variant, planned, beside or Nothing()).run(clip, log)
        removed.outstanding = outstanding(done.ledger)
    return done


@dataclass
class _TaskRun:
    context: Context
    variant: Variant
    planned: Sequence[Planned]
    beside: Beside = field(default_factory=Nothing)

    def run(self, clip: Clip, log: Path) -> Round:
        """Send the tasks, wait until they are accounted for, read the ledger, while observers look."""
        deployment = self.context.deployment
        pipeline = deployment.pipeline
        clock, workers, queue = ClockObserver(pipeline), WorkersObserver(pipeline), QueueObserver(deployment)
        polls: list[Poll] = []
        with observing(clock, workers, queue):
            begin_s = clock.clock.now()
            sent = self._send(Injection(pipeline, clip.key, self.planned, clock.clock, log), polls, clock)
            ledger = Ledger.of(read_records(pipeline, sent))
            queue.look_after = not outstanding(ledger)
        if queue.look_after:
            # A duplicate at the queue's end is delivered after the last task has finished: it counts too.
            ledger = Ledger.of(read_records(pipeline, sent))
        observed = Observed(
            workers=workers.seen,
            recipe=pipeline.recipe if deployment.is_here else None,
            foreign=_foreign(pipeline, begin_s, ledger),
            results=look_at_results(pipeline, ledger.select(State.DONE).task_id.tolist()),
            queue=queue.seen,
            polls=tuple(polls),
            clock=clock.seen,
        )
        return Round(ledger, observed)

    def _send(self, injection: Injection, polls: list[Poll], clock: ClockObserver) -> list[Sent]:
        try:
            with self.context.listener.phase("inject"):
                injection.start()
                self.beside.start(injection.started_s, clock.clock)
                self._await(injection, polls, clock, lambda: not injection.running)
            with self.context.listener.phase("drain"):
                self._await(injection, polls, clock, lambda: False)
                self.beside.look([task.task_id for task in self.planned])
        finally:
            self.beside.stop()
            injection.stop()
        return injection.results()

    def _await(
        self, injection: Injection, polls: list[Poll], clock: ClockObserver, enough: Callable[[], bool]
    ) -> None:
        def show(progress: Progress) -> None:
            polls.append(Poll(progress.elapsed_s, progress.backlog))
            clock.sample()
            self.context.listener.show(progress)
            self.context.ceiling.check()

        await_completion(
            self.context.deployment.pipeline,
            self.planned,
            injection.started_s,
            show,
            deadline_s=self.context.deadline_s(self.variant),
            poll_s=DEFAULTS[self.variant].poll_s,
            enough=enough,
        )


def _foreign(pipeline: Pipeline, since_s: float, ledger: Ledger) -> tuple[str, ...]:
    found = pipeline.changed_since(since_s, ledger.task_id.tolist())
    ids = isinstance(found, tuple | list) and all(isinstance(each, str) for each in found)
    return tuple(answered("changed_since", found, ids, "the ids of tasks, texts"))


@dataclass
class _Removed:
    """The tasks of a case in the deployment: removed again however the case ends."""

    deployment: Deployment
    planned: Sequence[Planned]
    #: The file that says so while they are there.
    intent: Path
    #: Unknown until the ledger has been read: then an interrupted case leaves the workers busy.
    outstanding: float = math.inf

    def __enter__(self) -> _Removed:
        write_intent(self.intent, Intent(self._ids))
        return self

    def __exit__(self, *_: object) -> None:
        if self.outstanding:
            self.deployment.abandon()
        self.deployment.pipeline.forget(self._ids)
        self.intent.unlink()

    @property
    def _ids(self) -> list[str]:
        return [task.task_id for task in self.planned]
