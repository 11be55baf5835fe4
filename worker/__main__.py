"""``python -m worker [--concurrency N]``: the worker with exactly the options it needs."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, NoReturn

from celery.signals import worker_process_init, worker_ready, worker_shutdown
from kombu.log import get_logger
from pydantic import ValidationError

from app.database import make_engine
from app.settings import Settings, get_settings
from app.storage import StorageError, make_storage
from worker.celery_app import app, configuration
from worker.queue import Queue, QueueUnavailableError, find_queue
from worker.readiness import Handshake, describe
from worker.resources import get_resources
from worker.scratch import sweep
from worker.settings import WorkerSettings, get_worker_settings
from worker.transcode import arm_parent_death

logger = get_logger(__name__)


def main(argv: list[str] | None = None) -> None:
    """Run the worker until it is told to stop.

    Raises:
        SystemExit: 2 where the settings make no sense, 1 without a queue, else Celery's own code.
    """
    try:
        settings, worker = get_settings(), get_worker_settings()
        # Each child makes its own; this one checks the settings and loads boto3 before the fork.
        make_storage(settings)
    except (ValueError, StorageError) as error:
        _give_up(2, f"The worker's settings make no sense: {_one_line(error)}")
    concurrency = _parse(argv, worker.worker_concurrency)
    try:
        queue = find_queue(settings, worker)
    except QueueUnavailableError as error:
        _give_up(1, str(error))
    sweep()
    _connect_signals(settings, worker, queue)
    app.conf.update(configuration(settings, worker, queue.url))
    app.worker_main(_celery_options(concurrency))


def _give_up(code: int, message: str) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201 - logging is not set up yet
    raise SystemExit(code)


def _parse(argv: list[str] | None, default: int) -> int:
    parser = argparse.ArgumentParser("python -m worker", description=__doc__)
    parser.add_argument(
        "--concurrency", type=int, choices=range(1, 257), metavar="N", default=default,
        help="processes of the pool, 1 to 256 (default: WORKER_CONCURRENCY)",
    )  # fmt: skip
    return int(parser.parse_args(argv).concurrency)


def _celery_options(concurrency: int) -> list[str]:
    return [
        "worker",
        "--pool=prefork",
        f"--concurrency={concurrency}",
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        "--loglevel=INFO",
    ]


def _connect_signals(settings: Settings, worker: WorkerSettings, queue: Queue) -> None:
    main_pid = os.getpid()
    handshakes: list[Handshake] = []

    def begin_child(**_: Any) -> None:
        # A killed worker must not leave children that go on with messages nobody will delete.
        arm_parent_death(main_pid)
        get_resources()

    def begin(sender: Any, **_: Any) -> None:
        _warn_of_short_visibility(worker, queue)
        settings_used = describe(worker, sender.initial_prefetch_count, queue.visibility_timeout_s)
        engine = make_engine(settings, pool_size=1, application="video-worker-handshake")
        handshake = Handshake(engine, settings.sqs_queue_name, sender.pool.num_processes, settings_used)
        handshake.start()
        handshakes.append(handshake)

    def end(**_: Any) -> None:
        for handshake in handshakes:
            handshake.stop()

    worker_process_init.connect(begin_child, weak=False)
    worker_ready.connect(begin, weak=False)
    worker_shutdown.connect(end, weak=False)


def _warn_of_short_visibility(worker: WorkerSettings, queue: Queue) -> None:
    if queue.visibility_timeout_s < worker.ffmpeg_timeout_s:
        logger.warning(
            "The queue hides a message for %d s, and ffmpeg may take FFMPEG_TIMEOUT_S=%g: a slow task is "
            "delivered again while it runs; give the queue WORKER_VISIBILITY_TIMEOUT_S=%d",
            queue.visibility_timeout_s, worker.ffmpeg_timeout_s, worker.worker_visibility_timeout_s,
        )  # fmt: skip


def _one_line(error: Exception) -> str:
    """The complaints, each with its variable; pydantic's values stay out, for one may be a secret."""
    if not isinstance(error, ValidationError):
        return str(error)
    complaints = (
        ("".join(map(str, item["loc"])).upper(), item["msg"].removeprefix("Value error, "))
        for item in error.errors()
    )
    return "; ".join(f"{name}: {text}".removeprefix(": ") for name, text in complaints)


if __name__ == "__main__":
    main()
