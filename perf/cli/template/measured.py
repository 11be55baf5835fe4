"""Our worker as it is measured, `celery -A perf_tests.measured worker`: it reports itself, in a table."""

from __future__ import annotations

import os
from typing import Any

from jobs import app  # TODO your Celery app
from sqlalchemy import create_engine, text

from perf.deploy.celery_report import report_workers

__all__ = ["app"]

_WRITE = """
insert into perf_workers values (:id, :queue, :node, :pid, :concurrency, :stopped, clock_timestamp())
on conflict (id) do update set stopped = excluded.stopped, seen_at = excluded.seen_at
"""
_engine = create_engine(os.environ["DATABASE_URL"])


def write(worker: dict[str, Any]) -> None:
    """Keep what a worker says of itself."""
    with _engine.begin() as connection:
        connection.execute(text(_WRITE), {**worker, "queue": os.environ["QUEUE"]})


report_workers(write)
