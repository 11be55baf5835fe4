"""What the suite asks of the thumbnails, by their table: perf.pipeline.Pipeline, and what a bad day adds."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from celery import Celery
from PIL import Image
from sqlalchemy import Engine, text

from perf.breakable import Fate
from perf.pipeline import ReportedWorker, State, TaskRow

STATES = {"waiting": State.UPLOADED, "making": State.PROCESSING, "made": State.DONE, "failed": State.FAILED}
#: Who works: measured.py writes it.
REPORTS = """
create table perf_workers (
    id text primary key, queue text, node text, pid int, concurrency int, stopped bool, seen_at timestamptz)
"""
#: A bad day: each end of a task, which its row does not count.
NOTE_ENDINGS = """
create table endings (id text not null);
create function note_ending() returns trigger language plpgsql as $$ begin
    insert into endings values (new.id); return null; end $$;
create trigger endings after update of state on thumbnails for each row
    when (new.state in ('made', 'failed')) execute function note_ending();
"""


class Results:
    """See perf.pipeline.Results: the thumbnails on the disk."""

    def __init__(self, of: ThumbnailPipeline) -> None:
        self._of = of

    def sizes(self, task_ids: Sequence[str]) -> Mapping[str, int | None]:
        """Of each thumbnail."""
        paths = {each: self._of.made(each) for each in task_ids}
        return {each: path.stat().st_size if path and path.exists() else None for each, path in paths.items()}

    def fetch(self, task_id: str, target: Path) -> None:
        """A copy."""
        if path := self._of.made(task_id):
            target.write_bytes(path.read_bytes())

    def describe(self, made: Path) -> Mapping[str, str]:
        """Its format and size in pixels."""
        try:
            with Image.open(made) as picture:
                return {"format": str(picture.format), "picture": "{}x{}".format(*picture.size)}
        except OSError as error:
            return {"unreadable": str(error)}


class ThumbnailPipeline:
    """The service on one queue, as the suite knows it."""

    recipe = ""

    def __init__(self, engine: Engine, queue: str, queue_url: str) -> None:
        self.engine = engine
        self.queue, self.queue_url = queue, queue_url
        self.app = Celery(broker="sqs://", set_as_current=False)
        self.app.conf.broker_transport_options = {"predefined_queues": {queue: {"url": queue_url}}}
        self.results = Results(self)

    def ask(self, statement: str, **values: Any) -> list[Any]:
        """Rows."""
        with self.engine.connect() as connection:
            found = connection.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    def clock_s(self) -> float:
        """The database's clock, which stamps the rows."""
        return float(self.ask("select extract(epoch from clock_timestamp())::float8")[0][0])

    def make_tasks(self, clip: str, task_ids: Sequence[str]) -> Mapping[str, str]:
        """As the service's own web tier would: the row, then its message."""
        for each in task_ids:
            self.ask("insert into thumbnails (id, picture) values (:id, :picture)", id=each, picture=clip)
            self.app.send_task("thumbnail", args=[each], queue=self.queue)
        return {}

    def finished(self, task_ids: Sequence[str]) -> tuple[int, int]:
        """By their states."""
        rows = self.ask("select state from thumbnails where id = any(:ids)", ids=task_ids)
        states = [row.state for row in rows]
        return states.count("made"), states.count("failed")

    def rows(self, task_ids: Sequence[str]) -> Mapping[str, TaskRow]:
        """What the table has of each."""
        found = self.ask("select * from thumbnails where id = any(:ids)", ids=task_ids)
        return {row.id: _row(row) for row in found}

    def changed_since(self, since_s: float, ours: Collection[str]) -> tuple[str, ...]:
        """Thumbnails of others."""
        rows = self.ask(
            "select id from thumbnails where greatest(asked_at, begun_at, made_at) >= to_timestamp(:at)",
            at=since_s,
        )
        return tuple(row.id for row in rows if row.id not in ours)

    def workers(self, since_s: float | None = None) -> list[ReportedWorker]:
        """By the reports of measured.py."""
        rows = self.ask(
            "select * from perf_workers where queue = :queue and ("
            "not stopped and seen_at > clock_timestamp() - interval '15 s' "
            "or stopped and seen_at >= to_timestamp(:since))",
            queue=self.queue, since=since_s or 1e11,
        )  # fmt: skip
        return [
            ReportedWorker(row.id, row.node, row.pid, row.concurrency, stopped=row.stopped) for row in rows
        ]

    def sign_off(self, node: str, pid: int) -> None:
        """A worker that was killed."""
        self.ask(
            "update perf_workers set stopped = true where node = :node and pid = :pid", node=node, pid=pid
        )

    def forget(self, task_ids: Sequence[str]) -> None:
        """A message without its row does no harm: see the task."""
        for each in task_ids:
            if path := self.made(each):
                path.unlink(missing_ok=True)
        self.ask("delete from thumbnails where id = any(:ids)", ids=task_ids)

    def bare_command(self, source: Path, target: Path) -> Sequence[str]:
        """What the worker runs."""
        return [sys.executable, str(Path(__file__).with_name("thumbnail.py")), str(source), str(target)]

    def made(self, task_id: str) -> Path | None:
        """Where the thumbnail of a task is to be."""
        rows = self.ask("select picture from thumbnails where id = :id", id=task_id)
        return Path(f"{rows[0].picture}.{task_id}.jpg") if rows else None

    def is_busy(self, node: str) -> bool:
        """A bad day: whether this node is at a task now."""
        return bool(
            self.ask("select from thumbnails where state = 'making' and by like :by limit 1", by=f"{node}/%")
        )

    def fates(self, task_ids: Sequence[str]) -> Mapping[str, Fate]:
        """A bad day: how often each task ended; the queue has no dead-letter queue."""
        ends = [row.id for row in self.ask("select id from endings where id = any(:ids)", ids=task_ids)]
        return {each: Fate(ends.count(each), dead=False) for each in task_ids}


def _row(row: Any) -> TaskRow:
    asked, begun, made = (at and at.timestamp() for at in (row.asked_at, row.begun_at, row.made_at))
    return TaskRow(
        STATES[row.state], asked, begun, made, made or begun or asked, row.tries, row.tries, row.by, row.error
    )
