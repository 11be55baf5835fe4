"""A visibility heartbeat for Celery on SQS: a short timeout, renewed for as long as a worker has the message.

SQS hides a received message for its visibility timeout, and then delivers it again. kombu never renews it: so
the timeout must be longer than the longest task by far, and that long the tasks of a killed worker wait. Here
ReceiveMessage asks for a short timeout of its own, whatever the queue's is, and a thread of the worker's main
process renews it, ten messages in a request, for all that the worker has received and not settled: what runs
in a process of the pool, and what waits for one. When the worker dies nobody renews, and its tasks come back
within the timeout. What comes in an answer that is lost on its way is nobody's to renew either: so the first
timeout, which ReceiveMessage asks for, is shorter still. This file stands alone. To use it::

    app.conf.broker_transport = "heartbeat:Transport"
    app.conf.broker_transport_options = {"heartbeat": Heartbeat(timeout_s=30), "predefined_queues": ...}
    app.conf.task_acks_late = True

- For the prefork pool, whose main process is free to renew while its children work.
- A receipt that SQS does not know any more is dropped, and told: the task runs on, and another delivery may
  come meanwhile. As with any late acknowledgement a task must be able to run twice.
- A message is renewed for *longest_s* at most, AWS's 12 h unless told otherwise: a process that hangs does
  not keep it for ever.
- On a warm shutdown renewals go on until the last task has ended. Whoever is going to be killed before that
  calls `release_all` in time.
- The worker needs the permission sqs:ChangeMessageVisibility.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

from kombu.log import get_logger
from kombu.transport import SQS

logger = get_logger(__name__)

#: AWS's limit, counted from the receipt.
LONGEST_S = 43_200
#: How often within a timeout the messages are looked at. Renewed are those of which half the timeout is over:
#: a request that fails can be tried again twice.
_LOOKS = 6
#: The same within the first timeout.
_FIRST_LOOKS = 4
_BATCH = 10


@dataclass
class Held:
    """A message that this worker has to settle; instants by the clock of its Heartbeat."""

    sqs: Any
    queue_url: str
    receipt_handle: str
    received_s: float
    hidden_until_s: float


class Heartbeat:
    """Keeps messages hidden until they are settled; thread-safe.

    Args:
        timeout_s: how long a message stays hidden when nobody renews that. In whole seconds, as SQS wants it.
        longest_s: how long a message is kept hidden altogether, at most.
        first_s: how long it stays hidden when the answer that brings it is lost; no more than *timeout_s*.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        timeout_s: int,
        longest_s: int = LONGEST_S,
        first_s: int = 10,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.timeout_s = timeout_s
        self.longest_s = min(longest_s, LONGEST_S)
        self.first_s = min(first_s, timeout_s)
        self._look_s = min(self.timeout_s / _LOOKS, self.first_s / _FIRST_LOOKS)
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._released: list[tuple[Held, int]] = []
        self._lock = Lock()
        self._beating = Lock()
        self._due = Event()
        self._thread: Thread | None = None
        self._failing = False

    def start(self) -> None:
        """Begin to renew, in a thread that ends with the process; in the main one, after the pool's fork."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="visibility heartbeat", daemon=True)
            self._thread.start()

    def hold(self, sqs: Any, queue_url: str, receipt_handle: str) -> None:
        """Keep a message hidden that was received just now for *first_s*; *sqs* is a boto3 client."""
        now_s = self._clock()
        held = Held(sqs, queue_url, receipt_handle, now_s, now_s + self.first_s)
        with self._lock:
            self._held[receipt_handle] = held

    def forget(self, receipt_handle: str) -> None:
        """Renew no more: the message is deleted, or somebody else's business."""
        with self._lock:
            self._held.pop(receipt_handle, None)

    def release(self, receipt_handle: str, after_s: int = 0) -> None:
        """Give the message back, to be delivered again after so many seconds.

        In the order of the renewals, so that none undoes it. Where SQS does not hear of it the timeout does
        the same, later.
        """
        with self._lock:
            if held := self._held.pop(receipt_handle, None):
                self._released.append((held, after_s))
        self._due.set()

    def release_all(self) -> int:
        """Give back all there are, at once; how many."""
        with self._lock:
            rest = list(self._held)
        for receipt_handle in rest:
            self.release(receipt_handle)
        return len(rest)

    def beat(self) -> None:
        """Send what is due now; waits for one that is under way in the thread. Raises nothing."""
        with self._beating:
            with self._lock:
                released, self._released = self._released, []
            self._send(released)
            self._send(list(self._renewals()))

    def _run(self) -> None:
        while True:
            self._due.wait(self._look_s)
            self._due.clear()
            self.beat()

    def _renewals(self) -> Iterator[tuple[Held, int]]:
        now_s = self._clock()
        with self._lock:
            held = list(self._held.values())
        for each in held:
            left_s = each.hidden_until_s - now_s
            if left_s > self.timeout_s / 2:
                continue
            renewed_s = min(self.timeout_s, int(each.received_s + self.longest_s - now_s))
            if renewed_s > left_s:
                yield each, renewed_s
            else:
                self._drop(each, f"it was hidden for {self.longest_s} s, which is the most")

    def _send(self, changes: list[tuple[Held, int]]) -> None:
        by_queue: defaultdict[str, list[tuple[Held, int]]] = defaultdict(list)
        for change in changes:
            by_queue[change[0].queue_url].append(change)
        for queue_url, some in by_queue.items():
            for start in range(0, len(some), _BATCH):
                self._change(queue_url, some[start : start + _BATCH])

    def _change(self, queue_url: str, changes: list[tuple[Held, int]]) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": held.receipt_handle, "VisibilityTimeout": seconds}
            for number, (held, seconds) in enumerate(changes)
        ]
        now_s = self._clock()
        try:
            sqs = changes[0][0].sqs
            answer = sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
        except Exception as error:  # whatever it was, it must not end the thread
            self._failed(error)
            return
        refusals = {each.get("Id"): each for each in answer.get("Failed", ())}
        kept = {each.get("Id") for each in answer.get("Successful", ())}
        missed = None
        for entry, (held, seconds) in zip(entries, changes, strict=True):
            refusal = refusals.get(entry["Id"], {"Code": "no answer that makes sense"})
            if entry["Id"] in kept:
                held.hidden_until_s = now_s + seconds
            elif refusal.get("SenderFault"):
                self._drop(held, f"SQS says {refusal.get('Code')} of its receipt")
            else:
                missed = refusal.get("Code")
        if missed is None:
            self._failing = False
        else:
            self._failed(missed)

    def _failed(self, why: object) -> None:
        if not self._failing:
            logger.warning(
                "ChangeMessageVisibilityBatch failed (%r): trying again every %.2g s; what is not "
                "renewed within %d s is delivered again",
                why, self._look_s, self.timeout_s,
            )  # fmt: skip
        self._failing = True

    def _drop(self, held: Held, why: str) -> None:
        with self._lock:
            known = self._held.pop(held.receipt_handle, None)
        if known:  # one that is settled meanwhile is no news
            logger.warning("A message is not renewed any more and may be delivered again: %s", why)


