"""Puts tasks straight into the queue at the instants the schedule names.

A dispatcher walks the schedule, which was fixed before the first send, and hands whatever is due, ten
tasks at most, to a few senders. A late send is recorded; it never moves the ones after it, and none
is dropped. A sender makes the rows, then sends one SendMessageBatch in Celery's own message format.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Engine, insert, update
from sqlalchemy.exc import SQLAlchemyError

from app.model import CLOCK, Status, Video, new_id
from perf.errors import HarnessError
from perf.load.clock import DatabaseClock
from worker.message import encode_task

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

BATCH = 10  # SendMessageBatch takes no more
SENDERS = 4
#: The first task is due so long after the start, so that it is not late for the start's own sake.
LEAD_S = 0.05


@dataclass(frozen=True, slots=True)
class Planned:
    """A task that is due at an offset from the start."""

    task_id: str
    offset_s: float


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a planned task. Instants are Unix seconds by the database's clock.

    Attributes:
        task_id: the id of the task and of its row.
        scheduled_s: when it was due.
        sent_s: when its send began; None when it was not sent.
        error: why it was not.
    """

    task_id: str
    scheduled_s: float
    sent_s: float | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where tasks go."""

    engine: Engine
    sqs: SQSClient
    queue_url: str
    queue_name: str


def plan(offsets_s: Sequence[float]) -> list[Planned]:
    """An id for each offset."""
    return [Planned(new_id(), float(offset)) for offset in offsets_s]


class Injection:
    """One run of the injector, in a thread of its own so that the caller can watch and stop it.

    Args:
        target: where the tasks go.
        object_key: the clip that every task processes.
        planned: the schedule.
        clock: the database's clock.
        log: the file `worker_tasks_*.log`: a line of JSON for each task, as it is sent.
    """

    def __init__(
        self, target: Target, object_key: str, planned: Sequence[Planned], clock: DatabaseClock, log: Path
    ) -> None:
        self._target = target
        self._object_key = object_key
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
            self._error = error

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
        refused = send_batch(self._target, self._object_key, [task.task_id for task in batch])
        records = [
            self._unsent(task, refused[task.task_id])
            if task.task_id in refused
            else Sent(task.task_id, self._clock.at(self._due_s(task)), sent_s)
            for task in batch
        ]
        with self._lock:
            self._sent |= {record.task_id: record for record in records}
            log.writelines(json.dumps(asdict(record)) + "\n" for record in records)
            log.flush()

    def _unsent(self, task: Planned, why: str) -> Sent:
        return Sent(task.task_id, self._clock.at(self._due_s(task)), None, why)


def send_batch(target: Target, object_key: str, task_ids: Sequence[str]) -> dict[str, str]:
    """Make the rows, then send their messages in one call.

    Returns:
        The ids that were not sent, with the reason. Their rows say so too: none waits for ever.
    """
    rows = [{"id": task_id, "object_key": object_key} for task_id in task_ids]
    try:
        with target.engine.begin() as connection:
            connection.execute(insert(Video), rows)
    except SQLAlchemyError as error:
        return dict.fromkeys(task_ids, f"no row: {error}")
    refused = _send_messages(target, task_ids)
    if refused:
        _mark_unsent(target.engine, refused)
    return refused


def _send_messages(target: Target, task_ids: Sequence[str]) -> dict[str, str]:
    entries = [
        {"Id": str(position), "MessageBody": encode_task(task_id, target.queue_name)}
        for position, task_id in enumerate(task_ids)
    ]
    try:
        answer = target.sqs.send_message_batch(QueueUrl=target.queue_url, Entries=entries)  # type: ignore[arg-type]
    except (BotoCoreError, ClientError) as error:
        return dict.fromkeys(task_ids, f"not sent: {error}")
    return {
        task_ids[int(failure["Id"])]: f"refused by SQS: {failure['Code']} {failure.get('Message', '')}"
        for failure in answer.get("Failed", [])
    }


def _mark_unsent(engine: Engine, refused: dict[str, str]) -> None:
    """Such a task never runs; if its message was accepted after all, the worker finds it failed."""
    with engine.begin() as connection:
        for task_id, why in refused.items():
            connection.execute(
                update(Video)
                .where(Video.id == task_id, Video.status == Status.UPLOADED)
                .values(status=Status.FAILED, error=why, finished_at=CLOCK, updated_at=CLOCK)
            )
