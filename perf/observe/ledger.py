"""Reads the records of a case from the pipeline, once: all that follows is pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from perf.cases.errors import HarnessError
from perf.load.plan import Sent
from perf.observe.seen import TaskRecord
from perf.pipeline import Pipeline, State, TaskRow, answered, is_count


def read_records(pipeline: Pipeline, sent: Sequence[Sent]) -> list[TaskRecord]:
    """A record for every task that was due: its instants here, and what the pipeline knows of it.

    Raises:
        HarnessError: a row of the pipeline's is not as its port has it.
    """
    rows = pipeline.rows([task.task_id for task in sent])
    by_id = isinstance(rows, Mapping) and all(isinstance(each, str) for each in rows)
    answered("rows", rows, by_id, "a perf.pipeline.TaskRow by the task's id, a text")
    for task in sent:
        if wrong := _wrong(rows.get(task.task_id)):
            raise HarnessError(f"the pipeline's rows() says of task {task.task_id}: {wrong}")
    return [_record(task, rows.get(task.task_id)) for task in sent]


def _wrong(row: Any) -> str:
    """What of a row an adapter has got wrong: figures would come of it, or break far from here."""
    if row is None:
        return ""
    if not isinstance(row, TaskRow):
        return f"{row!r}; expected a perf.pipeline.TaskRow"
    for name, fits, expected in _EXPECTED:
        if not fits(value := getattr(row, name)):
            return f"{name} is {value!r}; expected {expected}"
    return ""


def _is_instant(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and math.isfinite(value))


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


#: What of a TaskRow is what; a state is looked at by the check of states.
_EXPECTED = (
    *(
        (name, _is_instant, "Unix seconds, or None where it did not come to that")
        for name in ("uploaded_s", "started_s", "finished_s", "updated_s")
    ),
    *((name, is_count, "a whole number, 0 or more") for name in ("attempts", "deliveries")),
    *((name, _is_text, "a text, or None") for name in ("worker", "error")),
)


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
