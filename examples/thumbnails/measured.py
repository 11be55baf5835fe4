"""The service's worker as it is measured: `celery -A measured worker`. It also reports itself, in a table."""

from __future__ import annotations

import os
from typing import Any

from service import app, said

from perf.deploy.celery_report import report_workers

__all__ = ["app"]

_WRITE = """
insert into perf_workers values (:id, :queue, :node, :pid, :concurrency, :stopped, clock_timestamp())
on conflict (id) do update set stopped = excluded.stopped, seen_at = excluded.seen_at
"""


def write(worker: dict[str, Any]) -> None:
    """Keep what a worker says of itself."""
    said(_WRITE, queue=os.environ["QUEUE"], **worker)


report_workers(write)
