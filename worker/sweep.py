"""``python -m worker.sweep [--every S]``: videos whose message is gone are sent again, or failed.

To be run every minute or so, by a schedule or by --every. Several at once do no harm, nor does a busy queue.
What lies in the dead-letter queue and is no task of ours, or has no row, is left there for a person.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError

from app.aws import Waits, sqs_client
from app.errors import one_line
from app.queue import EnqueueError, TaskQueue
from worker.console import begin, end_by_ctrl_c, give_up
from worker.dead_letters import SweptQueue
from worker.lost import Fate, Lost

FAULTS = (SQLAlchemyError, BotoCoreError, ClientError, EnqueueError)

#: A message may be late by as many deliveries that ended without a word, each hidden by its worker.
_SILENT_DELIVERIES = 2
_SETTLED = (Fate.SENT, Fate.FAILED, Fate.FINISHED)
#: A silent queue is told soon, and not after four tries of half a minute each.
_WAITS = Waits(connect_s=3, read_s=5, retry_s=5)


def sweep(lost: Lost, queue: SweptQueue) -> Counter[Fate]:
    """One pass: how many videos met which fate. Raises one of FAULTS, after the rows had their turn too."""
    met: Counter[Fate] = Counter()
    try:
        met.update(_dead_letters(lost, queue))
    finally:  # a dead-letter queue that is gone or denied keeps no video waiting that lost its message
        met.update(_lost_rows(lost, queue))
    return met


def _dead_letters(lost: Lost, queue: SweptQueue) -> Iterator[Fate]:
    for letter in queue.dead_letters():
        if letter.video_id is None:
            yield Fate.UNKNOWN
            continue
        fate = lost.settle(letter.video_id, "the queue gave its message up after too many deliveries")
        if fate in _SETTLED:
            queue.remove(letter)
        yield fate


def _lost_rows(lost: Lost, queue: SweptQueue) -> Iterator[Fate]:
    idle_s = lost.worker.worker_resend_after_s
    overtaken_by_s = idle_s + _SILENT_DELIVERIES * lost.worker.worker_visibility_timeout_s
    for video_id in lost.find(queue_is_empty=queue.holds == 0, overtaken_by_s=overtaken_by_s):
        yield lost.settle(video_id, "its message was lost", idle_s)


def main(argv: list[str] | None = None) -> None:
    """Sweep once, or again and again.

    Raises:
        SystemExit: 2 where the settings make no sense, 1 where database or queue do not answer.
    """
    parser = argparse.ArgumentParser("python -m worker.sweep", description=__doc__)
    parser.add_argument(
        "--every", type=float, metavar="S", help="seconds between passes; without it, one pass"
    )
    every_s = parser.parse_args(argv).every
    settings, worker, engine = begin("video-sweep")
    client = sqs_client(settings.aws_region, _WAITS)
    lost = Lost(engine, worker, TaskQueue(settings).enqueue)

    def one_pass() -> None:
        met = sweep(lost, SweptQueue.ask(client, settings.sqs_queue_name))
        told = ", ".join(f"{met[fate]} {fate.name.lower()}" for fate in Fate)
        print(f"videos without a message: {told}", flush=True)  # noqa: T201 - its answer

    _repeat(one_pass, every_s)


def _repeat(one_pass: Callable[[], None], every_s: float | None) -> None:
    while True:
        try:
            one_pass()
        except FAULTS as error:
            failure = f"tried to find videos without a message: {one_line(error)}"
            if every_s is None:
                give_up(1, failure)
            print(failure, flush=True)  # noqa: T201 - the next pass may succeed
        if every_s is None:
            return
        time.sleep(every_s)


if __name__ == "__main__":
    end_by_ctrl_c()
    main()
