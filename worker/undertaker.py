"""Messages that are no task of ours: taken out of the queue at once, and kept for a person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any

from kombu.log import get_logger

from worker.deleter import Deleter
from worker.heartbeat import Heartbeat

logger = get_logger(__name__)

#: How much of a body the log tells: it may be large, or hold what is nobody's business.
_TOLD = 100
#: So many may wait for their move; more come back by themselves, and memory stays bounded.
MOST_WAITING = 100
#: Where there is no dead-letter queue such a message is left in the queue, but seen this seldom.
LEFT_FOR_S = 3600


class Undertaker:
    """Moves messages to the dead-letter queue, in a thread of its own: it is sent there, then deleted.

    What cannot be sent comes back within the visibility timeout and is tried again. Without a dead-letter
    queue a message is left in its queue, where it is hidden for an hour at a time until SQS's retention ends:
    what nobody understands is not for a worker to throw away.

    Args:
        dead_url: the dead-letter queue.
        heartbeat: keeps the messages hidden meanwhile.
        deleter: deletes what was sent.
    """

    def __init__(self, dead_url: str | None, heartbeat: Heartbeat, deleter: Deleter) -> None:
        self._dead_url = dead_url
        self._heartbeat = heartbeat
        self._deleter = deleter
        self._room = BoundedSemaphore(MOST_WAITING)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dead letters")

    def bury(self, sqs: Any, queue_url: str, message: Any, why: str) -> None:
        """Have the message moved soon."""
        if not self._room.acquire(blocking=False):
            return
        self._heartbeat.hold(sqs, queue_url, message["ReceiptHandle"])
        self._thread.submit(self._settle, sqs, queue_url, message, why)

    def close(self) -> None:
        """Wait for the one that is being moved; the others come back."""
        self._thread.shutdown(cancel_futures=True)

    def _settle(self, sqs: Any, queue_url: str, message: Any, why: str) -> None:
        receipt_handle, body = message["ReceiptHandle"], str(message["Body"])
        self._room.release()
        try:
            if self._dead_url is not None:
                attributes = message.get("MessageAttributes", {})
                sent = sqs.send_message(
                    QueueUrl=self._dead_url, MessageBody=body, MessageAttributes=attributes
                )
                sent["MessageId"]
        except Exception as error:  # a future that nobody asks would keep it to itself
            self._heartbeat.forget(receipt_handle)
            _tell(why, f"it could not be moved to the dead-letter queue ({error!r}), so it comes back", body)
            return
        if self._dead_url is None:
            self._heartbeat.release(receipt_handle, LEFT_FOR_S)
            _tell(why, f"there is no dead-letter queue, so it is left for {LEFT_FOR_S} s", body)
        else:
            self._deleter.delete(sqs, queue_url, receipt_handle)
            _tell(why, "moved to the dead-letter queue", body)


def _tell(why: str, what_then: str, body: str) -> None:
    """One line, with the beginning of the body."""
    rest = " ..." if len(body) > _TOLD else ""
    logger.error("A message is no task of ours (%s): %s: %r%s", why, what_then, body[:_TOLD], rest)