class Channel(SQS.Channel):
    """kombu's channel, which asks for the short timeout and has each message renewed until it is settled."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.heartbeat: Heartbeat = self.transport_options["heartbeat"]

    def _get_from_sqs(
        self, queue_name: str, queue_url: str, connection: Any, count: int = 1, callback: Any = None
    ) -> Any:
        return connection.receive_message(
            queue_name, queue_url, number_messages=count, callback=callback,
            wait_time_seconds=self.wait_time_seconds, visibility_timeout=self.heartbeat.first_s,
        )  # fmt: skip

    def basic_consume(self, *args: Any, **options: Any) -> Any:
        """Consume, and renew what that brings."""
        self.heartbeat.start()
        return super().basic_consume(*args, **options)

    def _message_to_python(self, message: Any, queue_name: str, q_url: str) -> Any:
        self.heartbeat.hold(self.sqs(queue_name), q_url, message["ReceiptHandle"])
        kombu: Any = super()  # the published stubs lack its private methods
        return kombu._message_to_python(message, queue_name, q_url)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete the message, which need not be hidden any more."""
        try:
            super().basic_ack(delivery_tag, multiple)
        finally:
            self.heartbeat.forget(delivery_tag)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Leave the message to kombu, or give it back."""
        if not requeue:
            self.heartbeat.forget(delivery_tag)
        super().basic_reject(delivery_tag, requeue)

    def _restore(self, message: Any, *_: Any) -> None:
        """Give the message back: it was rejected, or the channel is closed."""
        self.heartbeat.release(message.delivery_tag)

    def close(self) -> None:
        """Give back what is unsettled, before the process ends."""
        super().close()
        self.heartbeat.beat()


class Transport(SQS.Transport):
    """kombu's transport with a heartbeat."""

    Channel = Channel
