"""``python -m worker [--concurrency N]``: the worker with exactly the options it needs."""

from __future__ import annotations

import argparse
import os
import signal
from typing import Any

from celery.apps.worker import Worker as CeleryWorker
from celery.signals import worker_process_init, worker_ready, worker_shutdown, worker_shutting_down
from celery.worker import state as celery_state

from app.database import make_engine
from app.errors import one_line
from app.settings import Settings, get_settings
from app.storage import StorageError, make_storage
from worker.celery_app import app, configuration
from worker.console import end_by_ctrl_c, give_up
from worker.ending import end_in_time
from worker.heartbeat import Heartbeat
from worker.patience import stopping
from worker.protection import protect_while
from worker.queue import QueueUnavailableError, find_queue
from worker.readiness import Handshake, describe
from worker.resources import get_resources
from worker.scratch import sweep
from worker.settings import WorkerSettings, get_worker_settings
from worker.transcode import arm_parent_death


def main(argv: list[str] | None = None) -> None:
    """Run the worker until it is told to stop.

    Raises:
        SystemExit: 2 where the settings make no sense, 1 without a queue, without a folder to work in, where
            its event loop ended by an error or, as Celery has it, by Ctrl-C, 0 where it was told to stop.
    """
    try:
        settings, worker = get_settings(), get_worker_settings()
        _ = settings.sqlalchemy_url  # else each child would say so, for ever
        # Each child makes its own; this one checks the settings and loads boto3 before the fork.
        make_storage(settings)
    except (ValueError, StorageError) as error:
        give_up(2, f"The worker's settings make no sense: {one_line(error)}")
    concurrency = _parse(argv, worker.worker_concurrency)
    try:
        sweep()
    except OSError as error:
        give_up(1, f"{error.strerror or error}: set TMPDIR to a folder that can be written")
    try:
        queue = find_queue(settings, worker)
    except QueueUnavailableError as error:
        give_up(1, str(error))
    app.conf.update(configuration(settings, worker, queue))
    _connect_signals(settings, worker, app.conf.broker_transport_options["heartbeat"])
    running = _Worker(app=app, **_celery_options(concurrency))
    running.start()
    # Not by app.worker_main, which keeps the code to itself: a worker that broke ended with 0.
    raise SystemExit(1 if running.exitcode is None else running.exitcode)


class _Worker(CeleryWorker):
    """Celery's, for which SIGHUP is SIGTERM.

    Celery would start the program anew, as a script, which ours is not: a terminal that was closed, or a
    supervisor that reloads, ended it by a traceback.
    """

    def install_platform_tweaks(self, worker: Any) -> None:
        """See Celery."""
        super().install_platform_tweaks(worker)
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))


def _parse(argv: list[str] | None, default: int) -> int:
    parser = argparse.ArgumentParser("python -m worker", description=__doc__)
    parser.add_argument(
        "--concurrency", type=int, choices=range(1, 257), metavar="N", default=default,
        help="processes of the pool, 1 to 256 (default: WORKER_CONCURRENCY)",
    )  # fmt: skip
    return int(parser.parse_args(argv).concurrency)


def _celery_options(concurrency: int) -> dict[str, Any]:
    over_sqs_they_never_answer = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    return {
        "pool_cls": "prefork",
        "concurrency": concurrency,
        "loglevel": "INFO",
        **over_sqs_they_never_answer,
    }


def _connect_signals(settings: Settings, worker: WorkerSettings, heartbeat: Heartbeat) -> None:
    main_pid = os.getpid()
    handshakes: list[Handshake] = []

    def begin_child(**_: Any) -> None:
        # A killed worker must not leave children that go on with messages nobody will delete.
        arm_parent_death(main_pid)
        get_resources()
        sweep()  # what a killed one has left, for this one may be in its place

    def begin(sender: Any, **_: Any) -> None:
        settings_used = describe(settings, worker, sender.initial_prefetch_count)
        engine = make_engine(settings, pool_size=1, application="video-worker-handshake")
        size = sender.pool.num_processes
        handshake = Handshake(engine, settings.sqs_queue_name, size, settings_used, activity=_activity)
        handshake.start()
        handshakes.append(handshake)
        protect_while(_is_busy, os.environ)
        end_in_time(worker.worker_stop_timeout_s, heartbeat.release_all)

    def begin_to_end(**_: Any) -> None:
        stopping.say()

    def end(**_: Any) -> None:
        for handshake in handshakes:
            handshake.stop()

    worker_process_init.connect(begin_child, weak=False)
    worker_ready.connect(begin, weak=False)
    worker_shutting_down.connect(begin_to_end, weak=False)
    worker_shutdown.connect(end, weak=False)


def _activity() -> tuple[int, int]:
    return len(celery_state.active_requests), sum(celery_state.total_count.values())


def _is_busy() -> bool:
    """Whether there is a task that was received and has not ended."""
    return bool(celery_state.reserved_requests)


if __name__ == "__main__":
    end_by_ctrl_c()
    main()
