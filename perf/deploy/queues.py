"""The queue of a deployment as the suite sees it: what it holds, and emptying it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from perf.deploy.errors import FixtureError
from perf.deploy.faults import first_line, reported
from perf.deploy.waiting import until

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

#: SQS counts are approximate: one zero proves nothing, so many in a row are asked for.
ZEROS_IN_A_ROW = 2
_COUNTS = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
}


def held_messages(attributes: Mapping[Any, str]) -> int:
    """Messages waiting, in flight and delayed, by a queue's attributes; approximate, as SQS counts them."""
    return sum(int(value) for name, value in attributes.items() if name in _COUNTS)


class Queue(Protocol):
    """What a deployment asks of its queue."""

    name: str

    def depth(self) -> int:
        """Messages waiting, in flight and delayed; may be approximate."""

    def purge(self) -> None:
        """Remove every message, those in flight included."""


class SqsQueue:
    """A queue of SQS; its URL is asked for when it is first needed."""

    def __init__(self, client: SQSClient, name: str) -> None:
        self.name = name
        self.client = client

    @cached_property
    def url(self) -> str:
        """Where it is.

        Raises:
            FixtureError: there is no such queue, or no answer.
        """
        with reported(f"look up the queue {self.name}"):
            return self.client.get_queue_url(QueueName=self.name)["QueueUrl"]

    def depth(self) -> int:
        """Messages waiting, in flight and delayed, as SQS counts them (approximately)."""
        with reported(f"count the messages of the queue {self.name}"):
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        return held_messages(answer["Attributes"])

    def send(self, bodies: Sequence[str]) -> Mapping[int, str]:
        """Send ten messages at most, in one call; the positions of those that were not sent, and why."""
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(position), "MessageBody": body} for position, body in enumerate(bodies)
        ]
        try:
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        except (BotoCoreError, ClientError, FixtureError) as error:
            return dict.fromkeys(range(len(bodies)), f"not sent: {first_line(error)}")
        return {
            int(failure["Id"]): f"refused by SQS: {failure['Code']} {failure.get('Message', '')}".rstrip()
            for failure in answer.get("Failed", [])
        }

    def purge(self, deadline_s: float = 70.0) -> None:
        """Remove every message, those in flight included; SQS allows that once a minute.

        Raises:
            FixtureError: it was not allowed in time.
        """
        if not until(self._purged, deadline_s, poll_s=1.0):
            raise FixtureError(
                f"tried to purge the queue {self.name}: SQS, which allows it once a minute, still refused "
                f"after {deadline_s:g} s; somebody else purges it too"
            )

    def _purged(self) -> bool:
        with reported(f"purge the queue {self.name}"):
            try:
                self.client.purge_queue(QueueUrl=self.url)
            except self.client.exceptions.PurgeQueueInProgress:
                return False
        return True

    def drain(self) -> None:
        """Remove every message that waits, a batch at a time; as often as one likes, unlike `purge`."""
        with reported(f"drain the queue {self.name}"):
            while batch := self._receive():
                for handle in batch:
                    self.client.delete_message(QueueUrl=self.url, ReceiptHandle=handle)

    def _receive(self) -> list[str]:
        answer = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        return [message["ReceiptHandle"] for message in answer.get("Messages", [])]

    def remove(self, is_ours: Callable[[str], bool], deadline_s: float = 60.0) -> int:
        """Remove the waiting messages whose bodies are ours, and count them.

        Others are received once and visible again at the end: a message that is received too often goes to
        the dead-letter queue.

        Raises:
            FixtureError: SQS refused, or did not answer.
        """
        removed, others, empty = 0, list[str](), 0
        end_s = time.monotonic() + deadline_s
        with reported(f"take our messages out of the queue {self.name}"):
            try:
                while empty < ZEROS_IN_A_ROW and time.monotonic() < end_s:
                    answer = self.client.receive_message(
                        QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1
                    )
                    found = answer.get("Messages", [])
                    ours = [each["ReceiptHandle"] for each in found if is_ours(each["Body"])]
                    others += [each["ReceiptHandle"] for each in found if not is_ours(each["Body"])]
                    empty = 0 if found else empty + 1
                    removed += len(ours)
                    self._delete(ours)
            finally:
                for handle in others:
                    self.client.change_message_visibility(
                        QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=0
                    )
        return removed

    def _delete(self, handles: Sequence[str]) -> None:
        if handles:
            entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles)]
            self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type]


def await_empty(queue: Queue, deadline_s: float, poll_s: float = 0.2) -> None:
    """Wait until the queue is seen empty several times in a row.

    Raises:
        FixtureError: it holds messages to the end. They may be somebody's work, so none is removed.
    """
    held = 0

    def empty() -> bool:
        nonlocal held
        held = next((count for _ in range(ZEROS_IN_A_ROW) if (count := queue.depth())), 0)
        return held == 0

    if not until(empty, deadline_s, poll_s):
        raise FixtureError(
            f"the queue {queue.name} is not empty: {held} message(s) that this run did not send, "
            f"after {deadline_s:g} s; let them finish, or purge the queue"
        )
