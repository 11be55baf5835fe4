"""`TAMPERED=<name> python -m tests.perf.tampered_worker --concurrency N`: the real worker, one thing changed.

What is changed is one function of TAMPERINGS, applied before the worker starts; its processes inherit it. The
worker reports itself as ever: what it says of its arguments and its concurrency is what an honest one says.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from celery.signals import worker_ready
from celery.worker.state import total_count
from sqlalchemy import Engine, text

from app.settings import Settings
from worker import __main__ as start
from worker import state, tasks, transcode
from worker.heartbeat import Heartbeat
from worker.resources import Resources
from worker.settings import WorkerSettings
from worker.state import Claim

TAMPERED = "TAMPERED"
#: Idle before each claim, in seconds.
IDLE_S = "TAMPERED_IDLE_S"
#: The share of the service that a late `started_at` hides.
HIDDEN = 0.7
#: How long the work takes, where it is to outlast the queue's visibility timeout.
SLOW_S = 1.5
#: How often to look for a process that is between two tasks.
LOOK_S = 0.005


def uploads_the_original() -> None:
    def copy(_: WorkerSettings, source: Path, target: Path) -> None:
        shutil.copyfile(source, target)

    tasks.transcode = copy


def uploads_one_byte() -> None:
    def cut(settings: WorkerSettings, source: Path, target: Path) -> None:
        transcode.transcode(settings, source, target)
        target.write_bytes(b"\0")

    tasks.transcode = cut


def uploads_nothing() -> None:
    def process(own: Resources, claim: Claim) -> str:
        own.storage.upload_from = lambda *_: None  # type: ignore[method-assign]
        return honest(own, claim)

    honest, tasks._process = tasks._process, process


def done_before_the_work() -> None:
    def process(own: Resources, claim: Claim) -> str:
        state.finish(own.engine, claim, own.settings.processed_key(claim.video_id))
        return honest(own, claim)

    honest, tasks._process = tasks._process, process


def started_late() -> None:
    def finish(engine: Engine, claim: Claim, *told: Any) -> bool:
        late = text("""
            update videos set started_at = started_at + :hidden * (clock_timestamp() - started_at)
            where id = :id
        """)
        with engine.connect() as session:
            session.execute(late, {"id": claim.video_id, "hidden": HIDDEN})
        return honest(engine, claim, *told)

    honest, state.finish = state.finish, finish


def _runs_otherwise(change: Callable[[list[str]], list[str]]) -> None:
    def command(settings: WorkerSettings, source: Path, target: Path) -> list[str]:
        args = change(list(settings.ffmpeg_args))
        return honest(settings.model_copy(update={"ffmpeg_args": tuple(args)}), source, target)

    honest, transcode.command = transcode.command, command


def without_the_cut() -> None:
    def uncut(args: list[str]) -> list[str]:
        at = args.index("-t")
        return args[:at] + args[at + 2 :]

    _runs_otherwise(uncut)


def with_another_preset() -> None:
    _runs_otherwise(lambda args: ["ultrafast" if each == "veryfast" else each for each in args])


def works_twice() -> None:
    """Each message is taken for two: two deliveries and two attempts, both counted."""

    def attempt(own: Resources, claim: Claim) -> None:
        tasks._process(own, claim)
        again = text("""
            update videos set deliveries = deliveries + 1, attempts = attempts + 1 where id = :id
        """)
        with own.engine.connect() as session:
            session.execute(again, {"id": claim.video_id})
        honest(own, replace(claim, attempts=claim.attempts + 1))

    honest, tasks._attempt = tasks._attempt, attempt


def one_takes_no_more() -> None:
    """After the first task of each, and those of the warm-up, the pool loses a process and says nothing."""

    def watch(sender: Any, **_: Any) -> None:
        enough = 2 * sender.pool.num_processes

        def lose() -> None:
            if sum(total_count.values()) < enough:
                return
            with suppress(ValueError):  # all are busy: there is a moment between two tasks
                sender.pool.shrink(1)
                timer.cancel()

        timer = sender.hub.call_repeatedly(LOOK_S, lose)

    worker_ready.connect(watch, weak=False)


def one_process_of_two() -> None:
    """The pool is smaller by one than it says."""
    options, handshake = start._celery_options, start.Handshake

    def fewer(concurrency: int) -> dict[str, Any]:
        return options(concurrency - 1)

    def says(engine: Engine, queue: str, concurrency: int, *told: Any, **more: Any) -> start.Handshake:
        return handshake(engine, queue, concurrency + 1, *told, **more)

    start._celery_options, start.Handshake = fewer, says  # type: ignore[misc, assignment]


def idles_before_each_claim() -> None:
    def claim(*args: Any) -> Any:
        time.sleep(float(os.environ[IDLE_S]))
        return honest(*args)

    honest, state.claim = state.claim, claim


def slow() -> None:
    def wait(settings: WorkerSettings, source: Path, target: Path) -> None:
        time.sleep(SLOW_S)
        transcode.transcode(settings, source, target)

    tasks.transcode = wait


def does_not_renew() -> None:
    """As a worker of another version, which says how long the queue hides a message and leaves it at that."""

    def says(settings: Settings, worker: WorkerSettings, prefetch: int) -> dict[str, Any]:
        told = describe(settings, worker, prefetch)
        del told["visibility_renewed_for_s"]
        return told | {"queue_visibility_timeout_s": told["visibility_timeout_s"]}

    describe, start.describe = start.describe, says
    Heartbeat.beat = lambda _: None  # type: ignore[method-assign]
    slow()


def nothing() -> None:
    """The control."""


TAMPERINGS = {
    each.__name__: each
    for each in (
        nothing, uploads_the_original, uploads_one_byte, uploads_nothing, done_before_the_work, started_late,
        without_the_cut, with_another_preset, works_twice, one_takes_no_more, one_process_of_two,
        idles_before_each_claim, slow, does_not_renew,
    )
}  # fmt: skip

if __name__ == "__main__":
    TAMPERINGS[os.environ[TAMPERED]]()
    start.main()
