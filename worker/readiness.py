"""The handshake: a worker that consumes says so in the table ``workers``, and that it still lives."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from platform import python_version
from threading import Event, Thread
from typing import Any

from kombu.log import get_logger
from sqlalchemy import Engine, insert, update
from sqlalchemy.exc import SQLAlchemyError

from app.model import CLOCK, Worker, new_id
from app.settings import Settings
from worker.settings import WorkerSettings, get_worker_settings

logger = get_logger(__name__)


@dataclass
class Handshake:
    """One worker's row, kept by a thread; a database that is away is asked again, never an error."""

    engine: Engine
    queue: str
    concurrency: int
    settings: dict[str, Any]
    renew_s: float = 2.0
    #: How many tasks run now, and how many were begun since the start.
    activity: Callable[[], tuple[int, int]] = lambda: (0, 0)
    id: str = field(default_factory=new_id)
    _stopping: Event = field(default_factory=Event, init=False)
    _inserted: bool = field(default=False, init=False)
    _begun: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._thread = Thread(target=self._keep, name="handshake", daemon=True)

    def start(self) -> None:
        """Insert the row as soon as the database answers, then renew ``seen_at``."""
        self._thread.start()

    def stop(self) -> None:
        """Set ``stopped_at``; give up after a few seconds, for the stopping worker's sake."""
        self._stopping.set()
        self._thread.join(timeout=6)

    def _keep(self) -> None:
        away = False
        while True:
            stopping = self._stopping.is_set()
            try:
                self._say(stopping)
                away = False
            except SQLAlchemyError as error:
                if not away:
                    logger.warning("The database did not take the worker's handshake: %s", error)
                away = True
            if stopping:
                return
            self._stopping.wait(self.renew_s)

    def _say(self, stopping: bool) -> None:
        if not self._inserted:
            if not stopping:
                self._insert()
            return
        running, begun = self.activity()
        values = {"stopped_at" if stopping else "seen_at": CLOCK, "running": running}
        if begun != self._begun:
            values["taken_at"] = CLOCK
        with self.engine.begin() as connection:
            connection.execute(update(Worker).where(Worker.id == self.id).values(values))
        self._begun = begun

    def _insert(self) -> None:
        row = {
            "id": self.id,
            "host": get_worker_settings().worker_node,
            "pid": os.getpid(),
            "queue": self.queue,
            "concurrency": self.concurrency,
            "settings": self.settings,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(Worker).values(row))
        self._inserted = True


def describe(settings: Settings, worker: WorkerSettings, prefetch: int) -> dict[str, Any]:
    """What the worker really runs with; no secrets."""
    packages = ("celery", "kombu", "billiard", "pycurl", "boto3", "sqlalchemy")
    return {
        "versions": {"python": python_version()} | {name: version(name) for name in packages},
        "prefetch": prefetch,
        "polling_interval_s": worker.worker_polling_interval_s,
        "wait_time_s": worker.worker_wait_time_s,
        "visibility_timeout_s": worker.worker_visibility_timeout_s,
        "visibility_renewed_for_s": worker.worker_held_at_most_s,
        "max_attempts": worker.worker_max_attempts,
        "bucket": settings.aws_s3_bucket,
        "processed_prefix": settings.s3_processed_prefix,
        "delete_original": settings.s3_delete_original,
        "ffmpeg": str(worker.ffmpeg),
        "ffmpeg_version": _ffmpeg_version(worker),
        "ffmpeg_args": list(worker.ffmpeg_args),
        "ffmpeg_timeout_s": worker.ffmpeg_timeout_s,
    }


def _ffmpeg_version(worker: WorkerSettings) -> str:
    asked = subprocess.run([worker.ffmpeg, "-version"], capture_output=True, timeout=10, check=False)
    return asked.stdout.decode(errors="replace").partition("\n")[0]
