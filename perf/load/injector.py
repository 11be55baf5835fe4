"""Puts tasks straight into the queue at the instants the schedule names.

A dispatcher walks the schedule, which was fixed before the first send, and hands whatever is due, ten
tasks at most, to a few senders. A late send is recorded; it never moves the ones after it, and none
is dropped. How a task is made is the pipeline's own: see perf.pipeline.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import IO

from perf.cases.errors import HarnessError
from perf.load.clock import PipelineClock
from perf.load.plan import Planned, Sent
from perf.pipeline import Pipeline, answered

BATCH = 10  # SendMessageBatch takes no more
SENDERS = 4
#: The first task is due so long after the start, so that it is not late for the start's own sake.
LEAD_S = 0.05


class Injection:
    """One run of the injector, in a thread of its own so that the caller can watch and stop it.

    Args:
        pipeline: where the tasks go.
        clip: the key of what every task processes.
        planned: the schedule.
        clock: the pipeline's.
        log: the file `worker_tasks_*.log`: a line of JSON for each task, as it is sent.
    """

    def __init__(
        self, pipeline: Pipeline, clip: str, planned: Sequence[Planned], clock: PipelineClock, log: Path
    ) -> None:
        self._pipeline = pipeline
        self._clip = clip
        self._planned = planned
        self._clock = clock
        self._log_path = log
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._sent: dict[str, Sent] = {}
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="injector", daemon=True)
        self.started_s = 0.0

    def start(self) -> None:
        """Begin; the first task is due LEAD_S from now."""
        self.started_s = time.monotonic() + LEAD_S
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether tasks are still to be sent."""
        return self._thread.is_alive()

    def stop(self, deadline_s: float = 60.0) -> None:
        """Send nothing more, and wait for the sends under way; safe to call at any time."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(deadline_s)

    def results(self) -> list[Sent]:
        """A record for every planned task, in the schedule's order; the unsent ones say why.

        Raises:
            HarnessError: the injector itself broke.
        """
        if isinstance(self._error, HarnessError):
            raise self._error
        if self._error is not None:
            raise HarnessError(f"the injector broke: {self._error!r}") from self._error
        with self._lock:
            known = dict(self._sent)
        return [
            known.get(task.task_id) or self._unsent(task, "the run was stopped") for task in self._planned
        ]

    def _run(self) -> None:
        try:
            with self._log_path.open("w") as log, ThreadPoolExecutor(SENDERS, "sender") as senders:
                for batch in self._due():
                    senders.submit(self._send, batch, log).add_done_callback(self._note_failure)
        except BaseException as error:  # raised again by results()
            self._error = self._error or error

    def _note_failure(self, future: object) -> None:
        self._error = self._error or future.exception()  # type: ignore[attr-defined]

    def _due(self) -> Iterator[list[Planned]]:
        """Batches of what is due, each at its instant."""
        position = 0
        while position < len(self._planned):
            if self._stop.wait(max(0.0, self._due_s(self._planned[position]) - time.monotonic())):
                return
            end = position + 1
            now = time.monotonic()
            while end < min(position + BATCH, len(self._planned)) and self._due_s(self._planned[end]) <= now:
                end += 1
            yield list(self._planned[position:end])
            position = end

    def _due_s(self, task: Planned) -> float:
        return self.started_s + task.offset_s

    def _send(self, batch: list[Planned], log: IO[str]) -> None:
        if self._stop.is_set():
            return
        sent_s = self._clock.now()
        told = self._pipeline.make_tasks(self._clip, [task.task_id for task in batch])
        known = isinstance(told, Mapping) and all(isinstance(why, str) for why in told.values())
        refused = answered("make_tasks", told, known, "why, by the ids that were not sent, or {}")
        records = [
            self._unsent(task, refused[task.task_id])
            if task.task_id in refused
            else Sent(task.task_id, self._clock.at(self._due_s(task)), sent_s)
            for task in batch
        ]
        with self._lock:
            self._sent |= {record.task_id: record for record in records}
            self._keep(records, log)

    def _keep(self, records: list[Sent], log: IO[str]) -> None:
        try:
            log.writelines(json.dumps(asdict(record)) + "\n" for record in records)
            log.flush()
        except OSError as error:
            raise HarnessError(
                f"{self._log_path} cannot be written ({error.strerror or error}): "
                "make room there, or give --results another folder"
            ) from error

    def _unsent(self, task: Planned, why: str) -> Sent:
        return Sent(task.task_id, self._clock.at(self._due_s(task)), None, why)
