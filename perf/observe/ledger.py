"""Reads the records of a case from the pipeline, once: all that follows is pure."""

from __future__ import annotations

from collections.abc import Sequence

from perf.load.plan import Sent
from perf.observe.seen import TaskRecord
from perf.pipeline import Pipeline, State, TaskRow


def read_records(pipeline: Pipeline, sent: Sequence[Sent]) -> list[TaskRecord]:
    """A record for every task that was due: its instants here, and what the pipeline knows of it."""
    rows = pipeline.rows([task.task_id for task in sent])
    return [_record(task, rows.get(task.task_id)) for task in sent]


def _record(task: Sent, row: TaskRow | None) -> TaskRecord:
    if task.sent_s is None:
        row = TaskRow(State.UNSENT, error=task.error)
    elif row is None:
        row = TaskRow(State.MISSING)
    return TaskRecord(
        task_id=task.task_id,
        scheduled_s=task.scheduled_s,
        sent_s=task.sent_s,
        uploaded_s=row.uploaded_s,
        started_s=row.started_s,
        finished_s=row.finished_s,
        updated_s=row.updated_s,
        status=row.status,
        attempts=row.attempts,
        deliveries=row.deliveries,
        worker=row.worker,
        error=row.error,
    )
