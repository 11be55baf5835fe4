"""``python -m worker.health``: 0 when this node's worker does its work, else 1 and a line that says why not.

For a container's health check, on the worker's own host or with its WORKER_NODE. A worker is not well when it
has said nothing for a while, or when messages wait, it has a process free, and it takes none. Where the
database or the queue do not answer it cannot be told, and is taken for well: a restart would not help.
"""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Engine, Row, extract, select
from sqlalchemy.exc import SQLAlchemyError

from app.aws import Waits, sqs_client
from app.errors import one_line
from app.model import CLOCK, Worker
from app.settings import Settings
from worker.console import begin, end_by_ctrl_c, give_up
from worker.queue import queue_attributes, queue_url
from worker.settings import WorkerSettings

#: A worker renews its row every two seconds.
SILENT_AFTER_S = 15.0
#: A worker that was idle and has just been sent something is not to blame: it is looked at again.
LOOK_AGAIN_S = 5.0
#: How long messages may wait while a process is free. An outage is no reason: its messages are held.
IDLE_AFTER_S = 60.0
#: Whoever asks gives up after 30 s and takes that for a no: of a queue that is silent it must be told before.
QUEUE_WAITS = Waits(connect_s=2, read_s=4, retry_s=4)


def complaint(row: Row[Any] | None, waiting: int, longest_s: float) -> str | None:
    """What is wrong with a worker, None where nothing is.

    Args:
        row: its report, with its ages in seconds; None where none is fresh.
        waiting: messages that any worker may take.
        longest_s: what a task may last.
    """
    if row is None:
        return f"no worker of this node has reported for {SILENT_AFTER_S:g} s: it hangs, or does not run"
    limit_s = IDLE_AFTER_S if row.running < row.concurrency else longest_s
    if waiting and row.taken_s > limit_s:
        return (
            f"the worker {row.pid} takes nothing: {waiting} messages wait, {row.running} of its "
            f"{row.concurrency} processes are at a task, and it took the last one {row.taken_s:.0f} s ago"
        )
    return None


def look(engine: Engine, settings: Settings, worker: WorkerSettings) -> str | None:
    """The first complaint about this node's workers. Raises SQLAlchemyError, botocore's errors."""
    waiting = _waiting(settings)
    rows: list[Row[Any] | None] = [*_rows(engine, settings, worker)] or [None]
    return next((wrong for row in rows if (wrong := complaint(row, waiting, worker.longest_s))), None)


def _rows(engine: Engine, settings: Settings, worker: WorkerSettings) -> list[Row[Any]]:
    taken_s = extract("epoch", CLOCK - Worker.taken_at).label("taken_s")
    silent_s = extract("epoch", CLOCK - Worker.seen_at)
    query = select(Worker.pid, Worker.running, Worker.concurrency, taken_s).where(
        Worker.host == worker.worker_node,
        Worker.queue == settings.sqs_queue_name,
        Worker.stopped_at.is_(None),
        silent_s < SILENT_AFTER_S,
    )
    with engine.connect() as session:
        return list(session.execute(query))


def _waiting(settings: Settings) -> int:
    client = sqs_client(settings.aws_region, QUEUE_WAITS)
    url = queue_url(client, settings.sqs_queue_name)
    return int(queue_attributes(client, url)["ApproximateNumberOfMessages"])


def main() -> None:
    """Look once.

    Raises:
        SystemExit: 1 where a worker is not well, 2 where the settings make no sense.
    """
    settings, worker, engine = begin("video-worker-health")
    try:
        wrong = look(engine, settings, worker)
        if wrong:
            time.sleep(LOOK_AGAIN_S)
            wrong = look(engine, settings, worker)
    except (SQLAlchemyError, BotoCoreError, ClientError) as error:
        print(f"cannot tell: {one_line(error)}")  # noqa: T201 - its answer
        return
    if wrong:
        give_up(1, wrong)
    print("well")  # noqa: T201 - its answer


if __name__ == "__main__":
    end_by_ctrl_c()
    main()
