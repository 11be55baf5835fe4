"""A Celery worker that says where it is and how many it is, for a pipeline whose database does not.

In the module of the Celery app, or in one that only the measured workers import:

    report_workers(lambda worker: redis.set(f"worker:{worker['id']}", json.dumps(worker), ex=15))

`celery -A APP worker` then calls it when it is ready, every few seconds, and when it stops. What was written,
the adapter's `workers` reads: `reported` makes a ReportedWorker of it.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from celery import signals

from perf.pipeline import ReportedWorker

EVERY_S = 2.0


def report_workers(write: Callable[[dict[str, Any]], object], every_s: float = EVERY_S) -> None:
    """Have this process report itself, should it become a Celery worker.

    Args:
        write: keeps the report; what it raises is not heard while the worker works.
        every_s: how often. One that was silent for several times as long is to be taken for dead.
    """
    report: dict[str, Any] = {"id": uuid.uuid4().hex, "stopped": False}
    over = threading.Event()

    def set_up(sender: str, instance: Any, **_: object) -> None:
        node = os.environ.get("WORKER_NODE") or sender.partition("@")[2]
        report.update(node=node, pid=os.getpid(), concurrency=instance.concurrency)

    def ready(**_: object) -> None:
        write(report)
        threading.Thread(target=beat, name="report", daemon=True).start()

    def beat() -> None:
        while not over.wait(every_s):
            try:
                write(report)
            except Exception:  # noqa: S112 - the next one may come through; silence is what is noticed
                continue

    def stopped(**_: object) -> None:
        over.set()
        write({**report, "stopped": True})

    signals.celeryd_after_setup.connect(set_up, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutdown.connect(stopped, weak=False)


def reported(said: Mapping[str, Any]) -> ReportedWorker:
    """The worker of a report."""
    return ReportedWorker(**{name: said[name] for name in ("id", "node", "pid", "concurrency", "stopped")})
