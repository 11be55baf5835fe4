"""Reads the ledger from the database, once: all that follows is pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Engine, Row, select

from app.model import Video
from perf.load.injector import Sent
from perf.measure.ledger import Ledger, State, TaskRecord

_CHUNK = 10_000


def read_ledger(engine: Engine, sent: Sequence[Sent]) -> Ledger:
    """A record for every task that was due: its instants here, and its row in the database."""
    rows = {row.id: row for row in _rows(engine, [task.task_id for task in sent])}
    return Ledger.of(_record(task, rows.get(task.task_id)) for task in sent)


def _rows(engine: Engine, ids: Sequence[str]) -> Iterator[Row[tuple[Video]]]:
    table = Video.__table__
    with engine.connect() as connection:
        for start in range(0, len(ids), _CHUNK):
            yield from connection.execute(select(table).where(table.c.id.in_(ids[start : start + _CHUNK])))


def _record(task: Sent, row: Row[tuple[Video]] | None) -> TaskRecord:
    if task.sent_s is None:
        return TaskRecord(
            task.task_id, task.scheduled_s, None, None, None, None, None, State.UNSENT, error=task.error
        )
    if row is None:
        return TaskRecord(task.task_id, task.scheduled_s, task.sent_s, None, None, None, None, State.MISSING)
    return TaskRecord(
        task_id=task.task_id,
        scheduled_s=task.scheduled_s,
        sent_s=task.sent_s,
        uploaded_s=_unix_s(row.uploaded_at),
        started_s=_unix_s(row.started_at),
        finished_s=_unix_s(row.finished_at),
        updated_s=_unix_s(row.updated_at),
        status=row.status,
        attempts=row.attempts,
        deliveries=row.deliveries,
        worker=row.worker,
        error=row.error,
    )


def _unix_s(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()
