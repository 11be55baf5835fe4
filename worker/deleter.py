"""Deleting the messages of ended tasks, beside the event loop and until it has succeeded."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

from kombu.log import get_logger

from worker.heartbeat import Heartbeat
from worker.patience import pauses

logger = get_logger(__name__)

_BATCH = 10
#: How long a deletion is tried; then the message is delivered again, and its video found finished.
GIVE_UP_AFTER_S = 600.0


@dataclass(frozen=True)
class _Ended:
    receipt_handle: str
    give_up_s: float


class Deleter:
    """Deletes messages in a thread of its own, so that the event loop can poll meanwhile.

    What comes together during one request shares the next. What fails is tried again, with pauses; the
    heartbeat keeps it hidden meanwhile. The interpreter joins the thread as it ends, so a worker that stops
    leaves no message undeleted that can be deleted.

    Args:
        heartbeat: renews the messages until they are deleted.
        wait: waits for so many seconds, or until the worker stops.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        heartbeat: Heartbeat,
        wait: Callable[[float], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heartbeat = heartbeat
        self._closing = Event()
        self._wait = wait or self._closing.wait
        self._clock = clock
        self._waiting: defaultdict[str, deque[_Ended]] = defaultdict(deque)
        self._pauses = pauses()
        self._failures = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="delete")

    def delete(self, sqs: Any, queue_url: str, receipt_handle: str) -> None:
        """Have the message deleted soon."""
        self._waiting[queue_url].append(_Ended(receipt_handle, self._clock() + GIVE_UP_AFTER_S))
        self._thread.submit(self._delete_waiting, sqs, queue_url)

    def close(self) -> None:
        """From now on each deletion is tried once more, without a pause."""
        self._closing.set()

    def _delete_waiting(self, sqs: Any, queue_url: str) -> None:
        waiting = self._waiting[queue_url]
        while batch := [waiting.popleft() for _ in range(min(len(waiting), _BATCH))]:
            again = self._delete(sqs, queue_url, batch)
            waiting.extendleft(reversed(again))
            if again:
                self._wait(next(self._pauses))

    def _delete(self, sqs: Any, queue_url: str, batch: list[_Ended]) -> list[_Ended]:
        """Those that are to be tried again."""
        last_try = self._closing.is_set()
        refused = _refused(sqs, queue_url, [each.receipt_handle for each in batch])
        self._tell(refused)
        again = []
        for number, each in enumerate(batch):
            failed = refused.get(str(number), {"SenderFault": True})  # deleted, if it is not there
            if failed.get("SenderFault") or last_try or self._clock() >= each.give_up_s:
                self._heartbeat.forget(each.receipt_handle)
            else:
                again.append(each)
        return again

    def _tell(self, refused: dict[str, Any]) -> None:
        """A line when a streak of failures begins, and one when it ends."""
        if refused and not self._failures:
            logger.warning(
                "DeleteMessageBatch failed: trying again for %g s, then SQS delivers again: %s",
                GIVE_UP_AFTER_S, next(iter(refused.values())),
            )  # fmt: skip
        elif self._failures and not refused:
            logger.warning("DeleteMessageBatch works again after %d failures", self._failures)
        self._failures = self._failures + 1 if refused else 0
        if not refused:
            self._pauses = pauses()


def _refused(sqs: Any, queue_url: str, handles: list[str]) -> dict[str, Any]:
    """Why each that was not deleted was not, by its place. What is not said to be deleted is not."""
    entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
    try:
        answer = sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
    except Exception as error:  # a future that nobody asks would keep it to itself
        return {entry["Id"]: {"Code": repr(error)} for entry in entries}
    failed = {each.get("Id"): each for each in answer.get("Failed", ())}
    deleted = {each.get("Id") for each in answer.get("Successful", ())}
    return {
        entry["Id"]: failed.get(entry["Id"], {"Code": "no answer that makes sense"})
        for entry in entries
        if entry["Id"] not in deleted
    }
